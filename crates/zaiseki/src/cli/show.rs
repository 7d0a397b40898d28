//! Results on the terminal: JSON as it came, or a table.

mod addresses;
mod admins;
mod alarms;
mod certificates;
mod checks;
mod diagnostics;
mod directories;
mod jobs;
pub(super) mod labels;
mod people;
mod services;

use crate::i18n::Lang;
use serde_json::Value;

/// How the answer of a command is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    AddressScheme,
    Users,
    Gateways,
    Findings,
    Settings,
    Import,
    Directories,
    ServerFindings,
    /// What came of a synchronisation.
    Sync,
    /// What a dry run found.
    Preview,
    EntryProblems,
    Leftovers,
    Duplicates,
    /// Who was enabled for IM and presence.
    Im,
    /// One text in each line.
    Lines,
    Jobs,
    Job,
    JobLog,
    Services,
    Service,
    Nodes,
    Notifications,
    Admins,
    Sessions,
    Tokens,
    /// A token that was just made, with its secret.
    MadeToken,
    Audit,
    /// Sessions of a user, not of an administrator.
    UserSessions,
    UserPresence,
    Contacts,
    Sight,
    /// What the troubleshooter found.
    Checks,
    Alarms,
    Alarm,
    AlarmCatalogue,
    AlarmTargets,
    /// Whether a test went out.
    Sent,
    /// What the OpenID provider says of itself.
    ProviderTest,
    Acme,
    Trust,
    TrustedAuthority,
    Certificates,
    Certificate,
    /// The `pem` of the answer and nothing else.
    Pem,
    /// The signing request of the answer and nothing else.
    Request,
    Traces,
    Stanzas,
    /// What it looks for.
    CheckList,
    /// The node, and below it its gateways.
    Status,
    /// Label and value, line by line.
    Fields,
}

/// A column: its key in the answer, its headings, how a value is written.
struct Column {
    key: &'static str,
    en: &'static str,
    ja: &'static str,
    cell: fn(&Value, Lang) -> String,
}

const fn column(key: &'static str, en: &'static str, ja: &'static str) -> Column {
    Column { key, en, ja, cell }
}

const USERS: [Column; 6] = [
    column("name", "NAME", "ユーザー ID"),
    column("address", "ADDRESS", "アドレス"),
    column("display_name", "DISPLAY NAME", "表示名"),
    column("mail", "MAIL", "メール"),
    column("enabled", "ENABLED", "有効"),
    column("calendar", "CALENDAR", "予定表"),
];
const GATEWAYS: [Column; 6] = [
    column("name", "NAME", "名前"),
    column("kind", "KIND", "種類"),
    column("enabled", "ENABLED", "有効"),
    column("poll_secs", "POLL (S)", "間隔 (秒)"),
    Column { key: "status", en: "READ/ASKED", ja: "取得/照会", cell: users_read },
    Column { key: "status", en: "STATE", ja: "状態", cell: state },
];
const FINDINGS: [Column; 4] = [
    Column { key: "passed", en: "RESULT", ja: "結果", cell: passed },
    column("name", "CHECK", "検査"),
    Column { key: "seen", en: "SEEN", ja: "内容", cell: in_language },
    Column { key: "advice", en: "WHAT TO DO", ja: "対処", cell: in_language },
];
const PROVIDER_FINDING: [Column; 2] = [
    Column { key: "passed", en: "RESULT", ja: "結果", cell: passed },
    Column { key: "seen", en: "SEEN", ja: "内容", cell: in_language },
];
const SETTINGS: [Column; 6] = [
    column("key", "KEY", "キー"),
    column("value", "VALUE", "値"),
    column("default", "DEFAULT", "既定値"),
    column("unit", "UNIT", "単位"),
    Column { key: "restart", en: "TAKES EFFECT", ja: "反映", cell: services::effect },
    Column { key: "help", en: "MEANING", ja: "意味", cell: in_language },
];
const PROBLEMS: [Column; 4] = [
    column("line", "LINE", "行"),
    column("column", "COLUMN", "列"),
    column("user", "USER", "ユーザー ID"),
    Column { key: "reason", en: "REASON", ja: "理由", cell: in_language },
];

