//! Slowing down guessing: failed sign-ins are counted per account and per address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;
use zaiseki_model::Timestamp;

/// Failures an account may have before it has to wait.
const ACCOUNT_TRIES: u32 = 10;
/// Failures one address may have; many people may sit behind it.
const ADDRESS_TRIES: u32 = 50;
/// Failures are forgotten after this long without another.
const MEMORY: Duration = Duration::from_secs(300);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// Accounts and addresses remembered; beyond it the oldest are forgotten.
const REMEMBERED: usize = 50_000;

#[derive(Default)]
pub struct Throttle {
    accounts: Failures<String>,
    addresses: Failures<IpAddr>,
}

struct Failures<K>(HashMap<K, Record>);

#[derive(Clone, Copy)]
struct Record {
    count: u32,
    last: Timestamp,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Failures(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Failures<K> {
    /// The wait doubles with each failure beyond `free`, from one second on.
    fn blocked(&self, now: Timestamp, key: &K, free: u32) -> bool {
        let Some(record) = self.0.get(key).filter(|r| now.since(r.last) < MEMORY) else { return false };
        let Some(beyond) = record.count.checked_sub(free) else { return false };
        let wait = Duration::from_secs(1 << beyond.min(6)).min(LONGEST);
        now.since(record.last) < wait
    }

    fn add(&mut self, now: Timestamp, key: K) {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, r| now.since(r.last) < MEMORY);
            if self.0.len() >= REMEMBERED {
                self.0.clear();
            }
        }
        let record = self.0.entry(key).or_insert(Record { count: 0, last: now });
        if now.since(record.last) >= MEMORY {
            record.count = 0;
        }
        record.count += 1;
        record.last = now;
    }
}

impl Throttle {
    /// Whether a sign-in to `account` from `address` has to wait.
    pub fn blocked(&self, now: Timestamp, account: &str, address: IpAddr) -> bool {
        self.accounts.blocked(now, &account.to_owned(), ACCOUNT_TRIES) || self.addresses.blocked(now, &address, ADDRESS_TRIES)
    }

    /// `account` is empty when nobody's was meant.
    pub fn failed(&mut self, now: Timestamp, account: &str, address: IpAddr) {
        if !account.is_empty() {
            self.accounts.add(now, account.to_owned());
        }
        self.addresses.add(now, address);
    }

    /// The account's owner is here: its count starts anew. The address keeps its own.
    pub fn succeeded(&mut self, account: &str) {
        self.accounts.0.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_account_waits_after_its_last_free_failure() {
        let mut throttle = Throttle::default();
        let now = Timestamp::from_secs(1_000);
        for _ in 0..ACCOUNT_TRIES - 1 {
            throttle.failed(now, "mika", HERE);
        }
        assert!(!throttle.blocked(now, "mika", HERE), "one below the limit");
        throttle.failed(now, "mika", HERE);
        assert!(throttle.blocked(now, "mika", HERE), "at the limit");
        assert!(!throttle.blocked(now, "ken", HERE));
        assert!(!throttle.blocked(now + Duration::from_secs(1), "mika", HERE), "the wait is over");
    }

    #[test]
    fn an_address_waits_whatever_the_account() {
        let mut throttle = Throttle::default();
        let now = Timestamp::from_secs(1_000);
        for n in 0..ADDRESS_TRIES {
            throttle.failed(now, &n.to_string(), HERE);
        }
        assert!(throttle.blocked(now, "somebody", HERE));
        assert!(!throttle.blocked(now, "somebody", "127.0.0.2".parse().expect("address")));
    }

    #[test]
    fn success_and_time_forget() {
        let mut throttle = Throttle::default();
        let now = Timestamp::from_secs(1_000);
        (0..20).for_each(|_| throttle.failed(now, "mika", HERE));
        throttle.succeeded("mika");
        assert!(!throttle.blocked(now, "mika", HERE));
        (0..20).for_each(|_| throttle.failed(now, "ken", HERE));
        assert!(!throttle.blocked(now + MEMORY, "ken", HERE));
    }
}
