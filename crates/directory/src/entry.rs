//! One entry of the tree → one user.

use crate::config::LdapConfig;
use ldap3::ResultEntry;
use std::collections::HashMap;
use zaiseki_model::directory::{Number, NumberKind, Profile, Skipped, SourceUser, Unfit};
use zaiseki_model::telephone::e164;

/// Characters of one value; longer ones are cut.
const VALUE_CHARS: usize = 255;
/// Values of these are 16 bytes, not text, even when they happen to be UTF-8.
const BINARY_KEYS: [&str; 3] = ["objectguid", "guid", "nsuniqueid;binary"];
/// `userAccountControl` (MS-ADTS §2.2.16): ACCOUNTDISABLE.
const ACCOUNT_DISABLED: u64 = 0x2;

/// A received entry. Names of attributes are in lower case.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub dn: String,
    values: HashMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// From `SearchResultEntry` (RFC 4511 §4.5.2); `None` when it is not one.
    pub fn parse(raw: ResultEntry) -> Option<Entry> {
        let mut parts = raw.0.match_id(4)?.expect_constructed()?.into_iter();
        let dn = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let mut values: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for attribute in parts.next()?.expect_constructed()? {
            let mut parts = attribute.expect_constructed()?.into_iter();
            let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
            let set = parts.next()?.expect_constructed()?.into_iter();
            let set: Option<Vec<Vec<u8>>> = set.map(|value| value.expect_primitive()).collect();
            values.entry(name.to_ascii_lowercase()).or_default().extend(set?);
        }
        Some(Entry { dn, values })
    }

    fn raw(&self, attribute: &str) -> &[Vec<u8>] {
        self.values.get(&attribute.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The texts of an attribute, cleaned; empty ones are left out. In no order (RFC 4511 §4.1.7).
    ///
    /// Active Directory divides more than 1,500 values (MS-ADTS §3.1.1.3.1.3.3: `member;range=0-1499`). All of
    /// [`crate::config::FIELDS`] describe one person, so that portions are not asked for.
    fn texts(&self, attribute: &str) -> Vec<String> {
        let texts = self.raw(attribute).iter().filter_map(|value| std::str::from_utf8(value).ok());
        let clean = texts.map(|text| text.chars().filter(|c| !c.is_control()).take(VALUE_CHARS).collect::<String>());
        clean.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
    }

    /// One of the values, always the same: that of the entry's own name, else the first by the alphabet.
    fn text(&self, attribute: &str) -> Option<String> {
        let own = self.dn.split(',').next().unwrap_or_default().split('+');
        let own = own.filter_map(|part| part.split_once('='));
        let own = own.filter(|(name, _)| name.trim().eq_ignore_ascii_case(attribute)).map(|(_, value)| value.trim()).next();
        let mut texts = self.texts(attribute);
        texts.sort_unstable();
        let named = texts.iter().position(|text| own.is_some_and(|own| own.eq_ignore_ascii_case(text)));
        (!texts.is_empty()).then(|| texts.swap_remove(named.unwrap_or(0)))
    }

    /// The source's key: text as it is, bytes as hexadecimal digits.
    fn key(&self, attribute: &str) -> Option<String> {
        let [value] = self.raw(attribute) else { return None };
        let text = std::str::from_utf8(value).ok().filter(|text| {
            let binary = BINARY_KEYS.iter().any(|name| name.eq_ignore_ascii_case(attribute));
            !binary && !text.is_empty() && text.len() <= VALUE_CHARS && !text.chars().any(char::is_control)
        });
        match text {
            Some(text) => Some(text.to_owned()),
            None if (1..=64).contains(&value.len()) => Some(value.iter().map(|b| format!("{b:02x}")).collect()),
            None => None,
        }
    }

    /// See [`crate::config::FIELDS`].
    fn disabled(&self, attribute: &str) -> bool {
        let Some(value) = self.text(attribute) else { return false };
        if attribute.eq_ignore_ascii_case("userAccountControl") {
            // Written as a signed number of 32 bits.
            return value.parse::<i64>().is_ok_and(|bits| bits.cast_unsigned() & ACCOUNT_DISABLED != 0);
        }
        attribute.eq_ignore_ascii_case("pwdAccountLockedTime")
            || ["true", "yes", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
    }
}

/// # Errors
/// [`Skipped`] when the entry has no key or no user id.
pub(crate) fn user(config: &LdapConfig, entry: &Entry) -> Result<SourceUser, Skipped> {
    let field = |name: &str| match config.attribute(name) {
        "" => String::new(),
        attribute => entry.text(attribute).unwrap_or_default(),
    };
    let skipped = |key, why| Skipped { key, place: entry.dn.clone(), why };
    let attribute = config.attribute("key");
    let Some(key) = entry.key(attribute) else {
        return Err(skipped(None, Unfit::NotOne(attribute.to_owned())));
    };
    let name = field("name");
    if name.is_empty() {
        return Err(skipped(Some(key), Unfit::Without(config.attribute("name").to_owned())));
    }
    let disabled = config.attribute("disabled");
    let given_and_family = || format!("{} {}", field("given_name"), field("family_name")).trim().to_owned();
    let display_name = Some(field("display_name")).filter(|text| !text.is_empty()).unwrap_or_else(given_and_family);
    let profile = Profile {
        display_name,
        given_name: field("given_name"),
        family_name: field("family_name"),
        phonetic_name: field("phonetic_name"),
        mail: field("mail"),
        directory_uri: without_scheme(&field("directory_uri")),
        department: field("department"),
        title: field("title"),
        language: language(&field("language")),
        numbers: numbers(config, entry),
    };
    let enabled = disabled.is_empty() || !entry.disabled(disabled);
    Ok(SourceUser { key, place: entry.dn.clone(), name, enabled, profile, devices: None })
}

fn without_scheme(uri: &str) -> String {
    let scheme =
        uri.split_once(':').filter(|(scheme, _)| ["sip", "sips", "im", "xmpp"].contains(&scheme.to_ascii_lowercase().as_str()));
    scheme.map_or(uri, |(_, rest)| rest).to_owned()
}

/// The first of `preferredLanguage` (RFC 2798 §2.7, written as in `Accept-Language`).
fn language(text: &str) -> Option<String> {
    let tag = text.split([',', ';']).next()?.trim().to_ascii_lowercase();
    let shaped = tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    (shaped && tag.len() >= 2).then_some(tag)
}

fn numbers(config: &LdapConfig, entry: &Entry) -> Vec<Number> {
    let mut numbers = Vec::new();
    for kind in NumberKind::ALL {
        let attribute = config.attribute(kind.as_str());
        if attribute.is_empty() {
            continue;
        }
        let texts = entry.texts(attribute);
        let found = texts.iter().filter_map(|text| e164(text, config.country_code.as_deref()));
        numbers.extend(found.map(|number| Number { kind, number }));
    }
    numbers.sort();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Schema;

    fn config(schema: Schema) -> LdapConfig {
        let mut config: LdapConfig = serde_json::from_str(r#"{"servers": ["a"], "base": "b"}"#).unwrap();
        config.schema = schema;
        config.country_code = Some("81".to_owned());
        config
    }

    fn entry(dn: &str, values: &[(&str, &[u8])]) -> Entry {
        let mut entry = Entry { dn: dn.to_owned(), ..Entry::default() };
        for (name, value) in values {
            entry.values.entry(name.to_ascii_lowercase()).or_default().push(value.to_vec());
        }
        entry
    }

    #[test]
    fn a_person_of_active_directory() {
        let entry = entry(
            "CN=Hanako,DC=example",
            &[
                ("objectGUID", b"0123456789abcdef"),
                ("sAMAccountName", b"hanako"),
                ("userAccountControl", b"514"),
                ("displayName", "山田 花子".as_bytes()),
                ("msDS-PhoneticDisplayName", "やまだ はなこ".as_bytes()),
                ("msRTCSIP-PrimaryUserAddress", b"sip:hanako@example.com"),
                ("preferredLanguage", b"ja-JP;q=1, en"),
                ("telephoneNumber", b"03-1234-5678"),
                ("mobile", b"5123"),
            ],
        );
        let user = user(&config(Schema::ActiveDirectory), &entry).unwrap();
        assert_eq!(user.key, "30313233343536373839616263646566");
        assert!(!user.enabled);
        let profile = user.profile;
        assert_eq!((profile.phonetic_name.as_str(), profile.directory_uri.as_str()), ("やまだ はなこ", "hanako@example.com"));
        assert_eq!(profile.language.as_deref(), Some("ja-jp"));
        assert_eq!(profile.numbers, [Number { kind: NumberKind::Work, number: "+81312345678".to_owned() }]);
    }

    #[test]
    fn of_several_values_always_the_same_is_taken() {
        let forth = [("entryUUID", &b"k"[..]), ("uid", b"b"), ("uid", b"a"), ("mail", b"z@x"), ("mail", b"y@x")];
        let mut back = forth;
        back.reverse();
        for values in [forth, back] {
            let named = user(&config(Schema::InetOrgPerson), &entry("uid=B,dc=x", &values)).unwrap();
            assert_eq!((named.name.as_str(), named.profile.mail.as_str()), ("b", "y@x"));
            let other = user(&config(Schema::InetOrgPerson), &entry("cn=q,dc=x", &values)).unwrap();
            assert_eq!(other.name, "a");
        }
    }

    #[test]
    fn what_cannot_be_a_user_says_why() {
        let config = config(Schema::InetOrgPerson);
        let no_key = user(&config, &entry("uid=a", &[("uid", b"a")])).unwrap_err();
        assert_eq!((no_key.key, no_key.why), (None, Unfit::NotOne("entryUUID".to_owned())));
        let two_keys = user(&config, &entry("uid=a", &[("entryUUID", b"1"), ("entryUUID", b"2"), ("uid", b"a")]));
        assert!(two_keys.is_err());
        let no_name = user(&config, &entry("cn=a", &[("entryUUID", b"1"), ("uid", b" \t")])).unwrap_err();
        assert_eq!(no_name.key.as_deref(), Some("1"));
        let binary_name = user(&config, &entry("cn=a", &[("entryUUID", b"1"), ("uid", b"\xff\xfe")]));
        assert!(binary_name.is_err());
    }

    #[test]
    fn locked_accounts_are_told_by_what_the_attribute_means() {
        let mut config = config(Schema::InetOrgPerson);
        let locked = |config: &LdapConfig, name: &str, value: &[u8]| {
            !user(config, &entry("uid=a", &[("entryUUID", b"1"), ("uid", b"a"), (name, value)])).unwrap().enabled
        };
        config.attributes.insert("disabled".to_owned(), "nsAccountLock".to_owned());
        assert!(locked(&config, "nsaccountlock", b"TRUE"));
        assert!(!locked(&config, "nsaccountlock", b"FALSE"));
        config.attributes.insert("disabled".to_owned(), "pwdAccountLockedTime".to_owned());
        assert!(locked(&config, "pwdAccountLockedTime", b"000001010000Z"));
        assert!(!locked(&config, "other", b"1"));
    }

    #[test]
    fn values_are_cut_at_their_limit() {
        let long = "あ".repeat(VALUE_CHARS + 1);
        let values = [("entryUUID", &b"1"[..]), ("uid", b"a"), ("displayName", long.as_bytes())];
        let found = user(&config(Schema::InetOrgPerson), &entry("uid=a", &values)).unwrap();
        assert_eq!(found.profile.display_name.chars().count(), VALUE_CHARS);
    }
}
