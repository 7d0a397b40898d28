//! Signing in: Basic with each request (RFC 7617), or NTLM once per connection.

use super::answer::Trouble;
use super::ntlm;
use crate::config::{EwsAuth, EwsConfig, Secret};
use crate::source::SourceError;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zaiseki_net::http::{Client, Connection, HeaderValue, HttpError, Request, Response, StatusCode, header};

/// Authenticated connections kept.
const MAX_IDLE: usize = 4;

pub enum Auth {
    Basic(HeaderValue),
    Ntlm(Ntlm),
}

pub struct Ntlm {
    account: ntlm::Account,
    channel_binding: bool,
    idle: Mutex<Vec<Connection>>,
}

/// Why a request was not answered.
#[derive(Debug)]
pub enum SendError {
    Http(HttpError),
    Auth(String),
}

impl From<HttpError> for SendError {
    fn from(error: HttpError) -> Self {
        SendError::Http(error)
    }
}

impl SendError {
    pub fn into_source(self, operation: &'static str) -> SourceError {
        match self {
            SendError::Http(source) => SourceError::Http { operation, source },
            SendError::Auth(why) => SourceError::Auth { why },
        }
    }
}

/// `Basic` credentials; refuses what the scheme cannot carry.
pub fn basic(username: &str, secret: &Secret) -> Result<HeaderValue, SourceError> {
    let bad = || SourceError::Config { key: "username", why: "it may not hold a colon".to_owned() };
    zaiseki_net::http::basic(username, secret.reveal()).ok_or_else(bad)
}

impl Auth {
    pub fn new(config: &EwsConfig, secret: &Secret) -> Result<Self, SourceError> {
        Ok(match config.auth {
            EwsAuth::Basic => Auth::Basic(basic(&config.username, secret)?),
            EwsAuth::Ntlm => Auth::Ntlm(Ntlm {
                account: ntlm::Account::new(&config.username, secret.reveal()),
                channel_binding: config.channel_binding,
                idle: Mutex::default(),
            }),
        })
    }

    /// One answer. A refused account is reported once and never tried again here: repeated tries lock accounts.
    pub async fn send(&self, client: &Client, request: &Request) -> Result<Response, SendError> {
        match self {
            Auth::Basic(credentials) => {
                let request = request.clone().header(header::AUTHORIZATION, credentials.clone());
                Ok(client.send(request).await?)
            }
            Auth::Ntlm(ntlm) => ntlm.send(client, request).await,
        }
    }
}

impl Ntlm {
    async fn send(&self, client: &Client, request: &Request) -> Result<Response, SendError> {
        if let Some(mut connection) = self.take_idle() {
            match connection.send(request).await {
                // Closed meanwhile, or the sign-in has expired: a new connection is signed in below, once.
                Err(HttpError::Broken { .. }) => {}
                Ok(response) if response.status == StatusCode::UNAUTHORIZED => {}
                Ok(response) => return Ok(self.keep(connection, response)),
                Err(error) => return Err(error.into()),
            }
        }
        let mut connection = client.connect(&request.url).await?;
        let response = self.sign_in(&mut connection, request).await?;
        Ok(self.keep(connection, response))
    }

    /// The three legs on one connection (MS-NTHT): the first with an empty body, the last carries the request.
    async fn sign_in(&self, connection: &mut Connection, request: &Request) -> Result<Response, SendError> {
        let mut first = request.clone().header(header::AUTHORIZATION, token(&ntlm::negotiate())?);
        first.body = bytes::Bytes::new();
        let answer = connection.send(&first).await?;
        if answer.status.is_success() {
            return Err(SendError::Auth(format!("expected an NTLM challenge, got status {}", answer.status)));
        }
        if answer.status != StatusCode::UNAUTHORIZED {
            // Throttled or broken before any sign-in: the caller reads the status.
            return Ok(answer);
        }
        let challenge = challenge_of(&answer)?;
        let binding = connection.peer_leaf().filter(|_| self.channel_binding);
        let reply = ntlm::authenticate(&challenge, &self.account, binding.map(AsRef::as_ref)).map_err(SendError::Auth)?;
        let last = request.clone().header(header::AUTHORIZATION, token(&reply)?);
        let answer = connection.send(&last).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(SendError::Auth("NTLM sign-in refused (status 401)".to_owned()));
        }
        Ok(answer)
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Connection::is_open);
        idle.pop()
    }

    fn keep(&self, connection: Connection, response: Response) -> Response {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.is_open() && idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        response
    }
}

fn token(message: &[u8]) -> Result<HeaderValue, SendError> {
    HeaderValue::from_str(&format!("NTLM {}", BASE64_STANDARD.encode(message)))
        .map_err(|_| SendError::Auth("an NTLM message could not be written".to_owned()))
}

fn challenge_of(answer: &Response) -> Result<Vec<u8>, SendError> {
    let offers: Vec<&str> = answer.headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|v| v.to_str().ok()).collect();
    offers
        .iter()
        .find_map(|offer| offer.strip_prefix("NTLM "))
        .and_then(|text| BASE64_STANDARD.decode(text.trim()).ok())
        .ok_or_else(|| SendError::Auth(format!("the server offers no NTLM challenge, only: {}", offers.join(", "))))
}

/// How long to leave a throttling server alone: its own wish, else 5 s doubling to 5 min, with up to a quarter more so that
/// several nodes do not come back at once.
#[derive(Default)]
pub struct Backoff {
    in_a_row: AtomicU32,
}

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// A hint is obeyed up to this.
const LONGEST_HINT: Duration = Duration::from_secs(3_600);

impl Backoff {
    pub fn reset(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    pub fn judge(&self, operation: &'static str, trouble: Trouble) -> SourceError {
        match trouble {
            Trouble::Busy(hint) => SourceError::Busy { retry_after: self.wait(hint) },
            Trouble::Auth(why) => SourceError::Auth { why },
            Trouble::Refused { code, message } => SourceError::Refused { operation, code, message },
            Trouble::Malformed(why) => SourceError::Malformed { operation, why },
        }
    }

    /// How long from now on.
    pub fn wait(&self, hint: Option<Duration>) -> Duration {
        let before = self.in_a_row.fetch_add(1, Ordering::Relaxed).min(10);
        match hint {
            Some(hint) => hint.min(LONGEST_HINT),
            None => {
                let wait = FIRST_WAIT.saturating_mul(1 << before).min(LONGEST_WAIT);
                wait + wait.mul_f64(spread() / 4.0)
            }
        }
    }
}

/// 0..1, different from node to node: the clock's nanoseconds are random enough to spread requests.
fn spread() -> f64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_hints_are_obeyed() {
        let backoff = Backoff::default();
        for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
            let wait = backoff.wait(None).as_secs_f64();
            assert!((f64::from(seconds)..f64::from(seconds) * 1.25).contains(&wait), "{wait} for {seconds}");
        }
        assert_eq!(backoff.wait(Some(Duration::from_millis(1_234))), Duration::from_millis(1_234));
        backoff.reset();
        assert!(backoff.wait(None) < Duration::from_secs(7));
    }
}
