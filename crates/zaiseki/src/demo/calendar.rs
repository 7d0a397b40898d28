//! The demo's calendar server: the two CalDAV requests (RFC 4791) a gateway makes, answered with a meeting every other minute.
//! The gateway that reads it is the real one; only the calendar is an example.

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_xmpp::datetime;

/// Who meets when.
pub type Meetings = HashMap<String, (Timestamp, Duration)>;

/// Serves the calendars at `/calendars/USER/` until the program ends; says where.
pub async fn serve(meetings: Meetings) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = Router::new().fallback(answer).with_state(Arc::new(meetings));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

async fn answer(State(meetings): State<Arc<Meetings>>, method: Method, uri: Uri) -> Response {
    let user = uri.path().trim_matches('/').strip_prefix("calendars/").unwrap_or_default();
    let properties = match method.as_str() {
        "PROPFIND" => "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>".to_owned(),
        "REPORT" => match meetings.get(user) {
            Some((start, length)) => format!("<c:calendar-data>{}</c:calendar-data>", event(*start, *length)),
            None => return multistatus(""),
        },
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    multistatus(&format!(
        "<d:response><d:href>{}</d:href><d:propstat><d:prop>{properties}</d:prop>\
         <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>",
        uri.path()
    ))
}

fn multistatus(content: &str) -> Response {
    let body = format!("<d:multistatus xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>{content}</d:multistatus>");
    (StatusCode::MULTI_STATUS, [(header::CONTENT_TYPE, "application/xml; charset=utf-8")], body).into_response()
}

/// How often the meeting comes.
const EVERY: Duration = Duration::from_secs(120);
/// How many of them there are.
const MEETINGS: u32 = 60;

/// An object of RFC 5545 for each meeting, in UTC.
fn event(start: Timestamp, length: Duration) -> String {
    let stamp = |at: Timestamp| datetime::format_seconds(at.0).replace(['-', ':'], "");
    let mut out = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Zaiseki//demo//EN\r\n".to_owned();
    for n in 0..MEETINGS {
        let begin = start + EVERY * n;
        let lines = [
            "BEGIN:VEVENT",
            &format!("UID:demo-{n}@zaiseki.example"),
            &format!("DTSTAMP:{}", stamp(start)),
            &format!("DTSTART:{}", stamp(begin)),
            &format!("DTEND:{}", stamp(begin + length)),
            "SUMMARY:Example meeting",
            "END:VEVENT",
        ];
        out.push_str(&lines.map(|line| format!("{line}\r\n")).concat());
    }
    out + "END:VCALENDAR\r\n"
}
