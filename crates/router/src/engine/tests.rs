//! Ways of a message and ends of a session that only the engine itself shows.

use super::{AccountChange, BindRequest, Engine, EngineConfig, SessionId};
use crate::outbox::Outbox;
use crate::outlet::{Close, Outlet};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use zaiseki_model::live::{Carrier, Transport};
use zaiseki_model::{MessageId, MessageIds, RosterItem, Subscription, Timestamp, User, UserId, limits};
use zaiseki_presence::pep::NodeConfig;
use zaiseki_store::{Doc, DocPage, Read, Reply, UserData, Write};
use zaiseki_xmpp::ns::ACTIVITY;
use zaiseki_xmpp::stanza::StreamErrorCondition;
use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

mod meetings;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// An engine whose database knows two users, `mika` with so many messages waiting, and has no message to show.
struct Bench {
    engine: Engine,
    waiting: u64,
    /// Mika's.
    roster: Vec<RosterItem>,
    /// Mika's activity from long ago (XEP-0108), the content of the element.
    activity: Option<&'static str>,
    /// Mika's language.
    language: Option<&'static str>,
    written: Vec<Write>,
}

type Resource = (Arc<Outbox>, SessionId);
type Bound = Arc<Mutex<Option<SessionId>>>;

impl Bench {
    fn new(waiting: u64) -> Self {
        let engine = Engine::new(EngineConfig {
            domain: "here.example".parse().expect("a domain"),
            ids: MessageIds::new(0, None),
            settings: Arc::default(),
            random: Box::new(|out| out.fill(1)),
        });
        Bench { engine, waiting, roster: Vec::new(), activity: None, language: None, written: Vec::new() }
    }

    /// Asks for a session; the home is still to be read.
    fn ask(&mut self, name: &str, resource: &str) -> (Arc<Outbox>, Bound) {
        self.ask_by(Transport::Tcp, name, resource)
    }

    fn ask_by(&mut self, transport: Transport, name: &str, resource: &str) -> (Arc<Outbox>, Bound) {
        let (outbox, bound) = (Arc::new(Outbox::new(false)), Bound::default());
        let (told, noted) = (bound.clone(), outbox.clone());
        let request = BindRequest {
            user: user(name).id,
            name: name.to_owned(),
            resource: Some(resource.to_owned()),
            lang: None,
            carrier: Carrier { transport, ..Carrier::local() },
            outlet: outbox.clone(),
            done: Box::new(move |result| {
                let session = result.ok().map(|(session, _)| session);
                session.into_iter().for_each(|session| noted.note_session(session));
                *told.lock().expect("no panic") = session;
            }),
        };
        self.engine.bind(NOW, request);
        (outbox, bound)
    }

    fn bind(&mut self, name: &str, resource: &str) -> (Arc<Outbox>, SessionId) {
        let (outbox, bound) = self.ask(name, resource);
        self.settle();
        let session = bound.lock().expect("no panic").take().expect("bound");
        (outbox, session)
    }

    fn say(&mut self, id: SessionId, text: &str) {
        let stanza = stanza_from_bytes(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).expect("well-formed");
        self.engine.stanza(NOW, id, stanza);
        self.settle();
    }

    /// The database does what it is asked until nothing is left.
    fn settle(&mut self) {
        loop {
            let effects = self.engine.take_effects();
            if effects.writes.is_empty() && effects.reads.is_empty() {
                return;
            }
            self.written.extend(effects.writes);
            self.engine.durable(NOW, effects.seq);
            for request in effects.reads {
                let reply = self.reply(&request.read);
                self.engine.read_done(NOW, request.token, Ok(reply));
            }
        }
    }

    fn reply(&self, read: &Read) -> Reply {
        match read {
            Read::UserData { name } if name == "nobody" => Reply::UserData(None),
            Read::UserData { name } => Reply::UserData(Some(Box::new(UserData {
                user: User { language: self.language.map(str::to_owned), ..user(name) },
                roster: if name == "mika" { self.roster.clone() } else { Vec::new() },
                roster_version: 0,
                blocked: Vec::new(),
                preferences: Vec::new(),
                pep_nodes: match self.activity {
                    Some(_) if name == "mika" => {
                        vec![Doc { key: ACTIVITY.to_owned(), value: NodeConfig::default_for(ACTIVITY).to_stored() }]
                    }
                    _ => Vec::new(),
                },
                pending: if name == "mika" { self.waiting } else { 0 },
            }))),
            Read::Pending { .. } => Reply::Messages(Vec::new()),
            Read::DocPage(_) => {
                let docs: Vec<_> = self.activity.into_iter().map(activity_item).collect();
                Reply::DocPage(DocPage { total: docs.len(), docs, first_index: 0, anchor_found: true })
            }
            _ => Reply::Docs(self.activity.into_iter().map(activity_item).collect()),
        }
    }

