//! Running a node: builds every part, joins them, and takes them down in order.

use crate::clients::ClientDoors;
use crate::config::{Allow, Config};
use crate::doors::Place;
use crate::i18n::{Text, explained};
use crate::lock::DataDirLock;
use crate::parts::{self, Makings};
use crate::systemd;
use anyhow::{Context, Result};
use axum::Router;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zaiseki_admin::challenge::challenges;
use zaiseki_admin::metrics::metrics;
use zaiseki_admin::server::{self, HttpLimits};
use zaiseki_admin::site::Site;
use zaiseki_admin::socket::AdminSocket;
use zaiseki_admin::web::{self, WebGate};
use zaiseki_control::app::{App, UserChange, UserChanged, services, setup, users};
use zaiseki_control::certificates::{Base, Purpose, Served};
use zaiseki_control::node::Door;
use zaiseki_control::presented::{Listener, ListenerKind, ThisNode};
use zaiseki_control::services::Service;
use zaiseki_control::sign_in::SignInAgent;
use zaiseki_model::live::{DataPlane, LiveUser, SightDone};
use zaiseki_model::trace::{Trace, Tracer};
use zaiseki_model::vitals::NodeCounts;
use zaiseki_model::{MessageIds, PresenceFact, Timestamp, limits};
use zaiseki_net::network::Network;
use zaiseki_net::tls::{Paths, ReloadableCert, ServerConfig, server_config};
use zaiseki_router::engine::{AccountChange, CalendarChoice, EngineConfig};
use zaiseki_router::handlers::caps::server_caps;
use zaiseki_router::node::{Node, StoreEvents};
use zaiseki_store::{Options, Store};
use zaiseki_stream::c2s::C2sConfig;
use zaiseki_xmpp::jid::BareJid;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::xml::element::Element;

/// Presence facts under way from the gateways to the engine.
const FACTS: usize = 1_024;
/// How often resumable streams that nobody uses any more are looked for.
const STREAM_CHECK: Duration = Duration::from_secs(3600);

/// For all services to end when the node stops.
const STOP_TIME: Duration = Duration::from_secs(5);

/// A running node.
pub struct Running {
    pub node: Arc<Node>,
    pub app: App,
    /// Where it listens, ports filled in.
    pub addresses: Addresses,
    stop: CancellationToken,
    stop_https: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// One for each service.
    keepers: JoinSet<()>,
    clients: Arc<ClientDoors>,
    web: Arc<WebGate>,
    store: Store,
    certificate: Arc<ReloadableCert>,
    _lock: DataDirLock,
}

#[derive(Clone, Debug, Default)]
pub struct Addresses {
    pub c2s: Vec<SocketAddr>,
    pub c2s_tls: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    /// For administration alone.
    pub admin: Vec<SocketAddr>,
    /// Where web clients, the console and the API answer.
    pub web: Vec<SocketAddr>,
    pub console: Vec<SocketAddr>,
    pub api: Vec<SocketAddr>,
    pub metrics: Vec<SocketAddr>,
}

impl Addresses {
    /// Those by which people come in.
    fn listeners(&self) -> Vec<Listener> {
        let of = |kind, addresses: &[SocketAddr]| {
            addresses.iter().map(|address| Listener { kind, address: *address }).collect::<Vec<_>>()
        };
        let lists = [
            of(ListenerKind::C2s, &self.c2s),
            of(ListenerKind::C2sTls, &self.c2s_tls),
            of(ListenerKind::Https, &self.https),
            of(ListenerKind::Admin, &self.admin),
        ];
        lists.concat()
    }
}

/// The node in the callbacks of parts that are made before it.
type Later = Arc<OnceLock<Weak<Node>>>;

