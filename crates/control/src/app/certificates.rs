//! The certificates that this node shows: looking at them, own ones, signing requests, import.

use super::users::Password;
use super::{Actor, App, audit};
use crate::certificates::acme::AcmeConfig;
use crate::certificates::{Purpose, Served, Source, context, now_secs, refused};
use crate::error::{ControlError, Result};
use crate::text::Text;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::CERTIFICATE_NAMES;
use zaiseki_net::tls::{
    self, CertificateFacts, Identity, Issued, TlsError, certificates_in, examine, is_believed, issue, pem_of,
};
use zaiseki_store::{CertificateChange, CertificateRow, RequestRow};
use zaiseki_xmpp::datetime;

/// Days before the end from which on it is a warning.
pub const WARN_DAYS: i64 = 30;

/// A certificate that the node shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateView {
    pub purpose: Purpose,
    pub source: Source,
    /// When it was put in the place of the node's own (RFC 3339); `null`: it is that, or a file's.
    pub changed: Option<String>,
    /// It is renewed without anybody's doing.
    pub renews_itself: bool,
    /// It holds the domain, which clients ask for.
    pub covers_domain: bool,
    /// It holds the name of this node.
    pub covers_node: bool,
    /// What somebody should know of it.
    pub warnings: Vec<Text>,
    /// The node's own first, then who issued it, and so on.
    pub chain: Vec<CertificateDetails>,
    /// All of the chain as PEM. It holds no key.
    pub pem: String,
    /// A signing request that waits for its certificate.
    pub request: Option<RequestView>,
}

/// What stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateDetails {
    pub subject: String,
    pub issuer: String,
    /// Domain names and addresses it is good for.
    pub names: Vec<String>,
    pub serial: String,
    /// SHA-256.
    pub fingerprint: String,
    /// `ECDSA P-256`, `RSA 2048`
    pub key: String,
    /// RFC 3339.
    pub not_before: String,
    pub not_after: String,
    /// Whole days until it ends; negative when it has.
    pub days_left: i64,
    /// It may sign others.
    pub authority: bool,
}

/// A signing request (PKCS #10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestView {
    pub created: String,
    /// For whoever signs. Its key stays in the node.
    pub pem: String,
}

/// The node's own authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthorityView {
    pub details: CertificateDetails,
    /// What clients import to believe this node.
    pub pem: String,
    /// The same as DER in Base64.
    pub der: String,
}

/// Names to ask a certificate for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamesInput {
    /// Domain names, perhaps with `*.` in front, and IP addresses. Without any: the domain and the name of this node.
    #[serde(default)]
    pub names: Vec<String>,
    /// For both purposes (own authority only).
    #[serde(default)]
    pub both: bool,
}

/// A certificate to be shown from now on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportInput {
    /// PEM: the node's certificate, then those between, in order; the authority at the end may be left out.
    pub certificate: String,
    /// Its private key (PEM, not encrypted). Without one: that of the signing request under way.
    #[serde(default)]
    pub key: Option<Password>,
    /// For both purposes.
    #[serde(default)]
    pub both: bool,
}

pub fn list(app: &App) -> Result<Vec<CertificateView>> {
    let served = served(app)?;
    Purpose::ALL.into_iter().map(|purpose| view(app, served, purpose)).collect()
}

pub fn show(app: &App, purpose: &str) -> Result<CertificateView> {
    view(app, served(app)?, Purpose::parse(purpose)?)
}

/// The node's own authority, whose certificate clients may import.
///
/// # Errors
/// `not-found`: it has not been needed yet.
pub fn authority(app: &App) -> Result<AuthorityView> {
    let folder = app.data_dir().join("tls");
    let der = tls::authority(&folder).and_then(|pem| certificates_in(&pem).into_iter().next());
    let found = der.and_then(|der| Some((CertificateFacts::of(&der)?, der)));
    let Some((facts, der)) = found else {
        let text = Text::new("this node has no authority of its own", "このノードには独自の認証局がありません");
        return Err(ControlError::NotFound { text });
    };
    Ok(AuthorityView { details: details(&facts), pem: pem_of(&der), der: BASE64_STANDARD.encode(&der) })
}

