//! A small XMPP client for dialogues with a running node: it sends what the test writes, byte for byte, and waits for what
//! the test describes, with a deadline. Blocking; one thread can talk through several.

pub mod sasl;
mod transport;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

pub use self::sasl::Mechanism;
use self::sasl::Scram;
use self::transport::Transport;
use crate::xml::{Element, Incoming, StreamReader};

/// How the socket is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Clear,
    /// STARTTLS (RFC 6120 §5).
    StartTls,
    /// TLS from the first byte (XEP-0368).
    Direct,
}

/// Where a server is and how to trust it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub address: SocketAddr,
    /// The XMPP domain, also the name that the certificate must hold.
    pub domain: String,
    pub security: Security,
    /// Certificate of the authority that signed the server's; not needed with [`Security::Clear`].
    pub ca_pem: Option<String>,
}

/// A name and what proves it.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Localpart of the JID.
    pub user: &'a str,
    pub password: &'a str,
    pub mechanism: Mechanism,
}

impl<'a> Account<'a> {
    /// With SCRAM-SHA-1, which every server has.
    pub fn new(user: &'a str, password: &'a str) -> Self {
        Account { user, password, mechanism: Mechanism::ScramSha1 }
    }
}

/// What a cut stream can be resumed with (XEP-0198 §5).
#[derive(Clone, Debug)]
pub struct Resumption {
    /// The `id` (or `previd`) of `<enabled/>`.
    pub id: String,
    /// Stanzas handled by this client so far.
    pub handled: u32,
    /// The full JID of the session.
    pub jid: String,
}

/// Default deadline of every wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// One stream with a server.
pub struct Client {
    transport: Transport,
    endpoint: Endpoint,
    reader: StreamReader,
    /// Bytes that arrived and are not parsed yet.
    unread: Vec<u8>,
    /// Children of the stream that a wait passed over.
    skipped: VecDeque<Element>,
    /// The newest `<stream:features/>`.
    pub features: Element,
    /// The full JID after [`Client::bind`].
    pub jid: String,
    /// Deadline of every wait.
    pub patience: Duration,
    /// Whether `<r/>` is answered at once; on by default.
    pub answers_acks: bool,
    counting: Option<Counting>,
    ids: u32,
}

#[derive(Default)]
struct Counting {
    id: Option<String>,
    handled: u32,
}

impl Client {
    /// Connects, secures the socket as asked and reads the features; nobody is signed in yet.
    pub fn connect(endpoint: &Endpoint) -> Result<Client> {
        let transport = Transport::connect(endpoint.address, PATIENCE)?;
        let mut client = Client {
            transport,
            endpoint: endpoint.clone(),
            reader: StreamReader::default(),
            unread: Vec::new(),
            skipped: VecDeque::new(),
            features: Element::default(),
            jid: String::new(),
            patience: PATIENCE,
            answers_acks: true,
            counting: None,
            ids: 0,
        };
        match endpoint.security {
            Security::Clear => client.open_stream()?,
            Security::Direct => {
                client.secure()?;
                client.open_stream()?;
            }
            Security::StartTls => {
                client.open_stream()?;
                client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
                client.expect(|e| e.is("proceed"))?;
                client.secure()?;
                client.open_stream()?;
            }
        }
        Ok(client)
    }

    /// Connects, signs in and binds a resource; sends no presence.
    pub fn sign_in_to(endpoint: &Endpoint, account: Account<'_>, resource: &str) -> Result<Client> {
        let mut client = Client::connect(endpoint)?;
        client.authenticate(account)?;
        client.bind(Some(resource))?;
        Ok(client)
    }

    /// Connects, signs in and resumes an earlier stream; also returns the server's count `h` of what it got from us.
    pub fn resume(endpoint: &Endpoint, account: Account<'_>, earlier: &Resumption) -> Result<(Client, u32)> {
        let mut client = Client::connect(endpoint)?;
        client.authenticate(account)?;
        let Resumption { id, handled, jid } = earlier;
        client.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{handled}'/>"))?;
        let answer = client.expect(|e| e.is("resumed") || e.is("failed"))?;
        ensure!(answer.is("resumed"), "not resumed: {answer}");
        client.jid.clone_from(jid);
        client.counting = Some(Counting { id: Some(id.clone()), handled: *handled });
        let h = count(&answer)?;
        Ok((client, h))
    }

