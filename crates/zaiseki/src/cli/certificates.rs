//! `certificate …`: what the node shows to clients.

use super::show::View;
use super::{Plan, escape, read_file};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Subcommand, Debug)]
pub enum CertificateCommand {
    /// List the certificates that the node shows
    List,
    /// Show a certificate
    Show(Purpose),
    /// Write a certificate with its chain, as PEM
    Chain(Purpose),
    /// Write the certificate of the node's own authority, as PEM: what clients import
    Authority,
    /// Make a new certificate by the node's own authority
    Reissue {
        #[command(flatten)]
        purpose: Purpose,
        #[command(flatten)]
        names: Names,
        /// For XMPP clients and for HTTPS
        #[arg(long)]
        both: bool,
    },
    /// Make a signing request and write it, as PEM; its key stays in the node
    Request {
        #[command(flatten)]
        purpose: Purpose,
        #[command(flatten)]
        names: Names,
    },
    /// Forget a signing request with its key
    Withdraw(Purpose),
    /// Take a certificate that others signed, and show it at once
    Import {
        #[command(flatten)]
        purpose: Purpose,
        /// The certificate and those between, in order (PEM)
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// Its private key (PEM); without it, that of the signing request
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// For XMPP clients and for HTTPS
        #[arg(long)]
        both: bool,
    },
    /// Take a certificate away and show the node's own again
    Remove(Purpose),
}

#[derive(Args, Debug)]
pub struct Purpose {
    /// What it is shown for: xmpp or web
    pub purpose: String,
}

#[derive(Args, Debug)]
pub struct Names {
    /// A name it is to hold; may be given more than once; without any, the domain and the node
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Certificates that the node shows", "ノードが提示する証明書"),
    ("List the certificates that the node shows", "ノードが提示する証明書を一覧する"),
    ("Show a certificate", "証明書を表示する"),
    ("Write a certificate with its chain, as PEM", "証明書とその連鎖を PEM で書き出す"),
    (
        "Write the certificate of the node's own authority, as PEM: what clients import",
        "ノード独自の認証局の証明書 (クライアントに登録するもの) を PEM で書き出す",
    ),
    ("Make a new certificate by the node's own authority", "ノード独自の認証局で新しい証明書を作る"),
    ("For XMPP clients and for HTTPS", "XMPP クライアント用と HTTPS 用の両方"),
    (
        "Make a signing request and write it, as PEM; its key stays in the node",
        "証明書要求を作成して PEM で書き出す (鍵はノードから出ない)",
    ),
    ("Forget a signing request with its key", "証明書要求とその鍵を破棄する"),
    ("Take a certificate that others signed, and show it at once", "署名された証明書を取り込み、すぐに使う"),
    ("The certificate and those between, in order (PEM)", "証明書と中間証明書 (PEM、順番に並べる)"),
    ("Its private key (PEM); without it, that of the signing request", "秘密鍵 (PEM)。省略すると証明書要求の鍵"),
    ("Take a certificate away and show the node's own again", "証明書を取り除き、ノード独自のものに戻す"),
    ("What it is shown for: xmpp or web", "用途: xmpp または web"),
    (
        "A name it is to hold; may be given more than once; without any, the domain and the node",
        "含める名前 (複数指定可)。省略するとドメインとノード名",
    ),
];

pub fn plan(command: CertificateCommand) -> Result<Plan> {
    let nothing = &Value::Null;
    let path = |of: &Purpose, rest: &str| format!("certificates/{}{rest}", escape(&of.purpose));
    Ok(match command {
        CertificateCommand::List => Plan::one(View::Certificates, Method::GET, "certificates", nothing),
        CertificateCommand::Show(purpose) => Plan::one(View::Certificate, Method::GET, path(&purpose, ""), nothing),
        CertificateCommand::Chain(purpose) => Plan::one(View::Pem, Method::GET, path(&purpose, ""), nothing),
        CertificateCommand::Authority => Plan::one(View::Pem, Method::GET, "certificates:authority", nothing),
        CertificateCommand::Reissue { purpose, names, both } => {
            let body = json!({ "names": names.names, "both": both });
            Plan::one(View::Certificate, Method::POST, path(&purpose, "/reissue"), &body)
        }
        CertificateCommand::Request { purpose, names } => {
            Plan::one(View::Request, Method::POST, path(&purpose, "/request"), &json!({ "names": names.names }))
        }
        CertificateCommand::Withdraw(purpose) => {
            Plan::one(View::Certificate, Method::DELETE, path(&purpose, "/request"), nothing)
        }
        CertificateCommand::Import { purpose, certificate, key, both } => {
            let key = key.as_deref().map(text_of).transpose()?;
            let body = json!({ "certificate": text_of(&certificate)?, "key": key, "both": both });
            Plan::one(View::Certificate, Method::POST, path(&purpose, "/import"), &body)
        }
        CertificateCommand::Remove(purpose) => Plan::one(View::Certificate, Method::DELETE, path(&purpose, ""), nothing),
    })
}

fn text_of(file: &Path) -> Result<String> {
    String::from_utf8(read_file(file)?).with_context(|| format!("{} is not PEM", file.display()))
}
