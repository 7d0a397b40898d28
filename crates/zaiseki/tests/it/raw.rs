//! A connection below XMPP: bytes out, text in, whatever they mean.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

const PATIENCE: Duration = Duration::from_secs(15);

/// Opens a stream as a well-behaved client does.
pub const HEADER: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xml:lang='en' xmlns='jabber:client' \
                          xmlns:stream='http://etherx.jabber.org/streams'>";

pub struct Raw {
    socket: TcpStream,
    tls: Option<Box<StreamOwned<ClientConnection, TcpStream>>>,
    /// Everything that came, since the last time it was taken.
    text: Vec<u8>,
}

impl Raw {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Raw {
        let socket = TcpStream::connect(address).expect("connected");
        socket.set_nodelay(true).expect("an option");
        socket.set_write_timeout(Some(PATIENCE)).expect("an option");
        Raw { socket, tls: None, text: Vec::new() }
    }

    /// Connects, opens a stream, and reads the features.
    #[track_caller]
    pub fn stream(address: SocketAddr) -> Raw {
        let mut raw = Raw::connect(address);
        raw.open();
        raw
    }

    #[track_caller]
    pub fn open(&mut self) -> String {
        self.send(HEADER);
        self.until("</stream:features>")
    }

    /// Sends bytes; the server may have closed the connection meanwhile.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let written = match &mut self.tls {
            Some(tls) => tls.write_all(bytes.as_ref()).and_then(|()| tls.flush()),
            None => self.socket.write_all(bytes.as_ref()),
        };
        if let Err(error) = written {
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
        }
    }

    /// Sends this over and over and reads nothing, until the server takes no more or the time is over.
    pub fn flood(&mut self, text: &str, time: Duration) {
        let end = Instant::now() + time;
        self.socket.set_write_timeout(Some(time)).expect("an option");
        while Instant::now() < end && self.socket.write_all(text.as_bytes()).is_ok() {}
    }

    /// Reads until `end` has come; returns everything up to there.
    #[track_caller]
    pub fn until(&mut self, end: impl AsRef<[u8]>) -> String {
        let (deadline, end) = (Instant::now() + PATIENCE, end.as_ref());
        loop {
            if let Some(at) = find(&self.text, end) {
                let rest = self.text.split_off(at + end.len());
                return String::from_utf8_lossy(&std::mem::replace(&mut self.text, rest)).into_owned();
            }
            assert!(self.read(deadline), "closed before {}: {}", end.escape_ascii(), String::from_utf8_lossy(&self.text));
        }
    }

    /// Reads until the server closes the connection; returns everything.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline) {}
        String::from_utf8_lossy(&std::mem::take(&mut self.text)).into_owned()
    }

    /// One read; false at the end of the connection.
    #[track_caller]
    fn read(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "the server says no more: {}", String::from_utf8_lossy(&self.text));
        self.socket.set_read_timeout(Some(left)).expect("an option");
        let mut piece = [0; 4096];
        let read = match &mut self.tls {
            Some(tls) => tls.read(&mut piece),
            None => self.socket.read(&mut piece),
        };
        match read {
            // TLS would write first what it could not write before, and the other end takes no more.
            Err(e) if self.tls.is_some() && matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.read_last()
            }
            Ok(length) => {
                self.text.extend_from_slice(&piece[..length]);
                length > 0
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => true,
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => false,
            Err(e) => panic!("reading: {e}"),
        }
    }

    /// Reads what came under TLS before the connection broke; false at its end.
    fn read_last(&mut self) -> bool {
        let Some(tls) = &mut self.tls else { return false };
        let more = matches!(tls.conn.read_tls(&mut tls.sock), Ok(length) if length > 0);
        let more = more && tls.conn.process_new_packets().is_ok();
        // Nothing yet, or the end without a goodbye: what has come is kept.
        let _end = tls.conn.reader().read_to_end(&mut self.text);
        more
    }

    /// TLS on the socket, from now on.
    #[track_caller]
    pub fn secure(&mut self, config: ClientConfig) {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("TLS");
        let mut socket = self.socket.try_clone().expect("a socket");
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).expect("a handshake");
        }
        self.tls = Some(Box::new(StreamOwned::new(tls, socket)));
    }

    /// The TLS connection, once there is one.
    pub fn tls(&self) -> &ClientConnection {
        &self.tls.as_ref().expect("TLS").conn
    }

    /// The server's certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.tls().peer_certificates().and_then(|chain| chain.first()).expect("a certificate").clone().into_owned()
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// The name of the condition of the stream error in `text`.
#[track_caller]
pub fn stream_error(text: &str) -> &str {
    let inside = text.split_once("<stream:error>").unwrap_or_else(|| panic!("no stream error: {text:?}")).1;
    inside.trim_start_matches('<').split([' ', '/', '>']).next().unwrap_or_default()
}
