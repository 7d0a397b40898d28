//! Answers and faults as values. Nothing here believes the server: each reader takes any tree.

use crate::version::Version;
use std::time::Duration;
use zaiseki_net::xml::{self, Element};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Characters kept of what a server says of itself.
const MESSAGE_CHARS: usize = 300;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 401 and 403: the account is wrong, or may not use AXL.
    Auth(String),
    /// 503, or a fault that says that memory is used up: later. With the server's own wish, if it has one.
    Busy(Option<Duration>),
    /// The answer would be too long; less than this many rows would do.
    TooLong {
        fewer_than: u32,
    },
    /// 599; the newest version in common, such as `15.0`.
    Version(Option<String>),
    /// Codes 5003 and 5007.
    NotFound(String),
    Refused(String),
    Malformed(String),
}

/// The element of the answer to `operation`, or what status and fault say. `retry_after`: the header of that name.
///
/// # Errors
/// See [`Trouble`].
pub fn body(status: u16, retry_after: Option<Duration>, bytes: &[u8], operation: &str) -> Result<Element, Trouble> {
    match status {
        200 | 500 => {}
        401 => return Err(Trouble::Auth("name or password is wrong, or the account is locked (status 401)".to_owned())),
        403 => return Err(Trouble::Auth("the account may not use AXL (status 403)".to_owned())),
        429 | 503 => return Err(Trouble::Busy(retry_after)),
        599 => return Err(Trouble::Version(Version::agreed(&String::from_utf8_lossy(bytes)).map(|v| v.to_string()))),
        _ => return Err(Trouble::Refused(format!("status {status}: AXL may not run there"))),
    }
    let mut envelope = xml::parse(bytes, &[SOAP]).map_err(Trouble::Malformed)?;
    if !envelope.is(SOAP, "Envelope") {
        return Err(Trouble::Malformed(format!("it is {} rather than a SOAP envelope", shown(&envelope.name))));
    }
    let no_body = || Trouble::Malformed("it has no SOAP body".to_owned());
    let at = envelope.children.iter().position(|child| child.is(SOAP, "Body")).ok_or_else(no_body)?;
    let body = envelope.children.swap_remove(at);
    if let Some(fault) = body.child(SOAP, "Fault") {
        return Err(trouble(fault, retry_after));
    }
    let answer = body.children.into_iter().next().ok_or_else(|| Trouble::Malformed("the SOAP body is empty".to_owned()))?;
    match answer.name.strip_suffix("Response") {
        Some(of) if of == operation => Ok(answer),
        _ => Err(Trouble::Malformed(format!("it is {} rather than {operation}Response", shown(&answer.name)))),
    }
}

fn shown(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect()
}

/// By local name: `axlError` is seen with and without a namespace.
fn find<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    if element.name == name {
        return Some(element);
    }
    element.children.iter().find_map(|child| find(child, name))
}

/// A child by local name.
pub(crate) fn child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.children.iter().find(|child| child.name == name)
}

fn trouble(fault: &Element, retry_after: Option<Duration>) -> Trouble {
    let message = find(fault, "axlmessage").or_else(|| find(fault, "faultstring")).map_or("", |e| e.text.trim());
    let code = find(fault, "axlcode").map_or("", |e| e.text.trim());
    match code {
        "5003" | "5007" => Trouble::NotFound(shown(message)),
        "-1" => match fewer_than(message) {
            Some(fewer_than) => Trouble::TooLong { fewer_than },
            None if message.contains("Maximum AXL Memory") => Trouble::Busy(retry_after),
            None => Trouble::Refused(format!("{} (code -1)", shown(message))),
        },
        "" => Trouble::Refused(shown(message)),
        code => Trouble::Refused(format!("{} (code {})", shown(message), shown(code))),
    }
}

/// `Query request too large. Total rows matched: 2816 rows. Suggestive Row Fetch: less than 844 rows`.
fn fewer_than(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("Total rows matched:")?.1.split_once("less than")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The version of Unified CM in the answer of `getCCMVersion`, such as `12.5.1.10000-1`.
///
/// # Errors
/// [`Trouble::Malformed`] without one.
pub fn ccm_version(answer: &Element) -> Result<String, Trouble> {
    let version = find(answer, "componentVersion").and_then(|of| child(of, "version")).map(|e| shown(&e.text));
    version.filter(|v| !v.is_empty()).ok_or_else(|| Trouble::Malformed("it names no version".to_owned()))
}

/// The `user` elements in the answer of `listUser` and `getUser`. None at all is an answer too.
pub fn users(answer: &Element) -> impl Iterator<Item = &Element> {
    let inside = answer.children.iter().filter(|child| child.name == "return").flat_map(|list| &list.children);
    inside.filter(|child| child.name == "user")
}

/// `{ABCD…}` or `abcd…` as lower-case hexadecimal digits with hyphens, the form of the cluster's database.
pub fn uuid(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let parts: Vec<&str> = bare.split('-').collect();
    let shaped = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()));
    shaped.then(|| bare.to_ascii_lowercase())
}

/// One page of the change queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// Changes with every restart of the server.
    pub queue: String,
    /// The newest change there is.
    pub last: u64,
    /// Where the next page begins.
    pub next: u64,
    /// [`uuid`] of users, and whether they are there; the oldest first.
    pub changes: Vec<(String, bool)>,
}

/// # Errors
/// [`Trouble::Malformed`] when a number, a name or an action cannot be read: a change must not be lost.
pub fn changes(answer: &Element) -> Result<ChangePage, Trouble> {
    let bad = |why: &str| Trouble::Malformed(why.to_owned());
    let info = child(answer, "queueInfo").ok_or_else(|| bad("it has no queueInfo"))?;
    let text = |name: &str| child(info, name).map(|e| e.text.trim()).filter(|text| !text.is_empty());
    let number = |name: &str| {
        text(name).and_then(|text| text.parse().ok()).ok_or_else(|| Trouble::Malformed(format!("its {name} is no number")))
    };
    let queue = text("queueId").filter(|id| id.len() <= MESSAGE_CHARS).ok_or_else(|| bad("it has no queueId"))?.to_owned();
    let mut page = ChangePage { queue, last: number("lastChangeId")?, next: number("nextStartChangeId")?, changes: Vec::new() };
    let list = child(answer, "changes").map_or(&[][..], |list| &list.children);
    for change in list.iter().filter(|change| change.name == "change") {
        if change.attribute("type").is_some_and(|kind| !kind.eq_ignore_ascii_case("user")) {
            continue;
        }
        let key = change.attribute("uuid").and_then(uuid).ok_or_else(|| bad("a change names no user"))?;
        let there = match child(change, "action").map(|e| e.text.trim()) {
            Some("a" | "u") => true,
            Some("r") => false,
            _ => return Err(bad("a change has no known action")),
        };
        page.changes.push((key, there));
    }
    Ok(page)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
