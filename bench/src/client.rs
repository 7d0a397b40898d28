//! A cheap XMPP client: enough of RFC 6120 to sign in and then as little as possible between socket and scenario.

use crate::scram::{Exchange, Hash, Keys};
use crate::xml::{self, Piece, Splitter};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest wait for one answer of a server under load.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The resource every session binds.
pub const RESOURCE: &str = "bench";

/// Where a server listens, and how to sign in to it.
#[derive(Clone)]
pub struct Target {
    pub domain: String,
    /// Clear text.
    pub plain: SocketAddr,
    /// Direct TLS (XEP-0368).
    pub tls: SocketAddr,
    pub connector: TlsConnector,
    pub hash: Hash,
}

/// A user of the server; remembers the SCRAM keys between sign-ins.
pub struct Account {
    pub name: String,
    pub password: String,
    keys: Mutex<Option<(Vec<u8>, NonZeroU32, Keys)>>,
}

impl Account {
    pub fn new(name: String, password: String) -> Account {
        Account { name, password, keys: Mutex::new(None) }
    }

    fn keys(&self, hash: Hash, salt: &[u8], iterations: NonZeroU32) -> Result<Keys> {
        let mut kept = self.keys.lock().ok().context("keys are poisoned")?;
        if let Some((s, i, keys)) = &*kept
            && s == salt
            && *i == iterations
        {
            return Ok(keys.clone());
        }
        let keys = Keys::derive(hash, &self.password, salt, iterations);
        *kept = Some((salt.to_vec(), iterations, keys.clone()));
        Ok(keys)
    }
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut task::Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Io::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Io::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut task::Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Io::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Io::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Io::Plain(s) => Pin::new(s).poll_flush(cx),
            Io::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Io::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Io::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

/// What a top-level element is, as far as scenarios care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Message,
    Presence,
    Iq,
    /// XEP-0198 `<r/>`.
    AckRequest,
    /// XEP-0198 `<a/>`.
    Ack,
    Other,
}

impl Kind {
    pub fn of(element: &[u8]) -> Kind {
        const KINDS: [(&str, Kind); 5] = [
            ("message", Kind::Message),
            ("presence", Kind::Presence),
            ("iq", Kind::Iq),
            ("r", Kind::AckRequest),
            ("a", Kind::Ack),
        ];
        KINDS.iter().find(|(name, _)| xml::is_named(element, name)).map_or(Kind::Other, |(_, kind)| *kind)
    }
}

/// A stream to the server. Fields are public so that a scenario can read elements out of `splitter` while it writes to
/// `out`.
pub struct Session {
    io: Io,
    pub splitter: Splitter,
    /// Bytes to be written by [`Session::flush`].
    pub out: Vec<u8>,
    pub jid: String,
    /// Stanzas received since stream management was enabled (XEP-0198 §4, modulo 2³²).
    pub inbound: u32,
}

impl Session {
    /// Connects, authenticates by SCRAM and binds [`RESOURCE`]: a session, but no presence yet.
    ///
    /// # Errors
    /// The server closed or refused at any step, or did not answer within [`PATIENCE`].
    pub async fn sign_in(target: &Target, account: &Account, tls: bool) -> Result<Session> {
        let work = async {
            let mut session = Session::connect(target, tls).await?;
            let features = session.open(&target.domain).await?;
            let mechanism = target.hash.mechanism();
            ensure!(
                memchr::memmem::find(&features, format!(">{mechanism}<").as_bytes()).is_some(),
                "{mechanism} is not offered: {}",
                xml::shown(&features)
            );
            session.authenticate(target.hash, account).await?;
            session.splitter.restart();
            session.open(&target.domain).await?;
            session.bind().await?;
            Ok(session)
        };
        let done = tokio::time::timeout(PATIENCE, work).await;
        done.context("no answer").flatten().with_context(|| format!("sign-in of {}", account.name))
    }

    async fn connect(target: &Target, tls: bool) -> Result<Session> {
        let stream = TcpStream::connect(if tls { target.tls } else { target.plain }).await?;
        stream.set_nodelay(true)?;
        let io = if tls {
            let name = rustls::pki_types::ServerName::try_from(target.domain.clone())?;
            Io::Tls(Box::new(target.connector.connect(name, stream).await?))
        } else {
            Io::Plain(stream)
        };
        Ok(Session { io, splitter: Splitter::default(), out: Vec::new(), jid: String::new(), inbound: 0 })
    }

    /// Opens a stream and returns the features.
    async fn open(&mut self, domain: &str) -> Result<Vec<u8>> {
        write!(
            self.out,
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        )?;
        let features = self.ask().await?;
        ensure!(xml::is_named(&features, "stream:features"), "no features: {}", xml::shown(&features));
        Ok(features)
    }

