use super::*;
use SubscriptionStanza::*;
use proptest::prelude::*;

/// The states of RFC 6121 appendix A.1.
const NONE: &str = "None";
const NONE_OUT: &str = "None + Pending Out";
const NONE_IN: &str = "None + Pending In";
const NONE_BOTH: &str = "None + Pending Out+In";
const TO: &str = "To";
const TO_IN: &str = "To + Pending In";
const FROM: &str = "From";
const FROM_OUT: &str = "From + Pending Out";
const BOTH: &str = "Both";

type Row = (&'static str, bool, &'static str);

fn contact() -> BareJid {
    BareJid::new(Some("contact"), "example.org").unwrap()
}

fn payload() -> Bytes {
    Bytes::from_static(b"<nick xmlns='http://jabber.org/protocol/nick'>C</nick>")
}

fn item(state: &str) -> RosterItem {
    let (base, pending) = state.split_once(" + Pending ").unwrap_or((state, ""));
    RosterItem {
        subscription: match base {
            "None" => Subscription::None,
            "To" => Subscription::To,
            "From" => Subscription::From,
            _ => Subscription::Both,
        },
        ask: pending.contains("Out"),
        pending_in: pending.contains("In").then(payload),
        ..RosterItem::new(contact())
    }
}

fn state(item: &RosterItem) -> &'static str {
    match (item.subscription, item.ask, item.pending_in.is_some()) {
        (Subscription::None, false, false) => NONE,
        (Subscription::None, true, false) => NONE_OUT,
        (Subscription::None, false, true) => NONE_IN,
        (Subscription::None, true, true) => NONE_BOTH,
        (Subscription::To, false, false) => TO,
        (Subscription::To, false, true) => TO_IN,
        (Subscription::From, false, false) => FROM,
        (Subscription::From, true, false) => FROM_OUT,
        (Subscription::Both, false, false) => BOTH,
        other => panic!("{other:?} is no state of appendix A.1"),
    }
}

fn after(old: &RosterItem, outcome: &Outcome) -> RosterItem {
    match &outcome.new {
        Change::Keep => old.clone(),
        Change::Put(item) => item.clone(),
        Change::Remove => panic!("a visible item was removed"),
    }
}

fn check(name: &str, rows: [Row; 9], act: impl Fn(&RosterItem) -> Outcome) {
    for (before, route, expected) in rows {
        let old = item(before);
        let outcome = act(&old);
        let new = after(&old, &outcome);
        assert_eq!((outcome.route, state(&new)), (route, expected), "{name} in {before:?}");
        let visibly = (old.subscription, old.ask, old.approved) != (new.subscription, new.ask, new.approved);
        assert_eq!(outcome.push, visibly, "push of {name} in {before:?}");
        let presence = match (old.subscription.from(), new.subscription.from()) {
            (false, true) => PresenceToSend::Current,
            (true, false) => PresenceToSend::Unavailable,
            _ if outcome.reply == Some(Subscribed) => PresenceToSend::Current,
            _ => PresenceToSend::None,
        };
        assert_eq!(outcome.send_presence, presence, "presence after {name} in {before:?}");
    }
}

/// Appendix A.2, columns: existing state, ROUTE?, new state.
#[test]
fn outbound_tables() {
    let out = |stanza| move |item: &RosterItem| outbound(&contact(), Some(item), stanza);
    let a_2_1_subscribe = [
        (NONE, true, NONE_OUT),
        (NONE_OUT, true, NONE_OUT),
        (NONE_IN, true, NONE_BOTH),
        (NONE_BOTH, true, NONE_BOTH),
        (TO, true, TO),
        (TO_IN, true, TO_IN),
        (FROM, true, FROM_OUT),
        (FROM_OUT, true, FROM_OUT),
        (BOTH, true, BOTH),
    ];
    let a_2_2_unsubscribe = [
        (NONE, true, NONE),
        (NONE_OUT, true, NONE),
        (NONE_IN, true, NONE_IN),
        (NONE_BOTH, true, NONE_IN),
        (TO, true, NONE),
        (TO_IN, true, NONE_IN),
        (FROM, true, FROM),
        (FROM_OUT, true, FROM),
        (BOTH, true, FROM),
    ];
    let a_2_3_subscribed = [
        (NONE, false, NONE),
        (NONE_OUT, false, NONE_OUT),
        (NONE_IN, true, FROM),
        (NONE_BOTH, true, FROM_OUT),
        (TO, false, TO),
        (TO_IN, true, BOTH),
        (FROM, false, FROM),
        (FROM_OUT, false, FROM_OUT),
        (BOTH, false, BOTH),
    ];
    let a_2_4_unsubscribed = [
        (NONE, false, NONE),
        (NONE_OUT, false, NONE_OUT),
        (NONE_IN, true, NONE),
        (NONE_BOTH, true, NONE_OUT),
        (TO, false, TO),
        (TO_IN, true, TO),
        (FROM, true, NONE),
        (FROM_OUT, true, NONE_OUT),
        (BOTH, true, TO),
    ];
    check("A.2.1 subscribe", a_2_1_subscribe, out(Subscribe));
    check("A.2.2 unsubscribe", a_2_2_unsubscribe, out(Unsubscribe));
    check("A.2.3 subscribed", a_2_3_subscribed, out(Subscribed));
    check("A.2.4 unsubscribed", a_2_4_unsubscribed, out(Unsubscribed));
}

