use super::*;
use crate::app::addresses::Scheme;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use zaiseki_model::directory::Unfit;

const TREE: DirectoryId = DirectoryId([1; 16]);
const OTHER: DirectoryId = DirectoryId([2; 16]);
const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// What is known, as the plans change it.
#[derive(Clone, Default)]
struct World {
    rules: SyncRules,
    people: Vec<Person>,
    outside: Vec<Outsider>,
    scheme: Scheme,
    ignored: HashSet<String>,
    ids: u8,
}

impl World {
    fn plan(&mut self, now: Timestamp, answer: Answer) -> Plan {
        let (rules, known) = (&self.rules, self.people.clone());
        let (outside, ignored) = (self.outside.clone(), self.ignored.clone());
        let ids = &mut self.ids;
        let new_id = || {
            *ids += 1;
            UserId([*ids; 16])
        };
        plan(
            Situation { directory: TREE, rules, now, addressing: Addressing::new(self.scheme, "x"), known, outside, ignored },
            answer,
            new_id,
        )
    }

    fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            match &step.change {
                PersonChange::Create(person) => self.people.push((**person).clone()),
                PersonChange::Update { to: person, .. } => {
                    self.people.retain(|p| p.user.id != person.user.id);
                    self.outside.retain(|outsider| outsider.user != person.user.id);
                    self.people.push((**person).clone());
                }
                PersonChange::Remove(user) => self.people.retain(|p| p.user.id != *user),
            }
        }
    }

    fn sync(&mut self, now: Timestamp, entries: &[Candidate]) -> Vec<(Action, String)> {
        let plan = self.plan(now, whole(entries));
        self.apply(&plan);
        plan.steps.into_iter().map(|step| (step.action, step.name)).collect()
    }

    fn person(&self, name: &str) -> &Person {
        self.people.iter().find(|person| person.user.name == name).unwrap()
    }
}

fn whole(entries: &[Candidate]) -> Answer {
    Answer { candidates: entries.to_vec(), skipped: Vec::new(), gone: None }
}

fn entry(key: &str, name: &str) -> Candidate {
    let profile = Profile { display_name: name.to_owned(), mail: format!("{name}@x"), ..Profile::default() };
    let (place, name) = (format!("uid={name}"), name.to_owned());
    Candidate { key: key.to_owned(), place, name, enabled: true, profile, devices: None }
}

fn outsider(user: UserId, name: &str) -> Outsider {
    Outsider { user, name: name.to_owned(), user_id: None, origin: None, held_uri: None }
}

fn with_uri(key: &str, name: &str, uri: &str) -> Candidate {
    let mut entry = entry(key, name);
    entry.profile.directory_uri = uri.to_owned();
    entry
}

/// Who goes by what: address and user id by the entry's key.
fn called(world: &World) -> Vec<(String, String, Option<String>)> {
    let of =
        |person: &Person| (person.origin.as_ref().unwrap().key.clone(), person.user.name.clone(), person.user.user_id.clone());
    let mut called: Vec<_> = world.people.iter().map(of).collect();
    called.sort();
    called
}

fn named(key: &str, name: &str, user_id: Option<&str>) -> (String, String, Option<String>) {
    (key.to_owned(), name.to_owned(), user_id.map(str::to_owned))
}

fn skipped(key: Option<&str>, place: &str) -> Skipped {
    Skipped { key: key.map(str::to_owned), place: place.to_owned(), why: Unfit::Without("uid".to_owned()) }
}

fn codes(plan: &Plan) -> Vec<(ProblemCode, &str)> {
    plan.problems.iter().map(|problem| (problem.code, problem.name.as_str())).collect()
}

fn done(action: Action, name: &str) -> (Action, String) {
    (action, name.to_owned())
}

