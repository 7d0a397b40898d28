//! A cluster's configuration as it is stored (JSON) and checked.

use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use utoipa::ToSchema;
use zaiseki_model::directory::UserSourceError;
use zaiseki_model::limits::DIRECTORY_SERVERS;
use zaiseki_net::http::{Trust, Url};

/// Users asked for at once. Two at least, since a page begins with the last user of the page before.
pub const PAGE_USERS: RangeInclusive<u32> = 2..=1_000;
/// Seconds one request may take.
pub const TIMEOUT_SECS: RangeInclusive<u64> = 1..=300;
/// Where AXL listens.
const PORT: u16 = 8_443;

/// A Unified CM cluster and how to read users from it. Without the password, which is kept sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AxlConfig {
    /// `host` or `host:port` (8443), tried in this order: the publisher, then subscribers that run AXL.
    pub servers: Vec<String>,
    /// An application user with the role for AXL; reading is enough.
    pub username: String,
    /// The schema to begin with, such as `12.0`. A server that does not know it is asked for the newest one in common. Lists
    /// hold display names up to 12.0; later ones make them of given and family name.
    #[serde(default = "default_version")]
    pub version: String,
    /// Certificate authorities to believe (PEM); without it and `certificate`, those of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The servers' very certificates (PEM), where they sign their own; names and dates in them do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Which of the cluster's users are read.
    #[serde(default)]
    pub users: Include,
    /// Country code of telephone numbers that are written without one: `81`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(default = "default_page")]
    pub page_size: u32,
    #[serde(default = "default_timeout")]
    pub timeout_secs: u64,
}

fn default_version() -> String {
    "12.0".to_owned()
}

fn default_page() -> u32 {
    500
}

fn default_timeout() -> u64 {
    60
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AxlInclude)]
pub enum Include {
    /// Whose home cluster this is and who is enabled for IM and presence there.
    #[default]
    Enabled,
    /// Whose home cluster this is.
    Home,
    /// Everybody.
    All,
}

impl AxlConfig {
    pub(crate) fn trust(&self) -> Trust {
        match (&self.certificate, &self.ca) {
            (Some(pem), _) => Trust::Pinned(pem.clone()),
            (None, Some(pem)) => Trust::Pem(pem.clone()),
            (None, None) => Trust::Platform,
        }
    }

    /// # Errors
    /// [`UserSourceError::Config`] naming the key.
    pub(crate) fn check(&self, password: &str) -> Result<Version, UserSourceError> {
        let bad = |key, why: String| UserSourceError::Config { key, why };
        if !(1..=DIRECTORY_SERVERS).contains(&self.servers.len()) {
            return Err(bad("servers", format!("name 1 to {DIRECTORY_SERVERS} servers")));
        }
        for server in &self.servers {
            address(server).map_err(|why| bad("servers", why))?;
        }
        if self.username.trim().is_empty() || self.username.contains(':') {
            return Err(bad("username", "an application user's name, without a colon".to_owned()));
        }
        if password.is_empty() {
            return Err(bad("username", "the account needs a password".to_owned()));
        }
        if self.ca.is_some() && self.certificate.is_some() {
            return Err(bad("certificate", "give ca or certificate, not both".to_owned()));
        }
        if !PAGE_USERS.contains(&self.page_size) {
            return Err(bad("page_size", format!("must be {} to {}", PAGE_USERS.start(), PAGE_USERS.end())));
        }
        if !TIMEOUT_SECS.contains(&self.timeout_secs) {
            return Err(bad("timeout_secs", format!("must be {} to {}", TIMEOUT_SECS.start(), TIMEOUT_SECS.end())));
        }
        if self.country_code.as_ref().is_some_and(|c| !(1..=3).contains(&c.len()) || !c.bytes().all(|b| b.is_ascii_digit())) {
            return Err(bad("country_code", "1 to 3 digits, such as 81".to_owned()));
        }
        Version::known(&self.version).ok_or_else(|| bad("version", format!("one of {}", Version::names())))
    }
}

/// The address of a server's AXL service; always by TLS, since the password goes with each request.
pub(crate) fn address(server: &str) -> Result<Url, String> {
    let text = server.trim();
    let mut url = Url::parse(&format!("https://{text}/axl/")).map_err(|why| format!("{server}: {why}"))?;
    // An explicit port 443 is dropped by the parser as the usual one, so it is looked for in the text.
    let plain = url.path() == "/axl/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !plain || text.contains('@') {
        return Err(format!("{server} is not a server, such as cucm.example.com or cucm.example.com:8443"));
    }
    if url.port().is_none() && !text.ends_with(":443") {
        url.set_port(Some(PORT)).map_err(|()| format!("{server} is not a server"))?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn config() -> AxlConfig {
        serde_json::from_str(r#"{"servers": ["cucm.example.com"], "username": "axl"}"#).unwrap()
    }

    fn refused(change: impl FnOnce(&mut AxlConfig)) -> &'static str {
        let mut config = config();
        change(&mut config);
        match config.check("secret") {
            Err(UserSourceError::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        config().check("secret").unwrap();
        assert!(config().check("").is_err());
        assert_eq!(refused(|c| c.servers.clear()), "servers");
        for bad in ["a b", "https://a", "user@host", "a/b", "a?b", "a#b", ""] {
            assert_eq!(refused(|c| c.servers = vec![bad.into()]), "servers", "{bad}");
        }
        assert_eq!(refused(|c| c.username = "a:b".into()), "username");
        assert_eq!(refused(|c| c.username = " ".into()), "username");
        assert_eq!(refused(|c| c.version = "9.9".into()), "version");
        assert_eq!(refused(|c| c.country_code = Some("+81".into())), "country_code");
        assert_eq!(refused(|c| (c.ca, c.certificate) = (Some("x".into()), Some("y".into()))), "certificate");
    }

    #[test]
    fn the_limits_hold_one_step_past_them() {
        let servers = |n: usize| (0..n).map(|i| format!("cucm{i}")).collect::<Vec<_>>();
        for (page, secs) in [(*PAGE_USERS.start(), *TIMEOUT_SECS.start()), (*PAGE_USERS.end(), *TIMEOUT_SECS.end())] {
            let at = AxlConfig { servers: servers(DIRECTORY_SERVERS), page_size: page, timeout_secs: secs, ..config() };
            at.check("secret").unwrap();
        }
        assert_eq!(refused(|c| c.servers = servers(DIRECTORY_SERVERS + 1)), "servers");
        for page in [PAGE_USERS.start() - 1, PAGE_USERS.end() + 1] {
            assert_eq!(refused(|c| c.page_size = page), "page_size");
        }
        for secs in [TIMEOUT_SECS.start() - 1, TIMEOUT_SECS.end() + 1] {
            assert_eq!(refused(|c| c.timeout_secs = secs), "timeout_secs");
        }
    }

    #[test]
    fn addresses_have_the_usual_port() {
        for (server, expected) in [
            ("cucm", "https://cucm:8443/axl/"),
            (" cucm:9443 ", "https://cucm:9443/axl/"),
            ("cucm:443", "https://cucm/axl/"),
            ("[::1]", "https://[::1]:8443/axl/"),
        ] {
            assert_eq!(address(server).unwrap().as_str(), expected);
        }
    }
}
