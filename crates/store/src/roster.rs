//! Contact lists.

use crate::database::Database;
use crate::error::{Doing, Result};
use bytes::Bytes;
use rusqlite::{Row, params};
use zaiseki_model::{RosterItem, Subscription, UserId};
use zaiseki_xmpp::jid::BareJid;

/// Stands after each group name. XML cannot carry it, so no name holds it.
const GROUP_END: char = '\u{1f}';

impl Database {
    pub(crate) fn put_roster_item(&self, user: UserId, item: &RosterItem) -> Result<()> {
        let Some(key) = self.key(user)? else { return Ok(()) };
        let sql = "INSERT INTO roster
                   (user_key, jid, name, group_names, subscription, ask, approved, visible, pending_in)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                   ON CONFLICT (user_key, jid) DO UPDATE SET name = excluded.name, group_names = excluded.group_names,
                   subscription = excluded.subscription, ask = excluded.ask, approved = excluded.approved,
                   visible = excluded.visible, pending_in = excluded.pending_in";
        let values = params![
            key,
            item.jid.as_str(),
            item.name,
            join_groups(&item.groups),
            subscription_number(item.subscription),
            item.ask,
            item.approved,
            item.visible,
            item.pending_in.as_deref(),
        ];
        self.run("writing a contact", sql, values).map(drop)
    }

    pub(crate) fn remove_roster_item(&self, user: UserId, jid: &BareJid) -> Result<()> {
        let Some(key) = self.key(user)? else { return Ok(()) };
        let sql = "DELETE FROM roster WHERE user_key = ?1 AND jid = ?2";
        self.run("removing a contact", sql, params![key, jid.as_str()]).map(drop)
    }

    pub(crate) fn set_roster_version(&self, user: UserId, version: u64) -> Result<()> {
        let sql = "UPDATE account SET roster_version = ?2 WHERE id = ?1";
        self.run("writing a roster version", sql, params![user.0, version.cast_signed()]).map(drop)
    }

    /// One page of a contact list, by address, after that address.
    pub fn contacts(&self, user: UserId, after: &str, limit: usize) -> Result<Vec<RosterItem>> {
        let operation = "reading a page of a roster";
        let Some(key) = self.key(user)? else { return Ok(Vec::new()) };
        let sql = "SELECT jid, name, group_names, subscription, ask, approved, visible, pending_in
                   FROM roster WHERE user_key = ?1 AND jid > ?2 ORDER BY jid LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![key, after, limit], roster_item).doing(operation)?;
        let items: Vec<Option<RosterItem>> = rows.collect::<rusqlite::Result<_>>().doing(operation)?;
        Ok(items.into_iter().flatten().collect())
    }

    /// How many contacts a user has.
    pub fn count_contacts(&self, user: UserId) -> Result<u64> {
        let operation = "counting contacts";
        let Some(key) = self.key(user)? else { return Ok(0) };
        let mut statement = self.conn.prepare_cached("SELECT count(*) FROM roster WHERE user_key = ?1").doing(operation)?;
        let count: i64 = statement.query_row([key], |row| row.get(0)).doing(operation)?;
        Ok(count.unsigned_abs())
    }

    /// In the order of addresses. A contact whose address is no JID by today's rules is left out, with a warning: it
    /// must not lock its owner out.
    pub(crate) fn roster(&self, key: i64) -> Result<Vec<RosterItem>> {
        let operation = "reading a roster";
        let sql = "SELECT jid, name, group_names, subscription, ask, approved, visible, pending_in
                   FROM roster WHERE user_key = ?1 ORDER BY jid";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([key], roster_item).doing(operation)?;
        let items: Vec<Option<RosterItem>> = rows.collect::<rusqlite::Result<_>>().doing(operation)?;
        Ok(items.into_iter().flatten().collect())
    }
}

fn roster_item(row: &Row<'_>) -> rusqlite::Result<Option<RosterItem>> {
    let text = row.get_ref(0)?.as_str()?;
    let Ok(jid) = text.parse::<BareJid>() else {
        tracing::warn!(jid = text, "a stored contact is not a valid address and is left out");
        return Ok(None);
    };
    Ok(Some(RosterItem {
        jid,
        name: row.get(1)?,
        groups: split_groups(row.get_ref(2)?.as_str()?),
        subscription: subscription_of(row.get(3)?),
        ask: row.get(4)?,
        approved: row.get(5)?,
        visible: row.get(6)?,
        pending_in: row.get::<_, Option<Vec<u8>>>(7)?.map(Bytes::from),
    }))
}

fn join_groups(groups: &[String]) -> String {
    groups.iter().flat_map(|group| [group.as_str(), "\u{1f}"]).collect()
}

fn split_groups(text: &str) -> Vec<String> {
    text.split_terminator(GROUP_END).map(str::to_owned).collect()
}

/// Bit 0: to, bit 1: from.
fn subscription_number(subscription: Subscription) -> i64 {
    i64::from(subscription.to()) | i64::from(subscription.from()) << 1
}

fn subscription_of(number: i64) -> Subscription {
    Subscription::new(number & 1 != 0, number & 2 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_read_back() {
        for groups in [vec![], vec![""], vec!["a"], vec!["同僚", "", "with\nline"]] {
            let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
            assert_eq!(split_groups(&join_groups(&groups)), groups);
        }
    }

    #[test]
    fn subscriptions_read_back() {
        for subscription in [Subscription::None, Subscription::To, Subscription::From, Subscription::Both] {
            assert_eq!(subscription_of(subscription_number(subscription)), subscription);
        }
    }
}
