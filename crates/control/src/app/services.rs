//! The control center: the services of this node, and what an administrator does with them.

use super::status::time;
use super::{App, audit, notifications};
use crate::access::Caller;
use crate::error::{ControlError, Result};
use crate::services::Service;
use crate::services::policy::{Machine, NotActive, State};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// Not wanted on this node, which lasts.
    Deactivated,
    /// Until it is started, or the node restarts.
    Stopped,
    Starting,
    Running,
    Stopping,
    /// It failed, and is started again by itself.
    Failed,
}

impl From<State> for ServiceState {
    fn from(state: State) -> ServiceState {
        match state {
            State::Deactivated => ServiceState::Deactivated,
            State::Stopped => ServiceState::Stopped,
            State::Starting => ServiceState::Starting,
            State::Running => ServiceState::Running,
            State::Stopping => ServiceState::Stopping,
            State::Failed => ServiceState::Failed,
        }
    }
}

/// A service of this node. Times are in the form of XEP-0082.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    pub name: String,
    pub title: Text,
    pub does: Text,
    /// What people notice while it does not run.
    pub stop_means: Text,
    /// Whether it runs on this node; lasts over restarts of the node.
    pub active: bool,
    pub state: ServiceState,
    /// Since when it is in its state; `null` where no node runs.
    pub since: Option<String>,
    /// Why it is in its state.
    pub reason: Text,
    /// Starts after failures, since the node started.
    pub restarts: u64,
    pub last_failure: Option<ServiceFailure>,
    /// When it is started again, for one that has failed.
    pub next_try: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceFailure {
    pub at: String,
    pub reason: Text,
}

impl ServiceView {
    fn of(service: Service) -> ServiceView {
        ServiceView {
            name: service.as_str().to_owned(),
            title: service.title(),
            does: service.does(),
            stop_means: service.stop_means(),
            active: service.active_by_default(),
            state: ServiceState::Stopped,
            since: None,
            reason: Text::new("the node does not run", "ノードが稼働していません"),
            restarts: 0,
            last_failure: None,
            next_try: None,
        }
    }

    fn running(service: Service, machine: &Machine) -> ServiceView {
        let failure = |(at, reason): &(Timestamp, Text)| ServiceFailure { at: time(*at), reason: reason.clone() };
        ServiceView {
            active: machine.active(),
            state: machine.state().into(),
            since: Some(time(machine.since())),
            reason: machine.why().clone(),
            restarts: machine.restarts(),
            last_failure: machine.last_failure().map(failure),
            next_try: machine.next_try().map(time),
            ..ServiceView::of(service)
        }
    }
}

/// Whether the service is activated on this node, by what the database says.
pub fn is_active(app: &App, service: Service) -> Result<bool> {
    let node = app.node().name().to_owned();
    let choice = app.store().query(move |db| db.service_choice(&node, service.as_str()))?;
    Ok(choice.unwrap_or(service.active_by_default()))
}

fn view(app: &App, service: Service) -> Result<ServiceView> {
    if let Some(machine) = app.services().get(service) {
        return Ok(ServiceView::running(service, &machine));
    }
    let active = is_active(app, service)?;
    let state = if active { ServiceState::Stopped } else { ServiceState::Deactivated };
    Ok(ServiceView { active, state, ..ServiceView::of(service) })
}

pub fn list(app: &App) -> Result<Vec<ServiceView>> {
    Service::ALL.into_iter().map(|service| view(app, service)).collect()
}

/// # Errors
/// `not-found`.
pub fn show(app: &App, name: &str) -> Result<ServiceView> {
    view(app, find(name)?)
}

fn find(name: &str) -> Result<Service> {
    name.parse().map_err(|()| {
        let text = Text::new(format!("there is no service \"{name}\""), format!("サービス \"{name}\" はありません"));
        ControlError::NotFound { text }
    })
}

/// Starts a service. One that runs goes on.
///
/// # Errors
/// `not-found`; `conflict` when it is not activated, no node runs, or it could not listen where the configuration file says.
pub fn start(app: &App, caller: &Caller, name: &str) -> Result<ServiceView> {
    notifications::must_fit(app, find(name)?)?;
    tell(app, caller, name, "service.start", Machine::start)
}

/// Stops a service until it is started or the node restarts. Waits until it has ended, up to half a minute.
///
/// # Errors
/// `not-found`; `conflict` when it is not activated, or no node runs.
pub fn stop(app: &App, caller: &Caller, name: &str) -> Result<ServiceView> {
    let stop = |machine: &mut Machine, actor: &str, now| {
        machine.stop(actor, now);
        if machine.active() { Ok(()) } else { Err(NotActive) }
    };
    tell(app, caller, name, "service.stop", stop)
}

/// Stops and starts a service. What the configuration file says of it now is used from then on, if the file can be used.
///
/// # Errors
/// `not-found`; `conflict` when it is not activated, no node runs, or it could not listen where the configuration file says.
pub fn restart(app: &App, caller: &Caller, name: &str) -> Result<ServiceView> {
    notifications::must_fit(app, find(name)?)?;
    tell(app, caller, name, "service.restart", Machine::restart)
}

