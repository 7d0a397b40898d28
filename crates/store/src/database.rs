//! One connection to the database: opening, committing a batch, dispatching reads.

use crate::audit::Audit;
use crate::error::{Doing, Result, StoreError};
use crate::migrate;
use crate::words::{Family, Read, Reply, Write};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zaiseki_model::{MessageId, UserId};

/// Prepared statements kept per connection: more than this crate has.
const STATEMENTS: usize = 160;
/// Pages of the write-ahead log before it is copied back into the database file.
const CHECKPOINT_PAGES: i64 = 16_000;
/// Page cache of a connection, in KiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
const READER_CACHE_KIB: i64 = 16 * 1024;

/// One connection. Deterministic: times and ids come from the caller.
pub struct Database {
    pub(crate) conn: Connection,
    /// Whose users go by their names here. Accounts of other domains are kept, and not seen.
    pub(crate) domain: String,
    /// Internal keys of users, learned on use. A key never changes and is never given to another user.
    keys: RefCell<HashMap<UserId, i64>>,
    counters: Counters,
}

/// Numbers that only grow; written back in the transaction that used them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Order of document puts.
    pub doc_order: i64,
    /// Greatest message id ever written.
    pub message: i64,
}

impl Database {
    /// Opens the file for writing, makes it (mode 0600) when missing, and brings its schema up to date. Accounts from before
    /// accounts had a domain become those of `domain`.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], or what SQLite or the file system says.
    pub fn open(path: &Path, domain: &str) -> Result<Database> {
        // SQLite gives its log and index files the mode of the database file.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| StoreError::Create { path: path.to_owned(), source })?;
        let conn = Connection::open(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        Self::writable(conn, domain)
    }

    /// A database that lives as long as this value.
    pub fn open_in_memory(domain: &str) -> Result<Database> {
        Self::writable(Connection::open_in_memory().doing("opening a database in memory")?, domain)
    }

    /// A second connection that can't write. The file must have been opened for writing before.
    pub fn open_read_only(path: &Path, domain: &str) -> Result<Database> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn =
            Connection::open_with_flags(path, flags).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        set_up(&conn, READER_CACHE_KIB)?;
        Ok(Self::new(conn, domain, Counters { doc_order: 0, message: 0 }))
    }

