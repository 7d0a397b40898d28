//! `user sessions`, `user presence`, …, and `presence`: what a running node knows of people now.

use super::show::View;
use super::{Plan, escape, user_path};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

/// Contacts of one page.
const PAGE: usize = 500;

#[derive(Subcommand, Debug)]
pub enum PeopleCommand {
    /// Show a user's sessions: resources and connections
    Sessions(Someone),
    /// End a session; the client is told, and may sign in again
    EndSession {
        #[command(flatten)]
        who: Someone,
        /// The session's id
        id: String,
    },
    /// Show a user's presence: clients, calendar, and what others see
    Presence(Someone),
    /// List a user's contacts
    Contacts(Someone),
    /// Give a user another user id; contacts and archive stay, sessions end
    Rename {
        #[command(flatten)]
        who: Someone,
        /// The new user id
        new: String,
    },
}

#[derive(Args, Debug)]
pub struct Someone {
    /// The user id
    pub name: String,
}

#[derive(Args, Debug)]
pub struct Sight {
    /// Who looks
    pub viewer: String,
    /// At whom
    pub of: String,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Show a user's sessions: resources and connections", "ユーザーのセッションを表示する (リソースと接続)"),
    (
        "End a session; the client is told, and may sign in again",
        "セッションを終了する (クライアントに通知され、再サインインは可能)",
    ),
    ("The session's id", "セッションの ID"),
    (
        "Show a user's presence: clients, calendar, and what others see",
        "ユーザーの在席情報を表示する (クライアント、予定表、他者からの見え方)",
    ),
    ("List a user's contacts", "ユーザーの連絡先を一覧する"),
    (
        "Give a user another user id; contacts and archive stay, sessions end",
        "ユーザー ID を変更する (連絡先とアーカイブは残り、セッションは終了)",
    ),
    ("The new user id", "新しいユーザー ID"),
    ("Show what one user sees of another, and why", "あるユーザーから別のユーザーがどう見えるか、その理由とともに表示する"),
    ("Who looks", "見る側のユーザー ID"),
    ("At whom", "見られる側のユーザー ID"),
];

pub fn plan(command: PeopleCommand) -> Plan {
    let nothing = &Value::Null;
    match command {
        PeopleCommand::Sessions(who) => Plan::one(View::UserSessions, Method::GET, user_path(&who.name, "/sessions"), nothing),
        PeopleCommand::EndSession { who, id } => {
            let path = user_path(&who.name, &format!("/sessions/{}", escape(&id)));
            Plan::one(View::Fields, Method::DELETE, path, nothing)
        }
        PeopleCommand::Presence(who) => Plan::one(View::UserPresence, Method::GET, user_path(&who.name, "/presence"), nothing),
        PeopleCommand::Rename { who, new } => {
            Plan::one(View::Fields, Method::POST, user_path(&who.name, "/rename"), &json!({ "name": new }))
        }
        PeopleCommand::Contacts(who) => {
            Plan::one(View::Contacts, Method::GET, user_path(&who.name, &format!("/contacts?limit={PAGE}")), nothing)
        }
    }
}

pub fn sight_plan(sight: &Sight) -> Plan {
    let path = format!("diagnostics/presence?viewer={}&of={}", escape(&sight.viewer), escape(&sight.of));
    Plan::one(View::Sight, Method::GET, path, &Value::Null)
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
