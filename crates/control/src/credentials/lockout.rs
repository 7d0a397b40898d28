//! The brake on guessing passwords: after some tries an account, and an address, must wait, each time twice as long.
//!
//! Whoever tries for ever from elsewhere must not keep an administrator out: an address that the account has signed in from
//! before has a count of its own for it (the idea of OWASP's device cookies, kept on our side).
//!
//! Every try counts as failed until it has succeeded, so that many at once gain nothing. It is kept in memory: nobody
//! outside can restart a node. An account that does not exist is braked like one that does.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::SIGN_IN_SUBJECTS;
use zaiseki_net::network::subscriber;

/// Tries before the first wait.
pub const ACCOUNT_TRIES: u32 = 5;
/// More people than one may sit behind an address.
pub const ADDRESS_TRIES: u32 = 20;
/// The first wait; each further failure doubles it, up to the longest.
pub const FIRST_WAIT: Duration = Duration::from_secs(2);
pub const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten after this long without another.
pub const MEMORY: Duration = Duration::from_secs(60 * 60);

/// How long an address stays one that the account has signed in from.
pub const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Who failed how often.
#[derive(Debug, Default)]
pub struct Lockout {
    /// From anywhere (`None`), or from an address that is known for the account.
    accounts: Table<Door>,
    addresses: Table<IpAddr>,
    /// When an account last signed in from an address.
    known: HashMap<(String, IpAddr), Timestamp>,
}

type Door = (String, Option<IpAddr>);

impl Lockout {
    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait; the try is then not to be looked at, and not counted.
    pub fn attempt(&mut self, account: &str, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let address = subscriber(address);
        let old = self.known.get(&(account.to_owned(), address)).is_some_and(|last| now.0 - last.0 >= micros(KNOWN));
        if old {
            self.known.remove(&(account.to_owned(), address));
        }
        let door = self.door(account, address);
        let waits = [self.accounts.wait(&door, ACCOUNT_TRIES, now), self.addresses.wait(&address, ADDRESS_TRIES, now)];
        if let Some(longest) = waits.into_iter().flatten().max() {
            return Err(longest);
        }
        self.accounts.count(door, now);
        self.addresses.count(address, now);
        Ok(())
    }

    /// Which count a try belongs to.
    fn door(&self, account: &str, address: IpAddr) -> Door {
        let pair = (account.to_owned(), address);
        let known = self.known.contains_key(&pair);
        (pair.0, known.then_some(address))
    }

    /// The try counted before was right.
    pub fn succeeded(&mut self, account: &str, address: IpAddr) {
        let address = subscriber(address);
        if let Some((_, tried)) = self.accounts.failures.remove(&self.door(account, address)) {
            self.remember(account, address, tried);
        }
        if let Some((count, _)) = self.addresses.failures.get_mut(&address) {
            *count = count.saturating_sub(1);
        }
    }

