//! The address scheme on the terminal.

use super::{Column, column, fields, rows};
use crate::i18n::Lang;
use serde_json::{Value, json};

const PROBLEMS: [Column; 3] = [
    column("user", "USER", "ユーザー ID"),
    column("fault", "IN THE WAY", "理由"),
    column("directory_uri", "DIRECTORY URI", "ディレクトリー URI"),
];

pub(super) fn one(answer: &Value, lang: Lang) -> String {
    let preview = &answer["preview"];
    let facts = json!({
        "scheme": answer["scheme"], "domain": answer["domain"], "other_scheme": preview["scheme"], "users": preview["users"],
        "changed": preview["changed"], "in_the_way": preview["in_the_way"],
    });
    let problems = preview["problems"].as_array().map_or(&[][..], Vec::as_slice);
    let table = if problems.is_empty() { String::new() } else { format!("\n{}", rows(problems, &PROBLEMS, lang)) };
    format!("{}{table}", fields(&facts, lang))
}
