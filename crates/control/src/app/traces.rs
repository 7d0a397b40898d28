//! Traces of one user's stanzas for support: what people wrote is taken out, they end by themselves, and who starts or reads
//! one stands in the audit log.

use super::status::time;
use super::{Actor, App, audit, users};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::TRACES;
use zaiseki_model::trace::{Direction, Trace, TraceEnd, Tracer};
use zaiseki_xmpp::jid::unescape_local;

/// Minutes that a trace may last.
pub const MINUTES: RangeInclusive<u32> = 1..=60;
pub const DEFAULT_MINUTES: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TraceState {
    Running,
    /// Its time was up.
    Over,
    /// It had as much as a trace may hold.
    Full,
    Stopped,
}

/// A trace without its stanzas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceView {
    pub user: String,
    pub state: TraceState,
    pub since: String,
    /// When it ends, or ended.
    pub until: String,
    pub count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DirectionView {
    /// The user's client sent it.
    Sent,
    /// The user's client gets it.
    Received,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracedStanzaView {
    pub at: String,
    pub direction: DirectionView,
    pub resource: String,
    /// XML; `[7]` stands for seven characters that somebody wrote.
    pub stanza: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceContent {
    pub trace: TraceView,
    /// Oldest first.
    pub stanzas: Vec<TracedStanzaView>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceInput {
    pub user: String,
    /// How long, 1 to 60; 10 when not given.
    #[serde(default)]
    pub minutes: Option<u32>,
}

/// The way to the data plane.
#[derive(Default)]
pub struct TraceDoor(OnceLock<Box<dyn Tracer>>);

impl TraceDoor {
    /// Joins the data plane, once.
    pub fn attach(&self, tracer: impl Tracer + 'static) {
        let _ = self.0.set(Box::new(tracer));
    }

    fn get(&self) -> Result<&dyn Tracer> {
        self.0.get().map(|tracer| &**tracer).ok_or_else(|| {
            let en = "no node runs whose stanzas could be traced";
            ControlError::Conflict { text: Text::new(en, "トレースできるノードが動いていません") }
        })
    }
}

/// Begins to trace a user's sessions, those to come too.
///
/// # Errors
/// `not-found` without such a user, `invalid` naming `minutes`, `conflict` when too many run or no node does.
pub fn start(app: &App, actor: &Actor, input: &TraceInput) -> Result<TraceView> {
    let user = users::find(app, &input.user)?;
    let minutes = input.minutes.unwrap_or(DEFAULT_MINUTES);
    if !MINUTES.contains(&minutes) {
        let (from, to) = MINUTES.into_inner();
        let (en, ja) = (format!("must be {from} to {to}"), format!("{from} から {to} までの値を指定してください"));
        return Err(ControlError::invalid("minutes", en, ja));
    }
    let tracer = app.tracer().get()?;
    note(app, actor, "trace.start", &user.name, &json!({ "minutes": minutes }))?;
    if !tracer.start(&user.name, Timestamp::now() + Duration::from_secs(60 * u64::from(minutes))) {
        let en = format!("{TRACES} traces run already: stop one first");
        let text = Text::new(en, format!("すでに {TRACES} 件のトレースが実行中です。先にどれかを停止してください"));
        return Err(ControlError::Conflict { text });
    }
    find(app, &user.name).map(|trace| view(&trace))
}

/// Those that run, and those that ended within the last hour.
pub fn list(app: &App) -> Result<Vec<TraceView>> {
    Ok(app.tracer().get()?.traces().iter().map(view).collect())
}

/// What was traced. Who reads it stands in the audit log.
pub fn read(app: &App, actor: &Actor, user: &str) -> Result<TraceContent> {
    let trace = find(app, &users::localpart(user)?)?;
    note(app, actor, "trace.read", &trace.user, &json!({ "stanzas": trace.stanzas.len() }))?;
    let stanza = |stanza: &zaiseki_model::trace::TracedStanza| TracedStanzaView {
        at: time(stanza.at),
        direction: match stanza.direction {
            Direction::Sent => DirectionView::Sent,
            Direction::Received => DirectionView::Received,
        },
        resource: stanza.resource.clone(),
        stanza: stanza.text.clone(),
    };
    Ok(TraceContent { stanzas: trace.stanzas.iter().map(stanza).collect(), trace: view(&trace) })
}

/// Ends a trace; it can be read for an hour more. One that has ended stays as it is.
pub fn stop(app: &App, actor: &Actor, user: &str) -> Result<TraceView> {
    let name = users::localpart(user)?;
    find(app, &name)?;
    if app.tracer().get()?.stop(&name) {
        note(app, actor, "trace.stop", &name, &json!({}))?;
    }
    find(app, &name).map(|trace| view(&trace))
}

fn find(app: &App, name: &str) -> Result<Trace> {
    let found = app.tracer().get()?.traces().into_iter().find(|trace| trace.user == name);
    found.ok_or_else(|| {
        let user = unescape_local(name);
        let text = Text::new(format!("there is no trace of \"{user}\""), format!("\"{user}\" のトレースはありません"));
        ControlError::NotFound { text }
    })
}

fn note(app: &App, actor: &Actor, action: &'static str, name: &str, after: &serde_json::Value) -> Result<()> {
    let (line, object, after) = (audit(actor), format!("user:{name}"), after.clone());
    Ok(app.store().call(move |db| db.audit_append(&line, action, &object, None, Some(&after)))?)
}

fn view(trace: &Trace) -> TraceView {
    let state = match trace.ended {
        None => TraceState::Running,
        Some((_, TraceEnd::Time)) => TraceState::Over,
        Some((_, TraceEnd::Full)) => TraceState::Full,
        Some((_, TraceEnd::Stopped)) => TraceState::Stopped,
    };
    TraceView {
        user: unescape_local(&trace.user),
        state,
        since: time(trace.since),
        until: time(trace.ended.map_or(trace.until, |(at, _)| at)),
        count: trace.stanzas.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use std::sync::Mutex;
    use zaiseki_model::trace::TracedStanza;

    /// A data plane with room for one.
    #[derive(Default)]
    struct Fake(Mutex<Option<Trace>>);

    impl Tracer for Fake {
        fn start(&self, user: &str, until: Timestamp) -> bool {
            let stanza = TracedStanza {
                at: until,
                direction: Direction::Sent,
                resource: "desk".to_owned(),
                text: "<presence/>".to_owned(),
            };
            let (user, since) = (user.to_owned(), Timestamp(0));
            let mut place = self.0.lock().unwrap();
            let free = place.is_none();
            if free {
                *place = Some(Trace { user, since, until, ended: None, stanzas: vec![stanza] });
            }
            free
        }

        fn stop(&self, _: &str) -> bool {
            let mut place = self.0.lock().unwrap();
            place.as_mut().is_some_and(|trace| trace.ended.replace((Timestamp(1), TraceEnd::Stopped)).is_none())
        }

        fn traces(&self) -> Vec<Trace> {
            self.0.lock().unwrap().iter().cloned().collect()
        }
    }

    fn input(user: &str, minutes: Option<u32>) -> TraceInput {
        TraceInput { user: user.to_owned(), minutes }
    }

    #[test]
    fn a_trace_is_started_read_and_stopped_and_all_of_it_is_audited() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        fixture.user("b@c");
        fixture.user("taro");
        assert_eq!(list(app).unwrap_err().code(), "conflict");
        app.tracer().attach(Fake::default());
        for minutes in [MINUTES.start() - 1, MINUTES.end() + 1] {
            assert_eq!(start(app, "admin:a", &input("b@c", Some(minutes))).unwrap_err().field(), Some("minutes"));
        }
        assert_eq!(start(app, "admin:a", &input("nobody", None)).unwrap_err().code(), "not-found");
        let begun = start(app, "admin:a", &input("b@c", Some(*MINUTES.end()))).unwrap();
        assert_eq!((begun.user.as_str(), begun.state, begun.count), ("b@c", TraceState::Running, 1));
        assert_eq!(start(app, "admin:a", &input("taro", None)).unwrap_err().code(), "conflict");
        assert_eq!(read(app, "admin:b", "b@c").unwrap().stanzas[0].stanza, "<presence/>");
        assert_eq!(read(app, "admin:b", "taro").unwrap_err().code(), "not-found");
        assert_eq!(stop(app, "admin:b", "b@c").unwrap().state, TraceState::Stopped);
        assert_eq!(stop(app, "admin:b", "b@c").unwrap().state, TraceState::Stopped);
        let trail = app.store().query(|db| db.audit_list(Some("user:b\\40c"), None, 9)).unwrap();
        let actions: Vec<&str> = trail.iter().map(|line| line.action.as_str()).collect();
        assert_eq!(actions[..3], ["trace.stop", "trace.read", "trace.start"]);
    }
}
