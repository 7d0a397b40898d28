//! The users of a run and who knows whom: a ring, so that everybody has the same number of contacts.

use crate::client::{Account, Kind, PATIENCE, Session, Target};
use crate::load::{each, ring};
use crate::scram::{Hash, Keys};
use crate::xml::{self, Piece};
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// Iterations of every stored SCRAM key (the smallest number RFC 7677 §4 allows).
pub const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");
const SALT: &[u8] = b"salt-of-all-users";
const PASSWORD: &str = "correct horse";

/// Which accounts and rosters a row needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Population {
    pub users: usize,
    /// Contacts of each user, an even number below `users`; all subscriptions are `both`.
    pub contacts: usize,
}

impl Population {
    pub fn accounts(self) -> Vec<Arc<Account>> {
        (0..self.users).map(|i| Arc::new(Account::new(name(i), PASSWORD.to_owned()))).collect()
    }

    /// `userid,password` lines.
    pub fn csv(self) -> String {
        (0..self.users).map(|i| format!("{},{PASSWORD}\n", name(i))).collect()
    }

    /// Writes accounts and rosters as Prosody keeps them (`DIR/<host>/accounts/*.dat`, `…/roster/*.dat`), one salt for
    /// all; ejabberd can import the same folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write_prosody_files(self, dir: &Path, domain: &str) -> Result<()> {
        let host = dir.join(domain.replace('.', "%2e").replace('-', "%2d"));
        let (accounts, rosters) = (host.join("accounts"), host.join("roster"));
        std::fs::create_dir_all(&accounts)?;
        std::fs::create_dir_all(&rosters)?;
        let keys = Keys::derive(Hash::Sha1, PASSWORD, SALT, ITERATIONS);
        let account = format!(
            "return {{\n\t[\"iteration_count\"] = {ITERATIONS};\n\t[\"salt\"] = \"{}\";\n\t[\"stored_key\"] = \"{}\";\n\t[\"server_key\"] = \"{}\";\n}};\n",
            String::from_utf8_lossy(SALT),
            hex(&keys.stored),
            hex(&keys.server)
        );
        for i in 0..self.users {
            std::fs::write(accounts.join(format!("{}.dat", name(i))), &account)?;
            if self.contacts > 0 {
                std::fs::write(rosters.join(format!("{}.dat", name(i))), self.roster(i, domain)?)?;
            }
        }
        Ok(())
    }

    fn roster(self, i: usize, domain: &str) -> Result<String> {
        let mut out = String::from("return {\n\t[false] = { [\"version\"] = 1; [\"pending\"] = {}; };\n");
        for contact in ring(i, self.users, self.contacts) {
            let jid = name(contact);
            writeln!(
                out,
                "\t[\"{jid}@{domain}\"] = {{ [\"subscription\"] = \"both\"; [\"groups\"] = {{}}; [\"name\"] = \"{jid}\"; }};"
            )?;
        }
        out.push_str("};\n");
        Ok(out)
    }
}

/// The name of user number `i`.
pub fn name(i: usize) -> String {
    format!("u{i:05}")
}

/// The number of the user in a JID whose localpart [`name`] made.
pub fn number(jid: &[u8]) -> Option<usize> {
    let at = memchr::memchr(b'@', jid)?;
    std::str::from_utf8(jid.get(1..at)?).ok()?.parse().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Makes the ring of contacts over the wire, for a server whose rosters cannot be written beforehand: everybody is
/// online, asks for the presence of each contact and grants what is asked (a server that grants by itself is fine too).
///
/// # Errors
/// Somebody waits nine minutes for a contact.
pub async fn befriend(target: &Target, accounts: &[Arc<Account>], contacts: usize) -> Result<()> {
    let sessions = each(accounts.to_vec(), 32, |account, _| {
        let target = target.clone();
        async move {
            let mut session = Session::sign_in(&target, &account, false).await?;
            session.out.extend_from_slice(b"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
            session.become_available().await?;
            Ok(session)
        }
    })
    .await?;
    let missing = Arc::new(AtomicUsize::new(sessions.len()));
    let (all_done, done) = watch::channel(false);
    let all_done = Arc::new(all_done);
    let users = accounts.len();
    each(sessions, users, |session, i| {
        let friend = Friend { wanted: ring(i, users, contacts).map(name).collect(), session, domain: target.domain.clone() };
        let (missing, all_done, done) = (missing.clone(), all_done.clone(), done.clone());
        async move { friend.run(&missing, &all_done, done).await }
    })
    .await?;
    Ok(())
}

struct Friend {
    session: Session,
    domain: String,
    /// Contacts whose subscription is not yet `both`.
    wanted: HashSet<String>,
}

impl Friend {
    async fn run(mut self, missing: &AtomicUsize, all_done: &watch::Sender<bool>, mut done: watch::Receiver<bool>) -> Result<()> {
        for contact in &self.wanted {
            write!(self.session.out, "<presence type='subscribe' to='{contact}@{}'/>", self.domain)?;
        }
        while !*done.borrow_and_update() {
            let before = self.wanted.len();
            self.take()?;
            if before > 0 && self.wanted.is_empty() && missing.fetch_sub(1, Ordering::SeqCst) == 1 {
                all_done.send_replace(true);
            }
            self.session.flush().await?;
            tokio::select! {
                filled = self.session.fill() => filled?,
                _ = done.changed() => {}
                () = tokio::time::sleep(PATIENCE * 6) => {
                    anyhow::bail!("{} still waits for {} contacts", self.session.jid, self.wanted.len());
                }
            }
        }
        self.session.close(|_| Ok(())).await
    }

    fn take(&mut self) -> Result<()> {
        while let Some(piece) = self.session.splitter.next()? {
            let Piece::Element(element) = piece else { continue };
            let kind = Kind::of(element);
            if kind == Kind::Presence && xml::attr(element, "type") == Some(b"subscribe") {
                let from = xml::attr(element, "from").context("a request from nobody")?;
                write!(self.session.out, "<presence type='subscribed' to='{}'/>", String::from_utf8_lossy(from))?;
            } else if kind == Kind::Iq && xml::attr(element, "type") == Some(b"set") {
                let id = String::from_utf8_lossy(xml::attr(element, "id").unwrap_or_default());
                write!(self.session.out, "<iq type='result' id='{id}'/>")?;
                if let Some(at) = xml::find_tag(element, "item")
                    && xml::attr(&element[at..], "subscription") == Some(b"both")
                    && let Some(contact) = xml::attr(&element[at..], "jid").and_then(number)
                {
                    self.wanted.remove(&name(contact));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(name(42), "u00042");
        assert_eq!(number(b"u00042@bench.example/bench"), Some(42));
        assert_eq!(number(b"bench.example"), None);
    }

    #[test]
    fn files_hold_every_user_and_contact() {
        let dir = tempfile::tempdir().unwrap();
        Population { users: 6, contacts: 4 }.write_prosody_files(dir.path(), "bench.example").unwrap();
        let roster = std::fs::read_to_string(dir.path().join("bench%2eexample/roster/u00000.dat")).unwrap();
        for contact in [1, 2, 4, 5] {
            assert!(roster.contains(&format!("[\"u0000{contact}@bench.example\"]")), "{roster}");
        }
        assert!(!roster.contains("u00000@") && !roster.contains("u00003@"));
        assert_eq!(std::fs::read_dir(dir.path().join("bench%2eexample/accounts")).unwrap().count(), 6);
    }
}
