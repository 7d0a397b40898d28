//! Users: make, list, show, change, enable, disable, remove.

use super::addresses::Addressing;
use super::profiles::{self, ProfileUpdate};
use super::{Actor, App, UserChange, audit, is_dots, settled};
use crate::credentials::password::check_new;
use crate::error::{ControlError, Result};
use crate::reasons;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::{ScramKeys, User, UserId};
use zaiseki_store::{Person, UserFilter};
use zaiseki_stream::sasl::derive;
use zaiseki_xmpp::jid;

/// Characters of a display name.
pub const DISPLAY_NAME_CHARS: usize = 255;
/// Bytes of a mail address (RFC 5321 §4.5.3.1.3).
pub const MAIL_BYTES: usize = 254;
/// Characters of a telephone number as written by people.
pub const TELEPHONE_CHARS: usize = 64;
/// Bytes of a language tag.
pub const LANGUAGE_BYTES: usize = 35;
/// Users in one page of a list.
pub const PAGE_USERS: usize = 1_000;

/// A password on its way to being turned into keys. Never shown, never stored.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Password(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A user to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The user id; may hold `@` and other characters that an address can't (XEP-0106).
    pub name: String,
    /// Without one the user can't sign in yet.
    #[serde(default)]
    pub password: Option<Password>,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub mail: String,
    #[serde(default)]
    pub telephone: String,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default = "yes")]
    pub calendar: bool,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Enabled for IM and presence.
    #[serde(default = "yes")]
    pub im: bool,
}

fn yes() -> bool {
    true
}

/// Changes of a user; what is `None` stays. `language: Some("")` goes back to the domain's.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub mail: Option<String>,
    #[serde(default)]
    pub telephone: Option<String>,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub calendar: Option<bool>,
}

/// A user as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The user id as people write it.
    pub name: String,
    /// The bare JID.
    pub address: String,
    /// UUID.
    pub id: String,
    pub display_name: String,
    pub mail: String,
    pub telephone: String,
    pub language: Option<String>,
    pub enabled: bool,
    /// The calendar may speak for the user.
    pub calendar: bool,
    /// Enabled for IM and presence.
    #[serde(default = "yes")]
    pub im: bool,
}

impl UserView {
    pub(super) fn new(app: &App, user: User) -> Self {
        UserView {
            name: jid::unescape_local(user.user_id()),
            address: format!("{}@{}", user.name, app.domain()),
            id: user.id.to_string(),
            display_name: user.display_name,
            mail: user.mail,
            telephone: user.telephone,
            language: user.language,
            enabled: user.enabled,
            calendar: user.calendar,
            im: user.im,
        }
    }
}

/// Which users to list.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Words, each of which is part of the user id, a name or its reading, the mail address, the directory URI, the department or
    /// a telephone number. Widths, cases, accents, katakana and hiragana, small kana, long vowels, blanks and hyphens make no
    /// difference.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub enabled: Option<bool>,
    #[serde(default)]
    pub calendar: Option<bool>,
    /// Enabled for IM and presence.
    #[serde(default)]
    pub im: Option<bool>,
    /// The name of a directory: only its users.
    #[serde(default)]
    pub directory: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// 1 to 1,000, which is the default.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserPage {
    pub users: Vec<UserView>,
    /// How many users match in all.
    pub total: u64,
    /// Ask again with this as `after`; `None` on the last page.
    pub next: Option<String>,
}

/// Makes a user.
///
/// # Errors
/// `invalid` for a name or field that can't be, `conflict` when the name is taken.
pub fn create(app: &App, actor: &Actor, new: &NewUser) -> Result<UserView> {
    straight("display_name", &new.display_name)?;
    let user = checked(new)?;
    let keys = new.password.as_ref().map(|password| new_keys(app, &user.name, password)).transpose()?;
    let (sha256, sha1) = keys.unzip();
    let row = zaiseki_store::NewUser { user: user.clone(), sha256, sha1, profile: None };
    let audit = audit(actor);
    app.store().call(move |db| db.create_user(&row, &audit))?;
    app.user_changed(user.id, &user.name, UserChange::Details);
    Ok(UserView::new(app, user))
}

