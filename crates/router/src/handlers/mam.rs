//! Message archive of an account (XEP-0313 1.1): queries by contact and time, paged by RSM (XEP-0059), preferences
//! (XEP-0441).

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::{Engine, SessionId, bad_request};
use crate::phases::keep::push_delay;
use zaiseki_model::envelope::{Head, close};
use zaiseki_model::{MessageId, Timestamp, limits};
use zaiseki_store::{ArchiveQuery, Family, Page, Read, Reply, Write};
use zaiseki_xmpp::datetime;
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::ns::{CLIENT, DATA_FORMS, FORWARD, RSM};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

const NS: &str = zaiseki_xmpp::ns::MAM;
const OWN: &[Scope] = &[Scope::Own];

pub static FEATURE: Feature = Feature {
    spec: "XEP-0313",
    version: "1.1.3",
    title: "Message Archive Management",
    file: file!(),
    domain_features: &[],
    account_features: &[NS, "urn:xmpp:mam:2#extended"],
    routes: &[
        Route { name: "query", ns: NS, get: true, set: true, scopes: OWN, handle: query },
        Route { name: "metadata", ns: NS, get: true, set: false, scopes: OWN, handle: metadata },
        Route { name: "prefs", ns: NS, get: true, set: true, scopes: OWN, handle: preferences },
    ],
};

/// What a query asks for.
struct Asked {
    query: ArchiveQuery,
    queryid: Option<String>,
    flip: bool,
}

fn query(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if !request.set {
        return Ok(Answer::element(&form()));
    }
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let asked = parse(&request.payload, user)?;
    let request = request.clone();
    let Asked { query, queryid, flip } = asked;
    // One walk over the archive at a time for each client, whatever it asks at once.
    engine.defer(request.session);
    engine.read(Read::Archive(query), move |engine, reply| {
        match reply {
            Ok(Reply::Page(page)) if page.anchor_found => answer(engine, &request, page, queryid.as_deref(), flip),
            Ok(Reply::Page(_)) => engine.reply_condition(request.session, &request.envelope, Condition::ItemNotFound),
            _ => engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError),
        }
        engine.deferred_done(request.session);
    });
    Ok(Answer::Later)
}

/// §4.1.1: the fields a query may hold.
fn form() -> Element {
    let field = |var: &str, type_: &str| Element::new("field", DATA_FORMS).with_attr("var", var).with_attr("type", type_);
    let mut form = Element::new("x", DATA_FORMS)
        .with_attr("type", "form")
        .with_child(field("FORM_TYPE", "hidden").with_child(Element::new("value", DATA_FORMS).with_text(NS)));
    for (var, type_) in FIELDS {
        form.push(field(var, type_));
    }
    Element::new("query", NS).with_child(form)
}

const FIELDS: &[(&str, &str)] = &[
    ("with", "jid-single"),
    ("start", "text-single"),
    ("end", "text-single"),
    ("before-id", "text-single"),
    ("after-id", "text-single"),
    ("ids", "list-multi"),
];

fn parse(payload: &Element, owner: zaiseki_model::UserId) -> Result<Asked, StanzaError> {
    let mut query = ArchiveQuery::new(owner, limits::PAGE_ITEMS_DEFAULT);
    if let Some(form) = payload.child("x", DATA_FORMS) {
        for field in form.children().filter(|c| c.is("field", DATA_FORMS)) {
            parse_field(&mut query, field)?;
        }
    }
    query.count = true;
    if let Some(set) = payload.child("set", RSM) {
        parse_set(&mut query, set)?;
    }
    let flip = payload.child("flip-page", NS).is_some();
    Ok(Asked { query, queryid: payload.attr("queryid").map(str::to_owned), flip })
}

fn parse_field(query: &mut ArchiveQuery, field: &Element) -> Result<(), StanzaError> {
    let values: Vec<String> = field.children().filter(|c| c.is("value", DATA_FORMS)).map(Element::text).collect();
    let Some(value) = values.first() else { return Ok(()) };
    let time = || datetime::parse(value).map(Timestamp).ok_or_else(|| bad_request("not a date and time of XEP-0082"));
    match field.attr("var") {
        Some("FORM_TYPE") if value != NS => return Err(bad_request("the form is not an archive query")),
        Some("FORM_TYPE") => {}
        Some("with") => {
            let jid = Jid::parse(value).map_err(|_| bad_request("with: not an address"))?;
            query.with = Some(jid.bare_str().to_owned());
            query.filter = jid.full().map(|full| party_filter(full.as_str()));
        }
        Some("start") => query.start = Some(time()?),
        Some("end") => query.end = Some(time()?),
        Some("after-id") => query.after_id = Some(message_id(value)?),
        Some("before-id") => query.before_id = Some(message_id(value)?),
        Some("ids") => query.ids = Some(values.iter().map(|v| message_id(v)).collect::<Result<_, _>>()?),
        // §4.1: a field the server does not know is an error, or the answer would be wrong.
        Some(_) => return Err(StanzaError::new(Condition::FeatureNotImplemented).with_text("unknown field")),
        None => return Err(bad_request("a field has no var")),
    }
    Ok(())
}

fn message_id(text: &str) -> Result<MessageId, StanzaError> {
    text.parse().map_err(|_| StanzaError::new(Condition::ItemNotFound))
}

/// `with` a full address: only messages that this very resource sent or got.
fn party_filter(full: &str) -> zaiseki_store::StanzaFilter {
    let full = full.to_owned();
    std::sync::Arc::new(move |stanza| {
        stanza_from_bytes(bytes::Bytes::copy_from_slice(stanza), Limits::default())
            .is_ok_and(|stanza| [stanza.attr("from"), stanza.attr("to")].into_iter().flatten().any(|address| address == full))
    })
}

