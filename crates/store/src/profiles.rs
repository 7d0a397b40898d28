//! What is known of a user beyond the account: names, numbers, devices, where the user is homed, and which entry of which
//! directory the account belongs to.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use crate::users::object;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use std::collections::HashMap;
use zaiseki_model::{Device, DirectoryId, Number, NumberKind, Profile, Timestamp, User, UserId};

/// A user with everything known of them. `profile.display_name`, `mail` and `language` repeat the account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub user: User,
    pub profile: Profile,
    pub devices: Vec<Device>,
    /// Not assigned while `None`.
    pub home_cluster: Option<String>,
    pub node: Option<String>,
    pub held: Held,
    /// Other users do not find the user.
    pub unlisted: bool,
    pub origin: Option<Origin>,
}

/// The entry of a directory that an account belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub directory: DirectoryId,
    pub key: String,
    pub place: String,
    /// The entry is there, and not locked.
    pub active: bool,
    /// Since when the directory has not had it.
    pub missing_since: Option<Timestamp>,
}

/// An account that does not belong to a certain directory, and what it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outsider {
    pub user: UserId,
    pub name: String,
    pub user_id: Option<String>,
    /// The entry of another directory.
    pub origin: Option<Origin>,
    /// The directory URI that an administrator set against the directory; empty for none.
    pub held_uri: Option<String>,
}

/// What an administrator has set against the directory; synchronising leaves it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub mail: bool,
    pub directory_uri: bool,
    /// Disabled, whatever the entry says.
    pub disabled: bool,
}

impl Held {
    fn bits(self) -> i64 {
        i64::from(self.mail) | i64::from(self.directory_uri) << 1 | i64::from(self.disabled) << 2
    }

    fn from_bits(bits: i64) -> Held {
        Held { mail: bits & 1 != 0, directory_uri: bits & 2 != 0, disabled: bits & 4 != 0 }
    }
}

impl Person {
    /// Somebody of the built-in directory.
    pub fn new(user: User, profile: Profile) -> Person {
        let profile = Profile {
            display_name: user.display_name.clone(),
            mail: user.mail.clone(),
            language: user.language.clone(),
            ..profile
        };
        let (devices, held) = (Vec::new(), Held::default());
        Person { user, profile, devices, home_cluster: None, node: None, held, unlisted: false, origin: None }
    }
}

const SELECT: &str = "SELECT a.id, a.name, a.display_name, a.mail, a.telephone, a.language, a.enabled, a.calendar,
    a.user_key, a.roster_version, a.im, a.user_id,
    coalesce(p.given_name, ''), coalesce(p.family_name, ''), coalesce(p.phonetic_name, ''),
    coalesce(p.directory_uri, ''), coalesce(p.department, ''), coalesce(p.title, ''), p.home_cluster, p.node,
    coalesce(p.held, 0), coalesce(p.unlisted, FALSE), o.directory, o.source_key, o.place, o.active, o.missing_since
    FROM account a LEFT JOIN profile p ON p.user_key = a.user_key LEFT JOIN user_origin o ON o.user_key = a.user_key";

impl Database {
    pub fn person(&self, id: UserId) -> Result<Option<Person>> {
        let operation = "reading a user's profile";
        let mut statement = self.conn.prepare_cached(&format!("{SELECT} WHERE a.id = ?1")).doing(operation)?;
        let Some((key, mut person)) = statement.query_row([id.0], person).optional().doing(operation)? else { return Ok(None) };
        let sql = "SELECT user_key, kind, number FROM user_number WHERE user_key = ?1 ORDER BY position";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([key], number).doing(operation)?;
        person.profile.numbers =
            rows.map(|row| row.map(|(_, number)| number)).collect::<rusqlite::Result<_>>().doing(operation)?;
        let sql = "SELECT user_key, name, kind, line FROM user_device WHERE user_key = ?1 ORDER BY name";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([key], device).doing(operation)?;
        person.devices = rows.map(|row| row.map(|(_, device)| device)).collect::<rusqlite::Result<_>>().doing(operation)?;
        Ok(Some(person))
    }

