//! The troubleshooter's checks on the terminal.

use super::{Column, cell, column, in_language};
use crate::i18n::Lang;
use serde_json::Value;

pub(super) const CHECKS: [Column; 3] = [
    column("id", "CHECK", "検査"),
    column("section", "SECTION", "分野"),
    Column { key: "why", en: "WHY IT MATTERS", ja: "理由", cell: in_language },
];
pub(super) const RESULTS: [Column; 5] = [
    Column { key: "outcome", en: "RESULT", ja: "結果", cell: outcome },
    column("id", "CHECK", "検査"),
    Column { key: "seen", en: "SEEN", ja: "内容", cell: in_language },
    Column { key: "todo", en: "WHAT TO DO", ja: "対処", cell: todo },
    column("took_ms", "MS", "ミリ秒"),
];

fn outcome(word: &Value, lang: Lang) -> String {
    match (word.as_str(), lang) {
        (Some("passed"), Lang::En) => "passed",
        (Some("passed"), Lang::Ja) => "合格",
        (Some("warning"), Lang::En) => "warning",
        (Some("warning"), Lang::Ja) => "警告",
        (_, Lang::En) => "FAILED",
        (_, Lang::Ja) => "不合格",
    }
    .to_owned()
}

fn todo(text: &Value, lang: Lang) -> String {
    if text.is_null() { cell(text, lang) } else { in_language(text, lang) }
}
