//! Alarm targets and traces on the terminal.

use super::{Column, cell, column, in_language, labels};
use crate::i18n::Lang;
use serde_json::Value;

pub(super) const TARGETS: [Column; 6] = [
    column("name", "NAME", "名前"),
    Column { key: "config", en: "KIND", ja: "種類", cell: kind },
    column("severity", "FROM", "重大度"),
    column("enabled", "ENABLED", "有効"),
    Column { key: "status", en: "SENT", ja: "送信済み", cell: sent },
    Column { key: "status", en: "LAST ERROR", ja: "最後のエラー", cell: last_error },
];
pub(super) const TRACES: [Column; 5] = [
    column("user", "USER", "ユーザー ID"),
    Column { key: "state", en: "STATE", ja: "状態", cell: state },
    column("count", "STANZAS", "スタンザ数"),
    column("since", "SINCE", "開始"),
    column("until", "UNTIL", "終了"),
];
pub(super) const STANZAS: [Column; 4] = [
    column("at", "TIME", "時刻"),
    column("direction", "WAY", "方向"),
    column("resource", "RESOURCE", "リソース"),
    column("stanza", "STANZA", "スタンザ"),
];

fn state(state: &Value, lang: Lang) -> String {
    labels::worded("state of a trace", state, lang)
}

fn kind(config: &Value, lang: Lang) -> String {
    cell(&config["kind"], lang)
}

fn sent(status: &Value, lang: Lang) -> String {
    if status.is_null() { "-".to_owned() } else { cell(&status["sent"], lang) }
}

fn last_error(status: &Value, lang: Lang) -> String {
    if status["last_error"].is_null() { String::new() } else { in_language(&status["last_error"], lang) }
}

/// Whether a test went out, and why not.
pub(super) fn test(result: &Value, lang: Lang) -> String {
    match (result["sent"] == true, lang) {
        (true, Lang::En) => "sent\n".to_owned(),
        (true, Lang::Ja) => "送信しました\n".to_owned(),
        (false, _) => format!("{}\n", in_language(&result["error"], lang)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;
    use serde_json::json;

    #[test]
    fn targets_in_rows() {
        let status = json!({"sent": 3, "last_error": {"en": "no connection", "ja": "接続できません"}});
        let one = json!({"name": "siem", "config": {"kind": "syslog"}, "severity": "error", "enabled": true, "status": status});
        let other = json!({"name": "ops", "config": {"kind": "mail"}, "severity": "info", "enabled": false, "status": null});
        let shown = table(&json!([one, other]), View::AlarmTargets, Lang::Ja);
        assert!(shown.contains("syslog") && shown.contains("接続できません") && shown.lines().count() == 3, "{shown}");
        assert_eq!(table(&json!({"sent": true, "error": null}), View::Sent, Lang::En), "sent\n");
        let failed = json!({"sent": false, "error": {"en": "no", "ja": "不可"}});
        assert_eq!(table(&failed, View::Sent, Lang::Ja), "不可\n");
    }
}
