//! How many strangers one address may bring at once: connections that have not signed in yet. One machine that opens
//! connections without end fills its own share and nobody else's.

use crate::network::subscriber;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the strangers of each address. It holds an entry only for addresses that have one.
#[derive(Default)]
pub struct Gate {
    strangers: Mutex<HashMap<IpAddr, u32>>,
}

/// A stranger's place, given back when dropped: at the end of the connection, or when its user has signed in.
pub struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// A place for one more connection from `address`, unless `most` are taken.
    pub fn enter(self: &Arc<Self>, address: IpAddr, most: u32) -> Option<Place> {
        let address = subscriber(address);
        let mut strangers = self.lock();
        let taken = strangers.get(&address).copied().unwrap_or(0);
        if taken >= most {
            return None;
        }
        strangers.insert(address, taken + 1);
        Some(Place { gate: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        // Each change is a single step: whoever panics leaves the counts right.
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut strangers = self.gate.lock();
        match strangers.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(strangers.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn at_the_limit_is_in_and_one_more_is_out() {
        let gate = Arc::new(Gate::default());
        let mut places: Vec<Place> = (0..3).map(|_| gate.enter(ip("192.0.2.1"), 3).expect("a place")).collect();
        assert!(gate.enter(ip("192.0.2.1"), 3).is_none());
        assert!(gate.enter(ip("192.0.2.2"), 3).is_some(), "the neighbour is not touched");
        places.pop();
        assert!(gate.enter(ip("192.0.2.1"), 3).is_some());
    }

    #[test]
    fn a_lower_limit_counts_those_who_are_in() {
        let gate = Arc::new(Gate::default());
        let _places: Vec<Place> = (0..5).map(|_| gate.enter(ip("192.0.2.1"), 5).expect("a place")).collect();
        assert!(gate.enter(ip("192.0.2.1"), 4).is_none());
        assert!(gate.enter(ip("192.0.2.1"), 6).is_some());
    }

    #[test]
    fn many_addresses_of_one_host_are_one() {
        let gate = Arc::new(Gate::default());
        let _first = gate.enter(ip("2001:db8::1"), 1).expect("a place");
        assert!(gate.enter(ip("2001:db8::ffff:ffff:ffff:ffff"), 1).is_none());
        assert!(gate.enter(ip("2001:db8:0:1::1"), 1).is_some());
        let _v4 = gate.enter(ip("192.0.2.1"), 1).expect("a place");
        assert!(gate.enter(ip("::ffff:192.0.2.1"), 1).is_none(), "IPv4 through an IPv6 socket");
    }

    #[test]
    fn nobody_who_left_is_remembered() {
        let gate = Arc::new(Gate::default());
        for n in 0..1_000_u32 {
            let address = IpAddr::V4(n.into());
            drop((gate.enter(address, 2), gate.enter(address, 2)));
        }
        assert!(gate.lock().is_empty());
    }
}
