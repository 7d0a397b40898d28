//! Calendar servers in, busy intervals out. No subject, place or participant leaves a parser of this crate.
//!
//! | Part | Follows |
//! |---|---|
//! | [`ews`] | Exchange Web Services as Microsoft documents it: `GetUserAvailability`, `FindItem` with `CalendarView`, `ExchangeImpersonation`, throttling; NTLM by MS-NLMP and MS-NTHT |
//! | [`caldav`] | RFC 4791 §7.8 (calendar-query), §7.10 (free-busy-query), §6.2.1 (calendar-home-set); RFC 6764 §5, §6 (well-known address); RFC 5397 (current-user-principal); RFC 6638 §9.1 (schedule-calendar-transp); RFC 4918 §9.1, §13 (PROPFIND, multi-status) |
//! | [`ical`] | RFC 5545 §3.3.5, §3.3.10, §3.6.1, §3.6.4, §3.6.5, §3.8.2.4, §3.8.4.4, §3.8.5; MS-OXCICAL (`X-MICROSOFT-CDO-BUSYSTATUS`) |
//! | [`busy`] | the one merge for all of them |
//!
//! Entry: [`open`] makes a [`Source`] from a [`GatewayConfig`]; the gateway worker polls it. Microsoft Graph will be one more
//! implementation of [`Source`].

pub mod busy;
pub mod caldav;
mod check;
mod concurrent;
pub mod config;
pub mod ews;
pub mod ical;
mod source;
mod time;
mod xml;

pub use config::{GatewayConfig, Secret, open};
pub use source::{BoxFuture, Finding, Mailbox, Seen, Source, SourceError, UserCalendar, UserError, Window};
pub use zaiseki_net::http::HttpError;
