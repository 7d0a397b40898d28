use super::*;
use proptest::prelude::*;
use zaiseki_model::precedence::Verdict;
use zaiseki_model::{BusyInterval, BusyKind, FactSource, GatewayId, PresenceFact, Timestamp, UserId};
use zaiseki_xmpp::Element;

const CAPS: &str = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v='/>";
const VCARD: &str = "<x xmlns=\"vcard-temp:x:update\"><photo>ab&#x63;</photo></x>";
const IDLE: &str = "<idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>";
const IDLE_AWAY: &str = "<show>away</show><idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>";
const MEETING: &str = "<show>dnd</show><status xml:lang='en'>In a meeting</status><status xml:lang='ja'>会議中</status>";
const AWAY: &str = "<show>away</show><status xml:lang='en'>Away</status><status xml:lang='ja'>外出中</status>";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(minute * 60)
}

fn timeline(intervals: &[(i64, i64, BusyKind)], valid_until: i64) -> Timeline {
    let intervals = intervals.iter().map(|&(start, end, kind)| BusyInterval { start: at(start), end: at(end), kind });
    Timeline::new(PresenceFact {
        user: UserId([1; 16]),
        name: "a".to_owned(),
        source: Some(FactSource::Gateway(GatewayId([2; 16]))),
        intervals: intervals.collect(),
        valid_until: at(valid_until),
    })
}

fn meeting(since: i64, until: i64) -> Current {
    Current { kind: FactKind::Meeting, since: at(since), until: at(until), beneath: None }
}

fn absence(since: i64, until: i64) -> Current {
    Current { kind: FactKind::OutOfOffice, ..meeting(since, until) }
}

fn own(body: &str) -> OwnPresence {
    OwnPresence::parse(Bytes::copy_from_slice(body.as_bytes()), None, at(0)).unwrap()
}

fn next(body: &str, previous: &OwnPresence, minute: i64) -> OwnPresence {
    OwnPresence::parse(Bytes::copy_from_slice(body.as_bytes()), Some(previous), at(minute)).unwrap()
}

fn text(own: &OwnPresence, current: &Current, language: &str) -> String {
    let composed = compose(own, Some(current), &CalendarSettings::default(), language);
    String::from_utf8(composed.body.to_vec()).unwrap()
}

