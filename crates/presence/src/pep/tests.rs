use super::*;
use proptest::prelude::*;
use zaiseki_xmpp::ns::{
    AVATAR_DATA, AVATAR_METADATA, BOOKMARKS, BOOKMARKS2, NICK, PUBSUB_EVENT, PUBSUB_NODE_CONFIG, PUBSUB_PUBLISH_OPTIONS,
};

fn form(form_type: &str, fields: &[(&str, &str)]) -> Element {
    let mut xml =
        format!("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>");
    for (var, value) in fields {
        xml.push_str(&format!("<field var='{var}'><value>{value}</value></field>"));
    }
    Element::parse((xml + "</x>").as_bytes()).unwrap()
}

fn options(fields: &[(&str, &str)]) -> Element {
    form(PUBSUB_PUBLISH_OPTIONS, fields)
}

fn reason(error: &StanzaError) -> (&'static str, &str) {
    (error.condition.as_str(), error.app.as_ref().map_or("", |app| app.name()))
}

#[test]
fn defaults_of_well_known_nodes() {
    let rows = [
        (NICK, "presence", MaxItems::Count(1), SendLast::OnSubAndPresence),
        (AVATAR_METADATA, "presence", MaxItems::Count(1), SendLast::OnSubAndPresence),
        (AVATAR_DATA, "presence", MaxItems::Count(1), SendLast::Never),
        (BOOKMARKS2, "whitelist", MaxItems::Max, SendLast::Never),
        (BOOKMARKS, "whitelist", MaxItems::Count(1), SendLast::OnSubAndPresence),
        ("urn:xmpp:mds:displayed:0", "whitelist", MaxItems::Max, SendLast::Never),
        ("whatever", "presence", MaxItems::Count(1), SendLast::OnSubAndPresence),
    ];
    for (node, access, max_items, send_last) in rows {
        let config = NodeConfig::default_for(node);
        assert_eq!((config.access.as_str(), config.max_items, config.send_last), (access, max_items, send_last), "{node}");
        assert!(config.persist_items && config.deliver_notifications);
    }
}

#[test]
fn who_may_read() {
    let friends = ["Friends".to_owned()];
    let others = ["Others".to_owned()];
    let owner = Reader { owner: true, ..Reader::default() };
    let watcher = Reader { subscribed_from: true, groups: &others, ..Reader::default() };
    let friend = Reader { groups: &friends, ..Reader::default() };
    let stranger = Reader::default();
    let required = ("not-authorized", "presence-subscription-required");
    let group = ("not-authorized", "not-in-roster-group");
    let approved = ("not-authorized", "not-subscribed");
    let closed = ("not-allowed", "closed-node");
    let rows = [
        (AccessModel::Open, None, None, None),
        (AccessModel::Presence, None, Some(required), Some(required)),
        (AccessModel::Roster, Some(group), None, Some(group)),
        (AccessModel::Authorize, Some(approved), Some(approved), Some(approved)),
        (AccessModel::Whitelist, Some(closed), Some(closed), Some(closed)),
    ];
    for (access, for_watcher, for_friend, for_stranger) in rows {
        let config = NodeConfig { access, roster_groups: friends.to_vec(), ..NodeConfig::default() };
        let silent = NodeConfig { deliver_notifications: false, ..config.clone() };
        for (reader, expected) in [(owner, None), (watcher, for_watcher), (friend, for_friend), (stranger, for_stranger)] {
            let error = config.may_read(&reader).err();
            assert_eq!(error.as_ref().map(reason), expected, "{access:?} {reader:?}");
            assert_eq!(config.notifies(&reader), expected.is_none());
            assert!(!silent.notifies(&reader));
        }
    }
}