/// Starts every part. Nothing listens before everything that can fail has succeeded.
pub async fn start(config: &Config) -> Result<Running> {
    let lock = DataDirLock::acquire_soon(&config.data_dir).await.map_err(|error| {
        let text = error.text();
        explained(error, text)
    })?;
    let domain: BareJid = config.domain.parse().with_context(|| format!("domain {}", config.domain))?;
    let no_certificate = || Text::new("no certificate", "証明書を用意できません");
    let base = certificate_base(config);
    let identity = base.load().with_context(no_certificate)?;
    let events = StoreEvents::default();
    let store =
        Store::open(&config.data_dir, &config.domain, Options::default(), Box::new(events.on_durable())).with_context(|| {
            let folder = config.data_dir.display();
            Text::new(format!("the database in {folder}"), format!("{folder} のデータベースを開けません"))
        })?;
    warn_of_other_domains(&store, &config.domain)?;
    let later = Later::default();
    let app = open_app(config, &store, &later)?;
    app.set_served(Served::open(&app, base, &identity).map_err(|error| anyhow::Error::msg(error.text()))?);
    let node = make_node(config, domain, &store, &events, &app)?;
    node.attach_verifier(Arc::new(SignInAgent::new(&app, server_secret(&store)?)));
    let _ = later.set(Arc::downgrade(&node));
    keep_choices(&node, &app);
    let take_clients = services::is_active(&app, Service::ClientConnections).map_err(|error| anyhow::Error::msg(error.text()))?;
    let bound = bind(config, take_clients).await?;
    let clients = Arc::new(ClientDoors::new(node.clone(), app.clone(), shown(&app, Purpose::Xmpp)?)?);

    let certificate = shown(&app, Purpose::Web)?;
    let mut running = Running {
        node,
        app,
        addresses: Addresses::default(),
        stop: CancellationToken::new(),
        stop_https: watch::Sender::new(false),
        tasks: JoinSet::new(),
        keepers: JoinSet::new(),
        clients,
        web: Arc::default(),
        store,
        certificate,
        _lock: lock,
    };
    running.listen(bound.c2s)?;
    running.start_background(bound.socket)?;
    running.listen_https(bound.https, config)?;
    running.listen_for_metrics(bound.metrics, &config.allow.metrics)?;
    running.listen_for_acme(bound.acme)?;
    running.tell_doors(&config.allow);
    running.app.set_this_node(this_node(config, running.addresses.listeners()));
    running.app.set_ready(true);
    running.tell_set_up_link(config)?;
    Ok(running)
}

/// Whoever changes the domain in the configuration file finds nobody able to sign in: the log says why.
fn warn_of_other_domains(store: &Store, domain: &str) -> Result<()> {
    for (other, accounts) in store.query(|database| database.other_domains())? {
        tracing::warn!(accounts, other, served = domain, "the database holds accounts of a domain that this node does not serve");
    }
    Ok(())
}

/// What the control plane may know of this process.
pub fn this_node(config: &Config, listeners: Vec<Listener>) -> ThisNode {
    ThisNode::new(&config.node_name, listeners)
}

/// The certificate that a node of this configuration shows unless an administrator chose otherwise.
pub fn certificate_base(config: &Config) -> Base {
    match &config.tls {
        Some(files) => Base::Files(Paths { ca: PathBuf::new(), certificate: files.certificate.clone(), key: files.key.clone() }),
        None => {
            let names = vec![config.domain.clone(), config.node_name.clone()];
            Base::OwnAuthority { folder: config.data_dir.join("tls"), names }
        }
    }
}

fn shown(app: &App, purpose: Purpose) -> Result<Arc<ReloadableCert>> {
    app.served().map(|served| served.live(purpose)).context("no certificate")
}

fn open_app(config: &Config, store: &Store, later: &Later) -> Result<App> {
    let later = later.clone();
    let changed = move |UserChanged { name, change, .. }: UserChanged| {
        let Some(node) = later.get().and_then(Weak::upgrade) else { return };
        let change = match change {
            UserChange::Password | UserChange::Disabled => AccountChange::Revoked,
            UserChange::Removed => AccountChange::Removed,
            UserChange::Renamed { to } => AccountChange::Renamed(to),
            UserChange::Exchanged(names) => AccountChange::Exchanged(names),
            UserChange::Details | UserChange::Archive => AccountChange::Changed,
        };
        node.with(|engine, now| engine.account_changed(now, &name, change));
    };
    let opened = App::open(store.clone(), &config.domain, &config.data_dir, changed);
    let app = opened.map_err(|error| anyhow::Error::msg(error.text()))?;
    app.node().set_name(&config.node_name);
    Ok(app)
}

