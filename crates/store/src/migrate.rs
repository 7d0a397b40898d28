//! Brings the tables to the version this release knows. A file of `schema/` is never edited once released.

use crate::error::{Doing, Result, StoreError};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Step `n` leads from version `n` to `n + 1`.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
    include_str!("schema/0010.sql"),
    include_str!("schema/0011.sql"),
    include_str!("schema/0012.sql"),
    include_str!("schema/0013.sql"),
    include_str!("schema/0014.sql"),
    include_str!("schema/0015.sql"),
    include_str!("schema/0016.sql"),
    include_str!("schema/0017.sql"),
    include_str!("schema/0018.sql"),
    include_str!("schema/0019.sql"),
];

/// The schema version of this release.
pub(crate) const KNOWN: i64 = STEPS.len() as i64;

/// Runs the missing steps, all in one transaction.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a later release has been here; nothing is touched then.
pub(crate) fn migrate(conn: &Connection) -> Result<()> {
    let operation = "bringing the schema up to date";
    let tx = Transaction::new_unchecked(conn, TransactionBehavior::Immediate).doing(operation)?;
    tx.execute_batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)").doing(operation)?;
    let found = version(&tx)?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema { found, known: KNOWN });
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(step).doing(operation)?;
    }
    if found < KNOWN {
        tx.execute("DELETE FROM schema_version", []).doing(operation)?;
        tx.execute("INSERT INTO schema_version (version) VALUES (?1)", [KNOWN]).doing(operation)?;
    }
    tx.commit().doing(operation)
}

/// 0 for a new database.
fn version(conn: &Connection) -> Result<i64> {
    let row = conn.query_row("SELECT version FROM schema_version", [], |row| row.get(0)).optional();
    Ok(row.doing("reading the schema version")?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing() {
        let conn = Connection::open_in_memory().unwrap();
        migrate(&conn).unwrap();
        migrate(&conn).unwrap();
        assert_eq!(version(&conn).unwrap(), KNOWN);
    }

    #[test]
    fn accounts_get_a_domain_and_keep_their_keys() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(STEPS[0]).unwrap();
        conn.execute_batch("CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES (1)")
            .unwrap();
        let add = |name: &str| {
            let sql = "INSERT INTO account (id, name, display_name, mail, telephone, language, enabled, calendar, roster_version)
                       VALUES (?1, ?1, 'd', 'm', 't', 'ja', 1, 0, 7)";
            conn.execute(sql, [name]).unwrap();
            conn.last_insert_rowid()
        };
        let (anna, gone) = (add("anna"), add("gone"));
        conn.execute("DELETE FROM account WHERE user_key = ?1", [gone]).unwrap();
        migrate(&conn).unwrap();
        let row = conn.query_row("SELECT user_key, domain, display_name, language, roster_version FROM account", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        });
        let expected: (i64, String, String, String, i64) = (anna, String::new(), "d".to_owned(), "ja".to_owned(), 7);
        assert_eq!(row.unwrap(), expected);
        // A key is never used twice, not even that of a user removed before the migration.
        conn.execute("UPDATE account SET domain = 'example.com'", []).unwrap();
        let sql = "INSERT INTO account (id, domain, name, display_name, mail, telephone, enabled, calendar)
                   VALUES (x'01', ?1, 'anna', '', '', '', 1, 1)";
        conn.execute(sql, ["example.org"]).unwrap();
        assert_eq!(conn.last_insert_rowid(), gone + 1);
        assert!(conn.execute(&sql.replace("x'01'", "x'02'"), ["example.org"]).is_err(), "one name twice in a domain");
    }

    #[test]
    fn streams_from_before_count_as_used_when_they_were_opened() {
        let conn = Connection::open_in_memory().unwrap();
        STEPS[..5].iter().for_each(|step| conn.execute_batch(step).unwrap());
        conn.execute_batch("CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES (5)")
            .unwrap();
        conn.execute("INSERT INTO stream (token, user_key, resource, opened_at, h) VALUES (x'01', 1, 'r', 77, 0)", []).unwrap();
        migrate(&conn).unwrap();
        let used: i64 = conn.query_row("SELECT used_at FROM stream", [], |row| row.get(0)).unwrap();
        assert_eq!(used, 77);
    }

    #[test]
    fn what_users_share_from_before_is_listed() {
        let conn = Connection::open_in_memory().unwrap();
        STEPS[..17].iter().for_each(|step| conn.execute_batch(step).unwrap());
        conn.execute_batch("CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES (17)")
            .unwrap();
        let add = |key: i64, domain: &str, mail: &str, uri: &str| {
            let sql = "INSERT INTO account (user_key, id, domain, name, display_name, mail, telephone, enabled, calendar)
                       VALUES (?1, ?1, ?2, ?1, '', ?3, '', 1, 1)";
            conn.execute(sql, (key, domain, mail)).unwrap();
            let sql = "INSERT INTO profile (user_key, given_name, family_name, phonetic_name, directory_uri, department, title)
                       VALUES (?1, '', '', '', ?2, '', '')";
            conn.execute(sql, (key, uri)).unwrap();
        };
        add(1, "a", "X@y", "u@v");
        add(2, "a", "x@Y", "");
        add(3, "b", "x@y", "U@V");
        add(4, "b", "only@y", "only@v");
        add(5, "a", "", "");
        add(6, "a", "", "");
        migrate(&conn).unwrap();
        let rows = |sql: &str| -> Vec<String> {
            let mut statement = conn.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
        };
        assert_eq!(rows("SELECT domain || ' ' || value FROM shared_mail"), ["a x@y"]);
        assert_eq!(rows("SELECT value FROM shared_directory_uri"), ["u@v"]);
        // A domain that becomes another one, as that of accounts from before domains does.
        conn.execute("UPDATE account SET domain = 'a' WHERE domain = 'b'", []).unwrap();
        conn.execute("UPDATE account SET mail = 'ONLY@y' WHERE user_key = 1", []).unwrap();
        conn.execute("DELETE FROM profile WHERE user_key = 3", []).unwrap();
        assert_eq!(rows("SELECT domain || ' ' || value FROM shared_mail"), ["a only@y", "a x@y"]);
        assert_eq!(rows("SELECT value FROM shared_directory_uri"), [] as [&str; 0]);
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let conn = Connection::open_in_memory().unwrap();
        migrate(&conn).unwrap();
        conn.execute("UPDATE schema_version SET version = ?1", [KNOWN + 1]).unwrap();
        let error = migrate(&conn).unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found, known } if found == KNOWN + 1 && known == KNOWN));
        assert_eq!(version(&conn).unwrap(), KNOWN + 1);
    }
}