/// The certificate of the node's own authority as DER.
///
/// # Errors
/// As [`authority`].
pub fn authority_der(app: &App) -> Result<Vec<u8>> {
    let view = authority(app)?;
    Ok(certificates_in(&view.pem).into_iter().next().map(|der| der.to_vec()).unwrap_or_default())
}

/// What a certificate of this node should hold.
pub fn usual_names(app: &App) -> Vec<String> {
    let mut names: Vec<String> = [app.domain(), app.node().name()].map(str::to_owned).into();
    names.retain(|name| !name.is_empty());
    names.dedup();
    names
}

pub fn no_request(purpose: Purpose) -> ControlError {
    let purpose = purpose.as_str();
    let en = format!("there is no signing request for {purpose}");
    ControlError::NotFound { text: Text::new(en, format!("{purpose} の証明書要求はありません")) }
}

/// Makes a new certificate, with a new key, by the node's own authority, and shows it at once. It renews itself.
///
/// # Errors
/// `invalid` for `names`; `conflict` while the configuration file names the certificate.
pub fn reissue(app: &App, actor: &Actor, purpose: &str, input: &NamesInput) -> Result<CertificateView> {
    let purpose = Purpose::parse(purpose)?;
    let names = wanted_names(app, &input.names)?;
    not_by_acme(app, &purposes(purpose, input.both))?;
    for purpose in purposes(purpose, input.both) {
        renew_own(app, actor, purpose, &names)?;
    }
    view(app, served(app)?, purpose)
}

pub(crate) fn renew_own(app: &App, actor: &Actor, purpose: Purpose, names: &[String]) -> Result<()> {
    let served = served(app)?;
    let folder = served.authority_folder()?;
    let _turn = served.turn();
    let Issued { chain, key } = issue(folder, names).map_err(|error| not_made(&error))?;
    put(app, actor, purpose, Put { action: "certificate.reissue", source: Source::OwnAuthority, chain, key, answers: false })
}

/// Makes a key, which never leaves the node, and a signing request for it. An earlier request is forgotten, with its key.
///
/// # Errors
/// As [`reissue`].
pub fn request(app: &App, actor: &Actor, purpose: &str, input: &NamesInput) -> Result<CertificateView> {
    let purpose = Purpose::parse(purpose)?;
    let names = wanted_names(app, &input.names)?;
    let served = served(app)?;
    served.authority_folder()?;
    let Issued { chain: request, key } = tls::request(&names).map_err(|error| not_made(&error))?;
    let key = app.key().seal(&context(purpose), key.as_bytes())?;
    let row = RequestRow { purpose: purpose.as_str().to_owned(), request, key, created_at: Timestamp::now() };
    let change = change("certificate.request", actor, Value::Null, json!({ "names": names }));
    app.store().call(move |db| db.put_certificate_request(&row, &change))?;
    view(app, served, purpose)
}

/// Forgets the signing request, with its key.
pub fn withdraw(app: &App, actor: &Actor, purpose: &str) -> Result<CertificateView> {
    let purpose = Purpose::parse(purpose)?;
    let change = change("certificate.withdraw", actor, json!({ "request": true }), Value::Null);
    app.store().call(move |db| db.remove_certificate_request(purpose.as_str(), &change))?;
    view(app, served(app)?, purpose)
}

