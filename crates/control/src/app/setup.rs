//! The first start: whoever reads the log of a node without administrators makes the first one by a link that works once.

use super::admins::{self, AdminView, NewAdmin};
use super::users::Password;
use super::{App, audit};
use crate::access::Role;
use crate::credentials::token::Token;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_store::SETUP_KEY;

/// How long a link works; each start of the node makes a new one until one was used.
pub const LINK_LIFE: Duration = Duration::from_secs(86_400);

/// A fresh link's token; `None` when there is an administrator. The links before stop working.
pub fn link(app: &App, now: Timestamp) -> Result<Option<Token>> {
    if app.store().query(|db| db.administrators())? > 0 {
        return Ok(None);
    }
    let token = Token::generate("")?;
    let mut kept = token.key().to_vec();
    kept.extend((now + LINK_LIFE).0.to_be_bytes());
    app.store().call(move |db| db.meta_put(SETUP_KEY, &kept))?;
    Ok(Some(token))
}

/// Whether a link with that token would be taken.
pub fn is_open(app: &App, token: &Token, now: Timestamp) -> Result<bool> {
    Ok(matching(app, token, now)?.is_some())
}

/// What is stored, when it is that token's and not too old.
fn matching(app: &App, token: &Token, now: Timestamp) -> Result<Option<Vec<u8>>> {
    let Some(kept) = app.store().query(|db| db.meta_get(SETUP_KEY))? else { return Ok(None) };
    let Some((key, end)) = kept.split_first_chunk::<32>() else { return Ok(None) };
    let end = end.try_into().map_or(0, i64::from_be_bytes);
    Ok((*key == token.key() && now.0 < end).then_some(kept))
}

/// The first administrator.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAdmin {
    /// The last part of the link.
    pub token: String,
    pub name: String,
    pub password: Password,
}

/// Makes the first administrator and uses up the link.
///
/// # Errors
/// `unauthorized` when the link is not valid (any more); `invalid`.
pub fn complete(app: &App, first: &FirstAdmin, now: Timestamp) -> Result<AdminView> {
    let closed = || {
        let en = "this link is not valid any more: restart the node and take the new one from its log";
        let ja = "このリンクは使えません。ノードを再起動し、ログに出る新しいリンクを使ってください";
        ControlError::Unauthorized { text: Text::new(en, ja) }
    };
    let kept = matching(app, &Token::given(first.token.as_str()), now)?.ok_or_else(closed)?;
    let new = NewAdmin { name: first.name.clone(), role: Role::Administrator, password: Some(first.password.clone()) };
    let row = admins::row(app, &new)?;
    let (written, audit) = (row.clone(), audit("set-up link"));
    match app.store().call(move |db| db.create_first_admin(&written, &kept, &audit))? {
        true => Ok(AdminView::new(&row)),
        false => Err(closed()),
    }
}
