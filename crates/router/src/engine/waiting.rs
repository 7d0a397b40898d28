//! A stanza that needs a home which is still being read: what comes behind it waits, so that order is kept and every
//! count of handled stanzas is exact.

use super::resume::Ended;
use super::{Engine, SessionId};
use zaiseki_xmpp::xml::framer::Stanza;

impl Engine {
    /// The stanza being handled needs a home that is still being read.
    pub(crate) fn defer(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            session.waiting.get_or_insert_default().deferred += 1;
        }
    }

    /// What was deferred is done: the stanzas behind it have their turn, then whoever waits for all of them.
    pub(crate) fn deferred_done(&mut self, id: SessionId) {
        let Some(waiting) = self.session_mut(id).and_then(|s| s.waiting.as_mut()) else { return };
        waiting.deferred = waiting.deferred.saturating_sub(1);
        while let Some(stanza) = self.next_behind(id) {
            // It may have to wait in its turn: what is done so far is counted before.
            self.store_handled(id);
            self.handle(id, stanza);
        }
        let Some(session) = self.session_mut(id) else { return };
        let Some(waiting) = session.waiting.take_if(|waiting| waiting.deferred == 0) else { return };
        if let Some(why) = waiting.ending {
            return self.end_session(id, None, why);
        }
        self.answer_ack(id);
        self.try_resume(id);
    }

    fn next_behind(&mut self, id: SessionId) -> Option<Stanza> {
        let waiting = self.session_mut(id)?.waiting.as_mut().filter(|waiting| waiting.deferred == 0)?;
        let stanza = waiting.behind.pop_front()?;
        waiting.bytes -= stanza.bytes().len();
        Some(stanza)
    }

    /// Ends a session whose client is gone, as soon as what the client said is done.
    pub(super) fn end_when_done(&mut self, id: SessionId, why: Ended) {
        let Some(session) = self.session_mut(id) else { return };
        match session.waiting.as_mut() {
            Some(waiting) => {
                waiting.ending = Some(why);
                session.outlet = None;
            }
            None => self.end_session(id, None, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{BindRequest, Engine, EngineConfig, SessionId};
    use crate::outlet::{Close, Outlet};
    use bytes::Bytes;
    use std::sync::{Arc, Mutex};
    use zaiseki_model::live::Carrier;
    use zaiseki_model::{MessageId, MessageIds, Timestamp, limits};
    use zaiseki_store::{Reply, UserData};
    use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

    #[derive(Default)]
    struct Ear(Mutex<Option<Close>>);

    impl Outlet for Ear {
        fn push(&self, _: &[&[u8]], _: Option<MessageId>) -> bool {
            false
        }
        fn request_ack(&self) {}
        fn close(&self, why: Close) -> bool {
            *self.0.lock().expect("no panic") = Some(why);
            false
        }
        fn wake(&self) {}
    }

    /// A session whose last stanza waits for a home that the database never tells of.
    fn stuck() -> (Engine, SessionId, Arc<Ear>) {
        let mut engine = Engine::new(EngineConfig {
            domain: "here.example".parse().expect("a domain"),
            ids: MessageIds::new(0, None),
            settings: Arc::default(),
            random: Box::new(|out| out.fill(1)),
        });
        let user = zaiseki_model::User {
            id: zaiseki_model::UserId([1; 16]),
            name: "mika".to_owned(),
            display_name: String::new(),
            mail: String::new(),
            telephone: String::new(),
            language: None,
            enabled: true,
            calendar: true,
            im: true,
            user_id: None,
        };
        let (ear, bound) = (Arc::new(Ear::default()), Arc::new(Mutex::new(None)));
        let told = bound.clone();
        let done = Box::new(move |result: Result<(SessionId, _), _>| *told.lock().expect("no panic") = result.ok());
        let name = user.name.clone();
        let request =
            BindRequest { user: user.id, name, resource: None, lang: None, carrier: Carrier::local(), outlet: ear.clone(), done };
        engine.bind(Timestamp::ZERO, request);
        let token = engine.take_effects().reads[0].token;
        let data = UserData {
            user,
            roster: Vec::new(),
            roster_version: 0,
            blocked: Vec::new(),
            preferences: Vec::new(),
            pep_nodes: Vec::new(),
            pending: 0,
        };
        engine.read_done(Timestamp::ZERO, token, Ok(Reply::UserData(Some(Box::new(data)))));
        let (id, _) = bound.lock().expect("no panic").take().expect("bound");
        say(&mut engine, id, "<message to='ken@here.example' type='chat'><body>first</body></message>");
        (engine, id, ear)
    }

    fn say(engine: &mut Engine, id: SessionId, text: &str) {
        let stanza = stanza_from_bytes(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).expect("well-formed");
        engine.stanza(Timestamp::ZERO, id, stanza);
    }

    fn closed(ear: &Ear) -> bool {
        ear.0.lock().expect("no panic").is_some()
    }

    #[test]
    fn so_many_stanzas_wait_and_one_more_ends_the_stream() {
        let (mut engine, id, ear) = stuck();
        (0..limits::WAITING_STANZAS).for_each(|_| say(&mut engine, id, "<presence/>"));
        assert!(!closed(&ear), "at the limit");
        say(&mut engine, id, "<presence/>");
        assert!(closed(&ear), "one past it");
    }

    #[test]
    fn so_many_bytes_wait_and_one_more_ends_the_stream() {
        let (mut engine, id, ear) = stuck();
        let empty = "<presence><status></status></presence>".len();
        let of = |bytes: usize| format!("<presence><status>{}</status></presence>", "x".repeat(bytes - empty));
        let piece = of(limits::WAITING_BYTES / 16);
        (0..16).for_each(|_| say(&mut engine, id, &piece));
        assert!(!closed(&ear), "at the limit");
        say(&mut engine, id, "<presence/>");
        assert!(closed(&ear), "past it");
    }
}
