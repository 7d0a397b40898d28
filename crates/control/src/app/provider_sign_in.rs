//! Signing an administrator in by the OpenID provider: out to it, back from it, and who that is here.
//!
//! What a sign-in needs on the way back travels in a cookie of the browser that began it, sealed by the node's key: nobody else
//! can finish it (login CSRF), and whoever begins many costs the node nothing. It works once and for ten minutes.

use super::admins::{self, AdminView};
use super::provider::{ProviderConfig, Stored, unavailable};
use super::sessions::{self, Entered};
use super::{App, audit};
use crate::access::Role;
use crate::credentials::token::{Token, sha256};
use crate::error::{ControlError, Result};
use crate::text::Text;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::limits::{ADMINISTRATORS, SIGN_IN_SUBJECTS};
use zaiseki_model::{AdminId, Timestamp};
use zaiseki_net::oidc::{Claims, ClientOf, Fault, Once, Provider};
use zaiseki_store::{AdminRow, Identity, Sessions};

/// How long somebody may take at the provider.
pub const LIFE: Duration = Duration::from_secs(600);
/// What the cookie is sealed for.
const CONTEXT: &str = "admin-provider-sign-in";
/// Characters of a subject (OpenID Connect Core 1.0 §2).
const SUBJECT_CHARS: usize = 255;
/// Characters of a code or state that are looked at.
const ANSWER_CHARS: usize = 4_096;

/// States that were used, until they would have ended.
pub(crate) type UsedStates = HashMap<[u8; 32], Timestamp>;

/// What travels in the cookie.
#[derive(Serialize, Deserialize)]
struct Travel {
    state: String,
    nonce: String,
    verifier: String,
    issuer: String,
    back: String,
    /// Microseconds since 1970.
    end: i64,
}

impl Travel {
    fn once(&self) -> Once<'_> {
        Once { state: &self.state, nonce: &self.nonce, verifier: &self.verifier }
    }
}

/// What a sign-in asks of a provider.
struct Asking {
    config: ProviderConfig,
    secret: String,
    redirect_uri: String,
    provider: Arc<Provider>,
}

impl Asking {
    fn of(app: &App) -> Result<Asking> {
        let stored = Stored::load(app)?;
        if !stored.config.enabled {
            let text = Text::new("sign-in by a provider is switched off", "プロバイダーによるサインインは無効です");
            return Err(ControlError::NotFound { text });
        }
        let (secret, provider) = (stored.secret(app)?, stored.provider(app)?);
        Ok(Asking { redirect_uri: stored.config.redirect_uri(), config: stored.config, secret, provider })
    }

    fn client(&self) -> ClientOf<'_> {
        ClientOf { id: &self.config.client_id, secret: &self.secret, redirect_uri: &self.redirect_uri }
    }
}

/// A browser on its way out.
pub struct Begun {
    asking: Asking,
    travel: Travel,
    /// For the cookie.
    pub cookie: String,
}

/// Begins a sign-in that ends at `back`. Blocks on the database.
///
/// # Errors
/// `not-found` when there is no such way in; `unavailable`.
pub fn begin(app: &App, back: &str, now: Timestamp) -> Result<Begun> {
    let asking = Asking::of(app)?;
    let fresh = || Ok::<_, ControlError>(Token::generate("")?.reveal().to_owned());
    let travel = Travel {
        state: fresh()?,
        nonce: fresh()?,
        verifier: fresh()?,
        issuer: asking.config.issuer.clone(),
        back: back.to_owned(),
        end: (now + LIFE).0,
    };
    let sealed = app.key().seal(CONTEXT, json!(travel).to_string().as_bytes())?;
    Ok(Begun { asking, travel, cookie: URL_SAFE_NO_PAD.encode(sealed) })
}

impl Begun {
    /// Where the browser goes.
    ///
    /// # Errors
    /// `unavailable` when the provider does not answer.
    pub async fn address(&self) -> Result<String> {
        let Asking { provider, config, .. } = &self.asking;
        let asked = provider.authorization(self.asking.client(), self.travel.once(), &config.scopes).await;
        asked.map(String::from).map_err(|fault| away(provider, &fault))
    }
}

