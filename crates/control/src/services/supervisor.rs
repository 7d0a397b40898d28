//! The shell around [`super::policy`]: one task per service, which spawns the service's part, ends it, and starts it again.
//!
//! Administrators' words come from threads that may wait ([`Services::tell`]); the task hears of them by a bell and looks
//! at its machine. Every change of state is reported in one place, [`Services::on_change`].

use super::Service;
use super::policy::{End, Machine, NotActive, STOP_TIME, State, Step};
use crate::text::Text;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use zaiseki_model::Timestamp;

/// How long [`Services::tell`] waits for a service to arrive at its new state.
const SETTLE: Duration = Duration::from_secs(25);

/// One run of a part: it ends soon after the token is cancelled, by itself only with an error.
pub type Run = Pin<Box<dyn Future<Output = Result<(), Text>> + Send>>;
/// Begins a run.
pub type Part = Arc<dyn Fn(CancellationToken) -> Run + Send + Sync>;
type OnChange = Box<dyn Fn(Service, &Machine) + Send + Sync>;

/// A part that does not listen to the token: it may be dropped at any of its awaits.
pub fn droppable<F: Future<Output = ()> + Send + 'static>(begin: impl Fn() -> F + Send + Sync + 'static) -> Part {
    Arc::new(move |stop| {
        let work = begin();
        Box::pin(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => Ok(()),
                () = work => Err(Text::new("it ended without being told to", "指示なしに終了しました")),
            }
        })
    })
}

/// The services of this process. Empty where no node runs (the command line without one).
#[derive(Default)]
pub struct Services {
    kept: Mutex<BTreeMap<Service, Arc<Kept>>>,
    on_change: Arc<OnceLock<OnChange>>,
}

/// A service and its bell.
struct Kept {
    service: Service,
    machine: Mutex<Machine>,
    wake: Notify,
    settled: Condvar,
    on_change: Arc<OnceLock<OnChange>>,
}

impl Services {
    /// Who hears of every change of state; once, before [`Services::supervise`]. Called under the service's lock: it must
    /// neither block for long nor ask for services.
    pub fn on_change(&self, report: impl Fn(Service, &Machine) + Send + Sync + 'static) {
        let _ = self.on_change.set(Box::new(report));
    }

    /// Keeps a service from now on until `end`; the future is to be spawned, and ends when the part has.
    pub fn supervise(
        &self,
        service: Service,
        active: bool,
        part: Part,
        end: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let kept = Arc::new(Kept {
            service,
            machine: Mutex::new(Machine::new(active, Timestamp::now())),
            wake: Notify::new(),
            settled: Condvar::new(),
            on_change: self.on_change.clone(),
        });
        self.lock().insert(service, kept.clone());
        async move { kept.keep(part, end).await }
    }

    /// How a service is; `None` where none is kept.
    pub fn get(&self, service: Service) -> Option<Machine> {
        self.lock().get(&service).map(|kept| kept.lock().clone())
    }

    /// Tells a service something and waits until it has settled, at most [`SETTLE`]. `None` where none is kept.
    pub fn tell(
        &self,
        service: Service,
        word: impl FnOnce(&mut Machine, Timestamp) -> Result<(), NotActive>,
    ) -> Option<Result<Machine, NotActive>> {
        let kept = self.lock().get(&service).cloned()?;
        let told = kept.change(|machine| word(machine, Timestamp::now()));
        kept.wake.notify_one();
        Some(told.map(|()| kept.settled()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Service, Arc<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Machine> {
        // Each change of the machine is one assignment or a few: whoever panics leaves it usable.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Machine) -> R) -> R {
        let mut machine = self.lock();
        let before = machine.state();
        let result = change(&mut machine);
        let after = machine.state();
        if after != before {
            say(self.service, &machine);
            if let Some(report) = self.on_change.get() {
                report(self.service, &machine);
            }
        }
        if !machine.is_moving() {
            self.settled.notify_all();
        }
        result
    }

    fn settled(&self) -> Machine {
        let waited = self.settled.wait_timeout_while(self.lock(), SETTLE, |machine| machine.is_moving());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    async fn keep(&self, part: Part, end: CancellationToken) {
        while !end.is_cancelled() {
            let now = Timestamp::now();
            let step = self.lock().step(now);
            let until = match step {
                Step::Run => {
                    self.run(&part, &end).await;
                    continue;
                }
                Step::WaitUntil(at) => Some(at.since(now)),
                Step::Rest => None,
            };
            tokio::select! {
                () = sleep(until.unwrap_or_default()), if until.is_some() => {}
                () = self.wake.notified() => {}
                () = end.cancelled() => {}
            }
        }
    }

    async fn run(&self, part: &Part, end: &CancellationToken) {
        let stop = CancellationToken::new();
        let (begin, token) = (part.clone(), stop.clone());
        self.change(|machine| machine.began(Timestamp::now()));
        // In a task of its own: a panic ends that task and nothing else.
        let mut task = Task(tokio::spawn(async move { begin(token).await }));
        let how = loop {
            tokio::select! {
                // First: parts that work for each other may end by themselves when the node does, and have not failed then.
                biased;
                () = end.cancelled() => {
                    self.change(|machine| machine.stop("system", Timestamp::now()));
                    break finish(task, &stop).await;
                }
                done = &mut task.0 => break outcome(done),
                () = self.wake.notified() => {
                    if self.lock().must_end() {
                        break finish(task, &stop).await;
                    }
                }
            }
        };
        self.change(|machine| machine.ended(how, Timestamp::now()));
    }
}

fn say(service: Service, machine: &Machine) {
    let (service, why) = (service.as_str(), machine.why());
    match machine.state() {
        State::Failed => tracing::error!(service, %why, "service failed; it is started again by itself"),
        State::Running => tracing::info!(service, %why, "service runs"),
        State::Stopped | State::Deactivated => tracing::info!(service, %why, "service does not run"),
        State::Starting | State::Stopping => tracing::debug!(service, %why, "service changes"),
    }
}

/// Does not outlive its keeper.
struct Task(JoinHandle<Result<(), Text>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn finish(mut task: Task, stop: &CancellationToken) -> End {
    stop.cancel();
    match timeout(STOP_TIME, &mut task.0).await {
        Ok(done) => outcome(done),
        Err(_) => {
            task.0.abort();
            // Until it is really gone, so that two runs never meet.
            let _ = (&mut task.0).await;
            End::CutOff
        }
    }
}

fn outcome(done: Result<Result<(), Text>, JoinError>) -> End {
    match done {
        Ok(Ok(())) => End::Done,
        Ok(Err(text)) => End::Failed(text),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => End::Panicked(words(panic.as_ref())),
            Err(_) => End::CutOff,
        },
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
