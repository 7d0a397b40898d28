//! Small documents of a user: vCard, private XML, PEP, blocked addresses, preferences.

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::words::{Doc, Family};
use bytes::Bytes;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use zaiseki_model::UserId;

/// Documents of the families that [`crate::Read::UserData`] tells.
#[derive(Default)]
pub(crate) struct HomeDocs {
    pub pep_nodes: Vec<Doc>,
    pub blocked: Vec<Doc>,
    pub preferences: Vec<Doc>,
}

impl Database {
    pub(crate) fn put_doc(&self, user: UserId, family: Family, key: &str, value: &[u8], order: i64) -> Result<()> {
        let Some(user) = self.key(user)? else { return Ok(()) };
        let sql = "INSERT INTO doc (user_key, family, doc_key, put_order, value) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (user_key, family, doc_key)
                   DO UPDATE SET put_order = excluded.put_order, value = excluded.value";
        self.run("writing a document", sql, params![user, family.number(), key.as_bytes(), order, value]).map(drop)
    }

    pub(crate) fn remove_doc(&self, user: UserId, family: Family, key: &str) -> Result<()> {
        let Some(user) = self.key(user)? else { return Ok(()) };
        let sql = "DELETE FROM doc WHERE user_key = ?1 AND family = ?2 AND doc_key = ?3";
        self.run("removing a document", sql, params![user, family.number(), key.as_bytes()]).map(drop)
    }

    pub(crate) fn remove_docs(&self, user: UserId, family: Family, prefix: Option<&str>) -> Result<()> {
        let Some(user) = self.key(user)? else { return Ok(()) };
        let (from, to) = prefix_range(prefix);
        let sql = "DELETE FROM doc WHERE user_key = ?1 AND family = ?2 AND doc_key >= ?3 AND doc_key < ?4";
        self.run("removing documents", sql, params![user, family.number(), from, to]).map(drop)
    }

    pub(crate) fn doc(&self, user: UserId, family: Family, key: &str) -> Result<Option<Bytes>> {
        let operation = "reading a document";
        let Some(user) = self.key(user)? else { return Ok(None) };
        let sql = "SELECT value FROM doc WHERE user_key = ?1 AND family = ?2 AND doc_key = ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let values = params![user, family.number(), key.as_bytes()];
        let value = statement.query_row(values, |row| row.get::<_, Vec<u8>>(0)).optional().doing(operation)?;
        Ok(value.map(Bytes::from))
    }

    pub(crate) fn docs(
        &self,
        user: UserId,
        family: Family,
        prefix: Option<&str>,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<Doc>> {
        let operation = "reading documents";
        let Some(user) = self.key(user)? else { return Ok(Vec::new()) };
        let (from, to) = prefix_range(prefix);
        let order = if newest_first { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT doc_key, value FROM doc WHERE user_key = ?1 AND family = ?2 AND doc_key >= ?3 AND doc_key < ?4
             ORDER BY put_order {order} LIMIT ?5"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![user, family.number(), from, to, limit], doc).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    pub(crate) fn doc_keys(&self, user: UserId, family: Family, prefix: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let operation = "reading the keys of documents";
        let Some(user) = self.key(user)? else { return Ok(Vec::new()) };
        let (from, to) = prefix_range(prefix);
        let sql = "SELECT doc_key FROM doc WHERE user_key = ?1 AND family = ?2 AND doc_key >= ?3 AND doc_key < ?4
                   ORDER BY put_order LIMIT ?5";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![user, family.number(), from, to, limit], key).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    pub(crate) fn home_docs(&self, user: i64) -> Result<HomeDocs> {
        let operation = "reading a user's documents";
        let sql = "SELECT doc_key, value, family FROM doc WHERE user_key = ?1 AND family BETWEEN 1 AND 3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let mut rows = statement.query([user]).doing(operation)?;
        let mut docs = HomeDocs::default();
        while let Some(row) = rows.next().doing(operation)? {
            let family: i64 = row.get(2).doing(operation)?;
            let list = match family {
                1 => &mut docs.pep_nodes,
                2 => &mut docs.blocked,
                _ => &mut docs.preferences,
            };
            list.push(doc(row).doing(operation)?);
        }
        Ok(docs)
    }
}

/// From the columns key, value.
fn doc(row: &Row<'_>) -> rusqlite::Result<Doc> {
    Ok(Doc { key: key(row)?, value: Bytes::from(row.get::<_, Vec<u8>>(1)?) })
}

/// From the column key.
fn key(row: &Row<'_>) -> rusqlite::Result<String> {
    String::from_utf8(row.get(0)?).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error)))
}

/// Keys with the prefix are those in `from..to`. UTF-8 never holds 0xFF, so it ends every range.
fn prefix_range(prefix: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let from = prefix.unwrap_or("").as_bytes().to_vec();
    let mut to = from.clone();
    to.push(0xff);
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_families_are_the_numbers_one_to_three() {
        let numbers = [Family::PepNode, Family::Blocked, Family::Preference].map(Family::number);
        assert_eq!(numbers, [1, 2, 3]);
        for other in [Family::Vcard, Family::Private, Family::PepItem] {
            assert!(other.number() > 3);
        }
    }

    #[test]
    fn a_prefix_covers_its_keys_only() {
        let (from, to) = prefix_range(Some("node\0"));
        let inside = |key: &str| key.as_bytes() >= &from[..] && key.as_bytes() < &to[..];
        assert!(inside("node\0") && inside("node\0item") && inside("node\0\u{10ffff}"));
        assert!(!inside("node") && !inside("node\u{1}") && !inside("node2\0item"));
    }
}
