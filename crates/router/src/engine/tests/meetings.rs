//! Meetings of the calendar, as watchers see them.

use super::*;
use zaiseki_model::{BusyInterval, BusyKind, FactSource, GatewayId, PresenceFact};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

impl Bench {
    /// A gateway says that mika is in a meeting around now, or that her calendar is empty.
    fn calendar(&mut self, meeting: bool) {
        let interval = BusyInterval { start: NOW - MINUTE, end: NOW + MINUTE, kind: BusyKind::Busy };
        let fact = PresenceFact {
            user: user("mika").id,
            name: "mika".to_owned(),
            source: Some(FactSource::Gateway(GatewayId([2; 16]))),
            intervals: meeting.then_some(interval).into_iter().collect(),
            valid_until: NOW + 10 * MINUTE,
        };
        self.engine.fact(NOW, fact);
        self.settle();
    }

    /// As if the client had said `+notify` for the activity.
    fn notify_activity(&mut self, id: SessionId) {
        let available = self.engine.session_mut(id).and_then(|s| s.available.as_mut()).expect("available");
        available.notify = Arc::new([ACTIVITY.to_owned()]);
    }
}

/// RFC 6121 §4.6: whoever gets directed presence sees what contacts see, and sees it end.
#[test]
fn directed_presence_shows_the_meeting_and_its_end() {
    let mut bench = Bench::new(0);
    let ((_, mika), (outbox, ken)) = (bench.bind("mika", "desk"), bench.bind("ken", "desk"));
    bench.say(ken, "<presence/>");
    bench.say(mika, "<presence/>");
    bench.calendar(true);
    heard(&outbox);
    bench.say(mika, "<presence to='ken@here.example'><c xmlns='urn:example:c'/></presence>");
    let (text, _) = heard(&outbox);
    assert!(text.contains("<show>dnd</show>") && text.contains("In a meeting") && text.contains("urn:example:c"), "{text}");
    bench.calendar(false);
    let (text, _) = heard(&outbox);
    assert!(text.contains("urn:example:c") && !text.contains("In a meeting"), "{text}");
    bench.say(mika, "<presence to='ken@here.example' type='unavailable'/>");
    heard(&outbox);
    bench.calendar(true);
    assert_eq!(heard(&outbox).0, "");
}

/// Requirement C7, for a claim that is older than the gateway's word.
#[test]
fn claims_made_before_a_gateway_serves_the_user_go_at_once() {
    let (mut bench, (_, mika), (outbox, ken)) = friends();
    bench.say(mika, "<presence><show>dnd</show><status>In a meeting</status></presence>");
    assert!(heard(&outbox).0.contains("In a meeting"));
    bench.calendar(false);
    let (text, _) = heard(&outbox);
    assert!(text.contains("<presence") && !text.contains("In a meeting") && !text.contains("<show>"), "{text}");
    bench.calendar(true);
    assert!(heard(&outbox).0.contains("会議中"), "the claim was no choice that wins");
    bench.say(ken, "<presence/>");
}

#[test]
fn an_activity_claimed_before_a_gateway_serves_the_user_is_hidden() {
    for (content, claim) in [("<working><in_a_meeting/></working>", true), ("<eating/>", false)] {
        let mut bench = Bench::new(0);
        bench.activity = Some(content);
        let (outbox, mika) = bench.bind("mika", "desk");
        bench.say(mika, "<presence/>");
        bench.notify_activity(mika);
        heard(&outbox);
        bench.calendar(false);
        let told = heard(&outbox).0;
        assert_eq!(told.contains("<retract"), claim, "{content}: {told}");
        let items = format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{ACTIVITY}'/></pubsub>");
        bench.say(mika, &format!("<iq type='get' id='i'>{items}</iq>"));
        let read = heard(&outbox).0;
        assert!(read.contains("type='result'") && read.contains("<item ") != claim, "{content}: {read}");
    }
}

/// Activity and presence say the same.
#[test]
fn an_explicit_choice_ends_the_activity_of_the_meeting() {
    let mut bench = Bench::new(0);
    bench.activity = Some("<eating/>");
    let (outbox, mika) = bench.bind("mika", "desk");
    bench.say(mika, "<presence/>");
    bench.notify_activity(mika);
    heard(&outbox);
    bench.calendar(true);
    assert!(heard(&outbox).0.contains("in_a_meeting"));
    bench.say(mika, "<presence><show>chat</show></presence>");
    let (text, _) = heard(&outbox);
    assert!(text.contains("<show>chat</show>") && text.contains("<eating/>") && !text.contains("in_a_meeting"), "{text}");
    bench.calendar(true);
    assert_eq!(heard(&outbox).0, "", "the same fact again changes nothing");
}

#[test]
fn the_activity_of_a_meeting_follows_the_language() {
    let mut bench = Bench::new(0);
    let (outbox, mika) = bench.bind("mika", "desk");
    bench.say(mika, "<presence/>");
    bench.notify_activity(mika);
    bench.calendar(true);
    assert!(heard(&outbox).0.contains("<text xml:lang='en'>In a meeting</text>"));
    for (language, text) in [("ja", "<text xml:lang='ja'>会議中</text>"), ("en", "<text xml:lang='en'>In a meeting</text>")] {
        bench.language = Some(language);
        bench.engine.account_changed(NOW, "mika", AccountChange::Changed);
        bench.settle();
        let told = heard(&outbox).0;
        assert!(told.contains("in_a_meeting") && told.contains(text), "{told}");
    }
}