/// What the browser brought back in its address.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub code: Option<String>,
    pub state: Option<String>,
    /// RFC 9207.
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// A browser that came back to the sign-in it began.
pub struct Returned {
    asking: Asking,
    travel: Travel,
    answer: Answer,
}

/// Looks whether the answer belongs to what this browser began. Blocks on the database.
///
/// # Errors
/// `unauthorized` when it does not, or did so before.
pub fn returned(app: &App, cookie: &str, answer: Answer, now: Timestamp) -> Result<Returned> {
    let asking = Asking::of(app)?;
    let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| stale())?;
    let opened = app.key().open(CONTEXT, &sealed).map_err(|_| stale())?;
    let travel: Travel = serde_json::from_slice(&opened).map_err(|_| stale())?;
    let state = answer.state.as_deref().unwrap_or_default();
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(state.as_bytes(), travel.state.as_bytes()).is_ok();
    // The provider may have been changed meanwhile.
    if !same || travel.end <= now.0 || travel.issuer != asking.config.issuer || !use_up(app, &travel, now) {
        return Err(stale());
    }
    Ok(Returned { asking, travel, answer })
}

/// False when it was used before.
fn use_up(app: &App, travel: &Travel, now: Timestamp) -> bool {
    let mut used = app.used_states();
    used.retain(|_, end| end.0 > now.0);
    if used.len() >= SIGN_IN_SUBJECTS
        && let Some(first) = used.iter().min_by_key(|(_, end)| **end).map(|(key, _)| *key)
    {
        used.remove(&first);
    }
    used.insert(sha256(travel.state.as_bytes()), Timestamp(travel.end)).is_none()
}

fn stale() -> ControlError {
    let en = "this sign-in was not begun here, took too long, or is over: begin again";
    let ja = "このサインインはこのブラウザーで開始されていないか、時間切れ、または終了済みです。もう一度やり直してください";
    ControlError::Unauthorized { text: Text::new(en, ja) }
}

impl Returned {
    /// Where the browser wanted to go.
    pub fn back(&self) -> &str {
        &self.travel.back
    }

    /// What the provider says of the person.
    ///
    /// # Errors
    /// `unauthorized` when it says nothing that can be believed; `unavailable`.
    pub async fn claims(&self, now: Timestamp) -> Result<Claims> {
        if let Some(error) = &self.answer.error {
            return Err(denied(error));
        }
        let Asking { provider, config, .. } = &self.asking;
        let from_it = provider.answers_as(self.answer.iss.as_deref()).await.map_err(|fault| away(provider, &fault))?;
        let code = self.answer.code.as_deref().filter(|code| !code.is_empty() && code.len() <= ANSWER_CHARS);
        let (true, Some(code)) = (from_it, code) else { return Err(stale()) };
        let role_claim = config.role_claim.split('.').next().unwrap_or_default();
        let wanted: Vec<&str> =
            if config.roles.is_empty() { vec![config.name_claim.as_str()] } else { vec![config.name_claim.as_str(), role_claim] };
        let time = (now.0.div_euclid(1_000_000), Duration::from_secs(config.leeway_secs.into()));
        let claims = provider.redeem(code, self.asking.client(), self.travel.once(), &wanted, time).await;
        claims.map_err(|fault| match fault {
            Fault::Token(_) | Fault::Expired => {
                tracing::warn!(issuer = provider.issuer(), why = %fault, "an administrator's sign-in is not believed");
                let (en, ja) = (
                    "the provider's answer is not good: begin again",
                    "プロバイダーの応答が正しくありません。もう一度やり直してください",
                );
                ControlError::Unauthorized { text: Text::new(en, ja) }
            }
            fault => away(provider, &fault),
        })
    }
}

/// Why is for the log, not for strangers.
fn away(provider: &Provider, fault: &Fault) -> ControlError {
    tracing::warn!(issuer = provider.issuer(), error = %fault, "the administrators' provider cannot be asked");
    unavailable(&Fault::Provider("the log of the node says why".to_owned()))
}

