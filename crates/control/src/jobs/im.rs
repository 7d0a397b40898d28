//! `users.im`: enables many users for IM and presence, or disables them.

use super::{Checked, Kind, Next, Turn, Work};
use crate::access::{Area, Right};
use crate::app::{App, UserChange, import, users};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use zaiseki_model::limits::JOB_USERS;
use zaiseki_model::{User, UserId};
use zaiseki_store::{Job, JobLine, JobProgress, JobStep, JobWork, UserFilter};

/// Users of one step: some 20 ms of the database's thread.
const BATCH: usize = 500;

pub struct SetIm;

/// What is typed: exactly one of the three ways to say who.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    im: bool,
    #[serde(default)]
    users: Option<Vec<String>>,
    /// A file with user ids in its column `userid`, or in its first.
    #[serde(default)]
    csv: Option<String>,
    #[serde(default)]
    matching: Option<Matching>,
}

/// What is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    im: bool,
    whom: Whom,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Whom {
    Users(Vec<String>),
    Matching(Matching),
}

/// An empty one matches everybody.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matching {
    /// As in lists of users.
    #[serde(default)]
    search: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
}

/// What became of the users so far.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Summary {
    changed: u64,
    /// Were so already.
    unchanged: u64,
    /// User ids that belong to nobody; each stands in the log.
    unknown: u64,
}

impl Kind for SetIm {
    fn name(&self) -> &'static str {
        "users.im"
    }

    fn title(&self) -> Text {
        Text::new("Enable or disable users for IM and presence", "ユーザーの IM とプレゼンスの有効化・無効化")
    }

    fn right(&self) -> Right {
        Right::write(Area::Users)
    }

    fn check(&self, app: &App, input: Value) -> Result<Checked> {
        let input: Input = serde_json::from_value(input).map_err(|error| {
            let en = format!("the input does not fit the job: {error}");
            ControlError::invalid("input", en, format!("入力がこのジョブに合いません: {error}"))
        })?;
        let whom = match (input.users, input.csv, input.matching) {
            (Some(users), None, None) => Whom::Users(users),
            (None, Some(csv), None) => Whom::Users(import::user_ids(csv.as_bytes())?),
            (None, None, Some(matching)) => Whom::Matching(matching),
            _ => {
                let en = "give exactly one of users, csv and matching";
                return Err(ControlError::invalid("input", en, "users、csv、matching のうち 1 つだけを指定してください"));
            }
        };
        let total = count(app, &whom)?;
        let kept = Kept { im: input.im, whom };
        Ok(Checked { input: serde_json::json!(kept), total: Some(total) })
    }

    fn start(&self, input: &str) -> Result<Box<dyn Work>> {
        let kept: Kept = serde_json::from_str(input).map_err(|error| {
            let en = format!("the kept input cannot be read: {error}");
            ControlError::invalid("input", en, format!("保存された入力を読めません: {error}"))
        })?;
        Ok(Box::new(Setting(Arc::new(kept))))
    }
}

fn count(app: &App, whom: &Whom) -> Result<u64> {
    match whom {
        Whom::Users(users) if users.len() > JOB_USERS => {
            let ja = format!("1 つのジョブに指定できるユーザーは {JOB_USERS} 人までです");
            Err(ControlError::invalid("input", format!("a job takes at most {JOB_USERS} users"), ja))
        }
        Whom::Users(users) => Ok(users.len() as u64),
        Whom::Matching(matching) => {
            let filter = matching.filter("", 0);
            Ok(app.store().query(move |db| db.count_users(&filter))?)
        }
    }
}

impl Matching {
    fn filter(&self, after: &str, limit: usize) -> UserFilter {
        let search = self.search.clone().filter(|text| !text.is_empty());
        UserFilter { after: Some(after.to_owned()), limit, search, enabled: self.enabled, ..UserFilter::default() }
    }
}

/// The work. Its cursor: how many of the list are done, or the last name.
struct Setting(Arc<Kept>);

/// The users of one step.
struct Batch {
    users: Vec<User>,
    unknown: Vec<String>,
    cursor: String,
    last: bool,
}

impl Work for Setting {
    fn step(&mut self, turn: &Turn) -> Result<Next> {
        let (kept, im) = (self.0.clone(), self.0.im);
        let step = turn.commit(move |work, job| {
            let batch = kept.whom.batch(work, &job.cursor)?;
            let ids: Vec<UserId> = batch.users.iter().map(|user| user.id).collect();
            let changed = work.set_im(&ids, im)?;
            let progress = progress(job, &batch, changed.len() as u64);
            // Who is named twice is told once.
            let mut untold: HashSet<UserId> = changed.into_iter().collect();
            let told: Vec<User> = batch.users.into_iter().filter(|user| untold.remove(&user.id)).collect();
            Ok((progress, (told, batch.last)))
        })?;
        let JobStep::Went((changed, last)) = step else { return Ok(Next::Over) };
        let change = if im { UserChange::Details } else { UserChange::Disabled };
        changed.iter().for_each(|user| turn.app.user_changed(user.id, &user.name, change.clone()));
        Ok(if last { Next::Over } else { Next::More })
    }
}

fn progress(job: &Job, batch: &Batch, changed: u64) -> JobProgress {
    let mut summary: Summary = serde_json::from_str(&job.summary).unwrap_or_default();
    summary.changed += changed;
    summary.unchanged += batch.users.len() as u64 - changed;
    summary.unknown += batch.unknown.len() as u64;
    JobProgress {
        done: summary.changed + summary.unchanged + summary.unknown,
        total: job.total,
        cursor: batch.cursor.clone(),
        summary: serde_json::json!(summary).to_string(),
        log: batch.unknown.iter().map(|name| nobody(name)).collect(),
        finished: batch.last,
    }
}

fn nobody(name: &str) -> JobLine {
    JobLine { en: format!("there is no user \"{name}\""), ja: format!("ユーザー \"{name}\" はいません") }
}

impl Whom {
    fn batch(&self, work: &JobWork<'_>, cursor: &str) -> zaiseki_store::Result<Batch> {
        match self {
            Whom::Users(names) => named(names, work, cursor),
            Whom::Matching(matching) => {
                let users = work.database().list_users(&matching.filter(cursor, BATCH))?;
                let cursor = users.last().map_or_else(|| cursor.to_owned(), |user| user.name.clone());
                Ok(Batch { last: users.len() < BATCH, users, unknown: Vec::new(), cursor })
            }
        }
    }
}

fn named(names: &[String], work: &JobWork<'_>, cursor: &str) -> zaiseki_store::Result<Batch> {
    let from = cursor.parse().unwrap_or(0).min(names.len());
    let to = (from + BATCH).min(names.len());
    let mut batch = Batch { users: Vec::new(), unknown: Vec::new(), cursor: to.to_string(), last: to == names.len() };
    for name in &names[from..to] {
        let found = match users::localpart(name) {
            Ok(local) => work.database().user_by_name(&local)?,
            Err(_) => None,
        };
        match found {
            Some(user) => batch.users.push(user),
            None => batch.unknown.push(name.clone()),
        }
    }
    Ok(batch)
}
