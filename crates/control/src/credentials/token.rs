//! Secrets of 256 random bits for sessions, API tokens and the set-up link. Only their SHA-256 is stored, which is enough
//! for what cannot be guessed.

use crate::error::{ControlError, Result};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// A secret on its way to its holder or back. Never shown, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one, that `prefix` stands before.
    pub fn generate(prefix: &str) -> Result<Token> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ControlError::Random)?;
        Ok(Token(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// As the holder sent it.
    pub fn given(text: impl Into<String>) -> Token {
        Token(text.into())
    }

    /// The text, for its holder only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up.
    pub fn key(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_different_and_not_shown() {
        let (one, two) = (Token::generate("zk_").unwrap(), Token::generate("zk_").unwrap());
        assert_ne!(one, two);
        assert!(one.reveal().len() == 3 + 43 && one.reveal().starts_with("zk_"));
        assert_eq!(format!("{one:?}"), "Token(…)");
        assert_ne!(one.key(), two.key());
    }
}
