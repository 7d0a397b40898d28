//! Signing in, and who is signed in: sessions of browsers.
//!
//! A wrong name, a wrong password and a disabled account get the same answer in the same time, and leave the same trace.

use super::admins::{self, AdminView, prepared};
use super::status::time;
use super::users::Password;
use super::{App, audit, provider};
use crate::access::{Caller, Role};
use crate::alarms::catalogue::ADMINISTRATOR_LOCKED_OUT;
use crate::credentials::token::Token;
use crate::credentials::totp;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_model::limits::{ADMIN_NAME_CHARS, ADMIN_PASSWORD_CHARS, SESSIONS_PER_ADMIN};
use zaiseki_model::{AdminId, Timestamp};
use zaiseki_store::{AdminRow, Key, SessionRow};

/// Characters of a browser's name that are kept.
const AGENT_CHARS: usize = 200;
/// A session's or token's time of use is written at most this often.
pub(super) const TOUCH: Duration = Duration::from_secs(60);

/// Someone wants in.
#[derive(Clone, Debug)]
pub struct SignIn<'a> {
    pub name: &'a str,
    pub password: &'a Password,
    /// From the app, or a recovery code.
    pub code: Option<&'a str>,
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// The session that the browser has now: it ends, so that nobody can hand over one prepared before (session fixation).
    pub replaced: Option<Token>,
    pub now: Timestamp,
}

#[derive(Debug)]
pub enum SignedIn {
    /// The token is for the cookie, and shown never again.
    Session(Token, Box<AdminView>),
    /// Name and password are right; ask for the code, and try again with all three.
    SecondFactorNeeded,
}

/// A browser that is to get a session.
#[derive(Clone, Debug)]
pub struct Entered<'a> {
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// The session that the browser has now: it ends (session fixation).
    pub replaced: Option<&'a Token>,
    pub now: Timestamp,
}

/// Signs in by name, password, and code where the account has a second factor.
///
/// # Errors
/// `unauthorized`, whatever was wrong, or when passwords are switched off; `throttled` after too many tries.
pub fn sign_in(app: &App, try_: &SignIn<'_>) -> Result<SignedIn> {
    if !provider::show(app)?.config.local_sign_in {
        let en = "sign-in by password is switched off: sign in by the provider";
        let text = Text::new(en, "パスワードによるサインインは無効です。プロバイダーでサインインしてください");
        return Err(ControlError::Unauthorized { text });
    }
    let Some(admin) = proven(app, try_)? else { return Ok(SignedIn::SecondFactorNeeded) };
    if admins::role(&admin) == Role::Axl {
        return Err(refused(app, try_, Some(&admin), "role"));
    }
    app.lockout().succeeded(&admin.name, try_.address);
    let entered = Entered { address: try_.address, agent: try_.agent, replaced: try_.replaced.as_ref(), now: try_.now };
    // What was proven a moment ago may have been taken away while it was proven.
    let token = match open(app, &admin, "password", &entered) {
        Err(ControlError::Stale { .. } | ControlError::NotFound { .. }) => {
            return Err(refused(app, try_, Some(&admin), "changed"));
        }
        opened => opened?,
    };
    Ok(SignedIn::Session(token, Box::new(AdminView::new(&admin))))
}

/// Opens a session. `by`: the way in, for the audit trail.
///
/// # Errors
/// `conflict` when the account is not any more as it was read.
pub(super) fn open(app: &App, admin: &AdminRow, by: &'static str, entered: &Entered<'_>) -> Result<Token> {
    let token = Token::generate("")?;
    let session = SessionRow {
        key: token.key(),
        admin: admin.id,
        created_at: entered.now,
        used_at: entered.now,
        address: entered.address.to_string(),
        agent: entered.agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect(),
    };
    let replaced = entered.replaced.map(Token::key);
    let (admin, audit) = (admin.clone(), audit(&actor(&admin.name)));
    app.store().call(move |db| db.open_session(&admin, &session, replaced, SESSIONS_PER_ADMIN, by, &audit))?;
    Ok(token)
}

