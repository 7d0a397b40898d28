//! Sessions, presence and contacts on the terminal.

use super::{Column, cell, column, in_language, rows};
use crate::i18n::Lang;
use serde_json::{Value, json};

pub(super) const SESSIONS: [Column; 10] = [
    column("id", "ID", "ID"),
    column("resource", "RESOURCE", "リソース"),
    column("show", "PRESENCE", "在席"),
    column("client", "CLIENT", "クライアント"),
    column("transport", "TRANSPORT", "接続方式"),
    column("tls", "TLS", "TLS"),
    column("peer", "ADDRESS", "接続元"),
    column("since", "SINCE", "開始"),
    column("management", "RESUMPTION", "再開"),
    column("queued", "QUEUED", "未確認"),
];
pub(super) const CONTACTS: [Column; 6] = [
    column("address", "ADDRESS", "アドレス"),
    column("name", "NAME", "名前"),
    Column { key: "groups", en: "GROUPS", ja: "グループ", cell: list },
    column("subscription", "SUBSCRIPTION", "購読"),
    column("ask", "ASKS", "申請中"),
    column("asked", "IS ASKED", "承認待ち"),
];
const SEEN: [Column; 3] = [
    column("resource", "RESOURCE", "リソース"),
    column("show", "PRESENCE", "在席"),
    Column { key: "statuses", en: "TEXTS", ja: "文言", cell: texts },
];
const STEPS: [Column; 4] = [
    Column { key: "title", en: "RULE", ja: "規則", cell: in_language },
    column("verdict", "VERDICT", "判定"),
    Column { key: "why", en: "WHY", ja: "理由", cell: in_language },
    column("resource", "RESOURCE", "リソース"),
];
const FACTS: [Column; 4] = [
    Column { key: "title", en: "CALENDAR", ja: "予定表", cell: in_language },
    column("since", "SINCE", "開始"),
    column("until", "UNTIL", "終了"),
    column("gateway", "GATEWAY", "ゲートウェイ"),
];

fn list(value: &Value, lang: Lang) -> String {
    let all: Vec<String> = value.as_array().map_or(&[][..], Vec::as_slice).iter().map(|one| cell(one, lang)).collect();
    all.join(", ")
}

fn texts(value: &Value, lang: Lang) -> String {
    let one = |status: &Value| match status["language"].as_str() {
        Some(language) => format!("{language}: {}", cell(&status["text"], lang)),
        None => cell(&status["text"], lang),
    };
    value.as_array().map_or(&[][..], Vec::as_slice).iter().map(one).collect::<Vec<_>>().join(" / ")
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// One line for what is seen of a resource, or of nobody.
fn seen(resource: &Value, said: &Value) -> Value {
    json!({ "resource": resource, "show": said["show"], "statuses": said["statuses"] })
}

/// What all see who may see it, what the calendar says, and the lines of the table of precedence that somebody claims.
pub(super) fn presence(answer: &Value, lang: Lang) -> String {
    let mut lines: Vec<Value> = array(&answer["resources"]).iter().map(|one| seen(&one["resource"], &one["seen"])).collect();
    if let Some(absent) = answer["absent"].as_object() {
        lines.push(seen(&Value::Null, &absent["seen"]));
    }
    let mut text = rows(&lines, &SEEN, lang);
    text.push_str(&calendar(&answer["calendar"], lang));
    text.push_str(&steps(answer, lang));
    text
}

fn calendar(calendar: &Value, lang: Lang) -> String {
    let with_gateway = |fact: &Value| {
        let mut fact = fact.clone();
        fact["gateway"] = calendar["gateway"].clone();
        fact
    };
    let facts: Vec<Value> = array(&calendar["facts"]).iter().map(with_gateway).collect();
    if facts.is_empty() { String::new() } else { format!("\n{}", rows(&facts, &FACTS, lang)) }
}

fn steps(answer: &Value, lang: Lang) -> String {
    let absent = answer["absent"].as_object().map(|absent| json!({ "resource": null, "steps": absent["steps"] }));
    let mut lines = Vec::new();
    for one in array(&answer["resources"]).iter().chain(&absent) {
        for step in array(&one["steps"]).iter().filter(|step| step["verdict"] != "unclaimed") {
            let mut step = step.clone();
            step["resource"] = one["resource"].clone();
            lines.push(step);
        }
    }
    format!("\n{}", rows(&lines, &STEPS, lang))
}

/// What the viewer sees, why, and how it came about.
pub(super) fn sight(answer: &Value, lang: Lang) -> String {
    let say = |en: &str, ja: &str| if lang == Lang::Ja { ja.to_owned() } else { en.to_owned() };
    let mut text =
        format!("{} → {}: {}\n", cell(&answer["viewer"], lang), cell(&answer["of"], lang), in_language(&answer["reason"], lang));
    if answer["viewer_online"] == false {
        text.push_str(&say("the viewer has no available resource now\n", "見る側は現在オンラインではありません\n"));
    }
    let lines: Vec<Value> = array(&answer["seen"]).iter().map(|one| seen(&one["resource"], &one["presence"])).collect();
    match lines.is_empty() {
        true => text.push_str(&say("seen as offline\n", "オフラインに見えます\n")),
        false => text.push_str(&format!("\n{}", rows(&lines, &SEEN, lang))),
    }
    text.push_str(&calendar(&answer["presence"]["calendar"], lang));
    text.push_str(&steps(&answer["presence"], lang));
    text
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;

    fn answer() -> Value {
        let wins = json!({"level": "in-a-meeting", "title": {"en": "In a meeting", "ja": "会議中"}, "verdict": "wins",
            "why": {"en": "the calendar", "ja": "予定表"}});
        let none = json!({"level": "away", "title": {"en": "Away", "ja": "離席中"}, "verdict": "unclaimed", "why": {}});
        let said = json!({"show": "dnd", "statuses": [{"language": "ja", "text": "会議中"}, {"language": null, "text": "x"}]});
        let desk = json!({"resource": "desk", "seen": said, "steps": [wins, none]});
        let fact = json!({"title": {"en": "In a meeting", "ja": "会議中"}, "since": "9:00", "until": "10:00"});
        let presence = json!({"resources": [desk], "absent": null, "calendar": {"gateway": "mail", "facts": [fact]}});
        json!({"viewer": "a@x", "of": "b@x", "reason": {"en": "may see", "ja": "公開"}, "viewer_online": false,
            "seen": [{"resource": "desk", "presence": said}], "presence": presence})
    }

    #[test]
    fn what_is_seen_and_the_rule_that_won() {
        let text = table(&answer(), View::Sight, Lang::En);
        assert!(text.starts_with("a@x → b@x: may see\nthe viewer has no available resource now\n"), "{text}");
        assert!(text.contains("desk      dnd       ja: 会議中 / x") && text.contains("10:00  mail"), "{text}");
        assert!(text.contains("In a meeting  wins     the calendar  desk") && !text.contains("Away"), "{text}");
        let offline = json!({"seen": [], "reason": {"en": "blocked", "ja": ""}, "presence": {}});
        assert!(table(&offline, View::Sight, Lang::En).contains("seen as offline"));
        assert!(table(&answer()["presence"], View::UserPresence, Lang::Ja).contains("会議中"));
    }
}
