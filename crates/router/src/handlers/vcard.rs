//! vcard-temp (XEP-0054 1.2), and one avatar for old and new clients: the vCard's photo, the PEP avatar and the hash in
//! presence are kept equal (XEP-0153 1.1, XEP-0398 1.0). What the directory says of the user is part of the card that others see.

mod filled;

use super::{Answer, Feature, Request, Route, Scope, pep};
use crate::engine::{Engine, HomeIx, SessionId, bad_request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use zaiseki_model::limits;
use zaiseki_store::{Family, Person, Read, Reply, StoreError, Write};
use zaiseki_xmpp::ns::{AVATAR_DATA, AVATAR_METADATA, VCARD_TEMP, VCARD_UPDATE};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::escape::push_text;
use zaiseki_xmpp::xml::framer::Stanza;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0054",
    version: "1.2",
    title: "vcard-temp",
    file: file!(),
    domain_features: &[VCARD_TEMP],
    account_features: &[VCARD_TEMP, "urn:xmpp:pep-vcard-conversion:0"],
    routes: &[Route {
        name: "vCard",
        ns: VCARD_TEMP,
        get: true,
        set: true,
        scopes: &[Scope::Own, Scope::Account],
        handle: vcard,
    }],
};

/// Key of the only document of its family.
const KEY: &str = "";
/// Preference that holds the hash of the photo: 40 hexadecimal digits, or nothing.
pub const PHOTO_PREFERENCE: &str = "photo";

fn vcard(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    match (request.set, request.scope) {
        (true, Scope::Own) => set(engine, request),
        (true, _) => Err(StanzaError::new(Condition::Forbidden)),
        (false, _) => get(engine, request),
    }
}

/// No vCard stored, nor anything to fill one: an error, not an empty one (§3.3).
fn get(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let request = request.clone();
    engine.read(Read::Card { user }, move |engine, reply| match reply {
        Ok(Reply::Card { own, person }) => answer(engine, &request, own, &directory(engine, person.as_deref())),
        _ => engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError),
    });
    Ok(Answer::Later)
}

fn directory(engine: &Engine, person: Option<&Person>) -> Vec<Element> {
    person.map(|person| filled::elements(person, engine.settings.people.vcard)).unwrap_or_default()
}

fn answer(engine: &mut Engine, request: &Request, own: Option<Bytes>, directory: &[Element]) {
    let absent = if request.scope == Scope::Own { Condition::ItemNotFound } else { Condition::ServiceUnavailable };
    let card = match own {
        // As it was set, to the byte.
        Some(own) if directory.is_empty() => Some(own),
        own => {
            let own = own.and_then(|own| Element::parse(&own).ok());
            let card = filled::merged(own, directory.to_vec(), !engine.settings.people.vcard_of_user_first);
            card.map(|card| Bytes::from(card.to_bytes()))
        }
    };
    match card {
        Some(card) => engine.reply_result(request.session, &request.envelope, &card),
        None => engine.reply_condition(request.session, &request.envelope, absent),
    }
}

/// Keeps the user's own part of the card. What the client says next waits, so that order is kept.
fn set(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let image = photo(&request.payload)?;
    serialised(&request.payload)?;
    let (request, name) = (request.clone(), engine.homes[request.home].name.clone());
    engine.defer(request.session);
    engine.read(Read::Card { user }, move |engine, reply| {
        match (reply, engine.home_ready(&name)) {
            (Ok(Reply::Card { person, .. }), Some(home)) => {
                let own = filled::own_part(&request.payload, &directory(engine, person.as_deref()));
                keep(engine, &request, home, &own, image);
            }
            _ => engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError),
        }
        engine.deferred_done(request.session);
    });
    Ok(Answer::Later)
}

