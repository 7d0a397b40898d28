//! Roles that one node holds at a time. A holder renews its lease; when it is late, another node may take the role, under
//! a higher epoch. Work of the role checks the epoch in its own transaction, so that a late holder cannot do harm.

use crate::database::Database;
use crate::error::{Doing, Result};
use rusqlite::{OptionalExtension, params};
use zaiseki_model::Timestamp;

/// A role as its holder knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub role: &'static str,
    pub epoch: i64,
}

impl Database {
    /// Takes the role if nobody holds it, the holder is late, or the holder is the same node (which has then been restarted:
    /// a node's folder is used by one process). `None` while another holds it.
    pub fn take_role(&mut self, role: &'static str, holder: &str, now: Timestamp, until: Timestamp) -> Result<Option<Lease>> {
        let operation = "taking a role";
        let sql = "INSERT INTO role (name, holder, epoch, until) VALUES (?1, ?2, 1, ?4)
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = epoch + 1, until = excluded.until
                   WHERE holder = excluded.holder OR until <= ?3 RETURNING epoch";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let epoch = statement.query_row(params![role, holder, now.0, until.0], |row| row.get(0)).optional();
        Ok(epoch.doing(operation)?.map(|epoch| Lease { role, epoch }))
    }

    /// False when another has taken the role meanwhile.
    pub fn renew_role(&mut self, lease: &Lease, until: Timestamp) -> Result<bool> {
        let sql = "UPDATE role SET until = ?3 WHERE name = ?1 AND epoch = ?2";
        Ok(self.run("renewing a role", sql, params![lease.role, lease.epoch, until.0])? == 1)
    }

    pub(crate) fn holds_role(&self, lease: &Lease) -> Result<bool> {
        let operation = "looking at a role";
        let sql = "SELECT count(*) FROM role WHERE name = ?1 AND epoch = ?2";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let held: i64 = statement.query_row(params![lease.role, lease.epoch], |row| row.get(0)).doing(operation)?;
        Ok(held == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_a_role_until_it_is_late() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let mut take = |who, now| db.take_role("jobs", who, Timestamp(now), Timestamp(now + 100)).unwrap();
        let first = take("a", 0).unwrap();
        assert_eq!(first.epoch, 1);
        assert_eq!(take("b", 99), None);
        let second = take("b", 100).unwrap();
        assert_eq!(second.epoch, 2);
        assert_eq!(take("b", 101).unwrap().epoch, 3, "restarted at once");
        assert!(!db.renew_role(&second, Timestamp(500)).unwrap());
        assert!(!db.holds_role(&first).unwrap());
        let third = Lease { role: "jobs", epoch: 3 };
        assert!(db.renew_role(&third, Timestamp(500)).unwrap() && db.holds_role(&third).unwrap());
        assert_eq!(db.take_role("jobs", "a", Timestamp(499), Timestamp(600)).unwrap(), None);
    }
}
