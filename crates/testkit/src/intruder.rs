//! A man in the middle: ends the client's TLS with a certificate of his own and passes everything on to the node, under TLS
//! again. Channel binding (RFC 5802 §6) is there to notice him.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use tempfile::TempDir;
use zaiseki_net::tls::{ReloadableCert, client_config_trusting, ensure_self_signed, server_config};

/// Read at once from a socket.
const PIECE: usize = 16 * 1024;

/// Listens on loopback until it is dropped.
pub struct Intruder {
    address: SocketAddr,
    folder: TempDir,
    stopping: Arc<AtomicBool>,
}

impl Intruder {
    /// Between clients and the direct TLS port `node` of a server for `domain`, whose authority is `ca_pem`.
    pub fn before(node: SocketAddr, domain: &str, ca_pem: &str) -> Result<Intruder> {
        let folder = tempfile::tempdir()?;
        let paths = ensure_self_signed(folder.path(), &[domain.to_owned()])?;
        let accepts = Arc::new(server_config(ReloadableCert::load(&paths.certificate, &paths.key)?, &[])?);
        let connects = Arc::new(client_config_trusting(ca_pem)?);
        let name = ServerName::try_from(domain.to_owned())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = stopping.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let pair = client.and_then(|client| pair(client, &accepts, node, &connects, &name));
                match pair {
                    Ok(sides) => relay_both_ways(sides),
                    Err(error) => eprintln!("the man in the middle: {error}"),
                }
            }
        });
        Ok(Intruder { address, folder, stopping })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of his certificate (PEM): a client that trusts it does not notice him by TLS.
    pub fn ca_pem(&self) -> Result<String> {
        std::fs::read_to_string(self.folder.path().join("ca.pem")).context("the authority of the man in the middle")
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ended = TcpStream::connect(self.address);
    }
}

/// One of his two connections.
struct Side {
    tls: Mutex<Connection>,
    socket: TcpStream,
}

type Sides = (Arc<Side>, Arc<Side>);

fn pair(
    client: TcpStream,
    accepts: &Arc<ServerConfig>,
    node: SocketAddr,
    connects: &Arc<ClientConfig>,
    name: &ServerName<'static>,
) -> io::Result<Sides> {
    let accepted = ServerConnection::new(accepts.clone()).map_err(io::Error::other)?;
    let connected = ClientConnection::new(connects.clone(), name.clone()).map_err(io::Error::other)?;
    let near = Side { tls: Mutex::new(accepted.into()), socket: client };
    let far = Side { tls: Mutex::new(connected.into()), socket: TcpStream::connect(node)? };
    far.flush(&mut far.lock())?;
    Ok((Arc::new(near), Arc::new(far)))
}

fn relay_both_ways((near, far): Sides) {
    for (from, to) in [(near.clone(), far.clone()), (far, near)] {
        thread::spawn(move || {
            // An error ends the connection as its end does; the client tells what it saw.
            while let Ok(Some(plain)) = from.receive() {
                if to.send(&plain).is_err() {
                    break;
                }
            }
            for side in [from, to] {
                let _closed = side.socket.shutdown(Shutdown::Both);
            }
        });
    }
}

impl Side {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something and decrypts it; `None` at the end of the connection.
    fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut piece = [0; PIECE];
        let length = (&self.socket).read(&mut piece)?;
        if length == 0 {
            return Ok(None);
        }
        let mut tls = self.lock();
        let (mut rest, mut plain) = (&piece[..length], Vec::new());
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            let state = tls.process_new_packets().map_err(io::Error::other);
            let known = state.as_ref().map_or(0, |state| state.plaintext_bytes_to_read());
            let start = plain.len();
            plain.resize(start + known, 0);
            tls.reader().read_exact(&mut plain[start..])?;
            self.flush(&mut tls)?;
            state?;
        }
        Ok(Some(plain))
    }

    fn send(&self, plain: &[u8]) -> io::Result<()> {
        let mut tls = self.lock();
        tls.writer().write_all(plain)?;
        self.flush(&mut tls)
    }

    fn flush(&self, tls: &mut Connection) -> io::Result<()> {
        while tls.wants_write() {
            tls.write_tls(&mut &self.socket)?;
        }
        Ok(())
    }
}
