//! A conversation with the state machine: what the client says, what it hears, and which steps the shell had to do.

#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Arc;
use zaiseki_model::sign_in::{Proof, Verdict};
use zaiseki_model::{Credentials, UserId};
use zaiseki_stream::c2s::{C2s, C2sConfig, Framing, Opening, Phase, Step, TlsInfo, messages};
use zaiseki_stream::sasl;
use zaiseki_xmpp::jid::{BareJid, FullJid};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{FrameKind, Framer, Limits, Mode, Stanza};

pub const STREAM: &str =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>";
pub const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s1' from='example.org' version='1.0' xml:lang='en'>";
pub const CLOSE: &str = "</stream:stream>";
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";

pub fn config() -> C2sConfig {
    C2sConfig {
        domain: BareJid::new(None, "example.org").unwrap(),
        server_secret: [5; 32],
        clear_text_auth: false,
        starttls: true,
        sm: true,
        extra_features: vec![Element::new("csi", "urn:xmpp:csi:0")],
        max_auth_tries: 3,
    }
}

pub fn tls() -> TlsInfo {
    TlsInfo { exporter: Some([0xe0; 32]), end_point: Some(vec![0xee; 32]) }
}

/// What the server said, as one string; with WebSocket the messages stand on lines of their own.
pub struct Talk {
    pub c2s: C2s,
    framing: Framing,
    framer: Framer,
    buffer: Vec<u8>,
    users: HashMap<String, Credentials>,
    /// The steps that were not [`Step::More`].
    pub steps: Vec<String>,
    /// Answers to give to [`Step::Bind`] other than success.
    pub bind_error: Option<zaiseki_xmpp::stanza::StanzaError>,
    /// Leave questions open.
    pub silent: bool,
    /// The answer to [`Step::Verify`].
    pub verdict: Verdict,
    /// What [`Talk::offering`] heard.
    pub said: String,
    streams: u8,
}

impl Talk {
    pub fn with(cfg: C2sConfig, framing: Framing, tls: Option<TlsInfo>, loopback: bool) -> Talk {
        let c2s = C2s::new(Arc::new(cfg), framing, tls, loopback, "s1".to_owned(), [1; 18]);
        let mode = if framing == Framing::Tcp { Mode::Stream } else { Mode::Document };
        let framer = Framer::new(mode, Limits::default());
        let users = HashMap::from([("anna".to_owned(), user(1, "secret", true)), ("gone".to_owned(), user(2, "secret", false))]);
        Talk {
            c2s,
            framing,
            framer,
            buffer: vec![],
            users,
            steps: vec![],
            bind_error: None,
            silent: false,
            verdict: Verdict::Refused,
            said: String::new(),
            streams: 1,
        }
    }

    pub fn clear() -> Talk {
        Talk::with(config(), Framing::Tcp, None, false)
    }

    /// Direct TLS, stream opened.
    pub fn secure() -> Talk {
        let mut talk = Talk::with(config(), Framing::Tcp, Some(tls()), false);
        talk.say(STREAM);
        talk
    }

    /// As [`Talk::secure`], with other mechanisms.
    pub fn offering(offers: sasl::Offers) -> Talk {
        let mut talk = Talk::with(config(), Framing::Tcp, Some(tls()), false);
        talk.c2s = talk.c2s.offering(offers);
        talk.said = talk.say(STREAM);
        talk
    }

    /// Signed in, stream opened again.
    pub fn signed_in() -> Talk {
        let mut talk = Talk::secure();
        talk.say(&plain("anna", "secret"));
        talk.say(STREAM);
        talk.steps.clear();
        talk
    }

    pub fn bound() -> Talk {
        let mut talk = Talk::signed_in();
        talk.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        talk.steps.clear();
        assert_eq!(talk.c2s.phase(), Phase::Bound);
        talk
    }

    /// Says something; returns what is heard.
    pub fn say(&mut self, text: &str) -> String {
        let mut out = Vec::new();
        self.buffer.extend_from_slice(text.as_bytes());
        loop {
            match self.framer.next(&self.buffer) {
                Ok(Some(frame)) => {
                    let (kind, end) = (frame.kind, frame.end);
                    let stanza = frame.stanza(&self.buffer);
                    self.buffer.drain(..end);
                    let step = self.c2s.frame(kind, &stanza, &mut out);
                    self.act(step, &mut out);
                }
                Ok(None) => break,
                Err(error) => {
                    self.c2s.xml_error(&error, &mut out);
                    self.buffer.clear();
                    break;
                }
            }
        }
        self.heard(out)
    }

