//! Who goes by which names once a synchronisation is done.
//!
//! Everybody has one or two names, the localpart of the address and the user id, and no two users share one. A name is
//! somebody's who has it and keeps it; else the one's who alone asks for it, a user id before a directory URI. Whoever does not
//! get it takes what they would like second best: an address by the user id, then what they are called now. So names may be
//! exchanged in one synchronisation, and one refusal reaches everybody who hoped for the name that it keeps in use.

use super::plan::{Candidate, Situation};
use crate::app::addresses::Addressing;
use std::collections::{HashMap, HashSet};
use zaiseki_model::{User, UserId};
use zaiseki_store::{Origin, Outsider, Person};

/// The localpart, and the user id where that is something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) name: String,
    pub(super) user_id: Option<String>,
}

impl Called {
    pub(super) fn of(user: &User) -> Called {
        Called { name: user.name.clone(), user_id: user.user_id.clone() }
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        [Some(self.name.as_str()), self.user_id.as_deref()].into_iter().flatten()
    }

    fn id(&self) -> &str {
        self.user_id.as_deref().unwrap_or(&self.name)
    }
}

/// Who has a name now, once the removals are done.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    /// An account of this directory.
    Ours(&'a Person),
    Other(&'a Outsider),
}

impl<'a> Owner<'a> {
    pub(super) fn user(self) -> UserId {
        match self {
            Owner::Ours(person) => person.user.id,
            Owner::Other(outsider) => outsider.user,
        }
    }

    /// The directory URI that an administrator set against the directory.
    fn held_uri(self) -> Option<&'a str> {
        match self {
            Owner::Ours(person) => person.held.directory_uri.then_some(&person.profile.directory_uri),
            Owner::Other(outsider) => outsider.held_uri.as_deref(),
        }
    }

    fn called(self) -> Called {
        match self {
            Owner::Ours(person) => Called::of(&person.user),
            Owner::Other(Outsider { name, user_id, .. }) => Called { name: name.clone(), user_id: user_id.clone() },
        }
    }

    pub(super) fn origin(self) -> Option<&'a Origin> {
        match self {
            Owner::Ours(person) => person.origin.as_ref(),
            Owner::Other(outsider) => outsider.origin.as_ref(),
        }
    }
}

pub(super) type Owners<'a> = HashMap<&'a str, Owner<'a>>;

/// Everybody's names but those of whom `removed` tells.
pub(super) fn owners<'a>(situation: &'a Situation<'_>, removed: impl Fn(&Person) -> bool) -> Owners<'a> {
    let mut owners = HashMap::new();
    for person in situation.known.iter().filter(|person| !removed(person)) {
        owners.extend(person.user.names().map(|name| (name, Owner::Ours(person))));
    }
    for outsider in &situation.outside {
        let names = [Some(outsider.name.as_str()), outsider.user_id.as_deref()];
        owners.extend(names.into_iter().flatten().map(|name| (name, Owner::Other(outsider))));
    }
    owners
}

/// What an entry asks for.
pub(super) struct Claim<'a> {
    pub(super) candidate: &'a Candidate,
    /// Whose the entry is.
    pub(super) owner: Option<Owner<'a>>,
    /// Best first.
    options: Vec<Called>,
    turn: usize,
}

