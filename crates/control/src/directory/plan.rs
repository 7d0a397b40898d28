//! What a synchronisation changes: a pure function of what is known, what the source says, and the time.

use super::names::{self, Called, Claim, Owner, Owners};
use super::order;
use super::rules::{BRAKE_FROM, SyncRules};
use crate::app::addresses::Addressing;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;
use zaiseki_model::directory::Skipped;
use zaiseki_model::{Device, DirectoryId, Profile, Timestamp, User, UserId};
use zaiseki_store::{Held, Origin, Outsider, Person, PersonChange};

/// An entry that can be an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub key: String,
    pub place: String,
    /// The user id, in the form of a localpart.
    pub name: String,
    pub enabled: bool,
    pub profile: Profile,
    pub devices: Option<Vec<Device>>,
}

/// The answer of a source.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub candidates: Vec<Candidate>,
    /// Entries that are there but cannot be understood; their users stay as they are.
    pub skipped: Vec<Skipped>,
    /// Of an answer that tells changes only: the keys of entries that are gone. `None`: the answer is complete, and what it does
    /// not name is gone.
    pub gone: Option<HashSet<String>>,
}

/// What is known before.
pub struct Situation<'a> {
    pub directory: DirectoryId,
    pub rules: &'a SyncRules,
    pub now: Timestamp,
    pub(crate) addressing: Addressing,
    /// Whose accounts belong to this directory.
    pub known: Vec<Person>,
    /// All other accounts.
    pub outside: Vec<Outsider>,
    /// Keys that an administrator leaves out.
    pub ignored: HashSet<String>,
}

/// What one step does, for people who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SyncAction)]
pub enum Action {
    Create,
    Update,
    /// The entry has another user id, or what else the address is made of: so has the user from now on.
    Rename,
    /// An account of the built-in or another directory becomes this one's.
    Adopt,
    /// The entry is gone: the user cannot sign in any more.
    Missing,
    /// The entry is there again.
    Return,
    /// The grace period is over.
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    pub name: String,
    /// Of `Adopt` the person who was seen is filled in later.
    pub change: PersonChange,
    /// Who is removed.
    pub removed: Option<Box<Person>>,
    /// A renaming that belongs together with the step after it: one frees a name that the other gets.
    pub linked: bool,
}

impl Step {
    /// The person before, if there was one.
    pub fn before(&self) -> Option<&Person> {
        match &self.change {
            PersonChange::Create(_) => None,
            PersonChange::Update { seen, .. } => Some(seen),
            PersonChange::Remove(_) => self.removed.as_deref(),
        }
    }
}

/// Why an entry made or changed no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// Several entries have this user id.
    Duplicate,
    /// A user from elsewhere has this user id.
    Taken,
    /// The entry has another user id than its account, and somebody else has that one.
    Renamed,
    /// The mail address cannot be one; the user is without.
    Mail,
    /// The directory URI cannot be an address; the user is without.
    DirectoryUri,
    /// Somebody else goes by the address that the directory URI makes: it is made of the user id.
    Address,
    /// The entry lacks what a user needs.
    Entry,
}

impl ProblemCode {
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemCode::Duplicate => "duplicate",
            ProblemCode::Taken => "taken",
            ProblemCode::Renamed => "renamed",
            ProblemCode::Mail => "mail",
            ProblemCode::DirectoryUri => "directory-uri",
            ProblemCode::Address => "address",
            ProblemCode::Entry => "entry",
        }
    }

    pub fn parse(text: &str) -> Option<ProblemCode> {
        use ProblemCode as P;
        let all = [P::Duplicate, P::Taken, P::Renamed, P::Mail, P::DirectoryUri, P::Address, P::Entry];
        all.into_iter().find(|code| code.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: ProblemCode,
    pub key: Option<String>,
    pub place: String,
    pub name: String,
    /// What was seen: a value, another entry.
    pub detail: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Removals first, then renamings, each after the one that frees its name: others may get what they free.
    pub steps: Vec<Step>,
    pub problems: Vec<Problem>,
    pub unchanged: usize,
    /// Users who are still within their grace period, those of `steps` not counted.
    pub waiting: usize,
    pub hold: Option<Hold>,
}

/// Why nobody was taken for gone, although entries are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// More than the rules allow at once: how many, of how many.
    Brake { missing: usize, known: usize },
    /// Entries that cannot be told apart may be theirs.
    Unidentified { entries: usize },
}

