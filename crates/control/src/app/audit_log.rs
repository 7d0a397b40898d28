//! The audit log: who changed what.

use super::App;
use super::status::time;
use crate::error::{ControlError, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::Timestamp;
use zaiseki_model::limits::PAGE_AUDIT;
use zaiseki_store::{AuditEntry, AuditFilter};
use zaiseki_xmpp::datetime;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    pub id: i64,
    pub at: String,
    /// `admin:NAME`, `token:NAME/TOKEN`, `local:root` for the command line, `system` for a task, `stranger`.
    pub actor: String,
    /// `user.create`, `setting.put`, …
    pub action: String,
    /// `user:NAME`, `setting:KEY`, …
    pub object: String,
    /// Without secrets.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Which lines to read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    #[serde(default)]
    pub actor: Option<String>,
    #[serde(default)]
    pub object: Option<String>,
    /// An action (`user.create`), or what stands before its dot (`user`).
    #[serde(default)]
    pub action: Option<String>,
    /// From then on (XEP-0082 form of time, `2026-11-24T00:00:00Z`).
    #[serde(default)]
    pub from: Option<String>,
    /// Before then.
    #[serde(default)]
    pub to: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub before: Option<i64>,
    /// 1 to 500, which is the default.
    #[serde(default)]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditView>,
    /// Ask again with this as `before`; `null` on the last page.
    pub next: Option<i64>,
}

pub fn list(app: &App, query: &AuditQuery) -> Result<AuditPage> {
    let limit = query.limit.unwrap_or(PAGE_AUDIT);
    if !(1..=PAGE_AUDIT).contains(&limit) {
        let (en, ja) = (format!("must be 1 to {PAGE_AUDIT}"), format!("1 から {PAGE_AUDIT} までの値を指定してください"));
        return Err(ControlError::invalid("limit", en, ja));
    }
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (from, to) = (moment("from", query.from.as_deref())?, moment("to", query.to.as_deref())?);
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(ControlError::invalid("to", "is before the beginning", "開始より前になっています"));
    }
    let filter = AuditFilter {
        object: text(&query.object),
        actor: text(&query.actor),
        action: text(&query.action),
        from,
        to,
        before: query.before,
        // One more tells whether there is another page.
        limit: limit + 1,
    };
    let mut rows = app.store().query(move |db| db.audit_search(&filter))?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    Ok(AuditPage { entries: rows.into_iter().map(view).collect(), next })
}

fn moment(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    datetime::parse(text).map(|micros| Some(Timestamp(micros))).ok_or_else(|| {
        let en = format!("\"{text}\" is not a time such as 2026-11-24T00:00:00Z");
        ControlError::invalid(field, en, format!("\"{text}\" は 2026-11-24T00:00:00Z の形の時刻ではありません"))
    })
}

fn view(row: AuditEntry) -> AuditView {
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let AuditEntry { id, at, actor, action, object, before, after } = row;
    AuditView { id, at: time(at), actor, action, object, before: json(before), after: json(after) }
}

/// Takes out what is older than the setting `admin.audit_days` allows; how many lines.
pub fn purge(app: &App, now: Timestamp) -> Result<u64> {
    let Some(days) = app.settings().borrow().admin.audit_days else { return Ok(0) };
    let before = now - Duration::from_secs(u64::from(days) * 86_400);
    Ok(app.store().call(move |db| db.purge_audit(before))?)
}