#[test]
fn people_come_change_leave_and_are_removed_after_the_grace_period() {
    let mut world = World::default();
    let (anna, mut ben) = (entry("a", "anna"), entry("b", "ben"));
    assert_eq!(world.sync(NOW, &[anna.clone(), ben.clone()]), [done(Action::Create, "anna"), done(Action::Create, "ben")]);
    assert_eq!(world.sync(NOW, &[anna.clone(), ben.clone()]), []);
    ben.profile.title = "部長".to_owned();
    ben.place = "uid=ben,ou=osaka".to_owned();
    assert_eq!(world.sync(NOW, &[anna.clone(), ben.clone()]), [done(Action::Update, "ben")]);
    assert_eq!(world.person("ben").profile.title, "部長");

    assert_eq!(world.sync(NOW, std::slice::from_ref(&anna)), [done(Action::Missing, "ben")]);
    assert!(!world.person("ben").user.enabled);
    let later = NOW + (world.rules.grace() - Duration::from_secs(1));
    assert_eq!(world.sync(later, std::slice::from_ref(&anna)), []);
    let mut back = world.clone();
    assert_eq!(back.sync(later, &[anna.clone(), ben]), [done(Action::Return, "ben")]);
    assert!(back.person("ben").user.enabled);
    assert_eq!(world.sync(later + Duration::from_secs(1), &[anna]), [done(Action::Remove, "ben")]);
    assert_eq!(world.people.len(), 1);
}

#[test]
fn an_administrators_choices_survive() {
    let mut world = World::default();
    let mut anna = entry("a", "anna");
    world.sync(NOW, std::slice::from_ref(&anna));
    let person = &mut world.people[0];
    (person.user.enabled, person.user.im, person.held.mail) = (false, false, true);
    "held@x".clone_into(&mut person.profile.mail);
    "held@x".clone_into(&mut person.user.mail);
    anna.profile.mail = "other@x".to_owned();
    anna.profile.title = "x".to_owned();
    assert_eq!(world.sync(NOW, std::slice::from_ref(&anna)), [done(Action::Update, "anna")]);
    let person = world.person("anna");
    assert_eq!((person.user.enabled, person.user.im, person.user.mail.as_str()), (false, false, "held@x"));
    // The entry itself is locked and unlocked: that counts.
    anna.enabled = false;
    world.people[0].user.enabled = true;
    world.sync(NOW, std::slice::from_ref(&anna));
    assert!(!world.person("anna").user.enabled);
    anna.enabled = true;
    world.sync(NOW, &[anna]);
    assert!(world.person("anna").user.enabled);
}

#[test]
fn one_name_is_nobodys_until_someone_decides() {
    let mut world = World::default();
    let twins = [entry("a", "same"), entry("b", "same")];
    let plan = world.plan(NOW, whole(&twins));
    assert_eq!((plan.steps.len(), codes(&plan)), (0, vec![(ProblemCode::Duplicate, "same"); 2]));
    world.ignored.insert("b".to_owned());
    assert_eq!(world.sync(NOW, &twins), [done(Action::Create, "same")]);
    // Who has the account keeps it.
    world.ignored.clear();
    let plan = world.plan(NOW, whole(&twins));
    assert_eq!((plan.steps.len(), codes(&plan)), (0, vec![(ProblemCode::Duplicate, "same")]));
    assert_eq!(plan.problems[0].key.as_deref(), Some("b"));
}

#[test]
fn a_name_from_elsewhere_is_taken_unless_the_entry_moved_or_it_may_be_adopted() {
    let id = UserId([200; 16]);
    let mut world = World { outside: vec![outsider(id, "anna")], ..World::default() };
    let anna = [entry("a", "anna")];
    let plan = world.plan(NOW, whole(&anna));
    assert_eq!((plan.steps.len(), codes(&plan)), (0, vec![(ProblemCode::Taken, "anna")]));
    let mut adopting = world.clone();
    adopting.rules.adopt = true;
    assert_eq!(adopting.sync(NOW, &anna), [done(Action::Adopt, "anna")]);
    assert_eq!(adopting.person("anna").user.id, id);

    let origin = |key: &str, place: &str| Origin {
        directory: OTHER,
        key: key.to_owned(),
        place: place.to_owned(),
        active: true,
        missing_since: None,
    };
    world.rules.adopt = true;
    for (there, adopted) in [(origin("a", "uid=anna,ou=old"), 1), (origin("a", "uid=anna"), 0), (origin("z", "elsewhere"), 0)] {
        world.outside[0].origin = Some(there);
        assert_eq!(world.plan(NOW, whole(&anna)).steps.len(), adopted);
    }
}

