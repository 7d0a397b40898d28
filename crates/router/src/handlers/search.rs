//! Jabber Search (XEP-0055 1.3): who works here, by name, reading, user id, address or number. It answers at `search.` before
//! the domain, where clients look for user directories; what it finds is the store's matter.

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::{Engine, bad_request};
use zaiseki_store::{FoundPeople, FoundPerson, Read, Reply, SearchQuery};
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::ns::{CLIENT, DATA_FORMS, DISCO_INFO, DISCO_ITEMS, PING, RSM, SEARCH};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0055",
    version: "1.3",
    title: "Jabber Search",
    file: file!(),
    domain_features: &[],
    account_features: &[],
    routes: &[Route { name: "query", ns: SEARCH, get: true, set: true, scopes: &[Scope::Directory], handle: search }],
};

/// What stands before the domain in the address of the directory.
pub const PREFIX: &str = "search.";
/// The field of the form that is looked for everywhere (XEP-0068 §3.4: the name of one that is not registered).
const ANY: &str = "x-text";

struct Words {
    name: &'static str,
    instructions: &'static str,
    /// By the name of the field.
    labels: &'static [(&'static str, &'static str)],
}

const EN: Words = Words {
    name: "People",
    instructions: "Fill in one field or more; a part of the name, of its reading or of the number will do.",
    labels: &[
        (ANY, "Name, reading, user ID, mail or telephone"),
        ("first", "Given name"),
        ("last", "Family name"),
        ("nick", "Display name or user ID"),
        ("email", "Mail address"),
        ("jid", "Address"),
        ("x-reading", "Reading"),
        ("x-department", "Department"),
        ("x-title", "Title"),
        ("x-telephone", "Telephone"),
    ],
};

const JA: Words = Words {
    name: "ユーザー検索",
    instructions: "1 つ以上の項目を入力してください。氏名、読み、番号などの一部でも検索できます。",
    labels: &[
        (ANY, "氏名・読み・ユーザー ID・メール・電話番号"),
        ("first", "名"),
        ("last", "姓"),
        ("nick", "表示名またはユーザー ID"),
        ("email", "メールアドレス"),
        ("jid", "アドレス"),
        ("x-reading", "読み"),
        ("x-department", "部署"),
        ("x-title", "役職"),
        ("x-telephone", "電話番号"),
    ],
};

impl Words {
    fn label(&self, var: &str) -> &'static str {
        self.labels.iter().find(|(name, _)| *name == var).map_or("", |(_, label)| label)
    }
}

/// In the language that the client speaks, else in the user's.
fn words(engine: &Engine, request: &Request) -> &'static Words {
    let language = request.envelope.lang.clone().unwrap_or_else(|| engine.language_of(request.sender));
    if language.to_ascii_lowercase().starts_with("ja") { &JA } else { &EN }
}

/// For disco#items of the domain; `None` while nobody may search.
pub fn item(engine: &Engine, request: &Request) -> Option<Element> {
    let address = format!("{PREFIX}{}", engine.domain.domain());
    let item = Element::new("item", DISCO_ITEMS).with_attr("jid", address).with_attr("name", words(engine, request).name);
    engine.settings.people.search.then_some(item)
}

/// disco#info of the directory.
pub fn info(engine: &Engine, request: &Request) -> Element {
    let identity = Element::new("identity", DISCO_INFO)
        .with_attr("category", "directory")
        .with_attr("type", "user")
        .with_attr("name", words(engine, request).name);
    let mut query = Element::new("query", DISCO_INFO).with_child(identity);
    for feature in [DISCO_INFO, DISCO_ITEMS, RSM, SEARCH, DATA_FORMS, PING] {
        query.push(Element::new("feature", DISCO_INFO).with_attr("var", feature));
    }
    query
}

/// Which of the fields are offered.
fn fields(engine: &Engine) -> &'static [&'static str] {
    if engine.settings.people.search_details { &["first", "last", "nick", "email"] } else { &["first", "last", "nick"] }
}