/// Takes a certificate that others signed, with its key or for the signing request under way, and shows it at once.
///
/// # Errors
/// `invalid` for `certificate` or `key`, saying what is wrong; `conflict` while the configuration file names the certificate.
pub fn import(app: &App, actor: &Actor, purpose: &str, input: &ImportInput) -> Result<CertificateView> {
    let purpose = Purpose::parse(purpose)?;
    let served = served(app)?;
    served.authority_folder()?;
    not_by_acme(app, &purposes(purpose, input.both))?;
    let _turn = served.turn();
    let given = input.key.as_ref().map(|key| key.reveal().as_bytes().to_vec()).filter(|key| !key.trim_ascii().is_empty());
    let answers = given.is_none();
    let key = given.map_or_else(|| waiting_key(app, purpose), Ok)?;
    let identity = examine(input.certificate.as_bytes(), &key, now_secs()).map_err(|why| match why {
        tls::Unfit::OtherKey if answers => {
            let en = "it was not made for the signing request under way";
            ControlError::invalid("certificate", en, "進行中の証明書要求に対するものではありません")
        }
        why => refused(&why),
    })?;
    // Only what was understood is kept: the certificates, and the key.
    let chain: String = identity.chain().iter().map(|der| pem_of(der)).collect();
    let key = String::from_utf8_lossy(&key).into_owned();
    for (index, one) in purposes(purpose, input.both).into_iter().enumerate() {
        let (chain, key, answers) = (chain.clone(), key.clone(), answers && index == 0);
        put(app, actor, one, Put { action: "certificate.import", source: Source::Imported, chain, key, answers })?;
    }
    view(app, served, purpose)
}

/// Takes away what is shown in place of the node's own certificate, which is shown again at once.
///
/// # Errors
/// `not-found`: the node's own is shown.
pub fn remove(app: &App, actor: &Actor, purpose: &str) -> Result<CertificateView> {
    let purpose = Purpose::parse(purpose)?;
    not_by_acme(app, &[purpose])?;
    put_base(app, actor, purpose)?;
    view(app, served(app)?, purpose)
}

/// The node's own again.
pub(super) fn put_base(app: &App, actor: &Actor, purpose: Purpose) -> Result<()> {
    let served = served(app)?;
    let _turn = served.turn();
    let base = served.base().load().map_err(|error| not_made(&error))?;
    let (before, after) = (about(served, purpose), facts_value(served.base().source(), base.chain()));
    let change = change("certificate.remove", actor, before, after);
    app.store().call(move |db| db.remove_certificate(purpose.as_str(), &change))?;
    served.show_base(purpose, base);
    Ok(())
}

/// Shows what a public authority made for an order.
pub(crate) fn put_ordered(app: &App, config: &AcmeConfig, chain: &str, key: &str) -> Result<()> {
    let served = served(app)?;
    served.authority_folder()?;
    let identity = examine(chain.as_bytes(), key.as_bytes(), now_secs()).map_err(|why| refused(&why))?;
    let chain: String = identity.chain().iter().map(|der| pem_of(der)).collect();
    let leaf = identity.chain().first().and_then(|der| CertificateFacts::of(der));
    if let Some(name) = config.names.iter().find(|name| leaf.as_ref().is_none_or(|leaf| !leaf.covers(name))) {
        let (en, ja) = (format!("the certificate does not hold {name}"), format!("証明書に {name} が含まれていません"));
        return Err(ControlError::invalid("certificate", en, ja));
    }
    let _turn = served.turn();
    for purpose in &config.purposes {
        let (chain, key) = (chain.clone(), key.to_owned());
        let new = Put { action: "certificate.order", source: Source::Acme, chain, key, answers: false };
        put(app, crate::certificates::acme::ACTOR, *purpose, new)?;
    }
    Ok(())
}

/// What ACME keeps is not changed by hand: the next renewal would undo it.
fn not_by_acme(app: &App, purposes: &[Purpose]) -> Result<()> {
    let kept = crate::certificates::acme::kept(app)?;
    let Some(taken) = kept.and_then(|kept| purposes.iter().find(|purpose| kept.config.purposes.contains(purpose)).copied())
    else {
        return Ok(());
    };
    let taken = taken.as_str();
    let en = format!("the certificate for {taken} comes by ACME: take {taken} out there first");
    let ja = format!("{taken} の証明書は ACME で取得しています。先に ACME の設定から {taken} を外してください");
    Err(ControlError::Conflict { text: Text::new(en, ja) })
}

