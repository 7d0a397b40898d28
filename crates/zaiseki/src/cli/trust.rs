//! `trust …`: authorities that the node believes as a client.

use super::show::View;
use super::{Plan, escape, read_file};
use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum TrustCommand {
    /// List the authorities that are believed besides the operating system's
    List,
    /// Show an authority
    Show(TrustName),
    /// Believe an authority, from the next connection on
    Add {
        /// What it is called here
        name: String,
        /// Its certificate (PEM or DER)
        file: PathBuf,
    },
    /// Believe an authority no longer
    Remove(TrustName),
}

#[derive(Args, Debug)]
pub struct TrustName {
    /// What it is called here
    pub name: String,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Authorities that the node believes as a client", "ノードがクライアントとして信頼する認証局"),
    ("List the authorities that are believed besides the operating system's", "OS のもの以外に信頼する認証局を一覧する"),
    ("Show an authority", "認証局を表示する"),
    ("Believe an authority, from the next connection on", "次の接続から認証局を信頼する"),
    ("What it is called here", "ここでの名前"),
    ("Its certificate (PEM or DER)", "証明書 (PEM または DER)"),
    ("Believe an authority no longer", "認証局の信頼をやめる"),
];

pub fn plan(command: TrustCommand) -> Result<Plan> {
    let nothing = &Value::Null;
    let path = |name: &str| format!("trust/{}", escape(name));
    Ok(match command {
        TrustCommand::List => Plan::one(View::Trust, Method::GET, "trust", nothing),
        TrustCommand::Show(trust) => Plan::one(View::TrustedAuthority, Method::GET, path(&trust.name), nothing),
        TrustCommand::Add { name, file } => {
            let bytes = read_file(&file)?;
            let text = String::from_utf8(bytes).unwrap_or_else(|der| zaiseki_net::tls::pem_of(der.as_bytes()));
            let body = json!({ "name": name, "certificate": text });
            Plan::one(View::TrustedAuthority, Method::POST, "trust", &body)
        }
        TrustCommand::Remove(trust) => Plan::one(View::TrustedAuthority, Method::DELETE, path(&trust.name), nothing),
    })
}
