//! Lists of users for administrators: filtered, searched, in pages.

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::search::condition;
use crate::users::user;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Params, params_from_iter};
use zaiseki_model::search::words;
use zaiseki_model::{DirectoryId, User};

/// Which users of the served domain to list, ordered by name (as bytes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only names after this one: the last name of the page before.
    pub after: Option<String>,
    /// At most so many; 0 = all.
    pub limit: usize,
    /// Each word is part of what is known of the user: user id, names and their reading, mail address, directory URI,
    /// department, numbers; in the form of [`zaiseki_model::search::fold`].
    pub search: Option<String>,
    pub enabled: Option<bool>,
    pub calendar: Option<bool>,
    /// Enabled for IM and presence.
    pub im: Option<bool>,
    /// Whose account belongs to an entry of the directory.
    pub directory: Option<DirectoryId>,
}

const COLUMNS: &str = "SELECT a.id, a.name, a.display_name, a.mail, a.telephone, a.language, a.enabled, a.calendar, a.user_key,
                       a.roster_version, a.im, a.user_id";

/// What follows the columns of a query, with its parameters.
struct Clauses {
    sql: String,
    values: Vec<Value>,
    /// The table whose rows are walked over.
    walked: char,
}

impl Clauses {
    /// `columns`: the account's row is read whether or not the filter needs it.
    fn new(domain: &str, filter: &UserFilter, columns: bool) -> Clauses {
        let words = filter.search.as_deref().map(words).unwrap_or_default();
        let flags = [("enabled", filter.enabled), ("calendar", filter.calendar), ("im", filter.im)];
        let flags: Vec<_> = flags.into_iter().filter_map(|(column, wanted)| Some((column, wanted?))).collect();
        let account = columns || !flags.is_empty();
        let (walked, from) = match (words.is_empty(), account) {
            (true, _) => ('a', "account a"),
            (false, true) => ('s', "user_search s CROSS JOIN account a ON a.user_key = s.user_key"),
            (false, false) => ('s', "user_search s"),
        };
        let mut sql = format!(" FROM {from} WHERE {walked}.domain = ?1{}", condition(words.len(), 2));
        let mut values: Vec<Value> = std::iter::once(domain.to_owned()).chain(words).map(Value::Text).collect();
        for (column, wanted) in flags {
            values.push(Value::Integer(wanted.into()));
            sql.push_str(&format!(" AND a.{column} = ?{}", values.len()));
        }
        if let Some(directory) = filter.directory {
            values.push(Value::Blob(directory.0.to_vec()));
            let place = values.len();
            sql.push_str(&format!(" AND {walked}.user_key IN (SELECT user_key FROM user_origin WHERE directory = ?{place})"));
        }
        Clauses { sql, values, walked }
    }

    fn params(&self) -> impl Params + '_ {
        params_from_iter(self.values.iter())
    }
}

impl Database {
    pub fn list_users(&self, filter: &UserFilter) -> Result<Vec<User>> {
        let operation = "listing users";
        let mut clauses = Clauses::new(&self.domain, filter, true);
        clauses.values.push(Value::Text(filter.after.clone().unwrap_or_default()));
        clauses.values.push(Value::Integer(if filter.limit == 0 { -1 } else { i64::try_from(filter.limit).unwrap_or(-1) }));
        let (Clauses { sql, walked, .. }, count) = (&clauses, clauses.values.len());
        let sql = format!("{COLUMNS}{sql} AND {walked}.name > ?{} ORDER BY {walked}.name LIMIT ?{count}", count - 1);
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let rows = statement.query_map(clauses.params(), user).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// How many users match, whatever the page.
    pub fn count_users(&self, filter: &UserFilter) -> Result<u64> {
        let operation = "counting users";
        let clauses = Clauses::new(&self.domain, filter, false);
        let mut statement = self.conn.prepare_cached(&format!("SELECT count(*){}", clauses.sql)).doing(operation)?;
        let count: i64 = statement.query_row(clauses.params(), |row| row.get(0)).doing(operation)?;
        Ok(count.unsigned_abs())
    }

    /// The page and the count of all who match: when something is searched for, by one walk.
    pub fn page_users(&self, filter: &UserFilter) -> Result<(Vec<User>, u64)> {
        let operation = "searching users";
        let clauses = Clauses::new(&self.domain, filter, false);
        if clauses.walked == 'a' {
            return Ok((self.list_users(filter)?, self.count_users(filter)?));
        }
        let sql = format!("SELECT s.user_key, s.name{} ORDER BY s.name", clauses.sql);
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let mut rows = statement.query(clauses.params()).doing(operation)?;
        let (after, limit) = (filter.after.as_deref().unwrap_or_default(), filter.limit);
        let (mut keys, mut count): (Vec<i64>, u64) = (Vec::new(), 0);
        while let Some(row) = rows.next().doing(operation)? {
            count += 1;
            if (limit == 0 || keys.len() < limit) && row.get_ref(1).doing(operation)?.as_str().is_ok_and(|name| name > after) {
                keys.push(row.get(0).doing(operation)?);
            }
        }
        let users = keys.into_iter().map(|key| self.user_by_key(key)).collect::<Result<Vec<_>>>()?;
        Ok((users.into_iter().flatten().collect(), count))
    }

    fn user_by_key(&self, key: i64) -> Result<Option<User>> {
        let operation = "reading a user";
        let sql = format!("{COLUMNS} FROM account a WHERE a.user_key = ?1");
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        statement.query_row([key], user).optional().doing(operation)
    }
}
