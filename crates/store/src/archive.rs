//! Pages of an archive (XEP-0313 with result set management, XEP-0059).

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::messages::stored_message;
use crate::words::{ArchiveQuery, Page, StoredMessage};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params, params_from_iter};
use zaiseki_model::{MessageId, Timestamp, limits};

/// Ids strictly between the two.
#[derive(Clone, Copy)]
struct Range {
    above: i64,
    below: i64,
}

impl Range {
    /// What the form allows: `start`, `end`, `after-id` and `before-id`.
    fn of_form(query: &ArchiveQuery) -> Range {
        let after = |t: Timestamp| MessageId::first_at(Timestamp(t.0.saturating_add(1))).0;
        let times = Range {
            above: query.start.map_or(i64::MIN, |t| MessageId::first_at(t).0.saturating_sub(1)),
            below: query.end.map_or(i64::MAX, after),
        };
        times.between(query.after_id, query.before_id)
    }

    /// The part of it that the page may come from.
    fn of_page(self, query: &ArchiveQuery) -> Range {
        self.between(query.after, query.before)
    }

    /// The part of it strictly between the two messages.
    fn between(self, after: Option<MessageId>, before: Option<MessageId>) -> Range {
        Range {
            above: after.map_or(self.above, |id| self.above.max(id.0)),
            below: before.map_or(self.below, |id| self.below.min(id.0)),
        }
    }
}

impl Database {
    pub(crate) fn archive_page(&self, query: &ArchiveQuery) -> Result<Page> {
        let Some(owner) = self.key(query.owner)? else {
            return Ok(Page { complete: true, anchor_found: query.named().next().is_none(), ..Page::default() });
        };
        let whole = Range::of_form(query);
        let (messages, complete) = self.page_messages(owner, query, whole.of_page(query))?;
        let counted = query.count && query.filter.is_none();
        let total = if counted { Some(self.count(owner, query, whole)?) } else { None };
        let first_index = match messages.first() {
            Some(first) if counted => Some(self.count(owner, query, Range { below: first.id.0, ..whole })?),
            _ => None,
        };
        let anchor_found = self.all_in_archive(owner, query)?;
        Ok(Page { messages, complete, total, first_index, anchor_found })
    }

    /// The page in ascending order, and whether nothing follows it.
    fn page_messages(&self, owner: i64, query: &ArchiveQuery, range: Range) -> Result<(Vec<StoredMessage>, bool)> {
        let operation = "reading an archive page";
        let (condition, values) = condition(owner, query, range);
        let order = if query.backwards { "DESC" } else { "ASC" };
        // CROSS JOIN: the archive is the outer loop, so rows come in order and the walk can stop early.
        let sql = format!(
            "SELECT a.id, m.stanza FROM archive a CROSS JOIN message m
             WHERE {condition} AND m.id = a.id ORDER BY a.id {order}"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let mut rows = statement.query(params_from_iter(values)).doing(operation)?;
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let mut complete = true;
        while let Some(row) = rows.next().doing(operation)? {
            let message = stored_message(row).doing(operation)?;
            if query.filter.as_ref().is_some_and(|keep| !keep(&message.stanza)) {
                continue;
            }
            if messages.len() == query.limit || bytes >= limits::PAGE_BYTES {
                complete = false;
                break;
            }
            bytes += message.stanza.len();
            messages.push(message);
        }
        if query.backwards {
            messages.reverse();
        }
        Ok((messages, complete))
    }

    fn count(&self, owner: i64, query: &ArchiveQuery, range: Range) -> Result<u64> {
        let operation = "counting archive rows";
        let (condition, values) = condition(owner, query, range);
        let sql = format!("SELECT count(*) FROM archive a WHERE {condition}");
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let count: i64 = statement.query_row(params_from_iter(values), |row| row.get(0)).doing(operation)?;
        Ok(count.unsigned_abs())
    }

    /// Whether every message that the query names is there.
    fn all_in_archive(&self, owner: i64, query: &ArchiveQuery) -> Result<bool> {
        for id in query.named() {
            if !self.in_archive(owner, id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn in_archive(&self, owner: i64, id: MessageId) -> Result<bool> {
        let operation = "looking up an archive row";
        let sql = "SELECT 1 FROM archive WHERE owner = ?1 AND id = ?2";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row(params![owner, id.0], |_| Ok(())).optional().doing(operation)?;
        Ok(row.is_some())
    }
}

/// The WHERE clause over `archive a` and its values. The text depends only on which filters are used, so that
/// statements stay prepared, except with `ids`.
fn condition(owner: i64, query: &ArchiveQuery, range: Range) -> (String, Vec<Value>) {
    let mut sql = "a.owner = ?1 AND a.id > ?2 AND a.id < ?3".to_owned();
    let mut values = vec![Value::Integer(owner), Value::Integer(range.above), Value::Integer(range.below)];
    if let Some(peer) = &query.with {
        sql.push_str(" AND a.peer = ?4");
        values.push(Value::Text(peer.clone()));
    }
    if let Some(ids) = &query.ids {
        let list: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        sql.push_str(&format!(" AND a.id IN ({})", list.join(",")));
    }
    (sql, values)
}