fn keep(engine: &mut Engine, request: &Request, home: HomeIx, own: &Element, image: Option<(String, Vec<u8>)>) {
    if let Err(error) = store_card(engine, home, own) {
        return engine.reply_error(request.session, &request.envelope, &error);
    }
    match image {
        Some((type_, bytes)) => publish_avatar(engine, home, &type_, &bytes),
        None => disable_avatar(engine, home),
    }
    let request = request.clone();
    engine.when_durable(move |engine| engine.reply_result(request.session, &request.envelope, b""));
}

fn serialised(card: &Element) -> Result<Vec<u8>, StanzaError> {
    let value = card.to_bytes();
    match value.len() > limits::DOCUMENT_BYTES {
        true => Err(StanzaError::new(Condition::PolicyViolation).with_text("the vCard is too large")),
        false => Ok(value),
    }
}

fn store_card(engine: &mut Engine, home: HomeIx, card: &Element) -> Result<(), StanzaError> {
    let user = engine.user_id(home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let value = serialised(card)?;
    engine.write(Write::DocPut { user, family: Family::Vcard, key: KEY.to_owned(), value: Bytes::from(value) });
    Ok(())
}

/// The image of a Base64 text, which may be folded.
fn image(base64: &str) -> Option<Vec<u8>> {
    let text: String = base64.split_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// The hash of that image as XEP-0084 and XEP-0153 write it.
fn image_hash(base64: &str) -> Option<String> {
    image(base64).map(|bytes| sha1_hex(&bytes))
}

/// Type and bytes of the photo.
fn photo(card: &Element) -> Result<Option<(String, Vec<u8>)>, StanzaError> {
    let Some(photo) = card.child("PHOTO", VCARD_TEMP) else { return Ok(None) };
    let Some(value) = photo.child("BINVAL", VCARD_TEMP) else { return Ok(None) };
    let bytes = image(&value.text()).ok_or_else(|| bad_request("the photo is not base64"))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let type_ = photo.child("TYPE", VCARD_TEMP).map(Element::text).filter(|t| !t.is_empty());
    Ok(Some((type_.unwrap_or_else(|| "image/png".to_owned()), bytes)))
}

fn sha1_hex(bytes: &[u8]) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// The vCard's photo becomes the PEP avatar (XEP-0398 §3).
fn publish_avatar(engine: &mut Engine, home: HomeIx, type_: &str, bytes: &[u8]) {
    let hash = sha1_hex(bytes);
    let data = Element::new("data", AVATAR_DATA).with_text(&STANDARD.encode(bytes));
    let info = Element::new("info", AVATAR_METADATA)
        .with_attr("bytes", bytes.len().to_string())
        .with_attr("id", hash.as_str())
        .with_attr("type", type_);
    pep::publish_for(engine, home, AVATAR_DATA, &hash, &data);
    pep::publish_for(engine, home, AVATAR_METADATA, &hash, &Element::new("metadata", AVATAR_METADATA).with_child(info));
    set_photo_hash(engine, home, &hash);
}

/// The vCard has no photo any more: whoever looks at PEP learns it too (XEP-0084 §4.2.3).
fn disable_avatar(engine: &mut Engine, home: HomeIx) {
    let had_one = engine.data(home).and_then(|d| d.photo.as_deref()).is_some_and(|hash| !hash.is_empty());
    if had_one {
        let id = engine.make_id();
        pep::publish_for(engine, home, AVATAR_METADATA, &id, &Element::new("metadata", AVATAR_METADATA));
    }
    set_photo_hash(engine, home, "");
}

/// The PEP avatar becomes the vCard's photo: called when metadata is published by a client. What the client says next waits,
/// so that a vCard which it sets then is not replaced by an older one with this photo.
pub fn avatar_published(engine: &mut Engine, session: SessionId, home: HomeIx, metadata: &Element) {
    let Some(info) = metadata.child("info", AVATAR_METADATA) else {
        set_photo_hash(engine, home, "");
        return change_card(engine, session, home, None);
    };
    let (Some(id), type_) = (info.attr("id").map(str::to_owned), info.attr("type").unwrap_or("image/png").to_owned()) else {
        return;
    };
    let Some(user) = engine.user_id(home) else { return };
    let key = format!("{AVATAR_DATA}\u{0}{id}");
    let name = engine.homes[home].name.clone();
    engine.defer(session);
    engine.read(Read::Doc { user, family: Family::PepItem, key }, move |engine, reply| {
        if let (Some(base64), Some(home)) = (avatar_of(reply, &id), engine.home_ready(&name)) {
            set_photo_hash(engine, home, &id);
            change_card(engine, session, home, Some((type_, base64)));
        }
        engine.deferred_done(session);
    });
}

/// The image, as text. XEP-0084 §4.2.1: the id is the hash of the image. Any other id is only a client's word, and stays out
/// of presence.
fn avatar_of(reply: Result<Reply, StoreError>, id: &str) -> Option<String> {
    let Ok(Reply::Doc(Some(item))) = reply else { return None };
    let data = Element::parse(&item).ok().filter(|data| data.is("data", AVATAR_DATA))?;
    Some(data.text()).filter(|text| image_hash(text).as_deref() == Some(id))
}

/// Replaces the photo in the stored vCard.
fn change_card(engine: &mut Engine, session: SessionId, home: HomeIx, photo: Option<(String, String)>) {
    let Some(user) = engine.user_id(home) else { return };
    let name = engine.homes[home].name.clone();
    engine.defer(session);
    engine.read(Read::Doc { user, family: Family::Vcard, key: KEY.to_owned() }, move |engine, reply| {
        if let (Ok(Reply::Doc(card)), Some(home)) = (reply, engine.home_ready(&name)) {
            // A card that grew too large by the photo stays as it was.
            let _ = store_card(engine, home, &with_photo(card, photo));
        }
        engine.deferred_done(session);
    });
}

fn with_photo(card: Option<Bytes>, photo: Option<(String, String)>) -> Element {
    let old = card.and_then(|card| Element::parse(&card).ok());
    let mut new = Element::new("vCard", VCARD_TEMP);
    for child in old.iter().flat_map(Element::children).filter(|c| c.name() != "PHOTO") {
        new.push(child.clone());
    }
    if let Some((type_, base64)) = photo {
        let text = |name: &str, value: &str| Element::new(name, VCARD_TEMP).with_text(value);
        new.push(Element::new("PHOTO", VCARD_TEMP).with_child(text("TYPE", &type_)).with_child(text("BINVAL", &base64)));
    }
    new
}

fn set_photo_hash(engine: &mut Engine, home: HomeIx, hash: &str) {
    let Some(data) = engine.data_mut(home) else { return };
    data.photo = Some(hash.to_owned());
    let user = data.user.id;
    let value = Bytes::copy_from_slice(hash.as_bytes());
    engine.write(Write::DocPut { user, family: Family::Preference, key: PHOTO_PREFERENCE.to_owned(), value });
}

impl Engine {
    /// Puts the hash of the avatar into a presence (XEP-0398 §4), when the account has or had one. A client's own claim
    /// is replaced, unless it says that it is not ready (XEP-0153 §3.1: an empty `<x/>`).
    pub(crate) fn with_photo_hash(&self, home: HomeIx, stanza: &Stanza, body: Bytes) -> Bytes {
        let Some(hash) = self.data(home).and_then(|d| d.photo.as_deref()) else { return body };
        if let Some(own) = stanza.child("x", VCARD_UPDATE).and_then(|x| Element::parse(x.bytes()).ok())
            && own.child("photo", VCARD_UPDATE).is_none()
        {
            return body;
        }
        let kept = crate::engine::body_without(stanza, |child| child.name() == "x" && child.ns() == VCARD_UPDATE);
        let mut out = kept.unwrap_or(body).to_vec();
        out.extend_from_slice(format!("<x xmlns='{VCARD_UPDATE}'><photo>").as_bytes());
        push_text(&mut out, hash);
        out.extend_from_slice(b"</photo></x>");
        Bytes::from(out)
    }
}
