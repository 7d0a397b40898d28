//! Takes out of a document what does not leave the house: secrets, and who people are.
//!
//! Documents are made of what administrators may see, which holds no secrets by its types. This is the second net, for
//! free text: lines of the log, what other programs answered, addresses with a password in them.
//!
//! - A field whose name speaks of a secret, and whatever follows `password=`, `token:` or `Bearer`, is removed.
//! - Of an address (`https://…`) user name, password and the values of the query go; of a webhook's the path too.
//! - Long words of mixed letters and digits, which tokens are, go; so do private keys, and names in LDAP (`cn=…`).
//! - A mail address or JID keeps its domain and gets a number for its name; so do names of users and administrators
//!   wherever they stand as a word. The same name has the same number throughout one document.

use crate::app::App;
use crate::error::Result;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use zaiseki_net::http::Url;

/// What stands in the place of a secret.
pub(crate) const REMOVED: &str = "(removed)";
/// Letters of a word from which on it may be a token; of one that happens to have no digit.
const TOKEN_CHARS: usize = 20;
const PLAIN_TOKEN_CHARS: usize = 32;
/// Fields and words that speak of a secret.
const SECRETS: [&str; 8] = ["password", "passwd", "secret", "token", "authorization", "bearer", "credential", "cookie"];
/// Attributes of LDAP that say who somebody is.
const NAMING: [&str; 8] = ["cn", "uid", "sn", "givenname", "displayname", "mail", "samaccountname", "userprincipalname"];
/// Fields whose values are words of the program, never of people.
const WORDS_OF_OURS: [&str; 11] =
    ["state", "level", "outcome", "kind", "id", "alarm", "section", "severity", "target", "key", "at"];

/// Remembers which name got which number.
#[derive(Default)]
pub(crate) struct Redactor {
    /// Lower case, without the domain.
    people: HashMap<String, String>,
    removed: usize,
}

impl Redactor {
    /// Looks in the database which words of these documents are names of people.
    pub fn of(app: &App, documents: &[&Value]) -> Result<Redactor> {
        let mut words = BTreeSet::new();
        documents.iter().for_each(|document| gather(document, &mut words));
        let words: Vec<String> = words.into_iter().collect();
        let names = app.store().query(move |db| db.names_among(&words))?;
        let mut redactor = Redactor::default();
        names.iter().for_each(|name| drop(redactor.person(name)));
        Ok(redactor)
    }

    /// How many secrets were taken out, and how many people have got a number.
    pub fn counts(&self) -> (usize, usize) {
        (self.removed, self.people.len())
    }

    pub fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(list) => list.iter_mut().for_each(|one| self.value(one)),
            Value::Object(fields) => {
                let webhook = fields.get("kind").is_some_and(|kind| kind == "webhook");
                for (name, value) in fields {
                    self.field(name, value, webhook);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, value: &mut Value, webhook: bool) {
        let lower = name.to_ascii_lowercase();
        let Value::String(text) = value else { return self.value(value) };
        if text.is_empty() || WORDS_OF_OURS.contains(&name) {
            return;
        }
        if SECRETS.iter().any(|word| lower.contains(word)) {
            *text = self.secret();
        } else if webhook && name == "url" {
            *text =
                Url::parse(text).map_or_else(|_| REMOVED.to_owned(), |url| format!("{}/…", url.origin().ascii_serialization()));
        } else {
            *text = self.text(text);
        }
    }

    fn secret(&mut self) -> String {
        self.removed += 1;
        REMOVED.to_owned()
    }

    /// A text with nothing in it that should not leave.
    pub fn text(&mut self, text: &str) -> String {
        if text.contains("PRIVATE KEY") {
            return self.secret();
        }
        if text.contains("-----BEGIN CERTIFICATE-----") {
            return format!("(certificates: {})", text.matches("-----BEGIN CERTIFICATE-----").count());
        }
        let text = self.without_names_of_entries(text);
        let mut out = String::with_capacity(text.len());
        // The piece is the value of something secret.
        let mut secret = false;
        for piece in text.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end();
            let said = if std::mem::take(&mut secret) && !word.is_empty() { self.secret() } else { self.piece(word) };
            secret = announces(word);
            out.push_str(&said);
            out.push_str(&piece[word.len()..]);
        }
        out
    }

