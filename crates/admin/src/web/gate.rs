//! Whether web clients are let in: the chat page, WebSocket and BOSH answer while their service runs, and 503 otherwise.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use zaiseki_control::Text;

/// For those who are told that their session ended: the last bytes may take so long.
const DRAIN_TIME: Duration = Duration::from_secs(6);
/// Between two looks whether they are gone.
const LOOK: Duration = Duration::from_millis(20);

/// The time between one start of the service and its stop. Requests find it in their extensions; what goes on after its
/// request keeps a clone.
#[derive(Clone, Default)]
pub struct Round {
    stop: CancellationToken,
    /// Counts the guests by its clones.
    guests: Arc<()>,
}

impl Round {
    /// Until the service stops.
    pub fn over(&self) -> impl Future<Output = ()> + use<> {
        self.stop.clone().cancelled_owned()
    }

    /// Until it has stopped for so long that whoever is still there does not listen.
    pub async fn long_over(&self) {
        self.stop.cancelled().await;
        sleep(DRAIN_TIME / 2).await;
    }
}

/// Shared by the routes and the service.
#[derive(Default)]
pub struct WebGate(Mutex<Option<Round>>);

impl WebGate {
    fn lock(&self) -> MutexGuard<'_, Option<Round>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets web clients in; nothing happens when they are let in already.
    pub fn open(&self) -> Round {
        self.lock().get_or_insert_default().clone()
    }

    fn round(&self) -> Option<Round> {
        self.lock().clone()
    }

    /// The service: open until `stop`. `drain` ends the sessions that are bound.
    pub async fn run(self: Arc<Self>, stop: CancellationToken, drain: impl FnOnce()) -> Result<(), Text> {
        let closing = Closing(self.open(), self.clone());
        stop.cancelled().await;
        self.lock().take();
        drain();
        closing.0.stop.cancel();
        let deadline = Instant::now() + DRAIN_TIME;
        while Arc::strong_count(&closing.0.guests) > 1 && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// However the service ends, nobody is let in by it any more.
struct Closing(Round, Arc<WebGate>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.1.lock().take();
        self.0.stop.cancel();
    }
}

/// Lets a request through while the gate is open.
pub(crate) async fn only_open(State(gate): State<Arc<WebGate>>, mut request: Request, next: Next) -> Response {
    let Some(round) = gate.round() else { return closed() };
    request.extensions_mut().insert(round);
    next.run(request).await
}

fn closed() -> Response {
    let text = "The service for web clients is stopped. Please try again later.\n\
                Web クライアントのサービスは停止しています。後でもう一度お試しください。\n";
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "60")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn a_stop_waits_for_the_guests_and_a_start_opens_again() {
        let gate = Arc::new(WebGate::default());
        assert!(gate.round().is_none());
        let guest = gate.open();
        let (stop, drained) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let told = drained.clone();
        let service = tokio::spawn(gate.clone().run(stop.clone(), move || told.store(true, Ordering::SeqCst)));
        stop.cancel();
        guest.over().await;
        assert!(drained.load(Ordering::SeqCst) && gate.round().is_none());
        assert!(!service.is_finished(), "a guest is still there");
        drop(guest);
        service.await.unwrap().unwrap();
        gate.open();
        assert!(gate.round().is_some());
    }

    #[tokio::test]
    async fn a_service_that_breaks_leaves_the_gate_closed() {
        let gate = Arc::new(WebGate::default());
        let service = tokio::spawn(gate.clone().run(CancellationToken::new(), || {}));
        while gate.round().is_none() {
            tokio::task::yield_now().await;
        }
        service.abort();
        let _ = service.await;
        assert!(gate.round().is_none());
    }
}