/// The provider let nobody through (RFC 6749 §4.1.2.1); only its word is repeated.
fn denied(error: &str) -> ControlError {
    let word: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
    let text = Text::new(
        format!("the provider did not sign you in ({word})"),
        format!("プロバイダーでサインインできませんでした ({word})"),
    );
    ControlError::Unauthorized { text }
}

/// Opens a session for whom the claims are about. Blocks on the database.
///
/// # Errors
/// `unauthorized` when nobody here is meant, or may not sign in.
pub fn sign_in(app: &App, returned: &Returned, claims: &Claims, entered: &Entered<'_>) -> Result<(Token, AdminView)> {
    let config = &returned.asking.config;
    match account(app, config, claims, entered.now)? {
        Ok(admin) => {
            let token = sessions::open(app, &admin, "provider", entered)?;
            Ok((token, AdminView::new(&admin)))
        }
        Err(why) => Err(refused(app, config, claims, entered, why)?),
    }
}

/// The account, made or changed by the provider's word where the rules say so; else why there is none.
fn account(
    app: &App,
    config: &ProviderConfig,
    claims: &Claims,
    now: Timestamp,
) -> Result<std::result::Result<AdminRow, &'static str>> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    if subject.is_empty() || subject.chars().count() > SUBJECT_CHARS {
        return Ok(Err("subject"));
    }
    let role = role_of(config, claims);
    let (issuer, wanted) = (config.issuer.clone(), subject.clone());
    let found = match app.store().query(move |db| db.admin_by_identity(&issuer, &wanted))? {
        Some((admin, identity)) if identity.managed => followed(app, admin, role)?,
        Some((admin, _)) => Ok(admin),
        None => newcomer(app, config, claims, (&subject, role), now)?,
    };
    Ok(found.and_then(|admin| match (admin.enabled, admins::role(&admin)) {
        (false, _) => Err("disabled"),
        (true, Role::Axl) => Err("role"),
        (true, _) => Ok(admin),
    }))
}

/// An account of the provider has the role that the provider says.
fn followed(app: &App, admin: AdminRow, role: Option<Role>) -> Result<std::result::Result<AdminRow, &'static str>> {
    let Some(role) = role else { return Ok(Err("no group with a role")) };
    if admins::role(&admin) == role {
        return Ok(Ok(admin));
    }
    let row = AdminRow { role: role.as_str().to_owned(), ..admin.clone() };
    admins::write(app, "provider", &admin, &row, Sessions::EndAll, "admin.role_by_provider")?;
    Ok(Ok(row))
}

/// Somebody who comes for the first time.
fn newcomer(
    app: &App,
    config: &ProviderConfig,
    claims: &Claims,
    (subject, role): (&str, Option<Role>),
    now: Timestamp,
) -> Result<std::result::Result<AdminRow, &'static str>> {
    let Some(name) = name_of(config, claims) else { return Ok(Err("name")) };
    let identity = |admin: AdminId, managed| Identity {
        admin,
        issuer: config.issuer.clone(),
        subject: subject.to_owned(),
        managed,
        linked_at: now,
    };
    let audit = audit("provider");
    let wanted = name.clone();
    let existing = app.store().query(move |db| db.admin_by_name(&wanted))?;
    if let Some(admin) = existing {
        let linked = app.store().query(|db| db.identities())?.iter().any(|one| one.admin == admin.id);
        if !config.match_existing || linked {
            return Ok(Err("the name is another one's"));
        }
        let (identity, row) = (identity(admin.id, false), admin.clone());
        app.store().call(move |db| db.link_admin(&row, &identity, &audit))?;
        return Ok(Ok(admin));
    }
    let Some(role) = role else { return Ok(Err("no group with a role")) };
    if app.store().query(|db| db.admins())?.len() >= ADMINISTRATORS {
        return Ok(Err("too many administrators"));
    }
    let row = admins::row(app, &admins::NewAdmin { name, role, password: None })?;
    let (identity, made) = (identity(row.id, true), row.clone());
    app.store().call(move |db| db.create_admin_of(&made, &identity, &audit))?;
    Ok(Ok(row))
}

