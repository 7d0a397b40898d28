//! Servers that are no Unified CM, or a bad one.

use crate::support::{config, crowd, read, source};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use zaiseki_axl::AxlConfig;
use zaiseki_model::directory::{Cause, Sweep, UserSource, UserSourceError};
use zaiseki_model::limits::AXL_ANSWER_BYTES;
use zaiseki_net::tls::{ReloadableCert, ensure_self_signed, server_config};
use zaiseki_testkit::axl::AxlServer;

const ENVELOPE: &str = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>";

fn soap(inside: &str) -> String {
    format!("{ENVELOPE}{inside}</e:Body></e:Envelope>")
}

/// A TLS server that answers every request to `operation` by `script`, one connection after the other.
fn serve(script: impl Fn(&str) -> (u16, String) + Send + 'static) -> AxlConfig {
    let dir = tempfile::tempdir().unwrap();
    let paths = ensure_self_signed(dir.path(), &["127.0.0.1".to_owned()]).unwrap();
    let tls = Arc::new(server_config(ReloadableCert::load(&paths.certificate, &paths.key).unwrap(), &[]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let connection = zaiseki_testkit::axl::accept(&tls, socket);
            let _ = connection.and_then(|stream| answer(stream, &script));
        }
    });
    let ca = std::fs::read_to_string(&paths.ca).unwrap();
    serde_json::from_value(json!({"servers": [address], "username": "axl", "ca": ca, "timeout_secs": 5})).unwrap()
}

fn answer(mut stream: impl Read + Write, script: &impl Fn(&str) -> (u16, String)) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let mut block = [0; 4_096];
    while !String::from_utf8_lossy(&seen).contains("</soapenv:Envelope>") {
        match stream.read(&mut block)? {
            0 => return Ok(()),
            n => seen.extend(&block[..n]),
        }
    }
    let (status, body) = script(&String::from_utf8_lossy(&seen));
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}

async fn of(status: u16, body: &str) -> Result<Sweep, UserSourceError> {
    let body = body.to_owned();
    read(&serve(move |_| (status, body.clone()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_yield_errors() {
    for body in ["", "OK", "<html><body>Welcome</body></html>", "<!DOCTYPE a [<!ENTITY b 'bb'>]><a>&b;</a>", ENVELOPE] {
        assert!(matches!(of(200, body).await, Err(UserSourceError::Malformed { .. })), "{body}");
    }
    assert!(matches!(of(404, "").await, Err(UserSourceError::Refused { .. })));
    assert!(matches!(of(500, "out of order").await, Err(UserSourceError::Malformed { .. })));
    let fault = soap("<e:Fault><faultcode>e:Server</faultcode><faultstring>no such table</faultstring></e:Fault>");
    match of(500, &fault).await {
        Err(UserSourceError::Refused { why, .. }) => assert_eq!(why, "no such table"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_taken_up_to_its_limit() {
    let padded = |bytes: usize| {
        let answer = soap("<n:listUserResponse xmlns:n='x'><return/></n:listUserResponse>");
        format!("{answer}{}", " ".repeat(bytes - answer.len()))
    };
    assert_eq!(of(200, &padded(AXL_ANSWER_BYTES)).await.unwrap().users, []);
    match of(200, &padded(AXL_ANSWER_BYTES + 1)).await {
        Err(UserSourceError::Unreachable(servers)) => {
            assert!(servers[0].cause == Cause::Answer && servers[0].why.contains("longer than"), "{servers:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ignores_where_a_page_begins_is_no_source() {
    let row = |n: u8| {
        let key = format!("{{00000000-0000-0000-0000-0000000000{n:02}}}");
        format!(
            "<user uuid='{key}'><userid>u{n}</userid><homeCluster>t</homeCluster><imAndPresenceEnable>t</imAndPresenceEnable></user>"
        )
    };
    let list = [row(1), row(2)].concat();
    let answer = soap(&format!("<n:listUserResponse xmlns:n='x'><return>{list}</return></n:listUserResponse>"));
    assert!(matches!(of(200, &answer).await, Err(UserSourceError::Incomplete { .. })));
    // The same user again and again would look like a page that goes on.
    let same = soap(&format!("<n:listUserResponse xmlns:n='x'><return>{}</return></n:listUserResponse>", row(1)));
    assert_eq!(of(200, &same).await.unwrap().users.len(), 1);
    let twice = soap(&format!("<n:listUserResponse xmlns:n='x'><return>{}</return></n:listUserResponse>", row(1).repeat(2)));
    let endless = serve(move |request| match request.contains("<skip>0<") {
        true => (200, twice.clone()),
        false => (200, same.clone()),
    });
    let sweep = read(&endless).await.unwrap();
    assert_eq!((sweep.users.len(), sweep.skipped.len()), (1, 1), "one uuid is one user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_gives_no_answer() {
    let server = AxlServer::start(&crowd(50)).unwrap();
    let config = AxlConfig { page_size: 10, timeout_secs: 5, ..config(&server) };
    let dying = std::sync::Mutex::new(Some(server));
    let progress = |read| {
        if read >= 20 {
            drop(dying.lock().unwrap().take());
        }
    };
    assert!(matches!(source(&config).read(&progress).await, Err(UserSourceError::Incomplete { .. })));
}