/// Appendix A.3, columns: existing state, DELIVER?, new state.
#[test]
fn inbound_tables() {
    let inb = |stanza| move |item: &RosterItem| inbound(&contact(), Some(item), stanza, payload(), false);
    let a_3_1_subscribe = [
        (NONE, true, NONE_IN),
        (NONE_OUT, true, NONE_BOTH),
        (NONE_IN, false, NONE_IN),
        (NONE_BOTH, false, NONE_BOTH),
        (TO, true, TO_IN),
        (TO_IN, false, TO_IN),
        (FROM, false, FROM),
        (FROM_OUT, false, FROM_OUT),
        (BOTH, false, BOTH),
    ];
    let a_3_2_unsubscribe = [
        (NONE, false, NONE),
        (NONE_OUT, false, NONE_OUT),
        (NONE_IN, true, NONE),
        (NONE_BOTH, true, NONE_OUT),
        (TO, false, TO),
        (TO_IN, true, TO),
        (FROM, true, NONE),
        (FROM_OUT, true, NONE_OUT),
        (BOTH, true, TO),
    ];
    let a_3_3_subscribed = [
        (NONE, false, NONE),
        (NONE_OUT, true, TO),
        (NONE_IN, false, NONE_IN),
        (NONE_BOTH, true, TO_IN),
        (TO, false, TO),
        (TO_IN, false, TO_IN),
        (FROM, false, FROM),
        (FROM_OUT, true, BOTH),
        (BOTH, false, BOTH),
    ];
    let a_3_4_unsubscribed = [
        (NONE, false, NONE),
        (NONE_OUT, true, NONE),
        (NONE_IN, false, NONE_IN),
        (NONE_BOTH, true, NONE_IN),
        (TO, true, NONE),
        (TO_IN, true, NONE_IN),
        (FROM, false, FROM),
        (FROM_OUT, true, FROM),
        (BOTH, true, FROM),
    ];
    check("A.3.1 subscribe", a_3_1_subscribe, inb(Subscribe));
    check("A.3.2 unsubscribe", a_3_2_unsubscribe, inb(Unsubscribe));
    check("A.3.3 subscribed", a_3_3_subscribed, inb(Subscribed));
    check("A.3.4 unsubscribed", a_3_4_unsubscribed, inb(Unsubscribed));
}

/// Appendix A.3.1: who already sees the user is answered, and nobody is asked.
#[test]
fn a_request_that_is_already_granted_is_answered() {
    for state in [FROM, FROM_OUT, BOTH] {
        let outcome = inbound(&contact(), Some(&item(state)), Subscribe, payload(), false);
        assert_eq!((outcome.reply, outcome.push), (Some(Subscribed), false), "{state}");
        assert_eq!(outcome.send_presence, PresenceToSend::Current);
    }
    let asked = inbound(&contact(), Some(&item(TO)), Subscribe, payload(), false);
    assert_eq!(asked.reply, None);
}

/// Appendix A.3.2, note [1]: what changes the state is answered, the rest is not; no other stanza of somebody else's is.
#[test]
fn an_unsubscribe_that_changes_anything_is_answered() {
    for state in [NONE_IN, NONE_BOTH, TO_IN, FROM, FROM_OUT, BOTH] {
        let outcome = inbound(&contact(), Some(&item(state)), Unsubscribe, Bytes::new(), false);
        assert_eq!((outcome.route, outcome.reply), (true, Some(Unsubscribed)), "{state}");
    }
    for state in [NONE, NONE_OUT, TO] {
        let outcome = inbound(&contact(), Some(&item(state)), Unsubscribe, Bytes::new(), false);
        assert_eq!((outcome.route, outcome.reply), (false, None), "{state}");
    }
    for state in [NONE, NONE_OUT, NONE_IN, NONE_BOTH, TO, TO_IN, FROM, FROM_OUT, BOTH] {
        for stanza in [Subscribed, Unsubscribed] {
            assert_eq!(inbound(&contact(), Some(&item(state)), stanza, Bytes::new(), false).reply, None, "{state}");
        }
    }
}

