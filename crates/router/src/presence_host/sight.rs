//! Who sees whom. Broadcasts and answers to probes ask here, and so does the explanation for administrators.

use crate::engine::{Engine, HomeIx, said_in};
use crate::phases::blocked_by_receiver;
use zaiseki_model::live::{Access, RosterSide, Said, Sight, SightDone};
use zaiseki_model::{RosterItem, Timestamp};
use zaiseki_xmpp::jid::Jid;

impl Engine {
    /// Whether presence of `other` reaches `watcher`.
    pub(crate) fn access(&self, watcher: HomeIx, other: HomeIx) -> Access {
        self.access_by(self.item_about(other, watcher), watcher, other)
    }

    /// [`Engine::access`] for who holds the item of `other` about `watcher` already.
    pub(super) fn access_by(&self, item: Option<&RosterItem>, watcher: HomeIx, other: HomeIx) -> Access {
        let blocks = |by: HomeIx, whom: HomeIx| blocked_by_receiver(self, by, &Jid::Bare(self.homes[whom].bare.clone()));
        if watcher == other {
            Access::Own
        } else if blocks(watcher, other) {
            Access::BlockedByViewer
        } else if blocks(other, watcher) {
            Access::BlockedByOther
        } else if item.is_some_and(|item| item.subscription.from()) {
            Access::Granted
        } else {
            Access::NotSubscribed
        }
    }

    fn item_about(&self, owner: HomeIx, contact: HomeIx) -> Option<&RosterItem> {
        self.data(owner)?.roster.get(&self.homes.get(contact)?.bare)
    }

    /// Tells what one user sees of another, and why, once both are read.
    pub fn explain_sight(&mut self, now: Timestamp, viewer: &str, other: &str, done: SightDone) {
        self.now = now;
        let (viewer, other) = (viewer.to_owned(), other.to_owned());
        let again = viewer.clone();
        self.with_home(&viewer, move |engine, home| {
            if home.is_err() {
                return done(None);
            }
            let name = other.clone();
            engine.with_home(&other, move |engine, home| {
                // The viewer's home may have been put away meanwhile.
                let sight = home.ok().and_then(|other| engine.sight(engine.home_ready(&again)?, other, &name));
                done(sight);
            });
        });
    }

    fn sight(&self, viewer: HomeIx, other: HomeIx, name: &str) -> Option<Sight> {
        Some(Sight {
            access: self.access(viewer, other),
            viewers_side: self.item_about(viewer, other).map(side),
            others_side: self.item_about(other, viewer).map(side),
            viewer_online: !self.available_sessions(viewer).is_empty(),
            other: self.live(name),
            directed: self.directed_to(viewer, other),
        })
    }

    /// What resources of `other` have sent to `viewer` alone.
    fn directed_to(&self, viewer: HomeIx, other: HomeIx) -> Vec<(String, Said)> {
        let own = self.homes[viewer].bare.as_str();
        let mut found = Vec::new();
        for session in self.sessions_of(other).into_iter().filter_map(|id| self.session(id)) {
            let directed = session.extra.iter().flat_map(|extra| &extra.directed);
            let to_viewer = directed.filter(|(to, _)| to.bare_str() == own);
            found.extend(to_viewer.map(|(_, directed)| (session.jid.resource().to_owned(), said_in(&directed.composed))));
        }
        found
    }
}

fn side(item: &RosterItem) -> RosterSide {
    RosterSide { subscription: item.subscription, ask: item.ask, asked: item.pending_in.is_some(), approved: item.approved }
}
