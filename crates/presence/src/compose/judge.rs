//! Works the table of precedence off, line by line, so that it can be said afterwards why others see what they see.

use super::{Current, FactKind, Level, OwnPresence, overruling};
use zaiseki_model::Timestamp;
use zaiseki_model::precedence::{Step, Verdict};
use zaiseki_model::settings::CalendarSettings;

/// What becomes of each level. `own`: the client's word, `None` for a user without an available resource; `current`: what
/// the calendar says now. The first level that somebody claims, and nothing takes out, wins.
pub fn judge(own: Option<&OwnPresence>, current: Option<&Current>, settings: &CalendarSettings) -> [Step; 8] {
    let mut won = false;
    Level::ALL.map(|level| {
        let since = FactKind::at(level).and_then(|kind| claim(current?, kind));
        let said = own.is_some_and(|own| own.level() == level);
        let verdict = match own {
            None if level == Level::Offline && settings.show_offline && current.is_some() => Verdict::SetAside,
            None if level == Level::Offline => Verdict::Wins,
            _ if since.is_none() && !said => Verdict::Unclaimed,
            _ => match own.and_then(|own| overruling(own, since?, settings)) {
                Some(chosen) => Verdict::Overruled { chosen },
                None => Verdict::Wins,
            },
        };
        let verdict = if verdict == Verdict::Wins && won { Verdict::Beaten } else { verdict };
        won |= verdict == Verdict::Wins;
        Step { level, verdict, since }
    })
}

/// Since when the calendar says so.
fn claim(current: &Current, wanted: FactKind) -> Option<Timestamp> {
    current.claims().find(|(kind, _)| *kind == wanted).map(|(_, since)| since)
}
