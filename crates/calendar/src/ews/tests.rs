use super::answer::{Trouble, availability, items, root};
use super::*;
use proptest::prelude::*;
use std::time::Duration;
use zaiseki_model::{BusyInterval, BusyKind};
use zaiseki_net::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

fn response(status: u16, body: &str) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_owned().into(),
        url: Url::parse("https://ex.test/").unwrap(),
    }
}

fn soap(body: &str) -> Response {
    let text = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages' \
         xmlns:e='http://schemas.microsoft.com/exchange/services/2006/errors' \
         xmlns:t='http://schemas.microsoft.com/exchange/services/2006/types'><s:Body>{body}</s:Body></s:Envelope>"
    );
    response(200, &text)
}

fn noon() -> Timestamp {
    crate::time::parse("2026-11-24T12:00:00Z").unwrap()
}

fn minutes(from: u64, to: u64, kind: BusyKind) -> BusyInterval {
    let at = |m: u64| noon() + Duration::from_secs(m * 60);
    BusyInterval { start: at(from), end: at(to), kind }
}

const OK: &str = "<m:ResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage>";

#[test]
fn each_mailbox_answers_for_itself() {
    let error = |code: &str| {
        format!(
            "<m:FreeBusyResponse><m:ResponseMessage ResponseClass='Error'><m:ResponseCode>{code}</m:ResponseCode></m:ResponseMessage></m:FreeBusyResponse>"
        )
    };
    let event = |start: &str, end: &str, kind: &str| {
        format!(
            "<t:CalendarEvent><t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime><t:BusyType>{kind}</t:BusyType></t:CalendarEvent>"
        )
    };
    let view = |kind: &str, digits: &str, events: &str| {
        format!(
            "<m:FreeBusyResponse>{OK}<m:FreeBusyView><t:FreeBusyViewType>{kind}</t:FreeBusyViewType><t:MergedFreeBusy>{digits}</t:MergedFreeBusy>{events}</m:FreeBusyView></m:FreeBusyResponse>"
        )
    };
    let events = [
        event("2026-11-24T12:00:00", "2026-11-24T12:30:00", "Busy"),
        event("2026-11-24T14:00:00+01:00", "2026-11-24T14:10:00+01:00", "OOF"),
        event("2026-11-24T15:00:00", "never", "Busy"),
        event("2026-11-24T16:00:00", "2026-11-24T17:00:00", "NewFangled"),
    ];
    let events = format!("<t:CalendarEventArray>{}</t:CalendarEventArray>", events.concat());
    let all = [
        view("FreeBusyMerged", "2200", &events),
        error("ErrorMailRecipientNotFound"),
        error("ErrorNoFreeBusyAccess"),
        view("MergedOnly", "022134", ""),
        view("MergedOnly", "4444", ""),
        view("FreeBusyMerged", "0000", ""),
        format!(
            "<m:FreeBusyResponse>{OK}<m:FreeBusyView><t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView></m:FreeBusyResponse>"
        ),
    ];
    let body = format!(
        "<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>{}</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>",
        all.concat()
    );
    let answers = availability(&root(&soap(&body)).unwrap(), 7, noon()).unwrap();
    let first = answers[0].as_ref().unwrap();
    let expected = [minutes(0, 30, BusyKind::Busy), minutes(60, 70, BusyKind::OutOfOffice), minutes(240, 300, BusyKind::NoData)];
    assert_eq!(first.intervals, expected);
    assert_eq!(first.skipped, ["event 3: EndTime is not a time"]);
    assert_eq!(answers[1], Err(UserError::NotFound));
    assert!(matches!(answers[2], Err(UserError::NoAccess(_))));
    let digits = &answers[3].as_ref().unwrap().intervals;
    let window = Window { start: noon(), end: noon() + Duration::from_secs(86_400) };
    let expected = [minutes(5, 15, BusyKind::Busy), minutes(15, 20, BusyKind::Tentative), minutes(20, 25, BusyKind::OutOfOffice)];
    assert_eq!(busy::arrange(digits, window), expected);
    assert_eq!(answers[4], Err(UserError::NoData));
    assert_eq!(answers[5], Ok(answer::Intervals::default()));
    assert!(matches!(answers[6], Err(UserError::NoAccess(_))));
    let short = availability(&root(&soap(&body)).unwrap(), 8, noon());
    assert!(short.is_err(), "no key: a wrong number of answers cannot be assigned");
}

