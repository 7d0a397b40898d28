//! What every dialogue needs: nodes that many tests share, people whom no other test uses, sessions that speak and listen.
#![allow(dead_code, reason = "the vocabulary of dialogues; not every word is spoken yet")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use zaiseki_control::app::{App, import, settings};
use zaiseki_store::{Options, Store};
use zaiseki_stream::sasl::derive;
use zaiseki_testkit::node::{Node, NodeOptions};
pub use zaiseki_testkit::xml::Element;
use zaiseki_testkit::xmpp_client::{Account, Client, Mechanism, Resumption, Security};

/// Everybody's.
pub const PASSWORD: &str = "correct horse";
/// How long a session listens for what must come.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A node with many accounts that nobody has used yet.
pub struct Stage {
    pub node: Node,
    people: usize,
    next: AtomicUsize,
    _caretaker: Option<Child>,
}

impl Stage {
    /// A node with these live settings and this many accounts.
    pub fn open(changes: &[(&str, Value)], people: usize) -> Stage {
        Stage::open_with(NodeOptions::default(), changes, people)
    }

    /// The same with another configuration file.
    pub fn open_with(options: NodeOptions, changes: &[(&str, Value)], people: usize) -> Stage {
        let mut node = Node::prepare(env!("CARGO_BIN_EXE_zaiseki"), options).expect("a folder");
        furnish(&node, changes, people);
        node.restart().expect("a node");
        Stage { node, people, next: AtomicUsize::new(0), _caretaker: None }
    }

    /// A node that was furnished otherwise.
    pub fn of(node: Node) -> Stage {
        Stage { node, people: 0, next: AtomicUsize::new(0), _caretaker: None }
    }

    /// For a static: nothing drops it, so somebody else has to clean up.
    pub fn shared(self) -> Stage {
        let caretaker = caretaker(&self.node);
        Stage { _caretaker: Some(caretaker), ..self }
    }

    /// Somebody new.
    pub fn person(&self) -> Person<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(number < self.people, "this stage has only {} people", self.people);
        Person { stage: self, name: user_name(number), jid: format!("{}@{}", user_name(number), self.node.domain()) }
    }

    /// Somebody new with one available resource.
    pub fn online(&self) -> Session {
        self.person().online("desk")
    }

    /// Two people who see each other's presence, each with one available resource that asked for its roster.
    pub fn friends(&self) -> (Session, Session) {
        let (mut one, mut two) = (self.online(), self.online());
        befriend(&mut one, &mut two);
        (one, two)
    }

    pub fn domain(&self) -> &str {
        self.node.domain()
    }
}

/// The node that most tests share: settings as they come.
pub fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| Stage::open(&[], 600).shared())
}

/// A shared node where contacts decide for themselves who sees them.
pub fn asking_stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| Stage::open(&[("auto_authorize", false.into())], 200).shared())
}

/// Settings and accounts, before the node starts.
fn furnish(node: &Node, changes: &[(&str, Value)], people: usize) {
    std::fs::create_dir_all(node.data_dir()).expect("a folder");
    let store = Store::open(&node.data_dir(), node.domain(), Options::default(), Box::new(|_| {})).expect("a database");
    let app = App::open(store.clone(), node.domain(), &node.data_dir(), |_| {}).expect("the control plane");
    let changes: BTreeMap<String, Value> = changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    settings::put(&app, "test", &changes).expect("settings");
    let report = import::import(&app, "test", csv(people).as_bytes()).expect("people");
    assert_eq!((report.created, report.problems.len()), (people, 0), "{:?}", report.problems.first());
    drop(app);
    store.close();
}

/// The accounts as a file. They share their keys, since deriving them for everybody would take longer than many a test.
fn csv(people: usize) -> String {
    const ITERATIONS: u32 = 4_096;
    let salt = [7; 16];
    let (sha256, sha1) = derive::new_keys(PASSWORD, salt, ITERATIONS).expect("keys");
    let keys = [&sha256.stored_key, &sha256.server_key, &sha1.stored_key, &sha1.server_key].map(|key| BASE64.encode(key));
    let same = format!("{},{ITERATIONS},{}", BASE64.encode(salt), keys.join(","));
    let rows: String = (0..people).map(|number| format!("{},{same}\n", user_name(number))).collect();
    format!("userid,salt,iterations,sha256_stored_key,sha256_server_key,sha1_stored_key,sha1_server_key\n{rows}")
}

fn user_name(number: usize) -> String {
    format!("user{number}")
}

