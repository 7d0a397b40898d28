//! What a page knows of the one who looks at it.

use super::page::Page;
use super::routes::Download;
use super::texts;
use axum::http::{HeaderMap, Uri, header};
use fluent_bundle::FluentValue;
use std::collections::BTreeMap;
use zaiseki_control::access::{Caller, Right};
use zaiseki_control::{App, ControlError, Lang};

/// Cookie of the chosen language.
pub const LANGUAGE_COOKIE: &str = "zaiseki-language";
/// Cookie of the areas of the navigation that are open, besides that of the page: keys with `.` between them.
pub const MENU_COOKIE: &str = "zaiseki-menu";
/// Cookie of what the page before did: a key of a text and, after `|`, what it was done to.
pub const FLASH_COOKIE: &str = "zaiseki-said";

/// The request for a page, and who makes it.
pub struct Ctx {
    pub app: App,
    pub lang: Lang,
    /// `None` on the pages before sign-in.
    pub caller: Option<Caller>,
    /// Stands in every form; see [`super::session`].
    pub csrf: String,
    pub path: String,
    /// Path with query.
    pub target: String,
    pub flash: Option<String>,
    menu: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) params: BTreeMap<String, String>,
}

impl Ctx {
    pub fn new(app: App, caller: Option<Caller>, csrf: String, uri: &Uri, headers: &HeaderMap) -> Ctx {
        let lang = language(headers);
        let query = uri.query().unwrap_or_default();
        Ctx {
            app,
            lang,
            caller,
            csrf,
            path: uri.path().to_owned(),
            target: uri.path_and_query().map_or_else(String::new, |target| target.as_str().to_owned()),
            flash: flash(headers, lang),
            menu: cookie(headers, MENU_COOKIE).unwrap_or_default().to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            params: BTreeMap::new(),
        }
    }

    /// The text of a key.
    pub fn t(&self, key: &str) -> String {
        texts::text(self.lang, key)
    }

    /// The text of a key with one variable.
    pub fn tn<'a>(&self, key: &str, name: &str, value: impl Into<FluentValue<'a>>) -> String {
        texts::with(self.lang, key, &[(name, value.into())])
    }

    /// The text of a key with several variables.
    pub fn tns(&self, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
        texts::with(self.lang, key, values)
    }

    /// A parameter of the query, without white space at the ends; `None` when it is empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// All parameters of the query, for forms that keep them.
    pub fn queries(&self) -> &BTreeMap<String, String> {
        &self.query
    }

    /// A parameter of the path (`{name}`).
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub fn may(&self, right: Right) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.may(right))
    }

    /// Who acts, for the audit trail.
    pub fn actor(&self) -> &str {
        self.caller.as_ref().map_or("nobody", |caller| caller.actor.as_str())
    }

    /// Whether an area of the navigation is kept open.
    pub fn opened(&self, group: &str) -> bool {
        self.menu.split('.').any(|key| key == group)
    }

    /// The administrator's name, for the frame.
    pub fn signed_in_name(&self) -> Option<&str> {
        let caller = self.caller.as_ref()?;
        Some(caller.actor.split_once(':').map_or(caller.actor.as_str(), |(_, name)| name))
    }

    /// This page again in that language.
    pub fn language_href(&self, language: &str) -> String {
        let query = [("to", language), ("back", self.target.as_str())];
        format!("/console/language?{}", encoded(&query))
    }
}

/// A query string.
pub fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A name as one part of a path.
pub fn part(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The language chosen on the page, else the browser's first that the console speaks.
fn language(headers: &HeaderMap) -> Lang {
    if let Some(chosen) = cookie(headers, LANGUAGE_COOKIE).and_then(parse) {
        return chosen;
    }
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    wanted.split(',').find_map(|tag| parse(tag.split([';', '-']).next().unwrap_or_default().trim())).unwrap_or_default()
}

pub fn parse(tag: &str) -> Option<Lang> {
    match tag {
        "en" => Some(Lang::En),
        "ja" => Some(Lang::Ja),
        _ => None,
    }
}

/// What the page before did, if it is one of our texts.
fn flash(headers: &HeaderMap, lang: Lang) -> Option<String> {
    let value = cookie(headers, FLASH_COOKIE)?;
    let decoded = url::form_urlencoded::parse(value.as_bytes()).next()?.0.into_owned();
    let (key, object) = decoded.split_once('|')?;
    texts::known(key).then(|| texts::with(lang, key, &[("object", object.into())]))
}

/// The value of the cookie that [`flash`] reads.
pub fn flash_value(key: &str, object: &str) -> String {
    url::form_urlencoded::byte_serialize(format!("{key}|{object}").as_bytes()).collect()
}

/// What became of a posted form.
pub enum Next {
    /// On to another page, which says what was done.
    Go { to: String, key: &'static str, object: String },
    /// The form again, with what is wrong with it.
    Again(Page),
    /// A page that answers at once (a secret shown once).
    Show(Page),
    /// A file for the browser to keep.
    File(Download),
}

impl Next {
    /// `key`: a text with the variable `$object`.
    pub fn go(to: impl Into<String>, key: &'static str, object: impl Into<String>) -> Next {
        Next::Go { to: to.into(), key, object: object.into() }
    }
}

/// Whether the one who typed can mend it: then the form is shown again, else it is an error page.
pub fn can_be_mended(error: &ControlError) -> bool {
    matches!(error.code(), "invalid" | "conflict" | "throttled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_browser_s_first_known_language_unless_one_was_chosen() {
        for (accepted, lang) in [("ja,en;q=0.8", Lang::Ja), ("fr, ja-JP;q=0.5", Lang::Ja), ("en-GB", Lang::En), ("fr", Lang::En)]
        {
            assert_eq!(language(&headers(header::ACCEPT_LANGUAGE, accepted)), lang, "{accepted}");
        }
        let mut both = headers(header::ACCEPT_LANGUAGE, "ja");
        both.insert(header::COOKIE, HeaderValue::from_static("a=b; zaiseki-language=en"));
        assert_eq!(language(&both), Lang::En);
    }

    #[test]
    fn a_flash_says_only_what_is_among_our_texts() {
        let said = |value: &str| flash(&headers(header::COOKIE, &format!("{FLASH_COOKIE}={value}")), Lang::En);
        assert_eq!(said(&flash_value("<b>", "x")), None);
        assert_eq!(said("frame-menu"), None);
        assert!(said(&flash_value("frame-menu", "花子 & co")).is_some());
    }

    #[test]
    fn names_are_one_part_of_a_path() {
        assert_eq!(part("a/b?c#d e%花"), "a%2Fb%3Fc%23d%20e%25%E8%8A%B1");
    }
}
