//! One server: its account, patience while it is busy, and a version both know.

use crate::answer::{self, Trouble};
use crate::config::{self, AxlConfig};
use crate::request::{self, Question};
use crate::version::Version;
use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;
use zaiseki_model::directory::{Cause, NotReached, UserSourceError};
use zaiseki_model::limits::AXL_ANSWER_BYTES;
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, HeaderValue, HttpError, Response, Url, basic, header};
use zaiseki_net::xml::Element;

/// Name resolution, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a busy server is asked again, and how long before the first time; doubled each time.
const BUSY_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// A server's own wish is obeyed up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Why there is no answer to one question.
#[derive(Debug)]
pub(crate) enum CallError {
    Http(HttpError),
    Trouble(Trouble),
}

impl From<Trouble> for CallError {
    fn from(trouble: Trouble) -> Self {
        CallError::Trouble(trouble)
    }
}

/// Asks one question at a time; the connection is kept between them.
pub(crate) struct Link {
    client: Client,
    url: Url,
    credentials: HeaderValue,
    /// As it is configured: what people know the server by.
    pub server: String,
    pub version: Version,
}

impl Link {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`UserSourceError::Config`].
    pub fn new(config: &AxlConfig, password: &str, server: &str) -> Result<Link, UserSourceError> {
        let bad = |key, why: String| UserSourceError::Config { key, why };
        let version = config.check(password)?;
        let url = config::address(server).map_err(|why| bad("servers", why))?;
        let key = if config.certificate.is_some() { "certificate" } else { "ca" };
        let client = Client::new(ClientConfig {
            policy: AddressPolicy::CONFIGURED,
            trust: config.trust(),
            connect_to: None,
            connect_timeout: CONNECT,
            request_timeout: Duration::from_secs(config.timeout_secs),
            max_body: AXL_ANSWER_BYTES,
        });
        let client = client.map_err(|error| bad(key, explain(&error)))?;
        let unfit = || bad("username", "name and password must be ones that HTTP can carry".to_owned());
        let credentials = basic(config.username.trim(), password).ok_or_else(unfit)?;
        Ok(Link { client, url, credentials, server: server.to_owned(), version })
    }

    /// Connects and lets go again: for the self-test.
    pub async fn connect(&self) -> Result<(), HttpError> {
        self.client.connect(&self.url).await.map(|_| ())
    }

    /// Asks until there is an answer or no hope of one: a busy server is left alone for some seconds, and one that does not
    /// know the version is asked in another, once. The question is made for the version in use.
    pub async fn ask(&mut self, question: impl Fn(Version) -> Question) -> Result<Element, CallError> {
        let mut busy = 0;
        let mut agreed = false;
        loop {
            let asked = question(self.version);
            match self.ask_once(&asked).await {
                Err(CallError::Trouble(Trouble::Busy(hint))) if busy < BUSY_TRIES => {
                    sleep(wait(busy, hint)).await;
                    busy += 1;
                }
                Err(CallError::Trouble(Trouble::Version(Some(theirs)))) if !agreed => {
                    agreed = true;
                    self.version = Version::known(&theirs).unwrap_or(self.version);
                }
                other => return other,
            }
        }
    }

    async fn ask_once(&self, question: &Question) -> Result<Element, CallError> {
        let request = request::http(&self.url, &self.credentials, self.version, question);
        let response = self.client.send(request).await.map_err(CallError::Http)?;
        let answer = answer::body(response.status.as_u16(), retry_after(&response), &response.body, question.operation);
        answer.map_err(CallError::Trouble)
    }

    /// `begun`: part of the answer was there already.
    pub fn error(&self, error: CallError, begun: bool) -> UserSourceError {
        let server = self.server.clone();
        let trouble = match error {
            CallError::Http(error) => match begun {
                true => return UserSourceError::Incomplete { server, why: explain(&error) },
                false => return UserSourceError::Unreachable(vec![not_reached(&server, &error)]),
            },
            CallError::Trouble(trouble) => trouble,
        };
        match trouble {
            Trouble::Auth(why) => UserSourceError::Auth { server, why },
            Trouble::Malformed(why) => UserSourceError::Malformed { server, why },
            Trouble::Busy(_) if begun => UserSourceError::Incomplete { server, why: "it is too busy".to_owned() },
            Trouble::Busy(_) => UserSourceError::Unreachable(vec![NotReached { server, cause: Cause::Busy, why: String::new() }]),
            Trouble::TooLong { fewer_than } => {
                UserSourceError::Refused { server, why: format!("it gives fewer than {fewer_than} users at once") }
            }
            Trouble::Version(_) => {
                UserSourceError::Refused { server, why: "it knows none of the versions known here".to_owned() }
            }
            Trouble::NotFound(why) | Trouble::Refused(why) => UserSourceError::Refused { server, why },
        }
    }
}

/// The cause by its kind, and what the system said of it.
pub(crate) fn not_reached(server: &str, error: &HttpError) -> NotReached {
    let cause = match error {
        HttpError::Url { .. } => Cause::Address,
        HttpError::Resolve { .. } => Cause::Name,
        HttpError::Blocked { .. } => Cause::Blocked,
        HttpError::Connect { .. } => Cause::NoConnection,
        HttpError::Tls { .. } => Cause::Tls,
        HttpError::Trust(_) => Cause::Trust,
        HttpError::Timeout { .. } => Cause::Silent,
        HttpError::Broken { .. } => Cause::Broken,
        _ => Cause::Answer,
    };
    let why = error.source().map_or_else(|| error.to_string(), explain);
    NotReached { server: server.to_owned(), cause, why }
}

/// The message with its causes.
fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn retry_after(response: &Response) -> Option<Duration> {
    response.header(header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
}

/// With up to a quarter more, so that several nodes do not come back at once: the clock's nanoseconds differ enough.
fn wait(before: u32, hint: Option<Duration>) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    let wait = hint.unwrap_or_else(|| FIRST_WAIT.saturating_mul(1 << before.min(10))).min(LONGEST_WAIT);
    wait + wait.mul_f64(f64::from(nanos % 1_000_000) / 4e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_wishes_are_obeyed() {
        for (before, secs) in [(0, 5), (1, 10), (4, 80), (5, 120), (30, 120)] {
            let waited = wait(before, None).as_secs_f64();
            assert!((f64::from(secs)..f64::from(secs) * 1.26).contains(&waited), "{before}: {waited}");
        }
        assert_eq!(wait(4, Some(Duration::ZERO)), Duration::ZERO);
        assert!(wait(0, Some(Duration::from_secs(86_400))) < LONGEST_WAIT * 2);
    }
}