    /// Everybody whose account belongs to the directory, in one pass.
    pub fn people_of(&self, directory: DirectoryId) -> Result<Vec<Person>> {
        let operation = "reading the users of a directory";
        // One snapshot.
        let tx = self.conn.unchecked_transaction().doing(operation)?;
        let mut numbers: HashMap<i64, Vec<Number>> = HashMap::new();
        let sql = "SELECT user_key, kind, number FROM user_number WHERE user_key IN
                   (SELECT user_key FROM user_origin WHERE directory = ?1) ORDER BY user_key, position";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        for row in statement.query_map([directory.0], number).doing(operation)? {
            let (key, number) = row.doing(operation)?;
            numbers.entry(key).or_default().push(number);
        }
        let mut devices: HashMap<i64, Vec<Device>> = HashMap::new();
        let sql = "SELECT user_key, name, kind, line FROM user_device WHERE user_key IN
                   (SELECT user_key FROM user_origin WHERE directory = ?1) ORDER BY user_key, name";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        for row in statement.query_map([directory.0], device).doing(operation)? {
            let (key, device) = row.doing(operation)?;
            devices.entry(key).or_default().push(device);
        }
        let mut statement = self.conn.prepare_cached(&format!("{SELECT} WHERE o.directory = ?1")).doing(operation)?;
        let rows = statement.query_map([directory.0], person).doing(operation)?;
        let people = rows.map(|row| {
            row.map(|(key, mut person)| {
                person.profile.numbers = numbers.remove(&key).unwrap_or_default();
                person.devices = devices.remove(&key).unwrap_or_default();
                person
            })
        });
        let people = people.collect::<rusqlite::Result<_>>().doing(operation)?;
        tx.commit().doing(operation)?;
        Ok(people)
    }

    /// How many accounts belong to the directory, and how many of them to an entry that is gone.
    pub fn count_people_of(&self, directory: DirectoryId) -> Result<(u64, u64)> {
        let operation = "counting the users of a directory";
        let sql = "SELECT (SELECT count(*) FROM user_origin WHERE directory = ?1),
                   (SELECT count(*) FROM user_origin WHERE directory = ?1 AND missing_since IS NOT NULL)";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let number = |row: &Row<'_>, column| row.get(column).map(i64::cast_unsigned);
        statement.query_row([directory.0], |row| Ok((number(row, 0)?, number(row, 1)?))).doing(operation)
    }

    /// Users whose entry is gone, by name.
    pub fn people_gone(&self, directory: DirectoryId) -> Result<Vec<(User, Origin)>> {
        let operation = "reading whose entries are gone";
        let sql = "SELECT a.id, a.name, a.display_name, a.mail, a.telephone, a.language, a.enabled, a.calendar, a.user_key,
                   a.roster_version, a.im, a.user_id, o.directory, o.source_key, o.place, o.active, o.missing_since
                   FROM user_origin o JOIN account a ON a.user_key = o.user_key
                   WHERE o.directory = ?1 AND o.missing_since IS NOT NULL ORDER BY a.name";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([directory.0], |row| Ok((crate::users::user(row)?, origin(row, 12)?)));
        let rows = rows.doing(operation)?.map(|row| row.map(|(user, origin)| origin.map(|origin| (user, origin))));
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>().doing(operation)?.into_iter().flatten().collect())
    }

    /// Every account of the served domain that does not belong to the directory.
    pub fn names_outside(&self, directory: DirectoryId) -> Result<Vec<Outsider>> {
        let operation = "reading the names of users";
        let sql =
            "SELECT a.id, a.name, a.user_id, o.directory, o.source_key, o.place, o.active, o.missing_since, coalesce(p.held, 0),
                   coalesce(p.directory_uri, '') FROM account a LEFT JOIN user_origin o ON o.user_key = a.user_key
                   LEFT JOIN profile p ON p.user_key = a.user_key
                   WHERE a.domain = ?2 AND (o.directory IS NULL OR o.directory <> ?1)";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let outsider = |row: &Row<'_>| {
            let held_uri = if Held::from_bits(row.get(8)?).directory_uri { Some(row.get(9)?) } else { None };
            let (name, user_id, origin) = (row.get(1)?, row.get(2)?, origin(row, 3)?);
            Ok(Outsider { user: UserId(row.get(0)?), name, user_id, origin, held_uri })
        };
        let rows = statement.query_map(params![directory.0, self.domain], outsider).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Replaces account and profile (not the id or keys) by an administrator's hand; another name renames the user. `seen`: the
    /// person when the change was decided.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Stale`]; [`StoreError::NameTaken`] when another user goes by the name.
    pub fn put_person(&mut self, seen: &Person, person: &Person, audit: &Audit) -> Result<()> {
        let operation = "writing a user's profile";
        let tx = self.begin(operation)?;
        let before = self.person(person.user.id)?;
        let before = before.ok_or_else(|| StoreError::NotFound { what: format!("user {}", person.user.name) })?;
        if before != *seen {
            return Err(StoreError::Stale { what: format!("user {}", before.user.name) });
        }
        if !self.rename_in(person.user.id, &person.user.name, person.user.user_id.as_deref(), audit)? {
            return Err(self.name_taken(person.user.id, &person.user.name, person.user.user_id.as_deref())?);
        }
        self.write_person(person)?;
        let (old, new) = (person_view(&before), person_view(person));
        self.write_audit(audit, "user.update_profile", &object(&before.user.name), Some(&old), Some(&new))?;
        tx.commit().doing(operation)
    }

    /// Within a transaction: whether an administrator has disabled the user, whatever a directory says.
    pub(crate) fn hold_disabled(&self, key: i64, disabled: bool) -> Result<()> {
        let bit = Held { disabled: true, ..Held::default() }.bits();
        let sql = "UPDATE profile SET held = CASE WHEN ?2 THEN held | ?3 ELSE held & ~?3 END WHERE user_key = ?1";
        self.run("noting who disabled a user", sql, params![key, disabled, bit]).map(drop)
    }

    /// Within a transaction, without audit.
    pub(crate) fn write_person(&self, person: &Person) -> Result<()> {
        let operation = "writing a user's profile";
        let key = self.existing_key(person.user.id)?;
        let sql = "UPDATE account SET display_name = ?2, mail = ?3, telephone = ?4, language = ?5, enabled = ?6, im = ?7
                   WHERE user_key = ?1";
        let User { telephone, enabled, im, .. } = &person.user;
        let Profile { display_name, mail, language, .. } = &person.profile;
        self.run(operation, sql, params![key, display_name, mail, telephone, language, enabled, im])?;
        self.run(operation, "DELETE FROM user_number WHERE user_key = ?1", [key])?;
        self.run(operation, "DELETE FROM user_device WHERE user_key = ?1", [key])?;
        if person.origin.is_none() {
            self.run(operation, "DELETE FROM user_origin WHERE user_key = ?1", [key])?;
        }
        self.write_details(key, person)?;
        self.drop_unfounded_keys(key)?;
        self.refresh_search(key)
    }

    /// What is known beyond the account, of somebody of whom no number and no device is there.
    pub(crate) fn write_details(&self, key: i64, person: &Person) -> Result<()> {
        let operation = "writing a user's profile";
        let Profile { given_name, family_name, phonetic_name, directory_uri, department, title, .. } = &person.profile;
        let sql = "INSERT INTO profile (user_key, given_name, family_name, phonetic_name, directory_uri, department, title,
                   home_cluster, node, held, unlisted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                   ON CONFLICT (user_key) DO UPDATE SET given_name = excluded.given_name,
                   family_name = excluded.family_name, phonetic_name = excluded.phonetic_name,
                   directory_uri = excluded.directory_uri, department = excluded.department, title = excluded.title,
                   home_cluster = excluded.home_cluster, node = excluded.node, held = excluded.held, unlisted = excluded.unlisted";
        let Person { home_cluster, node, held, unlisted, .. } = person;
        let names = params![
            key,
            given_name,
            family_name,
            phonetic_name,
            directory_uri,
            department,
            title,
            home_cluster,
            node,
            held.bits(),
            unlisted
        ];
        self.run(operation, sql, names)?;
        for (position, number) in (0i64..).zip(&person.profile.numbers) {
            let sql = "INSERT INTO user_number (user_key, position, kind, number) VALUES (?1, ?2, ?3, ?4)";
            self.run(operation, sql, params![key, position, number.kind.as_str(), number.number])?;
        }
        for device in &person.devices {
            let sql = "INSERT OR REPLACE INTO user_device (user_key, name, kind, line) VALUES (?1, ?2, ?3, ?4)";
            self.run(operation, sql, params![key, device.name, device.kind, device.line])?;
        }
        person.origin.as_ref().map_or(Ok(()), |origin| self.write_origin(key, origin))
    }

    fn write_origin(&self, key: i64, origin: &Origin) -> Result<()> {
        let sql = "INSERT INTO user_origin (user_key, directory, source_key, place, active, missing_since)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (user_key) DO UPDATE SET directory = excluded.directory,
                   source_key = excluded.source_key, place = excluded.place, active = excluded.active,
                   missing_since = excluded.missing_since";
        let Origin { directory, key: source, place, active, missing_since } = origin;
        let values = params![key, directory.0, source, place, active, missing_since.map(|at| at.0)];
        self.run("writing a user's origin", sql, values).map(drop)
    }
}

