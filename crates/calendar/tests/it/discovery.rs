//! The way to a user's calendars, where servers differ from Radicale.

use crate::scripted::{Reply, caldav, http, serve};
use crate::support::{mailbox, shown, source, window};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zaiseki_calendar::{Source, UserCalendar, UserError};

async fn fetch(source: &dyn Source) -> Vec<UserCalendar> {
    source.fetch(&[mailbox("hanako")], window("2026-11-24T00:00", "2026-11-25T00:00")).await.unwrap()
}

fn busy(answers: &[UserCalendar]) -> Vec<String> {
    shown(answers[0].result.as_ref().unwrap(), window("2026-11-24T00:00", "2026-11-25T00:00").start)
}

fn multistatus(responses: &str) -> Reply {
    let body = format!("<d:multistatus xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>{responses}</d:multistatus>");
    http("207 Multi-Status", "application/xml; charset=utf-8", &body)
}

fn resource(href: &str, properties: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
         <d:propstat><d:prop><c:calendar-description/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>"
    )
}

fn event(start: &str) -> String {
    let text = format!("BEGIN:VCALENDAR&#13;\nBEGIN:VEVENT\nUID:a\nDTSTART:{start}\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n");
    resource("/x.ics", &format!("<c:calendar-data>{text}</c:calendar-data>"))
}

const CALENDAR: &str = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
const TOKYO: &str = "<c:calendar-timezone>BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
    TZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n</c:calendar-timezone>";

#[tokio::test(flavor = "multi_thread")]
async fn only_calendars_that_count_are_read_in_their_own_zone() {
    let server = serve(|first, _| match first.split(' ').collect::<Vec<_>>()[..] {
        ["PROPFIND", "/hanako/", ..] => {
            let home = "<c:calendar-home-set><d:href>/homes/hanako/</d:href></c:calendar-home-set>";
            let service = "<d:current-user-principal><d:href>/service/</d:href></d:current-user-principal>";
            multistatus(&resource("/hanako/", &format!("{service}{home}")))
        }
        ["PROPFIND", "/homes/hanako/", ..] => {
            let transparent = format!("{CALENDAR}<c:schedule-calendar-transp><c:transparent/></c:schedule-calendar-transp>");
            let tasks = format!(
                "{CALENDAR}<c:supported-calendar-component-set><c:comp name='VTODO'/></c:supported-calendar-component-set>"
            );
            let list = [
                resource("/homes/hanako/", "<d:resourcetype><d:collection/></d:resourcetype>"),
                resource("/homes/hanako/work/", &format!("{CALENDAR}{TOKYO}")),
                resource("/homes/hanako/other/", &transparent),
                resource("/homes/hanako/tasks/", &tasks),
                resource("http://192.0.2.1/elsewhere/", CALENDAR),
            ];
            multistatus(&list.concat())
        }
        // A floating time: ten in Tokyo is one in UTC.
        ["REPORT", "/homes/hanako/work/", ..] => multistatus(&event("20261124T100000")),
        _ => multistatus(&event("20261124T200000Z")),
    })
    .await;
    assert_eq!(busy(&fetch(&*source(caldav(&server.url))).await), ["60..120 Busy"]);
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_may_not_be_listed_is_asked_as_a_whole() {
    let server = serve(|first, body| {
        if body.contains("free-busy-query") {
            let answer =
                "BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nFREEBUSY:20261124T010000Z/20261124T020000Z\nEND:VFREEBUSY\nEND:VCALENDAR\n";
            return http("200 OK", "text/calendar", answer);
        }
        match body.contains("current-user-principal") {
            true => multistatus(&resource("/hanako/", "<d:resourcetype><d:collection/></d:resourcetype>")),
            false => http("403 Forbidden", "text/plain", first),
        }
    })
    .await;
    assert_eq!(busy(&fetch(&*source(caldav(&server.url))).await), ["60..120 Busy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_calendar_is_found_again() {
    let moved = Arc::new(AtomicBool::new(false));
    // The listing names the place of the moment.
    let listed = Arc::clone(&moved);
    let front = serve(move |first, _| {
        let place = if listed.load(Ordering::SeqCst) { "/new/" } else { "/old/" };
        match first.split(' ').collect::<Vec<_>>()[..] {
            ["PROPFIND", ..] => multistatus(&resource(place, CALENDAR)),
            ["REPORT", asked, ..] if asked == place => multistatus(&event("20261124T010000Z")),
            _ => http("404 Not Found", "text/plain", ""),
        }
    })
    .await;
    let gateway = source(caldav(&front.url));
    let users = [mailbox("hanako")];
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    assert_eq!(busy(&gateway.fetch(&users, day).await.unwrap()), ["60..120 Busy"]);
    moved.store(true, Ordering::SeqCst);
    assert_eq!(busy(&gateway.fetch(&users, day).await.unwrap()), ["60..120 Busy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_cannot_lead_to_other_paths() {
    let server = serve(|first, _| match first.split(' ').nth(1) {
        Some("/..%2Fadmin/" | "/a%2Fb%3Fc/") => http("410 Gone", "text/plain", ""),
        other => http("400 Bad Request", "text/plain", other.unwrap_or_default()),
    })
    .await;
    for name in ["../admin", "a/b?c"] {
        let user = mailbox(name);
        let answers = source(caldav(&server.url)).fetch(&[user], window("2026-11-24T00:00", "2026-11-25T00:00")).await.unwrap();
        assert_eq!(answers[0].result, Err(UserError::NotFound), "{name}");
    }
}
