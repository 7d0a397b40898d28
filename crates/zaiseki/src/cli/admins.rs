//! `admin …`: administrators and their sessions, and the way back in for whoever is on the host.

use super::args::PasswordSource;
use super::console::Console;
use super::show::View;
use super::{Plan, escape, password_of};
use crate::i18n::Lang;
use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use zaiseki_control::ControlError;
use zaiseki_control::credentials::token::Token;

#[derive(Subcommand, Debug)]
pub enum AdminCommand {
    /// Add an administrator
    Add {
        /// The administrator's name
        name: String,
        /// administrator, operator, read-only or axl
        #[arg(long)]
        role: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List administrators
    List,
    /// Show an administrator
    Show(AdminName),
    /// Change an administrator's name or role; sessions end when the role changes
    Set {
        #[command(flatten)]
        who: AdminName,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// administrator, operator, read-only or axl
        #[arg(long)]
        role: Option<String>,
    },
    /// Let an administrator sign in
    Enable(AdminName),
    /// Keep an administrator from signing in; sessions end
    Disable(AdminName),
    /// Set an administrator's password; the administrator's sessions end
    SetPassword {
        #[command(flatten)]
        who: AdminName,
        /// Read the password from standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
    },
    /// Break-glass: a new password that is shown once, all rights, no second factor; sessions end
    Reset {
        #[command(flatten)]
        who: AdminName,
        /// Ask for the new password instead of making one
        #[arg(long)]
        ask_password: bool,
        /// Read the password from standard input instead of making one
        #[arg(long, conflicts_with = "ask_password")]
        password_stdin: bool,
    },
    /// List an administrator's sessions
    Sessions(AdminName),
    /// End a session of an administrator
    EndSession {
        #[command(flatten)]
        who: AdminName,
        /// The session's id
        id: String,
    },
    /// Forget who an administrator is at the provider; sessions end
    Unlink(AdminName),
    /// Remove an administrator with sessions and tokens
    Remove(AdminName),
}

#[derive(Args, Debug)]
pub struct AdminName {
    /// The administrator's name
    pub name: String,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Administrators and their sessions", "管理者とそのセッション"),
    ("Add an administrator", "管理者を追加する"),
    ("The administrator's name", "管理者の名前"),
    ("administrator, operator, read-only or axl", "administrator、operator、read-only または axl"),
    ("List administrators", "管理者を一覧する"),
    ("Show an administrator", "管理者を表示する"),
    (
        "Change an administrator's name or role; sessions end when the role changes",
        "管理者の名前や役割を変更する (役割を変えるとセッションは終了)",
    ),
    ("Let an administrator sign in", "管理者のサインインを許可する"),
    ("Keep an administrator from signing in; sessions end", "管理者のサインインを禁止する (セッションは終了)"),
    ("Set an administrator's password; the administrator's sessions end", "管理者のパスワードを設定する (セッションは終了)"),
    (
        "Break-glass: a new password that is shown once, all rights, no second factor; sessions end",
        "緊急時の復旧: 一度だけ表示される新しいパスワードとすべての権限を与え、2 段階認証を外す (セッションは終了)",
    ),
    ("Ask for the new password instead of making one", "新しいパスワードを自動で作らず尋ねる"),
    ("Read the password from standard input instead of making one", "パスワードを自動で作らず標準入力から読む"),
    ("List an administrator's sessions", "管理者のセッションを一覧する"),
    ("End a session of an administrator", "管理者のセッションを終了する"),
    ("The session's id", "セッションの ID"),
    ("Remove an administrator with sessions and tokens", "管理者をセッションとトークンとともに削除する"),
];

pub fn plan(command: AdminCommand, console: &mut Console<'_>) -> Result<Plan> {
    let path = |who: &AdminName, rest: &str| format!("admins/{}{rest}", escape(&who.name));
    let nothing = &Value::Null;
    let switch =
        |who: &AdminName, enabled: bool| Plan::one(View::Fields, Method::PATCH, path(who, ""), &json!({ "enabled": enabled }));
    Ok(match command {
        AdminCommand::Add { name, role, password } => {
            let body = json!({ "name": name, "role": role, "password": password_of(password, console)? });
            Plan::one(View::Fields, Method::POST, "admins", &body)
        }
        AdminCommand::List => Plan::one(View::Admins, Method::GET, "admins", nothing),
        AdminCommand::Show(who) => Plan::one(View::Fields, Method::GET, path(&who, ""), nothing),
        AdminCommand::Set { who, rename, role } => {
            Plan::one(View::Fields, Method::PATCH, path(&who, ""), &json!({ "name": rename, "role": role }))
        }
        AdminCommand::Enable(who) => switch(&who, true),
        AdminCommand::Disable(who) => switch(&who, false),
        AdminCommand::SetPassword { who, password_stdin } => {
            let body = json!({ "password": console.password(password_stdin)? });
            Plan::one(View::Fields, Method::PUT, path(&who, "/password"), &body)
        }
        AdminCommand::Reset { who, ask_password, password_stdin } => {
            let made = !ask_password && !password_stdin;
            let password = if made { generated(console.lang)? } else { console.password(password_stdin)? };
            let plan = Plan::one(View::Fields, Method::POST, path(&who, "/reset"), &json!({ "password": password }));
            if made { plan.showing("new_password", password) } else { plan }
        }
        AdminCommand::Sessions(who) => Plan::one(View::Sessions, Method::GET, path(&who, "/sessions"), nothing),
        AdminCommand::EndSession { who, id } => {
            Plan::one(View::Fields, Method::DELETE, path(&who, &format!("/sessions/{}", escape(&id))), nothing)
        }
        AdminCommand::Unlink(who) => Plan::one(View::Fields, Method::DELETE, path(&who, "/identity"), nothing),
        AdminCommand::Remove(who) => Plan::one(View::Fields, Method::DELETE, path(&who, ""), nothing),
    })
}

/// A password of 256 random bits.
fn generated(lang: Lang) -> Result<String> {
    let said = |error: ControlError| anyhow::Error::msg(error.text().get(lang).to_owned());
    Ok(Token::generate("").map_err(said)?.reveal().to_owned())
}

#[cfg(test)]
#[path = "admins_tests.rs"]
mod tests;
