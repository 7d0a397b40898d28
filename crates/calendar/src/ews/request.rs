//! The SOAP requests we send, and nothing that would bring a subject back.

use crate::config::Impersonation;
use crate::ews::MAX_ITEMS;
use crate::source::Window;
use crate::time;
use crate::xml::{MESSAGES, SOAP, TYPES, escape};
use zaiseki_net::http::{HeaderName, HeaderValue, Method, Request, Url, header};

/// Old enough for every server still found, new enough for `WorkingElsewhere` (which arrives without being asked for).
const VERSION: &str = "Exchange2010_SP2";

/// Minutes per digit of `MergedFreeBusy`, 5..=1440: the finest, for servers that answer with nothing else.
pub const MERGED_MINUTES: i64 = 5;

/// UTC, spelled so that the schema is content: two seasons without a difference.
const UTC_ZONE: &str = "<t:TimeZone><t:Bias>0</t:Bias>\
    <t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>5</t:DayOrder><t:Month>10</t:Month>\
    <t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>\
    <t:DaylightTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>4</t:Month>\
    <t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>";

fn envelope(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <s:Envelope xmlns:s=\"{SOAP}\" xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\">\
         <s:Header><t:RequestServerVersion Version=\"{VERSION}\"/>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// `GetUserAvailabilityRequest`. At most a hundred addresses; times are bare, in the zone that is sent along.
pub fn availability(addresses: &[String], window: Window) -> String {
    let mut mailboxes = String::new();
    for address in addresses {
        mailboxes.push_str("<t:MailboxData><t:Email><t:Address>");
        mailboxes.push_str(&escape(address));
        mailboxes.push_str("</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType>");
        mailboxes.push_str("<t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>");
    }
    let (start, end) = (time::bare(window.start), time::bare(window.end));
    envelope(
        "",
        &format!(
            "<m:GetUserAvailabilityRequest>{UTC_ZONE}<m:MailboxDataArray>{mailboxes}</m:MailboxDataArray>\
             <t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime></t:TimeWindow>\
             <t:MergedFreeBusyIntervalInMinutes>{MERGED_MINUTES}</t:MergedFreeBusyIntervalInMinutes>\
             <t:RequestedView>FreeBusyMerged</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"
        ),
    )
}

/// `FindItem` over one user's calendar folder, occurrences expanded by the server.
pub fn calendar_view(address: &str, impersonation: Impersonation, window: Window) -> String {
    let address = escape(address);
    let sid = match impersonation {
        Impersonation::PrimarySmtpAddress => Some("PrimarySmtpAddress"),
        Impersonation::SmtpAddress => Some("SmtpAddress"),
        Impersonation::PrincipalName => Some("PrincipalName"),
        Impersonation::Off => None,
    };
    let (header, mailbox) = match sid {
        Some(sid) => (
            format!(
                "<t:ExchangeImpersonation><t:ConnectingSID><t:{sid}>{address}</t:{sid}></t:ConnectingSID></t:ExchangeImpersonation>"
            ),
            String::new(),
        ),
        None => (String::new(), format!("<t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>")),
    };
    let (start, end) = (time::bare(window.start), time::bare(window.end));
    envelope(
        &header,
        &format!(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>\
             <t:FieldURI FieldURI=\"calendar:Start\"/><t:FieldURI FieldURI=\"calendar:End\"/>\
             <t:FieldURI FieldURI=\"calendar:LegacyFreeBusyStatus\"/><t:FieldURI FieldURI=\"calendar:IsCancelled\"/>\
             </t:AdditionalProperties></m:ItemShape>\
             <m:CalendarView MaxEntriesReturned=\"{MAX_ITEMS}\" StartDate=\"{start}Z\" EndDate=\"{end}Z\"/>\
             <m:ParentFolderIds><t:DistinguishedFolderId Id=\"calendar\">{mailbox}</t:DistinguishedFolderId></m:ParentFolderIds></m:FindItem>"
        ),
    )
}

/// `GetServerTimeZones` for UTC: small, and needs no mailbox.
pub fn server_time_zones() -> String {
    envelope("", "<m:GetServerTimeZones ReturnFullTimeZoneData=\"false\"><m:Ids><t:Id>UTC</t:Id></m:Ids></m:GetServerTimeZones>")
}

/// The POST that carries a SOAP request.
pub fn http(url: &Url, soap: String, anchor: Option<&str>) -> Request {
    let mut request = Request::new(Method::POST, url.clone(), soap)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))
        .header(header::ACCEPT, HeaderValue::from_static("text/xml"));
    if let Some(Ok(anchor)) = anchor.map(HeaderValue::from_str) {
        request = request.header(HeaderName::from_static("x-anchormailbox"), anchor);
    }
    request
}
