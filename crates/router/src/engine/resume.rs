//! Stream management (XEP-0198): acknowledging what is kept, resending what is not acknowledged, resuming a cut stream.

use super::session::{Sent, StreamManagement};
use super::timers::Timer;
use super::{Engine, Session, SessionId};
use crate::outlet::{Close, Outlet};
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::live::{Carrier, Transport};
use zaiseki_model::{MessageId, StreamToken, Timestamp, UserId};
use zaiseki_store::{Read, Reply, Write};
use zaiseki_stream::sm::{self, Outgoing};
use zaiseki_xmpp::stanza::StreamErrorCondition;

/// What became of an attempt to resume.
pub enum Resumed {
    /// The session goes on; `<resumed/>` and what the client missed are already queued in the outlet.
    Session(SessionId),
    /// Unknown or expired. `h` (XEP-0198 §5): how many stanzas of that stream were handled, where it is known; then
    /// the client knows exactly which to send again.
    Failed { h: Option<u32> },
}

pub struct ResumeRequest {
    pub user: UserId,
    pub token: Option<StreamToken>,
    /// What the client handled.
    pub h: u32,
    pub carrier: Carrier,
    pub outlet: Arc<dyn Outlet>,
    pub done: Box<dyn FnOnce(Resumed) + Send>,
}

/// Why a session ended: decides what becomes of its stream and its unacknowledged messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// The client closed the stream.
    ByClient,
    /// Another session took the resource.
    Replaced,
    /// The connection was lost and not resumed in time.
    Lost,
    /// The account may not be used any more.
    Revoked,
    /// An administrator ended it; the user may sign in again.
    ByAdministrator,
}

impl Engine {
    /// `<enable/>` (XEP-0198 §3). `resume`: the client wants to be able to resume; `max`: for how long at most.
    pub fn enable_management(&mut self, now: Timestamp, id: SessionId, resume: bool, max: Option<Duration>) {
        self.now = now;
        let token = StreamToken(self.random_bytes());
        let limit = self.settings.resume_time;
        let resume_time = max.map_or(limit, |m| m.min(limit));
        let Some(session) = self.session_mut(id) else { return };
        if session.sm.is_some() {
            return self.send_nonza(id, &sm::write_failed("unexpected-request", None));
        }
        session.sm = Some(Box::new(StreamManagement {
            token,
            resumable: resume,
            resume_time,
            handled: 0,
            stored: 0,
            write_seq: 0,
            requests: 0,
            outgoing: Outgoing::default(),
            resuming: None,
            cut_at: None,
        }));
        let (home, resource) = (session.home, session.jid.resource().to_owned());
        if resume {
            self.streams.insert(token, id);
        }
        if let Some(user) = self.user_id(home).filter(|_| resume) {
            self.write(Write::StreamOpen { token, user, resource, at: now });
        }
        let answer = sm::write_enabled(resume.then(|| token.to_string()).as_deref(), resume.then_some(resume_time.as_secs()));
        self.send_nonza(id, &answer);
    }

