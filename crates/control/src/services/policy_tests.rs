use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn at(secs: u64) -> Timestamp {
    NOW + Duration::from_secs(secs)
}

fn running() -> Machine {
    let mut machine = Machine::new(true, NOW);
    assert_eq!((machine.state(), machine.step(NOW)), (State::Starting, Step::Run));
    machine.began(NOW);
    machine
}

fn panicked() -> End {
    End::Panicked("index out of bounds".to_owned())
}

#[test]
fn what_panics_waits_and_runs_again() {
    let mut machine = running();
    machine.ended(panicked(), at(5));
    assert_eq!((machine.state(), machine.since(), machine.next_try()), (State::Failed, at(5), Some(at(6))));
    assert!(machine.why().en.contains("index out of bounds") && machine.why().ja.contains("index out of bounds"));
    assert_eq!(machine.step(at(5)), Step::WaitUntil(at(6)));
    assert_eq!(machine.step(at(6)), Step::Run);
    machine.began(at(6));
    assert_eq!((machine.state(), machine.restarts()), (State::Running, 1));
    assert!(machine.why().en.starts_with("started again by itself after"), "{}", machine.why());
    assert_eq!(machine.last_failure().map(|(when, _)| *when), Some(at(5)));
}

#[test]
fn each_wait_is_twice_the_last_up_to_the_longest_and_a_steady_run_begins_anew() {
    let mut machine = running();
    let mut now = NOW;
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        machine.ended(End::Done, now);
        assert_eq!(machine.next_try(), Some(now + Duration::from_secs(wait)));
        now = now + Duration::from_secs(wait);
        machine.began(now);
    }
    machine.ended(panicked(), now + STEADY - Duration::from_secs(1));
    assert_eq!(machine.next_try(), Some(now + STEADY - Duration::from_secs(1) + MOST_WAIT), "one step short of steady");
    let again = at(10_000);
    machine.began(again);
    machine.ended(panicked(), again + STEADY);
    assert_eq!(machine.next_try(), Some(again + STEADY + FIRST_WAIT));
    (0..100).for_each(|_| machine.ended(panicked(), again));
    assert_eq!(machine.next_try(), Some(again + MOST_WAIT), "no overflow");
}

#[test]
fn a_stopped_service_rests_until_it_is_started() {
    let mut machine = running();
    machine.stop("admin:anna", at(1));
    assert_eq!((machine.state(), machine.must_end()), (State::Stopping, true));
    machine.ended(End::Done, at(2));
    assert_eq!((machine.state(), machine.step(at(9_999))), (State::Stopped, Step::Rest));
    assert_eq!(machine.why().en, "stopped by admin:anna");
    machine.stop("admin:ben", at(3));
    assert_eq!(machine.why().en, "stopped by admin:anna", "it was stopped already");
    machine.start("admin:ben", at(4)).unwrap();
    assert_eq!((machine.state(), machine.step(at(4))), (State::Starting, Step::Run));
    machine.began(at(4));
    machine.start("admin:carl", at(5)).unwrap();
    assert_eq!((machine.why().en.as_str(), machine.since()), ("started by admin:ben", at(4)));
    assert_eq!(machine.restarts(), 0, "by hand does not count");
}

#[test]
fn a_restart_ends_it_and_runs_it_again() {
    let mut machine = running();
    machine.restart("admin:anna", at(1)).unwrap();
    assert_eq!((machine.state(), machine.step(at(1))), (State::Stopping, Step::Rest));
    machine.ended(End::Done, at(2));
    assert_eq!(machine.step(at(2)), Step::Run);
    machine.began(at(2));
    assert_eq!((machine.state(), machine.why().en.as_str()), (State::Running, "restarted by admin:anna"));
    machine.stop("x", at(3));
    machine.start("y", at(3)).unwrap();
    machine.ended(End::Done, at(4));
    assert_eq!(machine.step(at(4)), Step::Run, "started while it stopped");
}

#[test]
fn a_stop_ends_the_waiting_and_a_start_shortens_it() {
    let mut machine = running();
    machine.ended(End::Failed(Text::plain("port taken")), at(1));
    machine.start("admin:anna", at(1)).unwrap();
    assert_eq!(machine.step(at(1)), Step::Run);
    machine.began(at(1));
    machine.ended(End::Failed(Text::plain("port taken")), at(1));
    assert_eq!(machine.why().en, "port taken");
    machine.stop("admin:anna", at(1));
    assert_eq!((machine.state(), machine.step(at(100))), (State::Stopped, Step::Rest));
}

#[test]
fn only_an_activated_service_starts() {
    let mut machine = Machine::new(false, NOW);
    assert_eq!((machine.state(), machine.step(NOW)), (State::Deactivated, Step::Rest));
    assert_eq!(machine.start("x", NOW), Err(NotActive));
    assert_eq!(machine.restart("x", NOW), Err(NotActive));
    machine.activate("admin:anna", at(1));
    assert_eq!(machine.step(at(1)), Step::Run);
    machine.began(at(1));
    machine.deactivate("admin:anna", at(2));
    assert_eq!(machine.state(), State::Stopping);
    machine.ended(End::Done, at(3));
    assert_eq!((machine.state(), machine.why().en.as_str()), (State::Deactivated, "deactivated by admin:anna"));
}

#[test]
fn an_end_that_had_to_be_forced_is_told() {
    let mut machine = running();
    machine.stop("admin:anna", at(1));
    machine.ended(End::CutOff, at(21));
    assert_eq!(machine.state(), State::Stopped);
    assert!(machine.why().en.contains("stopped by admin:anna; it did not end within 20 s"), "{}", machine.why());
}