fn person(row: &Row<'_>) -> rusqlite::Result<(i64, Person)> {
    let user = crate::users::user(row)?;
    let profile = Profile {
        display_name: user.display_name.clone(),
        given_name: row.get(12)?,
        family_name: row.get(13)?,
        phonetic_name: row.get(14)?,
        mail: user.mail.clone(),
        directory_uri: row.get(15)?,
        department: row.get(16)?,
        title: row.get(17)?,
        language: user.language.clone(),
        numbers: Vec::new(),
    };
    let (home_cluster, node, held) = (row.get(18)?, row.get(19)?, Held::from_bits(row.get(20)?));
    let (devices, unlisted, origin) = (Vec::new(), row.get(21)?, origin(row, 22)?);
    Ok((row.get(8)?, Person { user, profile, devices, home_cluster, node, held, unlisted, origin }))
}

fn origin(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Origin>> {
    let Some(directory) = row.get(first)? else { return Ok(None) };
    Ok(Some(Origin {
        directory: DirectoryId(directory),
        key: row.get(first + 1)?,
        place: row.get(first + 2)?,
        active: row.get(first + 3)?,
        missing_since: row.get::<_, Option<i64>>(first + 4)?.map(Timestamp),
    }))
}

fn number(row: &Row<'_>) -> rusqlite::Result<(i64, Number)> {
    let kind: String = row.get(1)?;
    Ok((row.get(0)?, Number { kind: NumberKind::parse(&kind).unwrap_or(NumberKind::Work), number: row.get(2)? }))
}

fn device(row: &Row<'_>) -> rusqlite::Result<(i64, Device)> {
    Ok((row.get(0)?, Device { name: row.get(1)?, kind: row.get(2)?, line: row.get(3)? }))
}

/// For the audit trail.
pub(crate) fn person_view(person: &Person) -> Value {
    let mut view = crate::users::audit_view(&person.user);
    let profile = &person.profile;
    let numbers = profile.numbers.iter().map(|n| json!({"kind": n.kind.as_str(), "number": n.number}));
    let devices = person.devices.iter().map(|d| json!({"name": d.name, "kind": d.kind, "line": d.line}));
    let more = json!({
        "display_name": profile.display_name, "mail": profile.mail, "language": profile.language,
        "given_name": profile.given_name, "family_name": profile.family_name, "phonetic_name": profile.phonetic_name,
        "directory_uri": profile.directory_uri, "department": profile.department, "title": profile.title,
        "numbers": numbers.collect::<Vec<_>>(), "devices": devices.collect::<Vec<_>>(),
        "home_cluster": person.home_cluster, "node": person.node, "unlisted": person.unlisted,
        "place": person.origin.as_ref().map(|origin| &origin.place),
        "missing_since": person.origin.as_ref().and_then(|origin| origin.missing_since).map(|at| at.0),
    });
    if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
        view.extend(more);
    }
    view
}
