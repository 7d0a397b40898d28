//! A directory's configuration as it is stored (JSON) and checked.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use zaiseki_model::directory::UserSourceError;
use zaiseki_model::limits::DIRECTORY_SERVERS;

/// Entries asked for at once. Active Directory gives at most 1,000.
pub const PAGE_ENTRIES: std::ops::RangeInclusive<u32> = 1..=5_000;
const DEFAULT_PAGE: u32 = 500;

/// An LDAP tree and how to read users from it. Without the password, which is kept sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LdapConfig {
    /// `host` or `host:port`, tried in this order. They hold the same tree.
    pub servers: Vec<String>,
    #[serde(default)]
    pub security: Security,
    /// Certificate authorities to believe (PEM); without it, those of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The account that reads; empty = anonymous.
    #[serde(default)]
    pub bind_dn: String,
    /// Where the users stand.
    pub base: String,
    #[serde(default)]
    pub scope: Scope,
    #[serde(default)]
    pub schema: Schema,
    /// Which entries are users; empty = the schema's.
    #[serde(default)]
    pub filter: String,
    /// Attributes other than the schema's, by our name of the field, such as `mail`; an empty one is not read.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Country code of telephone numbers that are written without one: `81`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(default = "default_page")]
    pub page_size: u32,
    /// Follow referrals to other servers, with the same account. Otherwise they are counted.
    #[serde(default)]
    pub follow_referrals: bool,
}

fn default_page() -> u32 {
    DEFAULT_PAGE
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LdapSecurity)]
pub enum Security {
    /// Port 389, TLS before anything else is said.
    #[default]
    StartTls,
    /// `ldaps`, port 636.
    Tls,
    /// The password travels in clear: only for a server on this machine.
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = LdapScope)]
pub enum Scope {
    /// The base and everything below it: a tree split into organisational units.
    #[default]
    Subtree,
    /// Only directly below the base: a flat tree.
    OneLevel,
}

/// The usual attributes of a kind of server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = LdapSchema)]
pub enum Schema {
    /// RFC 2798 and RFC 4530: OpenLDAP, 389 Directory Server.
    #[default]
    InetOrgPerson,
    ActiveDirectory,
}

/// Field, attribute in [`Schema::InetOrgPerson`], attribute in [`Schema::ActiveDirectory`].
type Field = (&'static str, &'static str, &'static str);

/// What is read of an entry. `key` must never change and never be used again; `disabled` is understood as a bit
/// (`userAccountControl`), a time (`pwdAccountLockedTime`: present is locked) or a boolean (`nsAccountLock`).
pub const FIELDS: &[Field] = &[
    ("key", "entryUUID", "objectGUID"),
    ("name", "uid", "sAMAccountName"),
    ("display_name", "displayName", "displayName"),
    ("given_name", "givenName", "givenName"),
    ("family_name", "sn", "sn"),
    ("phonetic_name", "displayName;lang-ja;phonetic", "msDS-PhoneticDisplayName"),
    ("mail", "mail", "mail"),
    ("directory_uri", "", "msRTCSIP-PrimaryUserAddress"),
    ("department", "ou", "department"),
    ("title", "title", "title"),
    ("language", "preferredLanguage", "preferredLanguage"),
    ("work", "telephoneNumber", "telephoneNumber"),
    ("mobile", "mobile", "mobile"),
    ("home", "homePhone", "homePhone"),
    ("disabled", "", "userAccountControl"),
];

impl LdapConfig {
    /// The attribute of a field of [`FIELDS`]; empty when it is not read.
    pub(crate) fn attribute(&self, field: &str) -> &str {
        if let Some(own) = self.attributes.get(field) {
            return own.trim();
        }
        let usual = FIELDS.iter().find(|(name, ..)| *name == field);
        usual.map_or("", |(_, person, windows)| match self.schema {
            Schema::InetOrgPerson => person,
            Schema::ActiveDirectory => windows,
        })
    }

    pub(crate) fn filter(&self) -> &str {
        match (self.filter.trim(), self.schema) {
            ("", Schema::InetOrgPerson) => "(&(objectClass=inetOrgPerson)(uid=*))",
            ("", Schema::ActiveDirectory) => "(&(objectCategory=person)(objectClass=user)(sAMAccountName=*))",
            (own, _) => own,
        }
    }

    /// # Errors
    /// [`UserSourceError::Config`] naming the key.
    pub(crate) fn check(&self, password: &str) -> Result<(), UserSourceError> {
        let bad = |key, why: &str| Err(UserSourceError::Config { key, why: why.to_owned() });
        if !(1..=DIRECTORY_SERVERS).contains(&self.servers.len()) {
            return bad("servers", &format!("name 1 to {DIRECTORY_SERVERS} servers"));
        }
        for server in &self.servers {
            Address::parse(server, self.security).map_err(|why| UserSourceError::Config { key: "servers", why })?;
        }
        if !self.base.contains('=') {
            return bad("base", "where the users stand must be said, such as ou=people,dc=example,dc=com");
        }
        if ldap3::parse_filter(self.filter()).is_err() {
            return bad("filter", "not a filter of RFC 4515, such as (objectClass=person)");
        }
        if !PAGE_ENTRIES.contains(&self.page_size) {
            let (from, to) = PAGE_ENTRIES.into_inner();
            return bad("page_size", &format!("must be {from} to {to}"));
        }
        // RFC 4513 §5.1.2: a name without a password signs nobody in, and yet succeeds.
        if self.bind_dn.trim().is_empty() != password.is_empty() {
            return bad("bind_dn", "an account needs a name and a password; anonymous access has neither");
        }
        if self.country_code.as_ref().is_some_and(|c| !(1..=3).contains(&c.len()) || !c.bytes().all(|b| b.is_ascii_digit())) {
            return bad("country_code", "1 to 3 digits, such as 81");
        }
        self.check_attributes()
    }

    fn check_attributes(&self) -> Result<(), UserSourceError> {
        let bad = |why: String| Err(UserSourceError::Config { key: "attributes", why });
        for (field, attribute) in &self.attributes {
            if !FIELDS.iter().any(|(name, ..)| name == field) {
                let known: Vec<&str> = FIELDS.iter().map(|(name, ..)| *name).collect();
                return bad(format!("there is no field {field}; the fields are {}", known.join(", ")));
            }
            if !attribute.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b';' | b'.' | b' ')) {
                return bad(format!("{attribute} is not the name of an attribute"));
            }
        }
        match ["key", "name"].into_iter().find(|field| self.attribute(field).is_empty()) {
            Some(field) => bad(format!("{field} cannot be left out")),
            None => Ok(()),
        }
    }
}

