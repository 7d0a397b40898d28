//! API tokens: for programs, in the name of an administrator and with no more rights. Everybody has their own; whoever may
//! manage administrators sees and removes all.

use super::sessions::{TOUCH, micros};
use super::status::time;
use super::{App, account, admins, audit, is_dots};
use crate::access::{Area, Caller, Right};
use crate::credentials::token::Token;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_model::limits::{TOKEN_DAYS, TOKEN_NAME_CHARS, TOKENS_PER_ADMIN};
use zaiseki_model::{AdminId, Timestamp, TokenId};
use zaiseki_store::TokenRow;

/// Stands before every token, so that programs that look for secrets in files find it.
const PREFIX: &str = "zaiseki_";

/// A token as administrators see it; the secret is shown only when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// UUID.
    pub id: String,
    pub name: String,
    /// Whose it is.
    pub admin: String,
    pub scopes: Vec<Right>,
    pub created: String,
    /// `null`: never.
    pub expires: Option<String>,
    /// To the minute; `null`: never.
    pub used: Option<String>,
}

/// A token to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    pub name: String,
    /// What it may do, as far as its owner's role may: `users:read`. To write includes to read.
    pub scopes: Vec<Right>,
    /// 1 to 3,650; without it the token does not expire.
    #[serde(default)]
    pub days: Option<u32>,
    /// Whose it is to be; the caller's without it.
    #[serde(default)]
    pub admin: Option<String>,
}

/// A token that was just made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// For `Authorization: Bearer`; shown this once.
    pub secret: String,
    pub token: TokenView,
}

/// The caller's tokens, or all for whoever may read administrators and has no account of their own or asks for `all`.
pub fn list(app: &App, caller: &Caller, all: bool) -> Result<Vec<TokenView>> {
    let of = match all || caller.account.is_none() {
        true => caller.must(Right::read(Area::Admins)).map(|()| None)?,
        false => caller.account,
    };
    let rows = app.store().query(move |db| db.tokens(of))?;
    Ok(rows.into_iter().map(|(row, admin)| view(&row, admin)).collect())
}

/// Makes a token.
///
/// # Errors
/// `invalid`; `forbidden` for rights that the caller has not, or for another's token without the right to write administrators.
pub fn create(app: &App, caller: &Caller, new: &NewToken, now: Timestamp) -> Result<MadeToken> {
    let owner = owner(app, caller, new.admin.as_deref())?;
    let name = checked_name(&new.name)?;
    if new.scopes.is_empty() {
        return Err(ControlError::invalid("scopes", "name at least one right", "権限を 1 つ以上指定してください"));
    }
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    scopes.iter().try_for_each(|scope| caller.must(*scope))?;
    let expires_at = expiry(new.days, now)?;
    if caller.until.is_some_and(|until| expires_at.is_none_or(|end| end > until)) {
        let en = "a token makes none that lasts longer than it does itself";
        return Err(ControlError::invalid("days", en, "トークンで、そのトークン自身より長く有効なトークンは作れません"));
    }
    let secret = Token::generate(PREFIX)?;
    let row = TokenRow {
        id: TokenId::generate(),
        key: secret.key(),
        admin: owner.0,
        name,
        scopes: scopes.iter().map(Right::to_string).collect::<Vec<_>>().join(" "),
        created_at: now,
        expires_at,
        used_at: None,
    };
    let (written, audit) = (row.clone(), audit(&caller.actor));
    app.store().call(move |db| db.create_token(&written, TOKENS_PER_ADMIN, &audit))?;
    Ok(MadeToken { secret: secret.reveal().to_owned(), token: view(&row, owner.1) })
}

fn expiry(days: Option<u32>, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(days) = days else { return Ok(None) };
    if !(1..=TOKEN_DAYS).contains(&days) {
        let ja = format!("1 から {TOKEN_DAYS} までの日数を指定してください");
        return Err(ControlError::invalid("days", format!("must be 1 to {TOKEN_DAYS} days"), ja));
    }
    Ok(Some(now + Duration::from_secs(u64::from(days) * 86_400)))
}

fn owner(app: &App, caller: &Caller, name: Option<&str>) -> Result<(AdminId, String)> {
    let row = match name {
        Some(name) => admins::find(app, name)?,
        None => account::own(app, caller)?,
    };
    if caller.account != Some(row.id) {
        caller.must(Right::write(Area::Admins))?;
    }
    Ok((row.id, row.name))
}

/// Removes a token; programs that use it are refused from now on.
pub fn remove(app: &App, caller: &Caller, id: &str) -> Result<TokenView> {
    let missing = || {
        let text = Text::new(format!("there is no token {id}"), format!("トークン {id} はありません"));
        ControlError::NotFound { text }
    };
    let wanted: TokenId = id.parse().map_err(|_| missing())?;
    let rows = app.store().query(|db| db.tokens(None))?;
    let (row, admin) = rows.into_iter().find(|(row, _)| row.id == wanted).ok_or_else(missing)?;
    if caller.account != Some(row.admin) {
        caller.must(Right::write(Area::Admins))?;
    }
    let audit = audit(&caller.actor);
    app.store().call(move |db| db.remove_token(wanted, &audit))?;
    Ok(view(&row, admin))
}

/// Who holds the token; `None` when there is no such one, it has expired, or its owner may not sign in.
pub fn bearer(app: &App, secret: &Token, now: Timestamp) -> Result<Option<Caller>> {
    let key = secret.key();
    let Some((row, admin)) = app.store().query(move |db| db.token_by_key(key))? else { return Ok(None) };
    if !admin.enabled || row.expires_at.is_some_and(|end| end <= now) {
        return Ok(None);
    }
    if row.used_at.is_none_or(|used| now.0 - used.0 >= micros(TOUCH)) {
        let id = row.id;
        app.store().call(move |db| db.touch_token(id, now))?;
    }
    Ok(Some(Caller {
        actor: format!("token:{}/{}", admin.name, row.name),
        role: admins::role(&admin),
        account: Some(admin.id),
        scopes: Some(scopes(&row)),
        session: None,
        until: row.expires_at,
    }))
}

/// A word of another release grants nothing.
fn scopes(row: &TokenRow) -> Vec<Right> {
    row.scopes.split(' ').filter_map(|word| word.parse().ok()).collect()
}

fn view(row: &TokenRow, admin: String) -> TokenView {
    TokenView {
        id: row.id.to_string(),
        name: row.name.clone(),
        admin,
        scopes: scopes(row),
        created: time(row.created_at),
        expires: row.expires_at.map(time),
        used: row.used_at.map(time),
    }
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let length = (1..=TOKEN_NAME_CHARS).contains(&name.chars().count());
    if length && !is_dots(name) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    let en = format!("the name of a token has 1 to {TOKEN_NAME_CHARS} characters, and is not . or ..");
    Err(ControlError::invalid("name", en, format!("トークンの名前は 1～{TOKEN_NAME_CHARS} 文字で、. と .. にはできません")))
}
