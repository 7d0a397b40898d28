//! Where a continuation reference points (RFC 4511 §4.5.3, RFC 4516).

use crate::config::{Address, Scope, Security};

/// A part of the tree on another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub address: Address,
    pub security: Security,
    pub base: String,
    /// `None`: only the entry `base` itself.
    pub scope: Option<Scope>,
}

impl Elsewhere {
    /// From an LDAP URL met while searching `base`. TLS is never given up: a plain URL means StartTLS unless the directory
    /// itself is read without TLS. `None` for URLs that are not LDAP's.
    pub fn parse(text: &str, base: &str, scope: Scope, security: Security) -> Option<Elsewhere> {
        let url = url::Url::parse(text).ok()?;
        let security = match (url.scheme(), security) {
            ("ldaps", _) => Security::Tls,
            ("ldap", Security::None) => Security::None,
            ("ldap", _) => Security::StartTls,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let server = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let address = Address::parse(&server, security).ok()?;
        let dn = decode(url.path().trim_start_matches('/'))?;
        let mut query = url.query().unwrap_or_default().split('?');
        let scope = match query.nth(1).unwrap_or_default() {
            "base" => None,
            "one" => Some(Scope::OneLevel),
            "sub" => Some(Scope::Subtree),
            // RFC 4511 §4.5.3: the scope goes on; below a flat search it is the entry itself.
            _ => (scope == Scope::Subtree).then_some(Scope::Subtree),
        };
        Some(Elsewhere { address, security, base: if dn.is_empty() { base.to_owned() } else { dn }, scope })
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        rest = more;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, scope: Scope, security: Security) -> Option<(String, u16, Security, String, Option<Scope>)> {
        let found = Elsewhere::parse(text, "dc=base", scope, security)?;
        Some((found.address.host, found.address.port, found.security, found.base, found.scope))
    }

    #[test]
    fn urls_say_where_to_go_on() {
        let sub = Some(Scope::Subtree);
        assert_eq!(
            parse("ldap://b.example/ou=tokyo%2c%20dc=x??sub", Scope::OneLevel, Security::StartTls),
            Some(("b.example".into(), 389, Security::StartTls, "ou=tokyo, dc=x".into(), sub))
        );
        assert_eq!(
            parse("ldaps://b", Scope::Subtree, Security::None),
            Some(("b".into(), 636, Security::Tls, "dc=base".into(), sub))
        );
        assert_eq!(
            parse("ldap://b:1389/dc=y", Scope::OneLevel, Security::Tls).map(|f| (f.1, f.2, f.4)),
            Some((1389, Security::StartTls, None))
        );
        assert_eq!(parse("ldap://b/dc=y??base", Scope::Subtree, Security::None).map(|f| f.4), Some(None));
        for none in ["http://b/", "ldap:///dc=x", "ldap://b/%zz", "ldap://b/%f", "nonsense", "ldap://b/%ff"] {
            assert_eq!(parse(none, Scope::Subtree, Security::None), None, "{none}");
        }
    }
}