/// Who the name and password belong to, with the brake; for services where each request carries both. Accounts with a second
/// factor can't be used that way.
///
/// # Errors
/// As [`sign_in`].
pub fn authenticate(app: &App, try_: &SignIn<'_>) -> Result<Caller> {
    let admin = proven(app, try_)?.ok_or_else(|| ControlError::Unauthorized { text: wrong() })?;
    app.lockout().succeeded(&admin.name, try_.address);
    Ok(caller_of(&admin))
}

/// The account whose name, password and code these are; `None` when the code is missing.
fn proven(app: &App, try_: &SignIn<'_>) -> Result<Option<AdminRow>> {
    let name: String = prepared(try_.name).chars().take(ADMIN_NAME_CHARS + 1).collect();
    let counted = app.lockout().attempt(&name, try_.address, try_.now);
    if let Err(wait) = counted {
        tell_of_guessing(app, &name, try_.address)?;
        return Err(throttled(wait));
    }
    let wanted = name.clone();
    let admin = app.store().query(move |db| db.admin_by_name(&wanted))?;
    let password = try_.password.reveal();
    let usable = password.chars().count() <= ADMIN_PASSWORD_CHARS;
    let kept = admin.as_ref().filter(|admin| admin.enabled && usable).and_then(|admin| admin.password.as_deref());
    let right = app.hasher().verify(if usable { password } else { "" }, kept)?;
    let Some(admin) = admin.filter(|_| right) else {
        return Err(refused(app, try_, None, "name or password"));
    };
    match (&admin.totp, try_.code.map(str::trim).filter(|code| !code.is_empty())) {
        (None, _) => Ok(Some(admin)),
        (Some(_), None) => {
            app.lockout().undecided(&name, try_.address);
            Ok(None)
        }
        (Some(sealed), Some(code)) if uses_code(app, &admin, sealed, code, try_.now)? => Ok(Some(admin)),
        (Some(_), Some(_)) => Err(refused(app, try_, Some(&admin), "code")),
    }
}

/// An account that there is gets an alarm; the answer is the same for one that there is not, and takes as long.
fn tell_of_guessing(app: &App, name: &str, address: IpAddr) -> Result<()> {
    let wanted = name.to_owned();
    if let Some(admin) = app.store().query(move |db| db.admin_by_name(&wanted))? {
        let en = format!("must wait between tries; the last one came from {address}");
        let ja = format!("試行に待ち時間を設けています。最後の試行元: {address}");
        app.alarms().raise(&ADMINISTRATOR_LOCKED_OUT, &admin.name, Text::new(en, ja));
    }
    Ok(())
}

/// Whether the code is right and was not used before; it is used up by that.
pub(super) fn uses_code(app: &App, admin: &AdminRow, sealed: &[u8], code: &str, now: Timestamp) -> Result<bool> {
    let (id, secret) = (admin.id, app.key().open(&totp_context(admin.id), sealed)?);
    if let Some(step) = totp::step(&secret, code, now) {
        return Ok(app.store().call(move |db| db.use_totp_step(id, step))?);
    }
    let Some(key) = totp::recovery_key(code) else { return Ok(false) };
    let audit = audit(&actor(&admin.name));
    Ok(app.store().call(move |db| db.use_recovery_code(id, &key, &audit))?)
}

pub(super) fn totp_context(id: AdminId) -> String {
    format!("totp:{id}")
}

/// Writes the refusal down. A name that there is not is not written: people type passwords there by mistake.
fn refused(app: &App, try_: &SignIn<'_>, admin: Option<&AdminRow>, why: &str) -> ControlError {
    let name = admin.map_or("?", |admin| admin.name.as_str());
    let (object, audit) = (actor(name), audit("stranger"));
    let after = json!({"address": try_.address.to_string(), "wrong": why});
    let written = app.store().call(move |db| db.audit_append(&audit, "session.refuse", &object, None, Some(&after)));
    match written {
        Ok(()) => ControlError::Unauthorized { text: wrong() },
        Err(error) => error.into(),
    }
}

