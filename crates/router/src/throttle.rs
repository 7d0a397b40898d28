//! Slowing down guessing: failed sign-ins are counted per account and per address.
//!
//! Whoever guesses for ever from elsewhere must not keep a user out: an address that the account has signed in from before has a
//! count of its own for it (the idea of OWASP's device cookies, kept on our side).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_net::network::subscriber;

/// Failures an account may have before it has to wait.
const ACCOUNT_TRIES: u32 = 10;
/// Failures one address may have; many people may sit behind it.
const ADDRESS_TRIES: u32 = 50;
/// Failures are forgotten after this long without another.
const MEMORY: Duration = Duration::from_secs(300);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// How long an address stays one that the account has signed in from.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Accounts, and addresses, that are remembered.
const REMEMBERED: usize = 50_000;
/// Addresses of accounts that are known.
const KNOWN_DOORS: usize = 200_000;

#[derive(Default)]
pub struct Throttle {
    /// From anywhere (`None`), or from an address that is known for the account.
    accounts: Failures<Door>,
    addresses: Failures<IpAddr>,
    /// When an account last signed in from an address.
    known: HashMap<(String, IpAddr), Timestamp>,
}

type Door = (String, Option<IpAddr>);

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
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let record = self.0.entry(key).or_insert(Record { count: 0, last: now });
        if now.since(record.last) >= MEMORY {
            record.count = 0;
        }
        record.count += 1;
        record.last = now;
    }

    /// What is over goes first, then single failures: made-up names do not wipe out what is known of those who are guessed at.
    /// Half of the room at least, so that it is not looked for at each failure.
    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, record| now.since(record.last) < MEMORY);
        let mut all: Vec<(u32, Timestamp)> = self.0.values().map(|record| (record.count, record.last)).collect();
        if all.len() <= REMEMBERED / 2 {
            return;
        }
        let middle = all.len() - REMEMBERED / 2;
        let (_, least, _) = all.select_nth_unstable(middle);
        let least = *least;
        self.0.retain(|_, record| (record.count, record.last) > least);
    }
}

impl Throttle {
    /// Whether a sign-in to `account` from `address` has to wait.
    pub fn blocked(&self, now: Timestamp, account: &str, address: IpAddr) -> bool {
        let address = subscriber(address);
        self.accounts.blocked(now, &self.door(now, account, address), ACCOUNT_TRIES)
            || self.addresses.blocked(now, &address, ADDRESS_TRIES)
    }

    /// `account` is empty when nobody's was meant.
    pub fn failed(&mut self, now: Timestamp, account: &str, address: IpAddr) {
        let address = subscriber(address);
        if !account.is_empty() {
            self.accounts.add(now, self.door(now, account, address));
        }
        self.addresses.add(now, address);
    }

    /// The account's owner is here: its count from there starts anew. The address keeps its own, and so does the account for
    /// all others once the address is known: else whoever guesses had free tries each time the owner signs in.
    pub fn succeeded(&mut self, now: Timestamp, account: &str, address: IpAddr) {
        let address = subscriber(address);
        self.accounts.0.remove(&self.door(now, account, address));
        let pair = (account.to_owned(), address);
        if self.known.len() >= KNOWN_DOORS && !self.known.contains_key(&pair) {
            let mut all: Vec<Timestamp> = self.known.values().copied().collect();
            let (_, middle, _) = all.select_nth_unstable(KNOWN_DOORS / 2);
            let middle = *middle;
            self.known.retain(|_, last| *last > middle);
        }
        self.known.insert(pair, now);
    }

    /// Which count a try belongs to.
    fn door(&self, now: Timestamp, account: &str, address: IpAddr) -> Door {
        let pair = (account.to_owned(), address);
        let known = self.known.get(&pair).is_some_and(|last| now.since(*last) < KNOWN);
        (pair.0, known.then_some(address))
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
        throttle.succeeded(now, "mika", HERE);
        assert!(!throttle.blocked(now, "mika", HERE));
        (0..20).for_each(|_| throttle.failed(now, "ken", HERE));
        assert!(!throttle.blocked(now + MEMORY, "ken", HERE));
    }

    #[test]
    fn whoever_guesses_elsewhere_keeps_nobody_out_and_gains_nothing_by_their_signing_in() {
        let mut throttle = Throttle::default();
        let now = Timestamp::from_secs(1_000);
        let elsewhere: IpAddr = "203.0.113.7".parse().expect("address");
        throttle.succeeded(now, "mika", HERE);
        (0..ACCOUNT_TRIES).for_each(|_| throttle.failed(now, "mika", elsewhere));
        assert!(throttle.blocked(now, "mika", elsewhere) && !throttle.blocked(now, "mika", HERE));
        throttle.succeeded(now, "mika", HERE);
        assert!(throttle.blocked(now, "mika", elsewhere), "the count of all others stays");
        (0..ACCOUNT_TRIES).for_each(|_| throttle.failed(now, "mika", HERE));
        assert!(throttle.blocked(now, "mika", HERE), "a known address has its own");
        let later = now + KNOWN;
        (0..ACCOUNT_TRIES).for_each(|_| throttle.failed(later, "mika", elsewhere));
        assert!(throttle.blocked(later, "mika", HERE), "it is known no longer");
    }

    #[test]
    fn addresses_of_one_subscriber_are_one() {
        let mut throttle = Throttle::default();
        let now = Timestamp::from_secs(1_000);
        let address = |n: u32| format!("2001:db8:1:2::{n:x}").parse::<IpAddr>().expect("address");
        (0..ADDRESS_TRIES).for_each(|n| throttle.failed(now, &n.to_string(), address(n)));
        assert!(throttle.blocked(now, "somebody", address(60_000)));
        assert!(!throttle.blocked(now, "somebody", "2001:db8:1:3::1".parse().expect("address")));
    }

    #[test]
    fn made_up_names_do_not_wipe_out_a_count() {
        let mut throttle = Throttle::default();
        let now = Timestamp::from_secs(1_000);
        (0..ACCOUNT_TRIES).for_each(|_| throttle.failed(now, "mika", HERE));
        let address = |n: usize| IpAddr::V6((0x2001_0db8_u128 << 96 | (n as u128) << 64).into());
        (0..2 * REMEMBERED).for_each(|n| throttle.failed(now, &format!("nobody{n}"), address(n)));
        assert!(throttle.blocked(now, "mika", HERE));
        assert!(throttle.accounts.0.len() <= REMEMBERED && throttle.addresses.0.len() <= REMEMBERED);
    }
}