/// §3.4.2, each state in which nobody asked.
#[test]
fn pre_approval_is_noted_pushed_and_not_routed() {
    for before in [NONE, NONE_OUT, TO] {
        let outcome = outbound(&contact(), Some(&item(before)), Subscribed);
        let Change::Put(new) = outcome.new else { panic!("{before}: no change") };
        assert!(new.approved && outcome.push && !outcome.route, "{before}");
        let cancelled = outbound(&contact(), Some(&new), Unsubscribed);
        assert!(cancelled.push && !cancelled.route, "{before}");
        assert_eq!(cancelled.new, Change::Put(item(before)));
    }
    let outcome = outbound(&contact(), None, Subscribed);
    let Change::Put(new) = outcome.new else { panic!("not noted") };
    assert!(new.approved && new.visible && outcome.push && !outcome.route);
}

/// §3.4.2: a pre-approved request is granted, and the contact gets presence.
#[test]
fn a_pre_approved_request_is_granted_without_asking() {
    for (before, expected) in [(NONE, FROM), (NONE_OUT, FROM_OUT), (TO, BOTH)] {
        let old = RosterItem { approved: true, ..item(before) };
        let outcome = inbound(&contact(), Some(&old), Subscribe, payload(), false);
        assert_eq!(state(&after(&old, &outcome)), expected);
        assert_eq!((outcome.route, outcome.push, outcome.reply), (false, true, Some(Subscribed)));
        assert_eq!(outcome.send_presence, PresenceToSend::Current);
    }
}

#[test]
fn view_without_approval_grants_in_every_state() {
    let rows = [
        (NONE, FROM),
        (NONE_OUT, FROM_OUT),
        (NONE_IN, FROM),
        (NONE_BOTH, FROM_OUT),
        (TO, BOTH),
        (TO_IN, BOTH),
        (FROM, FROM),
        (FROM_OUT, FROM_OUT),
        (BOTH, BOTH),
    ];
    for (before, expected) in rows {
        let old = item(before);
        let outcome = inbound(&contact(), Some(&old), Subscribe, payload(), true);
        assert_eq!(state(&after(&old, &outcome)), expected, "{before}");
        assert_eq!((outcome.route, outcome.reply), (false, Some(Subscribed)), "{before}");
    }
    let stranger = inbound(&contact(), None, Subscribe, payload(), true);
    let Change::Put(new) = stranger.new else { panic!("no item") };
    assert!(new.visible && new.subscription == Subscription::From && stranger.push);
}

/// §3.1.3: a stranger's request stays out of the visible contact list until it is answered.
#[test]
fn a_strangers_request_is_hidden() {
    let asked = inbound(&contact(), None, Subscribe, payload(), false);
    let Change::Put(hidden) = asked.new else { panic!("not kept") };
    assert!(asked.route && !asked.push && !hidden.visible);
    assert_eq!(hidden.pending_in, Some(payload()));

    let granted = outbound(&contact(), Some(&hidden), Subscribed);
    let Change::Put(new) = &granted.new else { panic!("not granted") };
    assert!(granted.route && granted.push && new.visible && new.subscription == Subscription::From);

    let refused = outbound(&contact(), Some(&hidden), Unsubscribed);
    assert_eq!((refused.route, refused.push, refused.new), (true, false, Change::Remove));
    let withdrawn = inbound(&contact(), Some(&hidden), Unsubscribe, Bytes::new(), false);
    assert_eq!((withdrawn.route, withdrawn.push, withdrawn.new), (true, false, Change::Remove));

    let mutual = outbound(&contact(), Some(&hidden), Subscribe);
    let Change::Put(new) = &mutual.new else { panic!("no item") };
    assert!(mutual.push && new.visible && new.ask && new.pending_in.is_some());
}

