//! Overview › Audit log: who changed what, and what it was before.

use crate::console::blocks::{Block, Cell, Pager, Search, Table};
use crate::console::ctx::{Ctx, encoded};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::Value;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::audit_log::{self, AuditPage, AuditQuery, AuditView};

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
    let text = |name| ctx.query(name).map(str::to_owned);
    let query = AuditQuery {
        actor: text("actor"),
        action: text("action"),
        object: text("object"),
        from: ctx.query("from").map(|day| format!("{day}T00:00:00Z")),
        to: ctx.query("to").map(|day| format!("{day}T23:59:59.999999Z")),
        before: ctx.query("before").and_then(|id| id.parse().ok()),
        limit: Some(ROWS),
    };
    let page = Page::new(ctx.t("nav-audit")).search(search(ctx));
    let found = audit_log::list(&ctx.app, &query)?;
    Ok(page.table(table(ctx, &found)).block(Block::Pager(pager(ctx, &found))))
}

fn search(ctx: &Ctx) -> Search {
    let now = Form::of(ctx.queries().iter().map(|(name, value)| (name.as_str(), value.clone())));
    let field =
        |(name, key, kind): &(&'static str, &str, &'static str)| Field::new(&now, ctx.lang, name, ctx.t(key), Kind::Input(kind));
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
        next: found.next.map(|next| kept(Some(next.to_string()))),
    }
}

fn table(ctx: &Ctx, found: &AuditPage) -> Table {
    let row = |entry: &AuditView| {
        vec![
            Cell::Time(entry.at.clone()),
            Cell::link(format!("{PATH}?{}", encoded(&[("actor", &entry.actor)])), &entry.actor),
            Cell::text(&entry.action),
            Cell::link(format!("{PATH}?{}", encoded(&[("object", &entry.object)])), &entry.object),
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
    fn a_long_change_is_cut_at_its_limit() {
        let shown = |chars: usize| change(None, Some(&json!({"a": "花".repeat(chars - 3)}))).chars().collect::<Vec<_>>();
        assert_eq!((shown(CHANGE_CHARS).len(), shown(CHANGE_CHARS).last()), (CHANGE_CHARS, Some(&'花')));
        assert_eq!((shown(CHANGE_CHARS + 1).len(), shown(CHANGE_CHARS + 1).last()), (CHANGE_CHARS + 1, Some(&'…')));
    }
}