/// This process outlives the tests (its input ends with them), ends the node and removes its folder.
fn caretaker(node: &Node) -> Child {
    let pid = node.pid().expect("a running node").to_string();
    let folder = node.config().parent().expect("a folder").to_owned();
    let script = r#"read -r _; kill -9 "$1" 2>/dev/null; rm -rf "$2" || { sleep 1; rm -rf "$2"; }"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "caretaker", &pid]).arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell")
}

/// An account.
#[derive(Clone)]
pub struct Person<'a> {
    pub stage: &'a Stage,
    /// The localpart.
    pub name: String,
    /// The bare JID.
    pub jid: String,
}

impl Person<'_> {
    pub fn account(&self) -> Account<'_> {
        Account::new(&self.name, PASSWORD)
    }

    /// A bound resource that is not available yet.
    #[track_caller]
    pub fn sign_in(&self, resource: &str) -> Session {
        let endpoint = self.stage.node.endpoint(Security::Clear).expect("an endpoint");
        let client = Client::sign_in_to(&endpoint, self.account(), resource).expect("signed in");
        Session::new(client, &self.jid, self.stage.domain())
    }

    /// An available resource.
    #[track_caller]
    pub fn online(&self, resource: &str) -> Session {
        self.with_priority(resource, 0)
    }

    /// An available resource of this priority.
    #[track_caller]
    pub fn with_priority(&self, resource: &str, priority: i8) -> Session {
        let mut session = self.sign_in(resource);
        session.show(&format!("<priority>{priority}</priority>"));
        session
    }

    /// Takes up a stream that was cut.
    #[track_caller]
    pub fn resume(&self, earlier: &Resumption) -> (Session, u32) {
        let (client, h) = self.try_resume(earlier).expect("resumed");
        (Session::new(client, &self.jid, self.stage.domain()), h)
    }

    pub fn try_resume(&self, earlier: &Resumption) -> anyhow::Result<(Client, u32)> {
        Client::resume(&self.stage.node.endpoint(Security::Clear)?, self.account(), earlier)
    }

    /// A connection under TLS, with nobody signed in.
    #[track_caller]
    pub fn connect(&self, security: Security) -> Client {
        connect(self.stage, security)
    }

    #[track_caller]
    pub fn authenticate(&self, client: &mut Client, mechanism: Mechanism) {
        client.authenticate(Account { mechanism, ..self.account() }).expect("signed in");
    }
}

/// A stream whose features have come.
#[track_caller]
pub fn connect(stage: &Stage, security: Security) -> Client {
    let mut client = Client::connect(&stage.node.endpoint(security).expect("an endpoint")).expect("a stream");
    client.patience = PATIENCE;
    client
}

/// One side of a dialogue. Everything that does not happen as it should is a panic that tells what came instead.
pub struct Session {
    pub client: Client,
    /// The full JID.
    pub jid: String,
    /// The bare JID.
    pub bare: String,
    domain: String,
}

impl Session {
    pub fn new(mut client: Client, bare: &str, domain: &str) -> Session {
        client.patience = PATIENCE;
        let jid = client.jid.clone();
        Session { client, jid, bare: bare.to_owned(), domain: domain.to_owned() }
    }

    /// Sends XML as it stands.
    #[track_caller]
    pub fn say(&mut self, xml: impl AsRef<str>) {
        self.client.send(xml.as_ref()).expect("sent");
    }

    /// A chat message with this body.
    #[track_caller]
    pub fn chat(&mut self, to: &str, text: &str) {
        self.say(format!("<message to='{to}' type='chat'><body>{text}</body></message>"));
    }

    /// Waits for what fits; the rest stays for later.
    #[track_caller]
    pub fn hear(&mut self, fits: impl Fn(&Element) -> bool) -> Element {
        match self.client.expect(fits) {
            Ok(element) => element,
            Err(error) => panic!("{} waits in vain: {error:#}", self.jid),
        }
    }

    /// Everything that the server sent before now and nobody has listened for.
    #[track_caller]
    pub fn heard(&mut self) -> Vec<Element> {
        self.client.barrier().expect("an answer to a ping")
    }

    /// The messages among [`Session::heard`].
    #[track_caller]
    pub fn heard_messages(&mut self) -> Vec<Element> {
        self.heard().into_iter().filter(|e| e.is("message")).collect()
    }

    /// Nothing that fits has come so far. Forgets what has.
    #[track_caller]
    pub fn hears_no(&mut self, fits: impl Fn(&Element) -> bool) {
        let heard = self.heard();
        if let Some(unwanted) = heard.iter().find(|e| fits(e)) {
            panic!("{} hears {unwanted}", self.jid);
        }
    }

