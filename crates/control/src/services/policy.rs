//! What becomes of a service: a state machine without clock and tasks. The supervisor tells it what happened and asks it for
//! the next [`Step`].

use crate::text::Text;
use std::time::Duration;
use zaiseki_model::Timestamp;

/// Before the first new start after a failure; each further one waits twice as long.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
pub const MOST_WAIT: Duration = Duration::from_secs(60);
/// Whoever ran for so long starts counting from [`FIRST_WAIT`] again.
pub const STEADY: Duration = Duration::from_secs(60);
/// A part that is told to end has this long, then it is cut off.
pub const STOP_TIME: Duration = Duration::from_secs(20);

/// How a service is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not wanted on this node.
    Deactivated,
    /// By hand, until it is started or the node restarts.
    Stopped,
    Starting,
    Running,
    Stopping,
    /// It failed and waits to be started again.
    Failed,
}

/// How a part came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Without a complaint: right when it was told to, a failure otherwise.
    Done,
    Failed(Text),
    /// A fault in the program, in its own words.
    Panicked(String),
    /// It was told to end and did not within [`STOP_TIME`].
    CutOff,
}

/// What the supervisor is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Run,
    /// Nothing before then, unless somebody asks for something.
    WaitUntil(Timestamp),
    /// Nothing unless somebody asks for something.
    Rest,
}

/// The service is not activated, so it cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotActive;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Running,
    Stopping,
    Waiting { until: Timestamp },
}

/// One service of one node.
#[derive(Clone, Debug)]
pub struct Machine {
    active: bool,
    wanted: bool,
    phase: Phase,
    since: Timestamp,
    why: Text,
    /// Starts after failures, since the node started.
    restarts: u64,
    /// Failures in a row.
    failures: u32,
    last_failure: Option<(Timestamp, Text)>,
}

impl Machine {
    /// As the node starts.
    pub fn new(active: bool, now: Timestamp) -> Machine {
        let why = match active {
            true => Text::new("started with the node", "ノードとともに開始しました"),
            false => Text::new("not activated on this node", "このノードでは有効化されていません"),
        };
        Machine { active, wanted: active, phase: Phase::Idle, since: now, why, restarts: 0, failures: 0, last_failure: None }
    }

    pub fn state(&self) -> State {
        match self.phase {
            Phase::Running => State::Running,
            Phase::Stopping => State::Stopping,
            Phase::Waiting { .. } => State::Failed,
            Phase::Idle if self.wanted => State::Starting,
            Phase::Idle if self.active => State::Stopped,
            Phase::Idle => State::Deactivated,
        }
    }

    pub fn active(&self) -> bool {
        self.active
    }

