//! The checker: looks at what clients saw, and at the disk, never into the engine.

use crate::client::{Reading, Seen};
use crate::log::{Archived, Message, Promise, Receipt};
use crate::text;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use zaiseki_model::{RosterItem, Timestamp};
use zaiseki_store::{Read, Reply, StoreError};

/// The final meeting of some users.
#[derive(Clone, Copy)]
pub(crate) struct Meeting {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl World {
    /// An acknowledgement is leaving the server: everything it counts is on disk, or its reader has it.
    pub(crate) fn check_ack(&mut self, conn: usize, bytes: &[u8]) {
        let Some(h) = text::handled_count(bytes) else { return };
        // Over a connection that the client gave up it will never be read.
        let Some(stream) = self.clients[self.conns[conn].client].stream.as_ref().filter(|_| self.conns[conn].client_open) else {
            return;
        };
        if h > stream.sent.len() {
            let text = format!("{h} stanzas acknowledged, {} sent on {}", stream.sent.len(), stream.name);
            return self.log.broken(Promise::AckIsKept, self.now, text);
        }
        let counted = stream.sent[..h].iter().flatten().map(|index| &self.log.messages[*index]);
        let lost = counted.filter(|m| !m.acked && m.receipts.is_empty() && !self.disk.messages.contains(&m.origin));
        let lost: Vec<String> = lost.map(|m| m.origin.clone()).collect();
        if !lost.is_empty() {
            let text = format!("{} counts {lost:?}, which are nowhere", String::from_utf8_lossy(bytes));
            self.log.broken(Promise::AckIsKept, self.now, text);
        }
    }

    /// Presence of somebody whose meeting the finale watches.
    pub(crate) fn note_meeting(&mut self, stanza: &[u8]) {
        if !self.healing || !stanza.starts_with(b"<presence") {
            return;
        }
        let Some(element) = text::element(stanza).filter(|e| e.attr("type").is_none()) else { return };
        let Some(user) = element.attr("from").and_then(text::user_of) else { return };
        self.shown.push((user, self.now, is_meeting(&element.to_string())));
    }

    /// Every watcher sees exactly what is.
    pub(crate) fn check_presence(&mut self, meetings: &BTreeMap<usize, Meeting>) -> Result<(), StoreError> {
        for client in 0..self.clients.len() {
            if self.clients[client].conn.is_none() {
                continue;
            }
            let expected = self.visible_to(client, meetings)?;
            let seen = &self.clients[client].seen;
            let mut seen: BTreeMap<String, Seen> = seen.iter().map(|(jid, seen)| (jid.clone(), seen.clone())).collect();
            // Only the label is compared: what follows it belongs to the rules of composition, which have tests of their own.
            seen.values_mut().filter(|s| is_meeting(&s.status)).for_each(|s| s.status = "In a meeting".to_owned());
            if seen != expected {
                let text = format!("{} sees {seen:?}, true is {expected:?}", self.clients[client].address());
                self.log.broken(Promise::Presence, self.now, text);
            }
        }
        Ok(())
    }

    fn visible_to(&self, client: usize, meetings: &BTreeMap<usize, Meeting>) -> Result<BTreeMap<String, Seen>, StoreError> {
        let own = self.clients[client].user;
        let roster = self.roster(own)?;
        let visible = |user: usize| user == own || roster.get(&user).is_some_and(|item| item.subscription.to());
        let online = self.clients.iter().filter(|c| c.conn.is_some() && visible(c.user));
        Ok(online.map(|c| (c.address(), self.truth(c.index, meetings))).collect())
    }

    fn truth(&self, client: usize, meetings: &BTreeMap<usize, Meeting>) -> Seen {
        let client = &self.clients[client];
        let meets = meetings.get(&client.user).is_some_and(|m| m.start <= self.now && self.now < m.end);
        if meets && client.own.show != "dnd" {
            return Seen { show: "dnd".to_owned(), status: "In a meeting".to_owned() };
        }
        client.own.clone()
    }

    /// What the disk holds of a user's contacts, by the contact's index.
    fn roster(&self, user: usize) -> Result<HashMap<usize, RosterItem>, StoreError> {
        let reply = self.disk.database.read(&Read::UserData { name: format!("u{user}") })?;
        let Reply::UserData(Some(data)) = reply else { return Ok(HashMap::new()) };
        Ok(data.roster.into_iter().filter_map(|item| Some((text::user_of(item.jid.as_str())?, item))).collect())
    }

    pub(crate) fn check_subscriptions(&mut self) -> Result<(), StoreError> {
        let rosters: Vec<_> = (0..self.plan.users).map(|user| self.roster(user)).collect::<Result<_, _>>()?;
        for (a, roster) in rosters.iter().enumerate() {
            for b in (0..self.plan.users).filter(|b| *b != a) {
                let to = roster.get(&b).is_some_and(|item| item.subscription.to());
                let from = rosters[b].get(&a).is_some_and(|item| item.subscription.from());
                if to != from {
                    let text = format!("u{a} sees u{b}: {to}; u{b} is seen by u{a}: {from}");
                    self.log.broken(Promise::Subscriptions, self.now, text);
                }
            }
        }
        Ok(())
    }