/// The text of an answer, with the end of its last line.
pub fn table(answer: &Value, view: View, lang: Lang) -> String {
    let list = |key: &str| answer.get(key).unwrap_or(answer).as_array().map_or(&[][..], Vec::as_slice);
    match view {
        View::Users => rows(list("users"), &USERS, lang),
        View::Gateways => rows(list("gateways"), &GATEWAYS, lang),
        View::Findings => rows(list("findings"), &FINDINGS, lang),
        View::Settings => rows(list("settings"), &SETTINGS, lang),
        View::Import => import(answer, lang),
        View::Directories => rows(list("directories"), &directories::DIRECTORIES, lang),
        View::ServerFindings => rows(list("findings"), &directories::FINDINGS, lang),
        View::Sync => directories::sync(answer, lang),
        View::Preview => directories::preview(answer, lang),
        View::Leftovers => rows(list("leftovers"), &directories::LEFTOVERS, lang),
        View::EntryProblems => rows(list("problems"), &directories::PROBLEMS, lang),
        View::Duplicates => directories::duplicates(answer, lang),
        View::Im => directories::im(answer, lang),
        View::Jobs => jobs::list(list("jobs"), lang),
        View::Job => jobs::one(answer, lang),
        View::JobLog => rows(list("lines"), &jobs::LOG, lang),
        View::AddressScheme => addresses::one(answer, lang),
        View::Services => rows(list("services"), &services::SERVICES, lang),
        View::Service => services::one(answer, lang),
        // A restart answers with the one node that it is about.
        View::Nodes if answer.is_object() => rows(std::slice::from_ref(answer), &services::NODES, lang),
        View::Nodes => rows(list("nodes"), &services::NODES, lang),
        View::Notifications => rows(list("notifications"), &services::NOTIFICATIONS, lang),
        View::Admins => rows(list("admins"), &admins::ADMINS, lang),
        View::Sessions => rows(list("sessions"), &admins::SESSIONS, lang),
        View::Tokens => rows(list("tokens"), &admins::TOKENS, lang),
        View::MadeToken => admins::made_token(answer, lang),
        View::UserSessions => rows(list("sessions"), &people::SESSIONS, lang),
        View::UserPresence => people::presence(answer, lang),
        View::Contacts => rows(list("contacts"), &people::CONTACTS, lang),
        View::Sight => people::sight(answer, lang),
        View::Audit => rows(list("entries"), &admins::AUDIT, lang),
        View::Alarms => rows(list("alarms"), &alarms::ALARMS, lang),
        View::Alarm => alarms::one(answer, lang),
        View::AlarmTargets => rows(list("targets"), &diagnostics::TARGETS, lang),
        View::Sent => diagnostics::test(answer, lang),
        View::ProviderTest => rows(std::slice::from_ref(answer), &PROVIDER_FINDING, lang),
        View::Acme => certificates::acme(answer, lang),
        View::Trust => certificates::trust(list("authorities"), lang),
        View::TrustedAuthority => certificates::trusted(answer, lang),
        View::Certificates => certificates::list(list("certificates"), lang),
        View::Certificate => certificates::one(answer, lang),
        View::Pem => certificates::pem(&answer["pem"]),
        View::Request => certificates::pem(&answer["request"]["pem"]),
        View::Traces => rows(list("traces"), &diagnostics::TRACES, lang),
        View::Stanzas => rows(list("stanzas"), &diagnostics::STANZAS, lang),
        View::AlarmCatalogue => rows(list("kinds"), &alarms::CATALOGUE, lang),
        View::Checks => checks::run(answer, lang),
        View::CheckList => rows(list("checks"), &checks::LIST, lang),
        View::Lines => list("lines").iter().map(|line| format!("{}\n", cell(line, lang))).collect(),
        View::Status => status(answer, lang),
        View::Fields => match answer {
            Value::Array(many) => many.iter().map(|one| fields(one, lang)).collect::<Vec<_>>().join("\n"),
            one => fields(one, lang),
        },
    }
}

