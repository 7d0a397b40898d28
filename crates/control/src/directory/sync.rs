//! One synchronisation: read, plan, carry out, remember.

use super::plan::{self, Action, Answer, Plan, Problem, Situation};
use super::report::{self, DiffLine, LINES_TOLD, PREVIEW_LINES, Preview, ProblemView, SyncReport};
use super::state::{Look, Turn};
use super::{StoredDirectory, candidate, texts};
use crate::alarms::catalogue::DIRECTORY_SYNC_FAILED;
use crate::app::addresses::Addressing;
use crate::app::{App, UserChange, audit, duplicates, status};
use crate::error::{ControlError, Result};
use crate::text::Text;
use crate::vitals::spans::{self, SpanKind};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::task::JoinHandle;
use zaiseki_model::directory::{Skipped, SourceUser, Sweep, UserSource};
use zaiseki_model::{Timestamp, UserId};
use zaiseki_store::{Directory, DirectoryProblem, DirectoryRun, Held, Person, PersonChange};

/// Users changed in one transaction. Others wait for the writer meanwhile, some 20 ms.
const BATCH: usize = 500;

/// What a synchronisation needs; made on a blocking thread, run on an async one.
pub struct Sync {
    app: App,
    actor: String,
    row: Directory,
    stored: StoredDirectory,
    source: Box<dyn UserSource>,
    dry_run: bool,
    turn: Turn,
    /// Nothing more is to be written.
    stop: Arc<AtomicBool>,
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What came of an answer.
#[derive(Default)]
struct Taken {
    problems: Vec<DirectoryProblem>,
    /// Of a dry run.
    lines: Vec<DiffLine>,
}

impl Sync {
    /// # Errors
    /// `conflict` while one of the same directory is under way; `invalid` for a configuration that cannot work.
    pub(crate) fn prepare(app: &App, actor: &str, row: Directory, secret: &str, dry_run: bool) -> Result<Sync> {
        let stored = StoredDirectory::from_row(&row)?;
        let source = stored.open(secret)?;
        let turn = app.directory_states().begin(row.id, status::time(Timestamp::now())).ok_or_else(|| busy(&row.name))?;
        let (app, actor, stop) = (app.clone(), actor.to_owned(), Arc::default());
        Ok(Sync { app, actor, row, stored, source, dry_run, turn, stop })
    }

    /// Goes on to its end even when nobody waits for the answer any more. A source that fails is told in the report.
    ///
    /// # Errors
    /// A fault in the program.
    pub async fn run(self) -> Result<SyncReport> {
        joined(tokio::spawn(self.traced())).await
    }

    /// The same, unfinished when the future is dropped: nothing more is read, and what is being written ends after its batch.
    pub(super) async fn run_until_dropped(self) -> Result<SyncReport> {
        let _guard = StopOnDrop(self.stop.clone());
        self.traced().await
    }

    async fn traced(self) -> Result<SyncReport> {
        let mut span = spans::begin(&self.app, "directory synchronisation", SpanKind::Internal, None);
        if let Some(span) = &mut span {
            span.text("zaiseki.directory", &self.row.name);
            span.bool("zaiseki.dry_run", self.dry_run);
        }
        let done = self.work().await;
        if let Some(mut span) = span {
            span.failed(done.as_ref().map_or(true, |report| report.error.is_some()));
            span.number("zaiseki.entries", done.as_ref().map_or(0, |report| report.entries));
        }
        done
    }

    async fn work(self) -> Result<SyncReport> {
        let began = Instant::now();
        let sweep = self.source.read(&|read| self.turn.update(|running| running.read = read)).await;
        let mut report = SyncReport { dry_run: self.dry_run, read_ms: millis(began), ..SyncReport::default() };
        let work = move || {
            let taken = match sweep {
                Ok(sweep) => self.take(sweep, &mut report).map_err(|error| error.text()),
                Err(error) => Err(texts::failure(&error)),
            };
            let taken = taken.map_err(|error| report.error = Some(error)).ok();
            report.took_ms = millis(began);
            self.remember(&mut report, taken)?;
            Ok(report)
        };
        joined(tokio::task::spawn_blocking(work)).await
    }

    /// What has changed since the last look, where the source can tell. False: not from there on; everybody has to be read.
    pub(super) async fn look(self, from: Look) -> Result<bool> {
        let _guard = StopOnDrop(self.stop.clone());
        let found = self
            .source
            .changes(&from.cursor)
            .await
            .map_err(|error| ControlError::Unavailable { text: texts::failure(&error) })?;
        let work = move || {
            let states = self.app.directory_states();
            let Some(delta) = found else {
                states.looked(self.row.id, None);
                return Ok(false);
            };
            let (entries, cursor) = (delta.users.len() + delta.skipped.len() + delta.gone.len(), delta.cursor);
            let gone = Some(delta.gone.into_iter().collect());
            let (plan, _) = self.planned(delta.users, delta.skipped, gone)?;
            let steps = plan.steps.len();
            let left_out = self.apply(plan)?;
            // Steps that lost their ground are for the next complete answer.
            states.looked(self.row.id, Some(Look { cursor, at: Timestamp::now() }));
            if entries > 0 {
                tracing::info!(directory = self.row.name, entries, steps, left_out, "changes of a directory were taken in");
            }
            Ok(true)
        };
        joined(tokio::task::spawn_blocking(work)).await
    }

