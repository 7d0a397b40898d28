//! The store's threads: group commit, reads of one's own writes, control-plane calls, closing.

mod common;

use common::*;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zaiseki_model::MessageId;
use zaiseki_store::*;

/// A window that no test lives to see the end of.
fn never() -> Options {
    Options { batch_window: Duration::from_secs(3_600), ..Options::default() }
}

fn open(dir: &Path, options: Options) -> (Store, Arc<Mutex<Vec<Durable>>>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let log = reports.clone();
    let store = Store::open(dir, "example.com", options, Box::new(move |durable| log.lock().unwrap().push(durable))).unwrap();
    store.call(|db| db.create_many(&[new_user(ANN, "ann"), new_user(BOB, "bob")], &audit())).unwrap();
    (store, reports)
}

fn read(store: &Store, min_seq: u64, read: Read) -> Receiver<Result<Reply>> {
    let (sender, receiver) = channel();
    store.read(min_seq, read, move |reply| sender.send(reply).unwrap());
    receiver
}

fn pending_at_bob() -> Read {
    Read::Pending { user: BOB, after: None, limit: 10_000 }
}

fn count(reply: Result<Reply>) -> usize {
    match reply.unwrap() {
        Reply::Messages(messages) => messages.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_submitted_becomes_durable_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), Options::default());
    store.submit(1, vec![Write::Message(message(1))]);
    store.submit(2, vec![]);
    wait_for("durability", || reports.lock().unwrap().last() == Some(&Durable::Upto(2)));
    assert_eq!(count(read(&store, 0, pending_at_bob()).recv().unwrap()), 1);
}

#[test]
fn a_full_batch_does_not_wait_for_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), Options { batch_writes: 10, ..never() });
    (1..=10).for_each(|id| store.submit(id as u64, vec![Write::Message(message(id))]));
    wait_for("durability", || reports.lock().unwrap().last() == Some(&Durable::Upto(10)));
}

#[test]
fn reports_only_grow() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), Options { batch_window: Duration::ZERO, ..Options::default() });
    (1..=2_000).for_each(|id| store.submit(id as u64, vec![Write::Message(message(id))]));
    store.flush().unwrap();
    let reports = reports.lock().unwrap();
    assert!(reports.windows(2).all(|pair| match (&pair[0], &pair[1]) {
        (Durable::Upto(a), Durable::Upto(b)) => a < b,
        _ => false,
    }));
    assert_eq!(reports.last(), Some(&Durable::Upto(2_000)));
}

#[test]
fn a_read_sees_the_writes_of_its_own_past() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), never());
    store.submit(1, vec![Write::Message(message(1))]);
    assert_eq!(count(read(&store, 0, pending_at_bob()).recv().unwrap()), 0, "it need not wait");
    assert_eq!(*reports.lock().unwrap(), []);
    assert_eq!(count(read(&store, 1, pending_at_bob()).recv().unwrap()), 1);
    store.submit(2, vec![Write::Message(message(2))]);
    assert_eq!(count(read(&store, 99, pending_at_bob()).recv().unwrap()), 2, "only submitted numbers count");
    store.submit(3, vec![Write::Message(message(3))]);
    let seen = store.query(|db| db.read(&pending_at_bob()));
    assert_eq!(count(seen), 3);
}

#[test]
fn what_cancels_out_is_reported_durable_too() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), never());
    store.submit(1, vec![Write::Message(unarchived(1))]);
    store.submit(2, vec![release(BOB, 1)]);
    store.flush().unwrap();
    assert_eq!(*reports.lock().unwrap(), [Durable::Upto(2)]);
    assert_eq!(store.query(|db| db.max_message_id()).unwrap(), None, "the message never reached the database");
}

#[test]
fn calls_come_after_the_writes_before_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never());
    store.submit(1, vec![Write::Message(message(7))]);
    assert_eq!(store.call(|db| db.max_message_id()).unwrap(), Some(MessageId(7)));
    let refused = store.call(|db| db.set_enabled(NOBODY, true, &audit()));
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
}

#[test]
fn a_panic_in_a_callback_costs_nobody_else_anything() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), Options { readers: 1, ..Options::default() });
    let call: Result<()> = store.call(|db| {
        db.meta_put("before", b"panic")?;
        panic!("on purpose, on the writer")
    });
    assert!(matches!(call, Err(StoreError::Closed)));
    store.read(0, pending_at_bob(), |_| panic!("on purpose, on the reader"));
    assert_eq!(count(read(&store, 0, pending_at_bob()).recv().unwrap()), 0);
    store.submit(1, vec![Write::Message(message(1))]);
    store.flush().unwrap();
}

#[test]
fn closing_writes_what_is_staged() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), never());
    store.submit(1, vec![Write::Message(message(1))]);
    let answer = read(&store, 1, pending_at_bob());
    store.close();
    assert_eq!(count(answer.recv().unwrap()), 1);
    assert_eq!(*reports.lock().unwrap(), [Durable::Upto(1)]);
    assert!(matches!(read(&store, 0, pending_at_bob()).recv().unwrap(), Err(StoreError::Closed)));
    assert!(matches!(store.flush(), Err(StoreError::Closed)));
    store.submit(2, vec![Write::Message(message(2))]);
    drop(store);
    let (store, _) = open(dir.path(), never());
    assert_eq!(count(read(&store, 0, pending_at_bob()).recv().unwrap()), 1);
}

#[test]
fn dropping_the_last_handle_on_a_thread_of_the_store_ends_it_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), never());
    store.submit(1, vec![Write::Message(message(1))]);
    let (sender, receiver) = channel();
    let last = store.clone();
    store.read(0, pending_at_bob(), move |_| {
        // Wait until the test has let go of its handle.
        let () = receiver.recv().unwrap();
        drop(last);
    });
    drop(store);
    sender.send(()).unwrap();
    wait_for("the flush", || reports.lock().unwrap().last() == Some(&Durable::Upto(1)));
}

#[test]
fn many_threads_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, reports) = open(dir.path(), Options { batch_window: Duration::ZERO, ..Options::default() });
    let numbers = Mutex::new(0_u64);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    let mut last = numbers.lock().unwrap();
                    *last += 1;
                    store.submit(*last, vec![Write::Message(unarchived(last.cast_signed()))]);
                }
            });
        }
    });
    store.flush().unwrap();
    assert_eq!(reports.lock().unwrap().last(), Some(&Durable::Upto(1_000)));
    assert_eq!(count(read(&store, 1_000, pending_at_bob()).recv().unwrap()), 1_000);
}
