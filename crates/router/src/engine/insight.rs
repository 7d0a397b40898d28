//! What an administrator may look at of one user, and the end of one session by an administrator's hand.

use super::resume::Ended;
use super::{Available, Engine, HomeIx, Session, SessionId};
use crate::outlet::Close;
use zaiseki_model::Timestamp;
use zaiseki_model::live::{Absent, LivePresence, LiveSession, LiveUser, Management, Said};
use zaiseki_presence::compose::{self, Current, OwnPresence};
use zaiseki_xmpp::stanza::StreamErrorCondition;

impl Engine {
    /// Everything that is known of a user now. A user who is not in memory has no session.
    pub fn live_user(&mut self, now: Timestamp, name: &str) -> LiveUser {
        self.now = now;
        self.live(name)
    }

    pub(crate) fn live(&self, name: &str) -> LiveUser {
        let home = self.home_ready(name);
        let current = self.meeting(name);
        let mut sessions: Vec<&Session> =
            home.into_iter().flat_map(|home| self.sessions_of(home)).filter_map(|id| self.session(id)).collect();
        sessions.sort_by_key(|session| (session.since, session.id));
        let online = sessions.iter().any(|session| session.available.is_some());
        LiveUser {
            sessions: sessions.into_iter().map(|session| self.live_session(session, current.as_ref())).collect(),
            calendar: self.live_calendar(name),
            absent: (!online).then(|| self.live_absent(name, current.as_ref())),
        }
    }

    fn live_session(&self, session: &Session, current: Option<&Current>) -> LiveSession {
        let available = session.available.as_deref();
        LiveSession {
            id: session.id.to_string(),
            resource: session.jid.resource().to_owned(),
            carrier: session.carrier,
            since: session.since,
            management: management(session),
            software: available.and_then(|a| a.software.clone()),
            presence: available.map(|a| self.live_presence(a, current)),
            inactive: session.inactive(),
            queued: session.sm.as_ref().map_or(session.unwritten.len(), |sm| sm.outgoing.len()),
        }
    }

    /// As it was composed, with the steps of the same table.
    fn live_presence(&self, available: &Available, current: Option<&Current>) -> LivePresence {
        let Available { own, priority, composed, .. } = available;
        LivePresence {
            priority: *priority,
            own: said(own),
            seen: said_in(composed),
            chosen_at: own.chosen_at(),
            steps: compose::judge(Some(own), current, &self.settings.calendar).to_vec(),
        }
    }

    fn live_absent(&self, name: &str, current: Option<&Current>) -> Absent {
        let seen = self.offline_meeting(name).map(|body| said_in(&body));
        Absent { seen, steps: compose::judge(None, current, &self.settings.calendar).to_vec() }
    }

    /// Ends a session by the id that [`LiveSession`] tells. False: the user has none of that id.
    pub fn end_by_administrator(&mut self, now: Timestamp, name: &str, session: &str) -> bool {
        self.now = now;
        let Ok(id) = session.parse::<SessionId>() else { return false };
        let home: Option<HomeIx> = self.session(id).map(|s| s.home);
        if home.is_none() || home != self.home_ready(name) {
            return false;
        }
        let text = self.text("an administrator ended this session", "管理者がこのセッションを終了しました").to_owned();
        self.end_session(id, Some(Close::Error(StreamErrorCondition::PolicyViolation, text)), Ended::ByAdministrator);
        true
    }
}

fn management(session: &Session) -> Management {
    let Some(sm) = &session.sm else { return Management::Off };
    match sm.cut_at {
        Some(since) if sm.resumable => Management::Detached { since, until: since + sm.resume_time },
        _ if sm.resumable => Management::Resumable,
        _ => Management::On,
    }
}

fn said(own: &OwnPresence) -> Said {
    Said { show: own.show(), statuses: own.statuses().iter().map(|s| (s.lang.clone(), s.text.clone())).collect() }
}

/// What the children of a presence say; the engine composed them, or took them in, and can read them.
pub(crate) fn said_in(body: &bytes::Bytes) -> Said {
    OwnPresence::directed(body.clone(), None).map(|own| said(&own)).unwrap_or_default()
}