    /// Plans and carries out; what could not be done.
    fn take(&self, sweep: Sweep, report: &mut SyncReport) -> Result<Taken> {
        report.entries = sweep.users.len() + sweep.skipped.len();
        (report.referrals, report.server) = (sweep.referrals, sweep.server);
        report.passed_over = sweep.passed_over.iter().map(texts::source).collect();
        report.cursor = sweep.cursor;
        let (mut plan, problems) = self.planned(sweep.users, sweep.skipped, None)?;
        plan.problems.extend(problems);
        report.count(&plan);
        let problems = std::mem::take(&mut plan.problems).into_iter().map(DirectoryProblem::from).collect();
        if self.dry_run {
            return Ok(Taken { problems, lines: report::difference(&plan) });
        }
        report.left_out = self.apply(plan)?;
        Ok(Taken { problems, lines: Vec::new() })
    }

    /// The plan, and what is wrong with single values. `gone`: see [`Answer::gone`].
    fn planned(
        &self,
        users: Vec<SourceUser>,
        skipped: Vec<Skipped>,
        gone: Option<HashSet<String>>,
    ) -> Result<(Plan, Vec<Problem>)> {
        let mut answer = Answer { candidates: Vec::with_capacity(users.len()), skipped, gone };
        let mut problems = Vec::new();
        for user in users {
            match candidate::candidate(user) {
                Ok((candidate, minor)) => {
                    answer.candidates.push(candidate);
                    problems.extend(minor);
                }
                Err(skipped) => answer.skipped.push(skipped),
            }
        }
        Ok((self.plan(answer)?, problems))
    }

    fn plan(&self, answer: Answer) -> Result<Plan> {
        let id = self.row.id;
        let store = self.app.store();
        let (known, outside, ignored) =
            store.query(move |db| Ok((db.people_of(id)?, db.names_outside(id)?, db.ignored_entries(id)?)))?;
        let ignored = ignored.into_iter().map(|(key, _)| key).collect();
        let (rules, addressing) = (&self.stored.sync, Addressing::of(&self.app)?);
        let situation = Situation { directory: id, rules, now: Timestamp::now(), addressing, known, outside, ignored };
        let mut plan = plan::plan(situation, answer, UserId::generate);
        for step in plan.steps.iter_mut().filter(|step| step.action == Action::Adopt) {
            let PersonChange::Update { seen, to } = &mut step.change else { continue };
            let user = to.user.id;
            if let Some(before) = store.query(move |db| db.person(user))? {
                **to = adopted(&before, to);
                **seen = before;
            }
        }
        Ok(plan)
    }