/// What users choose in their clients is kept by the control plane, on a thread that may wait.
fn keep_choices(node: &Arc<Node>, app: &App) {
    let (weak, app, runtime) = (Arc::downgrade(node), app.clone(), tokio::runtime::Handle::current());
    node.keep_choices(Box::new(move |choice: CalendarChoice| {
        let (weak, app) = (weak.clone(), app.clone());
        runtime.spawn_blocking(move || {
            let CalendarChoice { token, user, name, calendar } = choice;
            let kept = users::choose_calendar(&app, user, &name, calendar);
            if let Err(error) = &kept {
                tracing::warn!(user = name, error = %error.text(), "a user's choice could not be kept");
            }
            if let Some(node) = weak.upgrade() {
                node.with(|engine, now| engine.choice_done(now, token, kept.is_ok()));
            }
        });
    }));
}

fn make_node(config: &Config, domain: BareJid, store: &Store, events: &StoreEvents, app: &App) -> Result<Arc<Node>> {
    let last = store.query(|database| database.max_message_id())?;
    let engine = EngineConfig {
        domain: domain.clone(),
        ids: MessageIds::new(0, last),
        settings: app.settings().borrow().clone(),
        random: Box::new(zaiseki_router::random::fill),
    };
    let c2s = C2sConfig {
        domain,
        server_secret: server_secret(store)?,
        clear_text_auth: config.allow_clear_text,
        starttls: true,
        sm: true,
        extra_features: stream_features(),
        max_auth_tries: limits::AUTH_TRIES_PER_STREAM,
    };
    Ok(Node::new(engine, c2s, store.clone(), events))
}

/// What the salts of unknown users are made from: once made, always the same.
fn server_secret(store: &Store) -> Result<[u8; 32]> {
    const KEY: &str = "server-secret";
    let secret = store.call(|database| {
        if let Some(found) = database.meta_get(KEY)? {
            return Ok(found);
        }
        let mut fresh = [0; 32];
        zaiseki_router::random::fill(&mut fresh);
        database.meta_put(KEY, &fresh)?;
        Ok(fresh.to_vec())
    })?;
    secret.try_into().map_err(|_| anyhow::anyhow!("the server's secret in the database is damaged"))
}

fn stream_features() -> Vec<Element> {
    vec![
        server_caps().element(),
        Element::new("csi", ns::CSI),
        Element::new("ver", "urn:xmpp:features:rosterver"),
        Element::new("sub", "urn:xmpp:features:pre-approval"),
    ]
}

/// Sockets that are bound; nobody is let in yet.
struct Bound {
    /// With direct TLS or without; no listener while clients are not wanted.
    c2s: Vec<(SocketAddr, bool, Option<TcpListener>)>,
    https: Vec<(Place, TcpListener)>,
    metrics: Vec<TcpListener>,
    acme: Vec<TcpListener>,
    socket: AdminSocket,
}

async fn bind(config: &Config, take_clients: bool) -> Result<Bound> {
    let mut c2s = Vec::new();
    for (addresses, direct_tls) in [(&config.listen.c2s, false), (&config.listen.c2s_tls, true)] {
        for address in addresses {
            let listener = if take_clients { Some(bind_one(*address).await?) } else { None };
            c2s.push((*address, direct_tls, listener));
        }
    }
    let mut https = Vec::new();
    for place in Place::ALL {
        for address in place.addresses(&config.listen) {
            https.push((place, bind_one(*address).await?));
        }
    }
    let socket = AdminSocket::bind(&config.data_dir).map_err(|error| {
        explained(error, Text::new("administration by commands cannot be offered", "管理用ソケットを作れません"))
    })?;
    let mut metrics = Vec::new();
    for address in &config.listen.metrics {
        metrics.push(bind_one(*address).await?);
    }
    let mut acme = Vec::new();
    for address in &config.listen.acme_http {
        acme.push(bind_one(*address).await?);
    }
    Ok(Bound { c2s, https, metrics, acme, socket })
}