pub fn list(app: &App, query: &UserQuery) -> Result<UserPage> {
    let limit = query.limit.unwrap_or(PAGE_USERS);
    if !(1..=PAGE_USERS).contains(&limit) {
        let (en, ja) = (format!("must be 1 to {PAGE_USERS}"), format!("1 から {PAGE_USERS} までの値を指定してください"));
        return Err(ControlError::invalid("limit", en, ja));
    }
    let directory = query.directory.as_deref().map(|name| super::directories::find(app, name)).transpose()?;
    let directory = directory.map(|row| row.id);
    let filter = UserFilter {
        after: query.after.clone(),
        // One more tells whether there is another page.
        limit: limit + 1,
        search: query.search.clone().filter(|text| !text.is_empty()),
        enabled: query.enabled,
        calendar: query.calendar,
        im: query.im,
        directory,
    };
    let (mut users, total) = app.store().query(move |db| db.page_users(&filter))?;
    let more = users.len() > limit;
    users.truncate(limit);
    let next = users.last().filter(|_| more).map(|user| user.name.clone());
    Ok(UserPage { users: users.into_iter().map(|user| UserView::new(app, user)).collect(), total, next })
}

pub fn show(app: &App, name: &str) -> Result<UserView> {
    Ok(UserView::new(app, find(app, name)?))
}

/// Changes what is given.
pub fn update(app: &App, actor: &Actor, name: &str, update: &UserUpdate) -> Result<UserView> {
    let text = |field: &'static str, new: &Option<String>, check: fn(&str) -> Result<String>| {
        new.as_deref().map(|new| check(new).map_err(|error| in_field(field, error))).transpose()
    };
    let display_name = text("display_name", &update.display_name, display_name)?;
    let mail = text("mail", &update.mail, mail)?;
    let telephone = text("telephone", &update.telephone, telephone)?;
    let person = profiles::find(app, name)?;
    // What a directory or a file brought may stay as it is.
    if let Some(new) = display_name.as_deref().filter(|new| *new != person.user.display_name) {
        straight("display_name", new)?;
    }
    if person.origin.is_some() {
        let owned =
            [("display_name", &display_name, &person.user.display_name), ("telephone", &telephone, &person.user.telephone)];
        if let Some((field, ..)) = owned.into_iter().find(|(_, new, now)| new.as_ref().is_some_and(|new| new != *now)) {
            return Err(profiles::of_the_directory(field));
        }
        // Held against the directory, as from the profile.
        if mail.as_ref().is_some_and(|mail| *mail != person.user.mail) {
            profiles::update(app, actor, name, &ProfileUpdate { mail: mail.clone(), ..ProfileUpdate::default() })?;
        }
    }
    let tag = update.language.as_deref();
    let language = tag.map(|tag| if tag.is_empty() { Ok(None) } else { language(tag).map(Some) }).transpose()?;
    settled(|| {
        let seen = find(app, name)?;
        let mut user = seen.clone();
        user.display_name = display_name.clone().unwrap_or(user.display_name);
        user.mail = mail.clone().unwrap_or(user.mail);
        user.telephone = telephone.clone().unwrap_or(user.telephone);
        user.language = language.clone().unwrap_or(user.language);
        user.calendar = update.calendar.unwrap_or(user.calendar);
        save(app, actor, seen, user)
    })
}

/// A user decides in a client whether the calendar may speak for them. `id`: the account must still be the one that asked.
pub fn choose_calendar(app: &App, id: UserId, localpart: &str, calendar: bool) -> Result<UserView> {
    settled(|| {
        let name = localpart.to_owned();
        let found = app.store().query(move |db| db.user_by_name(&name))?;
        let user = found.filter(|user| user.id == id).ok_or_else(|| ControlError::no_user(localpart))?;
        if user.calendar == calendar {
            return Ok(UserView::new(app, user));
        }
        save(app, &format!("user:{localpart}"), user.clone(), User { calendar, ..user })
    })
}

fn save(app: &App, actor: &Actor, seen: User, user: User) -> Result<UserView> {
    let (row, audit) = (user.clone(), audit(actor));
    app.store().call(move |db| db.update_user(&seen, &row, &audit))?;
    app.user_changed(user.id, &user.name, UserChange::Details);
    Ok(UserView::new(app, user))
}

