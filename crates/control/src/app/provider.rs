//! The OpenID provider by which administrators sign in: how it is configured.

use super::gateways::merge;
use super::settings::sign_in::{check_address, check_authorities};
use super::users::Password;
use super::{Actor, App, audit};
use crate::access::Role;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use zaiseki_net::http::Url;
use zaiseki_net::oidc::{Fault, Provider};

/// Where browsers come back to, below the console's address.
pub const CALLBACK: &str = "/console/sign-in/callback";
/// Rules from a value of the provider to a role.
pub const ROLE_RULES: usize = 64;
/// Characters of one text of the configuration.
pub const TEXT_CHARS: usize = 500;
/// Seconds that the provider's clock may differ.
pub const LEEWAY_SECS: u32 = 300;
/// What the secret is sealed for.
const CONTEXT: &str = "admin-provider";

/// Which role whoever has this value gets; the first rule that fits decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// A group, as the claim writes it.
    pub value: String,
    pub role: Role,
}

/// The provider, without the client's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// The sign-in page offers it.
    pub enabled: bool,
    /// Passwords are taken too. When not, `admin reset` on the host turns them on again.
    pub local_sign_in: bool,
    /// What the button calls it; empty: its host name.
    pub title: String,
    /// The provider's address, exactly as its tokens name it (`iss`).
    pub issuer: String,
    pub client_id: String,
    /// The console's address, such as `https://im1.example.com:8443`: browsers come back to it.
    pub address: String,
    /// Certificate authorities of the provider (PEM); empty: those of the operating system.
    pub ca: String,
    /// Asked for, with blanks between; `openid` is among them.
    pub scopes: String,
    /// The claim that holds the administrator's name here; of `email` only a verified one counts.
    pub name_claim: String,
    /// Somebody whose name an administrator has already is that administrator. Only for providers where nobody chooses names.
    pub match_existing: bool,
    /// The claim that holds groups or roles, such as `groups` or `realm_access.roles`.
    pub role_claim: String,
    /// Accounts are made for people with a role, and follow it. None: no accounts are made.
    pub roles: Vec<RoleRule>,
    /// How much the provider's clock may differ, in seconds.
    pub leeway_secs: u32,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        ProviderConfig {
            enabled: false,
            local_sign_in: true,
            title: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            address: String::new(),
            ca: String::new(),
            scopes: "openid profile email".to_owned(),
            name_claim: "preferred_username".to_owned(),
            match_existing: false,
            role_claim: "groups".to_owned(),
            roles: Vec::new(),
            leeway_secs: 30,
        }
    }
}

impl ProviderConfig {
    /// To be registered with the provider.
    pub fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.address.trim_end_matches('/'))
    }

    /// What the button calls it.
    pub fn name(&self) -> String {
        let host = || Url::parse(&self.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        if self.title.is_empty() { host().unwrap_or_default() } else { self.title.clone() }
    }
}

/// The provider as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    pub config: ProviderConfig,
    /// Whether a secret is kept.
    pub secret: bool,
    /// To be registered with the provider.
    pub redirect_uri: String,
}

/// Changes of the provider; what is not given stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderChange {
    /// Keys of the configuration and their new values; `null` goes back to the default.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// The client's secret; an empty one is taken away (a public client).
    #[serde(default)]
    pub secret: Option<Password>,
}

/// What a test of the provider found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderFinding {
    pub passed: bool,
    pub seen: Text,
}

/// The configuration and the sealed secret.
pub(super) struct Stored {
    pub config: ProviderConfig,
    pub secret: Option<Vec<u8>>,
}

impl Stored {
    pub fn load(app: &App) -> Result<Stored> {
        let (text, secret) = app.store().query(|db| db.admin_provider())?;
        let config = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Stored { config, secret })
    }

    /// The client's secret in clear; empty when there is none.
    pub fn secret(&self, app: &App) -> Result<String> {
        let Some(sealed) = &self.secret else { return Ok(String::new()) };
        Ok(String::from_utf8(app.key().open(CONTEXT, sealed)?).unwrap_or_default())
    }

    /// The provider with what is known of it already.
    pub fn provider(&self, app: &App) -> Result<Arc<Provider>> {
        app.admin_provider().of(&self.config.issuer, &self.config.ca).map_err(|fault| unavailable(&fault))
    }

    fn view(&self) -> ProviderView {
        let (config, redirect_uri) = (self.config.clone(), self.config.redirect_uri());
        ProviderView { config, secret: self.secret.is_some(), redirect_uri }
    }
}

