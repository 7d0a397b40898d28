//! Overview › Audit log: who changed what, and what it was before.

use crate::console::blocks::{Block, Cell, Pager, Search, Table};
use crate::console::ctx::{Ctx, can_be_mended, encoded};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::Value;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::audit_log::{self, AuditPage, AuditQuery, AuditView};
use zaiseki_control::{ControlError, Text};
use zaiseki_xmpp::{datetime, jid};

const PATH: &str = "/console/audit";
const FILTERS: [(&str, &str, &str); 5] = [
    ("actor", "audit-actor", "text"),
    ("action", "audit-action", "text"),
    ("object", "audit-object", "text"),
    ("from", "audit-from", "date"),
    ("to", "audit-to", "date"),
];
/// Lines of one page.
const ROWS: usize = 50;
/// Characters of a change that the list shows.
const CHANGE_CHARS: usize = 400;

pub fn pages() -> Pages {
    Pages::default().page(PATH, Right::read(Area::Audit), list)
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let form = Form::of(ctx.queries().iter().map(|(name, value)| (name.as_str(), value.clone())));
    let page = Page::new(ctx.t("nav-audit"));
    match query(ctx).and_then(|query| audit_log::list(&ctx.app, &query)) {
        Ok(found) => Ok(page.search(search(ctx, &form)).table(table(ctx, &found)).block(Block::Pager(pager(ctx, &found)))),
        Err(error) if can_be_mended(&error) => Ok(page.search(search(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn query(ctx: &Ctx) -> Result<AuditQuery, ControlError> {
    let text = |name| ctx.query(name).map(str::to_owned);
    Ok(AuditQuery {
        actor: text("actor"),
        action: text("action"),
        object: text("object"),
        from: moment(ctx, "from", "00:00:00")?,
        to: moment(ctx, "to", "23:59:59.999999")?,
        before: ctx.query("before").and_then(|id| id.parse().ok()),
        limit: Some(ROWS),
    })
}

/// That time of the day that was typed.
///
/// # Errors
/// `invalid`: there is no such day.
fn moment(ctx: &Ctx, field: &'static str, time: &str) -> Result<Option<String>, ControlError> {
    let Some(day) = ctx.query(field) else { return Ok(None) };
    let at = format!("{day}T{time}Z");
    if datetime::parse(&at).is_none() {
        let en = format!("\"{day}\" is not a day such as 2026-11-24");
        let text = Text::new(en, format!("\"{day}\" は 2026-11-24 の形の日付ではありません"));
        return Err(ControlError::Invalid { field, text });
    }
    Ok(Some(at))
}

fn search(ctx: &Ctx, form: &Form) -> Search {
    let field =
        |(name, key, kind): &(&'static str, &str, &'static str)| Field::new(form, ctx.lang, name, ctx.t(key), Kind::Input(kind));
    Search { action: PATH.to_owned(), fields: FILTERS.iter().map(field).collect(), submit: ctx.t("frame-search") }
}

fn pager(ctx: &Ctx, found: &AuditPage) -> Pager {
    let kept = |before: Option<String>| {
        let mut pairs: Vec<(&str, &str)> = FILTERS.iter().filter_map(|(name, ..)| Some((*name, ctx.query(name)?))).collect();
        pairs.extend(before.as_deref().map(|before| ("before", before)));
        format!("{PATH}?{}", encoded(&pairs))
    };
    Pager {
        total: String::new(),
        first: ctx.query("before").map(|_| kept(None)),
        previous: None,
        next: found.next.map(|next| kept(Some(next.to_string()))),
    }
}

fn table(ctx: &Ctx, found: &AuditPage) -> Table {
    let row = |entry: &AuditView| {
        vec![
            Cell::Time(entry.at.clone()),
            Cell::link(format!("{PATH}?{}", encoded(&[("actor", &entry.actor)])), readable(&entry.actor)),
            Cell::text(&entry.action),
            Cell::link(format!("{PATH}?{}", encoded(&[("object", &entry.object)])), readable(&entry.object)),
            Cell::Code(change(entry.before.as_ref(), entry.after.as_ref())),
        ]
    };
    let columns = ["audit-at", "audit-actor", "audit-action", "audit-object", "audit-change"];
    Table {
        caption: ctx.t("nav-audit"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: found.entries.iter().map(row).collect(),
        empty: ctx.t("audit-empty"),
    }
}

/// A user goes by the user id, which the log keeps in the form of an address.
fn readable(name: &str) -> String {
    match name.strip_prefix("user:") {
        Some(local) => format!("user:{}", jid::unescape_local(local)),
        None => name.to_owned(),
    }
}

/// What is different now: `key: before → after` for each.
fn change(before: Option<&Value>, after: Option<&Value>) -> String {
    let all = match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let keys = after.keys().chain(before.keys().filter(|key| !after.contains_key(*key)));
            let differ = keys.filter(|key| before.get(*key) != after.get(*key));
            let one = |key: &String| format!("{key}: {} → {}", short(before.get(key)), short(after.get(key)));
            differ.map(one).collect::<Vec<_>>().join(", ")
        }
        (None, Some(Value::Object(after))) => pairs(after.iter()),
        (Some(Value::Object(before)), None) => pairs(before.iter()),
        (None, None) => String::new(),
        (before, after) => format!("{} → {}", short(before), short(after)),
    };
    match all.char_indices().nth(CHANGE_CHARS) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
}

fn pairs<'a>(all: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    all.map(|(key, value)| format!("{key}: {}", short(Some(value)))).collect::<Vec<_>>().join(", ")
}

fn short(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "∅".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_names_what_differs() {
        let (before, after) = (json!({"mail": "", "name": "a", "old": 1}), json!({"mail": "a@b", "name": "a"}));
        assert_eq!(change(Some(&before), Some(&after)), "mail: \"\" → a@b, old: 1 → ∅");
        assert_eq!(change(None, Some(&json!({"role": "operator"}))), "role: operator");
        assert_eq!(change(Some(&json!(50)), Some(&Value::Null)), "50 → ∅");
    }

    #[test]
    fn users_go_by_their_user_ids() {
        assert_eq!(readable("user:bad\\2f\\40id"), "user:bad/@id");
        assert_eq!(readable("setting:bad\\2f"), "setting:bad\\2f");
    }

    #[test]
    fn a_long_change_is_cut_at_its_limit() {
        let shown = |chars: usize| change(None, Some(&json!({"a": "花".repeat(chars - 3)}))).chars().collect::<Vec<_>>();
        assert_eq!((shown(CHANGE_CHARS).len(), shown(CHANGE_CHARS).last()), (CHANGE_CHARS, Some(&'花')));
        assert_eq!((shown(CHANGE_CHARS + 1).len(), shown(CHANGE_CHARS + 1).last()), (CHANGE_CHARS + 1, Some(&'…')));
    }
}
