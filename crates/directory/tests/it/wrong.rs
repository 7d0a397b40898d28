//! Servers that are not what they should be: bytes of our own.

use crate::support::read_with;
use anyhow::Result;
use std::io::{Read, Write};
use std::net::TcpListener;
use zaiseki_directory::{LdapConfig, Security};
use zaiseki_model::directory::{Sweep, UserSourceError};
use zaiseki_model::limits::LDAP_REFERRALS;

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], &content[..]].concat()
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    der(0x30, &[&[0x02, 1, id], operation])
}

fn done(id: u8, code: u8) -> Vec<u8> {
    message(id, &der(0x65, &[&[0x0a, 1, code, 0x04, 0, 0x04, 0]]))
}

fn entry(id: u8, name: &[u8], values: &[(&str, &[u8])]) -> Vec<u8> {
    let attribute =
        |(name, value): &(&str, &[u8])| der(0x30, &[&der(0x04, &[name.as_bytes()]), &der(0x31, &[&der(0x04, &[value])])]);
    let attributes: Vec<u8> = values.iter().flat_map(attribute).collect();
    message(id, &der(0x64, &[&der(0x04, &[name]), &der(0x30, &[&attributes])]))
}

/// Reads from a server that answers the first search with `answer`, then stays silent with the connection closed.
fn read(answer: Vec<u8>) -> Result<Sweep, UserSourceError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut asked = [0; 4_096];
        assert!(socket.read(&mut asked).unwrap() > 0);
        // The client may hang up in the middle.
        let _ = socket.write_all(&answer);
    });
    let mut config: LdapConfig = serde_json::from_str(r#"{"servers": [], "base": "dc=x"}"#).unwrap();
    config.servers = vec![format!("127.0.0.1:{port}")];
    config.security = Security::None;
    let result = read_with(&config, "", &|_| {});
    server.join().unwrap();
    result
}

/// Reads from a server whose first answer holds `count` references to itself; what it refers to is empty.
fn read_referred(count: usize) -> Result<Sweep, UserSourceError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let end = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ended = end.clone();
    let server = std::thread::spawn(move || {
        let url = format!("ldap://{address}/dc=y");
        let reference = || message(1, &der(0x73, &[&der(0x04, &[url.as_bytes()])]));
        let mut references: Vec<u8> = (0..count).flat_map(|_| reference()).collect();
        while let Ok((mut socket, _)) = listener.accept() {
            if ended.load(std::sync::atomic::Ordering::SeqCst) {
                return;
            }
            assert!(socket.read(&mut [0; 4_096]).unwrap() > 0);
            let _ = socket.write_all(&[std::mem::take(&mut references), done(1, 0)].concat());
        }
    });
    let mut config: LdapConfig = serde_json::from_str(r#"{"servers": [], "base": "dc=x"}"#).unwrap();
    config.servers = vec![address.to_string()];
    config.security = Security::None;
    config.follow_referrals = true;
    let result = read_with(&config, "", &|_| {});
    end.store(true, std::sync::atomic::Ordering::SeqCst);
    drop(std::net::TcpStream::connect(address));
    server.join().unwrap();
    result
}

#[test]
fn referrals_are_followed_up_to_their_limit() {
    assert_eq!(read_referred(LDAP_REFERRALS).unwrap().users.len(), 0);
    let error = read_referred(LDAP_REFERRALS + 1).unwrap_err();
    assert!(matches!(&error, UserSourceError::Incomplete { why, .. } if why.contains("referrals")), "{error}");
}

const WHOLE: &[(&str, &[u8])] = &[("entryUUID", b"k1"), ("uid", b"anna")];

#[test]
fn the_bad_entry_is_skipped_and_named() {
    let answer = [entry(1, b"uid=anna", WHOLE), entry(1, b"uid=ben", &[("uid", b"ben")]), done(1, 0)].concat();
    let sweep = read(answer).unwrap();
    assert_eq!((sweep.users.len(), sweep.users[0].name.as_str()), (1, "anna"));
    assert_eq!((sweep.skipped.len(), sweep.skipped[0].place.as_str()), (1, "uid=ben"));
}

#[test]
fn without_a_good_end_there_is_no_answer() {
    let begun = || entry(1, b"uid=anna", WHOLE);
    for (answer, what) in [
        (begun(), "cut off"),
        ([begun(), done(1, 4)].concat(), "size limit"),
        ([begun(), done(1, 3)].concat(), "time limit"),
        ([begun(), done(1, 52)].concat(), "unavailable"),
        ([begun(), b"HTTP/1.1 400 Bad Request\r\n".to_vec()].concat(), "another protocol"),
        ([begun(), vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]].concat(), "too long"),
        ([begun(), (0..100).fold(Vec::new(), |inner, _| der(0x30, &[&inner]))].concat(), "too deep"),
    ] {
        let error = read(answer).unwrap_err();
        assert!(matches!(error, UserSourceError::Incomplete { .. }), "{what}: {error}");
    }
    assert!(matches!(read([begun(), done(1, 50)].concat()), Err(UserSourceError::Refused { .. })));
}

#[test]
fn messages_of_the_wrong_shape_are_an_error_and_nothing_worse() {
    let damaged = [
        entry(1, b"\xff\xfe", WHOLE),
        message(1, &der(0x64, &[&[0x04, 0]])),
        message(1, &der(0x65, &[])),
        message(1, &der(0x65, &[&[0x02, 1, 0]])),
        message(1, &[0x42, 0]),
        der(0x30, &[]),
        der(0x30, &[&[0x04, 1, 1], &[0x42, 0]]),
        // A paging control whose value is no sequence.
        der(
            0x30,
            &[
                &[0x02, 1, 1],
                &der(0x65, &[&[0x0a, 1, 0, 0x04, 0, 0x04, 0]]),
                &der(0xa0, &[&der(0x30, &[&der(0x04, &[b"1.2.840.113556.1.4.319"]), &der(0x04, &[b"zz"])])]),
            ],
        ),
    ];
    for answer in damaged {
        let shown = format!("{answer:02x?}");
        let error = read(answer).unwrap_err();
        let kind = matches!(error, UserSourceError::Malformed { .. } | UserSourceError::Incomplete { .. });
        assert!(kind, "{shown}: {error}");
    }
}
