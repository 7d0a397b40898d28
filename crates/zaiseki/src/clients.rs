//! The XMPP addresses for clients: opened, closed and opened again while the node runs.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use zaiseki_control::Text;
use zaiseki_control::app::App;
use zaiseki_control::bootstrap::{Entries, addresses};
use zaiseki_control::effect::Effect;
use zaiseki_control::node::Door;
use zaiseki_control::presented::ListenerKind;
use zaiseki_control::services::Service;
use zaiseki_control::services::supervisor::Part;
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

/// Its keys of the configuration file; whether there is TLS from the first byte.
const KEYS: [(&str, bool); 2] = [("listen.c2s", false), ("listen.c2s_tls", true)];
const CHANGED_BY: Effect = Effect::Restart(Service::ClientConnections);

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
    /// As the configuration file has it.
    wanted: SocketAddr,
    /// The port filled in.
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
        let wanted = address;
        let address = listener.as_ref().map_or(Ok(wanted), TcpListener::local_addr)?;
        if listener.is_some() {
            say(address, direct_tls);
        }
        lock(&self.slots).push(Slot { wanted, address, direct_tls, listener });
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

    /// Where the configuration file says now, if it says something else; where that fails, as before.
    async fn open(&self) -> Result<Vec<(TcpListener, bool)>, Text> {
        let Some(now) = self.changed() else { return self.open_all().await };
        let fresh = self.wanted(&now);
        let before = std::mem::replace(&mut *lock(&self.slots), fresh);
        match self.open_all().await {
            Ok(listeners) => {
                if let Some(bootstrap) = self.app.node().bootstrap() {
                    bootstrap.took(CHANGED_BY, &now);
                }
                Ok(listeners)
            }
            Err(error) => {
                tracing::error!(%error, "the new addresses cannot be used: the old ones go on");
                *lock(&self.slots) = before;
                self.open_all().await
            }
        }
    }

    /// What the file says, if it can be used and says other addresses than those in use.
    fn changed(&self) -> Option<Entries> {
        let bootstrap = self.app.node().bootstrap()?;
        let (in_use, now) = (bootstrap.in_use(), bootstrap.now().ok()?);
        KEYS.iter().any(|(key, _)| in_use.get(*key) != now.get(*key)).then_some(now)
    }

    /// The slots of these entries; what is open already at the same address stays.
    fn wanted(&self, now: &Entries) -> Vec<Slot> {
        let mut slots = lock(&self.slots);
        let mut slot = |wanted: SocketAddr, direct_tls: bool| {
            let old = slots.iter_mut().find(|slot| slot.wanted == wanted && slot.direct_tls == direct_tls);
            let (address, listener) = old.map_or((wanted, None), |old| (old.address, old.listener.take()));
            Slot { wanted, address, direct_tls, listener }
        };
        let lists = KEYS.iter().flat_map(|(key, direct_tls)| addresses(now, key).into_iter().map(|one| (one, *direct_tls)));
        lists.map(|(wanted, direct_tls)| slot(wanted, direct_tls)).collect()
    }

    /// All listeners, or none.
    async fn open_all(&self) -> Result<Vec<(TcpListener, bool)>, Text> {
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
            (false, ListenerKind::C2s, "clients", Text::new("XMPP clients (STARTTLS)", "XMPP クライアント (STARTTLS)")),
            (true, ListenerKind::C2sTls, "clients-tls", Text::new("XMPP clients (direct TLS)", "XMPP クライアント (直接 TLS)")),
        ];
        for (direct_tls, kind, name, title) in doors {
            let found = self.addresses(direct_tls);
            if let Some(node) = self.app.this_node() {
                node.listen(kind, &found);
            }
            let addresses: Vec<String> = found.iter().map(SocketAddr::to_string).collect();
            if !addresses.is_empty() {
                let service = Some(Service::ClientConnections.as_str().to_owned());
                self.app.node().set_door(Door { name: name.to_owned(), title, addresses, allow: Vec::new(), service });
            } else {
                self.app.node().remove_door(name);
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
