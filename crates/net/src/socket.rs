//! Options of accepted sockets. A peer that vanishes without a word (a cut cable, a dead battery, a firewall that forgot)
//! leaves a half-open connection behind (RFC 1122 §4.2.3.6, RFC 6120 §4.6): only probing shows that nobody is there.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Probes sent into the silence before the connection is given up.
const PROBES: u32 = 4;
/// The kernel counts probes in whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// Prepares an accepted connection: small writes leave at once, and a peer that answers nothing for `peer_timeout`, neither
/// probes nor data (RFC 5482), is given up: the next read or write says so. Below 2 s the time is taken as 2 s.
///
/// # Errors
/// The kernel's, when the connection has ended meanwhile.
pub fn guard(tcp: &TcpStream, peer_timeout: Duration) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    socket.set_tcp_keepalive(&probing(peer_timeout))?;
    // Without it, data on its way to a dead peer is sent again for some 15 minutes, and probes wait for it.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(peer_timeout.max(2 * SHORTEST)))?;
    Ok(())
}

/// Probes fill the second half of the time, so that a live but silent peer costs one exchange per half.
fn probing(peer_timeout: Duration) -> TcpKeepalive {
    let half = (peer_timeout / 2).max(SHORTEST);
    let keepalive = TcpKeepalive::new().with_time(half).with_interval((half / PROBES).max(SHORTEST));
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_retries(PROBES);
    keepalive
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn accepted() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, client)
    }

    #[tokio::test]
    async fn silence_is_probed_and_limited() {
        let (server, _client) = accepted().await;
        guard(&server, Duration::from_secs(160)).unwrap();
        let socket = SockRef::from(&server);
        assert!(socket.keepalive().unwrap() && server.nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(80));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(20));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(160)));
    }

    #[tokio::test]
    async fn the_shortest_time_is_one_that_the_kernel_takes() {
        let (server, _client) = accepted().await;
        guard(&server, Duration::ZERO).unwrap();
        let socket = SockRef::from(&server);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), SHORTEST);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), SHORTEST);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(2 * SHORTEST));
    }
}