#[test]
fn a_name_is_free_again_in_the_round_that_removes_its_owner() {
    let mut world = World::default();
    world.sync(NOW, &[entry("old", "anna")]);
    assert_eq!(world.sync(NOW, &[entry("new", "anna")]), [done(Action::Missing, "anna")]);
    let over = NOW + world.rules.grace();
    assert_eq!(world.sync(over, &[entry("new", "anna")]), [done(Action::Remove, "anna"), done(Action::Create, "anna")]);
    assert_eq!(world.people.len(), 1);
}

#[test]
fn another_user_id_renames_the_user_unless_somebody_has_it() {
    let mut world = World::default();
    world.sync(NOW, &[entry("a", "sato"), entry("b", "ito")]);
    let id = world.person("sato").user.id;
    let plan = world.plan(NOW, whole(&[entry("a", "suzuki"), entry("b", "ito")]));
    assert_eq!(plan.steps.iter().map(|step| (step.action, step.name.as_str())).collect::<Vec<_>>(), [(Action::Rename, "sato")]);
    world.apply(&plan);
    assert_eq!((world.person("suzuki").user.id, world.person("suzuki").profile.mail.as_str()), (id, "suzuki@x"));
    let plan = world.plan(NOW, whole(&[entry("a", "ito"), entry("b", "ito")]));
    assert_eq!(codes(&plan), [(ProblemCode::Renamed, "ito")]);
    world.apply(&plan);
    assert_eq!(world.person("suzuki").user.id, id);
}

#[test]
fn user_ids_are_exchanged_and_handed_on_in_one_round() {
    let mut world = World::default();
    world.sync(NOW, &[entry("a", "ann"), entry("b", "bob"), entry("c", "carl"), entry("d", "dora")]);
    let before = world.clone();
    // Two exchange theirs; carl's goes to somebody new, as he gets dora's, who has another.
    let round = [entry("a", "bob"), entry("b", "ann"), entry("c", "dora"), entry("d", "dana"), entry("e", "carl")];
    let plan = world.plan(NOW, whole(&round));
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.action, step.name.as_str(), step.linked)).collect();
    let renamed = |name, linked| (Action::Rename, name, linked);
    assert_eq!(
        steps,
        [
            renamed("bob", true),
            renamed("ann", false),
            renamed("dora", true),
            renamed("carl", false),
            (Action::Create, "carl", false)
        ]
    );
    assert_eq!(codes(&plan), []);
    world.apply(&plan);
    let expected = [("a", "bob"), ("b", "ann"), ("c", "dora"), ("d", "dana"), ("e", "carl")];
    assert_eq!(called(&world), expected.map(|(key, name)| named(key, name, None)));
    // One refusal reaches all who hoped for the names that it keeps in use.
    let mut world = before;
    world.outside.push(outsider(UserId([200; 16]), "dana"));
    let plan = world.plan(NOW, whole(&round[2..4]));
    assert_eq!(codes(&plan), [(ProblemCode::Renamed, "dora"), (ProblemCode::Renamed, "dana")]);
    assert!(plan.steps.iter().all(|step| step.action == Action::Missing || step.action == Action::Update), "{plan:?}");
}

