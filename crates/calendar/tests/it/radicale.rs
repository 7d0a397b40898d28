//! CalDAV: Radicale holds real events, our client yields the expected intervals.

use crate::support::{PASSWORD, mailbox, shown, source, source_with, window};
use serde_json::{Value, json};
use zaiseki_calendar::{SourceError, UserError};
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, HeaderValue, Method, Request, Url, header};
use zaiseki_testkit::radicale::Radicale;

/// Basic credentials of the two who write: `hanako:s3cret`, `taro:s3cret`.
fn credentials(user: &str) -> HeaderValue {
    HeaderValue::from_static(match user {
        "hanako" => "Basic aGFuYWtvOnMzY3JldA==",
        "taro" => "Basic dGFybzpzM2NyZXQ=",
        other => panic!("no credentials for {other}"),
    })
}

struct Writer<'a> {
    server: &'a Radicale,
    user: &'static str,
    client: Client,
}

impl<'a> Writer<'a> {
    fn new(server: &'a Radicale, user: &'static str) -> Self {
        let config = ClientConfig { policy: AddressPolicy::CONFIGURED, ..ClientConfig::default() };
        Writer { server, user, client: Client::new(config).unwrap() }
    }

    async fn send(&self, method: &str, path: &str, body: String) {
        let url = Url::parse(&format!("{}/{}/{path}", self.server.url(), self.user)).unwrap();
        let request = Request::new(Method::from_bytes(method.as_bytes()).unwrap(), url, body)
            .header(header::AUTHORIZATION, credentials(self.user));
        let answer = self.client.send(request).await.unwrap();
        assert!(answer.status.is_success(), "{method} {path}: {} {:?}\n{}", answer.status, answer.body, self.server.output());
    }

    async fn calendar(&self, name: &str, properties: &str) {
        let body = format!(
            "<?xml version='1.0'?><c:mkcalendar xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>\
             <d:set><d:prop>{properties}</d:prop></d:set></c:mkcalendar>"
        );
        self.send("MKCALENDAR", &format!("{name}/"), body).await;
    }

    /// Each of `events` is the inside of one VEVENT of the same UID.
    async fn put(&self, calendar: &str, name: &str, events: &[&str]) {
        let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//test//EN\r\n".to_owned();
        for event in events {
            let lines = event.replace('\n', "\r\n");
            text.push_str(&format!(
                "BEGIN:VEVENT\r\nUID:{name}\r\nDTSTAMP:20261101T000000Z\r\nSUMMARY:会議 {name}\r\n{lines}\r\nEND:VEVENT\r\n"
            ));
        }
        text.push_str("END:VCALENDAR\r\n");
        self.send("PUT", &format!("{calendar}/{name}.ics"), text).await;
    }
}

