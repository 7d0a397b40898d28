//! What the database file says of itself. Only reads.

use crate::database::Database;
use crate::error::{Doing, Result};

/// Size of the database file, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    pub page_bytes: u64,
    pub pages: u64,
    /// Pages that hold nothing and are used again before the file grows.
    pub free_pages: u64,
}

impl FileFacts {
    pub fn bytes(&self) -> u64 {
        self.pages.saturating_mul(self.page_bytes)
    }
}

impl Database {
    pub fn file_facts(&self) -> Result<FileFacts> {
        let number = |pragma: &str| {
            let value: i64 = self.conn.pragma_query_value(None, pragma, |row| row.get(0)).doing("measuring the database")?;
            Ok(u64::try_from(value).unwrap_or(0))
        };
        Ok(FileFacts { page_bytes: number("page_size")?, pages: number("page_count")?, free_pages: number("freelist_count")? })
    }

    /// The tables, each with how many rows it has; of one with more than `most` rows, one more than that.
    pub fn row_counts(&self, most: u64) -> Result<Vec<(String, u64)>> {
        let operation = "counting rows";
        let named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name";
        let mut statement = self.conn.prepare(named).doing(operation)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0)).doing(operation)?;
        let names = names.collect::<rusqlite::Result<Vec<_>>>().doing(operation)?;
        let count = |name: String| {
            let quoted = name.replace('"', "\"\"");
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM \"{quoted}\" LIMIT {})", most.saturating_add(1));
            let rows: i64 = self.conn.query_row(&sql, [], |row| row.get(0)).doing(operation)?;
            Ok((name, u64::try_from(rows).unwrap_or(0)))
        };
        names.into_iter().map(count).collect()
    }

    /// The version of the schema: how many steps it has come.
    pub fn schema_version(&self) -> i64 {
        crate::migrate::KNOWN
    }

    /// Which of these words name a user of the served domain, now or formerly, or an administrator.
    pub fn names_among(&self, words: &[String]) -> Result<Vec<String>> {
        let operation = "looking for names";
        let sql = "SELECT EXISTS (SELECT 1 FROM account WHERE domain = ?1 AND name = ?2)
                       OR EXISTS (SELECT 1 FROM user_alias WHERE domain = ?1 AND name = ?2)
                       OR EXISTS (SELECT 1 FROM admin WHERE name = ?2)";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let mut found = Vec::new();
        for word in words {
            if statement.query_row([&self.domain, word], |row| row.get::<_, bool>(0)).doing(operation)? {
                found.push(word.clone());
            }
        }
        Ok(found)
    }

    /// What SQLite finds wrong with the structure of the file, at most `most` faults; reads the whole of it.
    pub fn quick_check(&self, most: u32) -> Result<Vec<String>> {
        let operation = "checking the database";
        let mut statement = self.conn.prepare(&format!("PRAGMA quick_check({most})")).doing(operation)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).doing(operation)?;
        let said = rows.collect::<rusqlite::Result<Vec<_>>>().doing(operation)?;
        Ok(said.into_iter().filter(|line| line != "ok").collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_is_sound_and_has_a_size() {
        let database = Database::open_in_memory("example.com").unwrap();
        let facts = database.file_facts().unwrap();
        assert!(facts.bytes() >= facts.page_bytes && facts.pages > facts.free_pages, "{facts:?}");
        let rows = database.row_counts(0).unwrap();
        let of = |table: &str| rows.iter().find(|(name, _)| name == table).map(|(_, rows)| *rows);
        assert_eq!((of("schema_version"), of("account"), of("sqlite_sequence")), (Some(1), Some(0), None), "one more than none");
        assert_eq!(database.quick_check(5).unwrap(), Vec::<String>::new());
    }
}