/// XEP-0060 §7.1.5, with the options XEP-0402 tells clients to send.
#[test]
fn publish_options_create_or_check() {
    let private = options(&[
        ("pubsub#persist_items", "true"),
        ("pubsub#max_items", "max"),
        ("pubsub#send_last_published_item", "never"),
        ("pubsub#access_model", "whitelist"),
    ]);
    let created = NodeConfig::created("urn:example:private", Some(&private)).unwrap();
    assert_eq!(created, NodeConfig::default_for(BOOKMARKS2));
    created.check_options(&private).unwrap();
    assert_eq!(NodeConfig::created(NICK, None).unwrap(), NodeConfig::default());

    let not_met = ("conflict", "precondition-not-met");
    assert_eq!(reason(&NodeConfig::default().check_options(&private).unwrap_err()), not_met);
    for fields in [
        [("pubsub#access_model", "open")],
        [("pubsub#max_items", "2")],
        [("pubsub#unheard_of", "1")],
        [("pubsub#publish_model", "open")],
        [("pubsub#item_expire", "60")],
        [("pubsub#persist_items", "yes")],
    ] {
        assert_eq!(reason(&created.check_options(&options(&fields)).unwrap_err()), not_met, "{fields:?}");
    }
    for fields in [
        [("pubsub#persist_items", "1")],
        [("pubsub#publish_model", "publishers")],
        [("pubsub#item_expire", "max")],
        [("pubsub#purge_offline", "false")],
    ] {
        created.check_options(&options(&fields)).unwrap();
    }
    let other = form(PUBSUB_NODE_CONFIG, &[("pubsub#access_model", "open")]);
    assert_eq!(NodeConfig::created(NICK, Some(&other)).unwrap_err().condition, Condition::BadRequest);
}

#[test]
fn the_owner_configures() {
    let config = NodeConfig::default();
    let submitted = form(
        PUBSUB_NODE_CONFIG,
        &[("pubsub#title", "Mood"), ("pubsub#access_model", "roster"), ("pubsub#unheard_of", "1"), ("pubsub#max_items", "5")],
    );
    let new = config.configured(&submitted).unwrap();
    assert_eq!(
        new,
        NodeConfig { title: "Mood".into(), access: AccessModel::Roster, max_items: MaxItems::Count(5), ..config.clone() }
    );
    for (var, value) in [
        ("pubsub#access_model", "everyone"),
        ("pubsub#max_items", "0"),
        ("pubsub#max_items", "-1"),
        ("pubsub#publish_model", "open"),
        ("pubsub#notify_retract", ""),
        ("pubsub#send_last_published_item", "always"),
    ] {
        let error = config.configured(&form(PUBSUB_NODE_CONFIG, &[(var, value)])).unwrap_err();
        assert_eq!(error.condition(), Condition::NotAcceptable, "{var}={value}");
    }
    let error = config.configured(&config.form("form")).unwrap_err();
    assert_eq!(error.condition(), Condition::BadRequest, "a form that is not submitted");
    let longest = "x".repeat(zaiseki_model::limits::ROSTER_NAME_BYTES);
    assert!(config.configured(&form(PUBSUB_NODE_CONFIG, &[("pubsub#title", &longest)])).is_ok());
    assert!(config.configured(&form(PUBSUB_NODE_CONFIG, &[("pubsub#title", &(longest + "x"))])).is_err());
}

#[test]
fn a_damaged_row_is_for_the_owner_only() {
    for stored in [&b""[..], b"<x/>", b"\xff", NodeConfig::default().form("form").to_string().as_bytes()] {
        assert_eq!(NodeConfig::from_stored(stored).access, AccessModel::Whitelist);
    }
}

#[test]
fn items_are_evicted_oldest_first() {
    let node = |persist_items, max_items| NodeConfig { persist_items, max_items, ..NodeConfig::default() };
    type Ids = &'static [&'static str];
    let rows: [(bool, u32, Ids, &str, Ids); 7] = [
        (true, 1, &[], "a", &[]),
        (true, 1, &["a"], "a", &[]),
        (true, 1, &["a"], "b", &["a"]),
        (true, 2, &["a", "b"], "c", &["a"]),
        (true, 2, &["a", "b"], "a", &[]),
        (true, 1, &["a", "b", "c"], "b", &["a", "c"]),
        (false, 9, &["a", "b"], "c", &["a", "b"]),
    ];
    for (persist, max, stored, publishing, expected) in rows {
        let config = node(persist, MaxItems::Count(max));
        assert_eq!(config.evicted(stored.iter().copied(), publishing), expected, "{stored:?} + {publishing}");
    }
    assert_eq!(node(true, MaxItems::Max).capacity(), limits::PEP_ITEMS);
    assert_eq!(node(true, MaxItems::Count(u32::MAX)).capacity(), limits::PEP_ITEMS);
}