/// `new_id` gives the id of a new user.
pub fn plan(situation: Situation<'_>, answer: Answer, mut new_id: impl FnMut() -> UserId) -> Plan {
    let mut plan = Plan::default();
    let seen: HashSet<&str> = answer.candidates.iter().map(|c| c.key.as_str()).collect();
    let gone = gone(&situation, &seen, &answer, &mut plan);
    drop(seen);
    let removed = |person: &Person| {
        let over = person.origin.as_ref().is_some_and(|origin| expired(&situation, origin));
        over && gone.contains(&person.user.id)
    };
    let planner = Planner { situation: &situation, owners: names::owners(&situation, removed) };
    situation.known.iter().filter(|person| gone.contains(&person.user.id)).for_each(|person| planner.miss(person, &mut plan));
    let mut candidates: Vec<&Candidate> = answer.candidates.iter().collect();
    candidates.sort_by(|a, b| a.key.cmp(&b.key));
    candidates.dedup_by(|a, b| a.key == b.key);
    candidates.retain(|candidate| !situation.ignored.contains(&candidate.key));
    let wanted = wanted(&candidates);
    let mut claims = planner.claims(candidates, &wanted);
    names::settle(&mut claims, &planner.owners);
    for claim in &claims {
        match claim.owner {
            Some(Owner::Ours(person)) => planner.meet(person, claim, &mut plan),
            _ => planner.welcome(claim, &wanted, &mut plan, &mut new_id),
        }
    }
    plan.problems.extend(answer.skipped.iter().map(|skipped| Problem {
        code: ProblemCode::Entry,
        key: skipped.key.clone(),
        place: skipped.place.clone(),
        name: String::new(),
        detail: skipped.why.to_line(),
    }));
    plan.steps = order::ordered(std::mem::take(&mut plan.steps), &planner.owners);
    plan
}

/// How many entries have a user id.
fn wanted<'a>(candidates: &[&'a Candidate]) -> HashMap<&'a str, usize> {
    let mut wanted = HashMap::with_capacity(candidates.len());
    candidates.iter().for_each(|candidate| *wanted.entry(candidate.name.as_str()).or_default() += 1);
    wanted
}

/// Whose entries are gone, unless there is a reason to doubt it.
fn gone(situation: &Situation<'_>, seen: &HashSet<&str>, answer: &Answer, plan: &mut Plan) -> HashSet<UserId> {
    let skipped = &answer.skipped;
    let keys: HashSet<&str> = skipped.iter().filter_map(|s| s.key.as_deref()).collect();
    let places: HashSet<&str> = skipped.iter().map(|s| s.place.as_str()).collect();
    let there = |origin: &Origin| {
        let (key, place) = (origin.key.as_str(), origin.place.as_str());
        let left_out = situation.ignored.contains(key);
        let told = match &answer.gone {
            Some(gone) => !gone.contains(key),
            None => seen.contains(key) || keys.contains(key) || places.contains(place),
        };
        told && !left_out
    };
    let missing = situation.known.iter().filter(|person| person.origin.as_ref().is_some_and(|origin| !there(origin)));
    let missing: Vec<&Person> = missing.collect();
    let fresh = missing.iter().filter(|p| p.origin.as_ref().is_some_and(|o| o.missing_since.is_none())).count();
    let known = situation.known.len();
    let origins = situation.known.iter().filter_map(|person| person.origin.as_ref());
    let known_places: HashSet<&str> = origins.map(|origin| origin.place.as_str()).collect();
    let nameless = skipped.iter().filter(|s| s.key.is_none() && !known_places.contains(s.place.as_str())).count();
    if nameless > 0 && !missing.is_empty() {
        plan.hold = Some(Hold::Unidentified { entries: nameless });
    } else if known >= BRAKE_FROM && fresh * 100 > known * situation.rules.brake_percent as usize {
        plan.hold = Some(Hold::Brake { missing: fresh, known });
    }
    if plan.hold.is_some() {
        plan.waiting = missing.len() - fresh;
        return HashSet::new();
    }
    missing.into_iter().map(|person| person.user.id).collect()
}

struct Planner<'a> {
    situation: &'a Situation<'a>,
    owners: Owners<'a>,
}

