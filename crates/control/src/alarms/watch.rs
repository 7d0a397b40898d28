//! Background task: looks at what nobody else watches: the disk of the data folder, the database, the clock.

use super::catalogue::{CLOCK_JUMP, DATABASE_BACKLOG, DISK_SPACE};
use crate::app::App;
use crate::text::Text;
use std::path::Path;
use std::time::{Duration, Instant};
use zaiseki_model::{Severity, Timestamp};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(10);
/// A clock that NTP slews stays well below this between two looks.
const JUMP: Duration = Duration::from_secs(5);
/// Percent of the file system that is used, from which on it is so bad.
const LEVELS: [(u64, Severity); 3] = [(95, Severity::Critical), (90, Severity::Error), (80, Severity::Warning)];
/// An alarm that is open ends below this, so that it does not come and go.
const FINE: u64 = 78;

/// Runs until the future is dropped.
pub async fn run(app: App) {
    let mut clock = Clock::new(Timestamp::now(), Instant::now());
    loop {
        let worker = app.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || look_at_disk(&worker)).await {
            tracing::error!(%error, "the disk could not be looked at");
        }
        look_at_database(&app);
        tokio::time::sleep(LOOK).await;
        if let Some(detail) = clock.jumped(Timestamp::now(), Instant::now()) {
            app.alarms().raise(&CLOCK_JUMP, "clock", detail);
        }
    }
}

fn look_at_disk(app: &App) {
    match used(app.data_dir()) {
        Ok(disk) => judge_disk(app, disk),
        Err(error) => tracing::warn!(%error, "the file system of the data folder does not tell how full it is"),
    }
}

/// A file system as `statvfs` sees it.
#[derive(Clone, Copy, Debug)]
struct Disk {
    /// Of what an ordinary user may use.
    used_percent: u64,
    free_bytes: u64,
}

fn used(folder: &Path) -> std::io::Result<Disk> {
    let found = rustix::fs::statvfs(folder)?;
    let taken = found.f_blocks.saturating_sub(found.f_bfree);
    let usable = taken.saturating_add(found.f_bavail).max(1);
    // As df(1) does: rounded up.
    let used_percent = taken.saturating_mul(100).div_ceil(usable);
    Ok(Disk { used_percent, free_bytes: found.f_bavail.saturating_mul(found.f_frsize) })
}

fn judge_disk(app: &App, disk: Disk) {
    match LEVELS.into_iter().find(|(from, _)| disk.used_percent >= *from) {
        Some((_, severity)) => {
            let (percent, mib) = (disk.used_percent, disk.free_bytes / (1024 * 1024));
            let en = format!("{percent} % used, {mib} MiB left at {}", app.data_dir().display());
            let ja = format!("使用率 {percent} %、残り {mib} MiB ({})", app.data_dir().display());
            app.alarms().raise_at(&DISK_SPACE, severity, "data", Text::new(en, ja));
        }
        None if disk.used_percent < FINE => app.alarms().clear(&DISK_SPACE, "data"),
        None => {}
    }
}

fn look_at_database(app: &App) {
    if app.store().healthy() {
        return app.alarms().clear(&DATABASE_BACKLOG, "database");
    }
    let mib = app.store().counts().unwritten_bytes / (1024 * 1024);
    let detail = Text::new(format!("{mib} MiB wait to be written"), format!("書き込み待ち {mib} MiB"));
    app.alarms().raise(&DATABASE_BACKLOG, "database", detail);
}

/// The wall clock beside one that only goes forward.
struct Clock {
    wall: Timestamp,
    steady: Instant,
}

impl Clock {
    fn new(wall: Timestamp, steady: Instant) -> Clock {
        Clock { wall, steady }
    }

    /// What to say when the two have parted since the last call.
    fn jumped(&mut self, wall: Timestamp, steady: Instant) -> Option<Text> {
        let expected = self.wall + steady.duration_since(self.steady);
        *self = Clock { wall, steady };
        let (ahead, back) = (wall.since(expected), expected.since(wall));
        if ahead.max(back) <= JUMP {
            return None;
        }
        let (seconds, en, ja) = match ahead > back {
            true => (ahead.as_secs(), "ahead", "進みました"),
            false => (back.as_secs(), "back", "戻りました"),
        };
        Some(Text::new(format!("the clock went {seconds} s {en}"), format!("時計が {seconds} 秒{ja}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;

    #[test]
    fn the_disk_is_judged_at_each_level_and_one_below() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let severity = |used_percent| {
            judge_disk(app, Disk { used_percent, free_bytes: 7 << 20 });
            app.alarms().open().first().map(|row| row.severity)
        };
        let (warning, error, critical) = (Some(Severity::Warning), Some(Severity::Error), Some(Severity::Critical));
        let seen = [79, 80, 89, 90, 94, 95, 100, 79, 78, 77].map(severity);
        assert_eq!(seen, [None, warning, warning, error, error, critical, critical, critical, critical, None]);
        severity(91);
        assert_eq!(app.alarms().open()[0].detail.0, format!("91 % used, 7 MiB left at {}", fixture.dir.path().display()));
        let here = used(fixture.dir.path()).unwrap();
        assert!(here.used_percent <= 100, "{here:?}");
    }

    #[test]
    fn a_clock_that_jumps_is_noticed_once() {
        let (wall, steady) = (Timestamp::from_secs(1_000), Instant::now());
        let mut clock = Clock::new(wall, steady);
        let later = |secs: u64| steady + Duration::from_secs(secs);
        assert!(clock.jumped(Timestamp::from_secs(1_015), later(10)).is_none(), "five seconds are not too much");
        let back = clock.jumped(Timestamp::from_secs(1_019), later(20)).unwrap();
        assert_eq!((back.en.as_str(), back.ja.as_str()), ("the clock went 6 s back", "時計が 6 秒戻りました"));
        assert!(clock.jumped(Timestamp::from_secs(1_029), later(30)).is_none());
        assert!(clock.jumped(Timestamp::from_secs(1_045), later(40)).unwrap().en.contains("6 s ahead"));
    }
}
