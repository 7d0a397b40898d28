//! What the process was started with: the configuration file, key by key, and what is to be done about changes of it.

mod keys;

pub use keys::{KEYS, Key, find};

use crate::effect::Effect;
use crate::text::Text;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Dotted keys (`listen.c2s`) with their values as text, those that nobody wrote included. None of them is a secret: of
/// certificates and keys the file names the paths.
pub type Entries = BTreeMap<String, String>;

/// Between the values of a list.
pub const SEPARATOR: &str = ", ";

type Read = Box<dyn Fn() -> Result<Entries, Vec<Text>> + Send + Sync>;

/// Told once, by the binary.
pub struct Bootstrap {
    /// `None`: the node runs without a file.
    pub file: Option<PathBuf>,
    in_use: Mutex<Entries>,
    read: Read,
}

impl Bootstrap {
    /// `read`: reads the file as the next start would, or says all that is wrong with it.
    pub fn new(
        file: Option<PathBuf>,
        in_use: Entries,
        read: impl Fn() -> Result<Entries, Vec<Text>> + Send + Sync + 'static,
    ) -> Bootstrap {
        Bootstrap { file, in_use: Mutex::new(in_use), read: Box::new(read) }
    }

    /// What is in use.
    pub fn in_use(&self) -> Entries {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file says now.
    ///
    /// # Errors
    /// All that is wrong with it: with this file no node would start.
    pub fn now(&self) -> Result<Entries, Vec<Text>> {
        (self.read)()
    }

    /// Something was restarted with these entries: its keys are in use from now on.
    pub fn took(&self, effect: Effect, entries: &Entries) {
        let mut in_use = self.lock();
        for key in of(effect) {
            if let Some(value) = entries.get(key) {
                in_use.insert(key.to_owned(), value.clone());
            }
        }
    }
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bootstrap").field("file", &self.file).field("in_use", &self.in_use).finish_non_exhaustive()
    }
}

/// Restarts the process in place.
pub trait Restarter: Send + Sync {
    /// # Errors
    /// Why it would not come back.
    fn ready(&self) -> Result<(), Text>;

    /// Begins, and returns before anything has ended.
    fn restart(&self);
}

/// The keys that wait for this.
pub fn of(effect: Effect) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |key| key.effect == effect).map(|key| key.key)
}

/// The keys whose values differ.
pub fn changed(in_use: &Entries, now: &Entries) -> Vec<&'static Key> {
    KEYS.iter().filter(|key| in_use.get(key.key) != now.get(key.key)).collect()
}

/// The addresses of a key of `[listen]`.
pub fn addresses(entries: &Entries, key: &str) -> Vec<SocketAddr> {
    let words = entries.get(key).map(|value| value.split(SEPARATOR)).into_iter().flatten();
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Where these keys want to listen and cannot, while the addresses that the same keys have in use do not count. Asks the
/// kernel.
pub fn unfree(in_use: &Entries, now: &Entries, keys: &[&str]) -> Vec<Text> {
    let all = |entries: &Entries| -> Vec<SocketAddr> { keys.iter().flat_map(|key| addresses(entries, key)).collect() };
    let ours = all(in_use);
    let wanted = all(now).into_iter().filter(|address| !ours.iter().any(|own| overlap(*own, *address)));
    let refused = |address: SocketAddr| {
        let why = TcpListener::bind(address).err()?;
        Some(Text::new(format!("can't listen on {address}: {why}"), format!("{address} で待ち受けできません: {why}")))
    };
    wanted.filter_map(refused).collect()
}

/// Whether one of them is in the way of the other.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// The keys of `[listen]`.
pub fn listening() -> Vec<&'static str> {
    KEYS.iter().map(|key| key.key).filter(|key| key.starts_with("listen.")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Service;

    fn entries(pairs: &[(&str, &str)]) -> Entries {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_key_says_in_both_languages_what_waits() {
        for key in KEYS {
            let Text { en, ja } = key.meanwhile();
            assert!(!en.is_empty() && !ja.is_ascii(), "{}", key.key);
            assert_ne!(key.effect, Effect::Live, "{}: the file is read at a start only", key.key);
            assert_eq!(KEYS.iter().filter(|other| other.key == key.key).count(), 1, "{}", key.key);
        }
    }

    #[test]
    fn what_a_service_took_is_in_use_and_the_rest_still_waits() {
        let old = entries(&[("listen.c2s", "127.0.0.1:1"), ("log.level", "info")]);
        let new = entries(&[("listen.c2s", "127.0.0.1:2, [::1]:2"), ("log.level", "debug")]);
        let now = new.clone();
        let bootstrap = Bootstrap::new(None, old, move || Ok(now.clone()));
        let waits = |bootstrap: &Bootstrap| -> Vec<&str> {
            changed(&bootstrap.in_use(), &bootstrap.now().unwrap()).iter().map(|key| key.key).collect()
        };
        assert_eq!(waits(&bootstrap), ["listen.c2s", "log.level"]);
        bootstrap.took(Effect::Restart(Service::ClientConnections), &new);
        assert_eq!(waits(&bootstrap), ["log.level"]);
        assert_eq!(addresses(&new, "listen.c2s"), ["127.0.0.1:2".parse().unwrap(), "[::1]:2".parse::<SocketAddr>().unwrap()]);
    }

    #[test]
    fn an_address_that_another_process_has_is_named_and_an_own_one_is_not() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap().to_string();
        let (old, new) = (entries(&[("listen.c2s", "127.0.0.1:0")]), entries(&[("listen.c2s", &taken)]));
        let found = unfree(&old, &new, &["listen.c2s"]);
        assert!(found.len() == 1 && found[0].en.contains(&taken), "{found:?}");
        assert!(unfree(&new, &new, &["listen.c2s"]).is_empty(), "in use by this very node");
        let everywhere = entries(&[("listen.c2s", &taken.replace("127.0.0.1", "0.0.0.0"))]);
        assert!(unfree(&everywhere, &new, &["listen.c2s"]).is_empty());
        drop(other);
        assert!(unfree(&old, &new, &["listen.c2s"]).is_empty());
    }
}