fn search(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if !request.set {
        return Ok(Answer::element(&ask(engine, request)));
    }
    let form = request.payload.child("x", DATA_FORMS);
    if form.is_some_and(|form| form.attr("type") == Some("cancel")) {
        return Ok(Answer::element(&Element::new("query", SEARCH)));
    }
    let query = parse(engine, &request.payload, form)?;
    let (request, form, paged) = (request.clone(), form.is_some(), request.payload.has_child("set", RSM));
    // One walk over all people at a time for each client, whatever it asks at once.
    engine.defer(request.session);
    engine.read(Read::Search(query), move |engine, reply| {
        match reply {
            Ok(Reply::People(found)) => answer(engine, &request, &found, form, paged),
            _ => engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError),
        }
        engine.deferred_done(request.session);
    });
    Ok(Answer::Later)
}

fn value(text: &str) -> Element {
    Element::new("value", DATA_FORMS).with_text(text)
}

fn field(var: &str, kind: &str, label: &str) -> Element {
    Element::new("field", DATA_FORMS).with_attr("var", var).with_attr("type", kind).with_attr("label", label)
}

fn form_type() -> Element {
    Element::new("field", DATA_FORMS).with_attr("var", "FORM_TYPE").with_attr("type", "hidden").with_child(value(SEARCH))
}

/// §2.1 and §3: the fields, for clients with and without forms.
fn ask(engine: &Engine, request: &Request) -> Element {
    let words = words(engine, request);
    let text = |name: &str, ns: &str, text: &str| Element::new(name, ns).with_text(text);
    let mut query = Element::new("query", SEARCH).with_child(text("instructions", SEARCH, words.instructions));
    let mut form = Element::new("x", DATA_FORMS)
        .with_attr("type", "form")
        .with_child(text("title", DATA_FORMS, words.name))
        .with_child(text("instructions", DATA_FORMS, words.instructions))
        .with_child(form_type())
        .with_child(field(ANY, "text-single", words.label(ANY)));
    for name in fields(engine) {
        query.push(Element::new(name, SEARCH));
        form.push(field(name, "text-single", words.label(name)));
    }
    query.with_child(form)
}

fn parse(engine: &Engine, payload: &Element, form: Option<&Element>) -> Result<SearchQuery, StanzaError> {
    let people = &engine.settings.people;
    let mut query =
        SearchQuery { contact_details: people.search_details, limit: people.results as usize, ..SearchQuery::default() };
    let mut said = Vec::new();
    match form {
        Some(form) if form.attr("type") != Some("submit") => return Err(bad_request("the form is not submitted")),
        Some(form) => {
            for field in form.children().filter(|child| child.is("field", DATA_FORMS)) {
                let var = field.attr("var").ok_or_else(|| bad_request("a field has no var"))?;
                said.push((var, field.child("value", DATA_FORMS).map(Element::text).unwrap_or_default()));
            }
        }
        None => said.extend(payload.children().filter(|child| child.ns() == SEARCH).map(|child| (child.name(), child.text()))),
    }
    for (name, text) in said {
        match name {
            "FORM_TYPE" if text == SEARCH => {}
            "FORM_TYPE" => return Err(bad_request("the form is not a search")),
            ANY if form.is_some() => query.any = text,
            "first" => query.first = text,
            "last" => query.last = text,
            "nick" => query.nick = text,
            "email" if people.search_details => query.mail = text,
            _ if text.trim().is_empty() || (name == "instructions" && form.is_none()) => {}
            // Without it the answer would be another one than was asked for.
            other => return Err(not_acceptable(&format!("there is no field {other}"))),
        }
    }
    if query.is_empty() {
        return Err(not_acceptable("nothing is asked for: fill in a field"));
    }
    if let Some(set) = payload.child("set", RSM) {
        page(&mut query, set)?;
    }
    Ok(query)
}

fn not_acceptable(text: &str) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text(text)
}