async fn bind_one(address: SocketAddr) -> Result<TcpListener> {
    let text = || Text::new(format!("can't listen on {address}"), format!("{address} で待ち受けできません"));
    TcpListener::bind(address).await.with_context(text)
}

impl Running {
    fn listen(&mut self, c2s: Vec<(SocketAddr, bool, Option<TcpListener>)>) -> Result<()> {
        for (address, direct_tls, listener) in c2s {
            self.clients.add(address, direct_tls, listener)?;
        }
        (self.addresses.c2s, self.addresses.c2s_tls) = (self.clients.addresses(false), self.clients.addresses(true));
        Ok(())
    }

    fn listen_https(&mut self, listeners: Vec<(Place, TcpListener)>, config: &Config) -> Result<()> {
        let xmpp = web::websocket_routes(self.node.clone()).merge(web::bosh_routes(self.node.clone()));
        for (place, listener) in listeners {
            let (offer, mut site) = (place.offer(&config.listen), Site::new(self.app.clone()));
            if offer.web {
                site = site.web(xmpp.clone(), self.web.clone(), &config.allow.web);
            }
            if offer.console {
                site = site.console(&config.allow.console);
            }
            if offer.api {
                site = site.api(&config.allow.api);
            }
            let address = self.serve_https(listener, site.router())?;
            tracing::info!(%address, "listening for {}", place.words());
            let Addresses { https, admin, web, console, api, .. } = &mut self.addresses;
            let lists = [(place == Place::Https, https), (place == Place::Admin, admin)];
            let doors = [(offer.web, web), (offer.console, console), (offer.api, api)];
            lists.into_iter().chain(doors).filter(|(here, _)| *here).for_each(|(_, list)| list.push(address));
        }
        Ok(())
    }

    /// What the topology shows of the doors; those of XMPP clients tell of themselves.
    fn tell_doors(&self, allow: &Allow) {
        let Addresses { web, console, api, metrics, .. } = &self.addresses;
        let web_service = Some(Service::WebClients.as_str().to_owned());
        let chat = Text::new("Web clients: chat page, WebSocket, BOSH", "Web クライアント: チャットページ、WebSocket、BOSH");
        let doors = [
            ("web", chat, web, &allow.web, web_service),
            ("console", Text::new("Console", "管理コンソール"), console, &allow.console, None),
            ("api", Text::new("REST API", "REST API"), api, &allow.api, None),
            ("metrics", Text::new("Metrics", "メトリクス"), metrics, &allow.metrics, None),
        ];
        for (name, title, addresses, allow, service) in doors.into_iter().filter(|(_, _, addresses, ..)| !addresses.is_empty()) {
            let addresses = addresses.iter().map(SocketAddr::to_string).collect();
            let allow = allow.iter().map(Network::to_string).collect();
            self.app.node().set_door(Door { name: name.to_owned(), title, addresses, allow, service });
        }
    }

    fn listen_for_metrics(&mut self, listeners: Vec<TcpListener>, allowed: &[Network]) -> Result<()> {
        for listener in listeners {
            let address = self.serve_https(listener, metrics(self.app.clone(), allowed))?;
            tracing::info!(%address, "listening for metrics");
            self.addresses.metrics.push(address);
        }
        Ok(())
    }

