//! The one way in for what all calendar services say: clipped, ordered, bounded.

use crate::source::Window;
use zaiseki_model::{BusyInterval, BusyKind, Timestamp};

/// Kinds that make an interval, the strongest first: where two overlap, the stronger one is shown.
///
/// `Free` says nothing and `NoData` changes nothing, so neither is in it.
pub const PRECEDENCE: [BusyKind; 4] = [BusyKind::OutOfOffice, BusyKind::Busy, BusyKind::Tentative, BusyKind::WorkingElsewhere];

/// Entries of one user that are told apart. Of somebody who has more in one window, only the line of time is kept.
pub const ENTRIES: usize = 500;

/// Clips to the window and drops what is empty, `Free` or `NoData`; ordered by start, what is said twice only once.
///
/// Each entry stays one by itself, where others follow or overlap it too: a choice made during a meeting is over with that
/// very meeting, and a meeting beneath an absence shows when the user overrules the absence. More than [`ENTRIES`] become
/// one [`line`].
pub fn arrange(intervals: &[BusyInterval], window: Window) -> Vec<BusyInterval> {
    let clip = |i: &BusyInterval| BusyInterval { start: i.start.max(window.start), end: i.end.min(window.end), kind: i.kind };
    let counts = |i: &BusyInterval| i.start < i.end && PRECEDENCE.contains(&i.kind);
    let mut entries: Vec<BusyInterval> = intervals.iter().map(clip).filter(counts).collect();
    entries.sort_by_key(order);
    entries.dedup();
    if entries.len() > ENTRIES { line(&entries) } else { entries }
}

/// By start; of those that begin together the longer one first.
pub fn order(interval: &BusyInterval) -> impl Ord + use<> {
    (interval.start, std::cmp::Reverse(interval.end), interval.kind)
}

/// One line of time: the stronger kind wins where intervals overlap, and neighbours of the same kind are joined. The
/// result is ordered and does not overlap.
pub fn line(intervals: &[BusyInterval]) -> Vec<BusyInterval> {
    let mut edges: Vec<(Timestamp, usize, i32)> = Vec::with_capacity(intervals.len() * 2);
    for interval in intervals {
        let Some(rank) = PRECEDENCE.iter().position(|kind| *kind == interval.kind) else { continue };
        if interval.start < interval.end {
            edges.push((interval.start, rank, 1));
            edges.push((interval.end, rank, -1));
        }
    }
    edges.sort_unstable();
    sweep(&edges)
}

/// Walks over the ordered starts (+1) and ends (-1), keeping how many intervals of each rank are open.
fn sweep(edges: &[(Timestamp, usize, i32)]) -> Vec<BusyInterval> {
    let mut open = [0i32; PRECEDENCE.len()];
    let mut out: Vec<BusyInterval> = Vec::new();
    let mut since = Timestamp::ZERO;
    for &(at, rank, change) in edges {
        if let Some(strongest) = open.iter().position(|count| *count > 0) {
            extend(&mut out, BusyInterval { start: since, end: at, kind: PRECEDENCE[strongest] });
        }
        open[rank] += change;
        since = at;
    }
    out
}

fn extend(out: &mut Vec<BusyInterval>, next: BusyInterval) {
    if next.start == next.end {
        return;
    }
    match out.last_mut() {
        Some(last) if last.end == next.start && last.kind == next.kind => last.end = next.end,
        _ => out.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(start: i64, end: i64, kind: BusyKind) -> BusyInterval {
        BusyInterval { start: Timestamp::from_secs(start), end: Timestamp::from_secs(end), kind }
    }

    const DAY: Window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(100) };

    #[test]
    fn entries_stay_apart_clipped_and_in_order() {
        let busy = |start, end| at(start, end, BusyKind::Busy);
        let away = at(15, 25, BusyKind::OutOfOffice);
        let arranged = arrange(&[busy(20, 30), busy(-10, 20), away, busy(20, 40), busy(20, 30), busy(90, 110)], DAY);
        assert_eq!(arranged, [busy(0, 20), away, busy(20, 40), busy(20, 30), busy(90, 100)]);
    }

    #[test]
    fn of_too_many_entries_the_line_is_left() {
        let day = Window { end: Timestamp::from_secs(10_000), ..DAY };
        let entries = |count: i64| -> Vec<_> { (0..count).map(|n| at(n * 2, n * 2 + 3, BusyKind::Busy)).collect() };
        let most = entries(ENTRIES as i64);
        assert_eq!(arrange(&most, day), most);
        assert_eq!(arrange(&entries(ENTRIES as i64 + 1), day), [at(0, ENTRIES as i64 * 2 + 3, BusyKind::Busy)]);
    }

    #[test]
    fn on_the_line_the_stronger_kind_wins_and_neighbours_are_joined() {
        let line = line(&[
            at(0, 30, BusyKind::Busy),
            at(30, 50, BusyKind::Busy),
            at(10, 20, BusyKind::OutOfOffice),
            at(5, 60, BusyKind::Tentative),
        ]);
        let expected = [
            at(0, 10, BusyKind::Busy),
            at(10, 20, BusyKind::OutOfOffice),
            at(20, 50, BusyKind::Busy),
            at(50, 60, BusyKind::Tentative),
        ];
        assert_eq!(line, expected);
    }

    #[test]
    fn free_no_data_empty_and_outside_vanish() {
        let nothing = [
            at(0, 50, BusyKind::Free),
            at(0, 50, BusyKind::NoData),
            at(7, 7, BusyKind::Busy),
            at(9, 5, BusyKind::Busy),
            at(100, 120, BusyKind::Busy),
            at(-5, 0, BusyKind::Busy),
        ];
        assert_eq!(arrange(&nothing, DAY), []);
    }

    fn kind() -> impl Strategy<Value = BusyKind> {
        prop_oneof![
            Just(BusyKind::Free),
            Just(BusyKind::Tentative),
            Just(BusyKind::Busy),
            Just(BusyKind::OutOfOffice),
            Just(BusyKind::WorkingElsewhere),
            Just(BusyKind::NoData),
        ]
    }

    proptest! {
        /// Against the plain definition: at each second, the strongest of the intervals that hold it.
        #[test]
        fn every_second_shows_the_strongest(list in prop::collection::vec((-20i64..120, 0i64..60, kind()), 0..20)) {
            let list: Vec<_> = list.into_iter().map(|(start, length, kind)| at(start, start + length, kind)).collect();
            let arranged = arrange(&list, DAY);
            let merged = line(&arranged);
            for second in -20..140 {
                let t = Timestamp::from_secs(second);
                let holds = |i: &&BusyInterval| i.start <= t && t < i.end;
                let inside = DAY.start <= t && t < DAY.end;
                let expected = PRECEDENCE.into_iter().find(|k| inside && list.iter().any(|i| holds(&i) && i.kind == *k));
                prop_assert_eq!(merged.iter().find(holds).map(|i| i.kind), expected);
                let strongest = PRECEDENCE.into_iter().find(|k| arranged.iter().any(|i| holds(&i) && i.kind == *k));
                prop_assert_eq!(strongest, expected);
            }
            for pair in merged.windows(2) {
                prop_assert!(pair[0].end < pair[1].start || (pair[0].end == pair[1].start && pair[0].kind != pair[1].kind));
            }
        }
    }
}