    fn remember(&mut self, account: &str, address: IpAddr, now: Timestamp) {
        let pair = (account.to_owned(), address);
        if self.known.len() >= SIGN_IN_SUBJECTS && !self.known.contains_key(&pair) {
            let oldest = self.known.iter().min_by_key(|(_, last)| **last).map(|(pair, _)| pair.clone());
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        self.known.insert(pair, now);
    }

    /// The try counted before was neither right nor wrong, such as a right password without the code. What failed before
    /// still counts: else whoever knows the password could clear the count between two guesses of the code.
    pub fn undecided(&mut self, account: &str, address: IpAddr) {
        let address = subscriber(address);
        let door = self.door(account, address);
        if let Some((count, _)) = self.accounts.failures.get_mut(&door) {
            *count = count.saturating_sub(1);
        }
        if let Some((count, _)) = self.addresses.failures.get_mut(&address) {
            *count = count.saturating_sub(1);
        }
    }

    /// Lets an account try again at once.
    pub fn forget(&mut self, account: &str) {
        self.accounts.failures.retain(|(name, _), _| name != account);
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[derive(Debug)]
struct Table<K> {
    failures: HashMap<K, (u32, Timestamp)>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table { failures: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone> Table<K> {
    fn wait(&self, key: &K, tries: u32, now: Timestamp) -> Option<Duration> {
        let (count, last) = self.failures.get(key)?;
        let beyond = count.checked_sub(tries)?;
        let wait = FIRST_WAIT.saturating_mul(1 << beyond.min(20)).min(LONGEST_WAIT);
        let left = (last.0 + micros(wait)).saturating_sub(now.0);
        (left > 0).then(|| Duration::from_micros(left.unsigned_abs()))
    }

    fn count(&mut self, key: K, now: Timestamp) {
        let old = now - MEMORY;
        if self.failures.len() >= SIGN_IN_SUBJECTS && !self.failures.contains_key(&key) {
            self.failures.retain(|_, (_, last)| *last > old);
            let oldest = self.failures.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone());
            if let (Some(oldest), true) = (oldest, self.failures.len() >= SIGN_IN_SUBJECTS) {
                self.failures.remove(&oldest);
            }
        }
        let entry = self.failures.entry(key).or_insert((0, now));
        let before = if entry.1 <= old { 0 } else { entry.0 };
        *entry = (before + 1, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    fn other(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn an_account_waits_longer_each_time_wherever_the_tries_come_from() {
        let mut lockout = Lockout::default();
        for n in 0..ACCOUNT_TRIES {
            assert_eq!(lockout.attempt("hana", other(n), at(0)), Ok(()));
        }
        assert_eq!(lockout.attempt("hana", other(9), at(0)), Err(FIRST_WAIT));
        assert_eq!(lockout.attempt("ken", other(9), at(0)), Ok(()));
        assert_eq!(lockout.attempt("hana", other(9), at(2)), Ok(()));
        assert_eq!(lockout.attempt("hana", other(9), at(2)), Err(FIRST_WAIT * 2));
        let mut now = 2;
        for _ in 0..30 {
            now += i64::try_from(LONGEST_WAIT.as_secs()).unwrap();
            assert_eq!(lockout.attempt("hana", other(9), at(now)), Ok(()));
        }
        assert_eq!(lockout.attempt("hana", other(10), at(now)), Err(LONGEST_WAIT));
        lockout.succeeded("hana", other(10));
        assert_eq!(lockout.attempt("hana", other(10), at(now)), Ok(()));
    }

    #[test]
    fn who_guesses_elsewhere_keeps_nobody_out_who_has_been_in() {
        let mut lockout = Lockout::default();
        assert_eq!(lockout.attempt("hana", ADDRESS, at(0)), Ok(()));
        lockout.succeeded("hana", ADDRESS);
        for n in 0..ACCOUNT_TRIES {
            assert_eq!(lockout.attempt("hana", other(n), at(0)), Ok(()));
        }
        assert_eq!(lockout.attempt("hana", other(99), at(0)), Err(FIRST_WAIT), "strangers wait");
        for _ in 0..ACCOUNT_TRIES {
            assert_eq!(lockout.attempt("hana", ADDRESS, at(0)), Ok(()), "the known address does not");
        }
        assert_eq!(lockout.attempt("hana", ADDRESS, at(0)), Err(FIRST_WAIT), "but it has a count too");
        assert_eq!(lockout.attempt("ken", ADDRESS, at(0)), Ok(()), "and is known for that account only");
        lockout.forget("hana");
        assert_eq!(lockout.attempt("hana", other(99), at(0)), Ok(()));
        // After a while it is a stranger's again.
        let later = at(i64::try_from(KNOWN.as_secs()).unwrap());
        for n in 0..ACCOUNT_TRIES {
            assert_eq!(lockout.attempt("hana", other(n), later), Ok(()));
        }
        assert_eq!(lockout.attempt("hana", ADDRESS, later), Err(FIRST_WAIT));
    }

    #[test]
    fn known_addresses_are_bounded_too() {
        let mut lockout = Lockout::default();
        for n in 0..=SIGN_IN_SUBJECTS {
            let (address, second) = (other(u32::try_from(n).unwrap()), i64::try_from(n).unwrap());
            assert_eq!(lockout.attempt("hana", address, at(second)), Ok(()));
            lockout.succeeded("hana", address);
        }
        assert_eq!(lockout.known.len(), SIGN_IN_SUBJECTS);
        assert!(!lockout.known.contains_key(&("hana".to_owned(), other(0))));
    }

    #[test]
    fn an_address_waits_whichever_accounts_it_tries() {
        let mut lockout = Lockout::default();
        for n in 0..ADDRESS_TRIES {
            assert_eq!(lockout.attempt(&format!("a{n}"), ADDRESS, at(0)), Ok(()));
        }
        assert_eq!(lockout.attempt("b", ADDRESS, at(0)), Err(FIRST_WAIT));
        assert_eq!(lockout.attempt("b", other(1), at(0)), Ok(()));
        // Failures are forgotten after a while.
        let later = at(i64::try_from(MEMORY.as_secs()).unwrap());
        for n in 0..ADDRESS_TRIES {
            assert_eq!(lockout.attempt(&format!("c{n}"), ADDRESS, later), Ok(()));
        }
        assert!(lockout.attempt("c", ADDRESS, later).is_err());
    }

    #[test]
    fn whoever_succeeds_does_not_pay_for_the_tries() {
        let mut lockout = Lockout::default();
        for _ in 0..3 * ADDRESS_TRIES {
            assert_eq!(lockout.attempt("hana", ADDRESS, at(0)), Ok(()));
            lockout.succeeded("hana", ADDRESS);
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let near: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(subscriber(near), subscriber("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(subscriber(near), subscriber("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(subscriber("::ffff:192.0.2.1".parse().unwrap()), ADDRESS);
    }

    #[test]
    fn the_table_is_bounded_and_the_newest_stay() {
        let mut lockout = Lockout::default();
        for n in 0..=SIGN_IN_SUBJECTS {
            let (account, second) = (format!("a{n}"), i64::try_from(n / 10).unwrap());
            assert_eq!(lockout.attempt(&account, other(u32::try_from(n).unwrap()), at(second)), Ok(()));
        }
        assert_eq!((lockout.accounts.failures.len(), lockout.addresses.failures.len()), (SIGN_IN_SUBJECTS, SIGN_IN_SUBJECTS));
        assert!(lockout.accounts.failures.contains_key(&(format!("a{SIGN_IN_SUBJECTS}"), None)));
    }
}