fn wrong() -> Text {
    Text::new("name, password or code is wrong", "名前、パスワード、またはコードが違います")
}

fn throttled(wait: Duration) -> ControlError {
    let secs = wait.as_secs().max(1);
    let en = format!("too many failed tries: try again in {secs} seconds");
    let text = Text::new(en, format!("失敗が続いたため、{secs} 秒後にもう一度お試しください"));
    ControlError::Throttled { text, wait }
}

fn actor(name: &str) -> String {
    format!("admin:{name}")
}

fn caller_of(admin: &AdminRow) -> Caller {
    let (actor, role) = (actor(&admin.name), admins::role(admin));
    Caller { actor, role, account: Some(admin.id), scopes: None, session: None, until: None }
}

/// Who holds the token of a session; `None` when it has ended, by time-out too. `used`: by a person, and not by a page that
/// looks at itself again.
pub fn session(app: &App, token: &Token, used: bool, now: Timestamp) -> Result<Option<Caller>> {
    let key = token.key();
    let Some((session, admin)) = app.store().query(move |db| db.session(key))? else { return Ok(None) };
    let limits = app.settings().borrow().admin;
    let idle = now.0 - session.used_at.0 >= micros(limits.session_idle);
    let old = now.0 - session.created_at.0 >= micros(limits.session_life);
    if idle || old || !admin.enabled {
        return Ok(None);
    }
    if used && now.0 - session.used_at.0 >= micros(TOUCH) {
        app.store().call(move |db| db.touch_session(key, now))?;
    }
    Ok(Some(Caller { session: Some(key), ..caller_of(&admin) }))
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Ends the caller's session.
pub fn sign_out(app: &App, caller: &Caller) -> Result<()> {
    let Some(key) = caller.session else { return Ok(()) };
    let audit = audit(&caller.actor);
    app.store().call(move |db| db.close_session(key, "session.sign_out", &audit))?;
    Ok(())
}

/// A session as its owner, or who may manage administrators, sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Names the session; opens nothing.
    pub id: String,
    pub created: String,
    /// To the minute.
    pub used: String,
    pub address: String,
    pub agent: String,
    /// It is the one that asks.
    pub current: bool,
}

/// The administrator's sessions, last used first.
pub fn list(app: &App, caller: &Caller, name: &str) -> Result<Vec<SessionView>> {
    let id = admins::find(app, name)?.id;
    let rows = app.store().query(move |db| db.sessions_of(id))?;
    Ok(rows.iter().map(|row| view(row, caller)).collect())
}

fn view(row: &SessionRow, caller: &Caller) -> SessionView {
    SessionView {
        id: public_id(&row.key),
        created: time(row.created_at),
        used: time(row.used_at),
        address: row.address.clone(),
        agent: row.agent.clone(),
        current: caller.session == Some(row.key),
    }
}

/// The first half of the key's hex: enough to name it, too little to find it by.
fn public_id(key: &Key) -> String {
    key[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ends a session of the administrator.
pub fn revoke(app: &App, caller: &Caller, name: &str, id: &str) -> Result<SessionView> {
    let admin = admins::find(app, name)?.id;
    let rows = app.store().query(move |db| db.sessions_of(admin))?;
    let row = rows.into_iter().find(|row| public_id(&row.key) == id).ok_or_else(|| {
        let text = Text::new("there is no such session (any more)", "そのセッションはありません");
        ControlError::NotFound { text }
    })?;
    let (key, audit) = (row.key, audit(&caller.actor));
    app.store().call(move |db| db.close_session(key, "session.revoke", &audit))?;
    Ok(view(&row, caller))
}

/// Takes out the sessions that have ended by time; how many.
pub fn purge(app: &App, now: Timestamp) -> Result<u64> {
    let limits = app.settings().borrow().admin;
    let (used, created) = (now - limits.session_idle, now - limits.session_life);
    Ok(app.store().call(move |db| db.purge_sessions(used, created))?)
}
