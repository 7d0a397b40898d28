//! A gateway's configuration as it is stored (JSON) and checked.

use crate::caldav::CaldavSource;
use crate::ews::EwsSource;
use crate::source::{Source, SourceError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, Trust, Url};

/// Greatest answer of a calendar server.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A password. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Stored as JSON with `"kind": "ews" | "caldav"`. Without the password, which is kept sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum GatewayConfig {
    Ews(EwsConfig),
    Caldav(CaldavConfig),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EwsAuth {
    #[default]
    Ntlm,
    Basic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EwsMode {
    /// `GetUserAvailability`: a hundred users per request; needs no impersonation.
    #[default]
    Availability,
    /// `FindItem` with `CalendarView`: one user per request, exact; needs impersonation or rights on the folder.
    FindItem,
}

/// How the user is named in `ExchangeImpersonation` (only with `find-item`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impersonation {
    #[default]
    PrimarySmtpAddress,
    SmtpAddress,
    PrincipalName,
    /// None: the account has rights on the users' calendar folders.
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EwsConfig {
    /// Usually `https://HOST/EWS/Exchange.asmx`.
    pub url: String,
    #[serde(default)]
    pub auth: EwsAuth,
    /// `DOMAIN\user` or `user@domain`.
    pub username: String,
    #[serde(default)]
    pub mode: EwsMode,
    #[serde(default)]
    pub impersonation: Impersonation,
    /// The address of a user's mailbox, of `{mail}` and `{user}`.
    #[serde(default = "mail_template")]
    pub mailbox: String,
    /// NTLM: tie the sign-in to the TLS connection ("Extended Protection", on by default in current Exchange).
    #[serde(default = "yes")]
    pub channel_binding: bool,
    #[serde(default)]
    pub server: ServerConfig,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CaldavMode {
    /// Events where they are readable, else free/busy.
    #[default]
    Auto,
    /// Only free/busy is asked for. It cannot tell out-of-office from busy.
    FreeBusy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaldavConfig {
    /// A user's calendar, calendar home or principal, of `{user}` and `{mail}`; or the server's root, when `username` holds one of
    /// these: then the way from the well-known address is followed.
    pub url: String,
    /// The service account; may hold `{user}` or `{mail}` where a server lets an administrator sign in as somebody.
    pub username: String,
    #[serde(default)]
    pub mode: CaldavMode,
    /// The zone of all-day and zoneless events where the calendar names none (`Asia/Tokyo`).
    #[serde(default = "utc")]
    pub default_zone: String,
    /// Leave out invitations the user declined.
    #[serde(default = "yes")]
    pub ignore_declined: bool,
    #[serde(default)]
    pub server: ServerConfig,
}

/// How to reach a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Trust these certificate authorities (PEM) instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Connect to this `host[:port]` (load balancer) instead of the address's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_to: Option<String>,
    /// Let the password travel over plain http (never for other than tests and loopback).
    #[serde(default)]
    pub allow_clear_text: bool,
    /// Seconds one request may take, 1–300.
    #[serde(default = "thirty")]
    pub timeout_secs: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig { ca_pem: None, connect_to: None, allow_clear_text: false, timeout_secs: thirty() }
    }
}

fn mail_template() -> String {
    "{mail}".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

fn yes() -> bool {
    true
}

fn thirty() -> u64 {
    30
}

impl GatewayConfig {
    /// Whether a password kept for `self` would, under `new`, reach another server, or travel or be given away with less
    /// protection: it must not follow such a change by itself.
    pub fn reveals_more_in(&self, new: &GatewayConfig) -> bool {
        let weaker = match (self, new) {
            (GatewayConfig::Ews(old), GatewayConfig::Ews(new)) => {
                let unbound = old.channel_binding && !new.channel_binding;
                old.auth == EwsAuth::Ntlm && (new.auth == EwsAuth::Basic || unbound)
            }
            (GatewayConfig::Caldav(_), GatewayConfig::Caldav(_)) => false,
            _ => true,
        };
        weaker || self.destination() != new.destination()
    }

    /// Where the password of the service account travels: scheme, host and port of the address, what is connected to
    /// instead, and who says that it is the right server.
    fn destination(&self) -> (String, Option<String>, Option<&str>) {
        let (url, server) = match self {
            GatewayConfig::Ews(ews) => (&ews.url, &ews.server),
            GatewayConfig::Caldav(caldav) => (&caldav.url, &caldav.server),
        };
        let origin = Url::parse(&filled(url)).map(|url| url.origin().ascii_serialization());
        let instead = server.connect_to.as_ref().map(|to| to.trim().to_ascii_lowercase());
        (origin.unwrap_or_else(|_| url.clone()), instead, server.ca_pem.as_deref())
    }
}

/// Checks the configuration and makes the client. Nothing is sent yet.
pub fn open(config: &GatewayConfig, secret: &Secret) -> Result<Box<dyn Source>, SourceError> {
    match config {
        GatewayConfig::Ews(ews) => Ok(Box::new(EwsSource::new(ews, secret)?)),
        GatewayConfig::Caldav(caldav) => Ok(Box::new(CaldavSource::new(caldav, secret)?)),
    }
}

pub(crate) fn holds_placeholder(template: &str) -> bool {
    template.contains("{user}") || template.contains("{mail}")
}

/// `url` with its placeholders filled by anything.
fn filled(url: &str) -> String {
    url.replace("{user}", "x").replace("{mail}", "x")
}

/// `url` with placeholders filled by anything is checked, since they may stand in the path only.
pub(crate) fn check_url(url: &str, server: &ServerConfig) -> Result<Url, SourceError> {
    let bad = |why: &str| SourceError::Config { key: "url", why: why.to_owned() };
    let parsed = Url::parse(&filled(url)).map_err(|e| bad(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(bad("it must begin with https:// and name a server"));
    }
    let plain = parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none();
    if !plain || parsed.fragment().is_some() {
        return Err(bad("it may hold neither a user name and password nor a query"));
    }
    if let Some(address) = AddressPolicy::CONFIGURED.refuses(&parsed) {
        return Err(bad(&format!(
            "{address} is asked only if outbound.allow of the configuration file names it: it is link-local, or gives out credentials of the machine"
        )));
    }
    if parsed.scheme() == "http" && !server.allow_clear_text {
        return Err(bad("http would send the password in clear text; use https"));
    }
    let start = url.find("://").map_or(0, |i| i + 3);
    let host_end = url[start..].find('/').map_or(url.len(), |i| start + i);
    if holds_placeholder(&url[..host_end]) {
        return Err(bad("{user} and {mail} may stand in the path only"));
    }
    Ok(parsed)
}

pub(crate) fn make_client(server: &ServerConfig) -> Result<Client, SourceError> {
    if !(1..=300).contains(&server.timeout_secs) {
        return Err(SourceError::Config { key: "timeout_secs", why: "it must be 1 to 300".to_owned() });
    }
    Client::new(ClientConfig {
        policy: AddressPolicy::CONFIGURED,
        trust: server.ca_pem.clone().map_or(Trust::Platform, Trust::Pem),
        connect_to: server.connect_to.clone(),
        connect_timeout: Duration::from_secs(server.timeout_secs.min(10)),
        request_timeout: Duration::from_secs(server.timeout_secs),
        max_body: MAX_ANSWER,
    })
    .map_err(|error| SourceError::Config { key: "ca_pem", why: crate::check::explain(&error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caldav(url: &str) -> Result<Box<dyn Source>, SourceError> {
        let json = format!(r#"{{"kind":"caldav","url":"{url}","username":"service"}}"#);
        open(&serde_json::from_str(&json).unwrap(), &Secret::new("s3cret"))
    }

    #[test]
    fn configurations_read_back() {
        let json =
            r#"{"kind":"ews","url":"https://mail.example.test/EWS/Exchange.asmx","username":"EX\\zaiseki","mode":"find-item"}"#;
        let config: GatewayConfig = serde_json::from_str(json).unwrap();
        let GatewayConfig::Ews(ews) = &config else { panic!("{config:?}") };
        assert_eq!((ews.mode, ews.auth, ews.mailbox.as_str()), (EwsMode::FindItem, EwsAuth::Ntlm, "{mail}"));
        let again: GatewayConfig = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        open(&config, &Secret::new("s3cret")).unwrap();
    }

    #[test]
    fn bad_settings_are_named() {
        caldav("https://cal.example.test/{user}/").unwrap();
        for (url, part) in [
            ("http://cal.example.test/{user}/", "clear text"),
            ("https://{user}.example.test/", "path only"),
            ("ftp://cal.example.test/{user}", "https://"),
            ("https://cal.example.test/", "{user}"),
            ("nonsense", ""),
        ] {
            match caldav(url).err() {
                Some(SourceError::Config { key: "url", why }) => assert!(why.contains(part), "{url}: {why}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_password_travels_to_one_place() {
        let config = |json: serde_json::Value| serde_json::from_value::<GatewayConfig>(json).unwrap();
        let at = |url: &str, server: serde_json::Value| {
            config(serde_json::json!({"kind": "caldav", "url": url, "username": "u", "server": server}))
        };
        let plain = || serde_json::json!({});
        let here = at("https://cal.example.test/{user}/", plain());
        for same in ["https://cal.example.test/other/{mail}", "https://CAL.example.test:443/{user}/"] {
            assert!(!here.reveals_more_in(&at(same, plain())), "{same}");
        }
        for other in
            ["https://cal.example.org/{user}/", "https://cal.example.test:444/{user}/", "http://cal.example.test/{user}/"]
        {
            assert!(here.reveals_more_in(&at(other, plain())), "{other}");
        }
        for server in [serde_json::json!({"connect_to": "10.0.0.1"}), serde_json::json!({"ca_pem": "another"})] {
            assert!(here.reveals_more_in(&at("https://cal.example.test/{user}/", server.clone())), "{server}");
        }
        let ews = |auth: &str, binding: bool| {
            let url = "https://mail.example.test/EWS/Exchange.asmx";
            config(serde_json::json!({"kind": "ews", "url": url, "username": "u", "auth": auth, "channel_binding": binding}))
        };
        for (old, new, more) in [
            (("ntlm", true), ("basic", true), true),
            (("ntlm", true), ("ntlm", false), true),
            (("ntlm", false), ("ntlm", true), false),
            (("basic", true), ("ntlm", false), false),
        ] {
            assert_eq!(ews(old.0, old.1).reveals_more_in(&ews(new.0, new.1)), more, "{old:?} {new:?}");
        }
        assert!(here.reveals_more_in(&ews("ntlm", true)), "another kind");
    }

    #[test]
    fn secrets_do_not_show() {
        assert!(!format!("{:?}", Secret::new("s3cret")).contains("s3cret"));
    }
}
