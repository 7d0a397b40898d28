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
        assert_eq!(database.quick_check(5).unwrap(), Vec::<String>::new());
    }
}
