//! The table of precedence of presence, and what became of each of its levels for one resource.

use crate::time::Timestamp;

/// The levels of presence; a smaller one wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Level {
    Offline,
    DoNotDisturb,
    OutOfOffice,
    OnCall,
    InMeeting,
    Away,
    Idle,
    Available,
}

impl Level {
    /// The table of precedence, the winner first.
    pub const ALL: [Level; 8] = [
        Level::Offline,
        Level::DoNotDisturb,
        Level::OutOfOffice,
        Level::OnCall,
        Level::InMeeting,
        Level::Away,
        Level::Idle,
        Level::Available,
    ];

    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Offline => "offline",
            Level::DoNotDisturb => "do-not-disturb",
            Level::OutOfOffice => "out-of-office",
            Level::OnCall => "on-a-call",
            Level::InMeeting => "in-a-meeting",
            Level::Away => "away",
            Level::Idle => "idle",
            Level::Available => "available",
        }
    }
}

/// What became of one level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nobody says so.
    Unclaimed,
    /// This is what others see.
    Wins,
    /// Somebody says so, and a higher level wins.
    Beaten,
    /// The calendar says so, and the user has chosen otherwise at that time, while it did.
    Overruled { chosen: Timestamp },
    /// The user is offline, and the meeting is shown all the same (setting `calendar.show_offline`).
    SetAside,
}

/// One line of the table of precedence as it was worked off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub level: Level,
    pub verdict: Verdict,
    /// Since when the calendar says so.
    pub since: Option<Timestamp>,
}

/// The level that wins: there is always one.
pub fn winner(steps: &[Step]) -> Option<Level> {
    steps.iter().find(|step| step.verdict == Verdict::Wins).map(|step| step.level)
}
