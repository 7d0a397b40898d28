use super::*;

const USER: UserId = UserId([1; 16]);
const OTHER: UserId = UserId([2; 16]);
const A: GatewayId = GatewayId([10; 16]);
const B: GatewayId = GatewayId([11; 16]);
const DAY: Window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(86_400) };

fn at(start: i64, end: i64, kind: BusyKind) -> BusyInterval {
    BusyInterval { start: Timestamp::from_secs(start), end: Timestamp::from_secs(end), kind }
}

fn busy(start: i64, end: i64) -> BusyInterval {
    at(start, end, BusyKind::Busy)
}

fn settings() -> CalendarSettings {
    CalendarSettings { outage: Duration::from_secs(1_000), ..CalendarSettings::default() }
}

/// Both gateways and users take part.
fn book() -> Book {
    let mut book = Book::default();
    book.keep_gateways(&HashSet::from([A, B]));
    book.keep_users(HashSet::from([USER, OTHER]));
    book
}

fn tell(book: &mut Book, gateway: GatewayId, intervals: &[BusyInterval], now: i64) {
    book.answered(gateway, (USER, "anna"), intervals.to_vec(), DAY, Timestamp::from_secs(now));
}

/// The intervals of the only fact that is due.
#[track_caller]
fn one(book: &mut Book) -> PresenceFact {
    let mut due = book.due(&settings());
    assert_eq!(due.len(), 1, "{due:?}");
    due.remove(0)
}

#[test]
fn a_fact_is_told_once_and_again_before_it_runs_out() {
    let mut book = book();
    tell(&mut book, A, &[busy(100, 200)], 10);
    let fact = one(&mut book);
    assert_eq!((fact.name.as_str(), fact.source), ("anna", Some(FactSource::Gateway(A))));
    assert_eq!((fact.intervals, fact.valid_until), (vec![busy(100, 200)], Timestamp::from_secs(1_010)));
    tell(&mut book, A, &[busy(100, 200)], 59);
    assert_eq!(book.due(&settings()), []);
    tell(&mut book, A, &[busy(100, 200)], 60);
    assert_eq!(one(&mut book).valid_until, Timestamp::from_secs(1_060));
    tell(&mut book, A, &[busy(100, 210)], 61);
    assert_eq!(one(&mut book).intervals, [busy(100, 210)]);
}

#[test]
fn after_a_run_that_was_dropped_everything_is_told_again() {
    let mut book = book();
    tell(&mut book, A, &[busy(100, 200)], 10);
    one(&mut book);
    book.doubt();
    assert_eq!(one(&mut book).intervals, [busy(100, 200)]);
    book.keep_gateways(&HashSet::new());
    assert_eq!(one(&mut book).source, None, "who takes part no more is taken back");
    book.doubt();
    assert_eq!(book.due(&settings()), []);
}

#[test]
fn only_what_shows_is_told() {
    let kinds = [
        at(0, 10, BusyKind::Tentative),
        at(10, 20, BusyKind::Busy),
        at(20, 30, BusyKind::WorkingElsewhere),
        at(30, 40, BusyKind::OutOfOffice),
    ];
    let mut book = book();
    tell(&mut book, A, &kinds, 10);
    assert_eq!(one(&mut book).intervals, [kinds[1], kinds[3]]);
    book.touch_all();
    let away = CalendarSettings { elsewhere_is_away: true, ..settings() };
    assert_eq!(book.due(&away)[0].intervals, [kinds[1], at(20, 30, BusyKind::OutOfOffice), kinds[3]]);
}

#[test]
fn gateways_are_merged_and_each_runs_out_by_itself() {
    let mut book = book();
    tell(&mut book, A, &[busy(0, 5_000)], 10);
    tell(&mut book, B, &[at(100, 200, BusyKind::OutOfOffice)], 2_000);
    let fact = one(&mut book);
    assert_eq!(fact.valid_until, Timestamp::from_secs(3_000));
    let merged = [busy(0, 1_010), at(100, 200, BusyKind::OutOfOffice)];
    assert_eq!(fact.intervals, merged);
    book.keep_gateways(&HashSet::from([B]));
    assert_eq!(one(&mut book).intervals, [at(100, 200, BusyKind::OutOfOffice)]);
    book.keep_gateways(&HashSet::new());
    let gone = one(&mut book);
    assert_eq!((gone.source, gone.intervals), (None, vec![]));
    book.touch_all();
    assert_eq!(book.due(&settings()), []);
}

#[test]
fn users_who_leave_are_told_of_and_forgotten() {
    let mut book = book();
    tell(&mut book, A, &[busy(0, 10)], 10);
    book.answered(A, (OTHER, "ben"), vec![], DAY, Timestamp::ZERO);
    assert_eq!(book.due(&settings()).len(), 2);
    assert_eq!(book.keep_users(HashSet::from([OTHER])), [(USER, A)]);
    let gone = one(&mut book);
    assert_eq!((gone.user, gone.source), (USER, None));
    assert_eq!(book.keep_users(HashSet::from([OTHER])), []);
    // An answer that was on its way.
    tell(&mut book, A, &[busy(0, 10)], 5);
    assert_eq!(book.due(&settings()), []);
    book.keep_users(HashSet::from([USER, OTHER]));
    tell(&mut book, A, &[busy(0, 10)], 6);
    assert_eq!(one(&mut book).intervals, [busy(0, 10)]);
}