fn served(app: &App) -> Result<&Served> {
    app.served().ok_or_else(|| ControlError::Conflict {
        text: Text::new(
            "there is no certificate yet: a node makes one when it starts for the first time",
            "証明書がまだありません。ノードを初めて起動したときに作られます",
        ),
    })
}

fn purposes(purpose: Purpose, both: bool) -> Vec<Purpose> {
    let others = Purpose::ALL.into_iter().filter(|one| both && *one != purpose);
    std::iter::once(purpose).chain(others).collect()
}

struct Put {
    action: &'static str,
    source: Source,
    /// PEM, both of them.
    chain: String,
    key: String,
    answers: bool,
}

/// Keeps it and shows it; the caller has the turn.
fn put(app: &App, actor: &Actor, purpose: Purpose, new: Put) -> Result<()> {
    let served = served(app)?;
    let identity = Identity::from_pem(new.chain.as_bytes(), new.key.as_bytes()).map_err(|error| not_made(&error))?;
    let (before, after) = (about(served, purpose), facts_value(new.source, identity.chain()));
    let (change, at) = (change(new.action, actor, before, after), Timestamp::now());
    let row = CertificateRow {
        purpose: purpose.as_str().to_owned(),
        source: new.source.as_str().to_owned(),
        chain: new.chain,
        key: app.key().seal(&context(purpose), new.key.as_bytes())?,
        changed_at: at,
    };
    app.store().call(move |db| db.put_certificate(&row, new.answers, &change))?;
    served.show(purpose, identity, new.source, at);
    Ok(())
}

/// The key of the signing request under way.
fn waiting_key(app: &App, purpose: Purpose) -> Result<Vec<u8>> {
    match app.store().query(move |db| db.certificate_request(purpose.as_str()))? {
        Some(row) => Ok(app.key().open(&context(purpose), &row.key)?),
        None => {
            let en = "give the private key, or make a signing request first";
            Err(ControlError::invalid("key", en, "秘密鍵を指定するか、先に証明書要求を作成してください"))
        }
    }
}

fn change(action: &'static str, actor: &Actor, before: Value, after: Value) -> CertificateChange {
    CertificateChange { action, before, after, audit: audit(actor) }
}

/// What the audit log says of the one that is shown now.
fn about(served: &Served, purpose: Purpose) -> Value {
    facts_value(served.source(purpose), &served.live(purpose).chain())
}

fn facts_value(source: Source, chain: &[impl AsRef<[u8]>]) -> Value {
    let Some(facts) = chain.first().and_then(|der| CertificateFacts::of(der.as_ref())) else { return Value::Null };
    json!({
        "source": source.as_str(), "subject": facts.subject, "issuer": facts.issuer, "names": facts.names,
        "fingerprint": facts.fingerprint, "not_after": rfc3339(facts.not_after),
    })
}

fn not_made(error: &TlsError) -> ControlError {
    let why = crate::certificates::chain(error);
    ControlError::Unavailable { text: Text::new(format!("the certificate: {why}"), format!("証明書: {why}")) }
}

/// The domain and the node, unless others are wanted.
fn wanted_names(app: &App, names: &[String]) -> Result<Vec<String>> {
    if names.iter().all(|name| name.trim().is_empty()) {
        return Ok(usual_names(app));
    }
    let mut out: Vec<String> = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let name = checked_name(name)?;
        if !out.contains(&name) {
            out.push(name);
        }
    }
    if out.len() > CERTIFICATE_NAMES {
        let en = format!("there are more than {CERTIFICATE_NAMES} names");
        return Err(ControlError::invalid("names", en, format!("名前が {CERTIFICATE_NAMES} 個を超えています")));
    }
    Ok(out)
}

