//! `doctor`: the troubleshooter on the terminal.

use super::show::{View, counted};
use super::{Plan, escape};
use crate::i18n::Lang;
use anyhow::{Result, bail};
use clap::Args;
use hyper::Method;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;

/// What scripts go by.
const EXIT_CODES: &str = "Exit codes: 0 every check passed; 2 there are warnings, and nothing failed; 1 a check failed, or the \
    checks could not run; 64 the command line or the configuration file is wrong";

/// The about stands at the command.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct Doctor {
    /// Only the checks of this section, such as disk
    #[arg(long)]
    pub section: Option<String>,
    /// List the checks, and run none
    #[arg(long, conflicts_with_all = ["section", "last"])]
    pub list: bool,
    /// What the node saw when all checks were run last; runs none
    #[arg(long, conflicts_with = "section")]
    pub last: bool,
    /// Write a support bundle without secrets to this new file, to be sent to whoever helps; runs all checks
    #[arg(long, value_name = "FILE", conflicts_with_all = ["section", "last", "list"])]
    pub bundle: Option<PathBuf>,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    (
        "The troubleshooter: looks for what is wrong with the node, and says what to do",
        "トラブルシューター: ノードの異常を調べ、対処を示す",
    ),
    (
        EXIT_CODES,
        "終了コード: 0 すべて合格、2 警告のみ、1 不合格がある、または検査を実行できない、64 コマンドラインまたは設定ファイルの誤り",
    ),
    ("Only the checks of this section, such as disk", "このセクションの検査だけ (例: disk)"),
    ("List the checks, and run none", "検査を一覧する (実行しない)"),
    (
        "Write a support bundle without secrets to this new file, to be sent to whoever helps; runs all checks",
        "サポートに送る、秘密情報を除いたサポートバンドルを新しいファイルに書き出す (すべての検査を実行)",
    ),
    ("What the node saw when all checks were run last; runs none", "前回すべてを検査したときの結果を表示する (実行しない)"),
];

/// There are warnings, and nothing failed: an exit code of its own.
#[derive(Debug)]
pub struct OnlyWarnings(String);

impl fmt::Display for OnlyWarnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OnlyWarnings {}

pub fn plan(doctor: &Doctor) -> Plan {
    let nothing = &Value::Null;
    if doctor.list {
        return Plan::one(View::CheckList, Method::GET, "diagnostics/checks", nothing);
    }
    if doctor.last {
        return Plan::one(View::Checks, Method::GET, "diagnostics/run", nothing);
    }
    if let Some(file) = &doctor.bundle {
        return Plan::one(View::Fields, Method::POST, "diagnostics/bundle", nothing).into_file(file);
    }
    let section = doctor.section.as_deref().map(|section| format!("?section={}", escape(section))).unwrap_or_default();
    Plan::one(View::Checks, Method::POST, format!("diagnostics/run{section}"), nothing)
}

/// The exit code's reason.
pub fn verdict(run: &Value, lang: Lang) -> Result<()> {
    let count = |key: &str| run[key].as_u64().unwrap_or(0);
    let said = |en: String, ja: String| if lang == Lang::Ja { ja } else { en };
    match (count("failed"), count("warnings")) {
        (0, 0) => Ok(()),
        (0, n) => Err(OnlyWarnings(said(counted(n, "warning", "warnings"), format!("警告が {n} 件あります"))).into()),
        (n, _) => bail!(said(format!("{} failed", counted(n, "check", "checks")), format!("{n} 件の検査が不合格です"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn warnings_alone_are_told_from_failures() {
        let of = |failed, warnings| verdict(&json!({"failed": failed, "warnings": warnings}), Lang::En);
        assert!(of(0, 0).is_ok());
        assert!(of(0, 1).unwrap_err().is::<OnlyWarnings>());
        assert!(!of(1, 1).unwrap_err().is::<OnlyWarnings>());
    }
}
