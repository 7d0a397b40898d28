//! The node: its domain, its database.

use super::{Check, Finding};
use crate::app::App;
use crate::error::Result;
use crate::text::Text;

pub(super) const DOMAIN: Check = Check {
    section: "domain",
    id: "domain.name",
    why: || Text::new("addresses of users end in the domain", "ユーザーのアドレスはこのドメインで終わります"),
    link: None,
    run: |app| Ok(domain(app.domain())),
};

pub(super) fn domain(name: &str) -> Finding {
    let seen = Text::plain(name);
    let todo = || Text::new("set `domain` in the configuration file", "設定ファイルの `domain` を設定してください");
    match name {
        _ if name.eq_ignore_ascii_case("DOMAIN.NOT.SET") => Finding::failed(seen, todo()),
        _ if name == "localhost" || !name.contains('.') => Finding::warning(seen, todo()),
        _ => Finding::passed(seen),
    }
}

pub(super) const DATABASE: Check = Check {
    section: "database",
    id: "database.use",
    why: || Text::new("without it nobody signs in and no message is kept", "使えないとサインインもメッセージの保存もできません"),
    link: None,
    run: database,
};

fn database(app: &App) -> Result<Finding> {
    app.store().query(|db| db.administrators())?;
    if app.store().healthy() {
        return Ok(Finding::passed(Text::new("it is read, and writes do not pile up", "読み取れ、書き込みの滞留もありません")));
    }
    let seen = Text::new("too much waits to be written", "書き込み待ちが多すぎます");
    let todo =
        Text::new("look whether the disk of `data_dir` is full or slow", "`data_dir` のディスクの空きと速さを確認してください");
    Ok(Finding::failed(seen, todo))
}