/// In ASCII, as certificates write it (RFC 5890 §2.3.2.1); a wildcard stands for the first label only (RFC 6125 §6.4.3).
pub(super) fn checked_name(name: &str) -> Result<String> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let (star, rest) = name.strip_prefix("*.").map_or(("", name), |rest| ("*.", rest));
    let label = |label: &str| {
        let inside = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (1..=63).contains(&label.len()) && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    let ascii = tls::ascii_name(rest).filter(|ascii| ascii.len() <= 253 && ascii.split('.').all(label));
    match ascii {
        Some(ascii) => Ok(format!("{star}{ascii}")),
        None => {
            let en = format!("\"{name}\" is neither a domain name nor an IP address");
            Err(ControlError::invalid("names", en, format!("\"{name}\" はドメイン名でも IP アドレスでもありません")))
        }
    }
}

fn view(app: &App, served: &Served, purpose: Purpose) -> Result<CertificateView> {
    let chain = served.live(purpose).chain();
    let facts: Vec<CertificateFacts> = chain.iter().filter_map(|der| CertificateFacts::of(der)).collect();
    let covers = |name: &str| facts.first().is_some_and(|leaf| leaf.covers(name));
    let (source, node) = (served.source(purpose), app.node().name());
    let request = app.store().query(move |db| db.certificate_request(purpose.as_str()))?;
    let believed = source == Source::OwnAuthority || is_believed(&chain);
    Ok(CertificateView {
        purpose,
        source,
        changed: served.changed_at(purpose).map(|at| datetime::format(at.0)),
        renews_itself: matches!(source, Source::OwnAuthority | Source::Acme),
        covers_domain: covers(app.domain()),
        covers_node: covers(node),
        warnings: warnings(app, purpose, &facts, believed),
        chain: facts.iter().map(details).collect(),
        pem: chain.iter().map(|der| pem_of(der)).collect(),
        request: request.map(|row| RequestView { created: datetime::format(row.created_at.0), pem: row.request }),
    })
}

fn warnings(app: &App, purpose: Purpose, facts: &[CertificateFacts], believed: bool) -> Vec<Text> {
    let Some(leaf) = facts.first() else { return vec![Text::new("it cannot be read", "読み取れません")] };
    let mut all = Vec::new();
    let wanted = if purpose == Purpose::Xmpp { app.domain() } else { app.node().name() };
    if !leaf.covers(wanted) {
        let en = format!("it does not hold the name {wanted}: clients that ask for it refuse to connect");
        all.push(Text::new(en, format!("名前 {wanted} が含まれていないため、この名前で接続するクライアントに拒否されます")));
    }
    for one in facts {
        let (subject, days) = (&one.subject, one.days_left(now_secs()));
        match days {
            ..0 => all.push(Text::new(format!("{subject} has ended"), format!("{subject} は期限切れです"))),
            0..=WARN_DAYS => {
                all.push(Text::new(format!("{subject} ends in {days} days"), format!("{subject} の期限まで残り {days} 日です")));
            }
            _ => {}
        }
    }
    if !believed {
        all.push(Text::new(
            "no authority known to this machine issued it: a certificate between may be missing, or clients need the authority's certificate",
            "このマシンが知る認証局の発行ではありません。中間証明書が不足しているか、クライアントに認証局の証明書が必要です",
        ));
    }
    all
}

pub(crate) fn details(facts: &CertificateFacts) -> CertificateDetails {
    CertificateDetails {
        subject: facts.subject.clone(),
        issuer: facts.issuer.clone(),
        names: facts.names.clone(),
        serial: facts.serial.clone(),
        fingerprint: facts.fingerprint.clone(),
        key: facts.key.to_string(),
        not_before: rfc3339(facts.not_before),
        not_after: rfc3339(facts.not_after),
        days_left: facts.days_left(now_secs()),
        authority: facts.authority,
    }
}

fn rfc3339(seconds: i64) -> String {
    datetime::format(seconds.saturating_mul(1_000_000))
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