fn import(report: &Value, lang: Lang) -> String {
    let (created, failed) = (report["created"].as_u64().unwrap_or(0), report["failed"].as_u64().unwrap_or(0));
    let mut text = match lang {
        Lang::En => format!("{} made, {} failed\n", counted(created, "user", "users"), counted(failed, "row", "rows")),
        Lang::Ja => format!("{created} 人を追加、{failed} 行が失敗\n"),
    };
    let problems = report["problems"].as_array().map_or(&[][..], Vec::as_slice);
    if !problems.is_empty() {
        text.push_str(&rows(problems, &PROBLEMS, lang));
    }
    if !report["stopped"].is_null() {
        text.push_str(&format!("{}\n", in_language(&report["stopped"], lang)));
    }
    text
}

fn fields(one: &Value, lang: Lang) -> String {
    let Some(fields) = one.as_object() else { return cell(one, lang) };
    labels::block(fields, lang, 0)
}

fn status(answer: &Value, lang: Lang) -> String {
    let mut node = answer.clone();
    let gateways = node.as_object_mut().and_then(|fields| fields.remove("gateways")).unwrap_or_default();
    let gateways = gateways.as_array().map_or(&[][..], Vec::as_slice);
    let table = if gateways.is_empty() { String::new() } else { format!("\n{}", rows(gateways, &GATEWAYS, lang)) };
    format!("{}{table}", fields(&node, lang))
}

fn rows(rows: &[Value], columns: &[Column], lang: Lang) -> String {
    let heading = |column: &Column| if lang == Lang::Ja { column.ja } else { column.en }.to_owned();
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(heading).collect()];
    let cell = |column: &Column, value: &Value| match labels::word(column.key, value, lang) {
        Some(word) => word.to_owned(),
        None => (column.cell)(value, lang),
    };
    lines.extend(rows.iter().map(|row| columns.iter().map(|column| cell(column, &row[column.key])).collect()));
    let widest = |at: usize| lines.iter().map(|line| width(&line[at])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    let line = |cells: &Vec<String>| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(line).collect()
}

/// `1 user`, `2 users`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn cell(value: &Value, lang: Lang) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => if lang == Lang::Ja { "はい" } else { "yes" }.to_owned(),
        Value::Bool(false) => if lang == Lang::Ja { "いいえ" } else { "no" }.to_owned(),
        // Nothing that came from elsewhere moves the cursor.
        Value::String(text) => text.replace(char::is_control, " "),
        other => other.to_string(),
    }
}

fn in_language(text: &Value, lang: Lang) -> String {
    cell(&text[if lang == Lang::Ja { "ja" } else { "en" }], lang)
}

fn passed(value: &Value, lang: Lang) -> String {
    match (value == &Value::Bool(true), lang) {
        (true, Lang::En) => "passed",
        (false, Lang::En) => "FAILED",
        (true, Lang::Ja) => "合格",
        (false, Lang::Ja) => "不合格",
    }
    .to_owned()
}

fn users_read(status: &Value, lang: Lang) -> String {
    if status.is_null() {
        return cell(status, lang);
    }
    format!("{}/{}", cell(&status["read"], lang), cell(&status["users"], lang))
}