    /// The streams that can be resumed now: their counts on disk are needed, however long ago they were written.
    pub fn resumable_streams(&self) -> impl Iterator<Item = StreamToken> + '_ {
        self.streams.keys().copied()
    }

    /// `<r/>`: answered with what is on disk, so the answer may have to wait for the disk.
    pub fn ack_requested(&mut self, now: Timestamp, id: SessionId) {
        self.now = now;
        let Some(sm) = self.session_mut(id).and_then(|s| s.sm.as_mut()) else { return };
        sm.requests = sm.requests.saturating_add(1);
        if sm.requests == 1 {
            self.answer_ack(id);
        }
    }

    /// Answers the waiting requests, each (XEP-0198 §4), as soon as nothing handled is in memory only.
    pub(super) fn answer_ack(&mut self, id: SessionId) {
        self.store_handled(id);
        let durable = self.durable_seq();
        let Some(sm) = self.settled_stream(id).filter(|sm| sm.requests > 0) else { return };
        if sm.write_seq > durable {
            return self.when_durable(move |engine| engine.answer_ack(id));
        }
        let requests = std::mem::take(&mut sm.requests);
        let answer = sm::write_a(sm.handled);
        (0..requests).for_each(|_| self.send_nonza(id, &answer));
    }

    /// `<a/>`: the client has everything up to `h`; what it carried is released.
    pub fn acknowledged(&mut self, now: Timestamp, id: SessionId, h: u32) {
        self.now = now;
        let Some(session) = self.session_mut(id) else { return };
        let home = session.home;
        let Some(sm) = session.sm.as_mut() else { return };
        let released: Result<Vec<MessageId>, _> =
            sm.outgoing.ack(h).map(|list| list.into_iter().filter_map(|sent| sent.kept).collect());
        match released {
            Ok(ids) => {
                self.release(home, &ids);
                self.continue_offline(id);
            }
            Err(too_high) => {
                let close = Close::HandledCountTooHigh { h, sent: too_high.sent };
                self.end_session(id, Some(close), Ended::Lost);
            }
        }
    }

    /// Messages that reached their reader need no in-flight row any more.
    pub(crate) fn release(&mut self, home: super::HomeIx, ids: &[MessageId]) {
        let Some(user) = self.user_id(home) else { return };
        for &id in ids {
            self.write(Write::Release { user, id });
        }
        if !ids.is_empty() && self.homes[home].sessions.len() > 1 {
            self.forget_kept(home, ids);
        }
    }

    /// One of the user's resources has the messages: none of the others has to see that they arrive, and a page that was
    /// read before is not to bring them again.
    fn forget_kept(&mut self, home: super::HomeIx, ids: &[MessageId]) {
        for session in self.sessions_of(home) {
            let Some(session) = self.session_mut(session) else { continue };
            if let Some(catching_up) = session.catching_up.as_mut() {
                catching_up.had.extend_from_slice(ids);
            }
            let Some(sm) = session.sm.as_mut() else { continue };
            for sent in sm.outgoing.iter_mut().filter(|sent| sent.kept.is_some_and(|id| ids.contains(&id))) {
                sent.kept = None;
            }
        }
    }

    /// Bytes of these messages went to the socket of a session without stream management.
    pub fn written(&mut self, now: Timestamp, id: SessionId, messages: &[MessageId]) {
        self.now = now;
        let Some(session) = self.session_mut(id) else { return };
        let home = session.home;
        if let Some(pause) = session.catching_up.as_mut().and_then(|c| c.paused.as_mut()) {
            pause.unwritten.take_if(|last| messages.contains(last));
        }
        session.unwritten.retain(|id| !messages.contains(id));
        self.release(home, messages);
        self.continue_offline(id);
    }

    /// [`Engine::written`] for a session that is over: what left behind its end has arrived all the same, and does not come
    /// again to the user's next resource. `name`: the user's localpart.
    pub fn written_late(&mut self, now: Timestamp, name: &str, messages: &[MessageId]) {
        self.now = now;
        if let Some(home) = self.home_ready(name) {
            self.release(home, messages);
        }
    }

    /// A stanza from the client was handled: counts it, and remembers what its acknowledgement has to wait for.
    pub(super) fn count_handled(&mut self, id: SessionId) {
        let Some(sm) = self.session_mut(id).and_then(|s| s.sm.as_mut()) else { return };
        sm.handled = sm.handled.wrapping_add(1);
        if self.has_writes() {
            self.store_handled(id);
        }
    }

    /// The stream of a session that has finished every stanza it handled.
    fn settled_stream(&mut self, id: SessionId) -> Option<&mut StreamManagement> {
        let session = self.session_mut(id)?;
        if session.deferring() { None } else { session.sm.as_deref_mut() }
    }

    /// Writes how far the client's stanzas were handled, in the same transaction as what they caused. While one of them
    /// is deferred the count stays as it is: after a crash the client sends again what it does not cover.
    pub(super) fn store_handled(&mut self, id: SessionId) {
        let (wrote, seq) = (self.has_writes(), self.write_seq());
        let Some(sm) = self.session_mut(id).and_then(|s| s.sm.as_mut()) else { return };
        if wrote {
            sm.write_seq = seq;
        }
        let Some(sm) = self.settled_stream(id).filter(|sm| sm.resumable && sm.stored != sm.handled) else { return };
        sm.stored = sm.handled;
        let (token, h) = (sm.token, sm.handled);
        self.write(Write::StreamHandled { token, h, at: self.now });
        let seq = self.write_seq();
        if let Some(sm) = self.session_mut(id).and_then(|s| s.sm.as_mut()) {
            sm.write_seq = seq;
        }
    }

    /// The connection is gone without `</stream:stream>`: a resumable session waits, another ends.
    pub fn cut(&mut self, now: Timestamp, id: SessionId, outlet: &Arc<dyn Outlet>) {
        self.now = now;
        let Some(session) = self.session_mut(id) else { return };
        // The session may have moved to another connection already.
        if !session.outlet.as_ref().is_some_and(|current| Arc::ptr_eq(current, outlet)) {
            return;
        }
        session.outlet = None;
        let resumable = session.sm.as_mut().filter(|sm| sm.resumable).map(|sm| {
            sm.cut_at = Some(now);
            sm.resume_time
        });
        match resumable {
            Some(time) => {
                self.timers.set(now + time, Timer::ResumeExpires(id));
                self.store_handled(id);
            }
            None => self.end_when_done(id, Ended::Lost),
        }
    }

    pub(super) fn resume_expired(&mut self, id: SessionId) {
        let now = self.now;
        let expired =
            self.session(id).and_then(|s| s.sm.as_ref()).is_some_and(|sm| sm.cut_at.is_some_and(|at| at + sm.resume_time <= now));
        if expired {
            self.end_session(id, None, Ended::Lost);
        }
    }

    /// `<resume/>` (XEP-0198 §5).
    pub fn resume(&mut self, now: Timestamp, request: ResumeRequest) {
        self.now = now;
        let ResumeRequest { user, token, h, carrier, outlet, done } = request;
        let Some(token) = token else { return done(Resumed::Failed { h: None }) };
        let found =
            self.streams.get(&token).copied().filter(|id| self.session(*id).is_some_and(|s| self.user_id(s.home) == Some(user)));
        match found {
            Some(id) => self.begin_resume(id, ResumeRequest { user, token: Some(token), h, carrier, outlet, done }),
            // After a restart only the count is left. It stays until streams are purged: the answer may get lost, and
            // the client ask again.
            None => self.read(Read::Stream { token }, move |_, reply| {
                let h = match reply {
                    Ok(Reply::Stream(Some(row))) if row.user == user => Some(row.h),
                    _ => None,
                };
                done(Resumed::Failed { h });
            }),
        }
    }

    /// The earlier connection ends at once, so that nothing more comes from it. `<resumed/>` acknowledges as `<a/>` does:
    /// it waits until everything handled is on disk.
    fn begin_resume(&mut self, id: SessionId, request: ResumeRequest) {
        let Some(session) = self.session_mut(id) else { return };
        let old = session.outlet.take();
        let Some(sm) = session.sm.as_mut() else { return };
        sm.cut_at = None;
        let earlier = sm.resuming.replace(request);
        if let Some(old) = old
            && old.close(Close::Replaced)
        {
            self.wake(old);
        }
        if let Some(earlier) = earlier {
            (earlier.done)(Resumed::Failed { h: None });
        }
        self.try_resume(id);
    }

    pub(super) fn try_resume(&mut self, id: SessionId) {
        self.store_handled(id);
        let durable = self.durable_seq();
        let Some(sm) = self.settled_stream(id).filter(|sm| sm.resuming.is_some()) else { return };
        if sm.write_seq > durable {
            return self.when_durable(move |engine| engine.try_resume(id));
        }
        if let Some(ResumeRequest { h, carrier, outlet, done, .. }) = sm.resuming.take() {
            let resumed = self.resume_session(id, h, outlet);
            if let (Resumed::Session(_), Some(session)) = (&resumed, self.session_mut(id)) {
                session.carrier = carrier;
            }
            done(resumed);
        }
    }

    fn resume_session(&mut self, id: SessionId, h: u32, outlet: Arc<dyn Outlet>) -> Resumed {
        let now = self.now;
        let Some(session) = self.session_mut(id) else { return Resumed::Failed { h: None } };
        let home = session.home;
        let Some(sm) = session.sm.as_mut() else { return Resumed::Failed { h: None } };
        let handled = sm.handled;
        let acked = if outlet.abandoned() { None } else { sm.outgoing.ack(h).ok() };
        let Some(acked) = acked else {
            sm.cut_at = Some(now);
            let expires = now + sm.resume_time;
            self.timers.set(expires, Timer::ResumeExpires(id));
            return Resumed::Failed { h: Some(handled) };
        };
        let acked: Vec<MessageId> = acked.into_iter().filter_map(|sent| sent.kept).collect();
        let resend: Vec<Sent> = sm.outgoing.iter().cloned().collect();
        let answer = sm::write_resumed(&sm.token.to_string(), handled);
        session.outlet = Some(outlet);
        // Sent before management was on, and lost with the earlier connection.
        let lost = !std::mem::take(&mut session.unwritten).is_empty();
        self.release(home, &acked);
        self.send_nonza(id, &answer);
        for sent in resend {
            self.push_bytes(id, &sent.bytes);
        }
        // XEP-0352 §5: a client that comes back is active until it says otherwise.
        self.set_active(now, id, true);
        self.ask_ack(id);
        self.continue_offline(id);
        if lost {
            self.look_again(home);
        }
        Resumed::Session(id)
    }

    /// What becomes of the stream's unacknowledged messages when its session is over: those that nobody else has got
    /// go to the user's other resources, or stay in the database as offline messages.
    pub(super) fn settle_stream(&mut self, session: Session, why: Ended) {
        let deferring = session.deferring();
        let Some(sm) = session.sm else { return };
        if let Some(request) = sm.resuming {
            (request.done)(Resumed::Failed { h: None });
        }
        if sm.resumable {
            self.streams.remove(&sm.token);
            // The count stays for a client that comes too late to resume, or whose own belated bind took the resource: it
            // learns what to send again.
            match why {
                Ended::Lost | Ended::Replaced | Ended::ByAdministrator => {
                    // The last one is not done while it waits for a home.
                    let h = sm.handled.wrapping_sub(u32::from(deferring));
                    self.write(Write::StreamHandled { token: sm.token, h, at: self.now });
                }
                _ => self.write(Write::StreamClose { token: sm.token }),
            }
        }
        if why == Ended::Revoked {
            return;
        }
        let unacked: Vec<Sent> = sm.outgoing.into_iter().filter(|sent| sent.kept.is_some()).collect();
        for sent in unacked {
            self.deliver_again(session.home, sent);
        }
    }

    pub(crate) fn stream_error(&mut self, id: SessionId, condition: StreamErrorCondition, text: &str) {
        self.end_session(id, Some(Close::Error(condition, text.to_owned())), Ended::ByClient);
    }
}

