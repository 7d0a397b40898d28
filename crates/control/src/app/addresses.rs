//! Of what the addresses of users are made: the user id, or the directory URI. One way holds for the whole cluster.
//!
//! Whoever has no directory URI of the served domain, or one that somebody else goes by, has an address by the user id under
//! either scheme. The user id stays what administrators know a user by, and a user may sign in by either name.

use super::App;
use super::jobs::{self, JobInput, JobView};
use crate::access::Caller;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;
use zaiseki_store::{AddressRow, Database};
use zaiseki_xmpp::jid::{self, BareJid};

/// The name of the kind of job.
pub const JOB: &str = "users.address-scheme";
/// Users who are told one by one with what is in the way; of the others only the number.
pub const PROBLEMS_TOLD: usize = 1_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AddressScheme)]
pub enum Scheme {
    /// `userid@domain`.
    #[default]
    UserId,
    /// The directory URI.
    DirectoryUri,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::UserId => "user-id",
            Scheme::DirectoryUri => "directory-uri",
        }
    }

    fn other(self) -> Scheme {
        match self {
            Scheme::UserId => Scheme::DirectoryUri,
            Scheme::DirectoryUri => Scheme::UserId,
        }
    }
}

/// How addresses are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addressing {
    pub(crate) scheme: Scheme,
    domain: String,
}

/// Why a directory URI makes no address here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AddressFault {
    /// The user has none.
    NoUri,
    /// Its domain is not the one that is served.
    OtherDomain,
    /// It is not an address.
    Malformed,
    /// Several users have it.
    Shared,
    /// It is somebody else's user id.
    Taken,
}

impl Addressing {
    pub(crate) fn new(scheme: Scheme, domain: &str) -> Addressing {
        Addressing { scheme, domain: domain.to_owned() }
    }

    /// As it is now.
    pub(crate) fn of(app: &App) -> Result<Addressing> {
        Ok(Addressing::new(scheme(app)?, app.domain()))
    }

    /// The localpart for a user id (in the form of a localpart) and a directory URI, and the user id where it is another.
    pub(crate) fn place(&self, user_id: &str, directory_uri: &str) -> (String, Option<String>) {
        let local = match self.scheme {
            Scheme::UserId => None,
            Scheme::DirectoryUri => self.local(directory_uri).ok(),
        };
        match local.filter(|local| local != user_id) {
            Some(local) => (local, Some(user_id.to_owned())),
            None => (user_id.to_owned(), None),
        }
    }

    fn local(&self, directory_uri: &str) -> std::result::Result<String, AddressFault> {
        if directory_uri.is_empty() {
            return Err(AddressFault::NoUri);
        }
        let address: BareJid = directory_uri.parse().map_err(|_| AddressFault::Malformed)?;
        let local = address.local().ok_or(AddressFault::Malformed)?;
        if address.domain() == self.domain { Ok(local.to_owned()) } else { Err(AddressFault::OtherDomain) }
    }
}

/// Of what addresses are made now, and what would become of them in the other way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressView {
    pub scheme: Scheme,
    /// Only directory URIs of this domain can be addresses.
    pub domain: String,
    pub preview: AddressPreview,
}

/// What a switch would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressPreview {
    pub scheme: Scheme,
    pub users: u64,
    /// Who would get another address.
    pub changed: u64,
    /// Who would have an address by the user id all the same.
    pub in_the_way: u64,
    /// At most 1,000 of them.
    pub problems: Vec<AddressProblem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressProblem {
    /// The user id.
    pub user: String,
    pub fault: AddressFault,
    /// The directory URI.
    pub directory_uri: String,
}

/// A wish to switch.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemeInput {
    pub scheme: Scheme,
    /// Switch although some users would keep an address by the user id.
    #[serde(default)]
    pub accept: bool,
}

pub fn scheme(app: &App) -> Result<Scheme> {
    let word = app.store().query(|db| db.address_scheme())?;
    Ok(if word.as_deref() == Some(Scheme::DirectoryUri.as_str()) { Scheme::DirectoryUri } else { Scheme::UserId })
}

pub fn show(app: &App) -> Result<AddressView> {
    let scheme = scheme(app)?;
    Ok(AddressView { scheme, domain: app.domain().to_owned(), preview: preview(app, scheme.other())? })
}

/// What would become of everybody's address.
pub fn preview(app: &App, scheme: Scheme) -> Result<AddressPreview> {
    let addressing = Addressing::new(scheme, app.domain());
    Ok(app.store().query(move |db| look(db, &addressing))?)
}

fn look(db: &Database, addressing: &Addressing) -> zaiseki_store::Result<AddressPreview> {
    let rows = db.address_rows("", 0)?;
    let faults = faults(&rows, addressing);
    let mut preview = AddressPreview { scheme: addressing.scheme, users: rows.len() as u64, ..AddressPreview::default() };
    for (row, fault) in rows.iter().zip(&faults) {
        let uri = if fault.is_some() { "" } else { row.directory_uri.as_str() };
        let (name, user_id) = addressing.place(id_of(row), uri);
        preview.changed += u64::from((name, user_id) != (row.name.clone(), row.user_id.clone()));
        let Some(fault) = *fault else { continue };
        preview.in_the_way += 1;
        if preview.problems.len() < PROBLEMS_TOLD {
            let (user, directory_uri) = (jid::unescape_local(id_of(row)), row.directory_uri.clone());
            preview.problems.push(AddressProblem { user, fault, directory_uri });
        }
    }
    Ok(preview)
}

fn id_of(row: &AddressRow) -> &str {
    row.user_id.as_deref().unwrap_or(&row.name)
}

/// What is in the way of each user's address, in the order of the rows.
fn faults(rows: &[AddressRow], addressing: &Addressing) -> Vec<Option<AddressFault>> {
    if addressing.scheme == Scheme::UserId {
        return vec![None; rows.len()];
    }
    let locals: Vec<_> = rows.iter().map(|row| addressing.local(&row.directory_uri)).collect();
    let ids: HashSet<&str> = rows.iter().map(id_of).collect();
    let mut wanted: HashMap<&str, u32> = HashMap::new();
    for local in locals.iter().flatten() {
        *wanted.entry(local).or_default() += 1;
    }
    let fault = |(row, local): (&AddressRow, &std::result::Result<String, AddressFault>)| match local {
        Err(fault) => Some(*fault),
        Ok(local) if wanted.get(local.as_str()).is_some_and(|count| *count > 1) => Some(AddressFault::Shared),
        Ok(local) if local != id_of(row) && ids.contains(local.as_str()) => Some(AddressFault::Taken),
        Ok(_) => None,
    };
    rows.iter().zip(&locals).map(fault).collect()
}

/// Begins the job that gives everybody the address of the other kind.
///
/// # Errors
/// `invalid` while users are in the way and that is not accepted, or when there is nothing to do.
pub fn switch(app: &App, caller: &Caller, input: SchemeInput) -> Result<JobView> {
    let SchemeInput { scheme, accept } = input;
    let input = serde_json::json!({ "scheme": scheme, "accept": accept });
    jobs::create(app, caller, JobInput { kind: JOB.to_owned(), input, at: None })
}

#[cfg(test)]
#[path = "addresses_tests.rs"]
mod tests;