#[test]
fn a_long_row_is_cut_and_one_refusal_at_its_end_is_no_more_work() {
    let number = |from: usize, of: usize| -> Vec<Candidate> {
        (0..of).map(|i| entry(&format!("k{i:05}"), &format!("u{:05}", i + from))).collect()
    };
    let of = 20_000;
    let mut world = World::default();
    let id = |i: usize| UserId((i as u128).to_be_bytes());
    world.people = (0..of)
        .map(|i| {
            let mut person = World::default();
            person.sync(NOW, &[entry(&format!("k{i:05}"), &format!("u{i:05}"))]);
            let mut person = person.people.remove(0);
            person.user.id = id(i);
            person
        })
        .collect();
    let plan = world.plan(NOW, whole(&number(1, of)));
    assert_eq!((plan.steps.len(), codes(&plan).len()), (of, 0));
    let ends = plan.steps.iter().filter(|step| !step.linked).count();
    assert_eq!(ends, of / 100, "in pieces that nobody has to wait for long");
    world.outside.push(outsider(UserId([255; 16]), &format!("u{of:05}")));
    let refused = world.plan(NOW, whole(&number(1, of)));
    assert_eq!(codes(&refused).len(), of);
    assert!(refused.steps.iter().all(|step| step.action == Action::Update));
}

#[test]
fn who_does_not_get_a_user_id_gets_the_address_all_the_same() {
    let mut world = World { scheme: Scheme::DirectoryUri, ..World::default() };
    world.sync(NOW, &[with_uri("a", "ann", "u.a@x"), with_uri("b", "bob", "u.b@x")]);
    // They exchange both, and somebody new asks for one of the user ids too.
    let round = [with_uri("a", "bob", "u.b@x"), with_uri("b", "ann", "u.a@x"), with_uri("c", "bob", "u.c@x")];
    let plan = world.plan(NOW, whole(&round));
    world.apply(&plan);
    assert_eq!(called(&world), [named("a", "u.b", Some("ann")), named("b", "u.a", Some("bob"))]);
    let refused = [(ProblemCode::Renamed, "bob"), (ProblemCode::Renamed, "ann"), (ProblemCode::Duplicate, "bob")];
    assert_eq!(codes(&plan), refused);
    assert_eq!(world.plan(NOW, whole(&round)).steps, []);
}

#[test]
fn a_held_directory_uri_goes_along_to_another_directory() {
    let origin =
        Origin { directory: OTHER, key: "a".to_owned(), place: "uid=ann,ou=old".to_owned(), active: true, missing_since: None };
    let held = Outsider {
        name: "held".to_owned(),
        user_id: Some("ann".to_owned()),
        origin: Some(origin),
        held_uri: Some("held@x".to_owned()),
        ..outsider(UserId([200; 16]), "")
    };
    let mut world = World { scheme: Scheme::DirectoryUri, outside: vec![held], ..World::default() };
    assert_eq!(world.sync(NOW, &[with_uri("a", "ann", "other@x")]), [done(Action::Adopt, "held")]);
    assert_eq!(called(&world), [named("a", "held", Some("ann"))]);
}

#[test]
fn addresses_by_directory_uri_fall_back_to_the_user_id() {
    let mut world = World { scheme: Scheme::DirectoryUri, ..World::default() };
    world.outside.push(outsider(UserId([200; 16]), "boss"));
    let round = [
        with_uri("a", "ann", "a.smith@x"),
        with_uri("b", "bob", "team@x"),
        with_uri("c", "carl", "team@x"),
        with_uri("d", "dora", "boss@x"),
        with_uri("e", "eve", "ann@x"),
        with_uri("f", "fred", "fred@elsewhere"),
    ];
    let plan = world.plan(NOW, whole(&round));
    let problems = ["bob", "carl", "dora", "eve"].map(|name| (ProblemCode::Address, name));
    assert_eq!(codes(&plan), problems);
    world.apply(&plan);
    let ids = [("b", "bob"), ("c", "carl"), ("d", "dora"), ("e", "eve"), ("f", "fred")];
    let expected: Vec<_> = ids.iter().map(|(key, name)| named(key, name, None)).collect();
    assert_eq!((&called(&world)[0], &called(&world)[1..]), (&named("a", "a.smith", Some("ann")), &expected[..]));
    assert_eq!(world.plan(NOW, whole(&round)).steps, [], "and so it stays");
    // Addresses are exchanged too, and a user id that is free again is not needed for one.
    let next = [with_uri("a", "ann", "bob@x"), with_uri("b", "bert", "a.smith@x")];
    world.people.retain(|person| ["ann", "bob"].contains(&person.user.user_id()));
    let plan = world.plan(NOW, whole(&next));
    assert_eq!(plan.steps.iter().map(|step| step.linked).collect::<Vec<_>>(), [true, false]);
    world.apply(&plan);
    assert_eq!(called(&world), [named("a", "bob", Some("ann")), named("b", "a.smith", Some("bert"))]);
    // What an administrator set counts more than what the entry says.
    let person = world.people.iter_mut().find(|person| person.user.name == "bob").unwrap();
    (person.held.directory_uri, person.profile.directory_uri) = (true, "held@x".to_owned());
    assert_eq!(world.sync(NOW, &next), [done(Action::Rename, "bob")]);
    assert_eq!(called(&world)[0], named("a", "held", Some("ann")));
}

