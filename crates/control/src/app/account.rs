//! One's own account: password and second factor. Each change asks for the password again, so that a browser left open
//! gives nobody the account.

use super::admins::{self, AdminView};
use super::sessions::totp_context;
use super::users::Password;
use super::{App, audit};
use crate::access::Caller;
use crate::credentials::totp;
use crate::error::{ControlError, Result};
use crate::text::Text;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_store::{AdminRow, Sessions};

/// The caller's own account.
pub fn show(app: &App, caller: &Caller) -> Result<AdminView> {
    Ok(AdminView::new(&own(app, caller)?))
}

/// A new password of one's own.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPassword {
    pub current: Password,
    pub password: Password,
}

/// Changes one's own password; one's other sessions end.
pub fn set_password(app: &App, caller: &Caller, input: &OwnPassword) -> Result<AdminView> {
    let seen = proven(app, caller, &input.current)?;
    let row = AdminRow { password: Some(admins::hashed(app, &seen.name, &input.password)?), ..seen.clone() };
    let sessions = caller.session.map_or(Sessions::EndAll, Sessions::EndOthers);
    admins::write(app, &caller.actor, &seen, &row, sessions, "admin.set_password")
}

/// What an authenticator app needs. Nothing has changed yet.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// For typing in, base32.
    pub secret: String,
    /// `otpauth://totp/…`
    pub uri: String,
    /// The same as a picture, SVG.
    pub picture: Option<String>,
    /// To be given back with the first code.
    pub enrolment: String,
}

/// Begins the enrolment of a second factor.
pub fn enrol(app: &App, caller: &Caller) -> Result<Enrolment> {
    let row = own(app, caller)?;
    let secret = totp::generate()?;
    let sealed = app.key().seal(&totp_context(row.id), &secret)?;
    let uri = totp::uri(app.domain(), &row.name, &secret);
    Ok(Enrolment { secret: totp::base32(&secret), picture: totp::picture(&uri), uri, enrolment: BASE64.encode(sealed) })
}

/// The end of an enrolment.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    pub current: Password,
    /// From the beginning of the enrolment.
    pub enrolment: String,
    /// As the app shows it now.
    pub code: String,
}

/// Codes for the day the telephone is lost; shown this once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

/// From now on a code is asked for. Replaces an older second factor and its recovery codes.
pub fn confirm(app: &App, caller: &Caller, input: &Confirmation, now: Timestamp) -> Result<RecoveryCodes> {
    let seen = proven(app, caller, &input.current)?;
    let begun_here = || ControlError::invalid("enrolment", "begin the enrolment again", "登録をはじめからやり直してください");
    let sealed = BASE64.decode(&input.enrolment).map_err(|_| begun_here())?;
    let secret = app.key().open(&totp_context(seen.id), &sealed).map_err(|_| begun_here())?;
    let step = totp::step(&secret, &input.code, now).ok_or_else(|| {
        let en = "the code is wrong: is the clock of the telephone right?";
        ControlError::invalid("code", en, "コードが違います。携帯端末の時計が正しいか確認してください")
    })?;
    let codes = totp::recovery_codes()?;
    let recovery = codes.iter().filter_map(|code| totp::recovery_key(code)).collect();
    let row = AdminRow { totp: Some(sealed), recovery, ..seen.clone() };
    let sessions = caller.session.map_or(Sessions::EndAll, Sessions::EndOthers);
    admins::write(app, &caller.actor, &seen, &row, sessions, "admin.enrol_second_factor")?;
    app.store().call(move |db| db.use_totp_step(row.id, step))?;
    Ok(RecoveryCodes { recovery_codes: codes })
}

/// One's password, for what changes the account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub current: Password,
}

/// Takes the second factor off.
pub fn remove_second_factor(app: &App, caller: &Caller, proof: &Proof) -> Result<AdminView> {
    let seen = proven(app, caller, &proof.current)?;
    let row = AdminRow { totp: None, recovery: Vec::new(), ..seen.clone() };
    admins::write(app, &caller.actor, &seen, &row, Sessions::Keep, "admin.remove_second_factor")
}

/// The caller's account.
pub(super) fn own(app: &App, caller: &Caller) -> Result<AdminRow> {
    let Some(id) = caller.account else {
        let en = "whoever administers on the host has no account: name an administrator instead";
        let text = Text::new(en, "ホスト上の管理者にはアカウントがありません。管理者の名前を指定してください");
        return Err(ControlError::Conflict { text });
    };
    admins::by_id(app, id)
}

/// The caller's account, after the password was right. A wrong one is braked as at sign-in.
fn proven(app: &App, caller: &Caller, password: &Password) -> Result<AdminRow> {
    let row = own(app, caller)?;
    let nowhere = std::net::IpAddr::from([0, 0, 0, 0]);
    let brake = format!("own {}", row.id);
    app.lockout().attempt(&brake, nowhere, Timestamp::now()).map_err(|wait| {
        let secs = wait.as_secs().max(1);
        let en = format!("too many failed tries: try again in {secs} seconds");
        let text = Text::new(en, format!("失敗が続いたため、{secs} 秒後にもう一度お試しください"));
        ControlError::Throttled { text, wait }
    })?;
    if app.hasher().verify(password.reveal(), row.password.as_deref())? {
        app.lockout().succeeded(&brake, nowhere);
        return Ok(row);
    }
    let (object, audit) = (format!("admin:{}", row.name), audit(&caller.actor));
    app.store().call(move |db| db.audit_append(&audit, "admin.refuse", &object, None, None))?;
    Err(ControlError::invalid("current", "this is not your password", "現在のパスワードが違います"))
}
