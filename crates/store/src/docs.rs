//! Small documents of a user: vCard, private XML, PEP, blocked addresses, preferences.

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::words::{Doc, DocPage, DocQuery, Family};
use bytes::Bytes;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use std::ops::Range;
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

    /// Only the page's documents are loaded, of the others key and size.
    pub(crate) fn doc_page(&self, query: &DocQuery) -> Result<DocPage> {
        let result = self.doc_sizes(query)?;
        let Some(page) = page_range(&result, query) else { return Ok(DocPage { total: result.len(), ..DocPage::default() }) };
        let (total, first_index) = (result.len(), page.start);
        let mut docs = Vec::with_capacity(page.len());
        for (name, _) in &result[page] {
            let key = format!("{}{name}", query.prefix);
            if let Some(value) = self.doc(query.user, query.family, &key)? {
                docs.push(Doc { key, value });
            }
        }
        Ok(DocPage { docs, total, first_index, anchor_found: true })
    }

    /// The query's result: names and sizes of the documents, newest first.
    fn doc_sizes(&self, query: &DocQuery) -> Result<Vec<(String, usize)>> {
        let operation = "reading the sizes of documents";
        let Some(user) = self.key(query.user)? else { return Ok(Vec::new()) };
        let (from, to) = prefix_range(Some(&query.prefix));
        let sql = "SELECT doc_key, length(value) FROM doc
                   WHERE user_key = ?1 AND family = ?2 AND doc_key >= ?3 AND doc_key < ?4
                   ORDER BY put_order DESC, doc_key DESC LIMIT ?5";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let newest = i64::try_from(query.newest).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![user, query.family.number(), from, to, newest]).doing(operation)?;
        let mut sizes = Vec::new();
        while let Some(row) = rows.next().doing(operation)? {
            let name = key(row).doing(operation)?.split_off(query.prefix.len());
            let size: i64 = row.get(1).doing(operation)?;
            if query.named.as_ref().is_none_or(|named| named.contains(&name)) {
                sizes.push((name, usize::try_from(size).unwrap_or(usize::MAX)));
            }
        }
        Ok(sizes)
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

/// The part of `result` (names and sizes) that the page is, or none when a name that the query gives is not in it.
fn page_range(result: &[(String, usize)], query: &DocQuery) -> Option<Range<usize>> {
    let place = |name: &String| result.iter().position(|(other, _)| other == name);
    let from = query.after.as_ref().map_or(Some(0), |name| place(name).map(|at| at + 1))?;
    let to = query.before.as_ref().map_or(Some(result.len()), place)?.max(from);
    let between = result[from..to].iter().map(|(name, size)| size.saturating_add(name.len() * DocQuery::NAME_WEIGHT));
    Some(if query.backwards { to - fitting(between.rev(), query)..to } else { from..from + fitting(between, query) })
}

/// How many of the documents with these weights, from the first on, make a page.
fn fitting(weights: impl Iterator<Item = usize>, query: &DocQuery) -> usize {
    let mut bytes = 0_usize;
    let fits = |(at, weight): &(usize, usize)| {
        bytes = bytes.saturating_add(*weight);
        *at == 0 || bytes <= query.bytes
    };
    weights.take(query.limit).enumerate().take_while(fits).count()
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

    fn query(limit: usize, bytes: usize) -> DocQuery {
        let (user, family, prefix) = (UserId([1; 16]), Family::PepItem, String::new());
        DocQuery { user, family, prefix, newest: 9, named: None, after: None, before: None, backwards: false, limit, bytes }
    }

    #[test]
    fn a_page_ends_at_its_bytes_or_its_documents() {
        let result = ["a", "b", "c", "d"].map(|name| (name.to_owned(), 4));
        let all = query(9, 40);
        assert_eq!(page_range(&result, &all), Some(0..4), "10 bytes each, by the weight of the name");
        assert_eq!(page_range(&result, &DocQuery { bytes: 39, ..all.clone() }), Some(0..3));
        assert_eq!(page_range(&result, &DocQuery { bytes: 39, backwards: true, ..all.clone() }), Some(1..4));
        assert_eq!(page_range(&result, &DocQuery { bytes: 9, ..all.clone() }), Some(0..1), "a page always goes on");
        assert_eq!(page_range(&result, &DocQuery { limit: 4, ..all.clone() }), Some(0..4));
        assert_eq!(page_range(&result, &DocQuery { limit: 3, ..all }), Some(0..3));
    }

    #[test]
    fn a_page_lies_between_its_anchors() {
        let result = ["a", "b", "c", "d"].map(|name| (name.to_owned(), 1));
        let between = |after: Option<&str>, before: Option<&str>| {
            let (after, before) = (after.map(str::to_owned), before.map(str::to_owned));
            page_range(&result, &DocQuery { after, before, ..query(9, 99) })
        };
        assert_eq!(between(Some("a"), Some("d")), Some(1..3));
        assert_eq!(between(Some("d"), None), Some(4..4));
        assert_eq!(between(Some("c"), Some("b")), Some(3..3));
        assert_eq!(between(Some("e"), None), None);
        assert_eq!(between(None, Some("e")), None);
    }

    #[test]
    fn a_prefix_covers_its_keys_only() {
        let (from, to) = prefix_range(Some("node\0"));
        let inside = |key: &str| key.as_bytes() >= &from[..] && key.as_bytes() < &to[..];
        assert!(inside("node\0") && inside("node\0item") && inside("node\0\u{10ffff}"));
        assert!(!inside("node") && !inside("node\u{1}") && !inside("node2\0item"));
    }
}
