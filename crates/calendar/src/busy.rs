//! The one merge for all calendar services: overlapping claims in, one line of time out.

use crate::source::Window;
use zaiseki_model::{BusyInterval, BusyKind, Timestamp};

/// Kinds that make an interval, the strongest first: where two overlap, the stronger one is shown.
///
/// `Free` says nothing and `NoData` changes nothing, so neither is in it.
pub const PRECEDENCE: [BusyKind; 4] = [BusyKind::OutOfOffice, BusyKind::Busy, BusyKind::Tentative, BusyKind::WorkingElsewhere];

/// Clips to the window, drops what is empty, `Free` or `NoData`, lets the stronger kind win where intervals overlap, and joins
/// neighbours of the same kind. The result is ordered and does not overlap.
pub fn merge(intervals: &[BusyInterval], window: Window) -> Vec<BusyInterval> {
    let mut edges: Vec<(Timestamp, usize, i32)> = Vec::with_capacity(intervals.len() * 2);
    for interval in intervals {
        let Some(rank) = PRECEDENCE.iter().position(|kind| *kind == interval.kind) else { continue };
        let (start, end) = (interval.start.max(window.start), interval.end.min(window.end));
        if start < end {
            edges.push((start, rank, 1));
            edges.push((end, rank, -1));
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
    fn back_to_back_meetings_are_one_and_clipped() {
        let merged = merge(&[at(20, 30, BusyKind::Busy), at(-10, 20, BusyKind::Busy), at(90, 110, BusyKind::Busy)], DAY);
        assert_eq!(merged, [at(0, 30, BusyKind::Busy), at(90, 100, BusyKind::Busy)]);
    }

    #[test]
    fn the_stronger_kind_wins_where_they_overlap() {
        let merged = merge(&[at(0, 50, BusyKind::Busy), at(10, 20, BusyKind::OutOfOffice), at(5, 60, BusyKind::Tentative)], DAY);
        let expected = [
            at(0, 10, BusyKind::Busy),
            at(10, 20, BusyKind::OutOfOffice),
            at(20, 50, BusyKind::Busy),
            at(50, 60, BusyKind::Tentative),
        ];
        assert_eq!(merged, expected);
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
        assert_eq!(merge(&nothing, DAY), []);
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
            let merged = merge(&list, DAY);
            for second in -20..140 {
                let t = Timestamp::from_secs(second);
                let holds = |i: &&BusyInterval| i.start <= t && t < i.end;
                let inside = DAY.start <= t && t < DAY.end;
                let expected = PRECEDENCE.into_iter().find(|k| inside && list.iter().any(|i| holds(&i) && i.kind == *k));
                prop_assert_eq!(merged.iter().find(holds).map(|i| i.kind), expected);
            }
            for pair in merged.windows(2) {
                prop_assert!(pair[0].end < pair[1].start || (pair[0].end == pair[1].start && pair[0].kind != pair[1].kind));
            }
        }
    }
}