#[test]
fn the_table_of_precedence_is_the_order_of_the_levels() {
    assert!(Level::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(Level::ALL[0], Level::Offline);
    assert_eq!(Level::ALL[Level::ALL.len() - 1], Level::Available);
}

/// The lines of the table that somebody claims.
fn claimed(own: Option<&OwnPresence>, current: Option<&Current>, settings: &CalendarSettings) -> Vec<(Level, Verdict)> {
    let steps = judge(own, current, settings);
    steps.iter().filter(|step| step.verdict != Verdict::Unclaimed).map(|step| (step.level, step.verdict)).collect()
}

#[test]
fn every_line_of_the_table_says_what_became_of_it() {
    use Level::*;
    use Verdict::*;
    let settings = CalendarSettings::default();
    let both = Current { beneath: Some(at(1)), ..absence(3, 9) };
    let away = own("<show>away</show>");
    let expected = vec![(OutOfOffice, Wins), (InMeeting, Beaten), (Away, Beaten)];
    assert_eq!(claimed(Some(&away), Some(&both), &settings), expected);
    let chosen = next("<show>chat</show>", &away, 2);
    let expected = vec![(OutOfOffice, Wins), (InMeeting, Overruled { chosen: at(2) }), (Available, Beaten)];
    assert_eq!(claimed(Some(&chosen), Some(&both), &settings), expected);
    let chosen = next("<show>dnd</show>", &away, 5);
    let by = Overruled { chosen: at(5) };
    assert_eq!(claimed(Some(&chosen), Some(&both), &settings), [(DoNotDisturb, Wins), (OutOfOffice, by), (InMeeting, by)]);
    assert_eq!(claimed(Some(&own("")), None, &settings), [(Available, Wins)]);
    assert_eq!(claimed(None, Some(&both), &settings), [(Offline, Wins), (OutOfOffice, Beaten), (InMeeting, Beaten)]);
    let settings = CalendarSettings { show_offline: true, ..settings };
    assert_eq!(claimed(None, Some(&both), &settings), [(Offline, SetAside), (OutOfOffice, Wins), (InMeeting, Beaten)]);
    assert_eq!(claimed(None, None, &settings), [(Offline, Wins)]);
}

/// What each kind of own presence becomes in a meeting and out of office.
#[test]
fn precedence() {
    let rows = [
        ("", Some(FactKind::Meeting), Some(FactKind::OutOfOffice)),
        ("<show>chat</show>", Some(FactKind::Meeting), Some(FactKind::OutOfOffice)),
        ("<show>away</show>", Some(FactKind::Meeting), Some(FactKind::OutOfOffice)),
        ("<show>xa</show>", Some(FactKind::Meeting), Some(FactKind::OutOfOffice)),
        (IDLE, Some(FactKind::Meeting), Some(FactKind::OutOfOffice)),
        ("<show>dnd</show>", None, None),
        ("<show>dnd</show><status>Back at 3</status>", None, None),
    ];
    for (body, in_meeting, absent) in rows {
        let settings = CalendarSettings::default();
        for (current, expected) in [(meeting(0, 9), in_meeting), (absence(0, 9), absent)] {
            let composed = compose(&own(body), Some(&current), &settings, "en");
            assert_eq!(composed.label, expected, "{body}");
            assert_eq!(composed.changed, expected.is_some(), "{body}");
            if expected.is_none() {
                assert_eq!(composed.body, body.as_bytes());
            }
        }
        let nothing = compose(&own(body), None, &settings, "en");
        assert_eq!((&nothing.body[..], nothing.label, nothing.changed), (body.as_bytes(), None, false));
    }
}

#[test]
fn levels_of_own_presence() {
    let rows = [
        ("", Level::Available),
        ("<show>chat</show>", Level::Available),
        ("<show/>", Level::Available),
        (IDLE, Level::Idle),
        ("<show>away</show>", Level::Away),
        ("<show>xa</show>", Level::Away),
        ("<show>dnd</show>", Level::DoNotDisturb),
    ];
    for (body, level) in rows {
        assert_eq!(own(body).level(), level, "{body}");
    }
}

/// Only `<show/>` and `<status/>` change; the rest keeps its bytes and its order.
#[test]
fn everything_else_is_untouched() {
    let rows = [
        (String::new(), MEETING.to_owned()),
        (format!("{CAPS}{VCARD}"), format!("{MEETING}{CAPS}{VCARD}")),
        (
            format!("{CAPS} <show>away</show>\n<priority>5</priority>{VCARD}"),
            format!("{CAPS} {MEETING}\n<priority>5</priority>{VCARD}"),
        ),
        (format!("<status/>{CAPS}<show>chat</show>{IDLE}"), format!("{MEETING}{CAPS}{IDLE}")),
        (
            format!("{CAPS}<show xmlns='urn:other'>dnd</show><status xmlns='urn:other'/>"),
            format!("{MEETING}{CAPS}<show xmlns='urn:other'>dnd</show><status xmlns='urn:other'/>"),
        ),
    ];
    for (body, expected) in rows {
        assert_eq!(text(&own(&body), &meeting(0, 9), "en"), expected);
    }
}

#[test]
fn languages_and_own_texts() {
    let en_first = "<show>dnd</show><status xml:lang='en'>In a meeting – Room 5 &amp; 6</status>\
        <status xml:lang='ja'>会議中 – Room 5 &amp; 6</status>";
    assert_eq!(text(&own("<status> Room 5 &amp; 6 </status>"), &meeting(0, 9), "en"), en_first);
    let ja_first = "<show>dnd</show><status xml:lang='ja'>会議中</status><status xml:lang='en'>In a meeting</status>";
    assert_eq!(text(&own(""), &meeting(0, 9), "ja"), ja_first);
    assert_eq!(text(&own(""), &meeting(0, 9), "en-GB"), MEETING);
    assert_eq!(text(&own(""), &meeting(0, 9), "fr"), MEETING);
    assert_eq!(text(&own(""), &absence(0, 9), "en"), AWAY);
    let several = own("<status xml:lang='de'>Saal 5</status><status xml:lang='JA'>5号室</status>");
    let expected = "<show>dnd</show><status xml:lang='ja'>会議中 – 5号室</status>\
        <status xml:lang='en'>In a meeting</status><status xml:lang='de'>Saal 5</status>";
    assert_eq!(text(&several, &meeting(0, 9), "ja"), expected);
}

#[test]
fn settings_choose_show_and_labels() {
    let settings = CalendarSettings {
        meeting_show: Show::Away,
        meeting_labels: BTreeMap::from([("en".to_owned(), "Busy < 1h".to_owned())]),
        ..CalendarSettings::default()
    };
    let composed = compose(&own(""), Some(&meeting(0, 9)), &settings, "ja");
    assert_eq!(composed.body, "<show>away</show><status xml:lang='en'>Busy &lt; 1h</status>".as_bytes());
}

#[test]
fn without_a_resource_only_the_setting_shows_a_meeting() {
    let mut settings = CalendarSettings::default();
    assert_eq!(compose_offline(Some(&meeting(0, 9)), &settings, "en"), None);
    settings.show_offline = true;
    assert_eq!(compose_offline(Some(&meeting(0, 9)), &settings, "en").unwrap(), MEETING.as_bytes());
    assert_eq!(compose_offline(None, &settings, "en"), None);
}

/// What counts as an explicit choice, step by step: presence, and whether it then shows the meeting of 10 to 20.
#[test]
fn an_explicit_choice_wins_until_the_meeting_ends() {
    type Steps = &'static [(i64, &'static str, bool)];
    let rows: [(&str, Steps); 10] = [
        ("signing in during the meeting is no choice", &[(12, "<show>chat</show>", true)]),
        ("a choice before the meeting does not last", &[(1, "", false), (5, "<show>chat</show>", true)]),
        ("available instead of away is a choice", &[(1, "<show>away</show>", true), (12, "", false)]),
        ("a new text is a choice", &[(1, "", true), (12, "<status>Ask me</status>", false)]),
        ("sending the same again is none", &[(1, "<status>a</status>", true), (12, "<status>a</status>", true)]),
        ("other payloads are none", &[(1, "", true), (12, CAPS, true), (13, "<priority>3</priority>", true)]),
        ("idle and back is none", &[(1, "", true), (12, IDLE, true), (14, "", true)]),
        (
            "automatic away and back is none",
            &[(1, "", true), (12, "<show>away</show>", true), (13, "<show>xa</show>", true), (14, "", true)],
        ),
        ("signing in idle and coming back is none", &[(11, IDLE_AWAY, true), (12, "", true)]),
        (
            "idle after a choice keeps it",
            &[
                (1, "", true),
                (12, "<show>chat</show>", false),
                (14, "<show>away</show>", false),
                (15, "<show>chat</show>", false),
            ],
        ),
    ];
    for (name, steps) in rows {
        let mut previous = None;
        for (minute, body, shown) in steps {
            let body = Bytes::from_static(body.as_bytes());
            let own = OwnPresence::parse(body, previous.as_ref(), at(*minute)).unwrap();
            let seen = compose(&own, Some(&meeting(10, 20)), &CalendarSettings::default(), "en");
            let expected = *shown || *minute < 10;
            assert_eq!(seen.label.is_some(), expected, "{name}, minute {minute}");
            previous = Some(own);
        }
    }
}

