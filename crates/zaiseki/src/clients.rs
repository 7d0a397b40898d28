//! The XMPP addresses for clients: opened, closed and opened again while the node runs.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use zaiseki_control::app::App;
use zaiseki_control::node::Door;
use zaiseki_control::services::supervisor::Part;
use zaiseki_control::{Text, services};
use zaiseki_model::live::Transport;
use zaiseki_net::tls::ReloadableCert;
use zaiseki_router::connection::Entry;
use zaiseki_router::listener::listen;
use zaiseki_router::node::Node;
use zaiseki_router::tls::ServerTls;

/// For the last bytes to clients that are told of a stop; somewhat longer than a connection gives itself.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Between two looks whether they are gone.
const LOOK: Duration = Duration::from_millis(20);

/// What the service *client connections* does.
pub struct ClientDoors {
    node: Arc<Node>,
    app: App,
    tls: Arc<ServerTls>,
    slots: Mutex<Vec<Slot>>,
    /// Cancelled at a stop. It outlives a run that failed, since the connections do so too.
    connections: Mutex<CancellationToken>,
}

struct Slot {
    address: SocketAddr,
    direct_tls: bool,
    /// Bound, and nobody is let in yet.
    listener: Option<TcpListener>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientDoors {
    /// The listeners that are bound already; the others when the service starts.
    pub fn new(node: Arc<Node>, app: App, certificate: Arc<ReloadableCert>) -> Result<ClientDoors> {
        let tls = Arc::new(ServerTls::new(certificate)?);
        Ok(ClientDoors { node, app, tls, slots: Mutex::default(), connections: Mutex::default() })
    }

    /// Before the first run.
    pub fn add(&self, address: SocketAddr, direct_tls: bool, listener: Option<TcpListener>) -> Result<()> {
        let address = listener.as_ref().map_or(Ok(address), TcpListener::local_addr)?;
        if listener.is_some() {
            say(address, direct_tls);
        }
        lock(&self.slots).push(Slot { address, direct_tls, listener });
        self.tell_doors();
        Ok(())
    }

    /// Where it listens, or would.
    pub fn addresses(&self, direct_tls: bool) -> Vec<SocketAddr> {
        lock(&self.slots).iter().filter(|slot| slot.direct_tls == direct_tls).map(|slot| slot.address).collect()
    }

    pub fn part(self: Arc<Self>) -> Part {
        Arc::new(move |stop| Box::pin(self.clone().run(stop)))
    }

    async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Text> {
        let connections = lock(&self.connections).clone();
        // Dropped when anything here fails, and so are the listeners.
        let mut listening = JoinSet::new();
        for (listener, direct_tls) in self.open().await? {
            let (node, tls) = (self.node.clone(), self.tls.clone());
            listening.spawn(listen(listener, Entry { node, tls, direct_tls, stop: connections.clone() }));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = listening.join_next() => return Err(broken(ended)),
        }
        listening.shutdown().await;
        *lock(&self.connections) = CancellationToken::new();
        connections.cancel();
        self.node.with(|engine, now| engine.drain_transports(now, &Transport::SOCKETS));
        let deadline = Instant::now() + DRAIN_TIME;
        while self.node.connection_count() > 0 && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// All listeners, or none.
    async fn open(&self) -> Result<Vec<(TcpListener, bool)>, Text> {
        let slots: Vec<(SocketAddr, bool, Option<TcpListener>)> =
            lock(&self.slots).iter_mut().map(|slot| (slot.address, slot.direct_tls, slot.listener.take())).collect();
        let mut listeners = Vec::new();
        for (index, (wanted, direct_tls, listener)) in slots.into_iter().enumerate() {
            let listener = match listener {
                Some(listener) => listener,
                None => self.bind(index, wanted, direct_tls).await.map_err(|error| {
                    let why = crate::chain(&*error);
                    Text::new(format!("can't listen on {wanted}: {why}"), format!("{wanted} で待ち受けできません: {why}"))
                })?,
            };
            listeners.push((listener, direct_tls));
        }
        self.tell_doors();
        Ok(listeners)
    }

    /// The same port as before, also where the configuration left it open.
    async fn bind(&self, index: usize, wanted: SocketAddr, direct_tls: bool) -> Result<TcpListener> {
        let listener = TcpListener::bind(wanted).await.context("binding")?;
        let address = listener.local_addr()?;
        if let Some(slot) = lock(&self.slots).get_mut(index) {
            slot.address = address;
        }
        say(address, direct_tls);
        Ok(listener)
    }

    fn tell_doors(&self) {
        let doors = [
            (false, "clients", Text::new("XMPP clients (STARTTLS)", "XMPP クライアント (STARTTLS)")),
            (true, "clients-tls", Text::new("XMPP clients (direct TLS)", "XMPP クライアント (直接 TLS)")),
        ];
        for (direct_tls, name, title) in doors {
            let addresses: Vec<String> = self.addresses(direct_tls).iter().map(SocketAddr::to_string).collect();
            if !addresses.is_empty() {
                let service = Some(services::Service::ClientConnections.as_str().to_owned());
                self.app.node().set_door(Door { name: name.to_owned(), title, addresses, allow: Vec::new(), service });
            }
        }
    }
}

fn say(address: SocketAddr, direct_tls: bool) {
    tracing::info!(%address, direct_tls, "listening for XMPP clients");
}

fn broken(ended: Result<(), tokio::task::JoinError>) -> Text {
    let why = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
    Text::new(format!("accepting connections broke off: {why}"), format!("接続の受け付けが中断しました: {why}"))
}
