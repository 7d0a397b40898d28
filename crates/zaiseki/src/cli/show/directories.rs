//! Directories, synchronisations and duplicates on the terminal.

use super::{Column, cell, column, counted, in_language, passed, rows};
use crate::i18n::Lang;
use serde_json::{Value, json};

pub(super) const DIRECTORIES: [Column; 6] = [
    column("name", "NAME", "名前"),
    column("kind", "KIND", "種類"),
    column("enabled", "ENABLED", "有効"),
    Column { key: "last", en: "LAST", ja: "前回", cell: last },
    Column { key: "last_good", en: "PROBLEMS", ja: "問題", cell: problems },
    column("next", "NEXT", "次回"),
];
pub(super) const FINDINGS: [Column; 5] = [
    Column { key: "passed", en: "RESULT", ja: "結果", cell: passed },
    column("server", "SERVER", "サーバー"),
    Column { key: "step", en: "CHECK", ja: "検査", cell: in_language },
    Column { key: "seen", en: "SEEN", ja: "内容", cell: in_language },
    Column { key: "advice", en: "WHAT TO DO", ja: "対処", cell: in_language },
];
pub(super) const PROBLEMS: [Column; 4] = [
    column("code", "PROBLEM", "問題"),
    column("user", "USER", "ユーザー ID"),
    column("place", "ENTRY", "エントリー"),
    Column { key: "text", en: "MEANING", ja: "意味", cell: in_language },
];
pub(super) const LEFTOVERS: [Column; 5] = [
    column("kind", "KIND", "種類"),
    column("user", "USER", "ユーザー ID"),
    column("place", "ENTRY", "エントリー"),
    column("removal", "REMOVED AFTER", "削除予定"),
    Column { key: "advice", en: "WHAT TO DO", ja: "対処", cell: in_language },
];
const DIFFERENCE: [Column; 5] = [
    column("action", "CHANGE", "変更"),
    column("user", "USER", "ユーザー ID"),
    column("field", "FIELD", "項目"),
    column("before", "BEFORE", "変更前"),
    column("after", "AFTER", "変更後"),
];
const DUPLICATES: [Column; 3] =
    [column("field", "FIELD", "項目"), column("value", "VALUE", "値"), column("who", "WHO", "該当者")];
/// Key, English for one, for several, Japanese.
const COUNTS: [(&str, &str, &str, &str); 10] = [
    ("entries", "entry read", "entries read", "取得したエントリー"),
    ("created", "user made", "users made", "追加"),
    ("updated", "changed", "changed", "変更"),
    ("renamed", "renamed", "renamed", "改名"),
    ("adopted", "taken over", "taken over", "引き継ぎ"),
    ("missing", "gone from the directory", "gone from the directory", "ディレクトリーから消失"),
    ("returned", "there again", "there again", "復帰"),
    ("removed", "removed", "removed", "削除"),
    ("unchanged", "unchanged", "unchanged", "変更なし"),
    ("problems", "problem", "problems", "問題"),
];

fn last(report: &Value, lang: Lang) -> String {
    match (&report["ended"], &report["error"], lang) {
        (Value::Null, _, _) => "–".to_owned(),
        (ended, Value::Null, Lang::En) => format!("ok {}", cell(ended, lang)),
        (ended, Value::Null, Lang::Ja) => format!("成功 {}", cell(ended, lang)),
        (ended, _, Lang::En) => format!("FAILED {}", cell(ended, lang)),
        (ended, _, Lang::Ja) => format!("失敗 {}", cell(ended, lang)),
    }
}

fn problems(report: &Value, lang: Lang) -> String {
    cell(&report["problems"], lang)
}

/// Counts that are not zero, why it failed or held back, and the difference of a dry run.
pub(super) fn sync(report: &Value, lang: Lang) -> String {
    if !report["error"].is_null() {
        return format!("{}\n", in_language(&report["error"], lang));
    }
    let mut text = String::new();
    if report["dry_run"] == true {
        text.push_str(if lang == Lang::Ja {
            "以下は予定であり、何も変更していません\n"
        } else {
            "Nothing was changed; this is what would be:\n"
        });
    }
    let count = |(key, one, many, ja): &(&str, &str, &str, &str)| {
        let count = report[*key].as_u64().filter(|count| *count > 0 || *key == "entries")?;
        Some(if lang == Lang::Ja { format!("{ja} {count} 件") } else { counted(count, one, many) })
    };
    let counts: Vec<String> = COUNTS.iter().filter_map(count).collect();
    text.push_str(&format!("{} ({} ms)\n", counts.join(if lang == Lang::Ja { "、" } else { ", " }), report["took_ms"]));
    if !report["hold"].is_null() {
        text.push_str(&format!("{}\n", in_language(&report["hold"], lang)));
    }
    let lines = report["difference"].as_array().map_or(&[][..], Vec::as_slice);
    let changes: Vec<Value> = lines.iter().flat_map(difference).collect();
    if !changes.is_empty() {
        text.push_str(&rows(&changes, &DIFFERENCE, lang));
    }
    text
}

