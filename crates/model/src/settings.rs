//! Live settings of the domain, as the data plane reads them. Stored by the control plane; a change takes effect at once.

use crate::sign_in::SignInSettings;
use crate::user::Language;
use std::collections::BTreeMap;
use std::time::Duration;

/// One immutable snapshot; replaced as a whole when an administrator changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// View without approval: subscriptions inside the domain are granted without asking.
    pub auto_authorize: bool,
    /// Maximum contact list size; `None` = no limit.
    pub max_contacts: Option<u32>,
    /// Maximum watchers of one user; `None` = no limit.
    pub max_watchers: Option<u32>,
    /// Archive one-to-one messages (users may be excepted).
    pub archive: bool,
    /// Days a message stays in the archive; `None` = for ever.
    pub archive_days: Option<u32>,
    /// How long a cut XEP-0198 stream can be resumed.
    pub resume_time: Duration,
    /// The language of texts made by the server when the user has none.
    pub language: Language,
    pub connections: ConnectionSettings,
    pub sign_in: SignInSettings,
    pub calendar: CalendarSettings,
    pub admin: AdminSettings,
    pub telemetry: TelemetrySettings,
    /// Servers that are asked for SRV records, separated by commas; empty: those of the operating system.
    pub dns_servers: String,
    pub people: PeopleSettings,
}

/// What every listener grants a connection. A change holds for connections accepted after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// From accept to a bound session.
    pub sign_in_time: Duration,
    /// A peer that answers nothing for this long is gone.
    pub peer_timeout: Duration,
    /// Connections of one address that have not signed in.
    pub strangers_per_address: u32,
}

/// How calendar facts show (requirements C3, C7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarSettings {
    /// `<show/>` of *In a meeting*.
    pub meeting_show: Show,
    /// `<show/>` of *Away* (out of office).
    pub away_show: Show,
    /// WorkingElsewhere counts as *Away* rather than *Available*.
    pub elsewhere_is_away: bool,
    /// Label of *In a meeting* per language.
    pub meeting_labels: BTreeMap<Language, String>,
    /// Label of *Away* per language.
    pub away_labels: BTreeMap<Language, String>,
    /// An explicit choice made during a meeting wins until that meeting ends.
    pub explicit_choice_wins: bool,
    /// Show the meeting of a user who has no available resource.
    pub show_offline: bool,
    /// Known meetings go on for this long when the gateway is down.
    pub outage: Duration,
}

/// What guards the administration itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// A browser session that is not used for this long ends.
    pub session_idle: Duration,
    /// A browser session ends after this long in any case.
    pub session_life: Duration,
    /// Characters of a new password, at least.
    pub password_chars: u32,
    /// Days that a line stays in the audit log; `None` = for ever.
    pub audit_days: Option<u32>,
}

/// Where the node's counts are pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// The collector's address for metrics (OTLP over HTTP); empty = nowhere.
    pub otlp_url: String,
    /// Between two pushes.
    pub interval: Duration,
    /// Of a hundred requests so many are traced; 0 = none.
    pub traces_percent: u32,
}

/// What users learn of each other from what the directory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleSettings {
    /// Users may search for others (XEP-0055).
    pub search: bool,
    /// People in one answer.
    pub results: u32,
    /// Mail addresses and telephone numbers are searched, and shown in answers.
    pub search_details: bool,
    /// What of the directory stands in a user's vCard.
    pub vcard: VcardFill,
    /// Where there can be only one, what the user has set counts rather than what the directory says.
    pub vcard_of_user_first: bool,
}

/// What of the directory stands in a user's vCard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VcardFill {
    Off,
    /// Names, reading, title, department.
    Names,
    /// Mail address and telephone numbers too.
    All,
}

impl VcardFill {
    pub const NAMES: [&'static str; 3] = ["off", "names", "all"];

    pub fn as_str(self) -> &'static str {
        match self {
            VcardFill::Off => "off",
            VcardFill::Names => "names",
            VcardFill::All => "all",
        }
    }

    pub fn parse(text: &str) -> Option<VcardFill> {
        [VcardFill::Off, VcardFill::Names, VcardFill::All].into_iter().find(|fill| fill.as_str() == text)
    }
}

impl Default for PeopleSettings {
    fn default() -> Self {
        PeopleSettings { search: true, results: 100, search_details: true, vcard: VcardFill::All, vcard_of_user_first: false }
    }
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        TelemetrySettings { otlp_url: String::new(), interval: Duration::from_secs(60), traces_percent: 10 }
    }
}

impl Default for AdminSettings {
    fn default() -> Self {
        AdminSettings {
            session_idle: Duration::from_secs(30 * 60),
            session_life: Duration::from_secs(12 * 3600),
            password_chars: 12,
            audit_days: Some(730),
        }
    }
}

/// The value of `<show/>` (RFC 6121 §4.7.2.1); `None` in an `Option<Show>` is plainly available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    Away,
    Chat,
    Dnd,
    Xa,
}

impl Show {
    pub fn as_str(self) -> &'static str {
        match self {
            Show::Away => "away",
            Show::Chat => "chat",
            Show::Dnd => "dnd",
            Show::Xa => "xa",
        }
    }

    pub fn parse(s: &str) -> Option<Show> {
        match s {
            "away" => Some(Show::Away),
            "chat" => Some(Show::Chat),
            "dnd" => Some(Show::Dnd),
            "xa" => Some(Show::Xa),
            _ => None,
        }
    }
}

fn labels(en: &str, ja: &str) -> BTreeMap<Language, String> {
    BTreeMap::from([("en".to_owned(), en.to_owned()), ("ja".to_owned(), ja.to_owned())])
}

impl Default for CalendarSettings {
    fn default() -> Self {
        CalendarSettings {
            meeting_show: Show::Dnd,
            away_show: Show::Away,
            elsewhere_is_away: false,
            meeting_labels: labels("In a meeting", "会議中"),
            away_labels: labels("Away", "外出中"),
            explicit_choice_wins: true,
            show_offline: false,
            outage: Duration::from_secs(12 * 3600),
        }
    }
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        ConnectionSettings {
            sign_in_time: Duration::from_secs(60),
            peer_timeout: Duration::from_secs(150),
            strangers_per_address: 2_000,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            auto_authorize: true,
            max_contacts: None,
            max_watchers: None,
            archive: true,
            archive_days: Some(365),
            resume_time: Duration::from_secs(600),
            language: "en".to_owned(),
            connections: ConnectionSettings::default(),
            sign_in: SignInSettings::default(),
            calendar: CalendarSettings::default(),
            admin: AdminSettings::default(),
            telemetry: TelemetrySettings::default(),
            dns_servers: String::new(),
            people: PeopleSettings::default(),
        }
    }
}
