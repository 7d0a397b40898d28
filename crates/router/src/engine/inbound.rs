//! A stanza from a session: stamp it, let the sender's phases look at it, decide, deliver.

use super::{Engine, SessionId};
use crate::phases;
use crate::route::{Destination, decide};
use bytes::Bytes;
use zaiseki_model::trace::Direction;
use zaiseki_model::{Envelope, Timestamp, limits};
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{Condition, IqType, PresenceType, StanzaError, StanzaKind, StreamErrorCondition};
use zaiseki_xmpp::xml::framer::Stanza;

impl Engine {
    /// Handles one stanza of a bound session, after those before it.
    pub fn stanza(&mut self, now: Timestamp, id: SessionId, stanza: Stanza) {
        self.now = now;
        self.trace(id, Direction::Sent, &[stanza.bytes()]);
        let Some(session) = self.session_mut(id) else { return };
        let Some(waiting) = session.waiting.as_mut() else { return self.handle(id, stanza) };
        let bytes = waiting.bytes + stanza.bytes().len();
        if waiting.behind.len() >= limits::WAITING_STANZAS || bytes > limits::WAITING_BYTES {
            return self.stream_error(id, StreamErrorCondition::ResourceConstraint, "the database does not keep up");
        }
        waiting.bytes = bytes;
        waiting.behind.push_back(stanza);
    }

    pub(super) fn handle(&mut self, id: SessionId, stanza: Stanza) {
        match self.stamp(id, stanza) {
            Ok(envelope) => {
                self.dispatch(id, envelope);
                self.count_handled(id);
            }
            Err(Refused::Stream(condition, text)) => self.stream_error(id, condition, text),
            Err(Refused::Stanza(refused)) => {
                let (envelope, error) = *refused;
                self.reply_error(id, &envelope, &error);
                self.count_handled(id);
            }
        }
    }

    fn dispatch(&mut self, id: SessionId, envelope: Envelope) {
        match envelope.kind {
            StanzaKind::Message => {
                self.counters.messages += 1;
                self.message(id, envelope);
            }
            StanzaKind::Presence => {
                self.counters.presences += 1;
                self.presence(id, envelope);
            }
            StanzaKind::Iq => {
                self.counters.iqs += 1;
                self.iq(id, envelope);
            }
        }
    }

    fn message(&mut self, id: SessionId, envelope: Envelope) {
        if let Err(error) = phases::outgoing_message(self, id, &envelope) {
            return self.reply_error(id, &envelope, &error);
        }
        let domain = self.domain.clone();
        match decide(&envelope, &self.view(&domain)) {
            Destination::OwnAccount => {
                let name = envelope.from.local().unwrap_or_default().to_owned();
                self.message_to(id, &name, None, envelope);
            }
            Destination::Account(local) => {
                let name = local.to_owned();
                self.message_to(id, &name, None, envelope);
            }
            Destination::Resource(local, resource) => {
                let (name, resource) = (local.to_owned(), resource.to_owned());
                self.message_to(id, &name, Some(resource), envelope);
            }
            // RFC 6120 §10.5: the server itself has no use for messages.
            Destination::Domain | Destination::Directory => {
                self.reply_condition(id, &envelope, Condition::ServiceUnavailable);
            }
            Destination::Elsewhere => self.reply_condition(id, &envelope, Condition::RemoteServerNotFound),
        }
    }

    /// Builds the envelope: checks and stamps `from`, prepares `to`, removes what only servers may say.
    fn stamp(&self, id: SessionId, stanza: Stanza) -> Result<Envelope, Refused> {
        let Some(session) = self.session(id) else {
            return Err(Refused::Stream(StreamErrorCondition::InternalServerError, "no session"));
        };
        let kind = match (stanza.name(), stanza.ns()) {
            (name, ns::CLIENT) => StanzaKind::parse(name),
            _ => None,
        };
        let Some(kind) = kind else {
            return Err(Refused::Stream(StreamErrorCondition::UnsupportedStanzaType, "not a stanza"));
        };
        let from = &session.jid;
        if let Some(claimed) = stanza.attr("from") {
            let own = Jid::parse(&claimed).is_ok_and(|jid| jid.as_str() == from.as_str() || jid.as_str() == from.bare_str());
            if !own {
                return Err(Refused::Stream(StreamErrorCondition::InvalidFrom, "from is not this session's address"));
            }
        }
        let body = phases::without_forgeries(&stanza, from);
        let text = |name: &str| stanza.attr(name).map(|v| v.into_owned());
        let mut envelope = Envelope {
            kind,
            type_: text("type"),
            id: text("id"),
            from: Jid::Full(from.clone()),
            to: None,
            lang: stanza.lang().map(|v| v.into_owned()).or_else(|| session.lang.as_deref().map(str::to_owned)),
            body,
            stanza,
        };
        let to = envelope.stanza.attr("to").filter(|v| !v.is_empty()).map(|to| Jid::parse(&to));
        match to {
            Some(Ok(jid)) => envelope.to = Some(jid),
            Some(Err(_)) => return Err(Refused::stanza(envelope, Condition::JidMalformed)),
            None => {}
        }
        check_type(envelope)
    }
}

/// Why a stanza went no further.
enum Refused {
    Stream(StreamErrorCondition, &'static str),
    Stanza(Box<(Envelope, StanzaError)>),
}

impl Refused {
    fn stanza(envelope: Envelope, condition: Condition) -> Self {
        Refused::Stanza(Box::new((envelope, StanzaError::new(condition))))
    }
}

/// RFC 6120 §8.2.3: an iq has an id, one of four types, and one child when it asks; RFC 6121 §4.7.1: presence types.
fn check_type(envelope: Envelope) -> Result<Envelope, Refused> {
    let ok = match envelope.kind {
        StanzaKind::Message => true,
        StanzaKind::Presence => PresenceType::parse(envelope.type_.as_deref()).is_some(),
        StanzaKind::Iq => {
            let children = envelope.stanza.children().count();
            match IqType::parse(envelope.type_.as_deref()) {
                Some(IqType::Get | IqType::Set) => envelope.id.is_some() && children == 1,
                Some(IqType::Result) => envelope.id.is_some() && children <= 1,
                Some(IqType::Error) => envelope.id.is_some(),
                None => false,
            }
        }
    };
    if ok { Ok(envelope) } else { Err(Refused::stanza(envelope, Condition::BadRequest)) }
}

/// The serialised children of `stanza` but those that `drop` names.
pub(crate) fn body_without(stanza: &Stanza, drop: impl Fn(&zaiseki_xmpp::xml::framer::Child<'_>) -> bool) -> Option<Bytes> {
    let doomed: Vec<_> = stanza.children().filter(|child| drop(child)).map(|child| child.range_in_body()).collect();
    if doomed.is_empty() {
        return None;
    }
    let body = stanza.body();
    let mut out = Vec::with_capacity(body.len());
    let mut from = 0;
    for range in doomed {
        out.extend_from_slice(&body[from..range.start]);
        from = range.end;
    }
    out.extend_from_slice(&body[from..]);
    Some(Bytes::from(out))
}