    pub fn open_bosh(&mut self, opening: &Opening<'_>) -> String {
        let mut out = Vec::new();
        let step = self.c2s.open(opening, &mut out);
        self.act(step, &mut out);
        self.heard(out)
    }

    /// Feeds a frame as the framer would not.
    pub fn feed(&mut self, kind: FrameKind, stanza: &Stanza) -> String {
        let mut out = Vec::new();
        let step = self.c2s.frame(kind, stanza, &mut out);
        self.act(step, &mut out);
        self.heard(out)
    }

    pub fn heard(&self, out: Vec<u8>) -> String {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match self.framing {
            Framing::WebSocket => messages(&out).map(text).collect::<Vec<_>>().join("\n"),
            _ => text(&out),
        }
    }

    fn act(&mut self, step: Step, out: &mut Vec<u8>) {
        self.steps.extend(name(&step));
        if self.silent {
            return;
        }
        match step {
            Step::FindCredentials { local } => {
                assert!(self.c2s.is_waiting());
                let next = self.c2s.credentials(self.users.get(&local).cloned(), out);
                self.act(next, out);
            }
            Step::CheckPassword { credentials, password } => {
                let ok = sasl::verify_password(&credentials, password.expose());
                let next = self.c2s.password_checked(ok, out);
                self.act(next, out);
            }
            Step::Verify(proof) => {
                assert!(self.c2s.is_waiting());
                let next = self.c2s.verified(self.verdict.clone(), out);
                drop(proof);
                self.act(next, out);
            }
            Step::Authenticated => self.restart(),
            Step::StartTls => {
                self.buffer.clear();
                self.restart();
                self.c2s.tls_done(tls());
            }
            Step::Bind { resource } => {
                let user = self.c2s.user().unwrap().jid().clone();
                let jid = user.with_resource(resource.as_deref().unwrap_or("made")).unwrap();
                let result: Result<FullJid, _> = self.bind_error.take().map_or(Ok(jid), Err);
                self.c2s.bound(result, out);
            }
            Step::More | Step::AuthFailed { .. } | Step::Resume { .. } | Step::Session | Step::Deliver | Step::Close => {}
        }
    }

    fn restart(&mut self) {
        self.framer.reset();
        self.streams += 1;
        self.c2s.seed(format!("s{}", self.streams), [self.streams; 18]);
    }

    /// The steps since the last call.
    pub fn steps(&mut self) -> String {
        std::mem::take(&mut self.steps).join(" ")
    }
}

fn name(step: &Step) -> Option<String> {
    Some(match step {
        Step::More => return None,
        Step::StartTls => "starttls".to_owned(),
        Step::FindCredentials { local } => format!("find({local})"),
        Step::CheckPassword { credentials, .. } => format!("check({})", credentials.user != UserId([0; 16])),
        Step::Verify(Proof::Password { local, password }) => format!("verify({local},{password})"),
        Step::Verify(Proof::Token(token)) => format!("verify({token})"),
        Step::AuthFailed { local } => format!("failed({local})"),
        Step::Authenticated => "authenticated".to_owned(),
        Step::Bind { resource } => format!("bind({})", resource.as_deref().unwrap_or("-")),
        Step::Resume { token, h } => format!("resume({token},{h})"),
        Step::Session => "session".to_owned(),
        Step::Deliver => "deliver".to_owned(),
        Step::Close => "close".to_owned(),
    })
}

fn user(id: u8, password: &str, enabled: bool) -> Credentials {
    let (sha256, sha1) = sasl::new_keys(password, [id; 16], 16).unwrap();
    Credentials {
        user: UserId([id; 16]),
        name: if id == 1 { "anna" } else { "gone" }.to_owned(),
        enabled,
        sha256: Some(sha256),
        sha1: Some(sha1),
    }
}

pub fn base64(data: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(data)
}

pub fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

pub fn auth(mechanism: &str, data: impl AsRef<[u8]>) -> String {
    format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{}</auth>", base64(data))
}

pub fn response(data: impl AsRef<[u8]>) -> String {
    format!("<response xmlns='{SASL}'>{}</response>", base64(data))
}

pub fn plain(user: &str, password: &str) -> String {
    auth("PLAIN", format!("\0{user}\0{password}"))
}

pub fn failure(condition: &str) -> String {
    format!("<failure xmlns='{SASL}'><{condition}/></failure>")
}

pub fn stream_error(condition: &str, text: Option<&str>) -> String {
    let ns = "urn:ietf:params:xml:ns:xmpp-streams";
    let text = text.map(|t| format!("<text xmlns='{ns}' xml:lang='en'>{t}</text>")).unwrap_or_default();
    format!("<stream:error><{condition} xmlns='{ns}'/>{text}</stream:error>{CLOSE}")
}