pub(super) fn unavailable(fault: &Fault) -> ControlError {
    let ja = format!("プロバイダーに問い合わせできません: {fault}");
    ControlError::Unavailable { text: Text::new(format!("the provider cannot be asked: {fault}"), ja) }
}

pub fn show(app: &App) -> Result<ProviderView> {
    Ok(Stored::load(app)?.view())
}

/// Changes what is given.
///
/// # Errors
/// `invalid` naming the field; `secret` when the kept one would go to another provider, or less protected.
pub fn change(app: &App, actor: &Actor, change: &ProviderChange) -> Result<ProviderView> {
    let _turn = app.turn();
    let before = Stored::load(app)?;
    let mut merged = json!(before.config);
    merge(&mut merged, &change.config);
    let config: ProviderConfig = serde_json::from_value(merged)
        .map_err(|why| ControlError::invalid("config", format!("not understood: {why}"), format!("読み取れません: {why}")))?;
    check(&config)?;
    if !config.local_sign_in && (before.config.local_sign_in || before.config.issuer != config.issuer) {
        somebody_is_linked(app, &config.issuer)?;
    }
    let secret = match &change.secret {
        Some(new) if new.reveal().is_empty() => None,
        Some(new) => Some(app.key().seal(CONTEXT, new.reveal().as_bytes())?),
        None => kept(&before, &config)?,
    };
    put(app, actor, &before, Stored { config, secret })
}

/// Who may change this may not learn the secret by naming a server of their own.
fn kept(before: &Stored, config: &ProviderConfig) -> Result<Option<Vec<u8>>> {
    let same = before.config.issuer == config.issuer && before.config.ca == config.ca;
    if before.secret.is_none() || same {
        return Ok(before.secret.clone());
    }
    let en = "the secret would go to another provider, or less protected: give it again";
    Err(ControlError::invalid(
        "secret",
        en,
        "シークレットが別のプロバイダーに、または保護が不十分なまま送られるおそれがあります。もう一度指定してください",
    ))
}

fn put(app: &App, actor: &Actor, before: &Stored, after: Stored) -> Result<ProviderView> {
    let text = json!(after.config).to_string();
    let shown = |stored: &Stored, changed: bool| {
        let mut view = json!(stored.config);
        view["secret"] = json!(stored.secret.is_some());
        view["secret_changed"] = json!(changed);
        view
    };
    let (old, new) = (shown(before, false), shown(&after, before.secret != after.secret));
    let (secret, audit) = (after.secret.clone(), audit(actor));
    app.store().call(move |db| db.put_admin_provider(&text, secret.as_deref(), (&old, &new), &audit))?;
    Ok(after.view())
}

/// Passwords are taken again: whoever is on the host has just got one.
pub(super) fn allow_passwords(app: &App, actor: &Actor) -> Result<()> {
    let _turn = app.turn();
    let before = Stored::load(app)?;
    if before.config.local_sign_in {
        return Ok(());
    }
    let (config, secret) = (ProviderConfig { local_sign_in: true, ..before.config.clone() }, before.secret.clone());
    put(app, actor, &before, Stored { config, secret }).map(drop)
}

/// Nobody locks everybody out by a tick.
fn somebody_is_linked(app: &App, issuer: &str) -> Result<()> {
    let (identities, admins) = app.store().query(|db| Ok((db.identities()?, db.admins()?)))?;
    let able = |admin: &zaiseki_store::AdminRow| {
        let linked = identities.iter().any(|one| one.admin == admin.id && one.issuer == issuer);
        linked && admin.enabled && super::admins::role(admin) == Role::Administrator
    };
    if admins.iter().any(able) {
        return Ok(());
    }
    let en = "sign in by the provider as an administrator first, so that somebody can get in";
    let ja = "サインインできる人がいなくなります。先に管理者の役割を持つ人がプロバイダーでサインインしてください";
    Err(ControlError::invalid("local_sign_in", en, ja))
}

fn check(config: &ProviderConfig) -> Result<()> {
    check_address("issuer", &config.issuer)?;
    check_authorities("ca", &config.ca)?;
    check_texts(config)?;
    check_roles(config)?;
    if config.leeway_secs > LEEWAY_SECS {
        let (en, ja) = (format!("must be 0 to {LEEWAY_SECS}"), format!("0 から {LEEWAY_SECS} までの値を指定してください"));
        return Err(ControlError::invalid("leeway_secs", en, ja));
    }
    if config.enabled {
        return check_enabled(config);
    }
    if !config.local_sign_in {
        let en = "nobody could sign in: enable the provider first";
        return Err(ControlError::invalid(
            "local_sign_in",
            en,
            "サインインできなくなります。先にプロバイダーを有効にしてください",
        ));
    }
    Ok(())
}

