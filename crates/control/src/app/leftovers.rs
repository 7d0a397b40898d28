//! What is left over in a directory: users whose entries are gone, and old entries of people who are somebody else's users.

use super::{App, directories, status};
use crate::directory::StoredDirectory;
use crate::directory::plan::ProblemCode;
use crate::error::Result;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_store::{Database, DirectoryProblem, Origin, StoreError};
use zaiseki_xmpp::jid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeftoverKind {
    /// The user's entry is gone; the account waits for the end of the grace period.
    Gone,
    /// An entry whose user id is that of a user of another directory.
    Elsewhere,
    /// An entry whose user id is that of a user of the built-in directory.
    BuiltIn,
}

/// A user without an entry, or an entry without a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leftover {
    pub kind: LeftoverKind,
    /// The user id.
    pub user: String,
    /// Where the entry stands, or stood.
    pub place: String,
    /// `gone`: since when (XEP-0082 form of time).
    pub since: Option<String>,
    /// `gone`: the account is removed by the first synchronisation after this.
    pub removal: Option<String>,
    /// What to do.
    pub advice: Text,
}

/// All leftovers of a directory as of its last synchronisation: users first.
///
/// # Errors
/// `not-found`.
pub fn list(app: &App, name: &str) -> Result<Vec<Leftover>> {
    let row = directories::find(app, name)?;
    let grace = StoredDirectory::from_row(&row)?.sync.grace();
    let (gone, taken) = app.store().query(move |db| {
        let problems = db.directory_problems(row.id, Some(ProblemCode::Taken.as_str()), 0)?;
        let taken = problems.into_iter().map(|problem| owner(db, problem)).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok((db.people_gone(row.id)?, taken))
    })?;
    let gone = gone.into_iter().map(|(user, origin)| without_entry(&user.name, origin, grace));
    Ok(gone.chain(taken.into_iter().flatten()).collect())
}

fn without_entry(name: &str, origin: Origin, grace: std::time::Duration) -> Leftover {
    let since = origin.missing_since.unwrap_or(Timestamp::ZERO);
    Leftover {
        kind: LeftoverKind::Gone,
        user: jid::unescape_local(name),
        place: origin.place,
        since: Some(status::time(since)),
        removal: Some(status::time(since + grace)),
        advice: Text::new(
            "put the entry back to keep the account, remove the user to be rid of it now, or wait",
            "アカウントを残すにはエントリーを元に戻してください。すぐに消すにはユーザーを削除してください。何もしなければ自動的に削除されます",
        ),
    }
}

/// Whose the user id of an entry is now; `None` when it is free by now.
fn owner(db: &Database, problem: DirectoryProblem) -> std::result::Result<Option<Leftover>, StoreError> {
    let Some(user) = db.user_by_name(&problem.name)? else { return Ok(None) };
    let elsewhere = db.person(user.id)?.and_then(|person| person.origin);
    let (kind, advice) = match &elsewhere {
        Some(origin) => (
            LeftoverKind::Elsewhere,
            Text::new(
                format!(
                    "the user belongs to the entry {}: remove the old entry from the directory, or narrow base and filter",
                    origin.place
                ),
                format!(
                    "このユーザーは {} のエントリーに属しています。古いエントリーをディレクトリーから削除するか、検索ベースとフィルターを絞ってください",
                    origin.place
                ),
            ),
        ),
        None => (
            LeftoverKind::BuiltIn,
            Text::new(
                "a user of the built-in directory has the user id: let the directory adopt accounts, remove the user, or remove the entry",
                "内蔵ディレクトリーのユーザーが同じユーザー ID を使っています。アカウントの引き継ぎを有効にするか、ユーザーまたはエントリーを削除してください",
            ),
        ),
    };
    let user = jid::unescape_local(&problem.name);
    Ok(Some(Leftover { kind, user, place: problem.place, since: None, removal: None, advice }))
}
