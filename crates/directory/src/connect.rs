//! From a server's name to a signed-in protocol handle: TCP, TLS, guard, bind.

use crate::config::{Address, LdapConfig, Security};
use crate::guard;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zaiseki_model::directory::{Cause, NotReached, UserSourceError};
use zaiseki_net::http::AddressPolicy;
use zaiseki_net::tls;

/// Name resolution, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(10);
/// One answer of the server: to a bind, or the next entry of a search.
const ANSWER: Duration = Duration::from_secs(60);

/// RFC 4511 §4.14.1: message 1, `[APPLICATION 23] { [0] "1.3.6.1.4.1.1466.20037" }`.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// Why there is no connection; the text is what the system or the other side said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Resolve(io::Error),
    #[error("{0}")]
    Blocked(IpAddr),
    #[error("{0}")]
    Tcp(io::Error),
    #[error("{} s", CONNECT.as_secs())]
    Slow,
    #[error("{0}")]
    StartTls(String),
    #[error("{0}")]
    Tls(io::Error),
    #[error("{0}")]
    Local(String),
}

impl ConnectError {
    pub fn of(&self, server: &str) -> NotReached {
        let cause = match self {
            ConnectError::Resolve(_) => Cause::Name,
            ConnectError::Blocked(_) => Cause::Blocked,
            ConnectError::Tcp(_) | ConnectError::Local(_) => Cause::NoConnection,
            ConnectError::Slow => Cause::Silent,
            ConnectError::StartTls(_) => Cause::StartTls,
            ConnectError::Tls(_) => Cause::Tls,
        };
        NotReached { server: server.to_owned(), cause, why: self.to_string() }
    }
}

/// A connection to one server. Everything that serves it ends when it is dropped.
pub(crate) struct Link {
    ldap: Ldap,
    /// `host:port`
    pub server: String,
    tasks: Vec<AbortHandle>,
    /// What the guard found wrong.
    fault: Arc<OnceLock<String>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The certificates to believe, made once for all connections of a directory.
pub(crate) fn trust(config: &LdapConfig) -> Result<Option<Arc<ClientConfig>>, UserSourceError> {
    let made = match (&config.ca, config.security) {
        (_, Security::None) => return Ok(None),
        (Some(pem), _) => tls::client_config_trusting(pem),
        (None, _) => tls::client_config_platform(),
    };
    made.map(|made| Some(Arc::new(made))).map_err(|why| UserSourceError::Config { key: "ca", why: why.to_string() })
}

impl Link {
    pub async fn open(address: &Address, security: Security, trust: Option<Arc<ClientConfig>>) -> Result<Link, ConnectError> {
        let opening = async {
            let mut tcp = tcp(address).await?;
            let Some(trust) = trust.filter(|_| security != Security::None) else { return Link::over(tcp, address).await };
            if security == Security::StartTls {
                start_tls(&mut tcp).await?;
            }
            let name = ServerName::try_from(address.host.clone()).map_err(|why| ConnectError::Tls(io::Error::other(why)))?;
            let encrypted = TlsConnector::from(trust).connect(name, tcp).await.map_err(ConnectError::Tls)?;
            Link::over(encrypted, address).await
        };
        timeout(CONNECT, opening).await.unwrap_or(Err(ConnectError::Slow))
    }

