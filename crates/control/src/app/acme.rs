//! ACME: from whom the node gets certificates by itself, and how it goes.

use super::certificates::{checked_name, put_base};
use super::users::Password;
use super::{Actor, App, audit};
use crate::certificates::acme::{AcmeConfig, AcmeState, BINDING, kept, next_order};
use crate::certificates::{Purpose, Source};
use crate::error::{ControlError, Result};
use crate::text::Text;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::IpAddr;
use utoipa::ToSchema;
use zaiseki_model::limits::CERTIFICATE_NAMES;
use zaiseki_net::http::Url;
use zaiseki_store::AcmeAccount;
use zaiseki_xmpp::datetime;

/// Mail addresses of one account.
pub const CONTACTS: usize = 5;
/// Of a key identifier, and of a decoded key.
pub const BINDING_BYTES: usize = 512;

/// What ACME is to be set to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeInput {
    /// The authority's directory: `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// Mail addresses that the authority may write to.
    #[serde(default)]
    pub contact: Vec<String>,
    /// The terms of the authority are agreed to.
    pub terms_agreed: bool,
    /// Domain names that lead to this node.
    pub names: Vec<String>,
    /// Where the certificate is shown.
    pub purposes: Vec<Purpose>,
    /// The key identifier that the authority gave for an account of its own (external account binding, RFC 8555 §7.3.4); empty: none.
    #[serde(default)]
    pub key_id: String,
    /// The HMAC key that came with it, in base64url. Without one the kept one stays, for the same authority and key identifier.
    #[serde(default)]
    pub hmac_key: Option<Password>,
}

/// ACME as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcmeView {
    /// `null`: it is not used.
    pub config: Option<AcmeConfig>,
    /// The authority knows this node.
    pub account: bool,
    /// Addresses that answer the authority's challenges (`listen.acme_http`).
    pub listening: Vec<String>,
    /// An order is under way.
    pub busy: bool,
    /// RFC 3339.
    pub last_success: Option<String>,
    /// When the last try failed, and why.
    pub failed: Option<String>,
    pub error: Option<Text>,
    /// Tries that failed since the last success.
    pub failures: u32,
    /// When the next certificate is ordered.
    pub next: Option<String>,
}

pub fn show(app: &App) -> Result<AcmeView> {
    let kept = kept(app)?;
    let next = kept.as_ref().map(|kept| next_order(app, &kept.config, &kept.state));
    let state = kept.as_ref().map(|kept| kept.state.clone()).unwrap_or_default();
    let time = |seconds: i64| datetime::format(seconds.saturating_mul(1_000_000));
    Ok(AcmeView {
        account: kept.as_ref().is_some_and(|kept| kept.account.is_some()),
        config: kept.map(|kept| kept.config),
        listening: app.acme().listening().to_vec(),
        busy: app.acme().is_busy(),
        last_success: state.last_success.map(time),
        failed: state.failed_at.map(time),
        error: state.error,
        failures: state.failures,
        // 0 stands for at once.
        next: next.filter(|at| *at > 0 && *at < i64::MAX).map(time),
    })
}

/// Uses ACME from now on; a certificate is ordered at once if one is needed.
///
/// # Errors
/// `invalid` naming the field; `conflict` while the configuration file names the certificate.
pub fn set(app: &App, actor: &Actor, input: &AcmeInput) -> Result<AcmeView> {
    if let Some(served) = app.served() {
        served.authority_folder()?;
    }
    let config = checked(input)?;
    let before = kept(app)?;
    let same = before
        .as_ref()
        .is_some_and(|before| (&before.config.directory, &before.config.key_id) == (&config.directory, &config.key_id));
    let binding = binding(app, &config, input.hmac_key.as_ref(), same)?;
    let dropped: Vec<Purpose> = Purpose::ALL.into_iter().filter(|purpose| !config.purposes.contains(purpose)).collect();
    let row = json!(config).to_string();
    let (audit, old) = (audit(actor), before.map(|before| json!(before.config)));
    let state = json!(AcmeState::default()).to_string();
    app.store().call(move |db| {
        let account = match same && binding.is_none() {
            true => AcmeAccount::Keep,
            false => AcmeAccount::New { binding: binding.as_deref() },
        };
        db.put_acme(&row, &state, account, old.as_ref(), &audit)
    })?;
    own_again(app, actor, &dropped)?;
    app.acme().wake();
    show(app)
}

/// Uses ACME no longer; the account is forgotten, and the node's own certificate is shown where one by ACME was.
pub fn remove(app: &App, actor: &Actor) -> Result<AcmeView> {
    let before = kept(app)?.map(|kept| json!(kept.config));
    let audit = audit(actor);
    app.store().call(move |db| db.remove_acme(before.as_ref(), &audit))?;
    own_again(app, actor, &Purpose::ALL)?;
    app.acme().wake();
    show(app)
}

/// Orders a certificate at once, also after a failure.
///
/// # Errors
/// `not-found`: ACME is not used.
pub fn order(app: &App, actor: &Actor) -> Result<AcmeView> {
    let audit = audit(actor);
    let state = json!(AcmeState { asked: true, ..AcmeState::default() }).to_string();
    app.store().call(move |db| db.ask_acme(&state, &audit))?;
    app.acme().wake();
    show(app)
}