impl<'a> Planner<'a> {
    /// Whose each entry is, and what it asks for.
    fn claims<'b>(&self, candidates: Vec<&'b Candidate>, wanted: &HashMap<&str, usize>) -> Vec<Claim<'b>>
    where
        'a: 'b,
    {
        let mut known: HashMap<&str, &'a Person> = HashMap::with_capacity(self.situation.known.len());
        for person in &self.situation.known {
            known.extend(person.origin.as_ref().map(|origin| (origin.key.as_str(), person)));
        }
        // Entries that moved here from where another directory looks, whatever they are called now.
        let mut moved: HashMap<&str, &'a Outsider> = HashMap::new();
        for outsider in &self.situation.outside {
            moved.extend(outsider.origin.as_ref().map(|origin| (origin.key.as_str(), outsider)));
        }
        let claim = |candidate: &'b Candidate| {
            let ours = known.get(candidate.key.as_str()).copied().map(Owner::Ours);
            let came = moved.get(candidate.key.as_str()).copied().filter(|it| self.may_adopt(candidate, it.origin.as_ref()));
            let ours = ours.or(came.map(Owner::Other));
            let owner = ours.or_else(|| self.adoptable(candidate).filter(|_| wanted.get(candidate.name.as_str()) == Some(&1)));
            Claim::new(candidate, owner, &self.situation.addressing)
        };
        candidates.into_iter().map(claim).collect()
    }

    /// The entry of a known user is gone.
    fn miss(&self, person: &Person, plan: &mut Plan) {
        let Some(origin) = &person.origin else { return };
        if expired(self.situation, origin) {
            let change = PersonChange::Remove(person.user.id);
            let (name, removed) = (person.user.name.clone(), Some(Box::new(person.clone())));
            return plan.steps.push(Step { action: Action::Remove, name, change, removed, linked: false });
        }
        if origin.missing_since.is_some() {
            plan.waiting += 1;
            return;
        }
        let mut after = person.clone();
        after.held.disabled |= disabled_by_hand(person, origin);
        after.user.enabled = false;
        after.origin = Some(Origin { active: false, missing_since: Some(self.situation.now), ..origin.clone() });
        push(plan, Action::Missing, person, after);
    }

    /// The entry of a known user is there.
    fn meet(&self, person: &Person, claim: &Claim<'_>, plan: &mut Plan) {
        let (Some(origin), Some(called)) = (&person.origin, claim.called()) else { return };
        let candidate = claim.candidate;
        let mut after = met(person, origin, candidate);
        let mut action = if origin.missing_since.is_some() { Action::Return } else { Action::Update };
        if *called != Called::of(&person.user) {
            (after.user.name, after.user.user_id) = (called.name.clone(), called.user_id.clone());
            action = Action::Rename;
        }
        if !claim.has_id() {
            plan.problems.push(problem(ProblemCode::Renamed, candidate, person.user.user_id().to_owned()));
        }
        plan.problems.extend(no_address(claim));
        if after == *person {
            plan.unchanged += 1;
        } else {
            push(plan, action, person, after);
        }
    }

    /// An entry that nobody belongs to yet.
    fn welcome(&self, claim: &Claim<'_>, wanted: &HashMap<&str, usize>, plan: &mut Plan, new_id: &mut impl FnMut() -> UserId) {
        let candidate = claim.candidate;
        let Some(called) = claim.called().filter(|_| claim.has_id()) else {
            return plan.problems.push(self.refused(candidate, wanted));
        };
        plan.problems.extend(no_address(claim));
        let (action, name, change) = match claim.owner {
            Some(Owner::Other(outsider)) => {
                let newcomer = self.newcomer(candidate, called, outsider.user);
                let seen = Box::new(newcomer.clone());
                (Action::Adopt, outsider.name.clone(), PersonChange::Update { seen, to: Box::new(newcomer) })
            }
            _ => {
                let newcomer = self.newcomer(candidate, called, new_id());
                (Action::Create, called.name.clone(), PersonChange::Create(Box::new(newcomer)))
            }
        };
        plan.steps.push(Step { action, name, change, removed: None, linked: false });
    }

    /// Why an entry makes no user.
    fn refused(&self, candidate: &Candidate, wanted: &HashMap<&str, usize>) -> Problem {
        let several = wanted.get(candidate.name.as_str()).is_some_and(|count| *count > 1);
        let place = |owner: &Owner<'_>| owner.origin().map(|origin| origin.place.clone()).unwrap_or_default();
        match self.owners.get(candidate.name.as_str()) {
            Some(owner @ Owner::Ours(_)) => problem(ProblemCode::Duplicate, candidate, place(owner)),
            _ if several => problem(ProblemCode::Duplicate, candidate, String::new()),
            owner => problem(ProblemCode::Taken, candidate, owner.map(place).unwrap_or_default()),
        }
    }

    /// The account from elsewhere that the entry may have: one that waited for its entry, by its user id.
    fn adoptable(&self, candidate: &Candidate) -> Option<Owner<'a>> {
        let owner = *self.owners.get(candidate.name.as_str())?;
        let Owner::Other(outsider) = owner else { return None };
        let same_id = outsider.user_id.as_ref().unwrap_or(&outsider.name) == &candidate.name;
        (same_id && self.may_adopt(candidate, outsider.origin.as_ref())).then_some(owner)
    }

    fn may_adopt(&self, candidate: &Candidate, origin: Option<&Origin>) -> bool {
        match origin {
            Some(there) => there.key == candidate.key && there.place != candidate.place,
            None => self.situation.rules.adopt,
        }
    }

    fn newcomer(&self, candidate: &Candidate, called: &Called, id: UserId) -> Person {
        let profile = candidate.profile.clone();
        let user = User {
            id,
            name: called.name.clone(),
            user_id: called.user_id.clone(),
            display_name: profile.display_name.clone(),
            mail: profile.mail.clone(),
            telephone: first_number(&profile),
            language: profile.language.clone(),
            enabled: candidate.enabled,
            calendar: true,
            im: self.situation.rules.enable_new,
        };
        let origin = Origin {
            directory: self.situation.directory,
            key: candidate.key.clone(),
            place: candidate.place.clone(),
            active: candidate.enabled,
            missing_since: None,
        };
        Person {
            user,
            profile,
            devices: candidate.devices.clone().unwrap_or_default(),
            home_cluster: None,
            node: None,
            held: Held::default(),
            unlisted: false,
            origin: Some(origin),
        }
    }
}

