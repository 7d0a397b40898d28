//! `address-scheme …`: of what the addresses of users are made.

use super::Plan;
use super::show::View;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub enum SchemeCommand {
    /// Show of what addresses are made, and what a switch would do
    Show,
    /// Make addresses of something else: a job gives everybody the new address
    Set(Switch),
}

#[derive(Args, Debug)]
pub struct Switch {
    /// user-id or directory-uri
    #[arg(value_parser = ["user-id", "directory-uri"], hide_possible_values = true)]
    pub scheme: String,
    /// Switch although some users would keep an address by the user id
    #[arg(long)]
    pub accept: bool,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Addresses of users: by user id or by directory URI", "ユーザーのアドレス形式 (ユーザー ID またはディレクトリー URI)"),
    ("Show of what addresses are made, and what a switch would do", "アドレス形式と、切り替えた場合の影響を表示する"),
    (
        "Make addresses of something else: a job gives everybody the new address",
        "アドレス形式を切り替える (ジョブが全員のアドレスを変更)",
    ),
    ("user-id or directory-uri", "user-id または directory-uri"),
    (
        "Switch although some users would keep an address by the user id",
        "ユーザー ID のアドレスのままになるユーザーがいても切り替える",
    ),
];

pub fn plan(command: SchemeCommand) -> Plan {
    match command {
        SchemeCommand::Show => Plan::one(View::AddressScheme, Method::GET, "address-scheme", &Value::Null),
        SchemeCommand::Set(Switch { scheme, accept }) => {
            let body = json!({ "scheme": scheme, "accept": accept });
            Plan::one(View::Job, Method::PUT, "address-scheme", &body)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::Bench;

    #[tokio::test]
    async fn the_switch_is_looked_at_and_asked_for() {
        let bench = Bench::new();
        bench.ok("user add taro --no-password", "").await;
        bench.ok("user set-profile taro --directory-uri t.yamada@other.example", "").await;
        let shown = bench.ok("address-scheme show", "").await;
        assert!(shown.contains("user-id") && shown.contains("taro") && shown.contains("other-domain"), "{shown}");
        assert!(bench.fails("address-scheme set directory-uri", "").await.contains("1 user would keep"));
        let job = bench.json("address-scheme set directory-uri --accept").await;
        assert_eq!((&job["kind"], &job["total"]), (&"users.address-scheme".into(), &1.into()));
    }
}
