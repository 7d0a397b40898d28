//! Many users at once: what a synchronisation changes, who is enabled for IM and presence, and duplicates.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result};
use crate::profiles::{Person, person_view};
use crate::users::{NewUser, object};
use rusqlite::{OptionalExtension, params};
use serde_json::json;
use zaiseki_model::{Profile, User, UserId};

/// One step of a synchronisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonChange {
    /// A new account without keys.
    Create(Box<Person>),
    /// Everything but id and keys; another name renames the user.
    Update {
        /// When the change was decided.
        seen: Box<Person>,
        to: Box<Person>,
    },
    Remove(UserId),
}

/// A value that several users have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub value: String,
    /// By name.
    pub users: Vec<User>,
}

/// A field that should be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    Mail,
    DirectoryUri,
}

/// `to`, decided on when the person was as `seen`, for the person of `now`; `None` when what a directory speaks of is another.
fn settle(now: &Person, seen: &Person, to: &Person) -> Option<Person> {
    // What administrators and users decide at any time, without a word of the directory.
    let by_hand = |mut person: Person, from: &Person| {
        let User { enabled, calendar, im, .. } = from.user;
        (person.user.enabled, person.user.calendar, person.user.im) = (enabled, calendar, im);
        (person.held, person.unlisted) = (from.held, from.unlisted);
        (person.home_cluster, person.node) = (from.home_cluster.clone(), from.node.clone());
        person
    };
    if now == seen {
        return Some(to.clone());
    }
    if by_hand(now.clone(), seen) != *seen || (now.held.mail, now.held.directory_uri) != (seen.held.mail, seen.held.directory_uri)
    {
        return None;
    }
    let mut kept = by_hand(to.clone(), now);
    if now.held.disabled == seen.held.disabled {
        kept.held.disabled = to.held.disabled;
    }
    // An entry that is gone or locked locks its user all the same.
    let locked = !to.user.enabled && to.origin.as_ref().is_some_and(|origin| !origin.active);
    kept.user.enabled = match now.user.enabled == seen.user.enabled {
        true => to.user.enabled && !kept.held.disabled,
        false => now.user.enabled && !locked,
    };
    Some(kept)
}

