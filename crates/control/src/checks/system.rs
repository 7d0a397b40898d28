//! The process and the machine it runs on, as proc(5) tells.

use super::{Check, Finding, alone};
use crate::app::App;
use crate::error::Result;
use crate::text::Text;
use std::fs;

pub(super) const PROCESS: Check = Check {
    section: "system",
    id: "system.process",
    title: || Text::new("Version and time of running", "バージョンと稼働時間"),
    why: || Text::new("who asks for help is asked for the version", "問い合わせの際にはバージョンが必要です"),
    link: None,
    subjects: alone,
    run: process,
};

fn process(app: &App, _: &str) -> Result<Vec<Finding>> {
    let (version, minutes) = (env!("CARGO_PKG_VERSION"), app.began().elapsed().as_secs() / 60);
    let (days, hours, rest) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let en = format!("Zaiseki {version}, for {days} d {hours} h {rest} min");
    Ok(vec![Finding::passed(Text::new(en, format!("Zaiseki {version}、稼働 {days} 日 {hours} 時間 {rest} 分")))])
}

pub(super) const FILES: Check = Check {
    section: "system",
    id: "system.open-files",
    title: || Text::new("Open files", "オープンファイル数"),
    why: || Text::new("every connection needs an open file", "接続ごとに 1 つのファイルを開きます"),
    link: None,
    subjects: alone,
    run: |_, _| {
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        Ok(vec![open_files(open, soft_limit(&limits))])
    },
};

/// Fewer than that do not do for a node in service.
const FEW_FILES: u64 = 4_096;

/// `None`: no limit, or the system does not tell.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files(open: u64, limit: Option<u64>) -> Finding {
    let Some(limit) = limit else {
        return Finding::passed(Text::new(format!("{open} open, without a limit"), format!("使用中 {open}、上限なし")));
    };
    let seen = Text::new(format!("{open} of {limit} open"), format!("{limit} のうち {open} を使用中"));
    let todo = Text::new(
        "raise the limit of open files (LimitNOFILE of the systemd unit) and start the node again",
        "開けるファイル数の上限 (systemd ユニットの LimitNOFILE) を増やして、ノードを再起動してください",
    );
    match open.saturating_mul(100) / limit.max(1) {
        95.. => Finding::failed(seen, todo),
        80.. => Finding::warning(seen, todo),
        _ if limit < FEW_FILES => Finding::warning(seen, todo),
        _ => Finding::passed(seen),
    }
}

pub(super) const MEMORY: Check = Check {
    section: "system",
    id: "system.memory",
    title: || Text::new("Memory", "メモリー"),
    why: || Text::new("a machine without memory ends processes", "メモリーが尽きるとプロセスが強制終了されます"),
    link: None,
    subjects: alone,
    run: |_, _| {
        let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Ok(vec![memory(kib(&info, "MemAvailable:"), kib(&info, "MemTotal:"))])
    },
};

fn kib(info: &str, name: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn memory(available: Option<u64>, total: Option<u64>) -> Finding {
    let (Some(available), Some(total)) = (available, total) else {
        return Finding::passed(Text::new("the system does not tell", "システムから情報を得られません"));
    };
    let (free, all) = (available / 1_024, total / 1_024);
    let seen = Text::new(format!("{free} of {all} MiB available"), format!("{all} MiB のうち {free} MiB を使用可能"));
    let todo = Text::new(
        "find out what uses the memory, or give the machine more",
        "メモリーを使っているものを調べるか、増設してください",
    );
    match available.saturating_mul(100) / total.max(1) {
        0..=2 => Finding::failed(seen, todo),
        3..=9 => Finding::warning(seen, todo),
        _ => Finding::passed(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn proc_is_read_as_it_is_written() {
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!((soft_limit(limits), soft_limit("Max open files  unlimited unlimited files")), (Some(1_024), None));
        assert_eq!(kib("MemTotal:  10 kB\nMemAvailable:   7 kB\n", "MemAvailable:"), Some(7));
    }

    #[test]
    fn files_and_memory_run_out_step_by_step() {
        for (open, limit, outcome) in [
            (10, Some(4_096), Outcome::Passed),
            (10, Some(4_095), Outcome::Warning),
            (7_999, Some(10_000), Outcome::Passed),
            (8_000, Some(10_000), Outcome::Warning),
            (9_500, Some(10_000), Outcome::Failed),
            (9_500, None, Outcome::Passed),
        ] {
            assert_eq!(open_files(open, limit).outcome, outcome, "{open} of {limit:?}");
        }
        for (available, outcome) in [(10, Outcome::Passed), (9, Outcome::Warning), (3, Outcome::Warning), (2, Outcome::Failed)] {
            assert_eq!(memory(Some(available * 1_024), Some(102_400)).outcome, outcome, "{available} %");
        }
    }
}