/// RSM: `max`, `after`, `before` (an empty one asks for the last page).
fn parse_set(query: &mut ArchiveQuery, set: &Element) -> Result<(), StanzaError> {
    if let Some(max) = set.child("max", RSM) {
        let max: usize = max.text().trim().parse().map_err(|_| bad_request("max is not a number"))?;
        query.limit = max.min(limits::PAGE_ITEMS);
    }
    // XEP-0059 §2.6: pages by number are not offered, and the first page would be the wrong answer.
    if set.has_child("index", RSM) {
        return Err(StanzaError::new(Condition::FeatureNotImplemented).with_text("pages by index are not offered"));
    }
    if let Some(after) = set.child("after", RSM) {
        query.after = Some(message_id(&after.text())?);
    }
    let before = set.child("before", RSM).map(Element::text);
    if let Some(id) = before.as_deref().filter(|id| !id.is_empty()) {
        query.before = Some(message_id(id)?);
    }
    query.backwards = before.is_some();
    Ok(())
}

/// Sends the page's messages, then the result with `<fin/>`.
fn answer(engine: &mut Engine, request: &Request, page: Page, queryid: Option<&str>, flip: bool) {
    let mut messages = page.messages;
    let (first, last) = (messages.first().map(|m| m.id), messages.last().map(|m| m.id));
    if flip {
        messages.reverse();
    }
    for message in &messages {
        send_one(engine, request.session, message, queryid);
    }
    let mut set = Element::new("set", RSM);
    if let (Some(first), Some(last)) = (first, last) {
        let mut first = Element::new("first", RSM).with_text(&first.to_string());
        if let Some(index) = page.first_index {
            first.set_attr("index", index.to_string());
        }
        set.push(first);
        set.push(Element::new("last", RSM).with_text(&last.to_string()));
    }
    if let Some(total) = page.total {
        set.push(Element::new("count", RSM).with_text(&total.to_string()));
    }
    let mut fin = Element::new("fin", NS);
    if page.complete {
        fin.set_attr("complete", "true");
    }
    let mut out = Vec::new();
    fin.with_child(set).write(&mut out, CLIENT);
    engine.reply_result(request.session, &request.envelope, &out);
}

fn send_one(engine: &mut Engine, id: SessionId, message: &zaiseki_store::StoredMessage, queryid: Option<&str>) {
    let Some(session) = engine.session(id) else { return };
    let (to, own) = (session.jid.clone(), session.jid.bare());
    let mut out = Vec::with_capacity(message.stanza.len() + 320);
    Head { name: "message", from: Some(own.as_str()), to: Some(to.as_str()), ..Head::default() }.open(&mut out);
    out.extend_from_slice(b"<result xmlns='urn:xmpp:mam:2' id='");
    out.extend_from_slice(message.id.to_string().as_bytes());
    if let Some(queryid) = queryid {
        out.extend_from_slice(b"' queryid='");
        zaiseki_xmpp::xml::escape::push_attr(&mut out, queryid);
    }
    out.extend_from_slice(b"'><forwarded xmlns='");
    out.extend_from_slice(FORWARD.as_bytes());
    out.extend_from_slice(b"'>");
    push_delay(&mut out, own.domain(), message.id.time());
    out.extend_from_slice(&message.stanza);
    out.extend_from_slice(b"</forwarded></result>");
    close(&mut out, "message");
    engine.send(id, &out, None);
}

/// §4.3: the ends of the archive.
fn metadata(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let request = request.clone();
    let end = |backwards| Read::Archive(ArchiveQuery { backwards, ..ArchiveQuery::new(user, 1) });
    let last = end(true);
    engine.read(end(false), move |engine, first| {
        engine.read(last, move |engine, last| {
            let mut metadata = Element::new("metadata", NS);
            for (name, reply) in [("start", first), ("end", last)] {
                let Ok(Reply::Page(page)) = reply else {
                    return engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError);
                };
                if let Some(message) = page.messages.first() {
                    let stamp = datetime::format(message.id.time().0);
                    metadata.push(Element::new(name, NS).with_attr("id", message.id.to_string()).with_attr("timestamp", stamp));
                }
            }
            let mut out = Vec::new();
            metadata.write(&mut out, CLIENT);
            engine.reply_result(request.session, &request.envelope, &out);
        });
    });
    Ok(Answer::Later)
}

/// XEP-0441: whether messages are archived. `always` and `never` are kept; `roster` and lists of single contacts are
/// not offered, so the answer says `always` and no lists, as §2 lets the server do.
fn preferences(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let wanted = match request.payload.attr("default").filter(|_| request.set) {
        Some("always" | "roster") => Some(true),
        Some("never") => Some(false),
        None => None,
        Some(_) => return Err(bad_request("default is always, never or roster")),
    };
    let data = engine.data_mut(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    if let Some(archive) = wanted {
        data.archive = archive;
    }
    let (user, archive) = (data.user.id, data.archive);
    let default = if archive { "always" } else { "never" };
    if wanted.is_some() {
        let value = bytes::Bytes::from_static(default.as_bytes());
        engine.write(Write::DocPut { user, family: Family::Preference, key: ARCHIVE_PREFERENCE.to_owned(), value });
    }
    let prefs = Element::new("prefs", NS)
        .with_attr("default", default)
        .with_child(Element::new("always", NS))
        .with_child(Element::new("never", NS));
    Ok(Answer::kept(&prefs))
}

/// Key of the preference document that says `never` for users without an archive.
pub const ARCHIVE_PREFERENCE: &str = "archive";
