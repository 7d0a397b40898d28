//! `acme …`: certificates from a public authority, by themselves.

use super::Plan;
use super::console::Console;
use super::show::View;
use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub enum AcmeCommand {
    /// Show what ACME is set to, and how it goes
    Show,
    /// Use ACME, with everything given here
    Set(AcmeSettings),
    /// Order a certificate now
    Order,
    /// Use ACME no longer; the node's own certificate is shown again
    Remove,
}

#[derive(Args, Debug)]
pub struct AcmeSettings {
    /// The authority's directory, such as https://acme-v02.api.letsencrypt.org/directory
    #[arg(long, value_name = "URL")]
    pub directory: String,
    /// A name that leads to this node; may be given more than once
    #[arg(long = "name", value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// A mail address that the authority may write to; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    pub contact: Vec<String>,
    /// Where it is shown: xmpp or web; without it, both
    #[arg(long = "for", value_name = "PURPOSE")]
    pub purposes: Vec<String>,
    /// Agree to the terms of the authority
    #[arg(long)]
    pub agree: bool,
    /// The key identifier of an account with the authority (external account binding)
    #[arg(long, value_name = "ID")]
    pub key_id: Option<String>,
    /// Ask for the HMAC key that came with the key identifier
    #[arg(long)]
    pub hmac_key: bool,
    /// Read the HMAC key from standard input instead of asking
    #[arg(long, conflicts_with = "hmac_key")]
    pub hmac_key_stdin: bool,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Certificates from a public authority by themselves (ACME)", "公開認証局の証明書の自動取得 (ACME)"),
    ("Show what ACME is set to, and how it goes", "ACME の設定と状態を表示する"),
    ("Use ACME, with everything given here", "ここで指定した内容で ACME を使う"),
    ("Order a certificate now", "今すぐ証明書を注文する"),
    ("Use ACME no longer; the node's own certificate is shown again", "ACME の使用をやめ、ノード独自の証明書に戻す"),
    (
        "The authority's directory, such as https://acme-v02.api.letsencrypt.org/directory",
        "認証局のディレクトリー (例: https://acme-v02.api.letsencrypt.org/directory)",
    ),
    ("A name that leads to this node; may be given more than once", "このノードを指す名前 (複数指定可)"),
    (
        "A mail address that the authority may write to; may be given more than once",
        "認証局からの連絡先メールアドレス (複数指定可)",
    ),
    ("Where it is shown: xmpp or web; without it, both", "用途: xmpp または web。省略すると両方"),
    ("Agree to the terms of the authority", "認証局の利用規約に同意する"),
    (
        "The key identifier of an account with the authority (external account binding)",
        "認証局のアカウントのキー ID (外部アカウントバインディング)",
    ),
    ("Ask for the HMAC key that came with the key identifier", "キー ID と組で発行された HMAC キーを尋ねる"),
    ("Read the HMAC key from standard input instead of asking", "HMAC キーを尋ねずに標準入力から読む"),
];

pub fn plan(command: AcmeCommand, console: &mut Console<'_>) -> Result<Plan> {
    let nothing = &Value::Null;
    Ok(match command {
        AcmeCommand::Show => Plan::one(View::Acme, Method::GET, "acme", nothing),
        AcmeCommand::Set(set) => {
            let purposes = if set.purposes.is_empty() { vec!["xmpp".to_owned(), "web".to_owned()] } else { set.purposes };
            let asked = set.hmac_key || set.hmac_key_stdin;
            let key = asked.then(|| console.password(set.hmac_key_stdin)).transpose()?;
            let body = json!({ "directory": set.directory, "names": set.names, "contact": set.contact, "purposes": purposes,
                "terms_agreed": set.agree, "key_id": set.key_id.unwrap_or_default(), "hmac_key": key });
            Plan::one(View::Acme, Method::PUT, "acme", &body)
        }
        AcmeCommand::Order => Plan::one(View::Acme, Method::POST, "acme/order", nothing),
        AcmeCommand::Remove => Plan::one(View::Acme, Method::DELETE, "acme", nothing),
    })
}
