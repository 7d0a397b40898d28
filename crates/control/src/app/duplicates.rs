//! User ids, mail addresses and directory URIs that several users claim: all of them, and their resolution.

use super::{Actor, App, audit, directories, profiles, settled};
use crate::alarms::catalogue::DIRECTORY_DUPLICATES;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use zaiseki_store::{Database, DirectoryProblem, Origin, Person, StoreError, UniqueField};
use zaiseki_xmpp::jid;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Duplicates {
    /// Of one directory each.
    pub user_ids: Vec<DuplicateUserId>,
    pub mails: Vec<DuplicateValue>,
    pub directory_uris: Vec<DuplicateValue>,
}

/// A user id that several entries of a directory have, as of its last synchronisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DuplicateUserId {
    pub value: String,
    pub directory: String,
    /// The entries; the one that has the account, if any, comes first.
    pub places: Vec<String>,
    /// Whether the first has it.
    pub assigned: bool,
}

/// A value that should be one user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DuplicateValue {
    pub value: String,
    /// User ids.
    pub users: Vec<String>,
}

/// Which of them keeps the value.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "field", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resolution {
    /// The entry at the place `keep` gets (or keeps) the account; the others are left out of later synchronisations.
    UserId {
        directory: String,
        value: String,
        keep: String,
    },
    /// The user `keep` keeps the mail address; the others are without, whatever their directory says.
    Mail {
        value: String,
        keep: String,
    },
    DirectoryUri {
        value: String,
        keep: String,
    },
}

pub fn find(app: &App) -> Result<Duplicates> {
    let found = app.store().query(|db| {
        let mut user_ids = Vec::new();
        for directory in db.directories()? {
            user_ids.extend(claims(db, &directory)?.into_iter().map(|(value, claim)| DuplicateUserId {
                value: jid::unescape_local(&value),
                directory: directory.name.clone(),
                assigned: claim.owner.is_some(),
                places: claim.places(),
            }));
        }
        Ok((user_ids, db.duplicates(UniqueField::Mail)?, db.duplicates(UniqueField::DirectoryUri)?))
    })?;
    let values = |all: Vec<zaiseki_store::Duplicate>| {
        let view = |d: zaiseki_store::Duplicate| DuplicateValue {
            value: d.value,
            users: d.users.iter().map(|user| jid::unescape_local(user.user_id())).collect(),
        };
        all.into_iter().map(view).collect()
    };
    Ok(Duplicates { user_ids: found.0, mails: values(found.1), directory_uris: values(found.2) })
}

/// Carries a choice out. An entry that gets an account takes effect with the next synchronisation.
///
/// # Errors
/// `not-found` when `keep` is none of those who have the value.
pub fn resolve(app: &App, actor: &Actor, resolution: &Resolution) -> Result<Duplicates> {
    match resolution {
        Resolution::UserId { directory, value, keep } => keep_entry(app, actor, directory, value, keep)?,
        Resolution::Mail { value, keep } => keep_value(app, actor, UniqueField::Mail, value, keep)?,
        Resolution::DirectoryUri { value, keep } => keep_value(app, actor, UniqueField::DirectoryUri, value, keep)?,
    }
    let left = find(app)?;
    tell_alarms(app, &left);
    Ok(left)
}

/// One alarm for each kind of value that has duplicates.
pub(crate) fn tell_alarms(app: &App, found: &Duplicates) {
    let (ids, mails, uris) = (found.user_ids.len(), found.mails.len(), found.directory_uris.len());
    for (subject, count) in [("user-id", ids), ("mail", mails), ("directory-uri", uris)] {
        if count == 0 {
            app.alarms().clear(&DIRECTORY_DUPLICATES, subject);
            continue;
        }
        let en = format!("values that several users or entries have: {count}");
        app.alarms().raise(&DIRECTORY_DUPLICATES, subject, Text::new(en, format!("重複している値: {count} 件")));
    }
}

/// Who claims one user id.
#[derive(Default)]
struct Claim {
    owner: Option<Origin>,
    others: Vec<DirectoryProblem>,
}

impl Claim {
    fn places(&self) -> Vec<String> {
        let others = self.others.iter().map(|problem| problem.place.clone());
        self.owner.iter().map(|origin| origin.place.clone()).chain(others).collect()
    }

    /// Key and place of every entry.
    fn entries(&self) -> Vec<(String, String)> {
        let owner = self.owner.iter().map(|origin| (origin.key.clone(), origin.place.clone()));
        let others = self.others.iter().filter_map(|problem| Some((problem.key.clone()?, problem.place.clone())));
        owner.chain(others).collect()
    }
}

