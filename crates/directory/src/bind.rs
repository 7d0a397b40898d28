//! Asks a directory whether a password is somebody's (RFC 4513 §5.1.3).

use crate::config::{Address, LdapConfig};
use crate::connect::{self, Link};
use crate::source::caught;
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use zaiseki_model::directory::{Cause, NotReached, UserSourceError};

/// Connection, TLS and bind at one server, so that there is time left to ask another one.
const ATTEMPT: Duration = Duration::from_secs(4);

/// What a server says of a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Right,
    Wrong,
    /// This server cannot tell, as another one might.
    Cannot,
}

/// RFC 4511 §4.1.9 and appendix A.2. Locked, expired and missing entries are as good as a wrong password.
fn word(code: u32) -> Word {
    match code {
        0 => Word::Right,
        // constraintViolation, noSuchObject, invalidDNSyntax, inappropriateAuthentication, invalidCredentials,
        // insufficientAccessRights, unwillingToPerform
        19 | 32 | 34 | 48 | 49 | 50 | 53 => Word::Wrong,
        _ => Word::Cannot,
    }
}

/// The servers of one directory. Each question is a connection of its own: a bind changes whose connection it is.
pub struct Binder {
    config: LdapConfig,
    trust: Option<Arc<ClientConfig>>,
    /// The server that answered last is asked first.
    first: AtomicUsize,
}

impl Binder {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`UserSourceError::Config`] when the certificate authorities cannot be read.
    pub fn new(config: &LdapConfig) -> Result<Binder, UserSourceError> {
        Ok(Binder { config: config.clone(), trust: connect::trust(config)?, first: AtomicUsize::new(0) })
    }

    /// Whether the password is that of the entry. Servers that cannot tell are passed over; a refusal is not asked about
    /// twice, which would lock the account sooner.
    ///
    /// # Errors
    /// [`UserSourceError::Unreachable`] when no server could tell: each with its reason.
    pub async fn check(&self, dn: &str, password: &str) -> Result<bool, UserSourceError> {
        // RFC 4513 §5.1.1, §5.1.2: such binds succeed, and prove nothing.
        if dn.trim().is_empty() || password.is_empty() {
            return Ok(false);
        }
        let (servers, first) = (&self.config.servers, self.first.load(Ordering::Relaxed));
        let mut reasons = Vec::new();
        for index in (0..servers.len()).map(|n| (first + n) % servers.len()) {
            let asked = timeout(ATTEMPT, caught(self.ask(&servers[index], dn, password))).await;
            let answer = match asked {
                Ok(Some(answer)) => answer,
                Ok(None) => Err(not(&servers[index], Cause::Answer, "a message has the wrong shape".to_owned())),
                Err(_) => Err(not(&servers[index], Cause::Silent, format!("{} s", ATTEMPT.as_secs()))),
            };
            match answer {
                Ok(right) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(right);
                }
                Err(why) => reasons.push(why),
            }
        }
        Err(UserSourceError::Unreachable(reasons))
    }

    async fn ask(&self, server: &str, dn: &str, password: &str) -> Result<bool, NotReached> {
        let address = Address::parse(server, self.config.security).map_err(|why| not(server, Cause::Address, why))?;
        let opened = Link::open(&address, self.config.security, self.trust.clone()).await;
        let mut link = opened.map_err(|why| why.of(server))?;
        let answered = link.operation().simple_bind(dn, password).await;
        let result = answered.map_err(|why| not(server, Cause::Broken, link.explain(&why)))?;
        match word(result.rc) {
            Word::Right => Ok(true),
            Word::Wrong => Ok(false),
            Word::Cannot => Err(not(server, Cause::Answer, result.to_string())),
        }
    }
}

fn not(server: &str, cause: Cause, why: String) -> NotReached {
    NotReached { server: server.to_owned(), cause, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_right_and_trouble_is_not_a_wrong_password() {
        assert_eq!((word(0), word(49), word(32), word(53)), (Word::Right, Word::Wrong, Word::Wrong, Word::Wrong));
        // operationsError, strongerAuthRequired, referral, confidentialityRequired, busy, unavailable, other
        for code in [1, 8, 10, 13, 51, 52, 80] {
            assert_eq!(word(code), Word::Cannot, "{code}");
        }
    }

    #[tokio::test]
    async fn an_empty_name_or_password_reaches_no_server() {
        let config = r#"{"servers": ["localhost:1"], "base": "dc=x", "security": "none"}"#;
        let binder = Binder::new(&serde_json::from_str(config).unwrap()).unwrap();
        assert_eq!(binder.check("uid=a,dc=x", "").await, Ok(false));
        assert_eq!(binder.check(" ", "secret").await, Ok(false));
        assert!(matches!(binder.check("uid=a,dc=x", "secret").await, Err(UserSourceError::Unreachable(_))));
    }
}
