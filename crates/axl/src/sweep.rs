//! Every user, in pages.
//!
//! AXL has no cursor: a page is "leave out so many, give so many". A user who is added or removed before that place between
//! two pages would shift the rest, and somebody would be heard of twice or never. So each page begins with the last user of
//! the page before; when somebody else stands there, reading starts again.

use crate::answer::{self, Trouble};
use crate::config::{AxlConfig, PAGE_USERS};
use crate::link::{CallError, Link};
use crate::request;
use crate::user;
use std::collections::HashSet;
use zaiseki_model::directory::{Progress, Skipped, Sweep, Unfit, UserSourceError};
use zaiseki_model::limits::DIRECTORY_ENTRIES;
use zaiseki_net::xml::Element;

/// How often a list may move while it is read.
const TRIES: usize = 3;

/// # Errors
/// [`UserSourceError::Incomplete`] when the list goes on moving.
pub(crate) async fn sweep(config: &AxlConfig, link: &mut Link, progress: Progress<'_>) -> Result<Sweep, UserSourceError> {
    // Heard of before the list is read: what changes meanwhile is told once more rather than never.
    let cursor = crate::changes::now(link).await?;
    for _ in 0..TRIES {
        let mut reading = Reading::new(config);
        if reading.run(link, progress).await? {
            return Ok(Sweep { server: link.server.clone(), cursor, ..reading.sweep });
        }
    }
    let why = format!("its list changed {TRIES} times while it was read");
    Err(UserSourceError::Incomplete { server: link.server.clone(), why })
}

struct Reading<'a> {
    config: &'a AxlConfig,
    /// Users of one page; less once the server asked for it.
    page: u32,
    /// Rows read, whatever became of them.
    read: usize,
    last: Option<Row>,
    seen: HashSet<String>,
    sweep: Sweep,
}

/// What tells one row from another.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    uuid: Option<String>,
    userid: Option<String>,
}

impl Row {
    fn of(element: &Element) -> Row {
        let userid = answer::child(element, "userid").map(|e| e.text.clone());
        Row { uuid: element.attribute("uuid").map(str::to_owned), userid }
    }
}

impl<'a> Reading<'a> {
    fn new(config: &'a AxlConfig) -> Self {
        let (last, seen, sweep) = (None, HashSet::new(), Sweep::default());
        Reading { config, page: config.page_size, read: 0, last, seen, sweep }
    }

    /// False when the list moved.
    async fn run(&mut self, link: &mut Link, progress: Progress<'_>) -> Result<bool, UserSourceError> {
        loop {
            let answer = self.next(link).await?;
            let mut rows = answer::users(&answer);
            if let Some(last) = &self.last
                && rows.next().map(Row::of).as_ref() != Some(last)
            {
                return Ok(false);
            }
            let before = self.read;
            for row in rows {
                self.take(row);
                if self.read > DIRECTORY_ENTRIES {
                    return Err(UserSourceError::TooMany { server: link.server.clone(), limit: DIRECTORY_ENTRIES });
                }
            }
            if self.read == before {
                return Ok(true);
            }
            progress(self.read);
        }
    }

    /// The page after what was read; a smaller one when the server finds this too long.
    async fn next(&mut self, link: &mut Link) -> Result<Element, UserSourceError> {
        loop {
            let (skip, first) = (self.read.saturating_sub(1), self.page);
            match link.ask(|version| request::list_user(version, skip, first)).await {
                Err(CallError::Trouble(Trouble::TooLong { fewer_than })) if first > *PAGE_USERS.start() => {
                    self.page = smaller(first, fewer_than);
                }
                answer => return answer.map_err(|error| link.error(error, self.read > 0)),
            }
        }
    }

    fn take(&mut self, row: &Element) {
        self.read += 1;
        self.last = Some(Row::of(row));
        match user::user(self.config, row) {
            Ok(Some(user)) if !self.seen.insert(user.key.clone()) => {
                let why = Unfit::Twice("uuid".to_owned());
                self.sweep.skipped.push(Skipped { key: Some(user.key), place: user.place, why });
            }
            Ok(Some(user)) => self.sweep.users.push(user),
            Ok(None) => {}
            Err(skipped) => self.sweep.skipped.push(skipped),
        }
    }
}

/// Seven tenths of what the server would give, since users differ in length; always less than before.
fn smaller(page: u32, fewer_than: u32) -> u32 {
    let wanted = u64::from(fewer_than) * 7 / 10;
    u32::try_from(wanted).unwrap_or(u32::MAX).min(page - 1).max(*PAGE_USERS.start())
}

/// The first few users, for the self-test: how many the server named, and what is made of them.
pub(crate) async fn taste(config: &AxlConfig, link: &mut Link, most: u32) -> Result<(usize, Sweep), UserSourceError> {
    let answer = link.ask(|version| request::list_user(version, 0, most)).await.map_err(|error| link.error(error, false))?;
    let mut reading = Reading::new(config);
    answer::users(&answer).for_each(|row| reading.take(row));
    Ok((reading.read, reading.sweep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_only_shrink() {
        assert_eq!(smaller(1_000, 844), 590);
        assert_eq!(smaller(500, 844), 499);
        assert_eq!(smaller(500, u32::MAX), 499);
        assert_eq!((smaller(500, 0), smaller(3, 1)), (2, 2));
    }
}
