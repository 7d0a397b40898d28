//! WebDAV requests and multi-status answers (RFC 4918 §9.1, §13; RFC 3253 §3.6 for REPORT).

use crate::source::Window;
use crate::time;
use crate::xml::{self, CALDAV, DAV, Element};
use std::time::Duration;
use zaiseki_net::http::{Client, HeaderName, HeaderValue, HttpError, Method, Request, Response, Url, header, same_server};

/// Why a request about one user has no answer.
#[derive(Debug)]
pub enum DavError {
    Http(HttpError),
    /// 401.
    Auth,
    /// 403, 405, 501, and precondition failures: this way is not open.
    Forbidden(u16),
    /// 404, 410.
    NotFound,
    /// 429, 503, with the server's own wish.
    Busy(Option<Duration>),
    Status(u16),
    Malformed(String),
}

impl From<HttpError> for DavError {
    fn from(error: HttpError) -> Self {
        DavError::Http(error)
    }
}

/// One `<response/>` of a multi-status.
#[derive(Debug)]
pub struct Resource {
    pub url: Url,
    /// Properties that came with status 200.
    pub properties: Vec<Element>,
}

impl Resource {
    pub fn property(&self, ns: &str, name: &str) -> Option<&Element> {
        self.properties.iter().find(|p| p.is(ns, name))
    }

    /// The first `<href/>` in a property, resolved; only on the same server.
    pub fn link(&self, ns: &str, name: &str) -> Option<Url> {
        let href = self.property(ns, name)?.child_text(DAV, "href")?;
        self.url.join(href).ok().filter(|url| same_server(&self.url, url))
    }
}

/// Sends WebDAV requests in one user's name.
pub struct Dav<'a> {
    pub client: &'a Client,
    pub credentials: HeaderValue,
}

impl Dav<'_> {
    pub async fn propfind(&self, url: &Url, depth: &'static str, properties: &str) -> Result<Vec<Resource>, DavError> {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <d:propfind xmlns:d=\"{DAV}\" xmlns:c=\"{CALDAV}\"><d:prop>{properties}</d:prop></d:propfind>"
        );
        let response = self.send(b"PROPFIND", url, depth, body).await?;
        multistatus(&response)
    }

    pub async fn report(&self, url: &Url, depth: &'static str, body: String) -> Result<Response, DavError> {
        self.send(b"REPORT", url, depth, body).await
    }

    async fn send(&self, method: &[u8], url: &Url, depth: &'static str, body: String) -> Result<Response, DavError> {
        let method = Method::from_bytes(method).map_err(|e| DavError::Malformed(e.to_string()))?;
        let request = Request::new(method, url.clone(), body)
            .header(header::AUTHORIZATION, self.credentials.clone())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"))
            .header(HeaderName::from_static("depth"), HeaderValue::from_static(depth));
        let response = self.client.send(request).await?;
        match response.status.as_u16() {
            200..=299 => Ok(response),
            401 => Err(DavError::Auth),
            403 | 405 | 409 | 415 | 422 | 501 => Err(DavError::Forbidden(response.status.as_u16())),
            404 | 410 => Err(DavError::NotFound),
            429 | 503 => {
                let seconds = response.header(header::RETRY_AFTER).and_then(|v| v.trim().parse().ok());
                Err(DavError::Busy(seconds.map(Duration::from_secs)))
            }
            other => Err(DavError::Status(other)),
        }
    }
}

/// Reads a 207 answer. A resource with an address on another server, or none, is left out.
pub fn multistatus(response: &Response) -> Result<Vec<Resource>, DavError> {
    let root = xml::parse(&response.body).map_err(DavError::Malformed)?;
    if !root.is(DAV, "multistatus") {
        return Err(DavError::Malformed(format!("{} instead of multistatus", root.name)));
    }
    Ok(root.children.into_iter().filter(|c| c.is(DAV, "response")).filter_map(|c| resource(c, &response.url)).collect())
}

fn resource(element: Element, base: &Url) -> Option<Resource> {
    let url = base.join(element.child_text(DAV, "href")?).ok().filter(|url| same_server(base, url))?;
    let found = |c: &Element| c.is(DAV, "propstat") && c.child_text(DAV, "status").is_some_and(is_ok);
    let mut properties = Vec::new();
    for propstat in element.children.into_iter().filter(found) {
        for prop in propstat.children.into_iter().filter(|c| c.is(DAV, "prop")) {
            properties.extend(prop.children);
        }
    }
    Some(Resource { url, properties })
}

/// `HTTP/1.1 200 OK`
fn is_ok(status_line: &str) -> bool {
    status_line.split_ascii_whitespace().nth(1) == Some("200")
}

/// CALDAV:calendar-query with a time range (RFC 4791 §7.8). Expansion is not asked for: not every server can.
pub fn calendar_query(window: Window) -> String {
    let (start, end) = (time::compact(window.start), time::compact(window.end));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <c:calendar-query xmlns:d=\"{DAV}\" xmlns:c=\"{CALDAV}\"><d:prop><c:calendar-data/></d:prop>\
         <c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\">\
         <c:time-range start=\"{start}\" end=\"{end}\"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    )
}

/// CALDAV:free-busy-query (RFC 4791 §7.10).
pub fn free_busy_query(window: Window) -> String {
    let (start, end) = (time::compact(window.start), time::compact(window.end));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <c:free-busy-query xmlns:c=\"{CALDAV}\"><c:time-range start=\"{start}\" end=\"{end}\"/></c:free-busy-query>"
    )
}
