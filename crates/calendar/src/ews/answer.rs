//! Reading SOAP answers.

use crate::busy;
use crate::ews::request::MERGED_MINUTES;
use crate::source::UserError;
use crate::time;
use crate::xml::{self, ERRORS, Element, MESSAGES, SOAP, TYPES};
use std::time::Duration;
use zaiseki_model::{BusyInterval, BusyKind, Timestamp};
use zaiseki_net::http::{Response, header};

/// What one mailbox's answer holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    pub intervals: Vec<BusyInterval>,
    /// Events that could not be read: their place in the answer, and why.
    pub skipped: Vec<String>,
}

/// Why a request as a whole has no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 401 or 403.
    Auth(String),
    /// Throttled; the server's own wish, if it named one.
    Busy(Option<Duration>),
    Refused {
        code: String,
        message: String,
    },
    Malformed(String),
}

/// Codes that mean: not now. (ErrorExceeded… : fewer at once; the worker comes back later.)
const BUSY_CODES: [&str; 4] =
    ["ErrorServerBusy", "ErrorExceededConnectionCount", "ErrorExceededFindCountLimit", "ErrorTooManyObjectsOpened"];

/// The SOAP body's root, or what the HTTP status and fault say.
pub fn root(response: &Response) -> Result<Element, Trouble> {
    match response.status.as_u16() {
        200 | 500 => {}
        401 | 403 => return Err(Trouble::Auth(format!("status {}", response.status))),
        429 | 503 => return Err(Trouble::Busy(retry_after(response))),
        _ => {
            let message = "the address may not be that of EWS".to_owned();
            return Err(Trouble::Refused { code: format!("status {}", response.status), message });
        }
    }
    let envelope = xml::parse(&response.body).map_err(Trouble::Malformed)?;
    let body = envelope.child(SOAP, "Body").ok_or_else(|| Trouble::Malformed("no SOAP body".to_owned()))?;
    if let Some(fault) = body.child(SOAP, "Fault") {
        return Err(trouble_of(fault));
    }
    body.children.first().cloned().ok_or_else(|| Trouble::Malformed("the SOAP body is empty".to_owned()))
}

