//! One gateway's poller: asks, writes, tells, waits.

use super::backoff::{self, Pause};
use super::state::{GatewayState, GatewayStatus, PROBLEMS_TOLD, UserProblem};
use super::texts;
use super::worker::Shared;
use super::{StoredConfig, mailbox};
use crate::alarms::catalogue::GATEWAY_DOWN;
use crate::app::status::time;
use crate::error::ControlError;
use crate::text::Text;
use crate::vitals::spans::{self, Open, Parent, SpanKind};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use zaiseki_calendar::{Mailbox, Source, SourceError, UserCalendar, UserError, Window};
use zaiseki_model::{BusyInterval, Timestamp, User, UserId};
use zaiseki_store::{Gateway, GatewayHealth};

/// Users asked about and written together.
const CHUNK: usize = 400;
/// A calendar server gets this long for one chunk, whatever it does.
const CHUNK_TIME: Duration = Duration::from_secs(900);
/// A user whom the gateway does not know is asked about again after this.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(3_600);
/// The window asked about begins an hour ago or earlier, at a multiple of this, so that what is cut at its ends seldom moves.
const WINDOW_STEP: i64 = 6 * 3_600;
const WINDOW_BACK: i64 = 3_600;
/// Seconds: a day ahead, and the step.
const WINDOW_LENGTH: i64 = 36 * 3_600;

pub(super) struct Poller {
    shared: Arc<Shared>,
    row: Gateway,
    config: StoredConfig,
    source: Box<dyn Source>,
    /// Failures in a row.
    failures: u32,
    /// Users whom the gateway does not know, when it said so, and what it was asked for.
    unknown: HashMap<UserId, (Timestamp, Mailbox)>,
    /// The error of each user that is in the database.
    errors: HashMap<UserId, String>,
}

/// Why a poll did not come to its end.
enum Failure {
    Source(SourceError),
    Slow,
    /// The server answers, and could not give anybody's calendar; what it said.
    Nobody(Text),
    Database(ControlError),
}

impl Failure {
    fn text(&self) -> Text {
        match self {
            Failure::Source(error) => texts::source(error),
            Failure::Slow => {
                let seconds = CHUNK_TIME.as_secs();
                let en = format!("no answer about {CHUNK} users within {seconds} s");
                Text::new(en, format!("{CHUNK} 人についての応答が {seconds} 秒以内にありません"))
            }
            Failure::Nobody(reason) => reason.clone(),
            Failure::Database(error) => error.text(),
        }
    }
}

/// What a poll came to.
#[derive(Default)]
struct Tally {
    users: usize,
    read: usize,
    failed: usize,
    /// Of those who failed: because of the server and not of the user.
    refused: usize,
    unknown: usize,
    skipped_events: usize,
    problems: Vec<UserProblem>,
}

impl Tally {
    fn problem(&mut self, user: &User, reason: Text) {
        if self.problems.len() < PROBLEMS_TOLD {
            self.problems.push(UserProblem { user: user.name.clone(), reason });
        }
    }
}

fn window(now: Timestamp) -> Window {
    let start = (now.secs() - WINDOW_BACK).div_euclid(WINDOW_STEP) * WINDOW_STEP;
    Window { start: Timestamp::from_secs(start), end: Timestamp::from_secs(start + WINDOW_LENGTH) }
}

impl Poller {
    /// Polls until the task is ended. A configuration that can't be used is reported, and waits to be changed.
    pub async fn run(shared: Arc<Shared>, row: Gateway, bell: Arc<Notify>) {
        match shared.open(&row) {
            Ok((config, source)) => {
                let (unknown, errors) = (HashMap::new(), HashMap::new());
                Poller { shared, row, config, source, failures: 0, unknown, errors }.poll_on(bell).await;
            }
            Err(reason) => report_down(&shared, &row, reason).await,
        }
    }

    async fn poll_on(&mut self, bell: Arc<Notify>) {
        let mut newcomers = self.shared.newcomers.subscribe();
        loop {
            newcomers.mark_unchanged();
            let mut span = spans::begin(&self.shared.app, "gateway poll", SpanKind::Internal, None);
            let outcome = self.poll(span.as_ref().map(Open::context)).await;
            if let Some(span) = &mut span {
                span.text("zaiseki.gateway", &self.row.name);
                span.number("zaiseki.users", outcome.as_ref().map_or(0, |tally| tally.users));
                span.failed(outcome.is_err());
            }
            drop(span);
            let pause = self.conclude(outcome).await;
            self.wait(pause, &bell, &mut newcomers).await;
        }
    }

