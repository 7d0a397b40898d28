//! Alarms as administrators see them: the open ones, those that are over, and who has seen which.

use super::status::time;
use super::{Actor, App, audit};
use crate::alarms::{AlarmKind, catalogue};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::limits::PAGE_ALARMS;
use zaiseki_model::{AlarmId, Severity};
use zaiseki_store::{AlarmFilter, AlarmRow};

/// Alarms of a page when nobody says how many.
const PAGE: usize = 100;

/// How bad it is; the order is the order of badness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Severity)]
pub enum SeverityView {
    /// Worth knowing; nothing has to be done.
    Info,
    /// Works, and will not for ever: look at it within days.
    Warning,
    /// A part does not work: look at it today.
    Error,
    /// People are cut off or data is in danger: look at it now.
    Critical,
}

impl From<Severity> for SeverityView {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => SeverityView::Info,
            Severity::Warning => SeverityView::Warning,
            Severity::Error => SeverityView::Error,
            Severity::Critical => SeverityView::Critical,
        }
    }
}

impl From<SeverityView> for Severity {
    fn from(view: SeverityView) -> Self {
        match view {
            SeverityView::Info => Severity::Info,
            SeverityView::Warning => Severity::Warning,
            SeverityView::Error => Severity::Error,
            SeverityView::Critical => Severity::Critical,
        }
    }
}

/// One alarm, from its being raised until it is cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmView {
    /// UUID.
    pub id: String,
    /// Which one of the catalogue: `gateway.down`.
    pub alarm: String,
    pub title: Text,
    /// What it is about: the name of a gateway, of a directory, …
    pub subject: String,
    pub severity: SeverityView,
    pub open: bool,
    /// What was seen last.
    pub detail: Text,
    /// What to do.
    pub remedy: Text,
    /// Where it is mended: a page of the console.
    pub page: Option<String>,
    pub raised: String,
    /// When it was seen last, and how often it was.
    pub last: String,
    pub count: u64,
    /// Who has seen it, and when.
    pub acknowledged: Option<Acknowledged>,
    pub cleared: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    pub at: String,
    pub by: String,
}

/// One entry of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmKindView {
    pub alarm: String,
    /// Unless the part that raises it knows better.
    pub severity: SeverityView,
    pub title: Text,
    pub meaning: Text,
    pub remedy: Text,
    /// It tells of something that has happened, and is over after so many seconds or when somebody has acknowledged it; without it
    /// the alarm is open as long as its cause holds.
    pub lasts_secs: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlarmQuery {
    /// `true`: only open ones, `false`: only those that are over.
    pub open: Option<bool>,
    /// Only one of the catalogue.
    pub alarm: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// One page, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmPage {
    pub alarms: Vec<AlarmView>,
    /// Where the next page begins; `null` on the last one.
    pub next: Option<String>,
}

/// The open ones, the worst first: for a glance.
pub fn open(app: &App) -> Vec<AlarmView> {
    app.alarms().open().into_iter().map(view).collect()
}

/// One page of all, newest first.
///
/// # Errors
/// `invalid`, naming `after` or `limit`.
pub fn list(app: &App, query: &AlarmQuery) -> Result<AlarmPage> {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE_ALARMS).contains(&limit) {
        let (en, ja) = (format!("must be 1 to {PAGE_ALARMS}"), format!("1 から {PAGE_ALARMS} までの値を指定してください"));
        return Err(ControlError::invalid("limit", en, ja));
    }
    let before = query.after.as_deref().map(|after| id_of("after", after)).transpose()?;
    // What was raised a moment ago is to be seen.
    crate::alarms::flush(app)?;
    let filter = AlarmFilter { open: query.open, kind: query.alarm.clone(), before, limit: limit + 1 };
    let mut rows = app.store().query(move |db| db.list_alarms(&filter))?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(AlarmPage { alarms: rows.into_iter().map(view).collect(), next })
}

pub fn show(app: &App, id: &str) -> Result<AlarmView> {
    find(app, id).map(view)
}

/// Notes who has seen it. One that only tells of something that has happened is over by that.
pub fn acknowledge(app: &App, actor: &Actor, id: &str) -> Result<AlarmView> {
    let row = find(app, id)?;
    if row.cleared_at.is_some() {
        let text = Text::new("the alarm is over already", "アラームはすでに解消しています");
        return Err(ControlError::Conflict { text });
    }
    let (id, audit) = (row.id, audit(actor));
    let (written, line) = (row, audit.clone());
    app.store().call(move |db| db.acknowledge_alarm(&written, &line))?;
    app.alarms().acknowledged(id, &audit);
    show(app, &id.to_string())
}