    /// Before the first order, which would fail without it.
    fn listen_for_acme(&mut self, listeners: Vec<TcpListener>) -> Result<()> {
        let mut addresses = Vec::new();
        for listener in listeners {
            let address = listener.local_addr()?;
            tracing::info!(%address, "listening for challenges of ACME");
            addresses.push(address.to_string());
            self.serve_http(listener, None, challenges(self.app.clone()));
        }
        if !addresses.is_empty() {
            let title = Text::new("ACME challenges", "ACME の確認");
            let addresses = addresses.clone();
            self.app.node().set_door(Door { name: "acme".to_owned(), title, addresses, allow: Vec::new(), service: None });
        }
        self.app.acme().set_listening(addresses);
        self.tasks.spawn(until(self.stop.clone(), zaiseki_control::certificates::acme::run(self.app.clone())));
        Ok(())
    }

    fn serve_http(&mut self, listener: TcpListener, tls: Option<Arc<ServerConfig>>, routes: Router) {
        let (settings, stop) = (self.app.settings(), self.stop_https.subscribe());
        self.tasks.spawn(server::serve(listener, tls, routes, HttpLimits::default(), settings, stop));
    }

    fn serve_https(&mut self, listener: TcpListener, routes: Router) -> Result<SocketAddr> {
        let address = listener.local_addr()?;
        let tls = Arc::new(server_config(self.certificate.clone(), &[b"http/1.1"])?);
        self.serve_http(listener, Some(tls), routes);
        Ok(address)
    }

    /// A node without administrators says in its log how to make the first one.
    fn tell_set_up_link(&self, config: &Config) -> Result<()> {
        let Some(token) = setup::link(&self.app, Timestamp::now())? else { return Ok(()) };
        let Some(address) = self.addresses.console.first() else { return Ok(()) };
        let (host, port, token) = (&config.node_name, address.port(), token.reveal());
        tracing::warn!("no administrator yet; make the first one within a day at https://{host}:{port}/setup/{token}");
        Ok(())
    }

    fn start_background(&mut self, socket: AdminSocket) -> Result<()> {
        self.tasks.spawn(until(self.stop.clone(), self.node.clone().run_timers()));
        self.tasks.spawn(until(self.stop.clone(), zaiseki_router::streams::purge_old(self.node.clone(), STREAM_CHECK)));
        self.tasks.spawn(follow_settings(self.node.clone(), self.app.clone(), self.stop.clone()));
        self.tasks.spawn(until(self.stop.clone(), zaiseki_control::certificates::keeper::run(self.app.clone())));
        let (facts, facts_to_take) = mpsc::channel(FACTS);
        attach_vitals(&self.app, &self.node, facts.downgrade());
        self.app.attach_data_plane(Arc::new(Plane(Arc::downgrade(&self.node))));
        self.app.tracer().attach(NodeTracer(Arc::downgrade(&self.node)));
        self.tasks.spawn(until(self.stop.clone(), zaiseki_control::vitals::run(self.app.clone())));
        self.tasks.spawn(until(self.stop.clone(), zaiseki_control::alarms::keeper::run(self.app.clone())));
        self.tasks.spawn(until(self.stop.clone(), zaiseki_control::alarms::watch::run(self.app.clone())));
        let name = self.app.node().name().to_owned();
        let sender = zaiseki_control::alarms::target::sender::run(self.app.clone(), name.clone());
        self.tasks.spawn(until(self.stop.clone(), sender));
        self.tasks.spawn(until(self.stop.clone(), zaiseki_control::app::log_level::run(self.app.clone())));
        let otlp = zaiseki_control::vitals::otlp::run(self.app.clone(), name.clone());
        self.tasks.spawn(until(self.stop.clone(), otlp));
        let traces = zaiseki_control::vitals::traces::run(self.app.clone(), name);
        self.tasks.spawn(until(self.stop.clone(), traces));
        self.tasks.spawn(until(self.stop.clone(), systemd::watchdog(self.node.clone())));
        let (app, stop) = (self.app.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            if let Err(error) = socket.serve(app, stop.cancelled_owned()).await {
                tracing::error!(%error, "administration through the socket has ended");
            }
        });
        self.start_services(facts, facts_to_take)
    }

    fn start_services(&mut self, facts: mpsc::Sender<PresenceFact>, facts_to_take: mpsc::Receiver<PresenceFact>) -> Result<()> {
        let (app, node, clients, web) = (self.app.clone(), self.node.clone(), self.clients.clone(), self.web.clone());
        let makings = Makings { app, node, clients, web, facts, facts_to_take };
        self.keepers = parts::supervise(makings, &self.stop).map_err(|error| anyhow::Error::msg(error.text()))?;
        if self.app.services().get(Service::WebClients).is_some_and(|service| service.active()) {
            // At once, so that nobody is turned away by a node that says that it is ready.
            self.web.open();
        }
        Ok(())
    }

    /// Reads the certificate files again.
    pub fn reload_certificate(&self) {
        if let Some(served) = self.app.served() {
            served.reload_base();
        }
    }

    /// Says goodbye to every client, waits for what is written, and ends all parts.
    pub async fn stop(mut self) {
        self.app.set_ready(false);
        self.stop.cancel();
        let _ = self.stop_https.send(true);
        self.node.with(|engine, now| engine.drain(now));
        // The services end side by side; the one for clients when all of them are gone.
        let keepers = async { while self.keepers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_TIME, keepers).await;
        // A service that was stopped by hand has nobody left; whoever came in between is told too.
        self.node.with(|engine, now| engine.drain(now));
        let (store, app) = (self.store.clone(), self.app.clone());
        let close = move || {
            if let Err(error) = zaiseki_control::alarms::flush(&app) {
                tracing::error!(error = %error.text(), "alarms could not be written");
            }
            store.close();
        };
        let _ = tokio::task::spawn_blocking(close).await;
        self.tasks.shutdown().await;
    }
}