    /// Available, with this content; waits until it is so.
    #[track_caller]
    pub fn show(&mut self, content: &str) {
        let jid = self.jid.clone();
        self.say(format!("<presence>{content}</presence>"));
        self.hear(presence("", &jid));
    }

    /// The roster, from now on with pushes.
    #[track_caller]
    pub fn roster(&mut self) -> Vec<Element> {
        self.get("<query xmlns='jabber:iq:roster'/>").child("query").map(|q| q.children.clone()).unwrap_or_default()
    }

    /// The item of one contact.
    #[track_caller]
    pub fn contact(&mut self, jid: &str) -> Option<Element> {
        self.roster().into_iter().find(|item| item.attr("jid") == Some(jid))
    }

    /// The item of the next roster push about a contact.
    #[track_caller]
    pub fn pushed(&mut self, jid: &str) -> Element {
        let push = self.hear(|e| roster_push(e).is_some_and(|item| item.attr("jid") == Some(jid)));
        roster_push(&push).cloned().expect("it fitted")
    }

    /// A request to the own account that must succeed.
    #[track_caller]
    pub fn get(&mut self, payload: &str) -> Element {
        granted(self.ask("get", "", payload))
    }

    /// A change of the own account that must succeed.
    #[track_caller]
    pub fn set(&mut self, payload: &str) -> Element {
        granted(self.ask("set", "", payload))
    }

    /// A request; `to` may be empty. Returns result or error.
    #[track_caller]
    pub fn ask(&mut self, kind: &str, to: &str, payload: &str) -> Element {
        let to = Some(to).filter(|to| !to.is_empty());
        self.client.iq(kind, to, payload).expect("an answer")
    }

    /// Signs off as one should.
    #[track_caller]
    pub fn leave(self) {
        self.client.close().expect("a closed stream");
    }

    /// Loses the connection. What the client had heard is acknowledged as handled when it resumes.
    #[track_caller]
    pub fn cut(self) -> Resumption {
        self.client.cut().expect("stream management")
    }

    pub fn domain(&self) -> String {
        self.domain.clone()
    }
}

#[track_caller]
fn granted(answer: Element) -> Element {
    assert_eq!(answer.attr("type"), Some("result"), "{answer}");
    answer
}

/// The item of a roster push.
pub fn roster_push(e: &Element) -> Option<&Element> {
    (e.is("iq") && e.attr("type") == Some("set")).then(|| e.at("query/item")).flatten()
}

/// A message with this body.
pub fn body(text: &str) -> impl Fn(&Element) -> bool + '_ {
    move |e| e.is("message") && e.child_text("body") == text
}

/// A presence of this type, empty for available, from this address.
pub fn presence<'a>(kind: &'a str, from: &'a str) -> impl Fn(&Element) -> bool + 'a {
    move |e| e.is("presence") && e.attr("type").unwrap_or_default() == kind && e.attr("from") == Some(from)
}

/// Any presence from this bare or full address.
pub fn presence_of<'a>(from: &'a str) -> impl Fn(&Element) -> bool + 'a {
    move |e| e.is("presence") && e.attr("from").is_some_and(|jid| jid == from || jid.split('/').next() == Some(from))
}

/// An error about the stanza with this id.
pub fn error_for(id: &str) -> impl Fn(&Element) -> bool + '_ {
    move |e| e.attr("type") == Some("error") && e.attr("id") == Some(id)
}

/// `stanza` is an error with this type and condition (RFC 6120 §8.3).
#[track_caller]
pub fn assert_error(stanza: &Element, kind: &str, condition: &str) {
    assert_eq!(stanza.attr("type"), Some("error"), "{stanza}");
    let error = stanza.child("error").unwrap_or_else(|| panic!("no <error/> in {stanza}"));
    assert_eq!(error.attr("type"), Some(kind), "{stanza}");
    let defined = error.child_ns(condition, "urn:ietf:params:xml:ns:xmpp-stanzas");
    assert!(defined.is_some(), "{condition} was due: {stanza}");
}

/// Both see each other's presence from now on, have their rosters, and have heard all that came of it.
#[track_caller]
pub fn befriend(one: &mut Session, two: &mut Session) {
    one.roster();
    two.roster();
    for swapped in [false, true] {
        let (a, b) = if swapped { (&mut *two, &mut *one) } else { (&mut *one, &mut *two) };
        a.say(format!("<presence to='{}' type='subscribe'/>", b.bare));
        let jid = b.bare.clone();
        a.hear(presence("subscribed", &jid));
    }
    for session in [one, two] {
        session.heard();
    }
}
