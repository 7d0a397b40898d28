//! PLAIN (RFC 4616): the password itself, so only under TLS.

use super::{Failure, NAME_BYTES, PASSWORD_BYTES, Secret};

/// `[authzid] NUL authcid NUL passwd`.
pub struct Message {
    pub authzid: String,
    pub authcid: String,
    pub password: Secret,
}

impl Message {
    /// Exactly two NULs, UTF-8, a name and a password that are not empty: anything else is malformed.
    pub fn parse(data: &[u8]) -> Result<Message, Failure> {
        let text = std::str::from_utf8(data).map_err(|_| Failure::MalformedRequest)?;
        let mut parts = text.split('\0');
        let (Some(authzid), Some(authcid), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::MalformedRequest);
        };
        let fits = authzid.len() <= NAME_BYTES
            && (1..=NAME_BYTES).contains(&authcid.len())
            && (1..=PASSWORD_BYTES).contains(&password.len());
        if !fits {
            return Err(Failure::MalformedRequest);
        }
        Ok(Message { authzid: authzid.to_owned(), authcid: authcid.to_owned(), password: Secret::new(password.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        let m = Message::parse(b"\0tim\0tanstaaftanstaaf").ok().unwrap();
        assert_eq!((&*m.authzid, &*m.authcid, m.password.expose()), ("", "tim", "tanstaaftanstaaf"));
        let m = Message::parse(b"Ursel\0Kurt\0xipj3plmq").ok().unwrap();
        assert_eq!((&*m.authzid, &*m.authcid, m.password.expose()), ("Ursel", "Kurt", "xipj3plmq"));
    }

    #[test]
    fn anything_else_is_malformed() {
        let cases: [&[u8]; 8] =
            [b"", b"tim", b"\0tim", b"\0tim\0", b"\0\0secret", b"\0tim\0secret\0", b"a\0tim\0secret\0x", b"\0tim\0\xff\xfe"];
        for bad in cases {
            assert_eq!(Message::parse(bad).err(), Some(Failure::MalformedRequest), "{bad:?}");
        }
    }

    #[test]
    fn each_part_has_a_longest_length() {
        let message = |z: usize, c: usize, p: usize| {
            let text = format!("{}\0{}\0{}", "z".repeat(z), "c".repeat(c), "p".repeat(p));
            Message::parse(text.as_bytes()).is_ok()
        };
        assert!(message(NAME_BYTES, NAME_BYTES, PASSWORD_BYTES));
        assert!(!message(NAME_BYTES + 1, 1, 1));
        assert!(!message(0, NAME_BYTES + 1, 1));
        assert!(!message(0, 1, PASSWORD_BYTES + 1));
    }
}