    async fn authenticate(&mut self, hash: Hash, account: &Account) -> Result<()> {
        let exchange = Exchange::new(&account.name)?;
        let (mechanism, first) = (hash.mechanism(), BASE64.encode(exchange.first()));
        write!(self.out, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{first}</auth>")?;
        let server_first = sasl_text(&self.ask().await?, "challenge")?;
        let challenge = exchange.challenge(&server_first)?;
        let keys = account.keys(hash, &challenge.salt, challenge.iterations)?;
        let (last, signature) = exchange.answer(&server_first, challenge.nonce, &keys);
        write!(self.out, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</response>", BASE64.encode(last))?;
        let proof = sasl_text(&self.ask().await?, "success")?;
        ensure!(proof == signature, "the server does not know the key");
        Ok(())
    }

    async fn bind(&mut self) -> Result<()> {
        write!(
            self.out,
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{RESOURCE}</resource></bind></iq>"
        )?;
        let answer = self.ask().await?;
        let jid = xml::text(&answer, "jid").with_context(|| format!("not bound: {}", xml::shown(&answer)))?;
        self.jid = String::from_utf8(jid.to_vec())?;
        Ok(())
    }

    /// Enables stream management with resumption, as clients do (XEP-0198 §3).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn enable_management(&mut self) -> Result<()> {
        self.out.extend_from_slice(b"<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
        self.flush().await?;
        loop {
            let element = self.element().await?;
            if Kind::of(&element) == Kind::Other {
                ensure!(xml::is_named(&element, "enabled"), "no stream management: {}", xml::shown(&element));
                self.inbound = 0;
                return Ok(());
            }
        }
    }

    /// Sends initial presence and waits until the server shows it to this session itself (RFC 6121 §4.2.2).
    pub async fn become_available(&mut self) -> Result<()> {
        self.out.extend_from_slice(b"<presence/>");
        self.flush().await?;
        loop {
            let element = self.element().await?;
            if Kind::of(&element) == Kind::Presence && xml::attr(&element, "from") == Some(self.jid.as_bytes()) {
                return Ok(());
            }
        }
    }

    /// Writes what waits in `out` as one piece.
    pub async fn flush(&mut self) -> Result<()> {
        if !self.out.is_empty() {
            self.io.write_all(&self.out).await?;
            self.out.clear();
            self.io.flush().await?;
        }
        Ok(())
    }

    /// Reads once into the splitter; can be cancelled without loss.
    ///
    /// # Errors
    /// The server closed the connection.
    pub async fn fill(&mut self) -> Result<()> {
        let space = self.splitter.space();
        space.reserve(4096);
        ensure!(self.io.read_buf(space).await? > 0, "the server closed the connection of {}", self.jid);
        Ok(())
    }

    /// The next element, copied; for exchanges outside hot paths.
    pub async fn element(&mut self) -> Result<Vec<u8>> {
        loop {
            loop {
                match self.splitter.next()? {
                    Some(Piece::Element(element)) if xml::is_named(element, "stream:error") => {
                        bail!("stream error: {}", xml::shown(element))
                    }
                    Some(Piece::Element(element)) => return Ok(element.to_vec()),
                    Some(Piece::Open(_)) => {}
                    Some(Piece::Close) => bail!("the server closed the stream of {}", self.jid),
                    None => break,
                }
            }
            tokio::time::timeout(PATIENCE, self.fill()).await.context("no answer")??;
        }
    }

    async fn ask(&mut self) -> Result<Vec<u8>> {
        self.flush().await?;
        self.element().await
    }

    /// Closes the stream and waits for the server to do the same. Elements still on their way are handed to `late`.
    pub async fn close(mut self, mut late: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.out.extend_from_slice(b"</stream:stream>");
        self.flush().await?;
        loop {
            loop {
                match self.splitter.next()? {
                    Some(Piece::Element(element)) => late(element)?,
                    Some(Piece::Open(_)) => {}
                    Some(Piece::Close) => return Ok(()),
                    None => break,
                }
            }
            let filled = tokio::time::timeout(PATIENCE, self.fill()).await.context("the stream is not closed")?;
            if filled.is_err() {
                // Some servers close the connection without a word; the session is over all the same.
                return Ok(());
            }
        }
    }
}

fn sasl_text(element: &[u8], name: &str) -> Result<String> {
    let text = xml::text(element, name).with_context(|| format!("no {name}: {}", xml::shown(element)))?;
    Ok(String::from_utf8(BASE64.decode(text)?)?)
}

/// A connector for the test's own servers on loopback: TLS 1.2 and 1.3, any certificate, full handshakes only (a kept
/// session would make sign-ins cheaper than a morning's first one).
pub fn connector() -> Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Accepts every certificate: the servers are our own children on loopback with throw-away certificates.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

mod verify {
    use super::AnyCertificate;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_whole_name() {
        assert_eq!(Kind::of(b"<a xmlns='urn:xmpp:sm:3' h='1'/>"), Kind::Ack);
        assert_eq!(Kind::of(b"<r xmlns='urn:xmpp:sm:3'/>"), Kind::AckRequest);
        assert_eq!(Kind::of(b"<resumed h='1'/>"), Kind::Other);
        assert_eq!(Kind::of(b"<presence/>"), Kind::Presence);
    }
}
