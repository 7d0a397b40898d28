//! The services of a node, each as a part that the supervisor can begin again and again.

use crate::clients::ClientDoors;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zaiseki_admin::web::WebGate;
use zaiseki_control::alarms::catalogue::SERVICE_FAILED;
use zaiseki_control::app::{App, archive, services};
use zaiseki_control::gateway::worker;
use zaiseki_control::services::Service;
use zaiseki_control::services::policy::{Machine, State};
use zaiseki_control::services::supervisor::{Part, droppable};
use zaiseki_control::{directory, jobs};
use zaiseki_model::PresenceFact;
use zaiseki_model::live::Transport;
use zaiseki_router::node::Node;

/// What the parts are made of.
pub struct Makings {
    pub app: App,
    pub node: Arc<Node>,
    pub clients: Arc<ClientDoors>,
    pub web: Arc<WebGate>,
    pub facts: mpsc::Sender<PresenceFact>,
    pub facts_to_take: mpsc::Receiver<PresenceFact>,
}

/// Keeps every service from now on until `end`. The tasks end when their parts have.
pub fn supervise(makings: Makings, end: &CancellationToken) -> zaiseki_control::Result<JoinSet<()>> {
    let app = makings.app.clone();
    report_failures(&app);
    let mut keepers = JoinSet::new();
    for (service, part) in parts(makings) {
        let active = services::is_active(&app, service)?;
        keepers.spawn(app.services().supervise(service, active, part, end.clone()));
    }
    Ok(keepers)
}

/// A service that failed is an alarm until it runs again, or nobody wants it to.
fn report_failures(app: &App) {
    let told = app.clone();
    app.services().on_change(move |service: Service, machine: &Machine| match machine.state() {
        State::Failed => told.alarms().raise(&SERVICE_FAILED, service.as_str(), machine.why().clone()),
        State::Running | State::Stopped | State::Deactivated => told.alarms().clear(&SERVICE_FAILED, service.as_str()),
        State::Starting | State::Stopping => {}
    });
}

/// Meetings come first, so that whoever signs in at once sees them.
fn parts(makings: Makings) -> [(Service, Part); 7] {
    let Makings { app, node, clients, web, facts, facts_to_take } = makings;
    let name = app.node().name().to_owned();
    let (gateways, agent, scheduler, retention) = (app.clone(), app.clone(), app.clone(), app);
    let memory = worker::Memory::default();
    [
        (Service::PresenceEngine, presence_engine(node.clone(), facts_to_take)),
        (Service::PresenceGateways, droppable(move || worker::run(gateways.clone(), facts.clone(), memory.clone()))),
        (Service::SyncAgent, droppable(move || directory::agent::run(agent.clone()))),
        (Service::JobScheduler, droppable(move || jobs::runner::run(scheduler.clone(), name.clone()))),
        (Service::Retention, droppable(move || archive::retention(retention.clone()))),
        (Service::ClientConnections, clients.part()),
        (Service::WebClients, web_clients(node, web)),
    ]
}

/// Facts that come while it is stopped wait in the channel, and the gateways at its end.
fn presence_engine(node: Arc<Node>, facts: mpsc::Receiver<PresenceFact>) -> Part {
    let facts = Arc::new(Mutex::new(facts));
    droppable(move || take_facts(node.clone(), facts.clone()))
}

async fn take_facts(node: Arc<Node>, facts: Arc<Mutex<mpsc::Receiver<PresenceFact>>>) {
    let mut facts = facts.lock().await;
    while let Some(fact) = facts.recv().await {
        node.with(|engine, now| engine.fact(now, fact));
    }
}

fn web_clients(node: Arc<Node>, web: Arc<WebGate>) -> Part {
    Arc::new(move |stop| {
        let node = node.clone();
        let drain = move || node.with(|engine, now| engine.drain_transports(now, &Transport::WEB));
        Box::pin(web.clone().run(stop, drain))
    })
}
