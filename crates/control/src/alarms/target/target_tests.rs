//! What is checked before it is stored.

use super::*;
use crate::alarms::catalogue::GATEWAY_DOWN;
use serde_json::{Value, json};
use zaiseki_model::{AlarmId, Severity, Timestamp};
use zaiseki_store::AlarmRow;

pub(super) fn event(change: Change) -> AlarmEvent {
    let row = AlarmRow {
        id: AlarmId([7; 16]),
        kind: GATEWAY_DOWN.id.to_owned(),
        subject: "mail".to_owned(),
        severity: Severity::Error,
        raised_at: Timestamp(0),
        last_at: Timestamp(0),
        count: 1,
        detail: ("no answer".to_owned(), "応答なし".to_owned()),
        acknowledged: None,
        cleared_at: None,
    };
    AlarmEvent { change, kind: &GATEWAY_DOWN, row }
}

fn refused(config: Value) -> Option<&'static str> {
    let config: TargetConfig = serde_json::from_value(config).unwrap();
    config.check().err().and_then(|error| error.field())
}

#[test]
fn what_cannot_work_is_refused_with_its_field() {
    let syslog = |host: &str, ca: Option<&str>| json!({"kind": "syslog", "host": host, "ca_pem": ca});
    assert_eq!(refused(syslog("log.example.com", None)), None);
    assert_eq!(refused(syslog("", None)), Some("host"));
    assert_eq!(refused(syslog("a b", None)), Some("host"));
    assert_eq!(refused(syslog("a", Some("nonsense"))), Some("ca_pem"));
    for (url, wrong) in
        [("https://a.example/x", None), ("ftp://a", Some("url")), ("https://u:p@a/", Some("url")), ("x", Some("url"))]
    {
        assert_eq!(refused(json!({"kind": "webhook", "url": url})), wrong, "{url}");
    }
    let mail = |from: &str, to: Vec<String>, security: &str, username: Option<&str>| json!({"kind": "mail", "host": "a", "from": from, "to": to, "security": security, "username": username});
    let to = |count: usize| vec!["b@example.com".to_owned(); count];
    assert_eq!(refused(mail("a@example.com", to(RECEIVERS), "starttls", Some("u"))), None);
    assert_eq!(refused(mail("a@example.com", to(RECEIVERS + 1), "starttls", None)), Some("to"));
    assert_eq!(refused(mail("a@example.com", to(0), "starttls", None)), Some("to"));
    assert_eq!(refused(mail("a@example.com", to(1), "none", Some("u"))), Some("security"));
    for from in ["", "a", "@b", "a@", "a@b\r\nDATA", "a@b>", "花子@b"] {
        assert_eq!(refused(mail(from, to(1), "tls", None)), Some("from"), "{from}");
    }
}
