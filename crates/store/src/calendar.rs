//! What the presence gateways fetched, and how they are.

use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use zaiseki_model::{BusyInterval, BusyKind, GatewayId, Timestamp, UserId};

/// What is known of one user from one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarRow {
    pub user: UserId,
    /// The localpart.
    pub name: String,
    pub gateway: GatewayId,
    /// As handed in.
    pub intervals: Vec<BusyInterval>,
    /// When the intervals were fetched; [`Timestamp::ZERO`] when that never worked.
    pub fetched_at: Timestamp,
    /// Why the last fetch failed; `None` when it worked.
    pub error: Option<String>,
}

/// Whether a gateway answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayHealth {
    pub up: bool,
    /// Since when it is up or down.
    pub since: Timestamp,
    pub checked_at: Timestamp,
    /// Why it is down.
    pub reason: Option<String>,
}

impl Database {
    /// Replaces what the gateway said of these users, in one transaction, and clears their errors. Users unknown by now
    /// are skipped. Intervals that did not change are not written again.
    pub fn replace_intervals(
        &mut self,
        gateway: GatewayId,
        fetched_at: Timestamp,
        users: &[(UserId, Vec<BusyInterval>)],
    ) -> Result<()> {
        let operation = "writing calendar intervals";
        let tx = self.begin(operation)?;
        for (user, intervals) in users {
            let Some(key) = self.key(*user)? else { continue };
            if self.intervals(key, gateway)? != *intervals {
                self.write_intervals(key, gateway, intervals)?;
            }
            let sql = "INSERT INTO calendar_user (user_key, gateway, fetched_at, error) VALUES (?1, ?2, ?3, NULL)
                       ON CONFLICT (user_key, gateway) DO UPDATE SET fetched_at = excluded.fetched_at, error = NULL";
            self.run(operation, sql, params![key, gateway.0, fetched_at.0])?;
        }
        tx.commit().doing(operation)
    }

    fn write_intervals(&self, key: i64, gateway: GatewayId, intervals: &[BusyInterval]) -> Result<()> {
        let operation = "writing calendar intervals";
        let sql = "DELETE FROM calendar_interval WHERE user_key = ?1 AND gateway = ?2";
        self.run(operation, sql, params![key, gateway.0])?;
        for (position, interval) in (0_i64..).zip(intervals) {
            let sql = "INSERT INTO calendar_interval (user_key, gateway, position, start_at, end_at, kind)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let (start, end) = (interval.start.0, interval.end.0);
            self.run(operation, sql, params![key, gateway.0, position, start, end, kind_number(interval.kind)])?;
        }
        Ok(())
    }

    /// Notes that these users could not be asked; what is known of them stays.
    pub fn set_calendar_errors(&mut self, gateway: GatewayId, errors: &[(UserId, String)]) -> Result<()> {
        let operation = "writing calendar errors";
        let tx = self.begin(operation)?;
        for (user, error) in errors {
            let Some(key) = self.key(*user)? else { continue };
            let sql = "INSERT INTO calendar_user (user_key, gateway, fetched_at, error) VALUES (?1, ?2, 0, ?3)
                       ON CONFLICT (user_key, gateway) DO UPDATE SET error = excluded.error";
            self.run(operation, sql, params![key, gateway.0, error])?;
        }
        tx.commit().doing(operation)
    }

    /// Forgets what a gateway knows of a user (who opted out, or moved to another gateway).
    pub fn forget_calendar(&mut self, user: UserId, gateway: GatewayId) -> Result<()> {
        let operation = "forgetting a calendar";
        let Some(key) = self.key(user)? else { return Ok(()) };
        let tx = self.begin(operation)?;
        let sql = "DELETE FROM calendar_interval WHERE user_key = ?1 AND gateway = ?2";
        self.run(operation, sql, params![key, gateway.0])?;
        let sql = "DELETE FROM calendar_user WHERE user_key = ?1 AND gateway = ?2";
        self.run(operation, sql, params![key, gateway.0])?;
        tx.commit().doing(operation)
    }