#[test]
fn entries_that_cannot_be_read_are_not_gone() {
    let mut world = World::default();
    world.sync(NOW, &[entry("a", "anna"), entry("b", "ben")]);
    let answer = |skipped| Answer { candidates: vec![entry("a", "anna")], skipped, gone: None };
    assert_eq!(world.plan(NOW, answer(vec![skipped(Some("b"), "x")])).steps, []);
    assert_eq!(world.plan(NOW, answer(vec![skipped(None, "uid=ben")])).steps, []);
    let unknown = world.plan(NOW, answer(vec![skipped(None, "uid=who")]));
    assert_eq!((unknown.steps.len(), unknown.hold), (0, Some(Hold::Unidentified { entries: 1 })));
    assert_eq!(world.plan(NOW, answer(vec![skipped(Some("z"), "x")])).steps.len(), 1);
}

#[test]
fn the_brake_holds_one_step_past_the_limit() {
    let entries: Vec<Candidate> = (0..BRAKE_FROM).map(|i| entry(&format!("k{i:02}"), &format!("u{i:02}"))).collect();
    let mut world = World::default();
    world.sync(NOW, &entries);
    assert_eq!(world.plan(NOW, whole(&entries[..BRAKE_FROM / 2])).steps.len(), BRAKE_FROM / 2);
    let held = world.plan(NOW, whole(&entries[..BRAKE_FROM / 2 - 1]));
    let missing = BRAKE_FROM / 2 + 1;
    assert_eq!((held.steps.len(), held.hold), (0, Some(Hold::Brake { missing, known: BRAKE_FROM })));
    world.rules.brake_percent = 100;
    assert_eq!(world.plan(NOW, whole(&[])).steps.len(), BRAKE_FROM);
    // In a handful of people everybody may leave.
    let mut few = World::default();
    few.sync(NOW, &entries[..BRAKE_FROM - 1]);
    assert_eq!(few.plan(NOW, whole(&[])).steps.len(), BRAKE_FROM - 1);
}

fn round() -> impl Strategy<Value = (BTreeMap<u8, (u8, u8, bool)>, u16)> {
    // Entries by key: name, directory URI, enabled; then hours that pass.
    (proptest::collection::btree_map(0u8..12, (0u8..8, 0u8..12, any::<bool>()), 0..12), 0u16..40)
}

/// By hand, before and while the entry is gone or locked.
#[test]
fn a_user_whom_an_administrator_disabled_stays_so() {
    let mut world = World::default();
    let entries = [entry("a", "anna"), entry("b", "ben"), entry("c", "carl")];
    world.sync(NOW, &entries);
    for name in ["anna", "ben"] {
        let person = world.people.iter_mut().find(|person| person.user.name == name).unwrap();
        person.user.enabled = false;
    }
    let mut locked = entry("a", "anna");
    locked.enabled = false;
    let mut also = entry("c", "carl");
    also.enabled = false;
    // Anna's and Carl's entries are locked, Ben's is out of sight.
    world.sync(NOW, &[locked, also]);
    assert!(world.people.iter().all(|person| !person.user.enabled));
    let carl = world.people.iter_mut().find(|person| person.user.name == "carl").unwrap();
    assert!(!carl.held.disabled);
    world.sync(NOW, &entries);
    let enabled = |name: &str| world.person(name).user.enabled;
    assert_eq!((enabled("anna"), enabled("ben"), enabled("carl")), (false, false, true));
}