    fn writable(conn: Connection, domain: &str) -> Result<Database> {
        let operation = "setting up the database";
        conn.pragma_update(None, "journal_mode", "WAL").doing(operation)?;
        conn.pragma_update(None, "synchronous", "FULL").doing(operation)?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).doing(operation)?;
        conn.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024).doing(operation)?;
        set_up(&conn, WRITER_CACHE_KIB)?;
        migrate::migrate(&conn)?;
        // Step 3 of the schema could not know it.
        conn.execute("UPDATE account SET domain = ?1 WHERE domain = ''", [domain]).doing(operation)?;
        let counters = Counters { doc_order: counter(&conn, "doc_order")?, message: counter(&conn, "message")? };
        let mut database = Self::new(conn, domain, counters);
        database.fill_search()?;
        Ok(database)
    }

    fn new(conn: Connection, domain: &str, counters: Counters) -> Database {
        Database { conn, domain: domain.to_owned(), keys: RefCell::new(HashMap::new()), counters }
    }

    /// Applies all writes in one transaction; when this returns they are on disk. On an error none is.
    pub fn commit(&mut self, writes: &[Write]) -> Result<()> {
        self.commit_all(writes.iter())
    }

    /// [`Database::commit`] with a line of the audit trail: both or neither.
    pub fn commit_audited(
        &mut self,
        writes: &[Write],
        audit: &Audit,
        action: &str,
        object: &str,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<()> {
        self.commit_with(writes.iter(), |database| database.write_audit(audit, action, object, before, after))
    }

    pub(crate) fn commit_all<'a>(&mut self, writes: impl Iterator<Item = &'a Write>) -> Result<()> {
        self.commit_with(writes, |_| Ok(()))
    }

    fn commit_with<'a>(&mut self, writes: impl Iterator<Item = &'a Write>, more: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let mut counters = self.counters;
        let tx = self.begin("committing a batch")?;
        more(self)?;
        for write in writes {
            self.apply(write, &mut counters)?;
        }
        if counters.doc_order != self.counters.doc_order {
            self.put_counter("doc_order", counters.doc_order)?;
        }
        if counters.message != self.counters.message {
            self.put_counter("message", counters.message)?;
        }
        tx.commit().doing("committing a batch")?;
        self.counters = counters;
        Ok(())
    }

    fn apply(&self, write: &Write, counters: &mut Counters) -> Result<()> {
        match write {
            Write::Message(message) => {
                counters.message = counters.message.max(message.id.0);
                self.put_message(message)
            }
            Write::Release { user, id } => self.release(*user, *id),
            Write::StreamOpen { token, user, resource, at } => self.open_stream(token, *user, resource, *at),
            Write::StreamHandled { token, h, at } => self.stream_handled(token, *h, *at),
            Write::StreamClose { token } => self.close_stream(token),
            Write::RosterPut { user, item } => self.put_roster_item(*user, item),
            Write::RosterRemove { user, jid } => self.remove_roster_item(*user, jid),
            Write::RosterVersion { user, version } => self.set_roster_version(*user, *version),
            Write::DocPut { user, family, key, value } => {
                counters.doc_order += 1;
                self.put_doc(*user, *family, key, value, counters.doc_order)
            }
            Write::DocRemove { user, family, key } => self.remove_doc(*user, *family, key),
            Write::DocRemoveAll { user, family, key_prefix } => self.remove_docs(*user, *family, key_prefix.as_deref()),
            Write::LastSeen { user, at, status } => self.put_last_seen(*user, *at, status),
        }
    }

    /// Answers one question from what is committed.
    pub fn read(&self, read: &Read) -> Result<Reply> {
        Ok(match read {
            Read::Credentials { name } => Reply::Credentials(self.credentials(name)?),
            Read::KeptCredentials { name, since } => Reply::Credentials(self.kept_credentials(name, *since)?),
            Read::UserData { name } => match self.user_data(name)? {
                Some(data) => Reply::UserData(Some(Box::new(data))),
                None => self.moved_to(name)?.map_or(Reply::UserData(None), Reply::Moved),
            },
            Read::Pending { user, after, limit } => Reply::Messages(self.pending(*user, *after, *limit)?),
            Read::Archive(query) => Reply::Page(self.archive_page(query)?),
            Read::Doc { user, family, key } => Reply::Doc(self.doc(*user, *family, key)?),
            Read::Docs { user, family, prefix, limit, newest_first } => {
                Reply::Docs(self.docs(*user, *family, prefix.as_deref(), *limit, *newest_first)?)
            }
            Read::DocPage(query) => Reply::DocPage(self.doc_page(query)?),
            Read::DocKeys { user, family, prefix, limit } => {
                Reply::Keys(self.doc_keys(*user, *family, prefix.as_deref(), *limit)?)
            }
            Read::Stream { token } => Reply::Stream(self.stream(token)?),
            Read::LastSeen { user } => Reply::LastSeen(self.last_seen(*user)?),
            Read::Card { user } => {
                Reply::Card { own: self.doc(*user, Family::Vcard, "")?, person: self.person(*user)?.map(Box::new) }
            }
            Read::Search(query) => Reply::People(self.find_people(query)?),
        })
    }

    /// The greatest message id ever written, purged ones included.
    pub fn max_message_id(&self) -> Result<Option<MessageId>> {
        let greatest = counter(&self.conn, "message")?;
        Ok((greatest > 0).then_some(MessageId(greatest)))
    }

    pub(crate) fn begin(&self, operation: &'static str) -> Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate).doing(operation)
    }

    /// The internal key of a user; `None` when there is no such user (any more).
    pub(crate) fn key(&self, user: UserId) -> Result<Option<i64>> {
        if let Some(key) = self.keys.borrow().get(&user) {
            return Ok(Some(*key));
        }
        let operation = "looking up a user's key";
        let mut statement = self.conn.prepare_cached("SELECT user_key FROM account WHERE id = ?1").doing(operation)?;
        let key: Option<i64> = statement.query_row([user.0], |row| row.get(0)).optional().doing(operation)?;
        if let Some(key) = key {
            self.keys.borrow_mut().insert(user, key);
        }
        Ok(key)
    }

    pub(crate) fn existing_key(&self, user: UserId) -> Result<i64> {
        self.key(user)?.ok_or_else(|| StoreError::NotFound { what: format!("user {user}") })
    }

    /// Must be called when a user was removed.
    pub(crate) fn forget_key(&self, user: UserId) {
        self.keys.borrow_mut().remove(&user);
    }

    /// Runs one prepared statement; the number of changed rows.
    pub(crate) fn run(&self, operation: &'static str, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).doing(operation)
    }

    fn put_counter(&self, name: &str, value: i64) -> Result<()> {
        let sql = "INSERT INTO counter (name, value) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.run("writing a counter", sql, params![name, value]).map(drop)
    }
}