fn retry_after(response: &Response) -> Option<Duration> {
    response.header(header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
}

/// Reads a fault's `detail`, or a response message of class `Error`.
fn trouble_of(element: &Element) -> Trouble {
    let code = element
        .find(ERRORS, "ResponseCode")
        .or_else(|| element.find(MESSAGES, "ResponseCode"))
        .or_else(|| element.children.iter().find(|c| c.name == "faultcode"))
        .map_or_else(|| "unknown".to_owned(), |e| e.text.trim().to_owned());
    // ErrorInternalServerError may hide an inner ErrorServerBusy, which shows by the hint.
    let hint = back_off(element);
    if BUSY_CODES.contains(&code.as_str()) || hint.is_some() {
        return Trouble::Busy(hint);
    }
    let message = element
        .find(ERRORS, "Message")
        .or_else(|| element.find(MESSAGES, "MessageText"))
        .or_else(|| element.children.iter().find(|c| c.name == "faultstring"))
        .map_or_else(String::new, |e| e.text.trim().chars().take(300).collect());
    Trouble::Refused { code, message }
}

/// `<t:MessageXml><t:Value Name="BackOffMilliseconds">`; also written without the types namespace.
fn back_off(element: &Element) -> Option<Duration> {
    if element.name == "Value" && element.attribute("Name") == Some("BackOffMilliseconds") {
        return element.text.trim().parse().ok().map(Duration::from_millis);
    }
    element.children.iter().find_map(back_off)
}

/// One result per mailbox of the request, in its order (the answer carries no key).
pub fn availability(root: &Element, expected: usize, start: Timestamp) -> Result<Vec<Result<Intervals, UserError>>, Trouble> {
    let Some(array) = root.child(MESSAGES, "FreeBusyResponseArray") else {
        return Err(match root.find(MESSAGES, "ResponseMessage") {
            Some(message) => trouble_of(message),
            None => Trouble::Malformed(format!("{} without FreeBusyResponseArray", root.name)),
        });
    };
    let answers: Vec<_> = array.children.iter().filter(|c| c.is(MESSAGES, "FreeBusyResponse")).collect();
    if answers.len() != expected {
        // A request refused as a whole may come as a single answer.
        if let Some(message) = array.find(MESSAGES, "ResponseMessage").filter(|m| m.attribute("ResponseClass") == Some("Error")) {
            return Err(trouble_of(message));
        }
        return Err(Trouble::Malformed(format!("{} answers to {expected} mailboxes", answers.len())));
    }
    answers.into_iter().map(|answer| mailbox(answer, start)).collect()
}

fn mailbox(answer: &Element, start: Timestamp) -> Result<Result<Intervals, UserError>, Trouble> {
    if let Some(message) = answer.child(MESSAGES, "ResponseMessage")
        && message.attribute("ResponseClass") == Some("Error")
    {
        return match trouble_of(message) {
            Trouble::Refused { code, message } => Ok(Err(user_error(&code, &message))),
            busy => Err(busy),
        };
    }
    let Some(view) = answer.child(MESSAGES, "FreeBusyView") else {
        return Ok(Err(UserError::Malformed("no FreeBusyView".to_owned())));
    };
    Ok(view_of_mailbox(view, start))
}

fn view_of_mailbox(view: &Element, start: Timestamp) -> Result<Intervals, UserError> {
    let merged = view.child_text(TYPES, "MergedFreeBusy");
    if let Some(events) = view.child(TYPES, "CalendarEventArray") {
        return Ok(read_events(events));
    }
    // Less than asked for, by permission or for a mailbox in another forest: only the digits, or not even these.
    match (view.child_text(TYPES, "FreeBusyViewType"), merged) {
        (Some("None"), None) => Err(UserError::NoAccess("no view is granted".to_owned())),
        (_, Some(digits)) if !digits.is_empty() && digits.bytes().all(|d| d > b'3') => Err(UserError::NoData),
        (Some("MergedOnly"), Some(digits)) => Ok(from_digits(digits, start)),
        // All views but MergedOnly list events when there are any: none listed, none there.
        (Some(_), Some(digits)) if digits.bytes().all(|d| d == b'0') => Ok(Intervals::default()),
        (_, Some(digits)) => Ok(from_digits(digits, start)),
        (Some(_), None) => Ok(Intervals::default()),
        (None, None) => Err(UserError::Malformed("no FreeBusyViewType".to_owned())),
    }
}

fn read_events(events: &Element) -> Intervals {
    let mut out = Intervals::default();
    for (index, event) in events.children.iter().filter(|c| c.is(TYPES, "CalendarEvent")).enumerate() {
        let interval = read_interval(event, "StartTime", "EndTime", "BusyType");
        collect(&mut out, index, interval);
    }
    out
}

fn collect(out: &mut Intervals, index: usize, interval: Result<BusyInterval, String>) {
    match interval {
        Ok(interval) => out.intervals.push(interval),
        Err(why) => out.skipped.push(format!("event {}: {why}", index + 1)),
    }
}

fn read_interval(event: &Element, start: &str, end: &str, kind: &str) -> Result<BusyInterval, String> {
    let at = |name: &str| {
        let text = event.child_text(TYPES, name).ok_or_else(|| format!("no {name}"))?;
        time::parse(text).ok_or_else(|| format!("{name} is not a time"))
    };
    let kind = event.child_text(TYPES, kind).ok_or_else(|| format!("no {kind}"))?;
    Ok(BusyInterval { start: at(start)?, end: at(end)?, kind: busy_kind(kind) })
}

/// `LegacyFreeBusyType`; an unknown word changes nobody's presence.
fn busy_kind(text: &str) -> BusyKind {
    match text {
        "Free" => BusyKind::Free,
        "Tentative" => BusyKind::Tentative,
        "Busy" => BusyKind::Busy,
        "OOF" => BusyKind::OutOfOffice,
        "WorkingElsewhere" => BusyKind::WorkingElsewhere,
        _ => BusyKind::NoData,
    }
}

/// One digit per [`MERGED_MINUTES`] from the window's start. Above 3 versions disagree on the meaning: never busy.
fn from_digits(digits: &str, start: Timestamp) -> Intervals {
    let step = Duration::from_secs(MERGED_MINUTES as u64 * 60);
    // The request names whole seconds.
    let start = Timestamp::from_secs(start.secs());
    let mut out = Intervals::default();
    for (index, digit) in digits.bytes().enumerate() {
        let kind = match digit {
            b'1' => BusyKind::Tentative,
            b'2' => BusyKind::Busy,
            b'3' => BusyKind::OutOfOffice,
            _ => continue,
        };
        let from = start + step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
        out.intervals.push(BusyInterval { start: from, end: from + step, kind });
    }
    // Slots are no entries: neighbours belong together as far as anybody can tell.
    out.intervals = busy::line(&out.intervals);
    out
}

/// The items of a `FindItem` answer, or why this user has none.
pub fn items(root: &Element) -> Result<Result<Intervals, UserError>, Trouble> {
    let Some(message) = root.find(MESSAGES, "FindItemResponseMessage") else {
        return Err(Trouble::Malformed(format!("{} without FindItemResponseMessage", root.name)));
    };
    if message.attribute("ResponseClass") == Some("Error") {
        return match trouble_of(message) {
            Trouble::Refused { code, message } => Ok(Err(user_error(&code, &message))),
            busy => Err(busy),
        };
    }
    let Some(folder) = message.child(MESSAGES, "RootFolder") else {
        return Err(Trouble::Malformed("no RootFolder".to_owned()));
    };
    let mut out = Intervals::default();
    let items = folder.child(TYPES, "Items").map_or(&[][..], |items| &items.children);
    for (index, item) in items.iter().filter(|i| i.is(TYPES, "CalendarItem")).enumerate() {
        if item.child_text(TYPES, "IsCancelled") != Some("true") {
            collect(&mut out, index, read_interval(item, "Start", "End", "LegacyFreeBusyStatus"));
        }
    }
    if folder.attribute("IncludesLastItemInRange") == Some("false") {
        out.skipped.push(format!("all events after the first {}", items.len()));
    }
    Ok(Ok(out))
}

/// What a response code means for one user.
pub fn user_error(code: &str, message: &str) -> UserError {
    let shown = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
    match code {
        "ErrorMailRecipientNotFound"
        | "ErrorNonExistentMailbox"
        | "ErrorItemNotFound"
        | "ErrorFolderNotFound"
        | "ErrorInvalidSmtpAddress"
        | "ErrorMissingEmailAddress" => UserError::NotFound,
        "ErrorNoFreeBusyAccess"
        | "ErrorAccessDenied"
        | "ErrorImpersonateUserDenied"
        | "ErrorImpersonationDenied"
        | "ErrorImpersonationFailed"
        | "ErrorInvalidExchangeImpersonationHeaderData" => UserError::NoAccess(shown),
        "ErrorFreeBusyGenerationFailed"
        | "ErrorMailboxFailover"
        | "ErrorMailboxMoveInProgress"
        | "ErrorTimeoutExpired"
        | "ErrorProxyRequestProcessingFailed" => UserError::NoData,
        _ => UserError::Server(shown),
    }
}