/// RFC 6121 §4.6: by the same table; only the choice made for all counts.
#[test]
fn directed_presence_is_composed_and_no_choice_of_its_own() {
    let directed =
        |broadcast: Option<&OwnPresence>| OwnPresence::directed(Bytes::from_static(CAPS.as_bytes()), broadcast).unwrap();
    let away = own("<show>away</show>");
    assert_eq!(text(&directed(None), &meeting(10, 20), "en"), format!("{MEETING}{CAPS}"));
    assert_eq!(text(&directed(Some(&away)), &meeting(10, 20), "en"), format!("{MEETING}{CAPS}"));
    assert_eq!(text(&directed(Some(&next("", &away, 12))), &meeting(10, 20), "en"), CAPS);
    assert!(OwnPresence::directed(Bytes::from_static(b"<show>busy</show>"), None).is_err());
}

/// What is left for the activity: rank does not matter, choices do.
#[test]
fn a_choice_ends_what_the_calendar_says_and_a_rank_does_not() {
    let settings = CalendarSettings::default();
    let left = |own: &OwnPresence, current: &Current| left_of(own, current, &settings);
    let busy = own("<show>dnd</show>");
    assert_eq!(left(&busy, &meeting(10, 20)), Some(FactKind::Meeting));
    let chosen = next("", &busy, 12);
    assert_eq!(left(&chosen, &meeting(10, 20)), None);
    assert_eq!(left(&chosen, &meeting(15, 20)), Some(FactKind::Meeting));
    let beneath = Current { beneath: Some(at(15)), ..absence(10, 20) };
    assert_eq!(left(&chosen, &beneath), Some(FactKind::Meeting));
}

