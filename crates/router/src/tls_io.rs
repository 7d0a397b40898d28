//! A socket with or without TLS, without a buffer while idle: TLS state is driven by hand, reads go through a buffer that
//! all connections of a thread share.

use bytes::BytesMut;
use rustls::ServerConnection;
use std::cell::RefCell;
use std::io::{self, Read, Write};
use tokio::net::TcpStream;

/// Bytes taken from the socket at once.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connection to a client.
pub struct Io {
    tcp: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum Got {
    /// Plain text was appended, or at least the TLS state moved on.
    Some,
    Nothing,
    End,
}

impl Io {
    pub fn new(tcp: TcpStream) -> Self {
        Io { tcp, tls: None }
    }

    /// From here on every byte is TLS.
    pub fn start_tls(&mut self, mut tls: ServerConnection) {
        // The outbox has its own limit; a second one here would only split writes.
        tls.set_buffer_limit(None);
        self.tls = Some(Box::new(tls));
    }

    pub fn tls(&self) -> Option<&ServerConnection> {
        self.tls.as_deref()
    }

    pub fn handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Something encrypted still waits for the socket.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.tcp.readable().await
    }

    pub async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// Reads what is there, up to one buffer, and appends the plain text to `input`.
    pub fn read(&mut self, input: &mut BytesMut) -> io::Result<Got> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let n = match self.tcp.try_read(buffer) {
                Ok(0) => return Ok(Got::End),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Got::Nothing),
                Err(e) => return Err(e),
            };
            match &mut self.tls {
                None => input.extend_from_slice(&buffer[..n]),
                Some(tls) => decrypt(tls, &buffer[..n], input)?,
            }
            Ok(Got::Some)
        })
    }

    /// Writes as much of `bytes` as the socket takes now and says how much that was. TLS takes all and keeps the rest.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => match self.tcp.try_write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
                other => other,
            },
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                self.flush_tls()?;
                Ok(bytes.len())
            }
        }
    }

    /// Pushes encrypted bytes into the socket until it is full or nothing is left.
    pub fn flush_tls(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            match tls.write_tls(&mut TryWriter(&self.tcp)) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// TLS `close_notify`, as far as the socket takes it.
    pub fn close_notify(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = self.flush_tls();
        }
    }
}

fn decrypt(tls: &mut ServerConnection, mut encrypted: &[u8], input: &mut BytesMut) -> io::Result<()> {
    while !encrypted.is_empty() {
        tls.read_tls(&mut encrypted)?;
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        let plain = state.plaintext_bytes_to_read();
        if plain > 0 {
            let before = input.len();
            input.resize(before + plain, 0);
            tls.reader().read_exact(&mut input[before..])?;
        }
    }
    Ok(())
}

struct TryWriter<'a>(&'a TcpStream);

impl Write for TryWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