    fn releases(&self) -> usize {
        self.written.iter().filter(|write| matches!(write, Write::Release { .. })).count()
    }

    fn kept(&self) -> usize {
        self.written.iter().filter(|write| matches!(write, Write::Message(_))).count()
    }
}

fn activity_item(content: &str) -> Doc {
    let value = format!("<activity xmlns='{ACTIVITY}'>{content}</activity>");
    Doc { key: format!("{ACTIVITY}\u{0}1"), value: value.into() }
}

fn user(name: &str) -> User {
    User {
        id: UserId([name.as_bytes()[0]; 16]),
        name: name.to_owned(),
        display_name: String::new(),
        mail: String::new(),
        telephone: String::new(),
        language: None,
        enabled: true,
        calendar: true,
        im: true,
        user_id: None,
    }
}

/// What went out, and the kept messages in it.
fn heard(outbox: &Outbox) -> (String, Vec<MessageId>) {
    outbox.take(Vec::new()).map_or_else(Default::default, |flush| (String::from_utf8(flush.bytes).expect("text"), flush.kept))
}

fn chat(to: &str, body: &str) -> String {
    format!("<message to='{to}@here.example' type='chat' id='c'><body>{body}</body></message>")
}

/// The time for signing in is over while the home is still being read.
#[test]
fn no_session_is_bound_to_a_connection_that_is_gone() {
    let mut bench = Bench::new(0);
    let (outbox, bound) = bench.ask("mika", "desk");
    assert_eq!(outbox.abandon(), None);
    bench.settle();
    assert_eq!((bench.engine.session_count(), bound.lock().expect("no panic").take()), (0, None));
}

/// The session is there, but the task was stopped before it heard of it.
#[test]
fn a_session_its_connection_never_heard_of_ends_with_it() {
    let mut bench = Bench::new(0);
    let (outbox, _) = bench.bind("mika", "desk");
    let outlet: Arc<dyn Outlet> = outbox.clone();
    let session = outbox.abandon().expect("noted");
    bench.engine.cut(NOW, session, &outlet);
    assert_eq!(bench.engine.session_count(), 0);
}

/// RFC 6121 §8.5.3.1.
#[test]
fn a_resource_without_presence_gets_what_names_it_at_once() {
    let mut bench = Bench::new(3);
    let (outbox, _) = bench.bind("mika", "desk");
    let (_, ken) = bench.bind("ken", "desk");
    bench.say(ken, &chat("mika", "waits"));
    assert!(!heard(&outbox).0.contains("waits"), "to the bare address");
    bench.say(ken, "<message to='mika@here.example/desk' type='chat'><body>now</body></message>");
    assert!(heard(&outbox).0.contains("now"));
}

/// XEP-0160 §3: one too many bounces with `service-unavailable`.
#[test]
fn so_many_offline_messages_are_kept_and_one_more_is_refused() {
    let mut bench = Bench::new(limits::OFFLINE_MESSAGES as u64 - 1);
    let (outbox, ken) = bench.bind("ken", "desk");
    bench.say(ken, &chat("mika", "the last"));
    assert_eq!((bench.kept(), heard(&outbox).0), (1, String::new()), "at the limit");
    bench.say(ken, &chat("mika", "one too many"));
    let answer = heard(&outbox).0;
    assert!(answer.contains("type='error'") && answer.contains("<service-unavailable"), "{answer}");
    assert_eq!(bench.kept(), 1, "one past it");
}

/// What left behind the end of the stream has arrived; what never left is looked for again.
#[test]
fn bytes_that_leave_after_the_end_count() {
    let mut bench = Bench::new(0);
    let (outbox, mika) = bench.bind("mika", "desk");
    let (_, ken) = bench.bind("ken", "desk");
    bench.say(mika, "<presence/>");
    bench.say(ken, &chat("mika", "hello"));
    bench.engine.closed(NOW, mika);
    let (text, kept) = heard(&outbox);
    assert!(text.contains("hello") && kept.len() == 1 && bench.releases() == 0);
    bench.engine.written_late(NOW, "mika", &kept);
    bench.settle();
    assert_eq!(bench.releases(), 1);
}