#[test]
fn changes_speak_of_nobody_else() {
    let mut world = World::default();
    world.sync(NOW, &[entry("a", "anna"), entry("b", "ben"), entry("c", "carl")]);
    let mut anna = entry("a", "anna");
    anna.profile.title = "boss".to_owned();
    let gone = Some(HashSet::from(["c".to_owned(), "nobody".to_owned()]));
    let plan = world.plan(NOW, Answer { candidates: vec![anna, entry("d", "dora")], skipped: Vec::new(), gone });
    world.apply(&plan);
    let did: Vec<(Action, &str)> = plan.steps.iter().map(|step| (step.action, step.name.as_str())).collect();
    assert_eq!(did.len(), 3, "{did:?}");
    for step in [(Action::Update, "anna"), (Action::Create, "dora"), (Action::Missing, "carl")] {
        assert!(did.contains(&step), "{did:?}");
    }
    assert!(world.person("ben").user.enabled && !world.person("carl").user.enabled);
    assert_eq!(world.person("anna").profile.title, "boss");
}

/// Known by its key, wherever it is now and whatever it is called.
#[test]
fn who_moves_to_another_directory_under_another_name_stays_the_same() {
    let mut world = World::default();
    let there = Origin {
        directory: DirectoryId([9; 16]),
        key: "a".to_owned(),
        place: "uid=anna,ou=elsewhere".to_owned(),
        active: true,
        missing_since: None,
    };
    let user = UserId([77; 16]);
    world.outside.push(Outsider { user, name: "anna".to_owned(), user_id: None, origin: Some(there), held_uri: None });
    assert_eq!(world.sync(NOW, &[entry("a", "anna.berg")]), [(Action::Adopt, "anna".to_owned())]);
    assert_eq!(world.person("anna.berg").user.id, user);
}

proptest! {
    #[test]
    fn whatever_the_source_says(rounds in proptest::collection::vec(round(), 1..12), by_uri in any::<bool>()) {
        let scheme = if by_uri { Scheme::DirectoryUri } else { Scheme::UserId };
        let mut world = World { scheme, ..World::default() };
        world.rules.brake_percent = 100;
        let mut now = NOW;
        for (entries, hours) in rounds {
            now = now + Duration::from_secs(u64::from(hours) * 3_600);
            let entries: Vec<Candidate> = entries.iter().map(|(key, (name, uri, enabled))| {
                let entry = with_uri(&format!("k{key}"), &format!("n{name}"), &format!("n{uri}@x"));
                Candidate { enabled: *enabled, ..entry }
            }).collect();
            let plan = world.plan(now, whole(&entries));
            let here: HashSet<&str> = entries.iter().map(|e| e.key.as_str()).collect();
            for step in &plan.steps {
                if let PersonChange::Remove(user) = &step.change {
                    let origin = world.people.iter().find(|p| p.user.id == *user).unwrap().origin.clone().unwrap();
                    prop_assert!(!here.contains(origin.key.as_str()));
                    prop_assert!(now.since(origin.missing_since.unwrap()) >= world.rules.grace());
                }
            }
            world.apply(&plan);
            let names = |p: &Person| [Some(p.user.name.clone()), p.user.user_id.clone()].into_iter().flatten().collect::<Vec<_>>();
            let all: Vec<String> = world.people.iter().flat_map(names).collect();
            prop_assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            for person in &world.people {
                let origin = person.origin.as_ref().unwrap();
                prop_assert_eq!(origin.missing_since.is_none(), here.contains(origin.key.as_str()));
            }
            prop_assert_eq!(world.plan(now, whole(&entries)).steps, [], "once more says nothing new");
        }
    }
}
