//! The write half of a simulated connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use zaiseki_model::MessageId;
use zaiseki_router::outlet::{Close, Outlet};

/// What the engine has queued since the world last looked.
#[derive(Default)]
pub struct Queued {
    /// Each with the message to report once it was written.
    pub stanzas: Vec<(Vec<u8>, Option<MessageId>)>,
    pub ack_wanted: bool,
    pub close: Option<Close>,
}

#[derive(Default)]
pub struct Pipe(Mutex<Queued>);

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take(&self) -> Queued {
        std::mem::take(&mut self.lock())
    }
}

impl Outlet for Pipe {
    fn push(&self, parts: &[&[u8]], kept: Option<MessageId>) -> bool {
        self.lock().stanzas.push((parts.concat(), kept));
        true
    }

    fn request_ack(&self) {
        self.lock().ack_wanted = true;
    }

    fn close(&self, why: Close) -> bool {
        self.lock().close.get_or_insert(why);
        true
    }

    /// The world looks at every pipe after every call into the engine.
    fn wake(&self) {}
}