/// The name here that the claims give.
fn name_of(config: &ProviderConfig, claims: &Claims) -> Option<String> {
    let name = claims.get(&config.name_claim)?.as_str()?;
    // An address that the provider has not checked is whatever somebody typed.
    let verified = claims.get("email_verified").is_some_and(|v| v.as_bool() == Some(true));
    if config.name_claim == "email" && !verified {
        return None;
    }
    admins::checked_name(name).ok()
}

/// The role of the first rule that fits.
fn role_of(config: &ProviderConfig, claims: &Claims) -> Option<Role> {
    let held = values(claims, &config.role_claim);
    config.roles.iter().find(|rule| held.contains(&rule.value.as_str())).map(|rule| rule.role)
}

/// The texts of a claim: of one with that very name, else along the path that its dots make.
fn values<'a>(claims: &'a Claims, name: &str) -> Vec<&'a str> {
    let found = claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    match found {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Writes down who was turned away: the provider has said who it is.
fn refused(app: &App, config: &ProviderConfig, claims: &Claims, entered: &Entered<'_>, why: &str) -> Result<ControlError> {
    let text =
        |name: &str| claims.get(name).and_then(Value::as_str).map(|text| text.chars().take(SUBJECT_CHARS).collect::<String>());
    let after = json!({
        "address": entered.address.to_string(), "issuer": config.issuer, "subject": text("sub"), "name": text(&config.name_claim), "wrong": why,
    });
    let audit = audit("stranger");
    app.store().call(move |db| db.audit_append(&audit, "session.refuse", "admin:?", None, Some(&after)))?;
    let en = "you are signed in at the provider, but may not administer this node: the audit log says why";
    let ja = "プロバイダーではサインイン済みですが、このノードの管理は許可されていません。理由は監査ログにあります";
    Ok(ControlError::Unauthorized { text: Text::new(en, ja) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(value: Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_first_rule_that_fits_says_the_role() {
        let rule = |value: &str, role| super::super::provider::RoleRule { value: value.to_owned(), role };
        let roles = vec![rule("im-admins", Role::Administrator), rule("staff", Role::ReadOnly)];
        let by = |claim: &str, value: Value| {
            role_of(
                &ProviderConfig { role_claim: claim.to_owned(), roles: roles.clone(), ..ProviderConfig::default() },
                &claims(value),
            )
        };
        assert_eq!(by("groups", json!({"groups": ["staff", "im-admins"]})), Some(Role::Administrator));
        assert_eq!(by("groups", json!({"groups": "staff"})), Some(Role::ReadOnly));
        assert_eq!(by("realm_access.roles", json!({"realm_access": {"roles": ["staff"]}})), Some(Role::ReadOnly));
        assert_eq!(by("https://x.example/groups", json!({"https://x.example/groups": ["staff"]})), Some(Role::ReadOnly));
        for none in
            [json!({}), json!({"groups": ["im-admins-not"]}), json!({"groups": {"staff": true}}), json!({"groups": [["staff"]]})]
        {
            assert_eq!(by("groups", none.clone()), None, "{none}");
        }
    }

    #[test]
    fn names_are_those_that_an_administrator_may_have() {
        let by = |claim: &str, value: Value| {
            name_of(&ProviderConfig { name_claim: claim.to_owned(), ..ProviderConfig::default() }, &claims(value))
        };
        assert_eq!(by("preferred_username", json!({"preferred_username": " Hanako "})).as_deref(), Some("hanako"));
        assert_eq!(by("email", json!({"email": "h@example.com", "email_verified": true})).as_deref(), Some("h@example.com"));
        assert_eq!(by("email", json!({"email": "h@example.com"})), None);
        assert_eq!(by("preferred_username", json!({"preferred_username": "<script>"})), None);
        assert_eq!(by("preferred_username", json!({"preferred_username": 7})), None);
    }
}