/// By localpart.
fn claims(db: &Database, directory: &zaiseki_store::Directory) -> Result<BTreeMap<String, Claim>, StoreError> {
    let ignored = db.ignored_entries(directory.id)?;
    let mut claims: BTreeMap<String, Claim> = BTreeMap::new();
    for problem in db.directory_problems(directory.id, Some("duplicate"), 0)? {
        if !ignored.iter().any(|(key, _)| Some(key) == problem.key.as_ref()) {
            claims.entry(problem.name.clone()).or_default().others.push(problem);
        }
    }
    for (name, claim) in &mut claims {
        let Some(user) = db.user_by_name(name)? else { continue };
        claim.owner = db.person(user.id)?.and_then(|person| person.origin).filter(|o| o.directory == directory.id);
    }
    claims.retain(|_, claim| claim.entries().len() > 1);
    Ok(claims)
}

fn keep_entry(app: &App, actor: &Actor, directory: &str, value: &str, keep: &str) -> Result<()> {
    let row = directories::find(app, directory)?;
    let (local, read) = (super::users::localpart(value)?, row.clone());
    let claim = app.store().query(move |db| Ok(claims(db, &read)?.remove(&local)))?.ok_or_else(|| profiles::no_entry(value))?;
    let (kept, others): (Vec<_>, Vec<_>) = claim.entries().into_iter().partition(|(_, place)| place == keep);
    let [(key, place)] = kept.as_slice() else { return Err(profiles::no_entry(keep)) };
    if claim.owner.as_ref().is_some_and(|owner| owner.key != *key) {
        settled(|| {
            let seen = profiles::find(app, value)?;
            let taken = |origin: Origin| Origin { key: key.clone(), place: place.clone(), missing_since: None, ..origin };
            let person = Person { origin: seen.origin.clone().map(taken), ..seen.clone() };
            profiles::write(app, actor, &seen, &person)
        })?;
    }
    let (id, audit) = (row.id, audit(actor));
    Ok(app.store().call(move |db| db.ignore_entries(id, &others, true, &audit))?)
}

fn keep_value(app: &App, actor: &Actor, field: UniqueField, value: &str, keep: &str) -> Result<()> {
    let wanted = value.to_ascii_lowercase();
    let found = app.store().query(move |db| Ok(db.duplicates(field)?.into_iter().find(|d| d.value == wanted)))?;
    let users = found.map(|duplicate| duplicate.users).ok_or_else(|| profiles::no_entry(value))?;
    let kept = super::users::find(app, keep)?;
    if !users.iter().any(|user| user.id == kept.id) {
        return Err(profiles::no_entry(keep));
    }
    for user in users.iter().filter(|user| user.id != kept.id) {
        settled(|| {
            let seen = profiles::find(app, &user.name)?;
            let (mut person, outside) = (seen.clone(), seen.origin.is_some());
            match field {
                UniqueField::Mail => {
                    (person.profile.mail, person.user.mail) = (String::new(), String::new());
                    person.held.mail |= outside;
                }
                UniqueField::DirectoryUri => {
                    person.profile.directory_uri = String::new();
                    person.held.directory_uri |= outside;
                }
            }
            profiles::write(app, actor, &seen, &person)
        })?;
    }
    Ok(())
}

/// Takes an entry that was left out in again, by its place.
///
/// # Errors
/// `not-found` when no such entry is left out.
pub fn take_again(app: &App, actor: &Actor, directory: &str, place: &str) -> Result<Vec<String>> {
    let row = directories::find(app, directory)?;
    let (id, wanted) = (row.id, place.to_owned());
    let entries = app.store().query(move |db| db.ignored_entries(id))?;
    let chosen: Vec<(String, String)> = entries.into_iter().filter(|(_, place)| *place == wanted).collect();
    if chosen.is_empty() {
        let en = format!("no entry \"{place}\" is left out");
        return Err(ControlError::NotFound {
            text: Text::new(en, format!("除外されたエントリー \"{place}\" はありません"))
        });
    }
    let audit = audit(actor);
    app.store().call(move |db| db.ignore_entries(id, &chosen, false, &audit))?;
    left_out(app, directory)
}

/// The places of the entries that are left out.
pub fn left_out(app: &App, directory: &str) -> Result<Vec<String>> {
    let id = directories::find(app, directory)?.id;
    let entries = app.store().query(move |db| db.ignored_entries(id))?;
    Ok(entries.into_iter().map(|(_, place)| place).collect())
}