    fn secure(&mut self) -> Result<()> {
        let ca = self.endpoint.ca_pem.as_deref().context("TLS needs the authority's certificate")?;
        self.transport.secure(ca, &self.endpoint.domain)
    }

    /// Opens a stream (again, after TLS or sign-in) and waits for the features.
    pub fn open_stream(&mut self) -> Result<()> {
        self.reader = StreamReader::default();
        self.unread.clear();
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xml:lang='en' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>",
            self.endpoint.domain
        );
        self.send(&header)?;
        self.features = self.expect(|e| e.is("features"))?;
        Ok(())
    }

    /// Signs in and opens the new stream. A refusal is an error that names the server's condition.
    pub fn authenticate(&mut self, account: Account<'_>) -> Result<()> {
        match account.mechanism {
            Mechanism::Plain => {
                let answer = self.start_sasl("PLAIN", &sasl::plain(account.user, account.password))?;
                ensure!(answer.is("success"), "sign-in refused: {}", answer.condition().unwrap_or(&answer.name));
            }
            mechanism => self.scram(mechanism, account)?,
        }
        self.open_stream()
    }

    fn start_sasl(&mut self, mechanism: &str, initial: &str) -> Result<Element> {
        self.send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{initial}</auth>"))?;
        self.expect(|e| e.is("challenge") || e.is("success") || e.is("failure"))
    }

    fn scram(&mut self, mechanism: Mechanism, account: Account<'_>) -> Result<()> {
        let binding = match mechanism {
            Mechanism::ScramSha256Plus => self.transport.exporter()?,
            _ => Vec::new(),
        };
        let mut scram = Scram::new(mechanism, account.user, account.password, binding)?;
        let challenge = self.start_sasl(mechanism.name(), &scram.first())?;
        ensure!(challenge.is("challenge"), "sign-in refused: {}", challenge.condition().unwrap_or(&challenge.name));
        let response = scram.last(&challenge.text)?;
        self.send(&format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{response}</response>"))?;
        let end = self.expect(|e| e.is("success") || e.is("failure"))?;
        ensure!(end.is("success"), "sign-in refused: {}", end.condition().unwrap_or("no reason given"));
        scram.verify(&end.text)
    }

    /// Binds a resource, the server's choice when `None`; returns the full JID.
    pub fn bind(&mut self, resource: Option<&str>) -> Result<&str> {
        let resource = resource.map_or_else(String::new, |name| format!("<resource>{name}</resource>"));
        let bind = format!("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{resource}</bind>");
        let answer = self.iq("set", None, &bind)?;
        let jid = answer.at("bind/jid").with_context(|| format!("not bound: {answer}"))?;
        self.jid.clone_from(&jid.text);
        Ok(&self.jid)
    }

    /// Sends text as it is, well formed or not.
    pub fn send(&mut self, xml: &str) -> Result<()> {
        self.transport.write(xml.as_bytes()).with_context(|| format!("sending {}", shorten(xml)))
    }

    /// Sends bytes as they are, for what is not even text.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.transport.write(bytes)
    }

    /// Sends a request and returns its answer, `result` or `error`. `to` is the own account when `None`.
    pub fn iq(&mut self, kind: &str, to: Option<&str>, payload: &str) -> Result<Element> {
        self.ids += 1;
        let id = format!("q{}", self.ids);
        let to = to.map_or_else(String::new, |to| format!(" to='{to}'"));
        self.send(&format!("<iq type='{kind}' id='{id}'{to}>{payload}</iq>"))?;
        self.expect(|e| e.is("iq") && e.attr("id") == Some(&id) && matches!(e.attr("type"), Some("result" | "error")))
    }

    /// Returns the first stanza that fits, among those passed over earlier and those to come, and keeps the others for later
    /// waits. The error at the deadline tells what came instead.
    pub fn expect(&mut self, fits: impl Fn(&Element) -> bool) -> Result<Element> {
        if let Some(at) = self.skipped.iter().position(&fits) {
            return Ok(self.skipped.remove(at).unwrap_or_default());
        }
        let deadline = Instant::now() + self.patience;
        loop {
            match self.receive(deadline)? {
                Some(element) if fits(&element) => return Ok(element),
                Some(element) => self.skipped.push_back(element),
                None => bail!("the server closed the stream; what came: {}", self.came()),
            }
        }
    }

    /// Waits for the end of the stream: `</stream:stream>` or the end of the connection. What came before is kept.
    pub fn expect_close(&mut self) -> Result<()> {
        let deadline = Instant::now() + self.patience;
        while let Some(element) = self.receive(deadline)? {
            self.skipped.push_back(element);
        }
        Ok(())
    }

    /// A round trip with the own server (XEP-0199): everything that it had sent before its answer has now arrived, and is
    /// returned. Shows that something did *not* come, without waiting.
    pub fn barrier(&mut self) -> Result<Vec<Element>> {
        let domain = self.endpoint.domain.clone();
        self.iq("get", Some(&domain), "<ping xmlns='urn:xmpp:ping'/>")?;
        Ok(self.skipped.drain(..).collect())
    }

    /// Turns on stream management (XEP-0198); with `resumable` the stream can be resumed after a cut.
    pub fn enable_acks(&mut self, resumable: bool) -> Result<()> {
        let resume = if resumable { " resume='true'" } else { "" };
        self.send(&format!("<enable xmlns='urn:xmpp:sm:3'{resume}/>"))?;
        let answer = self.expect(|e| e.ns == "urn:xmpp:sm:3" && (e.is("enabled") || e.is("failed")))?;
        ensure!(answer.is("enabled"), "stream management refused: {answer}");
        self.counting = Some(Counting { id: answer.attr("id").map(str::to_owned), handled: 0 });
        Ok(())
    }

    /// Asks how many of our stanzas the server has handled.
    pub fn request_ack(&mut self) -> Result<u32> {
        self.send("<r xmlns='urn:xmpp:sm:3'/>")?;
        count(&self.expect(|e| e.is("a") && e.ns == "urn:xmpp:sm:3")?)
    }

    /// Tells the server how many of its stanzas we have handled.
    pub fn acknowledge(&mut self) -> Result<()> {
        let handled = self.counting.as_ref().map_or(0, |counting| counting.handled);
        self.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{handled}'/>"))
    }

    /// Drops the connection without a word, as a phone in a tunnel does.
    pub fn cut(self) -> Result<Resumption> {
        let counting = self.counting.context("stream management is off")?;
        let id = counting.id.context("the server gave no id to resume with")?;
        self.transport.abort();
        Ok(Resumption { id, handled: counting.handled, jid: self.jid })
    }

    /// Closes the stream and waits for the server to do the same.
    pub fn close(mut self) -> Result<()> {
        self.send("</stream:stream>")?;
        self.expect_close()
    }

    /// The next child of the stream; `None` at its end.
    fn receive(&mut self, deadline: Instant) -> Result<Option<Element>> {
        loop {
            let mut bytes = self.unread.as_slice();
            let incoming = self.reader.next(&mut bytes)?;
            let used = self.unread.len() - bytes.len();
            self.unread.drain(..used);
            match incoming {
                Some(Incoming::Child(element)) => {
                    self.note(&element)?;
                    return Ok(Some(element));
                }
                Some(Incoming::Open(_)) => {}
                Some(Incoming::Close) => return Ok(None),
                None if !self.read(deadline)? => return Ok(None),
                None => {}
            }
        }
    }

    /// Reads what has arrived, waiting for it until the deadline; false at the end of the connection.
    fn read(&mut self, deadline: Instant) -> Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("nothing that fits within {:?}; what came: {}", self.patience, self.came());
        }
        let mut piece = [0; 16 * 1024];
        match self.transport.read(&mut piece, left) {
            Ok(0) => Ok(false),
            Ok(length) => {
                self.unread.extend_from_slice(&piece[..length]);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => Ok(true),
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => {
                Ok(false)
            }
            Err(e) => Err(e).context("reading"),
        }
    }

    fn note(&mut self, element: &Element) -> Result<()> {
        let Some(counting) = &mut self.counting else { return Ok(()) };
        if matches!(element.name.as_str(), "message" | "presence" | "iq") {
            counting.handled = counting.handled.wrapping_add(1);
        }
        if element.is("r") && self.answers_acks { self.acknowledge() } else { Ok(()) }
    }

    fn came(&self) -> String {
        let all: Vec<String> = self.skipped.iter().map(|element| shorten(&element.to_string())).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(" ") }
    }
}

fn count(element: &Element) -> Result<u32> {
    let h = element.attr("h").with_context(|| format!("no count in {element}"))?;
    h.parse().with_context(|| format!("h={h:?}"))
}

fn shorten(text: &str) -> String {
    const SHOWN: usize = 300;
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).chain(['…']).collect() }
}