/// XEP-0059 §2.1, §2.2: a limit of the client's, and the page after somebody.
fn page(query: &mut SearchQuery, set: &Element) -> Result<(), StanzaError> {
    if let Some(max) = set.child("max", RSM) {
        let max: usize = max.text().trim().parse().map_err(|_| bad_request("max is not a number"))?;
        query.limit = query.limit.min(max);
    }
    if set.has_child("before", RSM) || set.has_child("index", RSM) {
        return Err(StanzaError::new(Condition::FeatureNotImplemented).with_text("pages are read forwards"));
    }
    if let Some(after) = set.child("after", RSM) {
        let jid = Jid::parse(&after.text()).map_err(|_| StanzaError::new(Condition::ItemNotFound))?;
        query.after = jid.local().map(str::to_owned);
    }
    Ok(())
}

fn answer(engine: &mut Engine, request: &Request, found: &FoundPeople, form: bool, paged: bool) {
    let domain = engine.domain.domain().to_owned();
    let address = |person: &FoundPerson| format!("{}@{domain}", person.name);
    let details = engine.settings.people.search_details;
    let mut query = Element::new("query", SEARCH);
    if form {
        query.push(result_form(words(engine, request), found, &address, details));
    } else {
        found.people.iter().for_each(|person| query.push(plain_item(person, address(person), details)));
    }
    // An answer that is not all of it says so (XEP-0059 §1).
    if paged || found.more {
        let mut set = Element::new("set", RSM);
        if let (Some(first), Some(last)) = (found.people.first(), found.people.last()) {
            set.push(Element::new("first", RSM).with_text(&address(first)));
            set.push(Element::new("last", RSM).with_text(&address(last)));
        }
        query.push(set);
    }
    let mut out = Vec::new();
    query.write(&mut out, CLIENT);
    engine.reply_result(request.session, &request.envelope, &out);
}

fn nick(person: &FoundPerson) -> &str {
    if person.display_name.is_empty() { &person.name } else { &person.display_name }
}

fn plain_item(person: &FoundPerson, address: String, details: bool) -> Element {
    let text = |name: &str, text: &str| Element::new(name, SEARCH).with_text(text);
    Element::new("item", SEARCH)
        .with_attr("jid", address)
        .with_child(text("first", &person.given_name))
        .with_child(text("last", &person.family_name))
        .with_child(text("nick", nick(person)))
        .with_child(text("email", if details { &person.mail } else { "" }))
}

/// The columns of an answer, and those that are shown only with contact details.
const COLUMNS: [&str; 7] = ["jid", "nick", "first", "last", "x-reading", "x-department", "x-title"];
const DETAILS: [&str; 2] = ["email", "x-telephone"];

fn result_form(words: &Words, found: &FoundPeople, address: &dyn Fn(&FoundPerson) -> String, details: bool) -> Element {
    let columns: Vec<&str> = COLUMNS.into_iter().chain(DETAILS.into_iter().filter(|_| details)).collect();
    let mut reported = Element::new("reported", DATA_FORMS);
    for column in &columns {
        reported.push(field(column, if *column == "jid" { "jid-single" } else { "text-single" }, words.label(column)));
    }
    let mut form = Element::new("x", DATA_FORMS).with_attr("type", "result").with_child(form_type()).with_child(reported);
    for person in &found.people {
        let mut item = Element::new("item", DATA_FORMS);
        for column in &columns {
            let text = match *column {
                "jid" => address(person),
                "nick" => nick(person).to_owned(),
                "first" => person.given_name.clone(),
                "last" => person.family_name.clone(),
                "x-reading" => person.phonetic_name.clone(),
                "x-department" => person.department.clone(),
                "x-title" => person.title.clone(),
                "email" => person.mail.clone(),
                _ => person.telephone.clone(),
            };
            item.push(Element::new("field", DATA_FORMS).with_attr("var", *column).with_child(value(&text)));
        }
        form.push(item);
    }
    form
}