fn set_up(conn: &Connection, cache_kib: i64) -> Result<()> {
    let operation = "setting up a connection";
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise a statement that compares a column with a parameter is compiled anew whenever another value is bound to it, since the
    // value might ask for another plan: several times the cost of most of them.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).doing(operation)?;
    crate::search::add_functions(conn).doing(operation)?;
    // Negative: in KiB rather than pages.
    conn.pragma_update(None, "cache_size", -cache_kib).doing(operation)?;
    conn.busy_timeout(std::time::Duration::from_secs(5)).doing(operation)
}

fn counter(conn: &Connection, name: &str) -> Result<i64> {
    let row = conn.query_row("SELECT value FROM counter WHERE name = ?1", [name], |row| row.get(0)).optional();
    Ok(row.doing("reading a counter")?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Family;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_files_are_private_and_durable_settings_hold() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite");
        let db = Database::open(&path, "example.com").unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        }
        let journal: String = db.conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous: i64 = db.conn.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!((journal.as_str(), synchronous), ("wal", 2));
    }

    /// The audit trail can't be written; the change is not made either, and the next one may be.
    #[test]
    fn a_change_without_its_line_in_the_audit_trail_is_not_made() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let (user, family, key) = (UserId([1; 16]), Family::Preference, "archive".to_owned());
        let sql = "INSERT INTO account (id, domain, name, display_name, mail, telephone, enabled, calendar)
                   VALUES (?1, 'example.com', 'ann', '', '', '', 1, 1)";
        db.conn.execute(sql, [user.0]).unwrap();
        let put = [Write::DocPut { user, family, key: key.clone(), value: bytes::Bytes::from_static(b"never") }];
        let audit = Audit { actor: "tester".to_owned(), at: zaiseki_model::Timestamp::ZERO };
        let set = |db: &mut Database| db.commit_audited(&put, &audit, "user.archive", "user:ann", None, None);
        db.conn.execute("ALTER TABLE audit RENAME TO elsewhere", []).unwrap();
        assert!(set(&mut db).is_err());
        assert_eq!(db.doc(user, family, &key).unwrap(), None);
        db.conn.execute("ALTER TABLE elsewhere RENAME TO audit", []).unwrap();
        set(&mut db).unwrap();
        assert_eq!(db.doc(user, family, &key).unwrap().as_deref(), Some(&b"never"[..]));
        assert_eq!(db.audit_list(Some("user:ann"), None, 9).unwrap().len(), 1);
    }

    /// The cost of every read hangs on it.
    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
        let db = Database::open_in_memory("example.com").unwrap();
        let sql = "SELECT number FROM user_number WHERE user_key = ?1 ORDER BY position";
        let mut statement = db.conn.prepare(sql).unwrap();
        for key in 0..9 {
            assert_eq!(statement.query_map([key], |row| row.get::<_, String>(0)).unwrap().count(), 0);
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite");
        let _writer = Database::open(&path, "example.com").unwrap();
        let mut reader = Database::open_read_only(&path, "example.com").unwrap();
        assert!(reader.meta_put("a", b"b").is_err());
    }
}
