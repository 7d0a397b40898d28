//! `check …`: the checks of the troubleshooter, as the API runs them.

use super::Plan;
use super::show::View;
use clap::Subcommand;
use hyper::Method;
use serde_json::Value;

#[derive(Subcommand, Debug)]
pub enum CheckCommand {
    /// List the checks and why each matters
    List,
    /// Run the checks, which only read; a failed one ends with an error
    Run,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Checks of the troubleshooter", "トラブルシューターの検査"),
    ("List the checks and why each matters", "検査とその理由を一覧する"),
    (
        "Run the checks, which only read; a failed one ends with an error",
        "検査を実行する (読み取りのみ)。不合格があればエラーで終わる",
    ),
];

pub fn plan(command: &CheckCommand) -> Plan {
    match command {
        CheckCommand::List => Plan::one(View::Checks, Method::GET, "diagnostics/checks", &Value::Null),
        CheckCommand::Run => Plan::one(View::CheckResults, Method::POST, "diagnostics/run", &Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::Bench;
    use crate::i18n::Lang;

    #[tokio::test]
    async fn checks_are_listed_and_run() {
        let bench = Bench::new();
        let list = bench.ok("check list", "").await;
        assert!(list.starts_with("CHECK") && list.contains("database"), "{list}");
        // Nobody has made an administrator yet: a check fails and says what to do.
        let (done, out) = bench.try_in(Lang::Ja, "check run", "").await;
        assert!(out.contains("不合格") && done.unwrap_err().to_string().contains("不合格"), "{out}");
        bench.ok("admin add hanako --role administrator --password-stdin", "correct horse battery\n").await;
        let (_, json) = bench.try_in(Lang::En, "check run --output json", "").await;
        assert!(json.contains("\"outcome\""), "{json}");
    }
}
