//! vCards (XEP-0054) and the one avatar in all its forms (XEP-0084, XEP-0153, XEP-0398).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zaiseki_model::limits;
use zaiseki_testkit::process::wait_for;

use crate::support::*;

const GET: &str = "<vCard xmlns='vcard-temp'/>";
const DATA: &str = "urn:xmpp:avatar:data";
const METADATA: &str = "urn:xmpp:avatar:metadata";

fn hash(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn card(photo: &[u8]) -> String {
    let photo = format!("<PHOTO><TYPE>image/png</TYPE><BINVAL>{}</BINVAL></PHOTO>", BASE64.encode(photo));
    format!("<vCard xmlns='vcard-temp'><FN>Ann &amp; Co</FN>{photo}</vCard>")
}

/// The hash in the presence of `session`.
fn shown(presence: &Element) -> Option<&str> {
    presence.child_ns("x", "vcard-temp:x:update")?.child("photo").map(|p| p.text.as_str())
}

#[test]
fn a_vcard_is_kept_and_others_may_read_it() {
    let (mut a, mut stranger) = (stage().online(), stage().online());
    a.set("<vCard xmlns='vcard-temp'><FN>Ann &amp; Co</FN><N><FAMILY>会議</FAMILY></N></vCard>");
    let bare = a.bare.clone();
    for answer in [a.get(GET), a.ask("get", &bare, GET), stranger.ask("get", &bare, GET)] {
        let card = answer.child_ns("vCard", "vcard-temp").unwrap_or_else(|| panic!("{answer}"));
        assert_eq!((card.child_text("FN"), card.at("N/FAMILY").map(|f| f.text.as_str())), ("Ann & Co", Some("会議")));
    }
    assert_eq!(stranger.ask("set", &bare, GET).attr("type"), Some("error"));
    assert_eq!(a.get(GET).at("vCard/FN").map(|f| f.text.as_str()), Some("Ann & Co"));
}

#[test]
fn a_missing_vcard_is_an_error() {
    // §3.3
    let (mut a, b) = (stage().online(), stage().online());
    assert_error(&a.ask("get", "", GET), "cancel", "item-not-found");
    // Whether the account exists does not show.
    for to in [b.bare.as_str(), "nobody@localhost"] {
        assert_error(&a.ask("get", to, GET), "cancel", "service-unavailable");
    }
}

#[test]
fn a_vcard_has_a_greatest_size() {
    let mut a = stage().online();
    let sized = |bytes: usize| format!("<vCard xmlns='vcard-temp'><FN>{}</FN></vCard>", "x".repeat(bytes));
    let error = a.ask("set", "", &sized(limits::DOCUMENT_BYTES + 1));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    a.set(&sized(limits::DOCUMENT_BYTES - 100));
    let broken = "<vCard xmlns='vcard-temp'><PHOTO><BINVAL>not base64!</BINVAL></PHOTO></vCard>";
    assert_error(&a.ask("set", "", broken), "modify", "bad-request");
}

#[test]
fn the_photo_of_the_vcard_is_the_avatar() {
    let (mut a, mut b) = stage().friends();
    let photo = b"not really a picture";
    a.set(&card(photo));
    let bare = a.bare.clone();
    let items = |node: &str| format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub>");
    let metadata = b.ask("get", &bare, &items(METADATA));
    let item = metadata.at("pubsub/items/item").unwrap_or_else(|| panic!("{metadata}"));
    let info = item.at("metadata/info").expect("information");
    let id = hash(photo);
    assert_eq!((item.attr("id"), info.attr("id"), info.attr("bytes")), (Some(id.as_str()), Some(id.as_str()), Some("20")));
    assert_eq!(info.attr("type"), Some("image/png"));
    let data = b.ask("get", &bare, &items(DATA));
    let data = data.at("pubsub/items/item/data").map(|d| BASE64.decode(&d.text).expect("base64"));
    assert_eq!(data.as_deref(), Some(&photo[..]));
    // XEP-0398 §4: whatever the client says, and even when it says nothing.
    for claim in ["", "<x xmlns='vcard-temp:x:update'><photo>0000</photo></x>"] {
        a.say(format!("<presence>{claim}<status>s</status></presence>"));
        let seen = b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "s");
        assert_eq!(shown(&seen), Some(id.as_str()), "{seen}");
    }
}

/// The vCard as soon as it is like this: the conversion runs behind the publishing.
#[track_caller]
fn card_when(session: &mut Session, of: &str, fits: impl Fn(&Element) -> bool) -> Element {
    let mut ask = || Some(session.ask("get", of, GET)).filter(&fits);
    wait_for("the vCard to change", PATIENCE, &mut ask).expect("a changed vCard")
}

