//! In which order the steps of a plan go.

use super::names::Owners;
use super::plan::{Action, Step};
use std::collections::HashMap;
use zaiseki_model::{User, UserId};
use zaiseki_store::PersonChange;

/// People of one transaction, in a row of renamings.
const LINKED: usize = 100;

/// Removals, then renamings, then the rest. Of renamings that wait for each other's names each comes after the one that frees
/// its name, all of them in a row and marked so. Where they go round in a circle, one has to come first, and all of them belong together;
/// else a long row is cut.
pub(super) fn ordered(steps: Vec<Step>, owners: &Owners<'_>) -> Vec<Step> {
    let (mut ordered, rest): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(|step| step.action == Action::Remove);
    let (renamings, mut rest): (Vec<Step>, Vec<Step>) = rest.into_iter().partition(|step| renamed(step).is_some());
    let users = renamings.iter().enumerate().filter_map(|(index, step)| Some((renamed(step)?.id, index)));
    let users: HashMap<UserId, usize> = users.collect();
    let waits = renamings.iter().map(|step| waits_for(step, &users, owners)).collect();
    let order = Order { waits, group: (0..renamings.len()).collect(), state: vec![State::New; renamings.len()] }.rows();
    let mut renamings: Vec<Option<Step>> = renamings.into_iter().map(Some).collect();
    for Row { steps, circle } in order {
        let last = steps.len().saturating_sub(1);
        for (place, index) in steps.into_iter().enumerate() {
            let linked = place < last && (circle || (place + 1) % LINKED != 0);
            ordered.extend(renamings[index].take().map(|step| Step { linked, ..step }));
        }
    }
    // In the order of names, in which the database keeps users: neighbours are written to the same pages.
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    ordered.extend(rest);
    ordered
}

/// The user with other names than before, if it is that.
fn renamed(step: &Step) -> Option<&User> {
    let PersonChange::Update { seen, to } = &step.change else { return None };
    (step.name != to.user.name || seen.user.user_id != to.user.user_id).then_some(&to.user)
}

/// Renamings of those who have the names that this one gives.
fn waits_for(step: &Step, users: &HashMap<UserId, usize>, owners: &Owners<'_>) -> Vec<usize> {
    let Some(user) = renamed(step) else { return Vec::new() };
    let others = user.names().filter_map(|name| owners.get(name)).map(|owner| owner.user()).filter(|other| *other != user.id);
    others.filter_map(|other| users.get(&other).copied()).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// Those that it waits for come first.
    Open,
    Done,
}

#[derive(Clone, Default)]
struct Row {
    steps: Vec<usize>,
    circle: bool,
}

struct Order {
    waits: Vec<Vec<usize>>,
    /// Whoever is linked leads to the same one.
    group: Vec<usize>,
    state: Vec<State>,
}

impl Order {
    fn rows(mut self) -> Vec<Row> {
        for index in 0..self.waits.len() {
            for other in self.waits[index].clone() {
                let (a, b) = (self.leader(index), self.leader(other));
                self.group[a.max(b)] = a.min(b);
            }
        }
        let mut rows = vec![Row::default(); self.waits.len()];
        for index in 0..self.waits.len() {
            let leader = self.leader(index);
            self.put(index, &mut rows[leader]);
        }
        rows
    }

    fn leader(&mut self, mut index: usize) -> usize {
        while self.group[index] != index {
            self.group[index] = self.group[self.group[index]];
            index = self.group[index];
        }
        index
    }

    /// Those that it waits for first; without recursion, since a row may be as long as the directory.
    fn put(&mut self, index: usize, row: &mut Row) {
        let mut path = vec![(index, 0)];
        while let Some((index, next)) = path.pop() {
            match (next, self.state[index]) {
                (0, State::New) => self.state[index] = State::Open,
                (0, state) => {
                    row.circle |= state == State::Open;
                    continue;
                }
                _ => {}
            }
            match self.waits[index].get(next) {
                Some(other) => path.extend([(index, next + 1), (*other, 0)]),
                None => {
                    self.state[index] = State::Done;
                    row.steps.push(index);
                }
            }
        }
    }
}
