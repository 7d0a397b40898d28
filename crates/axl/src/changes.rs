//! What changed, by the server's change queue (`listChange`).
//!
//! A cursor is the queue's id and the number of the next change. The queue lives in the server's memory: after a restart it
//! is another one, and old changes fall out of it. Then everybody must be read again.

use crate::answer::{self, ChangePage, Trouble};
use crate::config::AxlConfig;
use crate::link::{CallError, Link};
use crate::request;
use crate::user;
use std::collections::BTreeMap;
use zaiseki_model::directory::{Delta, UserSourceError};
use zaiseki_model::limits::AXL_CHANGES;

/// The end of the queue; `None` when this server has none.
///
/// # Errors
/// Only when nothing else would work either.
pub(crate) async fn now(link: &mut Link) -> Result<Option<String>, UserSourceError> {
    match page(link, None).await {
        Ok(page) => Ok(Some(cursor(&page.queue, page.next.max(page.last.saturating_add(1))))),
        Err(CallError::Trouble(Trouble::NotFound(_) | Trouble::Refused(_) | Trouble::Malformed(_))) => Ok(None),
        Err(error) => Err(link.error(error, false)),
    }
}

async fn page(link: &mut Link, from: Option<(&str, u64)>) -> Result<ChangePage, CallError> {
    let answer = link.ask(|_| request::list_change(from)).await?;
    Ok(answer::changes(&answer)?)
}

fn cursor(queue: &str, next: u64) -> String {
    format!("{next}@{queue}")
}

fn parse(cursor: &str) -> Option<(&str, u64)> {
    let (next, queue) = cursor.split_once('@')?;
    Some((queue, next.parse().ok()?))
}

/// `None`: the queue does not reach back that far, or too much changed.
pub(crate) async fn since(config: &AxlConfig, link: &mut Link, from: &str) -> Result<Option<Delta>, UserSourceError> {
    let Some((queue, mut next)) = parse(from) else { return Ok(None) };
    // The last word about each user counts.
    let mut changed: BTreeMap<String, bool> = BTreeMap::new();
    loop {
        let page = match page(link, Some((queue, next))).await {
            Ok(page) => page,
            Err(CallError::Trouble(Trouble::NotFound(_))) => return Ok(None),
            Err(error) => return Err(link.error(error, true)),
        };
        changed.extend(page.changes);
        if page.queue != queue || changed.len() > AXL_CHANGES {
            return Ok(None);
        }
        if page.next > page.last {
            next = page.next.max(next);
            break;
        }
        if page.next <= next {
            let why = "its change queue does not move on".to_owned();
            return Err(UserSourceError::Malformed { server: link.server.clone(), why });
        }
        next = page.next;
    }
    let mut delta = Delta { cursor: cursor(queue, next), server: link.server.clone(), ..Delta::default() };
    for (key, there) in changed {
        match there {
            true => look(config, link, key, &mut delta).await?,
            false => delta.gone.push(key),
        }
    }
    Ok(Some(delta))
}

/// How one user is now.
async fn look(config: &AxlConfig, link: &mut Link, key: String, delta: &mut Delta) -> Result<(), UserSourceError> {
    let answer = match link.ask(|_| request::get_user(&key)).await {
        Ok(answer) => answer,
        // Removed meanwhile.
        Err(CallError::Trouble(Trouble::NotFound(_))) => {
            delta.gone.push(key);
            return Ok(());
        }
        Err(error) => return Err(link.error(error, true)),
    };
    match answer::users(&answer).next().map(|row| user::user(config, row)) {
        Some(Ok(Some(user))) if user.key == key => delta.users.push(user),
        Some(Ok(None)) => delta.gone.push(key),
        Some(Err(skipped)) => delta.skipped.push(skipped),
        Some(Ok(Some(_))) | None => {
            let why = "it answered with another user than it was asked for".to_owned();
            return Err(UserSourceError::Malformed { server: link.server.clone(), why });
        }
    }
    Ok(())
}