    /// Everything known of the served domain's users, for the start: by user, then gateway.
    pub fn load_calendar(&self) -> Result<Vec<CalendarRow>> {
        let operation = "loading calendars";
        let sql = "SELECT a.id, a.name, c.gateway, c.fetched_at, c.error, c.user_key
                   FROM calendar_user c JOIN account a ON a.user_key = c.user_key
                   WHERE a.domain = ?1 ORDER BY c.user_key, c.gateway";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let mut rows = statement.query([&self.domain]).doing(operation)?;
        let mut result = Vec::new();
        while let Some(row) = rows.next().doing(operation)? {
            let (mut entry, key) = calendar_row(row).doing(operation)?;
            entry.intervals = self.intervals(key, entry.gateway)?;
            result.push(entry);
        }
        Ok(result)
    }

    fn intervals(&self, key: i64, gateway: GatewayId) -> Result<Vec<BusyInterval>> {
        let operation = "reading calendar intervals";
        let sql = "SELECT start_at, end_at, kind FROM calendar_interval
                   WHERE user_key = ?1 AND gateway = ?2 ORDER BY position";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map(params![key, gateway.0], interval).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// # Errors
    /// [`StoreError::NotFound`] when there is no such gateway (any more).
    pub fn set_gateway_health(&mut self, gateway: GatewayId, health: &GatewayHealth) -> Result<()> {
        if self.gateway(gateway)?.is_none() {
            return Err(StoreError::NotFound { what: format!("gateway {gateway}") });
        }
        let sql = "INSERT INTO gateway_health (gateway, up, since, checked_at, reason) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (gateway) DO UPDATE SET up = excluded.up, since = excluded.since,
                   checked_at = excluded.checked_at, reason = excluded.reason";
        let GatewayHealth { up, since, checked_at, reason } = health;
        self.run("writing a gateway's health", sql, params![gateway.0, up, since.0, checked_at.0, reason]).map(drop)
    }

    /// `None` before the first report.
    pub fn gateway_health(&self, gateway: GatewayId) -> Result<Option<GatewayHealth>> {
        let operation = "reading a gateway's health";
        let sql = "SELECT up, since, checked_at, reason FROM gateway_health WHERE gateway = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row([gateway.0], |row| {
            Ok(GatewayHealth {
                up: row.get(0)?,
                since: Timestamp(row.get(1)?),
                checked_at: Timestamp(row.get(2)?),
                reason: row.get(3)?,
            })
        });
        row.optional().doing(operation)
    }
}

fn calendar_row(row: &Row<'_>) -> rusqlite::Result<(CalendarRow, i64)> {
    let entry = CalendarRow {
        user: UserId(row.get(0)?),
        name: row.get(1)?,
        gateway: GatewayId(row.get(2)?),
        intervals: Vec::new(),
        fetched_at: Timestamp(row.get(3)?),
        error: row.get(4)?,
    };
    Ok((entry, row.get(5)?))
}

fn interval(row: &Row<'_>) -> rusqlite::Result<BusyInterval> {
    Ok(BusyInterval { start: Timestamp(row.get(0)?), end: Timestamp(row.get(1)?), kind: kind_of(row.get(2)?) })
}

fn kind_number(kind: BusyKind) -> i64 {
    match kind {
        BusyKind::Free => 0,
        BusyKind::Tentative => 1,
        BusyKind::Busy => 2,
        BusyKind::OutOfOffice => 3,
        BusyKind::WorkingElsewhere => 4,
        BusyKind::NoData => 5,
    }
}

fn kind_of(number: i64) -> BusyKind {
    match number {
        0 => BusyKind::Free,
        1 => BusyKind::Tentative,
        2 => BusyKind::Busy,
        3 => BusyKind::OutOfOffice,
        4 => BusyKind::WorkingElsewhere,
        _ => BusyKind::NoData,
    }
}