    /// Since when it is in its state, and why.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    pub fn why(&self) -> &Text {
        &self.why
    }

    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    pub fn last_failure(&self) -> Option<&(Timestamp, Text)> {
        self.last_failure.as_ref()
    }

    /// When it is started again, while it waits for that.
    pub fn next_try(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// It is on its way from one state to another.
    pub fn is_moving(&self) -> bool {
        matches!(self.state(), State::Starting | State::Stopping)
    }

    /// The part runs and is to end.
    pub fn must_end(&self) -> bool {
        self.phase == Phase::Stopping
    }

    pub fn start(&mut self, actor: &str, now: Timestamp) -> Result<(), NotActive> {
        if !self.active {
            return Err(NotActive);
        }
        if self.phase != Phase::Running {
            self.want(Text::new(format!("started by {actor}"), format!("{actor} が開始しました")), now);
        }
        Ok(())
    }

    pub fn restart(&mut self, actor: &str, now: Timestamp) -> Result<(), NotActive> {
        if !self.active {
            return Err(NotActive);
        }
        if self.phase == Phase::Running {
            self.phase = Phase::Stopping;
        }
        self.want(Text::new(format!("restarted by {actor}"), format!("{actor} が再起動しました")), now);
        Ok(())
    }

    fn want(&mut self, why: Text, now: Timestamp) {
        (self.wanted, self.failures, self.why, self.since) = (true, 0, why, now);
        if self.next_try().is_some() {
            self.phase = Phase::Idle;
        }
    }

    pub fn stop(&mut self, actor: &str, now: Timestamp) {
        if self.wanted {
            self.rest(Text::new(format!("stopped by {actor}"), format!("{actor} が停止しました")), now);
        }
    }

    fn rest(&mut self, why: Text, now: Timestamp) {
        (self.wanted, self.why, self.since) = (false, why, now);
        self.phase = match self.phase {
            Phase::Running | Phase::Stopping => Phase::Stopping,
            Phase::Idle | Phase::Waiting { .. } => Phase::Idle,
        };
    }

    /// From now on, and at once.
    pub fn activate(&mut self, actor: &str, now: Timestamp) {
        self.active = true;
        if !self.wanted {
            self.want(Text::new(format!("activated by {actor}"), format!("{actor} が有効化しました")), now);
        }
    }

    pub fn deactivate(&mut self, actor: &str, now: Timestamp) {
        if std::mem::take(&mut self.active) {
            self.rest(Text::new(format!("deactivated by {actor}"), format!("{actor} が無効化しました")), now);
        }
    }

    pub fn step(&self, now: Timestamp) -> Step {
        match self.phase {
            Phase::Idle if self.wanted => Step::Run,
            Phase::Waiting { until } if until <= now => Step::Run,
            Phase::Waiting { until } => Step::WaitUntil(until),
            Phase::Idle | Phase::Running | Phase::Stopping => Step::Rest,
        }
    }

    /// The part was spawned.
    pub fn began(&mut self, now: Timestamp) {
        if let (Phase::Waiting { .. }, Some((_, failure))) = (self.phase, &self.last_failure) {
            self.restarts += 1;
            let en = format!("started again by itself after: {}", failure.en);
            self.why = Text::new(en, format!("次の理由のあと自動的に再開しました: {}", failure.ja));
        }
        (self.phase, self.since) = (Phase::Running, now);
    }

    /// The part ended.
    pub fn ended(&mut self, end: End, now: Timestamp) {
        if self.phase == Phase::Stopping {
            (self.phase, self.since) = (Phase::Idle, now);
            if let Some(trouble) = trouble_of_a_stop(end) {
                self.why = Text::new(format!("{}; {}", self.why.en, trouble.en), format!("{} ({})", self.why.ja, trouble.ja));
            }
            return;
        }
        if now.since(self.since) >= STEADY {
            self.failures = 0;
        }
        let wait = (FIRST_WAIT * 2_u32.saturating_pow(self.failures)).min(MOST_WAIT);
        self.failures = (self.failures + 1).min(30);
        let failure = failure(end);
        self.why = failure.clone();
        self.last_failure = Some((now, failure));
        (self.phase, self.since) = (Phase::Waiting { until: now + wait }, now);
    }
}

fn failure(end: End) -> Text {
    match end {
        End::Done => Text::new("it ended without being told to", "指示なしに終了しました"),
        End::Failed(text) => text,
        End::Panicked(said) => Text::new(
            format!("a fault in the program ended it: {said}; see the log of the node"),
            format!("プログラムの不具合により終了しました: {said}。ノードのログを確認してください"),
        ),
        End::CutOff => Text::new("it was cut off", "打ち切られました"),
    }
}

/// What went wrong while a part ended as it was told to.
fn trouble_of_a_stop(end: End) -> Option<Text> {
    match end {
        End::Done => None,
        End::CutOff => {
            let secs = STOP_TIME.as_secs();
            let en = format!("it did not end within {secs} s and was cut off");
            Some(Text::new(en, format!("{secs} 秒以内に終了しなかったため打ち切りました")))
        }
        other => Some(failure(other)),
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