    /// How many steps lost their ground.
    fn apply(&self, plan: Plan) -> Result<usize> {
        let steps = plan.steps.len();
        self.turn.update(|running| running.steps = steps);
        let mut left_out = 0;
        let mut rest = plan.steps.into_iter().peekable();
        let mut applied = 0;
        while let Some(first) = rest.next() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(ControlError::Unavailable { text: stopped() });
            }
            // Renamings that are linked are carried out together; all other steps by the hundred.
            let linked = first.linked;
            let mut batch = vec![first];
            while linked && batch.last().is_some_and(|step| step.linked) {
                batch.extend(rest.next());
            }
            while let Some(step) = rest.next_if(|step| !linked && !step.linked && batch.len() < BATCH) {
                batch.push(step);
            }
            applied += batch.len();
            left_out += if linked { self.exchange(batch)? } else { self.carry_out(batch)? };
            self.turn.update(|running| running.applied = applied);
        }
        // Big archives of removed users are emptied in the background.
        self.app.purge_now().notify_one();
        Ok(left_out)
    }

    /// How many steps lost their ground.
    fn carry_out(&self, batch: Vec<plan::Step>) -> Result<usize> {
        let told: Vec<Told> = batch.iter().map(told).collect();
        let changes: Vec<PersonChange> = batch.into_iter().map(|step| step.change).collect();
        let audit = audit(&self.actor);
        let lost = self.app.store().call(move |db| db.change_people(&changes, &audit))?;
        for (index, (user, name, change)) in told.into_iter().enumerate() {
            if !lost.contains(&index) {
                self.app.user_changed(user, &name, change);
            }
        }
        Ok(lost.len())
    }

    /// The same for people who get each other's names: all or none.
    fn exchange(&self, batch: Vec<plan::Step>) -> Result<usize> {
        let (steps, told) = (batch.len(), batch.iter().map(told).collect::<Vec<Told>>());
        let person = |step: plan::Step| match step.change {
            PersonChange::Update { seen, to } => Some((*seen, *to)),
            PersonChange::Create(_) | PersonChange::Remove(_) => None,
        };
        let (seen, people): (Vec<Person>, Vec<Person>) = batch.into_iter().filter_map(person).unzip();
        let audit = audit(&self.actor);
        if !self.app.store().call(move |db| db.exchange_people(&seen, &people, &audit))? {
            return Ok(steps);
        }
        let mut moved = Vec::new();
        for (user, name, change) in told {
            match change {
                UserChange::Renamed { to } => moved.push((user, name, to)),
                // Under another user id an address by directory URI stays, and so do the sessions of whoever may sign in.
                change => self.app.user_changed(user, &name, change),
            }
        }
        if let Some((user, name, _)) = moved.first() {
            let names = moved.iter().map(|(_, old, new)| (old.clone(), new.clone())).collect();
            self.app.user_changed(*user, name, UserChange::Exchanged(names));
        }
        Ok(0)
    }

    fn remember(&self, report: &mut SyncReport, taken: Option<Taken>) -> Result<()> {
        let ended_at = Timestamp::now();
        report.ended = status::time(ended_at);
        match &report.error {
            Some(error) => tracing::warn!(directory = self.row.name, %error, "a directory was not synchronised"),
            None => tracing::info!(
                directory = self.row.name,
                dry_run = report.dry_run,
                entries = report.entries,
                created = report.created,
                updated = report.updated,
                missing = report.missing,
                removed = report.removed,
                problems = report.problems,
                took_ms = report.took_ms,
                "a directory was synchronised"
            ),
        }
        let states = self.app.directory_states();
        if self.dry_run {
            let Taken { problems, lines } = taken.unwrap_or_default();
            let problems = problems.into_iter().take(PREVIEW_LINES).map(ProblemView::from_row).collect();
            states.keep(self.row.id, Preview { report: report.clone(), lines: lines.clone(), problems });
            report.difference = lines.into_iter().take(LINES_TOLD).collect();
            return Ok(());
        }
        self.tell_alarms(report);
        states.forget(self.row.id);
        let look = report.cursor.clone().map(|cursor| Look { cursor, at: ended_at });
        states.looked(self.row.id, look);
        let problems = taken.map(|taken| taken.problems);
        let last = serde_json::json!(report).to_string();
        let run = DirectoryRun { ended_at, last_good: report.error.is_none().then(|| last.clone()), last };
        let id = self.row.id;
        self.app.store().call(move |db| db.put_directory_run(id, &run, problems.as_deref()))?;
        duplicates::tell_alarms(&self.app, &duplicates::find(&self.app)?);
        Ok(())
    }

    fn tell_alarms(&self, report: &SyncReport) {
        let alarms = self.app.alarms();
        match &report.error {
            // Somebody wanted it so.
            Some(_) if self.stop.load(Ordering::Relaxed) => {}
            Some(error) => alarms.raise(&DIRECTORY_SYNC_FAILED, &self.row.name, error.clone()),
            None => alarms.clear(&DIRECTORY_SYNC_FAILED, &self.row.name),
        }
    }
}

/// Whom open sessions must hear of, by which name, and what.
type Told = (UserId, String, UserChange);

fn told(step: &plan::Step) -> Told {
    let (user, change) = match &step.change {
        PersonChange::Remove(user) => (*user, UserChange::Removed),
        PersonChange::Create(person) => (person.user.id, UserChange::Details),
        PersonChange::Update { to: person, .. } => {
            if step.name != person.user.name {
                return (person.user.id, step.name.clone(), UserChange::Renamed { to: person.user.name.clone() });
            }
            let was_active = step.before().is_none_or(|before| before.user.active());
            let ends = was_active && !person.user.active();
            (person.user.id, if ends { UserChange::Disabled } else { UserChange::Details })
        }
    };
    (user, step.name.clone(), change)
}

/// An account that becomes an entry's keeps what an administrator gave it.
fn adopted(before: &Person, newcomer: &Person) -> Person {
    let mut after = newcomer.clone();
    let active = before.origin.as_ref().is_none_or(|origin| origin.active);
    let by_hand = before.held.disabled || (!before.user.enabled && active);
    after.user.enabled = newcomer.user.enabled && !by_hand;
    (after.user.im, after.user.calendar) = (before.user.im, before.user.calendar);
    (after.home_cluster, after.node) = (before.home_cluster.clone(), before.node.clone());
    (after.held, after.unlisted) = (Held { disabled: by_hand, ..before.held }, before.unlisted);
    if before.held.mail {
        after.profile.mail.clone_from(&before.profile.mail);
        after.user.mail.clone_from(&before.user.mail);
    }
    if before.held.directory_uri {
        after.profile.directory_uri.clone_from(&before.profile.directory_uri);
    }
    if after.devices.is_empty() {
        after.devices.clone_from(&before.devices);
    }
    after
}

async fn joined<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
}

fn stopped() -> Text {
    Text::new("the sync agent was stopped: it ended unfinished", "同期エージェントが停止されたため、途中で終了しました")
}

pub(crate) fn busy(name: &str) -> ControlError {
    let en = format!("the directory \"{name}\" is being synchronised");
    ControlError::Conflict { text: Text::new(en, format!("ディレクトリー \"{name}\" は同期中です")) }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
