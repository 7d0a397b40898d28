//! Binding a resource (RFC 6120 §7) and ending sessions.

use super::home::NoHome;
use super::resume::Ended;
use super::{Engine, HomeIx, Session, SessionId};
use crate::outlet::{Close, Outlet};
use std::sync::Arc;
use zaiseki_model::live::Carrier;
use zaiseki_model::{UserId, limits};
use zaiseki_xmpp::jid::FullJid;
use zaiseki_xmpp::stanza::{Condition, StanzaError, StreamErrorCondition};

/// Runs when the bind is decided, inside the engine.
pub type BindDone = Box<dyn FnOnce(Result<(SessionId, FullJid), StanzaError>) + Send>;

pub struct BindRequest {
    /// Who signed in, as proven by SASL.
    pub user: UserId,
    pub name: String,
    /// Prepared by PRECIS; `None`: the server chooses.
    pub resource: Option<String>,
    /// The language of the stream, for stanzas that name none (RFC 6120 §4.7.4).
    pub lang: Option<Box<str>>,
    pub carrier: Carrier,
    pub outlet: Arc<dyn Outlet>,
    pub done: BindDone,
}

impl Engine {
    /// Binds a resource once the user's home is loaded. A session that holds the same resource ends with `conflict`
    /// (RFC 6120 §7.7.2.2: the newer one wins).
    pub fn bind(&mut self, now: zaiseki_model::Timestamp, mut request: BindRequest) {
        self.now = now;
        let name = request.name.clone();
        self.with_home(&name, move |engine, home| {
            let result = match home {
                Ok(ix) => engine.bind_at(ix, &mut request),
                Err(NoHome::Unknown | NoHome::Moved(_)) => Err(StanzaError::new(Condition::NotAllowed)),
                Err(NoHome::Failed) => Err(StanzaError::new(Condition::InternalServerError)),
            };
            (request.done)(result);
        });
    }

    fn bind_at(&mut self, ix: HomeIx, request: &mut BindRequest) -> Result<(SessionId, FullJid), StanzaError> {
        let (user, outlet) = (request.user, request.outlet.clone());
        // The account may have been removed and made anew between sign-in and bind.
        if self.user_id(ix) != Some(user) {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
        // Nobody is there any more to tell of a session, or to end it.
        if outlet.abandoned() {
            return Err(StanzaError::new(Condition::RecipientUnavailable));
        }
        let resource = request.resource.take().unwrap_or_else(|| self.make_resource());
        let jid = self.homes[ix].bare.with_resource(&resource).map_err(|_| StanzaError::new(Condition::BadRequest))?;
        if let Some(old) = self.session_by_resource(ix, jid.resource()) {
            self.end_session(
                old,
                Some(Close::Error(StreamErrorCondition::Conflict, "Replaced by new connection".to_owned())),
                Ended::Replaced,
            );
        }
        if self.homes[ix].sessions.len() >= limits::SESSIONS_PER_USER {
            return Err(StanzaError::new(Condition::ResourceConstraint));
        }
        self.generation = self.generation.wrapping_add(1);
        let now = self.now;
        let entry = self.sessions.vacant_entry();
        let id = SessionId { index: entry.key() as u32, generation: self.generation };
        entry.insert(Session {
            id,
            home: ix,
            jid: jid.clone(),
            outlet: Some(outlet),
            lang: request.lang.take(),
            carrier: request.carrier,
            since: now,
            available: None,
            interested: false,
            carbons: false,
            wants_blocklist: false,
            requests_sent: false,
            extra: None,
            catching_up: None,
            unwritten: Vec::new(),
            waiting: None,
            sm: None,
        });
        self.homes[ix].sessions.push(id);
        Ok((id, jid))
    }

    fn make_resource(&mut self) -> String {
        let random: [u8; 6] = self.random_bytes();
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id.index as usize).filter(|s| s.id == id)
    }

    pub(crate) fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(id.index as usize).filter(|s| s.id == id)
    }

    pub(crate) fn session_by_resource(&self, ix: HomeIx, resource: &str) -> Option<SessionId> {
        self.homes[ix].sessions.iter().copied().find(|id| self.session(*id).is_some_and(|s| s.jid.resource() == resource))
    }

    /// Ends a session for good: contacts see it go, its unacknowledged messages find another way. `close` is told to
    /// the client, if it is still connected.
    pub(crate) fn end_session(&mut self, id: SessionId, close: Option<Close>, why: Ended) {
        if self.session(id).is_none() {
            return;
        }
        self.own_unavailable(id, None);
        let Some(session) = self.sessions.try_remove(id.index as usize) else { return };
        self.asked.remove(&id);
        if let Some(home) = self.homes.get_mut(session.home) {
            home.sessions.retain(|other| *other != id);
        }
        let now = self.now;
        if let Some(data) = self.data_mut(session.home) {
            data.last_used = now;
        }
        if let (Some(outlet), Some(close)) = (&session.outlet, close)
            && outlet.close(close)
        {
            self.wake(outlet.clone());
        }
        let (home, unsure) = (session.home, !session.unwritten.is_empty() || session.catching_up.is_some());
        self.settle_stream(session, why);
        if unsure {
            self.look_again(home);
        }
    }

    /// The connection ended by the book (`</stream:stream>`): the session ends.
    pub fn closed(&mut self, now: zaiseki_model::Timestamp, id: SessionId) {
        self.now = now;
        self.end_when_done(id, Ended::ByClient);
    }
}
