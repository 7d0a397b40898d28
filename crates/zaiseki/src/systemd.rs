//! What systemd is told (sd_notify(3)), when it asked for it by `NOTIFY_SOCKET`: ready, stopping, and, with `WatchdogSec=`,
//! that the node still works.

use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_router::node::Node;

/// A watchdog of no time at all must not end the node.
const SHORTEST: Duration = Duration::from_millis(1);

/// Sign-ins are taken from now on.
pub fn ready(domain: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("serves {domain}"))]);
}

/// A stop that is followed by a start of the same process: to systemd a service that reloads itself. (`STOPPING=1` would make
/// it wait for the end of the process, and kill it.)
pub fn restarting() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now, NotifyState::Status("restarts")]),
        Err(error) => tracing::warn!(%error, "the service manager could not be told"),
    }
}

pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// Says twice in each period of the watchdog that the engine answers; says nothing when it does not, so that systemd
/// starts the node anew. Ends at once when there is no watchdog.
pub async fn watchdog(node: Arc<Node>) {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let mut clock = tokio::time::interval((period / 2).max(SHORTEST));
    loop {
        clock.tick().await;
        let node = node.clone();
        // The engine's lock is taken in there: an engine that hangs holds it.
        if tokio::task::spawn_blocking(move || node.counts()).await.is_ok() {
            tell(&[NotifyState::Watchdog]);
        }
    }
}