    /// The meetings of the finale showed from start to end, and not a moment longer.
    pub(crate) fn check_meetings(&mut self, meetings: &BTreeMap<usize, Meeting>) {
        let mut broken = Vec::new();
        for (user, meeting) in meetings {
            let shown: Vec<(Timestamp, bool)> = self.shown.iter().filter(|s| s.0 == *user).map(|s| (s.1, s.2)).collect();
            for (moment, shows) in [(meeting.start, true), (meeting.end, false)] {
                if !shown.contains(&(moment, shows)) {
                    broken.push(format!("u{user}: nothing said at {moment:?}, when the meeting showing becomes {shows}"));
                }
            }
            let outside = shown.iter().filter(|(at, shows)| *shows && !(meeting.start <= *at && *at < meeting.end));
            broken.extend(outside.map(|(at, _)| format!("u{user}: shown in a meeting at {at:?}")));
        }
        let now = self.now;
        broken.into_iter().for_each(|text| self.log.broken(Promise::MeetingOnTime, now, text));
    }

    pub(crate) fn archives_read(&self) -> bool {
        (0..self.plan.users).all(|user| self.clients[self.plan.first_client(user)].reading == Reading::Done)
    }

    /// Once everything is at rest, each message was acknowledged, is where it belongs, and was seen once.
    pub(crate) fn check_messages(&mut self) {
        let now = self.now;
        let mut broken = Vec::new();
        for message in &self.log.messages {
            if !message.acked {
                broken.push((Promise::Rest, format!("{} was never acknowledged", message.origin)));
            }
            if message.receipts.is_empty() {
                broken.push((Promise::Delivered, format!("{} (acknowledged: {}) never came", message.origin, message.acked)));
            }
            broken.extend(twice(message).map(|text| (Promise::Once, text)));
            if self.plan.archive {
                broken.extend(self.misfiled(message).into_iter().map(|text| (Promise::Archived, text)));
            }
        }
        broken.extend(self.disordered().into_iter().map(|text| (Promise::Order, text)));
        broken.into_iter().for_each(|(promise, text)| self.log.broken(promise, now, text));
    }

    /// What is wrong with a message's place in the two archives.
    fn misfiled(&self, message: &Message) -> Vec<String> {
        let sender = self.clients[message.from].user;
        let mut broken = Vec::new();
        let mut ids = BTreeSet::new();
        for owner in [sender, message.to] {
            let found: Vec<&Archived> = self.log.archives[owner].iter().filter(|a| a.origin == message.origin).collect();
            if found.len() != 1 {
                broken.push(format!("{} stands {} times in the archive of u{owner}", message.origin, found.len()));
            }
            ids.extend(found.iter().map(|a| a.id.as_str()));
        }
        // A copy delivered before a crash that took the message from the disk has another id, and was not acknowledged then.
        let last = message.receipts.iter().max_by_key(|r| (r.epoch, r.place)).and_then(|r| r.stanza_id.as_deref());
        if broken.is_empty() && (ids.len() != 1 || last.is_some_and(|id| !ids.contains(id))) {
            broken.push(format!("{} is archived as {ids:?}, last received as {last:?}", message.origin));
        }
        broken
    }

    /// Pairs of messages from one client to one address that came to one stream in the wrong order (RFC 6120 §10.1).
    fn disordered(&self) -> Vec<String> {
        let mut lanes: BTreeMap<(u64, usize, &str), Vec<Place<'_>>> = BTreeMap::new();
        for (index, message) in self.log.messages.iter().enumerate() {
            for receipt in &message.receipts {
                lanes.entry((receipt.stream, message.from, message.address.as_str())).or_default().push((
                    receipt.place,
                    index,
                    receipt,
                ));
            }
        }
        let mut broken = Vec::new();
        for ((stream, from, _), mut lane) in lanes {
            lane.sort_by_key(|(place, ..)| *place);
            for pair in lane.windows(2) {
                let ((_, first, a), (_, second, b)) = (&pair[0], &pair[1]);
                if second < first && self.same_way(a, b) {
                    broken.push(format!("stream {stream}: m{second} of client {from} after m{first} ({a:?}, {b:?})"));
                }
            }
        }
        broken
    }

    /// What came before the first presence came before the older messages that waited for it (RFC 6121 §8.5.3.1). What
    /// another resource left behind when its stream was given up comes late, marked by a delay stamp: only a user
    /// with one resource can tell that from disorder.
    fn same_way(&self, a: &Receipt, b: &Receipt) -> bool {
        let user = self.clients[b.client].user;
        let single = self.clients.iter().filter(|c| c.user == user).count() == 1;
        let overtook = a.early && b.delayed;
        !overtook && (single || (!a.delayed && !b.delayed))
    }
}

fn is_meeting(text: &str) -> bool {
    text.contains("In a meeting")
}

/// Received twice on one stream; or by one client under two ids although no crash lies between.
fn twice(message: &Message) -> Option<String> {
    for (i, a) in message.receipts.iter().enumerate() {
        for b in message.receipts[i + 1..].iter().filter(|b| b.client == a.client) {
            let other_id = a.stanza_id != b.stanza_id;
            if (a.stream == b.stream && !other_id) || (other_id && a.epoch == b.epoch) {
                return Some(format!("{}: {a:?} and {b:?}", message.origin));
            }
        }
    }
    None
}

/// A receipt with the message it is of and where it stands.
type Place<'a> = (usize, usize, &'a Receipt);
