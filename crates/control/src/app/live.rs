//! A user's sessions, asked of the data plane at this moment, and their end by an administrator's hand.

use super::status::time;
use super::{Actor, App, audit, users};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use zaiseki_model::User;
use zaiseki_model::live::{Carrier, DataPlane, LiveSession, Management};
use zaiseki_model::settings::Show;

/// One bound resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Names this session for ever; its resource may be bound again by another.
    pub id: String,
    pub resource: String,
    /// `tcp`, `direct-tls`, `websocket` or `bosh`.
    pub transport: String,
    /// `TLS 1.3`, `TLS 1.2`; `None`: in clear text.
    pub tls: Option<String>,
    /// The address of the client, or of a proxy in between.
    pub peer: String,
    /// How the user signed in (SASL mechanism).
    pub mechanism: String,
    /// Times in the form of XEP-0082.
    pub since: String,
    /// What the client says it is (XEP-0115, XEP-0232); `None` when it does not say.
    pub client: Option<String>,
    pub client_version: Option<String>,
    /// `available`, `chat`, `away`, `xa`, `dnd` by the client's own word; `unavailable` before its initial presence.
    pub show: String,
    pub priority: Option<i8>,
    /// Stream management: `off`, `on`, `resumable`, or `detached` while the connection is cut and may come back.
    pub management: String,
    pub detached_since: Option<String>,
    pub resumable_until: Option<String>,
    /// The client said that nobody looks at it (XEP-0352).
    pub inactive: bool,
    /// Stanzas on their way that the client has not acknowledged.
    pub queued: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionList {
    /// The oldest first.
    pub sessions: Vec<SessionView>,
}

impl SessionView {
    fn new(session: LiveSession) -> Self {
        let LiveSession { carrier: Carrier { transport, tls, peer, mechanism }, presence, .. } = &session;
        let (management, detached) = management(session.management);
        SessionView {
            transport: transport.as_str().to_owned(),
            tls: tls.map(|tls| tls.as_str().to_owned()),
            peer: peer.to_string(),
            mechanism: (*mechanism).to_owned(),
            since: time(session.since),
            client: session.software.as_ref().map(|software| software.name.clone()),
            client_version: session.software.as_ref().map(|s| s.version.clone()).filter(|version| !version.is_empty()),
            show: presence.as_ref().map_or("unavailable", |presence| show_word(presence.own.show)).to_owned(),
            priority: presence.as_ref().map(|presence| presence.priority),
            management: management.to_owned(),
            detached_since: detached.map(|(since, _)| time(since)),
            resumable_until: detached.map(|(_, until)| time(until)),
            inactive: session.inactive,
            queued: session.queued,
            id: session.id,
            resource: session.resource,
        }
    }
}

type Span = (zaiseki_model::Timestamp, zaiseki_model::Timestamp);

fn management(management: Management) -> (&'static str, Option<Span>) {
    match management {
        Management::Off => ("off", None),
        Management::On => ("on", None),
        Management::Resumable => ("resumable", None),
        Management::Detached { since, until } => ("detached", Some((since, until))),
    }
}

/// The value of `<show/>`, or `available` where there is none.
pub(super) fn show_word(show: Option<Show>) -> &'static str {
    show.map_or("available", Show::as_str)
}

/// # Errors
/// `not-found`; `unavailable` when no node runs in this process.
pub fn sessions(app: &App, name: &str) -> Result<SessionList> {
    let user = users::find(app, name)?;
    let live = plane(app)?.user(&user.name);
    Ok(SessionList { sessions: live.sessions.into_iter().map(SessionView::new).collect() })
}

/// Ends one session; the client is told by a stream error, and may sign in again.
///
/// # Errors
/// `not-found` when the user has no session of that id (any more); as [`sessions`].
pub fn end_session(app: &App, actor: &Actor, name: &str, id: &str) -> Result<SessionView> {
    let user = users::find(app, name)?;
    let plane = plane(app)?;
    let session = plane.user(&user.name).sessions.into_iter().find(|session| session.id == id);
    let session = SessionView::new(session.ok_or_else(|| no_session(&user, id))?);
    let (audit, object) = (audit(actor), format!("user:{}", user.name));
    let before = json!({"session": session.id, "resource": session.resource, "peer": session.peer, "since": session.since});
    app.store().call(move |db| db.audit_append(&audit, "user.end_session", &object, Some(&before), None))?;
    if !plane.end_session(&user.name, id) {
        return Err(no_session(&user, id));
    }
    Ok(session)
}

fn no_session(user: &User, id: &str) -> ControlError {
    let en = format!("\"{}\" has no session \"{id}\" (any more)", user.name);
    let ja = format!("\"{}\" にセッション \"{id}\" はありません (すでに終了した可能性があります)", user.name);
    ControlError::NotFound { text: Text::new(en, ja) }
}

/// The data plane of this process.
///
/// # Errors
/// `unavailable` in a process without one: a command beside a node that does not run.
pub(super) fn plane(app: &App) -> Result<Arc<dyn DataPlane>> {
    let en = "the node does not run, and only a running node knows of sessions and presence: start it, then ask again";
    let ja = "ノードが動作していません。セッションと在席情報は動作中のノードだけが知っています。起動してから再度実行してください";
    app.data_plane().ok_or_else(|| ControlError::Unavailable { text: Text::new(en, ja) })
}

#[cfg(test)]
#[path = "live_tests.rs"]
pub(super) mod tests;