fn tell(
    app: &App,
    caller: &Caller,
    name: &str,
    action: &'static str,
    word: fn(&mut Machine, &str, Timestamp) -> Result<(), NotActive>,
) -> Result<ServiceView> {
    let service = find(name)?;
    let before = app.services().get(service).ok_or_else(not_running)?;
    if !before.active() {
        return Err(not_active(service));
    }
    let (audit, object) = (audit(&caller.actor), format!("service:{}", service.as_str()));
    let (was, node) = (ServiceState::from(before.state()), app.node().name().to_owned());
    // Before it happens: whoever stops a service stands in the audit log whatever comes of it.
    app.store().call(move |db| {
        db.audit_append(&audit, action, &object, Some(&json!({"node": node, "state": was})), Some(&json!({"node": node})))
    })?;
    let told = app.services().tell(service, |machine, now| word(machine, &caller.actor, now));
    let machine = told.ok_or_else(not_running)?.map_err(|NotActive| not_active(service))?;
    Ok(ServiceView::running(service, &machine))
}

/// Wants a service on this node from now on, also after a restart of the node, and starts it.
///
/// # Errors
/// `not-found`.
pub fn activate(app: &App, caller: &Caller, name: &str) -> Result<ServiceView> {
    choose(app, caller, find(name)?, true)
}

/// Wants a service on this node no more, also after a restart of the node, and stops it.
///
/// # Errors
/// `not-found`.
pub fn deactivate(app: &App, caller: &Caller, name: &str) -> Result<ServiceView> {
    choose(app, caller, find(name)?, false)
}

fn choose(app: &App, caller: &Caller, service: Service, active: bool) -> Result<ServiceView> {
    let (audit, node, default) = (audit(&caller.actor), app.node().name().to_owned(), service.active_by_default());
    app.store().call(move |db| db.choose_service(&node, service.as_str(), active, default, &audit))?;
    app.services().tell(service, |machine, now| {
        match active {
            true => machine.activate(&caller.actor, now),
            false => machine.deactivate(&caller.actor, now),
        }
        Ok(())
    });
    view(app, service)
}

fn not_running() -> ControlError {
    let text = Text::new(
        "no node runs here: only activate and deactivate work then",
        "ノードが稼働していません。稼働していない間に使えるのは有効化と無効化だけです",
    );
    ControlError::Conflict { text }
}

fn not_active(service: Service) -> ControlError {
    let (en, ja) = (service.title().en, service.title().ja);
    let text = Text::new(
        format!("{en} is not activated on this node: activate it first"),
        format!("{ja} はこのノードで有効化されていません。先に有効化してください"),
    );
    ControlError::Conflict { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use crate::services::supervisor::droppable;
    use tokio_util::sync::CancellationToken;

    fn caller() -> Caller {
        Caller::local(0)
    }

    #[test]
    fn every_service_says_in_both_languages_what_it_does_and_what_a_stop_means() {
        let fixture = Fixture::new();
        let all = list(&fixture.app).unwrap();
        assert_eq!(all.len(), Service::ALL.len());
        for view in all {
            assert_eq!(view.name.parse::<Service>().map(Service::as_str), Ok(view.name.as_str()));
            for text in [view.title, view.does, view.stop_means] {
                assert!(!text.en.contains("  ") && !text.ja.is_ascii(), "{text:?}");
            }
        }
        assert_eq!(show(&fixture.app, "nothing").unwrap_err().code(), "not-found");
    }

    #[test]
    fn without_a_node_services_are_only_chosen() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        assert_eq!(stop(app, &caller(), "sync-agent").unwrap_err().code(), "conflict");
        let off = deactivate(app, &caller(), "sync-agent").unwrap();
        assert_eq!((off.active, off.state, off.since), (false, ServiceState::Deactivated, None));
        assert!(!is_active(app, Service::SyncAgent).unwrap() && is_active(app, Service::JobScheduler).unwrap());
        assert_eq!(activate(app, &caller(), "sync-agent").unwrap().state, ServiceState::Stopped);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn words_of_administrators_are_audited_and_activation_lasts() {
        let fixture = Fixture::new();
        let app = fixture.app.clone();
        let end = CancellationToken::new();
        let run = |active| app.services().supervise(Service::SyncAgent, active, droppable(std::future::pending), end.clone());
        let keeper = tokio::spawn(run(true));
        let worker = app.clone();
        let day = move || {
            let (app, caller) = (&worker, &caller());
            assert_eq!(stop(app, caller, "sync-agent").unwrap().state, ServiceState::Stopped);
            assert_eq!(start(app, caller, "sync-agent").unwrap().state, ServiceState::Running);
            let again = restart(app, caller, "sync-agent").unwrap();
            assert_eq!((again.state, again.restarts), (ServiceState::Running, 0));
            assert_eq!(deactivate(app, caller, "sync-agent").unwrap().state, ServiceState::Deactivated);
            for refused in [start, stop, restart] {
                assert_eq!(refused(app, caller, "sync-agent").unwrap_err().code(), "conflict");
            }
        };
        tokio::task::spawn_blocking(day).await.unwrap();
        let trail = app.store().query(|db| db.audit_list(Some("service:sync-agent"), None, 9)).unwrap();
        let actions: Vec<&str> = trail.iter().rev().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["service.stop", "service.start", "service.restart", "service.deactivate"]);
        end.cancel();
        keeper.await.unwrap();
        // The node starts again: what it asks the database says no.
        assert!(!is_active(&app, Service::SyncAgent).unwrap());
    }
}