impl Database {
    /// Carries steps out in one transaction with an audit row for each. Steps that have lost their ground (the name taken, the
    /// user gone, or what the directory says of them changed by hand meanwhile) are left out; their indexes are returned. What a
    /// directory says nothing of stays as somebody has set it meanwhile: who may sign in, and IM and presence.
    pub fn change_people(&mut self, changes: &[PersonChange], audit: &Audit) -> Result<Vec<usize>> {
        let operation = "synchronising users";
        let tx = self.begin(operation)?;
        let mut left_out = Vec::new();
        let mut gone = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let done = match change {
                PersonChange::Create(person) => self.create_person(person, audit)?,
                PersonChange::Update { seen, to } => self.update_person(seen, to, audit)?,
                PersonChange::Remove(user) => {
                    gone.push(*user);
                    self.remove_in(*user, audit)?
                }
            };
            if !done {
                left_out.push(index);
            }
        }
        tx.commit().doing(operation)?;
        gone.into_iter().for_each(|user| self.forget_key(user));
        Ok(left_out)
    }

    /// Updates users who get each other's names, in one transaction. `seen`: the same people when the change was decided. False,
    /// and nothing done, when one of them is gone or changed, or somebody else goes by one of the names.
    pub fn exchange_people(&mut self, seen: &[Person], people: &[Person], audit: &Audit) -> Result<bool> {
        let operation = "exchanging the names of users";
        let tx = self.begin(operation)?;
        let mut settled = Vec::with_capacity(people.len());
        for (seen, to) in seen.iter().zip(people) {
            let Some(to) = self.person(to.user.id)?.and_then(|now| settle(&now, seen, to)) else { return Ok(false) };
            settled.push(to);
        }
        if !self.exchange_names(&settled, audit)? {
            return Ok(false);
        }
        tx.commit().doing(operation)?;
        Ok(true)
    }

    fn create_person(&self, person: &Person, audit: &Audit) -> Result<bool> {
        // The account as the profile says, so that it need not be written twice.
        let Profile { display_name, mail, language, .. } = &person.profile;
        let (display_name, mail, language) = (display_name.clone(), mail.clone(), language.clone());
        let user = User { display_name, mail, language, ..person.user.clone() };
        self.insert_user(&NewUser { user, sha256: None, sha1: None, profile: None }, Some(person), audit)
    }

    fn update_person(&self, seen: &Person, to: &Person, audit: &Audit) -> Result<bool> {
        let Some(before) = self.person(to.user.id)? else { return Ok(false) };
        let Some(person) = &settle(&before, seen, to) else { return Ok(false) };
        if !self.rename_in(person.user.id, &person.user.name, person.user.user_id.as_deref(), audit)? {
            return Ok(false);
        }
        self.synchronised(&before, person, audit)?;
        Ok(true)
    }

    pub(crate) fn synchronised(&self, before: &Person, person: &Person, audit: &Audit) -> Result<()> {
        self.write_person(person)?;
        let (old, new) = (person_view(before), person_view(person));
        self.write_audit(audit, "user.sync", &object(&before.user.name), Some(&old), Some(&new))
    }

    /// Enables users for IM and presence, or disables them, in one transaction. Those that changed are returned; users who
    /// are gone or are so already are left out.
    pub fn set_im(&mut self, users: &[UserId], im: bool, audit: &Audit) -> Result<Vec<UserId>> {
        let operation = "enabling users for IM and presence";
        let tx = self.begin(operation)?;
        let changed = self.set_im_within(users, im, audit)?;
        tx.commit().doing(operation)?;
        Ok(changed)
    }

    /// The same within a transaction of the caller.
    pub(crate) fn set_im_within(&self, users: &[UserId], im: bool, audit: &Audit) -> Result<Vec<UserId>> {
        let operation = "enabling users for IM and presence";
        let mut changed = Vec::new();
        for user in users {
            let sql = "UPDATE account SET im = ?2 WHERE id = ?1 AND im <> ?2 RETURNING name, user_key";
            let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
            let row = statement.query_row(params![user.0, im], |row| Ok((row.get(0)?, row.get(1)?))).optional();
            let Some((name, key)): Option<(String, i64)> = row.doing(operation)? else { continue };
            self.drop_unfounded_keys(key)?;
            self.refresh_search(key)?;
            let action = if im { "user.im_enable" } else { "user.im_disable" };
            self.write_audit(audit, action, &object(&name), Some(&json!({"im": !im})), Some(&json!({"im": im})))?;
            changed.push(*user);
        }
        Ok(changed)
    }

    /// Every value that more than one user of the served domain has, ASCII letters in either case; all of them.
    /// It costs what is shared, however many users there are.
    pub fn duplicates(&self, field: UniqueField) -> Result<Vec<Duplicate>> {
        let operation = "looking for duplicates";
        let mut statement = self.conn.prepare_cached(&shared_by(field)).doing(operation)?;
        let rows = statement.query_map([&self.domain], |row| Ok((row.get(12)?, crate::users::user(row)?))).doing(operation)?;
        let mut found: Vec<Duplicate> = Vec::new();
        for row in rows {
            let (value, user): (String, User) = row.doing(operation)?;
            match found.last_mut().filter(|last| last.value == value) {
                Some(last) => last.users.push(user),
                None => found.push(Duplicate { value, users: vec![user] }),
            }
        }
        // A directory URI may be shared with an account of another domain only.
        found.retain(|one| one.users.len() > 1);
        Ok(found)
    }
}

/// Who shares what. Triggers keep the lists of what is shared (step 18 of the schema); who shares nothing is not looked at. The indexes
/// are of `lower(…)`, which a plain column is not compared by; nor must the order lead to another index.
fn shared_by(field: UniqueField) -> String {
    let (domain, from) = match field {
        UniqueField::Mail => (
            "s.domain = ?1",
            "shared_mail s CROSS JOIN account a ON a.domain = s.domain AND lower(a.mail) = lower(s.value) AND a.mail <> ''",
        ),
        UniqueField::DirectoryUri => (
            "a.domain = ?1",
            "shared_directory_uri s CROSS JOIN profile p ON lower(p.directory_uri) = lower(s.value) AND p.directory_uri <> ''
             CROSS JOIN account a ON a.user_key = p.user_key",
        ),
    };
    format!(
        "SELECT a.id, a.name, a.display_name, a.mail, a.telephone, a.language, a.enabled, a.calendar, a.user_key,
         a.roster_version, a.im, a.user_id, s.value FROM {from} WHERE {domain} ORDER BY lower(s.value), a.name"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_along_the_indexes_of_what_is_shared() {
        let db = Database::open_in_memory("example.com").unwrap();
        for (field, index) in [(UniqueField::Mail, "account_mail"), (UniqueField::DirectoryUri, "profile_directory_uri")] {
            let mut statement = db.conn.prepare(&format!("EXPLAIN QUERY PLAN {}", shared_by(field))).unwrap();
            let plan = statement.query_map(["example.com"], |row| row.get(3)).unwrap();
            let plan: Vec<String> = plan.map(std::result::Result::unwrap).collect();
            let sought = |step: &String| step.starts_with("SEARCH") && step.contains(index) && step.contains("<expr>=?");
            assert!(plan.iter().any(sought), "{plan:?}");
        }
    }
}