#[test]
fn the_choice_of_one_meeting_says_nothing_of_the_next() {
    let plain = own("<show>away</show>");
    let chosen = next("", &plain, 12);
    assert_eq!(chosen.chosen_at(), Some(at(12)));
    assert_eq!(text(&chosen, &meeting(10, 20), "en"), "");
    assert_eq!(text(&chosen, &meeting(20, 30), "en"), MEETING);
    let stubborn = CalendarSettings { explicit_choice_wins: false, ..CalendarSettings::default() };
    assert!(compose(&chosen, Some(&meeting(10, 20)), &stubborn, "en").changed);
}

#[test]
fn overruling_an_absence_shows_the_meeting_beneath() {
    let days = timeline(&[(0, 100, BusyKind::OutOfOffice), (10, 20, BusyKind::Busy)], 1_000);
    let settings = CalendarSettings::default();
    let chosen = next("", &own("<show>away</show>"), 5);
    let label = |minute| {
        let current = days.state_at(at(minute), &settings);
        compose(&chosen, current.as_ref(), &settings, "en").label
    };
    assert_eq!([label(6), label(10), label(19), label(20)], [None, Some(FactKind::Meeting), Some(FactKind::Meeting), None]);
}

#[test]
fn of_overlapping_meetings_each_has_its_own_end() {
    let day = timeline(&[(10, 20, BusyKind::Busy), (15, 30, BusyKind::Busy)], 1_000);
    let settings = CalendarSettings::default();
    let shown = |chosen_at: i64, minute: i64| {
        let own = next("", &own("<show>away</show>"), chosen_at);
        compose(&own, day.state_at(at(minute), &settings).as_ref(), &settings, "en").changed
    };
    assert_eq!([shown(12, 13), shown(12, 19), shown(12, 20)], [false, false, true]);
    assert_eq!([shown(17, 18), shown(17, 20), shown(17, 29)], [false, false, false]);
}

#[test]
fn start_and_end_bring_back_the_same_bytes() {
    let body = format!("{CAPS}<priority>1</priority><show>away</show><status xml:lang='ja'>昼食</status>{VCARD}{IDLE}");
    let presence = own(&body);
    let day = timeline(&[(10, 20, BusyKind::Busy)], 1_000);
    let settings = CalendarSettings::default();
    let seen = |minute| compose(&presence, day.state_at(at(minute), &settings).as_ref(), &settings, "ja");
    assert_eq!(seen(9).body, body.as_bytes());
    assert!(seen(10).changed && seen(19).changed);
    assert_eq!(seen(20).body, body.as_bytes());
    assert_eq!(seen(20).body.as_ptr(), presence.body().as_ptr(), "shared, not copied");
}

