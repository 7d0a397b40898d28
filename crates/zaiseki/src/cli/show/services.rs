//! Services and nodes on the terminal.

use super::{Column, cell, column, fields, in_language, labels};
use crate::i18n::Lang;
use serde_json::{Value, json};

pub(super) const SERVICES: [Column; 6] = [
    column("name", "NAME", "名前"),
    column("active", "ACTIVE", "有効"),
    Column { key: "state", en: "STATE", ja: "状態", cell: state },
    column("since", "SINCE", "開始日時"),
    column("restarts", "RESTARTS", "再開回数"),
    Column { key: "reason", en: "WHY", ja: "理由", cell: in_language },
];

pub(super) const NODES: [Column; 6] = [
    column("name", "NAME", "名前"),
    column("domain", "DOMAIN", "ドメイン"),
    column("version", "VERSION", "バージョン"),
    column("started", "STARTED", "開始日時"),
    column("users", "USERS", "ユーザー"),
    Column { key: "doors", en: "LISTENS ON", ja: "待ち受け", cell: doors },
];

pub(super) const NOTIFICATIONS: [Column; 7] = [
    column("severity", "SEVERITY", "重大度"),
    column("key", "KEY", "キー"),
    column("in_use", "IN USE", "使用中"),
    column("in_file", "IN THE FILE", "ファイル"),
    column("restart", "RESTART", "再起動の対象"),
    Column { key: "todo", en: "TO DO", ja: "対処", cell: in_language },
    Column { key: "why", en: "UNTIL THEN", ja: "それまで", cell: in_language },
];

fn state(state: &Value, lang: Lang) -> String {
    labels::worded("state of a service", state, lang)
}

/// When a change of a setting is used.
pub(super) fn effect(restart: &Value, lang: Lang) -> String {
    match (restart.as_str(), lang) {
        (None, Lang::En) => "live".to_owned(),
        (None, Lang::Ja) => "即時".to_owned(),
        (Some("node"), Lang::Ja) => "ノードの再起動後".to_owned(),
        (Some(what), Lang::En) => format!("restart of {what}"),
        (Some(what), Lang::Ja) => format!("{what} の再起動後"),
    }
}

/// `web 127.0.0.1:8443; console 127.0.0.1:9443 from 10.0.0.0/8`
fn doors(doors: &Value, lang: Lang) -> String {
    let words = |list: &Value| {
        let words = list.as_array().into_iter().flatten().map(|word| cell(word, lang));
        words.collect::<Vec<_>>().join(" ")
    };
    let door = |door: &Value| {
        let (name, from) = (cell(&door["name"], lang), words(&door["allow"]));
        let from = if from.is_empty() { from } else { format!(" < {from}") };
        format!("{name} {}{from}", words(&door["addresses"]))
    };
    doors.as_array().into_iter().flatten().map(door).collect::<Vec<_>>().join("; ")
}

/// Label and value, line by line, the texts in the reader's language.
pub(super) fn one(service: &Value, lang: Lang) -> String {
    let mut service = service.clone();
    for key in ["title", "does", "stop_means", "reason"] {
        service[key] = json!(in_language(&service[key], lang));
    }
    if let Some(failure) = service["last_failure"].as_object() {
        service["last_failure"] = json!(format!("{} {}", cell(&failure["at"], lang), in_language(&failure["reason"], lang)));
    }
    fields(&service, lang)
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;

    #[test]
    fn services_and_nodes_in_rows() {
        let text = |en: &str, ja: &str| json!({"en": en, "ja": ja});
        let service = json!({"name": "sync-agent", "title": text("Sync agent", "同期"), "does": text("d", "d"),
            "stop_means": text("s", "停止の影響"), "active": true, "state": "failed", "since": "12:00", "restarts": 2,
            "reason": text("panic", "異常"), "last_failure": {"at": "11:59", "reason": text("panic", "異常")}, "next_try": "12:01"});
        let expected = "NAME        ACTIVE  STATE   SINCE  RESTARTS  WHY\nsync-agent  yes     failed  12:00  2         panic\n";
        assert_eq!(table(&json!([service]), View::Services, Lang::En), expected);
        let one = table(&service, View::Service, Lang::Ja);
        assert!(one.contains("停止の影響") && one.contains("11:59 異常") && one.contains("異常終了"), "{one}");
        assert!(!one.contains("stop_means") && !one.contains("failed"), "{one}");
        let node = json!([{"name": "n1", "domain": "d", "version": "1", "started": null, "users": 3, "doors": [
            {"name": "web", "addresses": ["[::1]:1", "127.0.0.1:1"], "allow": []},
            {"name": "metrics", "addresses": ["127.0.0.1:2"], "allow": ["10.0.0.0/8"]}]}]);
        let nodes = table(&node, View::Nodes, Lang::En);
        assert!(nodes.ends_with("web [::1]:1 127.0.0.1:1; metrics 127.0.0.1:2 < 10.0.0.0/8\n"), "{nodes}");
    }
}
