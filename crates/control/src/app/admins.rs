//! Administrators: list, add, change, remove, new passwords.

use super::status::time;
use super::users::Password;
use super::{Actor, App, audit, is_dots, provider, settled};
use crate::access::Role;
use crate::credentials::password;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_model::limits::{ADMIN_NAME_CHARS, ADMINISTRATORS};
use zaiseki_model::{AdminId, Timestamp};
use zaiseki_store::{AdminRow, Identity, Sessions};

/// An administrator as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminView {
    pub name: String,
    /// UUID.
    pub id: String,
    pub role: Role,
    /// May sign in.
    pub enabled: bool,
    /// Has a password.
    pub password: bool,
    /// Is asked for a one-time code.
    pub second_factor: bool,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    pub created: String,
    /// The last time; `null` when never.
    pub signed_in: Option<String>,
    /// Who it is at the provider; `null` when nobody there.
    #[serde(default)]
    pub identity: Option<IdentityView>,
}

/// Who an administrator is at an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    pub issuer: String,
    pub subject: String,
    /// The account was made for the provider's word, and has the role that the provider says.
    pub managed: bool,
    pub linked: String,
}

impl AdminView {
    pub(crate) fn new(row: &AdminRow) -> AdminView {
        AdminView {
            name: row.name.clone(),
            id: row.id.to_string(),
            role: role(row),
            enabled: row.enabled,
            password: row.password.is_some(),
            second_factor: row.totp.is_some(),
            recovery_codes: row.recovery.len(),
            created: time(row.created_at),
            signed_in: row.signed_in_at.map(time),
            identity: None,
        }
    }

    fn with(self, identities: &[Identity], row: &AdminRow) -> AdminView {
        let view = |one: &Identity| IdentityView {
            issuer: one.issuer.clone(),
            subject: one.subject.clone(),
            managed: one.managed,
            linked: time(one.linked_at),
        };
        AdminView { identity: identities.iter().find(|one| one.admin == row.id).map(view), ..self }
    }
}

/// A role that this release does not know may read only.
pub(crate) fn role(row: &AdminRow) -> Role {
    Role::parse(&row.role).unwrap_or(Role::ReadOnly)
}

/// An administrator to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdmin {
    pub name: String,
    pub role: Role,
    /// Without one there is no sign-in by password.
    #[serde(default)]
    pub password: Option<Password>,
}

/// Changes of an administrator; what is not given stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminUpdate {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub role: Option<Role>,
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// All administrators, by name.
pub fn list(app: &App) -> Result<Vec<AdminView>> {
    let (rows, identities) = app.store().query(|db| Ok((db.admins()?, db.identities()?)))?;
    Ok(rows.iter().map(|row| AdminView::new(row).with(&identities, row)).collect())
}

pub fn show(app: &App, name: &str) -> Result<AdminView> {
    let row = find(app, name)?;
    let identities = app.store().query(|db| db.identities())?;
    Ok(AdminView::new(&row).with(&identities, &row))
}

/// Forgets who the administrator is at the provider; the sessions end.
///
/// # Errors
/// `not-found`, also when nobody had said who that is.
pub fn unlink(app: &App, actor: &Actor, name: &str) -> Result<AdminView> {
    let row = find(app, name)?;
    let (unlinked, audit) = (row.clone(), audit(actor));
    match app.store().call(move |db| db.unlink_admin(&unlinked, &audit))? {
        true => Ok(AdminView::new(&row)),
        false => {
            let en = format!("{} is nobody at the provider", row.name);
            let ja = format!("{} はプロバイダーと関連付けられていません", row.name);
            Err(ControlError::NotFound { text: Text::new(en, ja) })
        }
    }
}

/// Adds an administrator.
///
/// # Errors
/// `invalid` for a name or password that can't be, `conflict` when the name is taken or there are too many.
pub fn add(app: &App, actor: &Actor, new: &NewAdmin) -> Result<AdminView> {
    if app.store().query(|db| db.admins())?.len() >= ADMINISTRATORS {
        let en = format!("there are {ADMINISTRATORS} administrators already");
        let ja = format!("管理者は {ADMINISTRATORS} 人までです");
        return Err(ControlError::Conflict { text: Text::new(en, ja) });
    }
    let row = row(app, new)?;
    let (written, audit) = (row.clone(), audit(actor));
    app.store().call(move |db| db.create_admin(&written, &audit))?;
    Ok(AdminView::new(&row))
}

/// The row of a new administrator, every field checked.
pub(super) fn row(app: &App, new: &NewAdmin) -> Result<AdminRow> {
    let name = checked_name(&new.name)?;
    let password = new.password.as_ref().map(|password| hashed(app, &name, password)).transpose()?;
    Ok(AdminRow {
        id: AdminId::generate(),
        name,
        role: new.role.as_str().to_owned(),
        enabled: true,
        password,
        totp: None,
        recovery: Vec::new(),
        created_at: Timestamp::now(),
        signed_in_at: None,
    })
}