/// The report of the last dry run with the page's lines, then what it found wrong.
pub(super) fn preview(page: &Value, lang: Lang) -> String {
    if page["report"].is_null() {
        let none = if lang == Lang::Ja {
            "試行の結果はありません。sync --dry-run で調べてください\n"
        } else {
            "No dry run yet: ask for one with sync --dry-run\n"
        };
        return none.to_owned();
    }
    let mut report = page["report"].clone();
    report["difference"] = page["lines"].clone();
    let mut text = sync(&report, lang);
    let problems: Vec<Value> =
        ["renamed", "problems"].iter().flat_map(|key| page[*key].as_array().cloned().unwrap_or_default()).collect();
    if !problems.is_empty() {
        text.push_str(&rows(&problems, &PROBLEMS, lang));
    }
    if let Some(next) = page["next"].as_u64() {
        text.push_str(&format!("--after {next}\n"));
    }
    text
}

/// One row for each field, at least one.
fn difference(line: &Value) -> Vec<Value> {
    let row = |field: &Value| {
        json!({ "action": line["action"], "user": line["user"],
            "field": field["field"], "before": field["before"], "after": field["after"] })
    };
    match line["fields"].as_array().filter(|fields| !fields.is_empty()) {
        Some(fields) => fields.iter().map(row).collect(),
        None => vec![row(&Value::Null)],
    }
}

pub(super) fn duplicates(found: &Value, lang: Lang) -> String {
    let kinds = [("user-id", "user_ids", "places"), ("mail", "mails", "users"), ("directory-uri", "directory_uris", "users")];
    let mut all = Vec::new();
    for (field, list, who) in kinds {
        for one in found[list].as_array().map_or(&[][..], Vec::as_slice) {
            let people: Vec<String> = one[who].as_array().map_or(&[][..], Vec::as_slice).iter().map(|p| cell(p, lang)).collect();
            all.push(json!({ "field": field, "value": one["value"], "who": people.join(" | ") }));
        }
    }
    rows(&all, &DUPLICATES, lang)
}

pub(super) fn im(report: &Value, lang: Lang) -> String {
    let (changed, unchanged) = (report["changed"].as_u64().unwrap_or(0), report["unchanged"].as_u64().unwrap_or(0));
    let mut text = match lang {
        Lang::En => {
            format!("{} changed, {} so already\n", counted(changed, "user", "users"), counted(unchanged, "was", "were"))
        }
        Lang::Ja => format!("{changed} 人を変更、{unchanged} 人は変更不要\n"),
    };
    for name in report["unknown_users"].as_array().map_or(&[][..], Vec::as_slice) {
        let name = cell(name, lang);
        text.push_str(&match lang {
            Lang::En => format!("no such user: {name}\n"),
            Lang::Ja => format!("存在しないユーザー: {name}\n"),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;

    #[test]
    fn a_synchronisation_in_words_and_rows() {
        let report = json!({"dry_run": true, "entries": 3, "created": 1, "updated": 0, "took_ms": 7, "error": null, "hold": null,
            "difference": [{"action": "create", "user": "anna", "fields": [{"field": "mail", "before": null, "after": "a@x"}]}]});
        let expected = "Nothing was changed; this is what would be:\n3 entries read, 1 user made (7 ms)\n\
                        CHANGE  USER  FIELD  BEFORE  AFTER\ncreate  anna  mail   –       a@x\n";
        assert_eq!(table(&report, View::Sync, Lang::En), expected);
        assert!(table(&report, View::Sync, Lang::Ja).contains("追加"));
        let failed = json!({"error": {"en": "no server", "ja": "接続不可"}});
        assert_eq!(table(&failed, View::Sync, Lang::Ja), "接続不可\n");
    }

    #[test]
    fn a_preview_says_where_it_goes_on() {
        let none = json!({"report": null, "lines": []});
        assert!(table(&none, View::Preview, Lang::En).contains("No dry run"));
        let page = json!({"report": {"dry_run": true, "entries": 9, "took_ms": 7, "error": null, "hold": null},
            "lines": [{"action": "remove", "user": "anna", "fields": []}], "next": 1000,
            "renamed": [{"code": "renamed", "user": "b", "place": "uid=b", "text": {"en": "seen", "ja": "見た"}}], "problems": []});
        let shown = table(&page, View::Preview, Lang::En);
        assert!(shown.contains("remove  anna") && shown.contains("renamed") && shown.ends_with("--after 1000\n"), "{shown}");
    }

    #[test]
    fn duplicates_and_reports() {
        let found = json!({"user_ids": [{"value": "same", "places": ["uid=a", "uid=b"]}],
            "mails": [{"value": "a@x", "users": ["anna", "ben"]}], "directory_uris": []});
        let expected = "FIELD    VALUE  WHO\nuser-id  same   uid=a | uid=b\nmail     a@x    anna | ben\n";
        assert_eq!(table(&found, View::Duplicates, Lang::En), expected);
        let report = json!({"changed": 2, "unchanged": 0, "unknown": 1, "unknown_users": ["x"]});
        assert_eq!(table(&report, View::Im, Lang::En), "2 users changed, 0 were so already\nno such user: x\n");
    }
}
