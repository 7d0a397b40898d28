use super::*;
use crate::sasl::derive::derive;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use zaiseki_model::UserId;

fn keys(salt: &str, hash: Hash) -> ScramKeys {
    derive("pencil", &BASE64.decode(salt).unwrap(), 4096, hash).unwrap()
}

#[test]
fn the_exchange_of_rfc_5802() {
    let first = ClientFirst::parse(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL").unwrap();
    assert_eq!(first.username, "user");
    assert_eq!(first.check_binding(false, None), Ok(vec![]));
    let (challenge, message) = Challenge::new(first, &[], Hash::Sha1, keys("QSXCR+Q6sek8bf92", Hash::Sha1), "3rfcNHYJY1ZVvWVs7j");
    assert_eq!(message, "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
    let last = challenge.verify(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    assert_eq!(last.as_deref(), Ok("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));
}

#[test]
fn the_exchange_of_rfc_7677() {
    let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
    let (challenge, message) = Challenge::new(
        first,
        &[],
        Hash::Sha256,
        keys("W22ZaJ0SNY7soEsUEjb6gQ==", Hash::Sha256),
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    );
    assert_eq!(message, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let last = challenge
        .verify(b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_eq!(last.as_deref(), Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

#[test]
fn a_final_message_that_differs_in_anything_fails() {
    let challenge = || {
        let first = ClientFirst::parse(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL").unwrap();
        Challenge::new(first, &[], Hash::Sha1, keys("QSXCR+Q6sek8bf92", Hash::Sha1), "3rfcNHYJY1ZVvWVs7j").0
    };
    let judge = |text: &str| challenge().verify(text.as_bytes()).unwrap_err();
    let nonce = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
    let proof = "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
    for wrong in [
        format!("c=biws,{nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Tt="),
        format!("c=eSws,{nonce},{proof}"),
        format!("c=biws,r=fyko+d2lbbFgONRv9qkxdawL,{proof}"),
        format!("c=biws,{nonce}x,{proof}"),
        format!("c=biws,{nonce},x=ext,{proof}"),
    ] {
        let expected = match wrong.contains("HI4Tt=") {
            // The last base64 digit carries bits that belong to no byte.
            true => Failure::MalformedRequest,
            false => Failure::NotAuthorized,
        };
        assert_eq!(judge(&wrong), expected, "{wrong}");
    }
    for malformed in [
        String::new(),
        proof.to_owned(),
        format!("c=biws,{nonce}"),
        format!("c=biws,{proof}"),
        format!("{nonce},c=biws,{proof}"),
        format!("c=,{nonce},{proof}"),
        format!("c=b,{nonce},{proof}"),
        format!("c=biws,{nonce},p="),
        format!("c=biws,{nonce},p=v0X8"),
        format!("c=biws,{nonce},m=ext,{proof}"),
        format!("c=biws,{nonce},,{proof}"),
        format!("c=biws,{nonce},{proof},x=y"),
        format!("{},{nonce},{proof}", "c".repeat(MESSAGE_BYTES)),
    ] {
        assert_eq!(judge(&malformed), Failure::MalformedRequest, "{malformed}");
    }
}

#[test]
fn the_first_message_is_read_strictly() {
    let first = ClientFirst::parse(b"p=tls-exporter,a=us=3Der,n=us=2Cer=3D,r=abc,x=ignored").unwrap();
    assert_eq!(first.binding, BindingFlag::Bound("tls-exporter".to_owned()));
    assert_eq!((first.authzid.as_deref(), first.username.as_str()), (Some("us=er"), "us,er="));
    assert_eq!((first.gs2.as_str(), first.bare.as_str()), ("p=tls-exporter,a=us=3Der,", "n=us=2Cer=3D,r=abc,x=ignored"));
    assert_eq!(ClientFirst::parse(b"y,,n=a,r=b").unwrap().binding, BindingFlag::NotOffered);
    for bad in [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=",
        "n,,n=a",
        "n,,n=a,",
        "n,,n=a,r=",
        "n,,r=b,n=a",
        "n,,n=a,r=b ",
        "n,,n=a,r=b\u{e9}",
        "n,,n=a=,r=b",
        "n,,n=a=2c,r=b",
        "n,,n=a=41,r=b",
        "n,a=,n=a,r=b",
        "n,b=x,n=a,r=b",
        "n,x,n=a,r=b",
        "x,,n=a,r=b",
        "N,,n=a,r=b",
        "p,,n=a,r=b",
        "p=,,n=a,r=b",
        "p=a b,,n=a,r=b",
        "n,,m=ext,n=a,r=b",
        "n,,n=a,r=b,m=ext",
        "n,,n=a,r=b,",
        "n,,n=a,r=b,xy",
        "n,,n=a\0,r=b",
        "n,,n=a,r=b,x=",
    ] {
        assert_eq!(ClientFirst::parse(bad.as_bytes()), Err(Failure::MalformedRequest), "{bad:?}");
    }
    assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=b"), Err(Failure::MalformedRequest));
}

#[test]
fn fields_have_a_longest_length() {
    let parses = |name: usize, nonce: usize, extra: usize| {
        let text = format!("n,,n={},r={},x={}", "a".repeat(name), "b".repeat(nonce), "c".repeat(extra));
        ClientFirst::parse(text.as_bytes()).is_ok()
    };
    assert!(parses(NAME_BYTES, NONCE_BYTES, 1));
    assert!(!parses(NAME_BYTES + 1, 1, 1));
    assert!(!parses(1, NONCE_BYTES + 1, 1));
    let rest = "n,,n=a,r=b,x=".len();
    assert!(parses(1, 1, MESSAGE_BYTES - rest));
    assert!(!parses(1, 1, MESSAGE_BYTES - rest + 1));
    let flag = |len: usize| ClientFirst::parse(format!("p={},,n=a,r=b", "x".repeat(len)).as_bytes()).is_ok();
    assert!(flag(BINDING_NAME_BYTES) && !flag(BINDING_NAME_BYTES + 1));
}

#[test]
fn channel_binding_flags_follow_the_table() {
    let tls = TlsInfo { exporter: Some([9; 32]), end_point: Some(vec![8; 32]) };
    let bare = TlsInfo { exporter: None, end_point: None };
    let check = |flag: &str, plus: bool, tls: Option<&TlsInfo>| {
        ClientFirst::parse(format!("{flag},,n=a,r=b").as_bytes()).unwrap().check_binding(plus, tls)
    };
    assert_eq!(check("n", false, Some(&tls)), Ok(vec![]));
    assert_eq!(check("y", false, Some(&tls)), Err(Failure::NotAuthorized));
    assert_eq!(check("y", false, Some(&bare)), Ok(vec![]));
    assert_eq!(check("y", false, None), Ok(vec![]));
    assert_eq!(check("p=tls-exporter", true, Some(&tls)), Ok(vec![9; 32]));
    assert_eq!(check("p=tls-server-end-point", true, Some(&tls)), Ok(vec![8; 32]));
    assert_eq!(check("p=tls-unique", true, Some(&tls)), Err(Failure::NotAuthorized));
    assert_eq!(check("p=tls-exporter", true, Some(&bare)), Err(Failure::NotAuthorized));
    assert_eq!(check("p=tls-exporter", false, Some(&tls)), Err(Failure::MalformedRequest));
    assert_eq!(check("n", true, Some(&tls)), Err(Failure::MalformedRequest));
    assert_eq!(check("y", true, Some(&tls)), Err(Failure::MalformedRequest));
}

#[test]
fn made_up_keys_are_stable_and_look_like_real_ones() {
    let fake = |name: &str, hash, secret: u8| keys_or_fake(None, hash, name, &[secret; 32]);
    let a = fake("nobody", Hash::Sha256, 1);
    assert!(a == fake("nobody", Hash::Sha256, 1));
    assert_eq!((a.salt.len(), a.iterations, a.stored_key.len()), (16, DEFAULT_ITERATIONS, 32));
    assert_eq!(a.salt, fake("nobody", Hash::Sha1, 1).salt, "as real ones, both mechanisms share the salt");
    assert_eq!(fake("nobody", Hash::Sha1, 1).server_key.len(), 20);
    assert_ne!(a.salt, fake("noone", Hash::Sha256, 1).salt);
    assert_ne!(a.salt, fake("nobody", Hash::Sha256, 2).salt);
}

#[test]
fn a_missing_key_borrows_the_salt_of_the_other() {
    let own = derive("pencil", b"0123456789abcdef", 7, Hash::Sha256).unwrap();
    let user =
        Credentials { user: UserId([1; 16]), name: "anna".to_owned(), enabled: true, sha256: Some(own.clone()), sha1: None };
    assert!(keys_or_fake(Some(&user), Hash::Sha256, "anna", &[1; 32]) == own);
    let other = keys_or_fake(Some(&user), Hash::Sha1, "anna", &[1; 32]);
    assert_eq!((&other.salt, other.iterations, other.stored_key.len()), (&own.salt, 7, 20));
}

proptest! {
    #[test]
    fn garbage_is_refused_and_never_panics(data in prop::collection::vec(any::<u8>(), 0..200), text in "[nyp]?,?[a=]{0,3},?[nr=,2C3Dm]{0,30}") {
        let _ = ClientFirst::parse(&data);
        let _ = ClientFirst::parse(text.as_bytes());
        let first = ClientFirst::parse(b"n,,n=user,r=abc").unwrap();
        let challenge = Challenge::new(first, &[], Hash::Sha256, keys_or_fake(None, Hash::Sha256, "user", &[0; 32]), "xyz").0;
        prop_assert!(challenge.verify(&data).is_err());
        prop_assert!(challenge.verify(text.as_bytes()).is_err());
    }

    #[test]
    fn names_survive_escaping(name in "\\PC{1,40}") {
        let escaped = name.replace('=', "=3D").replace(',', "=2C");
        let first = ClientFirst::parse(format!("n,,n={escaped},r=b").as_bytes());
        prop_assert_eq!(first.unwrap().username, name);
    }
}
