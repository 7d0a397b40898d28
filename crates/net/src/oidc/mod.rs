//! A client of an OpenID provider: what it says of itself (OpenID Connect Discovery 1.0), its keys, and tokens that are
//! proven by them. Nothing is believed because it came over TLS alone: a token's signature, issuer, audience and time are
//! checked each time.

mod code;
mod jwt;

pub use code::{ClientOf, Once};
pub use jwt::{Claims, Expected, KEYS, TOKEN_BYTES};

use crate::http::{AddressPolicy, Client, ClientConfig, Method, Request, StatusCode, Trust, Url};
use jwt::{Key, Token};
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of one answer of a provider.
pub const ANSWER_BYTES: usize = 256 * 1024;
/// Connection and answer.
const ANSWER: Duration = Duration::from_secs(5);
/// What a provider says of itself and of its keys is asked again after this long.
const FRESH: Duration = Duration::from_secs(3_600);
/// While it does not answer, known keys count for this long.
const STALE: Duration = Duration::from_secs(24 * 3_600);
/// A key that is not known is asked for at most this often, whoever makes tokens up.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// A provider that did not answer is left alone for this long: those who wait do not ask one after the other.
const REST: Duration = Duration::from_secs(2);
/// Seconds that an issuer's clock may be ahead when it says when it made a token.
const ISSUED_AHEAD: i64 = 60;

/// Why there are no claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The provider does not answer as it should: nobody can tell.
    #[error("{0}")]
    Provider(String),
    /// The token is not good.
    #[error("the token is not taken: {0}")]
    Token(&'static str),
    /// It was good once.
    #[error("the token has expired")]
    Expired,
}

impl Fault {
    fn token(why: &'static str) -> Fault {
        Fault::Token(why)
    }

    fn provider(why: impl Into<String>) -> Fault {
        Fault::Provider(why.into())
    }
}

/// What a provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    pub issuer: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub authorization_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// One provider; shared by everybody who has tokens of it.
pub struct Provider {
    issuer: String,
    client: Client,
    known: Mutex<Known>,
    /// One question at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    discovery: Option<(Arc<Discovery>, Instant)>,
    keys: Option<(Arc<Vec<Key>>, Instant)>,
    asked: Option<Instant>,
    failed: Option<(Fault, Instant)>,
}

impl Provider {
    /// `issuer` as its tokens write it; `ca`: authorities to believe (PEM), empty for those of the operating system.
    /// Nothing is connected yet.
    pub fn new(issuer: &str, ca: &str) -> Result<Provider, Fault> {
        let trust = if ca.trim().is_empty() { Trust::Platform } else { Trust::Pem(ca.to_owned()) };
        let config = ClientConfig {
            policy: AddressPolicy::CONFIGURED,
            trust,
            connect_timeout: ANSWER,
            request_timeout: ANSWER,
            max_body: ANSWER_BYTES,
            ..ClientConfig::default()
        };
        let client = Client::new(config).map_err(|why| Fault::provider(chain(&why)))?;
        Ok(Provider { issuer: issuer.to_owned(), client, known: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The claims of a token that this provider made for the audience and that counts now (seconds since the epoch).
    pub async fn claims(&self, token: &str, audience: &str, now: i64, leeway: Duration) -> Result<Claims, Fault> {
        let token = Token::parse(token)?;
        let keys = self.keys_for(token.kid.as_deref()).await?;
        let claims = token.proven(&keys)?;
        Expected { issuer: &self.issuer, audience, now, leeway }.check(&claims)?;
        Ok(claims)
    }

    /// What it says of itself, not older than an hour.
    pub async fn discovery(&self) -> Result<Arc<Discovery>, Fault> {
        if let Some((discovery, at)) = &self.known().discovery
            && at.elapsed() < FRESH
        {
            return Ok(discovery.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let body = self.get(&address).await?;
        let said: Discovery = serde_json::from_slice(&body)
            .map_err(|why| Fault::provider(format!("{address}: what it says of itself is not understood: {why}")))?;
        // OpenID Connect Discovery 1.0 §4.3
        if said.issuer != self.issuer {
            return Err(Fault::provider(format!("{address}: it calls itself {}", said.issuer)));
        }
        let said = Arc::new(said);
        self.known().discovery = Some((said.clone(), Instant::now()));
        Ok(said)
    }

    /// Asks for the keys anew; how many there are.
    pub async fn refresh(&self) -> Result<usize, Fault> {
        Ok(self.fetch_keys().await?.len())
    }

    /// The known keys when they hold the wanted one and are fresh; else those that the provider has now.
    async fn keys_for(&self, kid: Option<&str>) -> Result<Arc<Vec<Key>>, Fault> {
        if let Some(keys) = self.enough(kid) {
            return Ok(keys);
        }
        let _turn = self.asking.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(keys) = self.enough(kid) {
            return Ok(keys);
        }
        let failed = self.known().failed.clone().filter(|(_, at)| at.elapsed() < REST);
        let fetched = match failed {
            Some((fault, _)) => Err(fault),
            None => self.fetch_keys().await,
        };
        let Err(fault) = fetched else { return fetched };
        let mut known = self.known();
        known.failed.get_or_insert_with(|| (fault.clone(), Instant::now()));
        known.failed.take_if(|(_, at)| at.elapsed() >= REST);
        match &known.keys {
            Some((keys, at)) if at.elapsed() < STALE && jwt::holds(keys, kid) => Ok(keys.clone()),
            _ => Err(fault),
        }
    }

    fn enough(&self, kid: Option<&str>) -> Option<Arc<Vec<Key>>> {
        let known = self.known();
        let (keys, at) = known.keys.as_ref()?;
        let asked_lately = known.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN);
        let good = at.elapsed() < FRESH && (jwt::holds(keys, kid) || asked_lately);
        good.then(|| keys.clone())
    }

    async fn fetch_keys(&self) -> Result<Arc<Vec<Key>>, Fault> {
        self.known().asked = Some(Instant::now());
        let discovery = self.discovery().await?;
        let keys = Arc::new(jwt::keys(&self.get(&discovery.jwks_uri).await?)?);
        self.known().keys = Some((keys.clone(), Instant::now()));
        Ok(keys)
    }

    async fn get(&self, address: &str) -> Result<bytes::Bytes, Fault> {
        let url = checked(address)?;
        let response = self.client.send(Request::new(Method::GET, url, "")).await;
        let response = response.map_err(|why| Fault::provider(chain(&why)))?;
        match response.status {
            StatusCode::OK => Ok(response.body),
            status => Err(Fault::provider(format!("{address}: it answers {status}"))),
        }
    }

    /// Held for a moment only.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address that keys and tokens may travel to and from: https, or this machine.
pub fn checked(address: &str) -> Result<Url, Fault> {
    let url = Url::parse(address).map_err(|why| Fault::provider(format!("{address}: {why}")))?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(Fault::provider(format!("{address}: only https is believed"))),
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
