//! Ad-hoc commands (XEP-0050 1.3): what people set for themselves in a form that any client can show. They stand at the own
//! account and at the domain, since clients look in either place.

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::Engine;
use zaiseki_xmpp::ns::{COMMANDS, DATA_FORMS, DISCO_INFO, DISCO_ITEMS};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0050",
    version: "1.3.0",
    title: "Ad-Hoc Commands",
    file: file!(),
    domain_features: &[COMMANDS],
    account_features: &[COMMANDS],
    routes: &[Route {
        name: "command",
        ns: COMMANDS,
        get: false,
        set: true,
        scopes: &[Scope::Own, Scope::Domain],
        handle: command,
    }],
};

/// The command by which a user lets the calendar speak, or not.
const CALENDAR: &str = "calendar";

/// The texts of the calendar command.
struct Words {
    name: &'static str,
    instructions: &'static str,
    label: &'static str,
    on: &'static str,
    off: &'static str,
}

const EN: Words = Words {
    name: "Calendar presence",
    instructions: "While there is a meeting in your calendar, others see you in a meeting. Choose whether your calendar is used.",
    label: "Show my meetings as presence",
    on: "Your meetings are shown as presence.",
    off: "Your calendar is not used for your presence.",
};

const JA: Words = Words {
    name: "予定表によるプレゼンス",
    instructions: "予定表に会議が入っている間、ほかの人には会議中と表示されます。予定表を使うかどうかを選んでください。",
    label: "会議をプレゼンスに表示する",
    on: "会議がプレゼンスに表示されます。",
    off: "予定表はプレゼンスに使われません。",
};

/// In the language that the client speaks, else in the user's.
fn words(engine: &Engine, request: &Request) -> &'static Words {
    let language = request.envelope.lang.clone().unwrap_or_else(|| engine.language_of(request.sender));
    if language.to_ascii_lowercase().starts_with("ja") { &JA } else { &EN }
}

/// §2.2: the list of commands, for disco#items of the node that all clients know.
pub fn list(engine: &Engine, request: &Request) -> Option<Element> {
    let asked =
        request.payload.attr("node").filter(|node| *node == COMMANDS && matches!(request.scope, Scope::Own | Scope::Domain))?;
    let own = &engine.homes[request.home].bare;
    let address = if request.scope == Scope::Domain { engine.domain.as_str() } else { own.as_str() };
    let item = Element::new("item", DISCO_ITEMS)
        .with_attr("jid", address)
        .with_attr("node", CALENDAR)
        .with_attr("name", words(engine, request).name);
    Some(Element::new("query", DISCO_ITEMS).with_attr("node", asked).with_child(item))
}

/// §2.3: disco#info of the list and of a command; `None`: the node is neither.
pub fn info(engine: &Engine, request: &Request) -> Option<Element> {
    let node = request.payload.attr("node").filter(|_| matches!(request.scope, Scope::Own | Scope::Domain))?;
    let (kind, name) = match node {
        COMMANDS => ("command-list", None),
        CALENDAR => ("command-node", Some(words(engine, request).name)),
        _ => return None,
    };
    let mut identity = Element::new("identity", DISCO_INFO).with_attr("category", "automation").with_attr("type", kind);
    if let Some(name) = name {
        identity.set_attr("name", name);
    }
    let mut query = Element::new("query", DISCO_INFO).with_attr("node", node).with_child(identity);
    for feature in [COMMANDS, DATA_FORMS] {
        query.push(Element::new("feature", DISCO_INFO).with_attr("var", feature));
    }
    Some(query)
}

fn command(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let command = &request.payload;
    if command.attr("node") != Some(CALENDAR) {
        return Err(StanzaError::new(Condition::ItemNotFound).with_text("there is no such command"));
    }
    let form = command.child("x", DATA_FORMS);
    let cancelled = form.is_some_and(|form| form.attr("type") == Some("cancel"));
    match command.attr("action").unwrap_or("execute") {
        "cancel" => Ok(Answer::element(&stage(command, "canceled"))),
        "execute" | "next" | "complete" if cancelled => Ok(Answer::element(&stage(command, "canceled"))),
        "execute" if form.is_none() => Ok(Answer::element(&ask(engine, request))),
        "execute" | "next" | "complete" => choose(engine, request, form),
        "prev" => Err(refused("bad-action")),
        _ => Err(refused("malformed-action")),
    }
}

/// §4.4: a fault, with the word of this specification.
fn refused(word: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_app(Element::new(word, COMMANDS))
}

/// The answer to one stage. There is only one form, so that the session's id carries nothing.
fn stage(asked: &Element, status: &str) -> Element {
    let session = asked.attr("sessionid").unwrap_or_default();
    Element::new("command", COMMANDS).with_attr("node", CALENDAR).with_attr("sessionid", session).with_attr("status", status)
}

fn ask(engine: &mut Engine, request: &Request) -> Element {
    let words = words(engine, request);
    let on = engine.data(request.home).is_some_and(|data| data.user.calendar);
    let text = |name: &str, text: &str| Element::new(name, DATA_FORMS).with_text(text);
    let field = Element::new("field", DATA_FORMS)
        .with_attr("var", CALENDAR)
        .with_attr("type", "boolean")
        .with_attr("label", words.label)
        .with_child(text("value", if on { "1" } else { "0" }));
    let form = Element::new("x", DATA_FORMS)
        .with_attr("type", "form")
        .with_child(text("title", words.name))
        .with_child(text("instructions", words.instructions))
        .with_child(field);
    let actions =
        Element::new("actions", COMMANDS).with_attr("execute", "complete").with_child(Element::new("complete", COMMANDS));
    let mut answer = stage(&request.payload, "executing").with_child(actions).with_child(form);
    answer.set_attr("sessionid", engine.make_id());
    answer
}

fn choose(engine: &mut Engine, request: &Request, form: Option<&Element>) -> Result<Answer, StanzaError> {
    let mut fields = form.into_iter().flat_map(Element::children).filter(|field| field.is("field", DATA_FORMS));
    let field = fields.find(|field| field.attr("var") == Some(CALENDAR));
    let on = match field.and_then(|field| field.child("value", DATA_FORMS)).map(Element::text).as_deref() {
        Some("1" | "true") => true,
        Some("0" | "false") => false,
        _ => return Err(refused("bad-payload")),
    };
    let words = words(engine, request);
    let note = Element::new("note", COMMANDS).with_attr("type", "info").with_text(if on { words.on } else { words.off });
    let done = stage(&request.payload, "completed").with_child(note);
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let request = request.clone();
    engine.choose_calendar(user, request.home, on, move |engine, kept| {
        if !kept {
            return engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError);
        }
        // The account is read again behind this; the next form is not to be older than this answer.
        let home = request.envelope.from.local().and_then(|name| engine.home_ready(name));
        let home = home.filter(|home| engine.user_id(*home) == Some(user));
        if let Some(data) = home.and_then(|home| engine.data_mut(home)) {
            data.user.calendar = on;
        }
        let mut out = Vec::new();
        done.write(&mut out, zaiseki_xmpp::ns::CLIENT);
        engine.reply_result(request.session, &request.envelope, &out);
    });
    Ok(Answer::Later)
}