/// Every alarm there is, by id.
pub fn kinds() -> Vec<AlarmKindView> {
    let view = |kind: &&'static AlarmKind| AlarmKindView {
        alarm: kind.id.to_owned(),
        severity: kind.severity.into(),
        title: kind.title(),
        meaning: kind.meaning(),
        remedy: kind.remedy(),
        lasts_secs: kind.lasts.map(|lasts| lasts.as_secs()),
    };
    catalogue::CATALOGUE.iter().map(view).collect()
}

fn find(app: &App, id: &str) -> Result<AlarmRow> {
    let no = || {
        let text = Text::new(format!("there is no alarm \"{id}\""), format!("アラーム \"{id}\" はありません"));
        ControlError::NotFound { text }
    };
    let wanted: AlarmId = id.parse().map_err(|_| no())?;
    if let Some(row) = app.alarms().open().into_iter().find(|row| row.id == wanted) {
        return Ok(row);
    }
    crate::alarms::flush(app)?;
    app.store().query(move |db| db.alarm(wanted))?.ok_or_else(no)
}

fn id_of(field: &'static str, text: &str) -> Result<AlarmId> {
    text.parse().map_err(|_| ControlError::invalid(field, "is not an id", "ID の形式ではありません"))
}

pub(crate) fn view(row: AlarmRow) -> AlarmView {
    let kind = catalogue::find(&row.kind);
    let nothing = || Text::plain("");
    AlarmView {
        id: row.id.to_string(),
        title: kind.map_or_else(|| Text::plain(&row.kind), AlarmKind::title),
        remedy: kind.map_or_else(nothing, AlarmKind::remedy),
        page: kind.and_then(|kind| kind.page_of(&row.subject)),
        severity: row.severity.into(),
        open: row.cleared_at.is_none(),
        detail: Text::new(row.detail.0, row.detail.1),
        raised: time(row.raised_at),
        last: time(row.last_at),
        count: row.count,
        acknowledged: row.acknowledged.map(|(at, by)| Acknowledged { at: time(at), by }),
        cleared: row.cleared_at.map(time),
        alarm: row.kind,
        subject: row.subject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::catalogue::{GATEWAY_DOWN, JOB_FAILED};
    use crate::app::tests::Fixture;

    fn raised(fixture: &Fixture, kind: &'static AlarmKind, subject: &str) -> AlarmView {
        fixture.app.alarms().raise(kind, subject, Text::new("no answer", "応答なし"));
        open(&fixture.app).into_iter().find(|alarm| alarm.alarm == kind.id && alarm.subject == subject).unwrap()
    }

    #[test]
    fn an_alarm_is_seen_acknowledged_and_over() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let down = raised(&fixture, &GATEWAY_DOWN, "mail & post");
        assert_eq!(down.page.as_deref(), Some("/console/gateways/mail%20%26%20post"));
        let seen = acknowledge(app, "admin:hanako", &down.id).unwrap();
        assert_eq!(seen.acknowledged.unwrap().by, "admin:hanako");
        assert!(seen.open && open(app)[0].acknowledged.is_some());
        app.alarms().clear(&GATEWAY_DOWN, "mail & post");
        let over = show(app, &down.id).unwrap();
        assert!(!over.open && over.cleared.is_some() && over.acknowledged.is_some());
        assert_eq!(acknowledge(app, "admin:hanako", &down.id).unwrap_err().code(), "conflict");
        let failed = raised(&fixture, &JOB_FAILED, "1");
        assert!(!acknowledge(app, "admin:hanako", &failed.id).unwrap().open);
        let trail = app.store().query(|db| db.audit_list(Some("alarm:gateway.down"), None, 9)).unwrap();
        assert_eq!(trail.len(), 1);
        for wrong in ["", "nobody", &AlarmId::generate().to_string()] {
            assert_eq!(show(app, wrong).unwrap_err().code(), "not-found", "{wrong}");
        }
    }

    #[test]
    fn pages_hold_their_limit_and_not_one_more() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        (0..3).for_each(|n| drop(raised(&fixture, &GATEWAY_DOWN, &n.to_string())));
        app.alarms().clear(&GATEWAY_DOWN, "0");
        let page = |open, limit, after| list(app, &AlarmQuery { open, limit, after, ..AlarmQuery::default() });
        let first = page(None, Some(2), None).unwrap();
        assert_eq!(first.alarms.len(), 2);
        let rest = page(None, Some(2), first.next).unwrap();
        assert_eq!((rest.alarms[0].subject.as_str(), rest.next), ("0", None));
        assert_eq!(page(Some(true), None, None).unwrap().alarms.len(), 2);
        assert!(page(None, Some(PAGE_ALARMS), None).is_ok());
        for (limit, after) in [(Some(0), None), (Some(PAGE_ALARMS + 1), None), (None, Some("x".to_owned()))] {
            assert_eq!(page(None, limit, after).unwrap_err().code(), "invalid");
        }
    }
}