    /// Without the names of entries of a directory (`CN=Anna Berg,OU=…`), which may hold spaces: each up to the next part.
    fn without_names_of_entries(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('=') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            let start = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
            out.push_str(&rest[..=at]);
            rest = after;
            if NAMING.contains(&before[start..].to_ascii_lowercase().as_str()) && !after.starts_with(REMOVED) {
                out.push_str(&self.secret());
                rest = &after[after.find([',', ')', ';', '"']).unwrap_or(after.len())..];
            }
        }
        out.push_str(rest);
        out
    }

    /// What stands between two spaces.
    fn piece(&mut self, piece: &str) -> String {
        if let Some((before, after)) = piece.split_once(['=', ':'])
            && !after.is_empty()
            && !after.starts_with("//")
        {
            let (name, sign) = (bare(before), &piece[before.len()..=before.len()]);
            if SECRETS.iter().any(|word| name.contains(word)) {
                return format!("{before}{sign}{}", self.secret());
            }
        }
        match piece.find("://") {
            Some(at) => self.address(piece, at),
            None => self.words(piece),
        }
    }

    /// A piece with an address in it, whose scheme ends at `colon`.
    fn address(&mut self, piece: &str, colon: usize) -> String {
        let start = piece[..colon].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let end = piece[colon..].find(['"', '\'', ')', '>', ',', ';']).map_or(piece.len(), |at| colon + at);
        let Ok(mut url) = Url::parse(&piece[start..end]) else { return self.words(piece) };
        let hidden = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
        self.removed += usize::from(hidden);
        // Neither can fail for an address with a host, and one without has none to hide.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        let path: Vec<String> = url.path().split('/').map(|part| self.words(part)).collect();
        let address = format!("{}{}", url.origin().ascii_serialization(), path.join("/"));
        format!("{}{address}{}", self.words(&piece[..start]), self.words(&piece[end..]))
    }

    /// The words of a piece, one after the other.
    fn words(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let length = rest.find(|c| is_of_word(c) != is_of_word(first)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(length);
            rest = after;
            if !is_of_word(first) {
                out.push_str(run);
                continue;
            }
            out.push_str(&self.word(run));
            // The resource of a JID is whatever a client calls itself.
            if run.contains('@') && rest.starts_with('/') {
                rest = &rest[rest.find(['"', '\'', ',', ';', ')', '>']).unwrap_or(rest.len())..];
            }
        }
        out
    }

    fn word(&mut self, word: &str) -> String {
        if let Some((name, domain)) = word.rsplit_once('@').filter(|(name, domain)| !name.is_empty() && !domain.is_empty()) {
            return format!("{}@{domain}", self.person(name));
        }
        let end = word.trim_end_matches('.').len();
        if let Some(number) = self.people.get(&word[..end].to_lowercase()) {
            return format!("{number}{}", &word[end..]);
        }
        if looks_like_token(word) { self.secret() } else { word.to_owned() }
    }

    fn person(&mut self, name: &str) -> String {
        let next = format!("person-{}", self.people.len() + 1);
        self.people.entry(name.to_lowercase()).or_insert(next).clone()
    }
}

/// What comes next is secret: `password =`, `Bearer`.
fn announces(word: &str) -> bool {
    let name = bare(word.trim_end_matches(['=', ':']));
    let asks = word.ends_with(['=', ':']) && SECRETS.iter().any(|secret| name.contains(secret));
    asks || name == "bearer"
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '\\' | '+')
}

/// Letters of both cases in one long word, as random bits are written.
fn looks_like_token(word: &str) -> bool {
    let any = |is: fn(&char) -> bool| word.chars().any(|c| is(&c));
    let mixed = any(char::is_ascii_uppercase) && any(char::is_ascii_lowercase);
    let long = if any(char::is_ascii_digit) { TOKEN_CHARS } else { PLAIN_TOKEN_CHARS };
    word.len() >= long && mixed && word.is_ascii()
}

/// The words of a document that may be names, in lower case.
fn gather(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let found = text.split(|c| !is_of_word(c)).map(|word| word.trim_end_matches('.').to_lowercase());
            words.extend(found.filter(|word| !word.is_empty() && !word.contains('@')));
        }
        Value::Array(list) => list.iter().for_each(|one| gather(one, words)),
        Value::Object(fields) => fields.values().for_each(|one| gather(one, words)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use serde_json::json;

    fn told(text: &str) -> String {
        Redactor::default().text(text)
    }

    #[test]
    fn secrets_in_free_text_are_removed() {
        for (text, kept) in [
            ("password=open sesame", "password=(removed) sesame"),
            ("password: open", "password: (removed)"),
            ("Authorization: Bearer abc.def", "Authorization: (removed) (removed)"),
            ("a client_secret=\"x\" there", "a client_secret=(removed) there"),
            ("https://im:geheim@host.example/v1/x?key=1#y", "https://host.example/v1/x"),
            ("(see https://a.example/setup/dGhpcyBpcyBhIHRva2VuIDEyMzQ1Njc4OTA)", "(see https://a.example/setup/(removed))"),
            ("zk_dGhpcyBpcyBhIHRva2VuIDEyMzQ1Njc4OTA", "(removed)"),
            ("-----BEGIN PRIVATE KEY-----\nMIIB", "(removed)"),
            ("-----BEGIN CERTIFICATE-----\nMIIB", "(certificates: 1)"),
            ("uid=anna,ou=tokyo,dc=example", "uid=(removed),ou=tokyo,dc=example"),
            ("CN=Anna Berg,OU=x", "CN=(removed),OU=x"),
        ] {
            assert_eq!(told(text), kept, "{text}");
        }
        for same in ["a page panicked", "zaiseki_control::app", "127.0.0.1:5222", "3f7a1c0e-7c0b-7f00-8000-000000000001", "花 子"]
        {
            assert_eq!(told(same), same);
        }
    }

    #[test]
    fn people_have_numbers_which_stay() {
        let fixture = Fixture::new();
        fixture.user("hanako");
        let mut document = json!({
            "line": "user=hanako: Hanako@example.com/Desk of hanako, ken@other.example",
            "state": "hanako", "secret": true, "client_secret": "x", "password": "",
            "list": [{"kind": "webhook", "url": "https://hooks.example/a/b"}],
        });
        let mut redactor = Redactor::of(&fixture.app, &[&document]).unwrap();
        redactor.value(&mut document);
        let wanted = json!({
            "line": "user=person-1: person-1@example.com of person-1, person-2@other.example",
            "state": "hanako", "secret": true, "client_secret": REMOVED, "password": "",
            "list": [{"kind": "webhook", "url": "https://hooks.example/…"}],
        });
        assert_eq!(document, wanted);
        assert_eq!(redactor.counts(), (1, 2));
    }
}