fn own_again(app: &App, actor: &Actor, purposes: &[Purpose]) -> Result<()> {
    let Some(served) = app.served() else { return Ok(()) };
    for purpose in purposes.iter().filter(|purpose| served.source(**purpose) == Source::Acme) {
        put_base(app, actor, *purpose)?;
    }
    Ok(())
}

/// The key of the authority's own account, sealed; `None`: none, or the one that is kept.
fn binding(app: &App, config: &AcmeConfig, typed: Option<&Password>, same: bool) -> Result<Option<Vec<u8>>> {
    let typed = typed.map(Password::reveal).map(str::trim).filter(|typed| !typed.is_empty());
    match typed {
        Some(_) if config.key_id.is_empty() => {
            let en = "goes with the HMAC key: the authority gives both";
            Err(ControlError::invalid("key_id", en, "HMAC キーと組で認証局から発行されたキー ID を指定してください"))
        }
        None if !config.key_id.is_empty() && !same => {
            let en = "goes with the key identifier: the authority gives both";
            Err(ControlError::invalid("hmac_key", en, "キー ID と組で認証局から発行された HMAC キーを指定してください"))
        }
        None => Ok(None),
        Some(typed) => {
            let key = BASE64.decode(typed.trim_end_matches('=')).ok().filter(|key| (1..=BINDING_BYTES).contains(&key.len()));
            let Some(key) = key else {
                let en = format!("is 1 to {BINDING_BYTES} bytes in base64url, as the authority gave it");
                let ja = format!("認証局から発行された base64url の値 (1～{BINDING_BYTES} バイト) を指定してください");
                return Err(ControlError::invalid("hmac_key", en, ja));
            };
            Ok(Some(app.key().seal(BINDING, &key)?))
        }
    }
}

fn key_id(typed: &str) -> Result<String> {
    let typed = typed.trim();
    if typed.len() > BINDING_BYTES || !typed.bytes().all(|b| b.is_ascii_graphic()) {
        let en = format!("at most {BINDING_BYTES} visible ASCII characters");
        return Err(ControlError::invalid("key_id", en, format!("ASCII の文字 {BINDING_BYTES} 字以内で指定してください")));
    }
    Ok(typed.to_owned())
}

fn checked(input: &AcmeInput) -> Result<AcmeConfig> {
    let directory = input.directory.trim();
    if !Url::parse(directory).is_ok_and(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none()) {
        let en = "is an address that begins with https://, without a user name";
        return Err(ControlError::invalid("directory", en, "https:// で始まる、ユーザー名のない URL を指定してください"));
    }
    if !input.terms_agreed {
        let en = "the authority gives certificates only to those who agree to its terms";
        return Err(ControlError::invalid("terms_agreed", en, "認証局の利用規約への同意が必要です"));
    }
    if input.purposes.is_empty() {
        let en = "say where the certificate is to be shown";
        return Err(ControlError::invalid("purposes", en, "証明書の用途を選択してください"));
    }
    let purposes = Purpose::ALL.into_iter().filter(|purpose| input.purposes.contains(purpose)).collect();
    let (contact, names) = (contacts(&input.contact)?, names(&input.names)?);
    let key_id = key_id(&input.key_id)?;
    Ok(AcmeConfig { directory: directory.to_owned(), contact, terms_agreed: true, names, purposes, key_id })
}

fn contacts(all: &[String]) -> Result<Vec<String>> {
    let all: Vec<String> = all.iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
    let good = |one: &String| {
        let parts = one.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'));
        parts && one.len() <= 254 && one.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'?' | b'%'))
    };
    if all.len() > CONTACTS || !all.iter().all(good) {
        let en = format!("at most {CONTACTS} mail addresses, in ASCII");
        return Err(ControlError::invalid("contact", en, format!("ASCII のメールアドレスを {CONTACTS} 個まで指定してください")));
    }
    Ok(all)
}

/// A challenge over HTTP proves neither addresses nor wildcards (RFC 8555 §7.1.3, §8.3).
fn names(all: &[String]) -> Result<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    for name in all.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let name = checked_name(name)?;
        if name.starts_with("*.") || name.parse::<IpAddr>().is_ok() {
            let en = format!("{name}: neither wildcards nor IP addresses can be proven over HTTP");
            let ja = format!("{name}: ワイルドカードと IP アドレスは HTTP では確認できません");
            return Err(ControlError::invalid("names", en, ja));
        }
        if !out.contains(&name) {
            out.push(name);
        }
    }
    if out.is_empty() || out.len() > CERTIFICATE_NAMES {
        let en = format!("1 to {CERTIFICATE_NAMES} names that lead to this node");
        return Err(ControlError::invalid(
            "names",
            en,
            format!("このノードを指す名前を 1～{CERTIFICATE_NAMES} 個指定してください"),
        ));
    }
    Ok(out)
}

#[cfg(test)]
#[path = "acme_tests.rs"]
mod tests;
