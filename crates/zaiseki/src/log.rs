//! The log of the process: to standard output, and its last events in memory for the support bundle.

use crate::config::{LogFormat, LogSettings};
use std::fmt::{Debug, Write as _};
use std::io::IsTerminal;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use zaiseki_control::app::log_level::Level;
use zaiseki_control::recent_log::{LogEvent, RecentLog};
use zaiseki_model::Timestamp;

/// Changes the log's level while the process runs.
type Set = Box<dyn Fn(Level) -> Result<(), String> + Send + Sync>;

/// The log, for those who steer it and look back.
pub struct Log {
    pub set: Set,
    pub recent: Arc<RecentLog>,
}

/// Begins to log. Once in a process.
pub fn start(settings: LogSettings) -> Log {
    let recent = Arc::new(RecentLog::default());
    let keeper = Keeper(recent.clone());
    // Colours are for eyes: in a file or a journal they are noise.
    let log = tracing_subscriber::fmt().with_ansi(std::io::stdout().is_terminal()).with_env_filter(settings.level.as_str());
    let set: Set = match settings.format {
        LogFormat::Text => {
            let log = log.with_filter_reloading();
            let handle = log.reload_handle();
            log.finish().with(keeper).init();
            Box::new(move |level| handle.reload(level.as_str()).map_err(|error| error.to_string()))
        }
        LogFormat::Json => {
            let log = log.json().with_filter_reloading();
            let handle = log.reload_handle();
            log.finish().with(keeper).init();
            Box::new(move |level| handle.reload(level.as_str()).map_err(|error| error.to_string()))
        }
    };
    Log { set, recent }
}

/// Puts every event that is logged into the ring too.
struct Keeper(Arc<RecentLog>);

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let mut words = Words::default();
        event.record(&mut words);
        let text = format!("{}{}", words.message, words.fields);
        let target = about.target().to_owned();
        self.0.push(LogEvent { at: Timestamp::now(), level: about.level().as_str(), target, text });
    }
}

/// The message, and the fields behind it.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

impl Words {
    fn put(&mut self, field: &Field, value: std::fmt::Arguments<'_>) {
        // Neither can fail: they write into memory. Fields named `log.` come with messages of the crate `log`.
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_kept_with_their_fields_as_far_as_they_are_logged() {
        let recent = Arc::new(RecentLog::default());
        let log = tracing_subscriber::fmt().with_writer(std::io::sink).with_env_filter("info").finish();
        tracing::subscriber::with_default(log.with(Keeper(recent.clone())), || {
            tracing::debug!("not wanted");
            tracing::warn!(gateway = "ews", reason = %"no route", users = 3, "no answers");
        });
        let events = recent.events();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].level, events[0].target.as_str()), ("WARN", module_path!()));
        assert_eq!(events[0].text, "no answers gateway=ews reason=no route users=3");
    }
}