fn push(plan: &mut Plan, action: Action, before: &Person, after: Person) {
    let change = PersonChange::Update { seen: Box::new(before.clone()), to: Box::new(after) };
    plan.steps.push(Step { action, name: before.user.name.clone(), change, removed: None, linked: false });
}

/// An administrator has disabled the user: the entry, as it was known, did not.
fn disabled_by_hand(person: &Person, origin: &Origin) -> bool {
    !person.user.enabled && origin.active
}

fn no_address(claim: &Claim<'_>) -> Option<Problem> {
    claim.without_address().map(|address| problem(ProblemCode::Address, claim.candidate, address.to_owned()))
}

fn problem(code: ProblemCode, candidate: &Candidate, detail: String) -> Problem {
    let Candidate { key, place, name, .. } = candidate;
    Problem { code, key: Some(key.clone()), place: place.clone(), name: name.clone(), detail }
}

fn expired(situation: &Situation<'_>, origin: &Origin) -> bool {
    origin.missing_since.is_some_and(|since| situation.now.since(since) >= situation.rules.grace())
}

fn first_number(profile: &Profile) -> String {
    profile.numbers.first().map(|number| number.number.clone()).unwrap_or_default()
}

/// The person as the entry says. What the entry does not know stays: a language, devices, what an administrator holds.
/// `enabled` follows the entry only when the entry changes, so that a user whom an administrator disabled stays so.
fn met(person: &Person, origin: &Origin, candidate: &Candidate) -> Person {
    let mut after = person.clone();
    after.profile = candidate.profile.clone();
    if person.held.mail {
        after.profile.mail.clone_from(&person.profile.mail);
    }
    if person.held.directory_uri {
        after.profile.directory_uri.clone_from(&person.profile.directory_uri);
    }
    after.profile.language = candidate.profile.language.clone().or_else(|| person.profile.language.clone());
    after.user.display_name.clone_from(&after.profile.display_name);
    after.user.mail.clone_from(&after.profile.mail);
    after.user.language.clone_from(&after.profile.language);
    after.user.telephone = first_number(&after.profile);
    if let Some(devices) = &candidate.devices {
        after.devices.clone_from(devices);
        after.devices.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if candidate.enabled != origin.active {
        after.held.disabled |= disabled_by_hand(person, origin);
        after.user.enabled = candidate.enabled && !after.held.disabled;
    }
    after.origin =
        Some(Origin { place: candidate.place.clone(), active: candidate.enabled, missing_since: None, ..origin.clone() });
    after
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