#[test]
fn timelines() {
    let settings = CalendarSettings::default();
    let elsewhere = CalendarSettings { elsewhere_is_away: true, ..settings.clone() };
    let day = timeline(
        &[
            (30, 40, BusyKind::OutOfOffice),
            (10, 20, BusyKind::Busy),
            (20, 35, BusyKind::Busy),
            (50, 60, BusyKind::WorkingElsewhere),
            (70, 80, BusyKind::Tentative),
            (90, 90, BusyKind::Busy),
            (95, 120, BusyKind::Busy),
        ],
        100,
    );
    let states = [
        (9, None),
        (10, Some(meeting(10, 20))),
        (20, Some(meeting(20, 35))),
        (30, Some(Current { beneath: Some(at(20)), ..absence(30, 40) })),
        (35, Some(absence(30, 40))),
        (40, None),
        (50, None),
        (75, None),
        (90, None),
        (99, Some(meeting(95, 100))),
        (100, None),
    ];
    for (minute, expected) in states {
        assert_eq!(day.state_at(at(minute), &settings), expected, "minute {minute}");
    }
    assert_eq!(day.state_at(at(50), &elsewhere), Some(absence(50, 60)));
    let mut moments = Vec::new();
    let mut now = at(0);
    while let Some(moment) = day.next_change(now) {
        moments.push(moment.secs() / 60);
        now = moment;
    }
    assert_eq!(moments, [10, 20, 30, 35, 40, 50, 60, 70, 80, 95, 100]);
}

#[test]
fn back_to_back_meetings_do_not_flicker() {
    let day = timeline(&[(10, 20, BusyKind::Busy), (20, 30, BusyKind::Busy)], 1_000);
    let settings = CalendarSettings::default();
    let presence = own(CAPS);
    let seen = |t: Timestamp| compose(&presence, day.state_at(t, &settings).as_ref(), &settings, "en").body;
    assert_eq!(seen(Timestamp(at(20).0 - 1)), seen(at(20)));
    assert!(day.state_at(at(20), &settings).is_some());
}

#[test]
fn bad_presence_is_refused() {
    for body in [
        "<show>busy</show>",
        "<show>away</show><show>away</show>",
        "<priority>1</priority><priority>1</priority>",
        "<priority>200</priority>",
        "<priority/>",
        "<show>",
        "</presence><presence>",
    ] {
        let result = OwnPresence::parse(Bytes::from_static(body.as_bytes()), None, at(0));
        let condition = result.err().map(|e| e.condition().as_str());
        assert_eq!(condition, Some("bad-request"), "{body}");
    }
    assert_eq!(own("<priority>-128</priority>").priority(), -128);
}

#[test]
fn a_clients_own_claim_is_dropped() {
    let rows = [
        ("<show>dnd</show><status>In a meeting</status>".to_owned(), Some(String::new())),
        (format!("{CAPS}<status xml:lang='fr'> iN A meeting\n</status><show>away</show>{VCARD}"), Some(format!("{CAPS}{VCARD}"))),
        ("<status>会議中</status><priority>1</priority>".to_owned(), Some("<priority>1</priority>".to_owned())),
        ("<show>away</show><status>Away</status>".to_owned(), None),
        (
            "<status>In a meeting</status><status xml:lang='de'>Im Zug</status>".to_owned(),
            Some("<status xml:lang='de'>Im Zug</status>".to_owned()),
        ),
        ("<status>In a meeting until 3</status>".to_owned(), None),
        ("<show>dnd</show>".to_owned(), None),
        ("<status xmlns='urn:other'>In a meeting</status>".to_owned(), None),
        ("<status>In a meeting".to_owned(), None),
    ];
    for (body, expected) in rows {
        let got = strip_claims(&Bytes::from(body.clone()), &CalendarSettings::default());
        assert_eq!(got, expected.map(Bytes::from), "{body}");
    }
}