impl Engine {
    /// The node stops: every client is told, and how far its stream got is on disk (RFC 6120 §4.9.3.20).
    pub fn drain(&mut self, now: Timestamp) {
        self.drain_those(now, |_| true);
    }

    /// One way for clients is closed: as [`Engine::drain`], for those who came by it, and those who might come back by it.
    pub fn drain_transports(&mut self, now: Timestamp, transports: &[Transport]) {
        self.drain_those(now, |session| transports.contains(&session.carrier.transport));
    }

    fn drain_those(&mut self, now: Timestamp, which: impl Fn(&Session) -> bool) {
        self.now = now;
        let those = self.sessions.iter().map(|(_, session)| session).filter(|session| which(session));
        let those: Vec<SessionId> = those.map(|session| session.id).collect();
        for id in those {
            let close = Close::Error(StreamErrorCondition::SystemShutdown, "the server is going down".to_owned());
            self.end_session(id, Some(close), Ended::Lost);
        }
    }

    /// A stream management element that makes no sense now (XEP-0198 §3, §5).
    pub fn unexpected_nonza(&mut self, now: Timestamp, id: SessionId) {
        self.now = now;
        self.send_nonza(id, &sm::write_failed("unexpected-request", None));
    }

    /// A first-level element that is no stanza and nothing we know (RFC 6120 §4.9.3.24).
    pub fn unsupported_nonza(&mut self, now: Timestamp, id: SessionId) {
        self.now = now;
        self.stream_error(id, StreamErrorCondition::UnsupportedStanzaType, "unknown first-level element");
    }
}