#[test]
fn calendar_view_items() {
    let item = |kind: &str, cancelled: &str| {
        format!(
            "<t:CalendarItem><t:Subject>secret</t:Subject><t:Start>2026-11-24T12:00:00Z</t:Start><t:End>2026-11-24T12:05:00Z</t:End><t:LegacyFreeBusyStatus>{kind}</t:LegacyFreeBusyStatus><t:IsCancelled>{cancelled}</t:IsCancelled></t:CalendarItem>"
        )
    };
    let list = item("Busy", "false") + &item("Busy", "true") + &item("OOF", "false") + "<t:CalendarItem/>";
    let body = format!(
        "<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder IncludesLastItemInRange='false'><t:Items>{list}</t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>"
    );
    let found = items(&root(&soap(&body)).unwrap()).unwrap().unwrap();
    assert_eq!(found.intervals, [minutes(0, 5, BusyKind::Busy), minutes(0, 5, BusyKind::OutOfOffice)]);
    assert_eq!(found.skipped.len(), 2, "{:?}", found.skipped);
    assert!(!found.skipped.concat().contains("secret"));
}

#[test]
fn faults_and_statuses() {
    let fault = |code: &str, hint: &str| {
        let text = soap(&format!(
            "<s:Fault><faultcode>a:x</faultcode><faultstring>text</faultstring><detail><e:ResponseCode>{code}</e:ResponseCode>{hint}</detail></s:Fault>"
        ));
        root(&Response { status: StatusCode::INTERNAL_SERVER_ERROR, ..text }).unwrap_err()
    };
    let hint = "<t:MessageXml><t:Value Name='BackOffMilliseconds'>2500</t:Value></t:MessageXml>";
    assert_eq!(fault("ErrorServerBusy", hint), Trouble::Busy(Some(Duration::from_millis(2_500))));
    assert_eq!(fault("ErrorServerBusy", ""), Trouble::Busy(None));
    assert_eq!(fault("ErrorInternalServerError", hint), Trouble::Busy(Some(Duration::from_millis(2_500))));
    let refused = Trouble::Refused { code: "ErrorSchemaValidation".to_owned(), message: "text".to_owned() };
    assert_eq!(fault("ErrorSchemaValidation", ""), refused);
    assert!(matches!(root(&response(401, "")), Err(Trouble::Auth(_))));
    assert!(matches!(root(&response(404, "")), Err(Trouble::Refused { .. })));
    assert!(matches!(root(&response(200, "<html><body>Sign in</body></html>")), Err(Trouble::Malformed(_))));
    assert!(matches!(root(&response(200, "Hello")), Err(Trouble::Malformed(_))));
    let mut busy = response(503, "");
    busy.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    assert_eq!(root(&busy).unwrap_err(), Trouble::Busy(Some(Duration::from_secs(30))));
}

#[test]
fn requests_ask_for_no_subject_and_escape_what_they_carry() {
    let window = Window { start: noon(), end: noon() + Duration::from_secs(3_600) };
    let soap = request::availability(&["a&<b@ex.test".to_owned()], window);
    assert!(soap.contains("<t:Address>a&amp;&lt;b@ex.test</t:Address>") && soap.contains("FreeBusyMerged"));
    let view = request::calendar_view("a@ex.test", crate::config::Impersonation::PrincipalName, window);
    assert!(view.contains("<t:PrincipalName>a@ex.test</t:PrincipalName>") && view.contains("EndDate=\"2026-11-24T13:00:00Z\""));
    for text in [soap, view] {
        crate::xml::parse(text.as_bytes()).unwrap();
        assert!(!text.contains("Subject") && !text.contains("Detailed"));
    }
}

proptest! {
    #[test]
    fn nearly_soap_never_panics(text in "(<(m|t|e|s):(Body|Fault|FreeBusyResponseArray|FreeBusyResponse|FreeBusyView|MergedFreeBusy|CalendarEventArray|CalendarEvent|StartTime|BusyType|ResponseMessage|FindItemResponseMessage)( ResponseClass='Error')?/?>|</(m|t):[A-Za-z]{4,12}>|[0-9T:Z-]{0,12}){0,12}") {
        for body in [text.clone(), format!("<m:X>{text}</m:X>")] {
            if let Ok(found) = root(&soap(&body)) {
                let _ = availability(&found, 1, noon());
                let _ = items(&found);
            }
        }
    }
}