fn config(url: String, username: &str, more: Value) -> Value {
    let mut config = json!({
        "kind": "caldav", "url": url, "username": username, "default_zone": "Asia/Tokyo",
        "server": { "allow_clear_text": true },
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

async fn fill(server: &Radicale) {
    let hanako = Writer::new(server, "hanako");
    hanako.calendar("work", "<d:displayname>仕事</d:displayname>").await;
    hanako
        .calendar("tasks", "<c:supported-calendar-component-set><c:comp name='VTODO'/></c:supported-calendar-component-set>")
        .await;
    let series = "DTSTART;TZID=Asia/Tokyo:20261116T100000\nDTEND;TZID=Asia/Tokyo:20261116T103000\nRRULE:FREQ=DAILY;UNTIL=20261231T010000Z\n\
                  EXDATE;TZID=Asia/Tokyo:20261123T100000";
    let moved = "RECURRENCE-ID;TZID=Asia/Tokyo:20261124T100000\nDTSTART;TZID=Asia/Tokyo:20261124T150000\nDTEND;TZID=Asia/Tokyo:20261124T160000";
    let cancelled = "RECURRENCE-ID;TZID=Asia/Tokyo:20261126T100000\nDTSTART;TZID=Asia/Tokyo:20261126T100000\n\
                     DTEND;TZID=Asia/Tokyo:20261126T103000\nSTATUS:CANCELLED";
    hanako.put("work", "series", &[series, moved, cancelled]).await;
    let single = |lines: &str, from: &str, to: &str| format!("DTSTART:20261124T{from}00Z\nDTEND:20261124T{to}00Z\n{lines}");
    let mine = "ORGANIZER:mailto:boss@example.test\nATTENDEE;PARTSTAT";
    for (name, lines, from, to) in [
        ("oof", "X-MICROSOFT-CDO-BUSYSTATUS:OOF".to_owned(), "0300", "0400"),
        ("tentative", "STATUS:TENTATIVE".to_owned(), "0430", "0500"),
        ("transparent", "TRANSP:TRANSPARENT".to_owned(), "0500", "0530"),
        ("declined", format!("{mine}=DECLINED:mailto:hanako@example.test"), "0530", "0545"),
        ("accepted", format!("{mine}=ACCEPTED:mailto:hanako@example.test"), "0800", "0830"),
        ("next", "STATUS:CONFIRMED".to_owned(), "0830", "0900"),
        ("cancelled", "STATUS:CANCELLED".to_owned(), "0900", "0930"),
    ] {
        hanako.put("work", name, &[&single(&lines, from, to)]).await;
    }
    hanako.put("work", "berlin", &["DTSTART;TZID=W. Europe Standard Time:20261124T120000\nDURATION:PT20M"]).await;
    let taro = Writer::new(server, "taro");
    taro.calendar("days", "<d:displayname>days</d:displayname>").await;
    taro.put("days", "holiday", &["DTSTART;VALUE=DATE:20261125\nDTEND;VALUE=DATE:20261126\nX-MICROSOFT-CDO-BUSYSTATUS:OOF"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_events_become_the_expected_intervals() {
    let server = Radicale::start(&["hanako", "taro", "empty"], PASSWORD).unwrap();
    fill(&server).await;
    let users = [mailbox("hanako"), mailbox("taro"), mailbox("nobody")];
    // The 24th in Tokyo, in minutes from its midnight, and on to the 26th's noon.
    let days = window("2026-11-23T15:00", "2026-11-26T03:00");
    let hanako = [
        "720..780 OutOfOffice", // 12:00 oof
        "810..840 Tentative",   // 13:30 tentative
        "900..960 Busy",        // 15:00 the series, moved
        "1020..1050 Busy",      // 17:00 accepted
        "1050..1080 Busy",      // 17:30 next, back to back
        "1200..1220 Busy",      // 20:00 by a Windows zone name
        "2040..2070 Busy",      // the 25th, 10:00: the series
    ];
    let by_service = source(config(format!("{}/{{user}}/", server.url()), "service", json!({})));
    // The second time the calendars are known already.
    for _ in 0..2 {
        let answers = by_service.fetch(&users, days).await.unwrap();
        assert_eq!(shown(answers[0].result.as_ref().unwrap(), days.start), hanako, "{}", server.output());
        assert_eq!(answers[0].skipped, Vec::<String>::new());
        assert_eq!(shown(answers[1].result.as_ref().unwrap(), days.start), ["1440..2880 OutOfOffice"], "a day of Tokyo");
        assert_eq!(answers[2].result, Err(UserError::NotFound));
    }
    let one_calendar = source(config(format!("{}/{{user}}/work/", server.url()), "service", json!({"ignore_declined": false})));
    let answers = one_calendar.fetch(&users[..1], days).await.unwrap();
    let found = shown(answers[0].result.as_ref().unwrap(), days.start);
    assert!(found.contains(&"870..885 Busy".to_owned()), "declined counts when so set: {found:?}");

    let as_user = source(config(format!("{}/", server.url()), "{user}", json!({})));
    let answers = as_user.fetch(&users, days).await.unwrap();
    assert_eq!(shown(answers[0].result.as_ref().unwrap(), days.start), hanako, "by well-known address and principal");
    assert!(matches!(answers[2].result, Err(UserError::NoAccess(_))), "{:?}", answers[2]);

    let free_busy = source(config(format!("{}/{{user}}/", server.url()), "service", json!({"mode": "free-busy"})));
    let answers = free_busy.fetch(&users[..1], days).await.unwrap();
    let found = shown(answers[0].result.as_ref().unwrap(), days.start);
    assert!(found.contains(&"720..780 Busy".to_owned()), "free/busy knows no out-of-office: {found:?}");
    assert!(found.contains(&"810..840 Tentative".to_owned()), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_self_test_tells_what_is_wrong() {
    let server = Radicale::start(&["hanako"], PASSWORD).unwrap();
    Writer::new(&server, "hanako").calendar("work", "<d:displayname>x</d:displayname>").await;
    let url = format!("{}/{{user}}/", server.url());
    let names = |findings: &[zaiseki_calendar::Finding]| findings.iter().map(|f| (f.name, f.passed())).collect::<Vec<_>>();
    let good = source(config(url.clone(), "service", json!({})));
    let findings = good.test(Some(&mailbox("hanako"))).await;
    assert_eq!(names(&findings), [("connect", true), ("sign-in", true), ("permission", true)], "{findings:?}");
    let findings = good.test(Some(&mailbox("nobody"))).await;
    assert_eq!(names(&findings), [("connect", true), ("sign-in", true), ("permission", false)], "{findings:?}");
    let wrong = source_with(config(url, "service", json!({})), "wrong");
    let findings = wrong.test(Some(&mailbox("hanako"))).await;
    assert_eq!(names(&findings), [("connect", true), ("sign-in", false)], "{findings:?}");
    let many: Vec<_> = (0..30).map(|_| mailbox("hanako")).collect();
    match wrong.fetch(&many, window("2026-11-23T15:00", "2026-11-26T03:00")).await {
        Err(SourceError::Auth { .. }) => {}
        other => panic!("{other:?}"),
    }
    let gone = source(config(
        format!("http://127.0.0.1:{}/{{user}}/", zaiseki_testkit::process::free_port().unwrap()),
        "service",
        json!({}),
    ));
    let findings = gone.test(Some(&mailbox("hanako"))).await;
    assert_eq!(names(&findings), [("connect", false)], "{findings:?}");
}
