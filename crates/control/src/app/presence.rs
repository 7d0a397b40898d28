//! A user's presence: what each resource says, what the calendar says, and what others see by the table of precedence.

use super::live::{plane, show_word};
use super::status::time;
use super::{App, users};
use crate::error::Result;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_model::live::{Absent, LiveCalendar, LiveSession, LiveUser, Said};
use zaiseki_model::precedence::{Level, Step, Verdict};

/// What a presence says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SaidView {
    /// `available`, `chat`, `away`, `xa`, `dnd`; `unavailable` for nobody there.
    pub show: String,
    pub statuses: Vec<StatusView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusView {
    /// `None`: of no language of its own.
    pub language: Option<String>,
    pub text: String,
}

impl SaidView {
    pub(super) fn new(said: &Said) -> Self {
        let status = |(language, text): &(Option<String>, String)| StatusView { language: language.clone(), text: text.clone() };
        SaidView { show: show_word(said.show).to_owned(), statuses: said.statuses.iter().map(status).collect() }
    }

    pub(super) fn nobody() -> Self {
        SaidView { show: "unavailable".to_owned(), statuses: Vec::new() }
    }
}

/// One line of the table of precedence, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// `offline`, `do-not-disturb`, `out-of-office`, `on-a-call`, `in-a-meeting`, `away`, `idle`, `available`.
    pub level: String,
    pub title: Text,
    /// `unclaimed`, `wins`, `beaten`, `overruled`, `set-aside`.
    pub verdict: String,
    pub why: Text,
}

impl StepView {
    fn new(step: &Step) -> Self {
        let (verdict, why) = why(step);
        StepView { level: step.level.as_str().to_owned(), title: title(step.level), verdict: verdict.to_owned(), why }
    }
}

pub(super) fn title(level: Level) -> Text {
    match level {
        Level::Offline => Text::new("Offline", "オフライン"),
        Level::DoNotDisturb => Text::new("Do not disturb", "取り込み中"),
        Level::OutOfOffice => Text::new("Out of office", "外出中"),
        Level::OnCall => Text::new("On a call", "通話中"),
        Level::InMeeting => Text::new("In a meeting", "会議中"),
        Level::Away => Text::new("Away", "離席中"),
        Level::Idle => Text::new("Idle", "アイドル"),
        Level::Available => Text::new("Available", "在席"),
    }
}

fn why(step: &Step) -> (&'static str, Text) {
    let who = match step.since.map(time) {
        Some(since) => Text::new(format!("the calendar says so since {since}"), format!("予定表 ({since} から)")),
        None if step.level == Level::Offline => Text::new("no resource is available", "利用可能なリソースがありません"),
        None => Text::new("the client says so", "クライアントの申告"),
    };
    let Text { en, ja } = who;
    match step.verdict {
        Verdict::Unclaimed => ("unclaimed", Text::new("nobody says so", "該当しません")),
        Verdict::Wins => ("wins", Text::new(format!("{en}: this is shown"), format!("{ja}: これが表示されます"))),
        Verdict::Beaten => ("beaten", Text::new(format!("{en}; a line above wins"), format!("{ja}: 上の行が優先されます"))),
        Verdict::Overruled { chosen } => {
            let chosen = time(chosen);
            let en = format!("{en}; the user chose otherwise at {chosen}, which holds until the entry ends");
            let ja = format!("{ja}: 本人が {chosen} に別の状態を選んだため、予定が終わるまで使われません");
            ("overruled", Text::new(en, ja))
        }
        Verdict::SetAside => {
            let en = format!("{en}; the setting calendar.show_offline shows the meeting all the same");
            let ja = format!("{ja}: 設定 calendar.show_offline により会議が表示されます");
            ("set-aside", Text::new(en, ja))
        }
    }
}

/// An available resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceView {
    pub resource: String,
    pub priority: i8,
    /// The client's own words.
    pub own: SaidView,
    /// What others see.
    pub seen: SaidView,
    /// When the user last chose a presence by hand with it.
    pub chosen: Option<String>,
    /// The table of precedence, line by line.
    pub steps: Vec<StepView>,
}

/// A user without an available resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AbsentView {
    pub seen: SaidView,
    pub steps: Vec<StepView>,
}

/// What a gateway says of the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarView {
    /// The gateway's name.
    pub gateway: String,
    pub facts: Vec<FactView>,
    pub next_change: Option<String>,
    /// Past this it counts for nothing, unless the calendar server has answered again.
    pub valid_until: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FactView {
    pub level: String,
    pub title: Text,
    pub since: String,
    /// `None` while a higher one hides it.
    pub until: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserPresence {
    pub resources: Vec<ResourceView>,
    /// `None` when a resource is available.
    pub absent: Option<AbsentView>,
    /// `None` when no gateway speaks for the user.
    pub calendar: Option<CalendarView>,
}

/// # Errors
/// `not-found`; `unavailable` when no node runs in this process.
pub fn presence(app: &App, name: &str) -> Result<UserPresence> {
    let user = users::find(app, name)?;
    view(app, plane(app)?.user(&user.name))
}

pub(super) fn view(app: &App, live: LiveUser) -> Result<UserPresence> {
    Ok(UserPresence {
        resources: live.sessions.iter().filter_map(resource).collect(),
        absent: live.absent.as_ref().map(absent),
        calendar: live.calendar.map(|live| calendar(app, &live)).transpose()?,
    })
}

fn resource(session: &LiveSession) -> Option<ResourceView> {
    let presence = session.presence.as_ref()?;
    Some(ResourceView {
        resource: session.resource.clone(),
        priority: presence.priority,
        own: SaidView::new(&presence.own),
        seen: SaidView::new(&presence.seen),
        chosen: presence.chosen_at.map(time),
        steps: presence.steps.iter().map(StepView::new).collect(),
    })
}

fn absent(absent: &Absent) -> AbsentView {
    let seen = absent.seen.as_ref().map_or_else(SaidView::nobody, SaidView::new);
    AbsentView { seen, steps: absent.steps.iter().map(StepView::new).collect() }
}

fn calendar(app: &App, live: &LiveCalendar) -> Result<CalendarView> {
    let id = live.gateway;
    let gateway = app.store().query(move |db| db.gateway(id))?.map_or_else(|| id.to_string(), |row| row.name);
    let facts = live.facts.iter().map(|fact| FactView {
        level: fact.level.as_str().to_owned(),
        title: title(fact.level),
        since: time(fact.since),
        until: fact.until.map(time),
    });
    Ok(CalendarView {
        gateway,
        facts: facts.collect(),
        next_change: live.next_change.map(time),
        valid_until: live.valid_until.map(time),
    })
}