#[test]
fn strangers_do_not_make_items() {
    for stanza in [Unsubscribe, Subscribed, Unsubscribed] {
        let outcome = inbound(&contact(), None, stanza, Bytes::new(), true);
        assert_eq!((outcome.route, outcome.push, outcome.new, outcome.reply), (false, false, Change::Keep, None));
    }
    for (stanza, route) in [(Unsubscribe, true), (Unsubscribed, false)] {
        let outcome = outbound(&contact(), None, stanza);
        assert_eq!((outcome.route, outcome.push, outcome.new), (route, false, Change::Keep));
    }
}

/// §2.5.1.
#[test]
fn removal_ends_both_directions() {
    let rows: [(&str, &[SubscriptionStanza]); 9] = [
        (NONE, &[]),
        (NONE_OUT, &[Unsubscribe]),
        (NONE_IN, &[Unsubscribed]),
        (NONE_BOTH, &[Unsubscribe, Unsubscribed]),
        (TO, &[Unsubscribe]),
        (TO_IN, &[Unsubscribe, Unsubscribed]),
        (FROM, &[Unsubscribed]),
        (FROM_OUT, &[Unsubscribe, Unsubscribed]),
        (BOTH, &[Unsubscribe, Unsubscribed]),
    ];
    for (before, expected) in rows {
        assert_eq!(removal(&item(before)).collect::<Vec<_>>(), expected, "{before}");
    }
}

fn stanzas() -> impl Strategy<Value = SubscriptionStanza> {
    prop::sample::select(vec![Subscribe, Subscribed, Unsubscribe, Unsubscribed])
}

/// What is left of each state when the contact's account is removed, and what the user is told.
#[test]
fn a_removed_contact_leaves_nothing_to_inherit() {
    use SubscriptionStanza::{Unsubscribe, Unsubscribed};
    let plain = RosterItem::new(contact());
    let rows = [
        (plain.clone(), false, vec![]),
        (RosterItem { subscription: Subscription::To, ..plain.clone() }, true, vec![Unsubscribed]),
        (RosterItem { subscription: Subscription::From, ..plain.clone() }, true, vec![Unsubscribe]),
        (RosterItem { subscription: Subscription::Both, ..plain.clone() }, true, vec![Unsubscribe, Unsubscribed]),
        (RosterItem { ask: true, ..plain.clone() }, true, vec![Unsubscribed]),
        (RosterItem { approved: true, ..plain.clone() }, true, vec![]),
        (RosterItem { pending_in: Some(payload()), ..plain.clone() }, false, vec![Unsubscribe]),
    ];
    for (item, push, told) in rows {
        let departure = departure(&item);
        let new = if item == plain { Change::Keep } else { Change::Put(plain.clone()) };
        assert_eq!(departure, Departure { new, push, told }, "{item:?}");
    }
    let hidden = RosterItem { visible: false, pending_in: Some(payload()), ..plain };
    let departure = departure(&hidden);
    assert_eq!((departure.new, departure.push), (Change::Remove, false));
}

proptest! {
    /// Two servers that bring each stanza to the other side never disagree about who sees whom, and every item on the
    /// way is in one of the nine states.
    #[test]
    fn both_sides_agree(steps in prop::collection::vec((any::<bool>(), stanzas()), 0..40), auto in any::<bool>()) {
        let mut sides: [Option<RosterItem>; 2] = [None, None];
        for (who, stanza) in steps {
            let (from, to) = (usize::from(who), usize::from(!who));
            let mut queue = vec![(from, to, stanza)];
            while let Some((from, to, stanza)) = queue.pop() {
                let sent = outbound(&contact(), sides[from].as_ref(), stanza);
                apply(&mut sides[from], &sent);
                if sent.route {
                    let got = inbound(&contact(), sides[to].as_ref(), stanza, payload(), auto);
                    apply(&mut sides[to], &got);
                    if let Some(reply) = got.reply {
                        let back = inbound(&contact(), sides[from].as_ref(), reply, Bytes::new(), auto);
                        apply(&mut sides[from], &back);
                    }
                }
            }
            let facts = |item: &Option<RosterItem>| item.as_ref().map_or((false, false, false, false), |i| {
                state(i);
                (i.subscription.to(), i.subscription.from(), i.ask, i.pending_in.is_some())
            });
            let (a, b) = (facts(&sides[0]), facts(&sides[1]));
            prop_assert_eq!((a.0, a.1, a.2, a.3), (b.1, b.0, b.3, b.2));
        }
    }
}

fn apply(side: &mut Option<RosterItem>, outcome: &Outcome) {
    match &outcome.new {
        Change::Keep => {}
        Change::Put(item) => *side = Some(item.clone()),
        Change::Remove => *side = None,
    }
}