    /// `trace`: what the requests to the calendar server are part of.
    async fn poll(&mut self, trace: Option<Parent>) -> Result<Tally, Failure> {
        let users = self.shared.users().await.map_err(Failure::Database)?;
        let now = Timestamp::now();
        self.unknown.retain(|_, (since, _)| now.since(*since) < UNKNOWN_AGAIN);
        let askable = |user: User| mailbox(&self.config.service, &user).map(|mailbox| (user.id, (user, mailbox)));
        let mut asked: HashMap<UserId, (User, Mailbox)> = users.into_iter().filter_map(askable).collect();
        // Whoever left is no stranger any more, and a new address deserves a new question.
        self.unknown.retain(|id, (_, mailbox)| asked.get(id).is_some_and(|(_, now)| now == mailbox));
        let mut tally = Tally { users: asked.len(), unknown: self.unknown.len(), ..Tally::default() };
        for (user, _) in self.unknown.keys().filter_map(|id| asked.get(id)) {
            tally.problem(user, texts::user(&UserError::NotFound));
        }
        asked.retain(|id, _| !self.unknown.contains_key(id));
        let mailboxes: Vec<Mailbox> = asked.values().map(|(_, mailbox)| mailbox.clone()).collect();
        for chunk in mailboxes.chunks(CHUNK) {
            let now = Timestamp::now();
            let window = window(now);
            let answers = self.fetch(chunk, window, trace).await?;
            self.take(answers, &asked, window, now, &mut tally).await?;
        }
        let nobody = tally.read == 0 && tally.refused > 0 && tally.refused == mailboxes.len();
        match tally.problems.last() {
            Some(UserProblem { user, reason }) if nobody => {
                let en = format!("not one calendar could be read; {user}: {}", reason.en);
                Err(Failure::Nobody(Text::new(en, format!("予定表を 1 つも読み取れません。{user}: {}", reason.ja))))
            }
            _ => Ok(tally),
        }
    }

    /// Asks the calendar server about some users.
    async fn fetch(&self, chunk: &[Mailbox], window: Window, trace: Option<Parent>) -> Result<Vec<UserCalendar>, Failure> {
        let mut span = trace.and_then(|trace| spans::begin(&self.shared.app, "calendar request", SpanKind::Client, Some(trace)));
        let fetched = timeout(CHUNK_TIME, self.source.fetch(chunk, window)).await;
        if let Some(span) = &mut span {
            span.number("zaiseki.users", chunk.len());
            span.failed(!matches!(fetched, Ok(Ok(_))));
        }
        fetched.map_err(|_| Failure::Slow)?.map_err(Failure::Source)
    }

    /// Enters the answers into the book, the database, and the data plane.
    async fn take(
        &mut self,
        answers: Vec<UserCalendar>,
        asked: &HashMap<UserId, (User, Mailbox)>,
        window: Window,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let mut errors = Vec::new();
        let shared = self.shared.clone();
        let mut book = shared.book.lock().await;
        for answer in answers {
            let Some((user, mailbox)) = asked.get(&answer.user) else { continue };
            tally.skipped_events += answer.skipped.len();
            for skipped in answer.skipped {
                tally.problem(user, Text::plain(skipped));
            }
            match answer.result {
                Ok(intervals) => {
                    tally.read += 1;
                    self.errors.remove(&user.id);
                    book.answered(self.row.id, (user.id, &user.name), intervals, window, now);
                }
                Err(error) => {
                    if error == UserError::NotFound {
                        let outage = shared.app.settings().borrow().calendar.outage;
                        self.unknown.insert(user.id, (now, mailbox.clone()));
                        book.stranger(self.row.id, user.id, now, outage);
                    }
                    errors.extend(self.user_failed(user, &error, tally));
                }
            }
        }
        let outage = shared.app.settings().borrow().calendar.outage;
        let changed = book.unwritten(self.row.id, outage);
        if self.write(changed.clone(), errors, now).await {
            book.written(self.row.id, &changed);
        }
        shared.tell(&mut book).await;
        Ok(())
    }

    /// Counts and names the user; the error, if the database does not have it yet.
    fn user_failed(&mut self, user: &User, error: &UserError, tally: &mut Tally) -> Option<(UserId, String)> {
        tally.failed += 1;
        tally.problem(user, texts::user(error));
        match error {
            UserError::NotFound => tally.unknown += 1,
            UserError::Server(_) => tally.refused += 1,
            UserError::NoAccess(_) | UserError::NoData | UserError::Malformed(_) => {}
        }
        let text = error.to_string();
        let news = self.errors.insert(user.id, text.clone()).as_ref() != Some(&text);
        news.then_some((user.id, text))
    }

    /// False when the database takes nothing at the moment: the presence goes on, and the next poll tries again.
    async fn write(&self, changed: Vec<(UserId, Vec<BusyInterval>)>, errors: Vec<(UserId, String)>, now: Timestamp) -> bool {
        let gateway = self.row.id;
        let work = self.shared.blocking(move |app| {
            app.store().call(move |db| {
                if !changed.is_empty() {
                    db.replace_intervals(gateway, now, &changed)?;
                }
                if errors.is_empty() { Ok(()) } else { db.set_calendar_errors(gateway, &errors) }
            })?;
            Ok(())
        });
        let done = work.await;
        if let Err(error) = &done {
            tracing::error!(gateway = self.row.name, error = %error.text(), "calendars could not be written");
        }
        done.is_ok()
    }