/// Two resources, one of them with carbons; the message goes to the first, a copy to the second. Returns the bench, who
/// got the message, who got the copy, and the outbox of the latter.
fn copied() -> (Bench, SessionId, SessionId, Arc<Outbox>) {
    let mut bench = Bench::new(0);
    let (_, desk) = bench.bind("mika", "desk");
    let (outbox, phone) = bench.bind("mika", "phone");
    let (_, ken) = bench.bind("ken", "desk");
    bench.engine.enable_management(NOW, desk, false, None);
    bench.engine.enable_management(NOW, phone, false, None);
    bench.say(desk, "<presence><priority>5</priority></presence>");
    bench.say(phone, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    bench.say(phone, "<presence/>");
    heard(&outbox);
    bench.say(ken, &chat("mika", "hello"));
    assert!(heard(&outbox).0.contains("<received"));
    (bench, desk, phone, outbox)
}

/// The count of stanzas sent to a session.
fn sent(bench: &Bench, id: SessionId) -> u32 {
    let sm = bench.engine.session(id).and_then(|s| s.sm.as_ref()).expect("managed");
    sm.outgoing.iter().count() as u32
}

#[test]
fn an_unacknowledged_carbon_does_not_stand_for_the_message() {
    let (mut bench, desk, phone, _) = copied();
    for (lost, releases) in [(desk, 0), (phone, 0)] {
        bench.engine.end_session(lost, None, super::resume::Ended::Lost);
        bench.settle();
        assert_eq!(bench.releases(), releases);
    }
    // It waits for the next resource.
    let home = bench.engine.home_ready("mika").expect("loaded");
    assert!(bench.engine.data(home).is_some_and(|data| data.offline > 0));
}

#[test]
fn an_acknowledged_carbon_stands_for_the_message() {
    let (mut bench, desk, phone, outbox) = copied();
    let h = sent(&bench, phone);
    bench.engine.acknowledged(NOW, phone, h);
    bench.settle();
    assert_eq!(bench.releases(), 1);
    bench.engine.end_session(desk, None, super::resume::Ended::Lost);
    bench.settle();
    assert!(!heard(&outbox).0.contains("hello"));
}

/// Carbons switched on after the message bring no copy of it: the message itself has to come.
#[test]
fn carbons_of_later_do_not_stand_for_an_earlier_message() {
    let mut bench = Bench::new(0);
    let (_, desk) = bench.bind("mika", "desk");
    let (outbox, phone) = bench.bind("mika", "phone");
    let (_, ken) = bench.bind("ken", "desk");
    bench.engine.enable_management(NOW, desk, false, None);
    bench.say(desk, "<presence><priority>5</priority></presence>");
    bench.say(phone, "<presence/>");
    bench.say(ken, &chat("mika", "hello"));
    bench.say(phone, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    heard(&outbox);
    bench.engine.end_session(desk, None, super::resume::Ended::Lost);
    bench.settle();
    assert!(heard(&outbox).0.contains("hello"));
    assert_eq!(bench.releases(), 0);
}

/// Two who see each other's presence.
fn friends() -> (Bench, Resource, Resource) {
    let mut bench = Bench::new(0);
    let (mika, ken) = (bench.bind("mika", "desk"), bench.bind("ken", "desk"));
    for (id, other) in [(mika.1, "ken"), (ken.1, "mika")] {
        bench.say(id, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        bench.say(id, "<presence/>");
        bench.say(id, &format!("<presence to='{other}@here.example' type='subscribe'/>"));
    }
    heard(&mika.0);
    heard(&ken.0);
    (bench, mika, ken)
}

fn roster_puts(bench: &Bench, of: &str) -> Vec<RosterItem> {
    let put = |write: &Write| match write {
        Write::RosterPut { user: id, item } if *id == user(of).id => Some(item.clone()),
        _ => None,
    };
    bench.written.iter().filter_map(put).collect()
}

#[test]
fn a_removed_user_leaves_the_rosters_of_contacts_who_are_online() {
    let (mut bench, mika, ken) = friends();
    bench.engine.account_changed(NOW, "ken", AccountChange::Removed);
    bench.settle();
    let (text, _) = heard(&mika.0);
    let places: Vec<_> = ["type='unavailable'", "type='unsubscribe'", "type='unsubscribed'", "subscription='none'"]
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
    assert_eq!(roster_puts(&bench, "mika").last().map(|item| item.subscription), Some(Subscription::None));
    assert!(heard(&ken.0).0.contains("<not-authorized") || bench.engine.session(ken.1).is_none());
    // Who gets the name next is nobody's contact.
    let (_, new) = bench.bind("ken", "desk");
    bench.say(new, "<presence/>");
    assert_eq!(heard(&mika.0).0, "");
}

/// The roster was read before the removal and arrives after it.
#[test]
fn a_roster_that_is_being_read_forgets_the_removed_user_too() {
    let mut bench = Bench::new(0);
    bench
        .roster
        .push(RosterItem { subscription: Subscription::Both, ..RosterItem::new("ken@here.example".parse().expect("a JID")) });
    let (_, bound) = bench.ask("mika", "desk");
    bench.engine.account_changed(NOW, "ken", AccountChange::Removed);
    bench.settle();
    assert!(bound.lock().expect("no panic").is_some());
    assert_eq!(roster_puts(&bench, "mika").last().map(|item| item.subscription), Some(Subscription::None));
}

/// Disabled while the home is being read for a sign-in.
#[test]
fn a_sign_in_that_waits_for_the_home_is_revoked_with_the_others() {
    let mut bench = Bench::new(0);
    let (_, bound) = bench.ask("mika", "desk");
    bench.engine.account_changed(NOW, "mika", AccountChange::Revoked);
    bench.settle();
    assert!(bound.lock().expect("no panic").is_some(), "it was told of a session");
    assert_eq!((bench.engine.session_count(), bench.engine.home_ready("mika")), (0, None));
}

#[test]
fn people_are_counted_once_however_many_resources_they_have() {
    let mut bench = Bench::new(0);
    let counted = |bench: &Bench| {
        let counts = bench.engine.counts();
        (counts.sessions, counts.available_sessions, counts.people_online)
    };
    let (_desk_box, desk) = bench.bind("mika", "desk");
    let (_phone_box, phone) = bench.bind("mika", "phone");
    assert_eq!(counted(&bench), (2, 0, 0));
    for id in [desk, desk, phone] {
        bench.say(id, "<presence xmlns='jabber:client'/>");
    }
    assert_eq!(counted(&bench), (2, 2, 1));
    let (_other_box, other) = bench.bind("ken", "desk");
    bench.say(other, "<presence xmlns='jabber:client'/>");
    assert_eq!(counted(&bench), (3, 3, 2));
    bench.say(desk, "<presence xmlns='jabber:client' type='unavailable'/>");
    bench.say(desk, "<presence xmlns='jabber:client' type='unavailable'/>");
    assert_eq!(counted(&bench), (3, 2, 2));
    bench.engine.closed(NOW, phone);
    assert_eq!(counted(&bench), (2, 1, 1));
    bench.engine.drain(NOW);
    assert_eq!(counted(&bench), (0, 0, 0));
    assert_eq!(bench.engine.counts().presences_total, 6);
}

#[test]
fn a_way_in_that_closes_ends_the_sessions_that_came_by_it() {
    let mut bench = Bench::new(0);
    let (tcp, desk) = bench.bind("mika", "desk");
    let (web, _) = bench.ask_by(Transport::Bosh, "mika", "web");
    bench.settle();
    bench.engine.enable_management(NOW, desk, true, None);
    bench.settle();
    let outlet: Arc<dyn Outlet> = tcp.clone();
    bench.engine.cut(NOW, desk, &outlet);
    let (tcp, _) = bench.bind("mika", "phone");
    assert_eq!(bench.engine.counts().sessions, 3);
    bench.engine.drain_transports(NOW, &Transport::SOCKETS);
    assert_eq!(bench.engine.counts().sessions, 1, "the one that might come back is gone too");
    let shutdown = |outbox: &Outbox| match outbox.take(Vec::new()).and_then(|flush| flush.close) {
        Some(Close::Error(condition, _)) => condition == StreamErrorCondition::SystemShutdown,
        _ => false,
    };
    assert!(shutdown(&tcp) && !shutdown(&web));
    bench.engine.drain_transports(NOW, &Transport::WEB);
    assert!(shutdown(&web));
    assert_eq!(bench.engine.counts().sessions, 0);
}

#[test]
fn so_many_bytes_of_directed_presence_and_one_more_is_refused() {
    let mut bench = Bench::new(0);
    let (outbox, mika) = bench.bind("mika", "desk");
    let tag = "<x xmlns='urn:example:x'></x>";
    let body = |bytes: usize| format!("<x xmlns='urn:example:x'>{}</x>", "y".repeat(bytes - tag.len()));
    let half = limits::DIRECTED_BYTES / 2;
    for (to, bytes, fits) in [("ken", half, true), ("hana", half, true), ("hana", half, true), ("hana", half + 1, false)] {
        bench.say(mika, &format!("<presence to='{to}@here.example'>{}</presence>", body(bytes)));
        assert_eq!(heard(&outbox).0.contains("<resource-constraint"), !fits, "{to} {bytes}");
    }
}

/// An account that is not there answers a stranger as one that is (XEP-0030 §8).
#[test]
fn strangers_do_not_learn_who_has_an_account() {
    let pubsub = "http://jabber.org/protocol/pubsub";
    let requests = [
        ("get", "<query xmlns='jabber:iq:last'/>".to_owned()),
        ("get", "<query xmlns='jabber:iq:roster'/>".to_owned()),
        ("get", "<ping xmlns='urn:xmpp:ping'/>".to_owned()),
        ("set", "<vCard xmlns='vcard-temp'/>".to_owned()),
        ("get", format!("<pubsub xmlns='{pubsub}'><items node='urn:example:n'/></pubsub>")),
        ("set", format!("<pubsub xmlns='{pubsub}'><retract node='urn:example:n'><item id='1'/></retract></pubsub>")),
        ("get", format!("<pubsub xmlns='{pubsub}#owner'><configure node='urn:example:n'/></pubsub>")),
        ("get", "<query xmlns='urn:example:unknown'/>".to_owned()),
    ];
    let mut bench = Bench::new(0);
    let (outbox, ken) = bench.bind("ken", "desk");
    for (type_, payload) in requests {
        let [there, not] = ["mika", "nobody"].map(|name| {
            bench.say(ken, &format!("<iq to='{name}@here.example' type='{type_}' id='e'>{payload}</iq>"));
            heard(&outbox).0.replace(name, "")
        });
        assert!(there.contains("<error"), "{payload}: {there}");
        assert_eq!(there, not, "{payload}");
    }
}

/// RFC 6121 §8.5.3.1.
#[test]
fn an_error_about_presence_reaches_the_resource_it_names() {
    let mut bench = Bench::new(0);
    let ((outbox, _), (_, ken)) = (bench.bind("mika", "desk"), bench.bind("ken", "desk"));
    let error = |to: &str| {
        format!(
            "<presence to='{to}' type='error' id='p'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        )
    };
    bench.say(ken, &error("mika@here.example"));
    assert_eq!(heard(&outbox).0, "");
    bench.say(ken, &error("mika@here.example/desk"));
    let text = heard(&outbox).0;
    assert!(text.contains("type='error'") && text.contains("<gone"), "{text}");
}

#[test]
fn subscription_requests_have_a_limit_and_a_somebody() {
    let mut bench = Bench::new(0);
    let (outbox, ken) = bench.bind("ken", "desk");
    bench.say(ken, "<presence to='here.example' type='subscribe'/>");
    assert!(heard(&outbox).0.contains("<service-unavailable"));
    let status = |bytes: usize| format!("<status>{}</status>", "x".repeat(bytes - "<status></status>".len()));
    for (bytes, fits) in [(limits::SUBSCRIPTION_BYTES + 1, false), (limits::SUBSCRIPTION_BYTES, true)] {
        bench.say(ken, &format!("<presence to='mika@here.example' type='subscribe'>{}</presence>", status(bytes)));
        assert_eq!(heard(&outbox).0.contains("<policy-violation"), !fits, "{bytes}");
        assert_eq!(roster_puts(&bench, "ken").is_empty(), !fits, "{bytes}");
    }
}

/// XEP-0203: a stamp without a name would read as the server's.
#[test]
fn a_delay_without_a_name_is_taken_out() {
    let mut bench = Bench::new(0);
    let ((outbox, _), (_, ken)) = (bench.bind("mika", "desk"), bench.bind("ken", "desk"));
    for (from, passes) in [("", false), ("from='ken@here.example'", true)] {
        let delay = format!("<delay xmlns='urn:xmpp:delay' {from} stamp='2002-09-10T23:08:25Z'/>");
        bench.say(ken, &format!("<message to='mika@here.example/desk' type='chat'><body>b</body>{delay}</message>"));
        let text = heard(&outbox).0;
        assert!(text.contains("<body>b") && text.contains("2002-09-10") == passes, "{text}");
    }
}