/// What must be there for it to work.
fn check_enabled(config: &ProviderConfig) -> Result<()> {
    for (field, value) in [("issuer", &config.issuer), ("client_id", &config.client_id), ("address", &config.address)] {
        if value.is_empty() {
            return Err(ControlError::invalid(
                field,
                "is needed for sign-in by the provider",
                "プロバイダーによるサインインに必要です",
            ));
        }
    }
    if config.roles.is_empty() && !config.match_existing {
        let en = "nobody could sign in: name groups with their roles, or let existing administrators in by name";
        let ja = "誰もサインインできません。グループと役割を指定するか、既存の管理者を名前で照合してください";
        return Err(ControlError::invalid("roles", en, ja));
    }
    Ok(())
}

fn check_texts(config: &ProviderConfig) -> Result<()> {
    let texts = [
        ("title", &config.title),
        ("issuer", &config.issuer),
        ("client_id", &config.client_id),
        ("address", &config.address),
        ("scopes", &config.scopes),
        ("name_claim", &config.name_claim),
        ("role_claim", &config.role_claim),
    ];
    for (field, text) in texts {
        if text.chars().count() > TEXT_CHARS || text.chars().any(char::is_control) || text.trim() != text {
            let (en, ja) = (
                format!("must be one line of up to {TEXT_CHARS} characters"),
                format!("{TEXT_CHARS} 文字以内の 1 行で指定してください"),
            );
            return Err(ControlError::invalid(field, en, ja));
        }
    }
    if !config.scopes.split(' ').any(|scope| scope == "openid") {
        return Err(ControlError::invalid("scopes", "must hold openid", "openid を含めてください"));
    }
    if config.name_claim.is_empty() {
        return Err(ControlError::invalid("name_claim", "is needed", "必要です"));
    }
    let url = Url::parse(&config.address).ok();
    let origin =
        url.filter(|url| url.scheme() == "https" && config.address.trim_end_matches('/') == url.origin().ascii_serialization());
    if !config.address.is_empty() && origin.is_none() {
        let en = "must be the console's https address without a path, such as https://im1.example.com:8443";
        let ja = "https://im1.example.com:8443 のような、パスのないコンソールの https アドレスを指定してください";
        return Err(ControlError::invalid("address", en, ja));
    }
    Ok(())
}

fn check_roles(config: &ProviderConfig) -> Result<()> {
    let good = |rule: &RoleRule| {
        let length = (1..=TEXT_CHARS).contains(&rule.value.chars().count());
        length && !rule.value.chars().any(char::is_control) && rule.role != Role::Axl
    };
    if config.roles.len() > ROLE_RULES || !config.roles.iter().all(good) {
        let en = format!("up to {ROLE_RULES} groups, each with the role administrator, operator or read-only");
        let ja = format!("グループは {ROLE_RULES} 個まで、役割は administrator、operator、read-only のいずれかにしてください");
        return Err(ControlError::invalid("roles", en, ja));
    }
    if !config.roles.is_empty() && config.role_claim.is_empty() {
        return Err(ControlError::invalid("role_claim", "is needed for the groups", "グループの指定に必要です"));
    }
    Ok(())
}

/// A test under way, apart from the database.
pub struct ProviderTest(Arc<Provider>);

/// # Errors
/// `invalid` when no provider is configured.
pub fn prepare_test(app: &App) -> Result<ProviderTest> {
    let stored = Stored::load(app)?;
    if stored.config.issuer.is_empty() {
        return Err(ControlError::invalid("issuer", "no provider is configured", "プロバイダーが設定されていません"));
    }
    Ok(ProviderTest(stored.provider(app)?))
}

impl ProviderTest {
    /// Asks the provider for what it says of itself, and for its keys.
    pub async fn run(&self) -> ProviderFinding {
        let asked = async {
            let said = self.0.discovery().await?;
            Ok::<_, Fault>((self.0.refresh().await?, said.authorization_endpoint.is_some() && said.token_endpoint.is_some()))
        };
        let issuer = self.0.issuer();
        let (passed, seen) = match asked.await {
            Ok((keys, true)) => {
                let word = if keys == 1 { "key" } else { "keys" };
                (true, Text::new(format!("{issuer}: {keys} {word}"), format!("{issuer}: 鍵 {keys} 個")))
            }
            Ok((_, false)) => {
                (false, Text::new(format!("{issuer}: it signs nobody in"), format!("{issuer}: サインインの機能がありません")))
            }
            Err(fault) => (false, Text::reason(fault.to_string())),
        };
        ProviderFinding { passed, seen }
    }
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
