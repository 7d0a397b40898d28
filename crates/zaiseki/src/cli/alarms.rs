//! `alarm …`: what is wrong, and what was.

use super::show::View;
use super::{Plan, escape};
use clap::Subcommand;
use hyper::Method;
use serde_json::Value;

/// Alarms of one page.
const PAGE: usize = 500;

#[derive(Subcommand, Debug)]
pub enum AlarmCommand {
    /// List open alarms, newest first
    List {
        /// Those that are over too
        #[arg(long)]
        all: bool,
        /// Only this alarm of the catalogue, such as gateway.down
        #[arg(long)]
        alarm: Option<String>,
    },
    /// Show an alarm
    Show {
        /// The alarm's id
        id: String,
    },
    /// Note that you have seen an alarm
    Acknowledge {
        /// The alarm's id
        id: String,
    },
    /// List the alarms that there can be, and what to do
    Catalogue,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Alarms: what is wrong, and what to do", "アラーム (発生中の問題と対処)"),
    ("List open alarms, newest first", "発生中のアラームを新しい順に一覧する"),
    ("Those that are over too", "解消したものも含める"),
    ("Only this alarm of the catalogue, such as gateway.down", "この種類のアラームだけ (例: gateway.down)"),
    ("Show an alarm", "アラームを表示する"),
    ("The alarm's id", "アラームの ID"),
    ("Note that you have seen an alarm", "アラームを確認済みにする"),
    ("List the alarms that there can be, and what to do", "アラームの種類と対処を一覧する"),
];

pub fn plan(command: AlarmCommand) -> Plan {
    let nothing = &Value::Null;
    let path = |id: &str, rest: &str| format!("alarms/{}{rest}", escape(id));
    match command {
        AlarmCommand::List { all, alarm } => {
            let open = if all { "" } else { "&open=true" };
            let alarm = alarm.map(|alarm| format!("&alarm={}", escape(&alarm))).unwrap_or_default();
            Plan::one(View::Alarms, Method::GET, format!("alarms?limit={PAGE}{open}{alarm}"), nothing)
        }
        AlarmCommand::Show { id } => Plan::one(View::Alarm, Method::GET, path(&id, ""), nothing),
        AlarmCommand::Acknowledge { id } => Plan::one(View::Alarm, Method::POST, path(&id, "/acknowledge"), nothing),
        AlarmCommand::Catalogue => Plan::one(View::AlarmCatalogue, Method::GET, "alarms:catalogue", nothing),
    }
}
