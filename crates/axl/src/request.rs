//! Requests as text.
//!
//! Only the operation element is in the AXL namespace, everything inside it in none (`elementFormDefault="unqualified"`), and
//! the version stands in the namespace and in `SOAPAction` alike.

use crate::version::Version;
use zaiseki_net::http::{HeaderName, HeaderValue, Method, Request, Url, header};
use zaiseki_net::xml::escape;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// A question: the operation and what stands inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub operation: &'static str,
    pub content: String,
}

/// What is read of a user, in the order of the schema. `displayName` is left out where lists do not know it.
const TAGS: [&str; 15] = [
    "firstName",
    "displayName",
    "lastName",
    "userid",
    "mailid",
    "department",
    "userLocale",
    "status",
    "homeCluster",
    "imAndPresenceEnable",
    "directoryUri",
    "telephoneNumber",
    "title",
    "mobileNumber",
    "homeNumber",
];

fn tags(display_name: bool) -> String {
    let wanted = TAGS.iter().filter(|tag| display_name || **tag != "displayName");
    let tags: String = wanted.map(|tag| format!("<{tag}/>")).collect();
    format!("<returnedTags>{tags}</returnedTags>")
}

pub(crate) fn ccm_version() -> Question {
    Question { operation: "getCCMVersion", content: String::new() }
}

/// `first` users after leaving out `skip`.
pub(crate) fn list_user(version: Version, skip: usize, first: u32) -> Question {
    let tags = tags(version.lists_display_names());
    let content = format!("<searchCriteria><userid>%</userid></searchCriteria>{tags}<skip>{skip}</skip><first>{first}</first>");
    Question { operation: "listUser", content }
}

/// One user by [`zaiseki_model::directory::SourceUser::key`].
pub(crate) fn get_user(key: &str) -> Question {
    let content = format!("<uuid>{{{}}}</uuid>{}", escape(&key.to_ascii_uppercase()), tags(true));
    Question { operation: "getUser", content }
}

/// Changes of users; `from`: queue and number of the first change, or nothing to hear where the queue stands.
pub(crate) fn list_change(from: Option<(&str, u64)>) -> Question {
    let start = match from {
        Some((queue, id)) => format!("<startChangeId queueId=\"{}\">{id}</startChangeId>", escape(queue)),
        None => String::new(),
    };
    Question { operation: "listChange", content: format!("{start}<objectList><object>User</object></objectList>") }
}

/// The HTTP request.
pub(crate) fn http(url: &Url, credentials: &HeaderValue, version: Version, question: &Question) -> Request {
    let Question { operation, content } = question;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <soapenv:Header/><soapenv:Body><axl:{operation} xmlns:axl=\"http://www.cisco.com/AXL/API/{version}\">{content}\
         </axl:{operation}></soapenv:Body></soapenv:Envelope>"
    );
    let request = Request::new(Method::POST, url.clone(), body)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))
        .header(header::AUTHORIZATION, credentials.clone());
    match HeaderValue::from_str(&format!("\"CUCM:DB ver={version} {operation}\"")) {
        Ok(action) => request.header(SOAP_ACTION, action),
        Err(_) => request,
    }
}