#[test]
fn the_avatar_is_the_photo_of_the_vcard() {
    let (mut a, mut b) = stage().friends();
    a.set("<vCard xmlns='vcard-temp'><FN>Ann</FN></vCard>");
    let photo = b"another picture";
    let (id, bare) = (hash(photo), a.bare.clone());
    let publish = |node: &str, payload: String| {
        let item = format!("<publish node='{node}'><item id='{id}'>{payload}</item></publish>");
        format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{item}</pubsub>")
    };
    a.set(&publish(DATA, format!("<data xmlns='{DATA}'>{}</data>", BASE64.encode(photo))));
    a.set(&publish(METADATA, format!("<metadata xmlns='{METADATA}'><info id='{id}' bytes='15' type='image/gif'/></metadata>")));
    let card = card_when(&mut b, &bare, |card| card.at("vCard/PHOTO").is_some());
    assert_eq!(card.at("vCard/FN").map(|f| f.text.as_str()), Some("Ann"));
    let stored = card.at("vCard/PHOTO/BINVAL").map(|b| BASE64.decode(&b.text).expect("base64"));
    assert_eq!(stored.as_deref(), Some(&photo[..]), "{card}");
    assert_eq!(card.at("vCard/PHOTO/TYPE").map(|t| t.text.as_str()), Some("image/gif"));
    a.show("<status>s</status>");
    let seen = b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "s");
    assert_eq!(shown(&seen), Some(id.as_str()));

    a.set(&publish(METADATA, format!("<metadata xmlns='{METADATA}'/>")));
    let card = card_when(&mut b, &bare, |card| card.at("vCard/PHOTO").is_none());
    assert!(card.at("vCard/FN").is_some(), "{card}");
    a.show("<status>t</status>");
    let seen = b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "t");
    assert_eq!(shown(&seen).unwrap_or_default(), "");
}

#[test]
fn a_client_that_is_not_ready_may_say_so() {
    // XEP-0153 §3.1: an empty <x/>.
    let (mut a, mut b) = stage().friends();
    a.set(&card(b"picture"));
    a.say("<presence><status>s</status><x xmlns='vcard-temp:x:update'/></presence>");
    let seen = b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "s");
    assert_eq!(shown(&seen), None, "{seen}");
}

#[test]
fn an_avatar_under_a_false_hash_changes_nothing() {
    // XEP-0084 §4.2.1: the id is the hash. Anything else could be made into elements of the presence that contacts get.
    let (mut a, mut b) = stage().friends();
    a.set(&card(b"true"));
    let forged = "x&lt;/photo>&lt;/x>&lt;occupant-id xmlns='urn:xmpp:occupant-id:0' id='boss'/>&lt;x xmlns='e'>&lt;photo>";
    for id in [forged, "0000000000000000000000000000000000000000"] {
        for (node, payload) in [
            (DATA, format!("<data xmlns='{DATA}'>{}</data>", BASE64.encode(b"false"))),
            (METADATA, format!("<metadata xmlns='{METADATA}'><info id=\"{id}\" bytes='5' type='image/png'/></metadata>")),
        ] {
            let item = format!("<publish node='{node}'><item id=\"{id}\">{payload}</item></publish>");
            a.set(&format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{item}</pubsub>"));
        }
        // The conversion reads the item after the answer; a later read of the same user comes behind it.
        a.get(GET);
        a.show("<status>s</status>");
        let seen = b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "s");
        assert_eq!(shown(&seen), Some(hash(b"true").as_str()), "{seen}");
        assert!(seen.child("occupant-id").is_none(), "{seen}");
    }
}

#[test]
fn a_vcard_without_a_photo_ends_the_avatar_everywhere() {
    let (mut a, mut b) = stage().friends();
    a.set(&card(b"picture"));
    let bare = a.bare.clone();
    a.set("<vCard xmlns='vcard-temp'><FN>Ann</FN></vCard>");
    let items = format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{METADATA}'/></pubsub>");
    let metadata = b.ask("get", &bare, &items);
    let metadata = metadata.at("pubsub/items/item/metadata").unwrap_or_else(|| panic!("{metadata}"));
    assert!(metadata.children.is_empty(), "{metadata}");
    a.show("<status>s</status>");
    let seen = b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "s");
    assert_eq!(shown(&seen).unwrap_or_default(), "");
}

#[test]
fn a_vcard_set_right_behind_an_avatar_is_the_one_that_stays() {
    let mut a = stage().online();
    let (photo, vcard) = (b"picture", "<vCard xmlns='vcard-temp'><FN>Renamed</FN></vCard>");
    let id = hash(photo);
    let publish = |node: &str, payload: String| {
        let item = format!("<publish node='{node}'><item id='{id}'>{payload}</item></publish>");
        format!("<iq type='set' id='{node}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>{item}</pubsub></iq>")
    };
    let data = publish(DATA, format!("<data xmlns='{DATA}'>{}</data>", BASE64.encode(photo)));
    let metadata =
        publish(METADATA, format!("<metadata xmlns='{METADATA}'><info id='{id}' bytes='7' type='image/png'/></metadata>"));
    a.say(data + &metadata + &format!("<iq type='set' id='card'>{vcard}</iq>"));
    a.hear(|e| e.attr("id") == Some("card"));
    let card = a.get(GET);
    assert_eq!(card.at("vCard/FN").map(|f| f.text.as_str()), Some("Renamed"));
    assert!(card.at("vCard/PHOTO").is_none(), "{card}");
}