/// Changes name, role, or whether it may sign in. The administrator's sessions end, unless only the name changes.
pub fn update(app: &App, actor: &Actor, name: &str, update: &AdminUpdate) -> Result<AdminView> {
    let new_name = update.name.as_deref().map(checked_name).transpose()?;
    let sessions = match (update.role, update.enabled) {
        (None, None) => Sessions::Keep,
        _ => Sessions::EndAll,
    };
    settled(|| {
        let seen = find(app, name)?;
        let mut row = seen.clone();
        row.name = new_name.clone().unwrap_or(row.name);
        row.role = update.role.map_or(row.role, |role| role.as_str().to_owned());
        row.enabled = update.enabled.unwrap_or(row.enabled);
        write(app, actor, &seen, &row, sessions, "admin.update")
    })
}

/// Removes an administrator with sessions and tokens.
pub fn remove(app: &App, actor: &Actor, name: &str) -> Result<AdminView> {
    let row = find(app, name)?;
    let (id, audit) = (row.id, audit(actor));
    app.store().call(move |db| db.remove_admin(id, &audit))?;
    Ok(AdminView::new(&row))
}

/// Gives a new password; the administrator's sessions end, and a lock-out too.
pub fn set_password(app: &App, actor: &Actor, name: &str, password: &Password) -> Result<AdminView> {
    let hash = hashed(app, &find(app, name)?.name, password)?;
    settled(|| {
        let seen = find(app, name)?;
        let row = AdminRow { password: Some(hash.clone()), ..seen.clone() };
        app.lockout().forget(&row.name);
        write(app, actor, &seen, &row, Sessions::EndAll, "admin.set_password")
    })
}

/// Break-glass: whoever is on the host gets in again. The administrator, made if need be, may do everything, is asked for no
/// one-time code, and has the new password; passwords are taken again where only the provider signed people in.
pub fn reset(app: &App, actor: &Actor, name: &str, password: &Password) -> Result<AdminView> {
    provider::allow_passwords(app, actor)?;
    let known = match find(app, name) {
        Ok(row) => row,
        Err(ControlError::NotFound { .. }) => {
            let new = NewAdmin { name: name.to_owned(), role: Role::Administrator, password: Some(password.clone()) };
            return add(app, actor, &new);
        }
        Err(error) => return Err(error),
    };
    let hash = hashed(app, &known.name, password)?;
    settled(|| {
        let seen = by_id(app, known.id)?;
        let row = AdminRow {
            password: Some(hash.clone()),
            role: Role::Administrator.as_str().to_owned(),
            enabled: true,
            totp: None,
            recovery: Vec::new(),
            ..seen.clone()
        };
        app.lockout().forget(&row.name);
        write(app, actor, &seen, &row, Sessions::EndAll, "admin.reset")
    })
}

/// Writes `row` in the place of what was `seen`.
///
/// # Errors
/// `conflict` when it has been changed meanwhile.
pub(super) fn write(
    app: &App,
    actor: &Actor,
    seen: &AdminRow,
    row: &AdminRow,
    sessions: Sessions,
    action: &'static str,
) -> Result<AdminView> {
    let (seen, written, audit) = (seen.clone(), row.clone(), audit(actor));
    app.store().call(move |db| db.update_admin(&seen, &written, sessions, action, &audit))?;
    Ok(AdminView::new(row))
}

pub(super) fn find(app: &App, name: &str) -> Result<AdminRow> {
    let wanted = prepared(name);
    app.store().query(move |db| db.admin_by_name(&wanted))?.ok_or_else(|| {
        let en = format!("there is no administrator \"{name}\"");
        ControlError::NotFound { text: Text::new(en, format!("管理者 \"{name}\" はいません")) }
    })
}

/// The account with this id; its holder may have been removed a moment ago.
pub(super) fn by_id(app: &App, id: AdminId) -> Result<AdminRow> {
    app.store().query(move |db| db.admin(id))?.ok_or_else(|| {
        let text = Text::new("your account is gone", "あなたのアカウントは削除されました");
        ControlError::NotFound { text }
    })
}

/// Hashes a new password after the rules of the settings.
pub(super) fn hashed(app: &App, name: &str, new: &Password) -> Result<String> {
    password::check_new(name, new.reveal(), app.settings().borrow().admin.password_chars)?;
    app.hasher().hash(new.reveal())
}

/// Names are the same in upper and lower case.
pub(super) fn prepared(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(super) fn checked_name(name: &str) -> Result<String> {
    let name = prepared(name);
    let length = (1..=ADMIN_NAME_CHARS).contains(&name.chars().count());
    if length && !is_dots(&name) && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@')) {
        return Ok(name);
    }
    let en = format!(
        "the name of an administrator has 1 to {ADMIN_NAME_CHARS} letters, digits, or any of . - _ @, and is not . or .."
    );
    let ja = format!("管理者の名前は 1～{ADMIN_NAME_CHARS} 文字の文字、数字、. - _ @ にしてください（. と .. は使えません）");
    Err(ControlError::invalid("name", en, ja))
}