#[test]
fn events_are_well_formed() {
    let parse = |bytes: Vec<u8>| Element::parse(&bytes).unwrap();
    let payload = b"<nick xmlns='http://jabber.org/protocol/nick'>N</nick>";
    let event = parse(event_items("a'b", [("1 < 2", Some(&payload[..])), ("x", None)]));
    assert!(event.is("event", PUBSUB_EVENT));
    let items = event.child("items", PUBSUB_EVENT).unwrap();
    assert_eq!(items.attr("node"), Some("a'b"));
    let ids: Vec<_> = items.children().map(|item| (item.attr("id"), item.has_child("nick", NICK))).collect();
    assert_eq!(ids, [(Some("1 < 2"), true), (Some("x"), false)]);

    let retract = parse(event_retract("n", ["1", "2"]));
    assert_eq!(retract.child("items", PUBSUB_EVENT).unwrap().children().filter(|r| r.is("retract", PUBSUB_EVENT)).count(), 2);
    assert!(parse(event_purge("n")).has_child("purge", PUBSUB_EVENT));
    assert!(parse(event_delete("n")).has_child("delete", PUBSUB_EVENT));
    let configured = parse(event_configuration("n", Some(&NodeConfig::default().form("result"))));
    assert!(configured.child("configuration", PUBSUB_EVENT).unwrap().has_child("x", "jabber:x:data"));
}

fn configs() -> impl Strategy<Value = NodeConfig> {
    let texts = (".{0,20}", ".{0,20}", prop::collection::vec(".{1,8}", 0..3));
    let words = (prop::sample::select(AccessModel::ALL), prop::sample::select(SendLast::ALL));
    (texts, words, prop::option::of(1u32..), any::<[bool; 6]>()).prop_map(|(texts, words, max, switches)| NodeConfig {
        title: texts.0.replace(|c: char| c.is_control() || c == '\u{fffe}' || c == '\u{ffff}', ""),
        payload_type: texts.1.replace(|c: char| c.is_control() || c == '\u{fffe}' || c == '\u{ffff}', ""),
        roster_groups: texts
            .2
            .into_iter()
            .map(|g| g.replace(|c: char| c.is_control() || c == '\u{fffe}' || c == '\u{ffff}', ""))
            .collect(),
        access: words.0,
        send_last: words.1,
        max_items: max.map_or(MaxItems::Max, MaxItems::Count),
        persist_items: switches[0],
        deliver_notifications: switches[1],
        deliver_payloads: switches[2],
        notify_retract: switches[3],
        notify_delete: switches[4],
        notify_config: switches[5],
    })
}

proptest! {
    #[test]
    fn what_is_stored_reads_back(config in configs()) {
        prop_assert_eq!(NodeConfig::from_stored(&config.to_stored()), config.clone());
        config.check_options(&options(&[("pubsub#max_items", &match config.max_items {
            MaxItems::Max => "max".to_owned(),
            MaxItems::Count(n) => n.to_string(),
        })])).unwrap();
    }

    #[test]
    fn a_node_never_holds_more_than_its_capacity(published in prop::collection::vec("[a-f]", 0..30), max in 1u32..5) {
        let config = NodeConfig { max_items: MaxItems::Count(max), ..NodeConfig::default() };
        let mut stored: Vec<String> = Vec::new();
        for id in published {
            let gone: Vec<String> = config.evicted(stored.iter().map(String::as_str), &id).into_iter().map(str::to_owned).collect();
            stored.retain(|s| *s != id && !gone.contains(s));
            stored.push(id.clone());
            prop_assert!(stored.len() <= config.capacity());
            prop_assert_eq!(stored.last(), Some(&id));
        }
    }
}
