use super::*;
use crate::access::Role;
use crate::app::admins::{self, NewAdmin};
use crate::app::tests::Fixture;
use crate::app::users::Password;

#[test]
fn the_domain_is_a_real_one() {
    for (name, outcome) in [
        ("example.com", Outcome::Passed),
        ("localhost", Outcome::Warning),
        ("DOMAIN.NOT.SET", Outcome::Failed),
        ("domain.not.set", Outcome::Failed),
    ] {
        assert_eq!(node::domain(name).outcome, outcome, "{name}");
    }
}

fn outcome(app: &App, id: &str) -> Outcome {
    run(app).into_iter().find(|result| result.check.id == id).unwrap().outcome
}

#[test]
fn an_administrator_who_can_sign_in_is_looked_for() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let add = |name: &str, role, password: Option<&str>| {
        let password = password.map(|word| serde_json::from_value::<Password>(word.into()).unwrap());
        admins::add(app, "tester", &NewAdmin { name: name.to_owned(), role, password }).unwrap();
    };
    add("ken", Role::Operator, Some("a long enough password"));
    add("none", Role::Administrator, None);
    assert_eq!(outcome(app, "administrators.exist"), Outcome::Failed);
    assert_eq!(outcome(app, "administrators.second-factor"), Outcome::Passed);
    add("hana", Role::Administrator, Some("a long enough password"));
    assert_eq!(outcome(app, "administrators.exist"), Outcome::Passed);
    assert_eq!(outcome(app, "administrators.second-factor"), Outcome::Warning);
    assert_eq!(outcome(app, "database.use"), Outcome::Passed);
}

#[test]
fn a_check_that_hangs_or_breaks_off_has_failed() {
    let fixture = Fixture::new();
    let check = |run| Check { run, ..node::DATABASE };
    let hangs = check(|_| {
        thread::park_timeout(Duration::from_secs(60));
        Ok(Finding::passed(Text::plain("")))
    });
    let late = run_one(&fixture.app, &hangs, Duration::from_millis(20));
    assert_eq!((late.outcome, late.seen.en.as_str()), (Outcome::Failed, "no answer in time"));
    let broken = run_one(&fixture.app, &check(|_| panic!("planted")), DEADLINE);
    assert_eq!((broken.outcome, broken.seen.en.as_str()), (Outcome::Failed, "the check broke off"));
}
