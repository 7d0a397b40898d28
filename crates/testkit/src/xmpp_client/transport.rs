//! The client's socket, clear or under TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

pub struct Transport {
    socket: TcpStream,
    tls: Option<Box<StreamOwned<ClientConnection, TcpStream>>>,
}

impl Transport {
    /// `patience` bounds the connecting and each write.
    pub fn connect(address: SocketAddr, patience: Duration) -> Result<Self> {
        let socket = TcpStream::connect_timeout(&address, patience).with_context(|| format!("connecting to {address}"))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        Ok(Transport { socket, tls: None })
    }

    /// Puts TLS on the socket and finishes the handshake.
    pub fn secure(&mut self, ca_pem: &str, name: &str) -> Result<()> {
        let config = zaiseki_net::tls::client_config_trusting(ca_pem)?;
        let name = ServerName::try_from(name.to_owned())?;
        let mut connection = ClientConnection::new(Arc::new(config), name)?;
        let mut socket = self.socket.try_clone()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).context("TLS handshake")?;
        }
        self.tls = Some(Box::new(StreamOwned::new(connection, socket)));
        Ok(())
    }

    /// Keying material for channel binding `tls-exporter` (RFC 9266 §2).
    pub fn exporter(&self) -> Result<Vec<u8>> {
        let tls = self.tls.as_ref().context("channel binding needs TLS")?;
        Ok(tls.conn.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""))?)
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.tls {
            Some(tls) => {
                tls.write_all(bytes)?;
                tls.flush()?;
            }
            None => self.socket.write_all(bytes)?,
        }
        Ok(())
    }

    /// Waits at most `left` for something to read; 0 at the end of the connection.
    pub fn read(&mut self, piece: &mut [u8], left: Duration) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left))?;
        match &mut self.tls {
            Some(tls) => tls.read(piece),
            None => self.socket.read(piece),
        }
    }

    /// Closes the socket; under TLS without its closing alert.
    pub fn abort(self) {
        // The socket may be closed already, which is what is wanted.
        let _closed = self.socket.shutdown(Shutdown::Both);
    }
}