#[test]
fn meeting_activities() {
    let activity = |inner: &str| {
        Element::parse(format!("<activity xmlns='http://jabber.org/protocol/activity'>{inner}</activity>").as_bytes()).unwrap()
    };
    let claims = [
        "<working><in_a_meeting/></working>",
        "<having_appointment/>",
        "<text>x</text><having_appointment><x xmlns='urn:x'/></having_appointment>",
    ];
    for inner in claims {
        assert!(is_meeting_activity(&activity(inner)), "{inner}");
    }
    for inner in ["", "<working/>", "<working><coding/></working>", "<relaxing/>", "<working xmlns='urn:x'/>"] {
        assert!(!is_meeting_activity(&activity(inner)), "{inner}");
    }
    let settings = CalendarSettings::default();
    let ours = meeting_activity(FactKind::Meeting, &settings, "ja");
    assert!(is_meeting_activity(&ours));
    let text = ours.children().find(|c| c.name() == "text").unwrap();
    assert_eq!((text.lang(), text.text().as_str()), (Some("ja"), "会議中"));
    assert!(!is_meeting_activity(&meeting_activity(FactKind::OutOfOffice, &settings, "ja")));
}

fn pieces() -> impl Strategy<Value = Vec<&'static str>> {
    let piece = prop::sample::select(vec![
        CAPS,
        VCARD,
        IDLE,
        " ",
        "text",
        "<show>away</show>",
        "<status>a &lt; b</status>",
        "<status xml:lang='ja'>昼</status>",
        "<priority>-3</priority>",
        "<status xmlns='urn:other'/>",
    ]);
    prop::collection::vec(piece, 0..8)
}

proptest! {
    /// Whatever the client sent: composing keeps all that is not show or status, byte for byte and in order, gives
    /// valid presence, and at the end the client's bytes are back.
    #[test]
    fn composing_touches_only_show_and_status(pieces in pieces(), absent in any::<bool>()) {
        let body = pieces.concat();
        let Ok(presence) = OwnPresence::parse(Bytes::from(body.clone()), None, at(0)) else { return Ok(()) };
        let current = if absent { absence(0, 9) } else { meeting(0, 9) };
        let composed = compose(&presence, Some(&current), &CalendarSettings::default(), "en");
        prop_assert!(composed.changed);
        let seen = OwnPresence::parse(composed.body.clone(), None, at(0)).unwrap();
        prop_assert_eq!(seen.show(), Some(if absent { Show::Away } else { Show::Dnd }));
        prop_assert_eq!(seen.spoken().len(), 3);
        let mut rest = composed.body.to_vec();
        for range in seen.spoken().iter().rev() {
            rest.drain(range.clone());
        }
        let kept = |piece: &&&str| !["<show>", "<status>", "<status xml:lang"].iter().any(|tag| piece.starts_with(tag));
        prop_assert_eq!(rest, pieces.iter().filter(kept).copied().collect::<String>().into_bytes());
        prop_assert_eq!(compose(&presence, None, &CalendarSettings::default(), "en").body, body.as_bytes());
    }

    /// Between two moments that `next_change` names, the state is the same.
    #[test]
    fn nothing_changes_between_the_named_moments(
        intervals in prop::collection::vec((0..50i64, 0..20i64, 0..6usize), 0..8),
        valid in 0..60i64,
    ) {
        let kinds = [BusyKind::Free, BusyKind::Tentative, BusyKind::Busy, BusyKind::OutOfOffice, BusyKind::WorkingElsewhere, BusyKind::NoData];
        let intervals: Vec<_> = intervals.into_iter().map(|(start, length, kind)| (start, start + length, kinds[kind])).collect();
        let day = timeline(&intervals, valid);
        let settings = CalendarSettings::default();
        for minute in 0..80 {
            let named = day.next_change(at(minute)).is_some_and(|t| t <= at(minute + 1));
            if !named {
                prop_assert_eq!(day.state_at(at(minute), &settings), day.state_at(at(minute + 1), &settings));
            }
        }
    }
}
