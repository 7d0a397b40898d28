//! Telling those who want to know: on each change, and the last item to whoever comes online (XEP-0163 §4.3).

use super::{item_prefix, with_reader};
use crate::engine::{Engine, HomeIx, SessionId};
use crate::phases::apart;
use bytes::Bytes;
use zaiseki_model::envelope::{Head, close};
use zaiseki_presence::compose::{is_meeting_activity, meeting_activity};
use zaiseki_presence::pep::{NodeConfig, SendLast, event_items, event_retract};
use zaiseki_store::{Family, Read, Reply};
use zaiseki_xmpp::ns::ACTIVITY;
use zaiseki_xmpp::xml::element::Element;

/// The id of the activity item that the server shows during a meeting.
const MEETING_ITEM: &str = "current";

/// Sends an event of a node to the owner's own resources and to contacts, those that asked for the node.
pub fn tell(engine: &mut Engine, home: HomeIx, node: &str, event: &[u8]) {
    let Some(config) = engine.data(home).and_then(|d| d.pep.get(node)).map(|n| n.config.clone()) else { return };
    // During a meeting the activity belongs to the server; the user's own is stored and shown afterwards.
    if node == ACTIVITY && engine.activity_override(home).is_some() {
        return;
    }
    tell_with(engine, home, node, &config, event);
}

fn tell_with(engine: &mut Engine, home: HomeIx, node: &str, config: &NodeConfig, event: &[u8]) {
    for session in engine.watcher_sessions(home) {
        let Some(watcher) = engine.session(session).map(|s| s.home) else { continue };
        if wants(engine, session, node) && with_reader(engine, home, watcher, |reader| config.notifies(reader)) {
            send_event(engine, home, session, event);
        }
    }
}

fn wants(engine: &Engine, session: SessionId, node: &str) -> bool {
    let available = engine.session(session).and_then(|s| s.available.as_ref());
    available.is_some_and(|a| a.notify.iter().any(|wanted| wanted == node))
}

fn send_event(engine: &mut Engine, owner: HomeIx, to: SessionId, event: &[u8]) {
    let Some(address) = engine.session(to).map(|s| s.jid.clone()) else { return };
    let from = engine.homes[owner].bare.clone();
    let mut out = Vec::with_capacity(event.len() + 160);
    Head { name: "message", from: Some(from.as_str()), to: Some(address.as_str()), type_: Some("headline"), ..Head::default() }
        .open(&mut out);
    out.extend_from_slice(event);
    close(&mut out, "message");
    engine.send(to, &out, None);
}

/// A session wants to hear of `nodes`: the last items of its own account and of everybody whose presence it sees.
pub fn send_last_items(engine: &mut Engine, session: SessionId, nodes: &[String]) {
    let Some(home) = engine.session(session).map(|s| s.home) else { return };
    let mut owners = vec![home];
    if let Some(data) = engine.data(home) {
        let contacts = data.roster.values().filter(|item| item.subscription.to()).filter_map(|item| item.jid.local());
        owners.extend(contacts.filter_map(|name| engine.home_ready(name)));
    }
    owners.retain(|owner| !apart(engine, *owner, home));
    for owner in owners {
        for node in nodes {
            send_last(engine, owner, node, session);
        }
    }
}

fn send_last(engine: &mut Engine, owner: HomeIx, node: &str, to: SessionId) {
    let Some(watcher) = engine.session(to).map(|s| s.home) else { return };
    if node == ACTIVITY
        && engine.may_see_presence(owner, watcher)
        && let Some(activity) = engine.activity_override(owner)
    {
        let event = event_items(ACTIVITY, [(MEETING_ITEM, Some(&activity.to_bytes()[..]))]);
        return send_event(engine, owner, to, &event);
    }
    let Some(entry) = engine.data(owner).and_then(|d| d.pep.get(node)) else { return };
    if entry.config.send_last == SendLast::Never || !with_reader(engine, owner, watcher, |reader| entry.config.notifies(reader)) {
        return;
    }
    newest(engine, owner, node, {
        let node = node.to_owned();
        move |engine, owner, last| {
            let Some((id, payload)) = last.filter(|(_, payload)| !is_claim(engine, owner, &node, payload)) else { return };
            let event = event_items(&node, [(id.as_str(), Some(&payload[..]))]);
            send_event(engine, owner, to, &event);
        }
    });
}

