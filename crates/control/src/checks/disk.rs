//! The file system of the data folder.

use super::{Check, Finding, alone};
use crate::app::App;
use crate::error::{ControlError, Result};
use crate::text::Text;
use rustix::fs::{StatVfs, statvfs};

pub(super) const SPACE: Check = Check {
    section: "disk",
    id: "disk.space",
    title: || Text::new("Free space", "空き容量"),
    why: || Text::new("on a full disk no message is kept", "ディスクがいっぱいになるとメッセージを保存できません"),
    link: Some("/console/messaging"),
    subjects: alone,
    run: |app, _| {
        let disk = look(app)?;
        let mib = |blocks: u64| blocks.saturating_mul(disk.f_frsize) / (1_024 * 1_024);
        // As df counts: what is kept for root is not there for us.
        let used = disk.f_blocks.saturating_sub(disk.f_bfree);
        let free = mib(disk.f_bavail);
        let en = format!("{free} MiB free in {}", app.data_dir().display());
        let ja = format!("{} の空き {free} MiB", app.data_dir().display());
        Ok(vec![fill(percent(used, used.saturating_add(disk.f_bavail)), &en, &ja)])
    },
};

pub(super) const INODES: Check = Check {
    section: "disk",
    id: "disk.inodes",
    title: || Text::new("Free inodes", "空き inode"),
    why: || Text::new("without free inodes no file is made", "inode が尽きるとファイルを作れません"),
    link: None,
    subjects: alone,
    run: |app, _| {
        let disk = look(app)?;
        if disk.f_files == 0 {
            return Ok(vec![Finding::passed(Text::new("the file system counts none", "このファイルシステムに上限はありません"))]);
        }
        let used = disk.f_files.saturating_sub(disk.f_ffree);
        let (en, ja) = (format!("{} inodes free", disk.f_ffree), format!("空き inode {}", disk.f_ffree));
        Ok(vec![fill(percent(used, disk.f_files), &en, &ja)])
    },
};

fn look(app: &App) -> Result<StatVfs> {
    statvfs(app.data_dir()).map_err(|error| {
        let path = app.data_dir().display();
        ControlError::invalid("data_dir", format!("{path}: {error}"), format!("{path}: {error}"))
    })
}

/// Rounded up, as df does.
fn percent(used: u64, all: u64) -> u64 {
    used.saturating_mul(100).div_ceil(all.max(1))
}

fn fill(percent: u64, en: &str, ja: &str) -> Finding {
    let seen = Text::new(format!("{percent} % used; {en}"), format!("使用率 {percent} %、{ja}"));
    let room = Text::new(
        "make room, enlarge the disk, or keep the archive for fewer days",
        "空きを増やすか、ディスクを広げるか、アーカイブの保存日数を短くしてください",
    );
    let soon = Text::new(format!("soon: {}", room.en), format!("早急に対処が必要です。{}", room.ja));
    match percent {
        95.. => Finding::failed(seen, room),
        90.. => Finding::warning(seen, soon),
        80.. => Finding::warning(seen, room),
        _ => Finding::passed(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn a_disk_fills_in_steps() {
        for (used, outcome) in
            [(79, Outcome::Passed), (80, Outcome::Warning), (90, Outcome::Warning), (94, Outcome::Warning), (95, Outcome::Failed)]
        {
            assert_eq!(fill(percent(used, 100), "", "").outcome, outcome, "{used} %");
        }
        assert_ne!(fill(89, "", "").todo, fill(90, "", "").todo);
        assert_eq!((percent(1, 1_000), percent(0, 0)), (1, 0));
    }
}
