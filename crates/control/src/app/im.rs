//! Enabling and disabling many users for IM and presence.

use super::users::localpart;
use super::{Actor, App, UserChange, audit};
use crate::error::{ControlError, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;
use zaiseki_model::{User, UserId};
use zaiseki_store::UserFilter;

/// User ids in one request.
pub const NAMES: usize = 100_000;
/// Users changed in one transaction.
const BATCH: usize = 1_000;
/// User ids told one by one that belong to nobody; of the others only the number.
pub const UNKNOWN_TOLD: usize = 1_000;

/// Whom to change: those who are named, or all who match.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImInput {
    pub im: bool,
    /// User ids, at most 100,000.
    #[serde(default)]
    pub users: Option<Vec<String>>,
    #[serde(default)]
    pub matching: Option<ImMatching>,
}

/// An empty one matches everybody.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImMatching {
    /// As `search` of the list of users.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub enabled: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImReport {
    pub changed: usize,
    /// Were so already.
    pub unchanged: usize,
    pub unknown: usize,
    /// At most 1,000 of them.
    pub unknown_users: Vec<String>,
}

/// Changes the flag; sessions of disabled users end. Names of nobody are told, and stop nothing.
///
/// # Errors
/// `invalid` unless exactly one of `users` and `matching` is given.
pub fn set(app: &App, actor: &Actor, input: &ImInput) -> Result<ImReport> {
    let (users, unknown) = match (&input.users, &input.matching) {
        (Some(names), None) => named(app, names)?,
        (None, Some(matching)) => (matched(app, matching)?, Vec::new()),
        _ => {
            let en = "give either users or matching";
            return Err(ControlError::invalid("users", en, "users か matching のどちらか一方を指定してください"));
        }
    };
    let mut changed = 0;
    for batch in users.chunks(BATCH) {
        changed += change(app, actor, batch, input.im)?;
    }
    let unknown_users = unknown.iter().take(UNKNOWN_TOLD).cloned().collect();
    Ok(ImReport { changed, unchanged: users.len() - changed, unknown: unknown.len(), unknown_users })
}

/// One transaction; how many changed.
fn change(app: &App, actor: &Actor, users: &[User], im: bool) -> Result<usize> {
    let (ids, audit): (Vec<UserId>, _) = (users.iter().map(|user| user.id).collect(), audit(actor));
    let changed = app.store().call(move |db| db.set_im(&ids, im, &audit))?;
    let names: HashMap<UserId, &User> = users.iter().map(|user| (user.id, user)).collect();
    for id in &changed {
        if let Some(user) = names.get(id) {
            let told = if im { UserChange::Details } else { UserChange::Disabled };
            app.user_changed(*id, &user.name, told);
        }
    }
    Ok(changed.len())
}

fn named(app: &App, names: &[String]) -> Result<(Vec<User>, Vec<String>)> {
    if names.len() > NAMES {
        let (en, ja) =
            (format!("at most {NAMES} user ids at once"), format!("一度に指定できるユーザー ID は {NAMES} 件までです"));
        return Err(ControlError::invalid("users", en, ja));
    }
    let names = names.to_vec();
    let found = app.store().query(move |db| {
        let (mut users, mut unknown) = (HashMap::new(), Vec::new());
        for name in names {
            let found = match localpart(&name) {
                Ok(local) => db.user_by_name(&local)?,
                Err(_) => None,
            };
            match found {
                Some(user) => drop(users.insert(user.id, user)),
                None => unknown.push(name),
            }
        }
        Ok((users, unknown))
    })?;
    let mut users: Vec<User> = found.0.into_values().collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((users, found.1))
}

fn matched(app: &App, matching: &ImMatching) -> Result<Vec<User>> {
    let search = matching.search.clone().filter(|text| !text.is_empty());
    let filter = UserFilter { search, enabled: matching.enabled, ..UserFilter::default() };
    Ok(app.store().query(move |db| db.list_users(&filter))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;

    fn input(im: bool, users: &[&str]) -> ImInput {
        ImInput { im, users: Some(users.iter().map(|name| (*name).to_owned()).collect()), matching: None }
    }

    #[test]
    fn users_are_changed_by_name_and_their_sessions_told() {
        let fixture = Fixture::new();
        for name in ["anna", "ben", "b@c"] {
            fixture.user(name);
        }
        fixture.changes();
        let report = set(&fixture.app, "tester", &input(false, &["anna", "Anna", "b@c", "nobody", ""])).unwrap();
        assert_eq!((report.changed, report.unchanged, report.unknown), (2, 0, 2));
        assert_eq!(report.unknown_users, ["nobody", ""]);
        let told = |name: &str, change| (name.to_owned(), change);
        assert_eq!(fixture.changes(), [told("anna", UserChange::Disabled), told("b\\40c", UserChange::Disabled)]);
        let again = set(&fixture.app, "tester", &input(false, &["anna", "ben"])).unwrap();
        assert_eq!((again.changed, again.unchanged), (1, 1));
        let all = ImInput { im: true, users: None, matching: Some(ImMatching::default()) };
        assert_eq!(set(&fixture.app, "tester", &all).unwrap().changed, 3);
        let some = ImMatching { search: Some("ben".to_owned()), enabled: None };
        assert_eq!(set(&fixture.app, "tester", &ImInput { matching: Some(some), ..ImInput::default() }).unwrap().changed, 1);
    }

    #[test]
    fn what_is_meant_must_be_said_and_is_bounded() {
        let fixture = Fixture::new();
        let field = |input: &ImInput| set(&fixture.app, "tester", input).map_err(|error| error.field());
        assert_eq!(field(&ImInput::default()), Err(Some("users")));
        let both = ImInput { matching: Some(ImMatching::default()), ..input(true, &["a"]) };
        assert_eq!(field(&both), Err(Some("users")));
        let many = |count| ImInput { users: Some(vec![String::new(); count]), ..ImInput::default() };
        assert_eq!(field(&many(NAMES)).unwrap().unknown_users.len(), UNKNOWN_TOLD);
        assert_eq!(field(&many(NAMES + 1)), Err(Some("users")));
    }
}
