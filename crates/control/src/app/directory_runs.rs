//! Synchronising a directory in the background, and what a dry run found, page by page.

use super::directories::{self, DirectoryView};
use super::{Actor, App};
use crate::directory::plan::{Action, ProblemCode};
use crate::directory::report::{DiffLine, Preview, ProblemView, SyncReport};
use crate::directory::state::Running;
use crate::error::{ControlError, Result};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use utoipa::{IntoParams, ToSchema};

/// Lines in one page of a preview.
pub const PAGE_LINES: usize = 1_000;

/// Which lines of a preview to show.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// Only what one action would do: `create`, `update`, `rename`, `adopt`, `missing`, `return` or `remove`.
    #[serde(default)]
    pub action: Option<Action>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<usize>,
    /// 1 to 1,000, which is the default.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// What the last dry run of a directory found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewPage {
    /// One under way, or a real synchronisation.
    pub running: Option<Running>,
    /// `None`: no dry run since the last synchronisation.
    pub report: Option<SyncReport>,
    pub lines: Vec<DiffLine>,
    /// Lines that match; the first 20,000 of a synchronisation are kept.
    pub total: usize,
    /// Ask again with this as `after`; `None` on the last page.
    pub next: Option<usize>,
    /// Entries whose new user id their account cannot take. They come with every page.
    pub renamed: Vec<ProblemView>,
    /// Entries that would make or change no user, without those of `renamed`; at most 1,000.
    pub problems: Vec<ProblemView>,
}

/// Begins a synchronisation, or with `dry_run` a preview of one, which goes on in the background.
/// [`directories::show`] tells how far it is, and how it ended.
///
/// # Errors
/// `conflict` while one is under way.
pub fn start(app: &App, actor: &Actor, name: &str, dry_run: bool) -> Result<DirectoryView> {
    let sync = directories::prepare_sync(app, actor, name, dry_run)?;
    let runtime = Handle::try_current().map_err(|error| ControlError::Thread(std::io::Error::other(error)))?;
    let directory = name.to_owned();
    runtime.spawn(async move {
        if let Err(error) = sync.run().await {
            tracing::error!(directory, error = %error.text(), "a synchronisation ended early");
        }
    });
    directories::show(app, name)
}

/// # Errors
/// `not-found`; `invalid` for a limit that is none.
pub fn preview(app: &App, name: &str, query: &PreviewQuery) -> Result<PreviewPage> {
    let limit = query.limit.unwrap_or(PAGE_LINES);
    if !(1..=PAGE_LINES).contains(&limit) {
        let (en, ja) = (format!("must be 1 to {PAGE_LINES}"), format!("1 から {PAGE_LINES} までの値を指定してください"));
        return Err(ControlError::invalid("limit", en, ja));
    }
    let id = directories::find(app, name)?.id;
    let states = app.directory_states();
    let running = states.get(id);
    let Some(found) = states.preview(id) else { return Ok(PreviewPage { running, ..PreviewPage::default() }) };
    Ok(page(&found, running, query, limit))
}

fn page(found: &Preview, running: Option<Running>, query: &PreviewQuery, limit: usize) -> PreviewPage {
    let from = query.after.unwrap_or(0);
    let matching = || found.lines.iter().filter(|line| query.action.is_none_or(|action| line.action == action));
    let (total, lines) = (matching().count(), matching().skip(from).take(limit).cloned().collect());
    let next = Some(from.saturating_add(limit)).filter(|next| *next < total);
    let (renamed, problems) = found.problems.iter().cloned().partition::<Vec<_>, _>(|p| p.code == ProblemCode::Renamed);
    let told = |mut all: Vec<ProblemView>| {
        all.truncate(PAGE_LINES);
        all
    };
    PreviewPage {
        running,
        report: Some(found.report.clone()),
        lines,
        total,
        next,
        renamed: told(renamed),
        problems: told(problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    fn found(lines: usize) -> Preview {
        let line = |i: usize| {
            let action = if i.is_multiple_of(2) { Action::Create } else { Action::Missing };
            DiffLine { action, user: format!("user{i}"), fields: Vec::new() }
        };
        let problem = |code| ProblemView {
            code,
            place: "uid=a".to_owned(),
            user: "a".to_owned(),
            key: None,
            text: Text::new("seen", "見た"),
        };
        let problems = vec![problem(ProblemCode::Renamed), problem(ProblemCode::Mail)];
        Preview { report: SyncReport::default(), lines: (0..lines).map(line).collect(), problems }
    }

    #[test]
    fn a_preview_is_read_page_by_page_and_by_action() {
        let found = found(7);
        let ask = |action, after| {
            let page = page(&found, None, &PreviewQuery { action, after, limit: None }, 2);
            let users: Vec<String> = page.lines.into_iter().map(|line| line.user).collect();
            (users.join(" "), page.total, page.next)
        };
        assert_eq!(ask(None, None), ("user0 user1".to_owned(), 7, Some(2)));
        assert_eq!(ask(None, Some(6)), ("user6".to_owned(), 7, None));
        assert_eq!(ask(Some(Action::Missing), Some(2)), ("user5".to_owned(), 3, None));
        assert_eq!(ask(None, Some(usize::MAX)), (String::new(), 7, None));
        let page = page(&found, None, &PreviewQuery::default(), 2);
        assert_eq!((page.renamed.len(), page.problems.len()), (1, 1));
    }
}
