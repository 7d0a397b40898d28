//! A connection's place among those of its address that have not signed in.

use std::sync::{Arc, Mutex, PoisonError};
use zaiseki_net::gate::Place;

/// Every request of a connection carries it. The place is given back with the connection, or before, when somebody has
/// signed in on it and it stays: a WebSocket.
#[derive(Clone)]
pub struct Stranger(Arc<Mutex<Option<Place>>>);

impl Stranger {
    pub fn new(place: Place) -> Self {
        Stranger(Arc::new(Mutex::new(Some(place))))
    }

    /// Somebody has signed in: no stranger any more.
    pub fn is_known(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
