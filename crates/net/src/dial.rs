//! Plain and TLS connections, and datagrams, to servers that an administrator configured and that do not speak HTTP (syslog,
//! mail), with the same guards as the HTTP client: the address is judged, every wait has an end.

use crate::http::{AddressPolicy, Trust};
use crate::tls::{self, TlsError};
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// For name resolution and connection, and again for the TLS handshake.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("{host}: the name is not found")]
    Resolve { host: String, source: io::Error },
    #[error("{host}: the address {address} may not be reached from here")]
    Blocked { host: String, address: IpAddr },
    #[error("{host}: no connection")]
    Connect { host: String, source: io::Error },
    #[error("{host}: the TLS connection failed")]
    Tls { host: String, source: io::Error },
    #[error("{host}: not a name a certificate can hold")]
    Name { host: String },
    #[error("the certificate authorities cannot be used")]
    Trust(#[from] TlsError),
    #[error("{host}: no answer within {} s", PATIENCE.as_secs())]
    Timeout { host: String },
}

/// Connects by TCP; one forbidden address among the server's refuses the whole name.
pub async fn tcp(host: &str, port: u16, policy: AddressPolicy) -> Result<TcpStream, DialError> {
    let connect = async {
        let mut last = io::Error::other("the name has no address");
        for address in resolve(host, port, policy).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(DialError::Connect { host: host.to_owned(), source: last })
    };
    timeout(PATIENCE, connect).await.unwrap_or_else(|_| Err(DialError::Timeout { host: host.to_owned() }))
}

/// Speaks TLS over a connection to a server of that name.
pub async fn tls(stream: TcpStream, host: &str, trust: &Trust) -> Result<TlsStream<TcpStream>, DialError> {
    let bare = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(bare).map_err(|_| DialError::Name { host: host.to_owned() })?;
    let config = match trust {
        Trust::Platform => tls::client_config_platform(),
        Trust::Pem(pem) => tls::client_config_trusting(pem),
        Trust::Pinned(pem) => tls::client_config_pinned(pem),
    }?;
    match timeout(PATIENCE, tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
        Ok(done) => done.map_err(|source| DialError::Tls { host: host.to_owned(), source }),
        Err(_) => Err(DialError::Timeout { host: host.to_owned() }),
    }
}

/// Sends one datagram. Nobody tells whether it arrived.
pub async fn datagram(host: &str, port: u16, policy: AddressPolicy, bytes: &[u8]) -> Result<(), DialError> {
    let failed = |source| DialError::Connect { host: host.to_owned(), source };
    let to = resolve(host, port, policy).await?;
    let to = to.first().copied().ok_or_else(|| failed(io::Error::other("the name has no address")))?;
    let own: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
    let socket = UdpSocket::bind(own).await.map_err(failed)?;
    socket.send_to(bytes, to).await.map(drop).map_err(failed)
}

async fn resolve(host: &str, port: u16, policy: AddressPolicy) -> Result<Vec<SocketAddr>, DialError> {
    let bare = host.trim_matches(['[', ']']);
    let found = lookup_host((bare, port)).await.map_err(|source| DialError::Resolve { host: host.to_owned(), source })?;
    let addresses: Vec<SocketAddr> = found.collect();
    match addresses.iter().find(|address| !policy.allows(address.ip())) {
        Some(bad) => Err(DialError::Blocked { host: host.to_owned(), address: bad.ip() }),
        None => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn metadata_addresses_are_not_reached() {
        for host in ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0"] {
            let error = tcp(host, 80, AddressPolicy::CONFIGURED).await.unwrap_err();
            assert!(matches!(error, DialError::Blocked { .. }), "{host}: {error}");
            let error = datagram(host, 514, AddressPolicy::CONFIGURED, b"x").await.unwrap_err();
            assert!(matches!(error, DialError::Blocked { .. }), "{host}: {error}");
        }
        let error = tcp("127.0.0.1", 80, AddressPolicy::default()).await.unwrap_err();
        assert!(matches!(error, DialError::Blocked { .. }), "{error}");
    }
}
