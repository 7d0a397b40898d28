//! An entry as its source wrote it → an account as we could have it.

use super::plan::{Candidate, Problem, ProblemCode};
use crate::app::users;
use zaiseki_model::directory::{Skipped, SourceUser, Unfit};
use zaiseki_xmpp::jid::BareJid;

/// The account this entry would make, and what of it cannot be used.
///
/// # Errors
/// Why it makes none. The entry is there all the same.
pub(super) fn candidate(entry: SourceUser) -> Result<(Candidate, Vec<Problem>), Skipped> {
    let SourceUser { key, place, name, enabled, mut profile, devices } = entry;
    let problem =
        |code, detail: String| Problem { code, key: Some(key.clone()), place: place.clone(), name: name.clone(), detail };
    let local = users::localpart(&name).map_err(|error| {
        let (key, place) = (Some(key.clone()), place.clone());
        Skipped { key, place, why: Unfit::UserId(error.text().en) }
    })?;
    let mut problems = Vec::new();
    if users::mail(&profile.mail).is_err() {
        problems.push(problem(ProblemCode::Mail, std::mem::take(&mut profile.mail)));
    }
    let address = profile.directory_uri.parse::<BareJid>();
    if !profile.directory_uri.is_empty() && !address.is_ok_and(|address| address.local().is_some()) {
        problems.push(problem(ProblemCode::DirectoryUri, std::mem::take(&mut profile.directory_uri)));
    }
    profile.language = profile.language.and_then(|tag| users::language(&tag).ok());
    Ok((Candidate { key, place, name: local, enabled, profile, devices }, problems))
}
