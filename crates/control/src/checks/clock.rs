//! The clock of this machine.

use super::{Check, Finding, alone};
use crate::app::App;
use crate::error::Result;
use crate::text::Text;
use std::path::Path;
use zaiseki_model::Timestamp;

/// Seconds of difference between the clock of the wall and the one that nobody sets.
const JUMP_SECS: u64 = 5;

pub(super) const JUMP: Check = Check {
    section: "clock",
    id: "clock.jump",
    title: || Text::new("Jumps of the clock", "時計の急な変化"),
    why: || {
        Text::new(
            "times of messages and codes of second factors depend on it",
            "メッセージの時刻と 2 段階認証のコードに影響します",
        )
    },
    link: None,
    subjects: alone,
    run: |app, _| Ok(vec![jump(drift(app))]),
};

/// Seconds that the clock was set forward (or back) since the process started.
fn drift(app: &App) -> i64 {
    let wall = Timestamp::now().0.saturating_sub(app.started().0) / 1_000_000;
    wall - i64::try_from(app.began().elapsed().as_secs()).unwrap_or(i64::MAX)
}

fn jump(seconds: i64) -> Finding {
    if seconds.unsigned_abs() < JUMP_SECS {
        return Finding::passed(Text::new("it goes evenly since the node started", "ノードの起動以来、時計は正常に進んでいます"));
    }
    let en = format!("since the node started it was set by {seconds} s, or the machine slept");
    let ja = format!("ノードの起動後、時計が {seconds} 秒変更されたか、マシンが休止しました");
    Finding::warning(
        Text::new(en, ja),
        Text::new("see to it that time synchronisation (NTP) runs", "時刻同期 (NTP) が動作していることを確認してください"),
    )
}

pub(super) const SYNCHRONISED: Check = Check {
    section: "clock",
    id: "clock.synchronised",
    title: || Text::new("Synchronisation", "時刻同期"),
    why: || Text::new("a clock that drifts makes certificates and codes fail", "時計がずれると証明書やコードが無効になります"),
    link: None,
    subjects: alone,
    run: synchronised,
};

/// What time services leave in the file system once they know the time.
const MARKS: [(&str, &str); 3] = [
    ("systemd-timesyncd", "/run/systemd/timesync/synchronized"),
    ("chrony", "/run/chrony/chronyd.pid"),
    ("ntpd", "/run/ntpd.pid"),
];

fn synchronised(_: &App, _: &str) -> Result<Vec<Finding>> {
    let found = MARKS.iter().find(|(_, path)| Path::new(path).exists());
    Ok(vec![match found {
        Some((service, _)) => Finding::passed(Text::new(format!("by {service}"), format!("{service} で同期しています"))),
        None => Finding::passed(Text::new(
            "no time service is seen here; in a container the host keeps the time",
            "時刻同期サービスは見つかりません (コンテナーではホストが時刻を保ちます)",
        )),
    }])
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn a_few_seconds_are_no_jump() {
        for (seconds, outcome) in [(0, Outcome::Passed), (4, Outcome::Passed), (5, Outcome::Warning), (-5, Outcome::Warning)] {
            assert_eq!(jump(seconds).outcome, outcome, "{seconds}");
        }
    }
}