    /// The protocol library gets one end of a socket pair, the guard stands at the other.
    async fn over<S>(stream: S, address: &Address) -> Result<Link, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let local = |why: io::Error| ConnectError::Local(why.to_string());
        let (ours, theirs) = UnixStream::pair().map_err(local)?;
        let (from_server, mut to_server) = tokio::io::split(stream);
        let (mut from_us, to_us) = ours.into_split();
        let fault = Arc::new(OnceLock::new());
        let found = fault.clone();
        let inward = tokio::spawn(async move {
            if let Err(error) = guard::forward(from_server, to_us).await {
                let _ = found.set(error.to_string());
            }
        })
        .abort_handle();
        let outward = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_us, &mut to_server).await;
        })
        .abort_handle();
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs.into_std().map_err(local)?));
        let made = LdapConnAsync::with_settings(settings, "ldapi://guard").await;
        let (connection, ldap) = made.map_err(|why| ConnectError::Local(why.to_string()))?;
        // What goes wrong here also reaches the waiting operation, where it is reported.
        let driver = tokio::spawn(async move { drop(connection.drive().await) }).abort_handle();
        let server = format!("{}:{}", address.host, address.port);
        Ok(Link { ldap, server, tasks: vec![inward, outward, driver], fault })
    }

    /// The handle for one operation; each wait of it is bounded.
    pub fn operation(&mut self) -> &mut Ldap {
        self.ldap.with_timeout(ANSWER)
    }

    /// What went wrong in an operation: what the guard saw, else what the library says.
    pub fn explain(&self, error: &LdapError) -> String {
        self.fault.get().cloned().unwrap_or_else(|| error.to_string())
    }

    /// Simple bind (RFC 4513 §5.1); nothing to do for anonymous access.
    pub async fn bind(&mut self, dn: &str, password: &str) -> Result<(), UserSourceError> {
        if dn.trim().is_empty() {
            return Ok(());
        }
        let server = self.server.clone();
        let result = match self.operation().simple_bind(dn, password).await {
            Ok(result) => result,
            Err(why) => {
                return Err(UserSourceError::Unreachable(vec![NotReached {
                    server,
                    cause: Cause::Broken,
                    why: self.explain(&why),
                }]));
            }
        };
        match result.rc {
            0 => Ok(()),
            // busy, unavailable
            51 | 52 => {
                Err(UserSourceError::Unreachable(vec![NotReached { server, cause: Cause::Busy, why: result.to_string() }]))
            }
            _ => Err(UserSourceError::Auth { server, why: result.to_string() }),
        }
    }
}

async fn tcp(address: &Address) -> Result<TcpStream, ConnectError> {
    let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await.map_err(ConnectError::Resolve)?;
    let mut last = io::Error::other("the name has no address");
    for one in found {
        if !AddressPolicy::CONFIGURED.allows(one.ip()) {
            return Err(ConnectError::Blocked(one.ip()));
        }
        match TcpStream::connect(one).await {
            Ok(tcp) => {
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(ConnectError::Tcp(last))
}

/// Nothing may follow the answer before TLS begins: it would be believed to have come through TLS.
async fn start_tls(tcp: &mut TcpStream) -> Result<(), ConnectError> {
    tcp.write_all(START_TLS).await.map_err(ConnectError::Tcp)?;
    let mut bytes = Vec::new();
    let length = loop {
        match guard::first_message(&bytes).map_err(|why| ConnectError::StartTls(why.to_string()))? {
            Some(length) => break length,
            None if tcp.read_buf(&mut bytes).await.map_err(ConnectError::Tcp)? == 0 => {
                return Err(ConnectError::StartTls("the connection was closed".to_owned()));
            }
            None => {}
        }
    };
    match (result_code(&bytes), bytes.len() == length) {
        (Some(0), true) => Ok(()),
        (Some(0), false) => Err(ConnectError::StartTls("bytes in clear follow its answer".to_owned())),
        (code, _) => Err(ConnectError::StartTls(format!("result {}", code.map_or("?".to_owned(), |c| c.to_string())))),
    }
}

/// Of an extended response in `message`: sequence, message id, `[APPLICATION 24]`, result code.
fn result_code(message: &[u8]) -> Option<u8> {
    let at = |at: usize| guard::element(message, at).ok().flatten();
    let id = at(at(0)?.start)?;
    let response = at(id.end).filter(|r| r.tag == 0x78)?;
    let code = at(response.start).filter(|c| c.tag == 0x0a && c.end == c.start + 1)?;
    message.get(code.start).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn answered(answer: &'static [u8]) -> Result<(), ConnectError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; START_TLS.len()];
            socket.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, START_TLS);
            socket.write_all(answer).await.unwrap();
        });
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let result = start_tls(&mut tcp).await;
        server.await.unwrap();
        result
    }

    #[tokio::test]
    async fn start_tls_goes_on_only_after_a_clean_yes() {
        answered(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00").await.unwrap();
        for no in [
            &b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"[..],
            b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x00",
            b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
            b"\x30\x03\x02\x01\x01",
            b"220 mail.example.com ESMTP\r\n",
            b"",
        ] {
            assert!(matches!(answered(no).await, Err(ConnectError::StartTls(_))), "{no:?}");
        }
    }
}