    /// Publishes the outcome and says how long to wait.
    async fn conclude(&mut self, outcome: Result<Tally, Failure>) -> Pause {
        let poll = Duration::from_secs(u64::from(self.config.poll_secs));
        match outcome {
            Ok(tally) => {
                self.failures = 0;
                let mut pause = backoff::after_success(poll);
                pause.next = backoff::spread(pause.next, dice());
                self.report_up(tally, pause).await;
                pause
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                let mut pause = match &failure {
                    Failure::Source(error) => backoff::after_failure(error, poll, self.failures),
                    Failure::Slow | Failure::Nobody(_) | Failure::Database(_) => backoff::unreachable_server(poll, self.failures),
                };
                pause.next = backoff::spread(pause.next, dice());
                let next = Timestamp::now() + pause.next;
                report_down(&self.shared, &self.row, failure.text()).await;
                self.shared.app.gateway_states().update(self.row.id, |status| status.next_poll = Some(time(next)));
                pause
            }
        }
    }

    async fn report_up(&self, tally: Tally, pause: Pause) {
        let now = Timestamp::now();
        let mut came_up = false;
        self.shared.app.gateway_states().update(self.row.id, |status| {
            came_up = !matches!(status.state, GatewayState::Up { .. });
            let state = if came_up { GatewayState::Up { since: time(now) } } else { status.state.clone() };
            *status = GatewayStatus {
                state,
                polls: status.polls + 1,
                last_poll: Some(time(now)),
                next_poll: Some(time(now + pause.next)),
                users: tally.users,
                read: tally.read,
                failed: tally.failed,
                unknown: tally.unknown,
                skipped_events: tally.skipped_events,
                problems: tally.problems,
            };
        });
        self.shared.app.alarms().clear(&GATEWAY_DOWN, &self.row.name);
        if came_up {
            tracing::info!(gateway = self.row.name, users = tally.users, "the calendar server answers");
            write_health(&self.shared, &self.row, GatewayHealth { up: true, since: now, checked_at: now, reason: None }).await;
        }
    }

    /// Until the next poll is due, an administrator wants one, or, while all is well, somebody new takes part.
    async fn wait(&mut self, pause: Pause, bell: &Notify, newcomers: &mut watch::Receiver<u64>) {
        let start = Instant::now();
        sleep(pause.least).await;
        tokio::select! {
            () = sleep_until(start + pause.next) => {}
            // Somebody looks, perhaps after making the calendar that was missing.
            () = bell.notified() => self.unknown.clear(),
            Ok(()) = newcomers.changed(), if self.failures == 0 => {}
        }
    }
}

/// Known meetings go on; the state says why nothing new comes.
async fn report_down(shared: &Shared, row: &Gateway, reason: Text) {
    let now = Timestamp::now();
    let mut changed = false;
    shared.app.gateway_states().update(row.id, |status| {
        let since = match &status.state {
            GatewayState::Down { since, reason: before } => {
                changed = *before != reason;
                since.clone()
            }
            GatewayState::Starting | GatewayState::Up { .. } => {
                changed = true;
                time(now)
            }
        };
        status.state = GatewayState::Down { since, reason: reason.clone() };
        status.polls += 1;
        status.last_poll = Some(time(now));
        status.next_poll = None;
    });
    shared.app.alarms().raise(&GATEWAY_DOWN, &row.name, reason.clone());
    if changed {
        tracing::warn!(gateway = row.name, %reason, "the calendar server gives no answers; known meetings go on for now");
        write_health(shared, row, GatewayHealth { up: false, since: now, checked_at: now, reason: Some(reason.en) }).await;
    }
}

async fn write_health(shared: &Shared, row: &Gateway, health: GatewayHealth) {
    let id = row.id;
    let written = shared.blocking(move |app| Ok(app.store().call(move |db| db.set_gateway_health(id, &health))?)).await;
    if let Err(error) = written {
        tracing::error!(gateway = row.name, error = %error.text(), "the gateway's state could not be written");
    }
}

/// A random byte; which one does not matter, so neither does a generator that fails.
fn dice() -> u8 {
    let mut byte = [0];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_the_day_ahead_and_moves_in_steps() {
        for hour in 0..24 {
            let now = Timestamp::from_secs(1_700_000_000 + hour * 3_600);
            let Window { start, end } = window(now);
            assert!(start <= now - Duration::from_secs(3_600) && end >= now + Duration::from_secs(86_400));
            assert_eq!((start.secs() % WINDOW_STEP, end.secs() % WINDOW_STEP), (0, 0));
        }
        assert_eq!(window(Timestamp::from_secs(7 * 3_600)), window(Timestamp::from_secs(12 * 3_600)));
    }
}