/// Calls `then` with the newest item of a node: at once when it is at hand, else after reading it.
fn newest(
    engine: &mut Engine,
    owner: HomeIx,
    node: &str,
    then: impl FnOnce(&mut Engine, HomeIx, Option<(String, Bytes)>) + Send + 'static,
) {
    match engine.data(owner).and_then(|d| d.pep.get(node)).map(|entry| entry.last.clone()) {
        Some(Some(last)) => return then(engine, owner, last),
        None => return then(engine, owner, None),
        Some(None) => {}
    }
    let Some(user) = engine.user_id(owner) else { return };
    let (name, node) = (engine.homes[owner].name.clone(), node.to_owned());
    let read = Read::Docs { user, family: Family::PepItem, prefix: Some(item_prefix(&node)), limit: 1, newest_first: true };
    engine.read(read, move |engine, reply| {
        let (Ok(Reply::Docs(docs)), Some(owner)) = (reply, engine.home_ready(&name)) else { return };
        let last = docs.into_iter().next().and_then(|doc| Some((doc.key.split_once('\u{0}')?.1.to_owned(), doc.value)));
        remember(engine, owner, &node, last.clone());
        then(engine, owner, last);
    });
}

fn remember(engine: &mut Engine, owner: HomeIx, node: &str, last: Option<(String, Bytes)>) {
    const AT_HAND: usize = 4 * 1024;
    if let Some(entry) = engine.data_mut(owner).and_then(|d| d.pep.get_mut(node))
        && last.as_ref().is_none_or(|(_, payload)| payload.len() <= AT_HAND)
    {
        entry.last = Some(last);
    }
}

impl Engine {
    /// The XEP-0108 activity that the calendar sets now.
    pub(crate) fn activity_override(&self, home: HomeIx) -> Option<Element> {
        let kind = self.activity_kind(home)?;
        Some(meeting_activity(kind, &self.settings.calendar, &self.language_of(home)))
    }

    /// On the initial presence: what the session already asked for by an earlier presence.
    pub(crate) fn pep_greet(&mut self, session: SessionId) {
        let wanted = self.session(session).and_then(|s| s.available.as_ref()).map(|a| a.notify.clone()).unwrap_or_default();
        if !wanted.is_empty() {
            send_last_items(self, session, &wanted);
        }
    }
}

/// A meeting began or ended, or is called otherwise: the server's activity is shown, or the user's own comes back.
pub fn meeting_activity_changed(engine: &mut Engine, home: HomeIx, activity: Option<Bytes>) {
    let config = engine.data(home).and_then(|d| d.pep.get(ACTIVITY)).map(|n| n.config.clone());
    let config = config.unwrap_or_else(|| NodeConfig::default_for(ACTIVITY));
    if let Some(activity) = activity {
        let event = event_items(ACTIVITY, [(MEETING_ITEM, Some(&activity[..]))]);
        return tell_with(engine, home, ACTIVITY, &config, &event);
    }
    newest(engine, home, ACTIVITY, move |engine, home, own| match own {
        Some((id, payload)) if !is_claim(engine, home, ACTIVITY, &payload) => {
            let event = event_items(ACTIVITY, [(id.as_str(), Some(&payload[..]))]);
            tell_with(engine, home, ACTIVITY, &config, &event);
        }
        _ => tell_nothing(engine, home, &config),
    });
}

/// No activity of the user's own: an empty one says so (XEP-0108 §3.2).
fn tell_nothing(engine: &mut Engine, home: HomeIx, config: &NodeConfig) {
    let nothing = Element::new("activity", ACTIVITY).to_bytes();
    let event = event_items(ACTIVITY, [(MEETING_ITEM, Some(&nothing[..]))]);
    tell_with(engine, home, ACTIVITY, config, &event);
    tell_with(engine, home, ACTIVITY, config, &event_retract(ACTIVITY, [MEETING_ITEM]));
}

/// A gateway speaks for the user from now on: an activity that only it may claim, published before, is seen no more.
pub fn hide_claim(engine: &mut Engine, home: HomeIx) {
    let Some(config) = engine.data(home).and_then(|d| d.pep.get(ACTIVITY)).map(|n| n.config.clone()) else { return };
    newest(engine, home, ACTIVITY, move |engine, home, own| {
        if own.is_some_and(|(_, payload)| is_claim(engine, home, ACTIVITY, &payload)) {
            tell_nothing(engine, home, &config);
        }
    });
}

/// Requirement C7: whether a stored item claims what the calendar alone may say of this user. It stays stored, and is
/// shown again to others when no gateway serves the user any more.
pub fn is_claim(engine: &Engine, home: HomeIx, node: &str, payload: &[u8]) -> bool {
    let served = node == ACTIVITY && engine.served_by_calendar(home);
    served && Element::parse(payload).is_ok_and(|payload| is_meeting_activity(&payload))
}
