//! Alarms on the terminal.

use super::{Column, column, fields, in_language};
use crate::i18n::Lang;
use serde_json::{Value, json};

pub(super) const ALARMS: [Column; 6] = [
    column("severity", "SEVERITY", "重大度"),
    column("alarm", "ALARM", "アラーム"),
    column("subject", "ABOUT", "対象"),
    Column { key: "detail", en: "SEEN", ja: "検出内容", cell: in_language },
    column("raised", "SINCE", "発生"),
    column("id", "ID", "ID"),
];
pub(super) const CATALOGUE: [Column; 4] = [
    column("alarm", "ALARM", "アラーム"),
    column("severity", "SEVERITY", "重大度"),
    Column { key: "title", en: "TITLE", ja: "名称", cell: in_language },
    Column { key: "remedy", en: "WHAT TO DO", ja: "対処", cell: in_language },
];

/// Label and value, line by line, the texts in the reader's language.
pub(super) fn one(alarm: &Value, lang: Lang) -> String {
    let mut alarm = alarm.clone();
    for key in ["title", "detail", "remedy"] {
        alarm[key] = json!(in_language(&alarm[key], lang));
    }
    if let Some(by) = alarm["acknowledged"]["by"].as_str().map(str::to_owned) {
        alarm["acknowledged"] = json!(by);
    }
    fields(&alarm, lang)
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;

    #[test]
    fn alarms_in_rows_and_alone() {
        let alarm = json!({"id": "1", "alarm": "gateway.down", "title": {"en": "Down", "ja": "停止"}, "subject": "mail",
            "severity": "error", "detail": {"en": "no answer", "ja": "応答なし"}, "remedy": {"en": "Test", "ja": "検査"},
            "raised": "12:00", "acknowledged": {"by": "admin:a", "at": "13:00"}});
        let page = json!({"alarms": [alarm], "next": null});
        let expected =
            "SEVERITY  ALARM         ABOUT  SEEN       SINCE  ID\nerror     gateway.down  mail   no answer  12:00  1\n";
        assert_eq!(table(&page, View::Alarms, Lang::En), expected);
        let shown = table(&alarm, View::Alarm, Lang::Ja);
        assert!(shown.contains("応答なし") && shown.contains("admin:a") && !shown.contains("13:00"), "{shown}");
    }
}
