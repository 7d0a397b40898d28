//! Forms filled with what is stored, which two people may have open at the same time.
//!
//! Such a form carries what it was filled with. When it comes back, fields that its sender has not touched keep what is stored
//! by then, so that nobody undoes another's change unawares; a field that both have changed differently is asked about again.

use super::blocks::{Block, FormBlock};
use super::ctx::Ctx;
use super::form::{Field, Form, Kind};
use super::page::Page;
use super::routes::Show;
use std::collections::BTreeMap;

/// Field of what the form was filled with.
pub const SEEN: &str = "seen";

/// What the fields show, for the form to carry.
pub fn seen(fields: &[Field]) -> String {
    let values: BTreeMap<&str, String> = kept(fields).map(|field| (field.name.as_str(), shown(field))).collect();
    serde_json::to_string(&values).unwrap_or_default()
}

/// Takes what others have changed since the form was filled into `form`. The page to show instead, when that is not for a
/// program to decide. `show` makes the page with what is stored now.
pub fn reconcile(ctx: &Ctx, show: Show, form: &mut Form) -> Option<Page> {
    let seen: BTreeMap<String, String> = serde_json::from_str(form.given(SEEN)?).ok()?;
    // What is gone, or not for the caller any more, the form itself will say.
    let mut page = show(ctx).ok()?;
    let block = page.blocks.iter_mut().find_map(|block| match block {
        Block::Form(block) if block.stored && block.action == ctx.path => Some(block),
        _ => None,
    })?;
    if !merge(ctx, block, &seen, form) {
        return None;
    }
    block.error = Some(ctx.t("frame-overtaken"));
    Some(page)
}

/// Whether a field was changed here and there. `block` then shows what is to be decided.
fn merge(ctx: &Ctx, block: &mut FormBlock, seen: &BTreeMap<String, String>, form: &mut Form) -> bool {
    let mut asked = false;
    for field in block.fields.iter_mut().filter(|field| is_kept(field)) {
        let Some(then) = seen.get(&field.name) else { continue };
        let (now, typed) = (shown(field), typed(field, form));
        if typed == *then {
            form.set(&field.name, &now);
            continue;
        }
        if now != *then && now != typed {
            asked = true;
            field.error = Some(ctx.tn("frame-meanwhile", "value", said(ctx, field)));
        }
        field.value = typed;
    }
    asked
}

fn is_kept(field: &Field) -> bool {
    !matches!(field.kind, Kind::Password { .. } | Kind::File | Kind::Hidden)
}

fn kept(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields.iter().filter(|field| is_kept(field))
}

/// What stands in the field as the server wrote it.
fn shown(field: &Field) -> String {
    match field.kind {
        Kind::Tick => if field.is_on() { "on" } else { "" }.to_owned(),
        _ => plain(&field.value),
    }
}

/// The same of what came.
fn typed(field: &Field, form: &Form) -> String {
    match field.kind {
        Kind::Tick => if form.ticked(&field.name) { "on" } else { "" }.to_owned(),
        _ => plain(form.raw(&field.name)),
    }
}

/// Browsers end lines with CR LF.
fn plain(text: &str) -> String {
    text.trim().replace("\r\n", "\n")
}

/// A field's value for people.
fn said(ctx: &Ctx, field: &Field) -> String {
    match &field.kind {
        Kind::Tick => ctx.t(if field.is_on() { "settings-on" } else { "settings-off" }),
        Kind::Choice(all) => all.iter().find(|(value, _)| *value == field.value).map_or(&field.value, |(_, word)| word).clone(),
        _ if field.value.trim().is_empty() => ctx.t("settings-nothing"),
        _ => field.value.clone(),
    }
}