fn state(status: &Value, lang: Lang) -> String {
    let since = status["since"].as_str().unwrap_or_default();
    let reason = in_language(&status["reason"], lang);
    match (status["state"].as_str(), lang) {
        (Some("up"), Lang::En) => format!("up since {since}"),
        (Some("up"), Lang::Ja) => format!("稼働中 ({since} から)"),
        (Some("down"), Lang::En) => format!("DOWN since {since}: {reason}"),
        (Some("down"), Lang::Ja) => format!("停止 ({since} から): {reason}"),
        (Some(_), Lang::En) => "starting".to_owned(),
        (Some(_), Lang::Ja) => "開始中".to_owned(),
        (None, _) => "–".to_owned(),
    }
}

fn padded(text: &str, wanted: usize) -> String {
    format!("{text}{}", " ".repeat(wanted.saturating_sub(width(text))))
}

/// Columns on a terminal (UAX #11, roughly): wide characters take two, marks that combine none.
fn width(text: &str) -> usize {
    let of = |c: char| match u32::from(c) {
        0x300..=0x36f | 0x3099 | 0x309a | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff01..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_below_each_other_in_any_script() {
        let users = json!({"users": [
            {"name": "mika", "address": "m.sato@e.example", "display_name": "佐藤 美香", "mail": "m@e.example", "enabled": true, "calendar": false},
            {"name": "ken", "address": "ken@e.example", "display_name": "Ken Morgan", "mail": "", "enabled": false, "calendar": true},
        ]});
        let expected = "NAME  ADDRESS           DISPLAY NAME  MAIL         ENABLED  CALENDAR\n\
                        mika  m.sato@e.example  佐藤 美香     m@e.example  yes      no\n\
                        ken   ken@e.example     Ken Morgan                 no       yes\n";
        assert_eq!(table(&users, View::Users, Lang::En), expected);
        assert!(table(&users, View::Users, Lang::Ja).starts_with("ユーザー ID  アドレス"));
    }

    #[test]
    fn gateways_say_how_they_are() {
        let gateway = |status: Value| json!([{"name": "g", "kind": "ews", "enabled": true, "poll_secs": 60, "status": status}]);
        let shown = |status| table(&gateway(status), View::Gateways, Lang::En).lines().nth(1).unwrap_or_default().to_owned();
        let up = shown(json!({"state": "up", "since": "12:00", "read": 3, "users": 4}));
        assert!(up.ends_with("3/4         up since 12:00"), "{up}");
        let down = shown(
            json!({"state": "down", "since": "12:00", "reason": {"en": "no\u{1b}[2Jroute", "ja": "x"}, "read": 0, "users": 0}),
        );
        assert!(down.ends_with("DOWN since 12:00: no [2Jroute"), "{down}");
        assert!(shown(Value::Null).ends_with("–           –"));
    }

    #[test]
    fn reports_and_single_objects() {
        let report = json!({"created": 2, "failed": 1, "stopped": null,
            "problems": [{"line": 3, "column": "mail", "user": "x", "reason": {"en": "bad", "ja": "不正"}}]});
        let expected = "2 users made, 1 row failed\nLINE  COLUMN  USER  REASON\n3     mail    x     bad\n";
        assert_eq!(table(&report, View::Import, Lang::En), expected);
        assert!(table(&report, View::Import, Lang::Ja).contains("不正"));
        assert_eq!(table(&json!({"mail": null, "name": "mika"}), View::Fields, Lang::En), "name  mika\nmail  –\n");
        assert_eq!(table(&json!({"mail": "", "name": "mika"}), View::Fields, Lang::Ja), "名前    mika\nメール  –\n");
        let node = json!({"domain": "a.example", "users": 2, "gateways": [{"name": "cal", "kind": "caldav"}]});
        let shown = table(&node, View::Status, Lang::Ja);
        assert!(shown.starts_with("ドメイン  a.example\nユーザー  2\n\n名前") && shown.contains("caldav"), "{shown}");
        let setting = json!({"settings": [{"key": "k", "unit": "days"}]});
        assert!(table(&setting, View::Settings, Lang::Ja).contains("日"));
    }
}