#[test]
fn the_database_gets_changes_and_now_and_then_the_time() {
    let mut book = book();
    tell(&mut book, A, &[busy(0, 10)], 10);
    let first = book.unwritten(A, Duration::from_secs(1_000));
    assert_eq!(first, [(USER, vec![busy(0, 10)])]);
    assert_eq!(book.unwritten(B, Duration::from_secs(1_000)), []);
    book.written(A, &first);
    tell(&mut book, A, &[busy(0, 10)], 59);
    assert_eq!(book.unwritten(A, Duration::from_secs(1_000)), []);
    tell(&mut book, A, &[busy(0, 10)], 60);
    assert_eq!(book.unwritten(A, Duration::from_secs(1_000)).len(), 1);
    tell(&mut book, A, &[busy(0, 11)], 61);
    // What was written meanwhile is not the newest.
    book.written(A, &first);
    assert_eq!(book.unwritten(A, Duration::from_secs(1_000)), [(USER, vec![busy(0, 11)])]);
}

#[test]
fn a_long_meeting_keeps_its_start_when_the_window_moves_on() {
    let mut book = book();
    tell(&mut book, A, &[busy(10, 90_000)], 10);
    one(&mut book);
    let later = Window { start: Timestamp::from_secs(1_000), end: Timestamp::from_secs(90_000) };
    book.answered(A, (USER, "anna"), vec![busy(1_000, 90_000)], later, Timestamp::from_secs(10));
    assert_eq!(book.due(&settings()), []);
    // Another meeting that begins with the window was not known.
    let other = Window { start: Timestamp::from_secs(2_000), ..later };
    book.answered(A, (USER, "anna"), vec![at(2_000, 90_000, BusyKind::OutOfOffice)], other, Timestamp::from_secs(11));
    assert_eq!(one(&mut book).intervals, [at(2_000, 90_000, BusyKind::OutOfOffice)]);
}

#[test]
fn of_overlapping_meetings_each_keeps_its_own_start() {
    let mut book = book();
    tell(&mut book, A, &[busy(10, 5_000), busy(20, 6_000)], 10);
    one(&mut book);
    let later = Window { start: Timestamp::from_secs(1_000), ..DAY };
    book.answered(A, (USER, "anna"), vec![busy(1_000, 6_000), busy(1_000, 5_000)], later, Timestamp::from_secs(10));
    assert_eq!(book.due(&settings()), []);
    // The second one was prolonged.
    book.answered(A, (USER, "anna"), vec![busy(1_000, 7_000), busy(1_000, 5_000)], later, Timestamp::from_secs(11));
    assert_eq!(one(&mut book).intervals, [busy(10, 7_000), busy(10, 5_000)]);
}

#[test]
fn a_restart_begins_with_what_was_known() {
    let row = |user, fetched| CalendarRow {
        user,
        name: "anna".to_owned(),
        gateway: A,
        intervals: vec![busy(0, 10)],
        fetched_at: Timestamp::from_secs(fetched),
        error: None,
    };
    let mut book = Book::load(vec![row(USER, 7), row(OTHER, 0)], &HashSet::from([A]));
    let fact = one(&mut book);
    assert_eq!((fact.user, fact.valid_until), (USER, Timestamp::from_secs(1_007)));
    assert_eq!(book.unwritten(A, Duration::from_secs(1_000)), []);
    assert_eq!(Book::load(vec![row(USER, 7)], &HashSet::new()).due(&settings()), []);
}

#[test]
fn a_gateway_speaks_for_its_users_before_its_first_answer() {
    let mut book = book();
    book.serve(A, [(USER, "anna")].into_iter());
    let fact = one(&mut book);
    assert_eq!((fact.user, fact.source, fact.intervals), (USER, Some(FactSource::Gateway(A)), vec![]));
    assert_eq!(book.unwritten(A, Duration::from_secs(1_000)), []);
    // Again, and for somebody who takes no part: no news.
    book.keep_users(HashSet::from([USER]));
    book.serve(A, [(USER, "anna"), (OTHER, "ben")].into_iter());
    assert_eq!(book.due(&settings()), []);
    tell(&mut book, A, &[busy(100, 200)], 60);
    assert_eq!(one(&mut book).intervals, [busy(100, 200)]);
    book.serve(A, [(USER, "anna")].into_iter());
    assert_eq!(book.due(&settings()), []);
}

#[test]
fn a_gateway_does_not_speak_for_whom_it_does_not_know() {
    let (mut book, outage) = (book(), Duration::from_secs(1_000));
    let asked = |book: &mut Book| book.serve(A, [(USER, "anna")].into_iter());
    asked(&mut book);
    assert!(one(&mut book).source.is_some());
    book.stranger(A, USER, Timestamp::from_secs(2_000), outage);
    assert_eq!(one(&mut book).source, None);
    asked(&mut book);
    assert_eq!(book.due(&settings()), []);
    // It does now; and when it does not any more, what it said stays until it runs out.
    tell(&mut book, A, &[busy(2_500, 9_000)], 2_500);
    assert_eq!(one(&mut book).intervals, [busy(2_500, 9_000)]);
    book.stranger(A, USER, Timestamp::from_secs(3_499), outage);
    assert_eq!(book.due(&settings()), []);
    book.stranger(A, USER, Timestamp::from_secs(3_500), outage);
    assert_eq!(one(&mut book).source, None);
}

/// A date in the year of the clock's zero would be told to people.
#[test]
fn a_gateway_that_never_answered_vouches_for_nothing() {
    let mut book = book();
    book.serve(A, [(USER, "anna")].into_iter());
    let fact = one(&mut book);
    assert_eq!((fact.source, fact.valid_until), (Some(FactSource::Gateway(A)), Timestamp::ZERO));
}