/// Gives the user another user id, and so another address. Contacts, archive, documents and password stay; sessions end;
/// contacts have the user under the new address, and who writes to the old one is told the new one until somebody gets it.
///
/// # Errors
/// `invalid` for a name that can't be, or a user of an outside directory; `conflict` when another user has the name.
pub fn rename(app: &App, actor: &Actor, name: &str, new_name: &str) -> Result<UserView> {
    let Person { user, profile, origin, .. } = profiles::find(app, name)?;
    let to = localpart(new_name)?;
    let id = user.id;
    if origin.is_some() {
        let en = "the user id comes from the user's directory: change it there, and the next synchronisation renames the user";
        let ja = "ユーザー ID はディレクトリーから取得した値です。ディレクトリー側で変更すると、次の同期で反映されます";
        return Err(ControlError::invalid("name", en, ja));
    }
    if to == user.user_id() {
        return Err(ControlError::invalid("name", "is the user's name already", "すでにこのユーザーの ID です"));
    }
    let (to, user_id) = Addressing::of(app)?.place(&to, &profile.directory_uri);
    let (local, own, audit) = (to.clone(), user_id.clone(), audit(actor));
    app.store().call(move |db| db.rename_user(id, &local, own.as_deref(), &audit))?;
    let change = if to == user.name { UserChange::Details } else { UserChange::Renamed { to: to.clone() } };
    app.user_changed(id, &user.name, change);
    Ok(UserView::new(app, User { name: to, user_id, ..user }))
}

/// Gives new keys; sessions opened with the old password end.
pub fn set_password(app: &App, actor: &Actor, name: &str, password: &Password) -> Result<UserView> {
    let user = find(app, name)?;
    let (sha256, sha1) = new_keys(app, user.user_id(), password)?;
    let (id, audit) = (user.id, audit(actor));
    app.store().call(move |db| db.set_credentials(id, Some(&sha256), Some(&sha1), &audit))?;
    app.user_changed(user.id, &user.name, UserChange::Password);
    Ok(UserView::new(app, user))
}

/// Switches sign-in on or off; switching off ends the user's sessions.
pub fn set_enabled(app: &App, actor: &Actor, name: &str, enabled: bool) -> Result<UserView> {
    let user = find(app, name)?;
    let (id, audit) = (user.id, audit(actor));
    app.store().call(move |db| db.set_enabled(id, enabled, &audit))?;
    let change = if enabled { UserChange::Details } else { UserChange::Disabled };
    app.user_changed(user.id, &user.name, change);
    Ok(UserView::new(app, User { enabled, ..user }))
}

/// Removes the user with contacts, messages and archive.
pub fn remove(app: &App, actor: &Actor, name: &str) -> Result<UserView> {
    let user = find(app, name)?;
    let (id, audit) = (user.id, audit(actor));
    app.store().call(move |db| db.remove_user(id, &audit))?;
    app.user_changed(user.id, &user.name, UserChange::Removed);
    // A big archive is emptied in the background.
    app.purge_now().notify_one();
    Ok(UserView::new(app, user))
}

/// By user id (`bjones@usa`) or by localpart (`bjones\40usa`).
pub(super) fn find(app: &App, name: &str) -> Result<User> {
    let as_written = jid::prepare_local(name.trim()).map(|local| local.into_owned()).ok();
    let candidates = [localpart(name).ok(), as_written];
    let user = app.store().query(move |db| {
        for candidate in candidates.iter().flatten() {
            if let Some(user) = db.user_by_name(candidate)? {
                return Ok(Some(user));
            }
        }
        Ok(None)
    })?;
    user.ok_or_else(|| ControlError::no_user(name))
}

/// The localpart of a user id: escaped by XEP-0106 where an address can't hold a character, prepared by PRECIS.
pub(crate) fn localpart(user_id: &str) -> Result<String> {
    let user_id = user_id.trim();
    let bad = |en: String, ja: String| ControlError::invalid("name", en, ja);
    if user_id.is_empty() {
        return Err(bad("the user id is empty".to_owned(), "ユーザー ID が空です".to_owned()));
    }
    let escaped = jid::escape_local(user_id);
    let local = jid::prepare_local(&escaped).map(|local| local.into_owned()).map_err(|why| {
        let en = format!("the user id \"{user_id}\" cannot be part of an address: {why}");
        bad(en, format!("ユーザー ID \"{user_id}\" はアドレスに使えません: {}", reasons::ja(&why.to_string())))
    })?;
    if is_dots(&local) {
        return Err(bad("the user id cannot be . or ..".to_owned(), "ユーザー ID を . や .. にすることはできません".to_owned()));
    }
    Ok(local)
}