/// A server's name and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    pub fn parse(text: &str, security: Security) -> Result<Address, String> {
        let usual = if security == Security::Tls { 636 } else { 389 };
        let url = url::Url::parse(&format!("ldap://{}", text.trim())).map_err(|why| format!("{text}: {why}"))?;
        let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        match url.host_str().filter(|host| plain && !host.is_empty()) {
            Some(host) => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                Ok(Address { host, port: url.port().unwrap_or(usual) })
            }
            None => Err(format!("{text} is not a server, such as ldap.example.com or ldap.example.com:3268")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn config() -> LdapConfig {
        serde_json::from_str(r#"{"servers": ["ldap.example.com"], "base": "dc=example,dc=com"}"#).unwrap()
    }

    fn refused(change: impl FnOnce(&mut LdapConfig)) -> &'static str {
        let mut config = config();
        change(&mut config);
        match config.check("") {
            Err(UserSourceError::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        config().check("").unwrap();
        assert_eq!(refused(|c| c.servers.clear()), "servers");
        assert_eq!(refused(|c| c.servers = vec!["a b".into()]), "servers");
        assert_eq!(refused(|c| c.servers = vec!["ldap://a".into()]), "servers");
        assert_eq!(refused(|c| c.servers = vec!["user@host".into()]), "servers");
        assert_eq!(refused(|c| c.base = " ".into()), "base");
        assert_eq!(refused(|c| c.base = "example.com".into()), "base");
        assert_eq!(refused(|c| c.filter = "(uid=".into()), "filter");
        assert_eq!(refused(|c| c.bind_dn = "cn=reader".into()), "bind_dn");
        assert_eq!(refused(|c| c.country_code = Some("+81".into())), "country_code");
        assert_eq!(refused(|c| drop(c.attributes.insert("nick".into(), "cn".into()))), "attributes");
        assert_eq!(refused(|c| drop(c.attributes.insert("key".into(), "".into()))), "attributes");
        assert_eq!(refused(|c| drop(c.attributes.insert("mail".into(), "a)(b".into()))), "attributes");
        assert!(matches!(config().check("secret"), Err(UserSourceError::Config { key: "bind_dn", .. })));
    }

    #[test]
    fn the_limits_hold_one_step_past_them() {
        let servers = |n: usize| (0..n).map(|i| format!("ldap{i}")).collect::<Vec<_>>();
        let mut at = config();
        at.servers = servers(DIRECTORY_SERVERS);
        at.page_size = *PAGE_ENTRIES.end();
        at.check("").unwrap();
        assert_eq!(refused(|c| c.servers = servers(DIRECTORY_SERVERS + 1)), "servers");
        assert_eq!(refused(|c| c.page_size = 0), "page_size");
        assert_eq!(refused(|c| c.page_size = PAGE_ENTRIES.end() + 1), "page_size");
    }

    #[test]
    fn addresses_have_the_usual_ports() {
        let parse = |text, security| Address::parse(text, security).map(|a| (a.host, a.port));
        assert_eq!(parse("ldap", Security::StartTls), Ok(("ldap".into(), 389)));
        assert_eq!(parse("ldap", Security::Tls), Ok(("ldap".into(), 636)));
        assert_eq!(parse("ldap:3268", Security::None), Ok(("ldap".into(), 3268)));
        assert_eq!(parse("[::1]:10389", Security::None), Ok(("::1".into(), 10389)));
        assert!(parse("[::1", Security::None).is_err());
    }
}
