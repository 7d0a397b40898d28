//! The database.

use super::{Check, Finding, alone};
use crate::app::App;
use crate::error::Result;
use crate::text::Text;

pub(super) const USE: Check = Check {
    section: "database",
    id: "database.use",
    title: || Text::new("Reading and writing", "読み取りと書き込み"),
    why: || Text::new("without it nobody signs in and no message is kept", "使えないとサインインもメッセージの保存もできません"),
    link: None,
    subjects: alone,
    run: in_use,
};

fn in_use(app: &App, _: &str) -> Result<Vec<Finding>> {
    app.store().query(|db| db.administrators())?;
    if app.store().healthy() {
        return Ok(vec![Finding::passed(Text::new(
            "it is read, and writes do not pile up",
            "読み取れ、書き込みの滞留もありません",
        ))]);
    }
    let seen = Text::new("too much waits to be written", "書き込み待ちが多すぎます");
    let todo =
        Text::new("look whether the disk of `data_dir` is full or slow", "`data_dir` のディスクの空きと速さを確認してください");
    Ok(vec![Finding::failed(seen, todo)])
}

pub(super) const SIZE: Check = Check {
    section: "database",
    id: "database.size",
    title: || Text::new("Size", "サイズ"),
    why: || {
        Text::new("a large archive takes disk and time of a backup", "アーカイブが大きいとディスクとバックアップの時間を使います")
    },
    link: Some("/console/messaging"),
    subjects: alone,
    run: |app, _| {
        let facts = app.store().query(|db| db.file_facts())?;
        let (size, free) = (mib(facts.bytes()), facts.free_pages.saturating_mul(100) / facts.pages.max(1));
        let en = format!("{size} MiB, {free} % of it free for what comes next");
        Ok(vec![Finding::passed(Text::new(en, format!("{size} MiB (うち空き {free} %)")))])
    },
};

pub(super) const INTEGRITY: Check = Check {
    section: "database",
    id: "database.integrity",
    title: || Text::new("Soundness of the file", "ファイルの整合性"),
    why: || Text::new("a damaged file loses messages later", "壊れたファイルは後でメッセージを失います"),
    link: None,
    subjects: alone,
    run: integrity,
};

/// A larger file takes longer to read than a check may: its integrity is then not looked at.
const CHECKED_BYTES: u64 = 256 * 1_024 * 1_024;
const FAULTS: u32 = 5;

fn integrity(app: &App, _: &str) -> Result<Vec<Finding>> {
    let size = app.store().query(|db| db.file_facts())?.bytes();
    if size > CHECKED_BYTES {
        let size = mib(size);
        let en = format!("not looked at: {size} MiB are too much to read in passing");
        return Ok(vec![Finding::passed(Text::new(en, format!("検査していません ({size} MiB は短時間で読み切れません)")))]);
    }
    let faults = app.store().query(|db| db.quick_check(FAULTS))?;
    if faults.is_empty() {
        return Ok(vec![Finding::passed(Text::new("the structure is sound", "構造に異常はありません"))]);
    }
    let todo = Text::new(
        "stop the node, keep a copy of the file, and restore a backup; have the disk checked",
        "ノードを止めてファイルの写しを取り、バックアップから戻してください。ディスクも検査してください",
    );
    Ok(vec![Finding::failed(Text::plain(faults.join("; ")), todo)])
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1_024 * 1_024)
}