/// The row of a new user, every field checked; the display name without what would turn the direction of text.
pub(super) fn checked(new: &NewUser) -> Result<User> {
    Ok(User {
        id: UserId::generate(),
        name: localpart(&new.name)?,
        display_name: straightened(&display_name(&new.display_name)?),
        mail: mail(&new.mail)?,
        telephone: telephone(&new.telephone)?,
        language: new.language.as_deref().filter(|tag| !tag.is_empty()).map(language).transpose()?,
        enabled: new.enabled,
        calendar: new.calendar,
        im: new.im,
        user_id: None,
    })
}

/// Keys of a password that an administrator gives.
fn new_keys(app: &App, user_id: &str, password: &Password) -> Result<(ScramKeys, ScramKeys)> {
    let least = app.settings().borrow().sign_in.password_chars;
    check_new(&jid::unescape_local(user_id), password.reveal(), least)?;
    keys_of(password, derive::DEFAULT_ITERATIONS)
}

/// Keys for both mechanisms under a fresh salt.
pub(super) fn keys_of(password: &Password, iterations: u32) -> Result<(ScramKeys, ScramKeys)> {
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| ControlError::Random)?;
    derive::new_keys(password.reveal(), salt, iterations).map_err(|why| {
        let en = format!("this password cannot be used: {why}");
        ControlError::invalid("password", en, "パスワードが空か、使えない文字を含んでいます")
    })
}

fn in_field(field: &'static str, error: ControlError) -> ControlError {
    match error {
        ControlError::Invalid { text, .. } => ControlError::Invalid { field, text },
        other => other,
    }
}

fn display_name(text: &str) -> Result<String> {
    short("display_name", text, DISPLAY_NAME_CHARS)
}

fn telephone(text: &str) -> Result<String> {
    let number = short("telephone", text, TELEPHONE_CHARS)?;
    if number.is_empty() || number.chars().any(char::is_numeric) {
        return Ok(number);
    }
    let en = "is no telephone number: write it as +81 3 1234 5678";
    Err(ControlError::invalid("telephone", en, "電話番号ではありません。+81 3 1234 5678 のように入力してください"))
}

pub(super) fn short(field: &'static str, text: &str, chars: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > chars {
        let en = format!("is longer than {chars} characters");
        return Err(ControlError::invalid(field, en, format!("{chars} 文字を超えています")));
    }
    if text.chars().any(char::is_control) {
        return Err(ControlError::invalid(field, "holds a control character", "制御文字が含まれています"));
    }
    Ok(text.to_owned())
}

/// Characters that turn the direction of the text around them (Bidi_Control of UAX #9 §2).
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text without the characters that turn the direction of what stands beside it.
pub fn straightened(text: &str) -> String {
    text.chars().filter(|c| !turns(*c)).collect::<String>().trim().to_owned()
}

/// # Errors
/// `invalid` for a text that somebody types with such characters.
pub(super) fn straight(field: &'static str, text: &str) -> Result<()> {
    let Some(found) = text.chars().find(|c| turns(*c)) else { return Ok(()) };
    let code = u32::from(found);
    let en = format!("holds characters that turn the direction of text, such as U+{code:04X}");
    Err(ControlError::invalid(field, en, format!("文字の向きを変える制御文字（U+{code:04X} など）が含まれています")))
}

/// Only what would certainly never arrive is refused.
pub(crate) fn mail(text: &str) -> Result<String> {
    let text = text.trim();
    let parts = text.rsplit_once('@');
    let shaped = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let clean = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if text.is_empty() || (shaped && clean && text.len() <= MAIL_BYTES) {
        return Ok(text.to_owned());
    }
    let en = format!("\"{text}\" is not a mail address");
    Err(ControlError::invalid("mail", en, format!("\"{text}\" はメールアドレスではありません")))
}

/// The look of a BCP 47 tag, lower case.
pub(crate) fn language(tag: &str) -> Result<String> {
    let shaped = tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    let begins = tag.split('-').next().is_some_and(|first| first.len() >= 2 && first.bytes().all(|b| b.is_ascii_alphabetic()));
    if shaped && begins && tag.len() <= LANGUAGE_BYTES {
        return Ok(tag.to_ascii_lowercase());
    }
    let en = format!("\"{tag}\" is not a language, such as \"ja\" or \"en\"");
    Err(ControlError::invalid("language", en, format!("\"{tag}\" は言語ではありません（例: \"ja\"、\"en\"）")))
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