impl<'a> Claim<'a> {
    pub(super) fn new(candidate: &'a Candidate, owner: Option<Owner<'a>>, addressing: &Addressing) -> Claim<'a> {
        let held = owner.and_then(Owner::held_uri);
        let uri = held.unwrap_or(&candidate.profile.directory_uri);
        let of = |id: &str| {
            let (name, user_id) = addressing.place(id, uri);
            Called { name, user_id }
        };
        let mut options = vec![of(&candidate.name), Called { name: candidate.name.clone(), user_id: None }];
        if let Some(now) = owner.map(Owner::called) {
            options.extend([of(now.id()), now]);
        }
        options.dedup();
        Claim { candidate, owner, options, turn: 0 }
    }

    /// The names that the entry gets. `None`: none, so that it makes no user.
    pub(super) fn called(&self) -> Option<&Called> {
        self.options.get(self.turn)
    }

    /// The user id is granted.
    pub(super) fn has_id(&self) -> bool {
        self.called().is_some_and(|called| called.id() == self.candidate.name)
    }

    /// The address by directory URI that was asked for is somebody else's.
    pub(super) fn without_address(&self) -> Option<&str> {
        let Called { name, user_id } = &self.options[0];
        let by_uri = user_id.is_some();
        (by_uri && self.called().is_some_and(|called| called.name != *name)).then_some(name)
    }

    /// A name of the present wish is somebody else's. Without the user id the present one is left, and with it the address.
    fn goes_without(&mut self, name: &str) {
        self.turn += 1;
        while name == self.candidate.name && self.asks(name) {
            self.turn += 1;
        }
    }

    fn asks(&self, name: &str) -> bool {
        self.called().is_some_and(|called| called.all().any(|one| one == name))
    }

    fn user(&self) -> Option<UserId> {
        self.owner.map(Owner::user)
    }
}

/// Lets those who cannot have what they ask for ask for something else, until nobody is in another's way. After the first
/// look only at names that somebody has begun to ask for, so that a long row of refusals is no more work than a short one for each.
pub(super) fn settle(claims: &mut [Claim<'_>], owners: &Owners<'_>) {
    let users: HashSet<UserId> = claims.iter().filter_map(Claim::user).collect();
    let mut asked: HashMap<String, Vec<usize>> = HashMap::with_capacity(claims.len());
    let all: Vec<usize> = (0..claims.len()).collect();
    let mut names = ask(&mut asked, claims, all);
    while !names.is_empty() {
        let mut yielding: HashMap<usize, String> = HashMap::new();
        for name in names {
            let Some(asking) = asked.get_mut(&name) else { continue };
            asking.retain(|index| claims[*index].asks(&name));
            // Somebody may have come back to it, as address and as user id.
            asking.sort_unstable();
            asking.dedup();
            judge(claims, &name, asking, owners.get(name.as_str()).map(|owner| owner.user()), &users, &mut yielding);
        }
        for (index, name) in &yielding {
            claims[*index].goes_without(name);
        }
        names = ask(&mut asked, claims, yielding.into_keys().collect());
    }
}

/// Notes what these ask for now; each name once.
fn ask(asked: &mut HashMap<String, Vec<usize>>, claims: &[Claim<'_>], who: Vec<usize>) -> HashSet<String> {
    let mut names = HashSet::with_capacity(who.len());
    for index in who {
        for name in claims[index].called().into_iter().flat_map(Called::all) {
            asked.entry(name.to_owned()).or_default().push(index);
            names.insert(name.to_owned());
        }
    }
    names
}

/// Who of those that ask for a name has to go without it.
fn judge(
    claims: &[Claim<'_>],
    name: &str,
    asking: &[usize],
    owner: Option<UserId>,
    users: &HashSet<UserId>,
    yielding: &mut HashMap<usize, String>,
) {
    let keeper = asking.iter().find(|index| owner.is_some() && claims[**index].user() == owner);
    // Whoever has no entry here keeps every name.
    let free = owner.is_none_or(|owner| users.contains(&owner));
    let keeper = keeper.or_else(|| alone(claims, name, asking).filter(|_| free));
    for index in asking.iter().filter(|index| Some(*index) != keeper) {
        // Who loses both names loses the user id, whichever was seen first.
        match claims[*index].candidate.name == name {
            true => drop(yielding.insert(*index, name.to_owned())),
            false => drop(yielding.entry(*index).or_insert_with(|| name.to_owned())),
        }
    }
}

/// The one who alone asks for a name, or alone has it as user id.
fn alone<'a>(claims: &[Claim<'_>], name: &str, asking: &'a [usize]) -> Option<&'a usize> {
    let mut by_id = asking.iter().filter(|index| claims[**index].called().is_some_and(|called| called.id() == name));
    match (asking, by_id.next(), by_id.next()) {
        ([one], _, _) => Some(one),
        (_, Some(one), None) => Some(one),
        _ => None,
    }
}