/// Lets the control plane read what the data plane counts.
fn attach_vitals(app: &App, node: &Arc<Node>, facts: mpsc::WeakSender<PresenceFact>) {
    let node = Arc::downgrade(node);
    app.vitals().attach(move || {
        let waiting = facts.upgrade().map_or(0, |facts| facts.max_capacity() - facts.capacity());
        let counts = node.upgrade().map(|node| node.counts()).unwrap_or_default();
        NodeCounts { facts_waiting: waiting as u64, ..counts }
    });
}

/// Lets the control plane ask for sessions and presence.
struct Plane(Weak<Node>);

impl DataPlane for Plane {
    fn user(&self, name: &str) -> LiveUser {
        let node = self.0.upgrade();
        node.map(|node| node.with(|engine, now| engine.live_user(now, name))).unwrap_or_default()
    }

    fn end_session(&self, name: &str, session: &str) -> bool {
        let node = self.0.upgrade();
        node.is_some_and(|node| node.with(|engine, now| engine.end_by_administrator(now, name, session)))
    }

    fn sight(&self, viewer: &str, other: &str, done: SightDone) {
        if let Some(node) = self.0.upgrade() {
            node.with(|engine, now| engine.explain_sight(now, viewer, other, done));
        }
    }
}

/// Lets the control plane trace a user's stanzas.
struct NodeTracer(Weak<Node>);

impl Tracer for NodeTracer {
    fn start(&self, user: &str, until: Timestamp) -> bool {
        self.0.upgrade().is_some_and(|node| node.with(|engine, now| engine.start_trace(now, user, until)))
    }

    fn stop(&self, user: &str) -> bool {
        self.0.upgrade().is_some_and(|node| node.with(|engine, now| engine.stop_trace(now, user)))
    }

    fn traces(&self) -> Vec<Trace> {
        self.0.upgrade().map(|node| node.with(|engine, now| engine.traces(now))).unwrap_or_default()
    }
}

/// Runs a part until the node stops.
async fn until(stop: CancellationToken, part: impl Future<Output = ()>) {
    tokio::select! {
        () = part => {}
        () = stop.cancelled() => {}
    }
}

async fn follow_settings(node: Arc<Node>, app: App, stop: CancellationToken) {
    let mut settings = app.settings();
    loop {
        tokio::select! {
            changed = settings.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        let new = settings.borrow_and_update().clone();
        node.with(|engine, now| engine.set_settings(now, new));
    }
}
