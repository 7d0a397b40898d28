//! What the troubleshooter found.

use super::{Column, column, counted, in_language, rows};
use crate::i18n::Lang;
use serde_json::Value;

pub const LIST: [Column; 4] = [
    column("section", "SECTION", "セクション"),
    column("id", "ID", "ID"),
    TITLE,
    Column { key: "why", en: "WHY IT MATTERS", ja: "理由", cell: in_language },
];
const TITLE: Column = Column { key: "title", en: "CHECK", ja: "検査", cell: in_language };
const RESULTS: [Column; 7] = [
    Column { key: "outcome", en: "RESULT", ja: "結果", cell: outcome },
    column("section", "SECTION", "セクション"),
    TITLE,
    column("subject", "OF", "対象"),
    Column { key: "seen", en: "SEEN", ja: "内容", cell: in_language },
    Column { key: "todo", en: "WHAT TO DO", ja: "対処", cell: in_language },
    column("took_ms", "MS", "ミリ秒"),
];

/// All results, and below them how many there are of each kind.
pub fn run(run: &Value, lang: Lang) -> String {
    let results = run["results"].as_array().map_or(&[][..], Vec::as_slice);
    let count = |key: &str| run[key].as_u64().unwrap_or(0);
    let (passed, warnings, failed) = (count("passed"), count("warnings"), count("failed"));
    let sum = match lang {
        Lang::En => format!("{passed} passed, {}, {failed} failed\n", counted(warnings, "warning", "warnings")),
        Lang::Ja => format!("合格 {passed}、警告 {warnings}、不合格 {failed}\n"),
    };
    format!("{}\n{sum}", rows(results, &RESULTS, lang))
}

fn outcome(value: &Value, lang: Lang) -> String {
    match (value.as_str(), lang) {
        (Some("passed"), Lang::En) => "passed",
        (Some("warning"), Lang::En) => "WARNING",
        (Some("failed"), Lang::En) => "FAILED",
        (Some("passed"), Lang::Ja) => "合格",
        (Some("warning"), Lang::Ja) => "警告",
        (Some("failed"), Lang::Ja) => "不合格",
        _ => "–",
    }
    .to_owned()
}
