//! Administrators, their sessions and tokens, and the audit log on the terminal.

use super::{Column, cell, column, fields};
use crate::i18n::Lang;
use serde_json::{Value, json};

pub(super) const ADMINS: [Column; 6] = [
    column("name", "NAME", "名前"),
    column("role", "ROLE", "役割"),
    column("enabled", "ENABLED", "有効"),
    column("password", "PASSWORD", "パスワード"),
    column("second_factor", "SECOND FACTOR", "2 段階認証"),
    column("signed_in", "SIGNED IN", "最終サインイン"),
];
pub(super) const SESSIONS: [Column; 5] = [
    column("id", "ID", "ID"),
    column("created", "BEGAN", "開始"),
    column("used", "USED", "最終使用"),
    column("address", "ADDRESS", "アドレス"),
    column("agent", "BROWSER", "ブラウザー"),
];
pub(super) const TOKENS: [Column; 6] = [
    column("id", "ID", "ID"),
    column("admin", "ADMINISTRATOR", "管理者"),
    column("name", "NAME", "名前"),
    Column { key: "scopes", en: "RIGHTS", ja: "権限", cell: words },
    column("expires", "EXPIRES", "有効期限"),
    column("used", "USED", "最終使用"),
];
pub(super) const AUDIT: [Column; 7] = [
    column("id", "ID", "ID"),
    column("at", "TIME", "時刻"),
    column("actor", "WHO", "操作者"),
    column("action", "ACTION", "操作"),
    column("object", "OBJECT", "対象"),
    column("before", "BEFORE", "変更前"),
    column("after", "AFTER", "変更後"),
];

fn words(list: &Value, lang: Lang) -> String {
    let words: Vec<String> = list.as_array().map_or(&[][..], Vec::as_slice).iter().map(|word| cell(word, lang)).collect();
    words.join(" ")
}

/// The secret first: it is shown this once.
pub(super) fn made_token(answer: &Value, lang: Lang) -> String {
    let mut token = answer["token"].clone();
    token["scopes"] = json!(words(&token["scopes"], lang));
    format!("{}{}", fields(&json!({ "secret": answer["secret"] }), lang), fields(&token, lang))
}
