//! CalDAV (RFC 4791) for everybody else: events where they are readable, else free/busy.
//!
//! Events come first since no server's free/busy tells out-of-office from busy. They are asked for by time range and expanded
//! here, so nothing depends on a server's own expansion.

mod dav;
mod discovery;

use crate::busy;
use crate::check;
use crate::concurrent::{self, Patience};
use crate::config::{CaldavConfig, CaldavMode, Secret, check_url, holds_placeholder, make_client};
use crate::ews::{Backoff, basic};
use crate::ical::{self, Reading, Rules, Zone};
use crate::source::{BoxFuture, Finding, Mailbox, Seen, Source, SourceError, UserCalendar, UserError, Window};
use crate::xml::CALDAV;
use dav::{Dav, DavError};
use discovery::{Calendar, Place};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zaiseki_model::{Timestamp, UserId};
use zaiseki_net::http::{Client, HeaderValue, Response, Url};

/// Users asked about at a time.
const MAX_REQUESTS: usize = 4;
/// How long a user's calendars are taken as found; a new calendar shows after this at the latest.
const PLACE_AGE: Duration = Duration::from_secs(900);

/// One configured CalDAV server.
pub struct CaldavSource(Arc<Caldav>);

struct Caldav {
    client: Client,
    config: CaldavConfig,
    secret: Secret,
    zone: Zone,
    /// The address names no user, the account does.
    by_account: bool,
    places: Mutex<HashMap<UserId, (Instant, Place)>>,
    backoff: Backoff,
}

impl CaldavSource {
    /// Fails when a setting is not usable.
    pub fn new(config: &CaldavConfig, secret: &Secret) -> Result<Self, SourceError> {
        check_url(&config.url, &config.server)?;
        basic(&config.username, secret)?;
        let by_account = !holds_placeholder(&config.url);
        if by_account && !holds_placeholder(&config.username) {
            let why = "it must hold {user} or {mail}, unless username does: whose calendar is it?".to_owned();
            return Err(SourceError::Config { key: "url", why });
        }
        let zone = ical::zone_by_name(&config.default_zone).ok_or_else(|| SourceError::Config {
            key: "default_zone",
            why: format!("{} is not a known time zone", config.default_zone),
        })?;
        Ok(CaldavSource(Arc::new(Caldav {
            client: make_client(&config.server)?,
            config: config.clone(),
            secret: secret.clone(),
            zone,
            by_account,
            places: Mutex::default(),
            backoff: Backoff::default(),
        })))
    }

    async fn read(&self, users: &[Mailbox], window: Window) -> Result<Vec<UserCalendar>, SourceError> {
        let patience = Patience::default();
        let last = |answer: &Answer| self.0.ends_round(answer, &patience);
        let answers = concurrent::map(users.to_vec(), MAX_REQUESTS, last, |user| {
            let caldav = Arc::clone(&self.0);
            async move { caldav.user(&user, window).await }
        })
        .await;
        self.0.conclude(users, answers, &patience, window)
    }
}

impl Source for CaldavSource {
    fn fetch<'a>(&'a self, users: &'a [Mailbox], window: Window) -> BoxFuture<'a, Result<Vec<UserCalendar>, SourceError>> {
        Box::pin(self.read(users, window))
    }

    fn test<'a>(&'a self, probe: Option<&'a Mailbox>) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = Vec::new();
            let Ok(url) = check_url(&self.0.config.url, &self.0.config.server) else { return findings };
            if !check::connection(&self.0.client, &url, &mut findings).await {
                return findings;
            }
            let now = Timestamp::now();
            let window = Window { start: now, end: now + Duration::from_secs(86_400) };
            match probe {
                Some(user) => check::reading(self.0.probe(user, window).await, &mut findings),
                None => findings.push(Finding { name: "sign-in", seen: Seen::NotTried }),
            }
            findings
        })
    }
}

type Answer = Result<Reading, DavError>;

impl Caldav {
    async fn user(&self, user: &Mailbox, window: Window) -> Answer {
        if !user.can_fill(&self.config.url) || !user.can_fill(&self.config.username) {
            return Err(DavError::NotFound);
        }
        let dav = Dav { client: &self.client, credentials: self.credentials(user)? };
        match self.read_user(&dav, user, window).await {
            // A calendar has moved: look again, once.
            Err(DavError::NotFound) if self.forget(user) => self.read_user(&dav, user, window).await,
            other => other,
        }
    }

    async fn read_user(&self, dav: &Dav<'_>, user: &Mailbox, window: Window) -> Answer {
        let rules = Rules { zone: self.zone, ignore_declined: self.config.ignore_declined, owner: user.address.clone() };
        let mut reading = Reading::default();
        match self.place(dav, user, window).await? {
            Place::Home(home) => free_busy(dav, &home, window, &mut reading).await?,
            Place::Calendars(calendars) => {
                for calendar in calendars {
                    self.calendar(dav, &calendar, window, &rules, &mut reading).await?;
                }
            }
        }
        Ok(reading)
    }

    async fn calendar(
        &self,
        dav: &Dav<'_>,
        calendar: &Calendar,
        window: Window,
        rules: &Rules,
        reading: &mut Reading,
    ) -> Result<(), DavError> {
        if self.config.mode == CaldavMode::FreeBusy {
            return free_busy(dav, &calendar.url, window, reading).await;
        }
        match dav.report(&calendar.url, "1", dav::calendar_query(window)).await {
            Ok(response) => {
                let rules = Rules { zone: calendar.zone.unwrap_or(rules.zone), ..rules.clone() };
                *reading = events(response, window, rules, std::mem::take(reading)).await?;
                Ok(())
            }
            // Events are not readable, free/busy may be (CALDAV:read-free-busy, RFC 4791 §6.1.1).
            Err(DavError::Forbidden(_)) => free_busy(dav, &calendar.url, window, reading).await,
            Err(other) => Err(other),
        }
    }

    fn credentials(&self, user: &Mailbox) -> Result<HeaderValue, DavError> {
        basic(&user.fill(&self.config.username), &self.secret).map_err(|e| DavError::Malformed(e.to_string()))
    }

    async fn place(&self, dav: &Dav<'_>, user: &Mailbox, window: Window) -> Result<Place, DavError> {
        let known = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&user.user).cloned();
        if let Some((_, place)) = known.filter(|(since, _)| since.elapsed() < PLACE_AGE) {
            return Ok(place);
        }
        let url = Url::parse(&self.fill_url(user)).map_err(|e| DavError::Malformed(e.to_string()))?;
        let place = discovery::find(dav, &url, self.by_account, window).await?;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, (since, _)| since.elapsed() < PLACE_AGE);
        places.insert(user.user, (Instant::now(), place.clone()));
        Ok(place)
    }

    /// A name with `/` or `?` in it must not become another path: such characters are escaped.
    fn fill_url(&self, user: &Mailbox) -> String {
        let segment = |text: &str| {
            let mut url = Url::parse("http://x/").ok();
            if let Some(Ok(mut segments)) = url.as_mut().map(Url::path_segments_mut) {
                segments.push(text);
            }
            url.map_or_else(String::new, |url| url.path().trim_start_matches('/').to_owned())
        };
        self.config.url.replace("{user}", &segment(&user.name)).replace("{mail}", &segment(&user.address))
    }

    /// True when something was known.
    fn forget(&self, user: &Mailbox) -> bool {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(&user.user).is_some()
    }

    fn shared_account(&self) -> bool {
        !holds_placeholder(&self.config.username)
    }

    /// After this answer no further user is asked about: repeated tries lock accounts, a throttling server wants rest, and a
    /// dead one would cost a time-out per user.
    fn ends_round(&self, answer: &Answer, patience: &Patience) -> bool {
        match answer {
            Err(DavError::Auth) => self.shared_account(),
            Err(DavError::Busy(_)) => true,
            Err(DavError::Http(_)) => patience.failure(),
            _ => patience.success(),
        }
    }

    /// Whose trouble is it? A refused service account, a throttling server, and a server that nobody got through to are the
    /// gateway's; everything else is the one user's.
    fn conclude(
        &self,
        users: &[Mailbox],
        answers: Vec<Option<Answer>>,
        patience: &Patience,
        window: Window,
    ) -> Result<Vec<UserCalendar>, SourceError> {
        let unreachable = |a: &Option<Answer>| matches!(a, Some(Err(DavError::Http(_))));
        let given_up = patience.is_lost() || answers.iter().all(unreachable);
        let mut out = Vec::with_capacity(users.len());
        for (user, answer) in users.iter().zip(answers) {
            let answer = answer.unwrap_or_else(|| Err(DavError::Malformed("its reader failed".to_owned())));
            match answer {
                Err(DavError::Http(source)) if given_up => return Err(SourceError::Http { operation: "CalDAV", source }),
                Err(DavError::Auth) if self.shared_account() => {
                    return Err(SourceError::Auth { why: format!("status 401 for {}", self.config.username) });
                }
                Err(DavError::Busy(hint)) => return Err(SourceError::Busy { retry_after: self.backoff.wait(hint) }),
                Err(error) => out.push(UserCalendar { user: user.user, result: Err(user_error(error)), skipped: Vec::new() }),
                Ok(reading) => out.push(UserCalendar {
                    user: user.user,
                    result: Ok(busy::arrange(&reading.intervals, window)),
                    skipped: reading.skipped,
                }),
            }
        }
        self.backoff.reset();
        Ok(out)
    }

    /// For the self-test: a refused account is the account's trouble even when it is the user's own.
    async fn probe(&self, user: &Mailbox, window: Window) -> Result<Vec<UserCalendar>, SourceError> {
        self.forget(user);
        match self.user(user, window).await {
            Err(DavError::Auth) => Err(SourceError::Auth { why: format!("status 401 for {}", user.fill(&self.config.username)) }),
            answer => self.conclude(std::slice::from_ref(user), vec![Some(answer)], &Patience::default(), window),
        }
    }
}

async fn free_busy(dav: &Dav<'_>, url: &Url, window: Window, reading: &mut Reading) -> Result<(), DavError> {
    // RFC 4791 §7.10: Depth 1 covers the calendar's own members, infinity a home with its calendars.
    let response = dav.report(url, "infinity", dav::free_busy_query(window)).await?;
    let text = String::from_utf8_lossy(&response.body);
    if ical::read_freebusy(url.path(), &text, reading) {
        return Ok(());
    }
    Err(DavError::Malformed("no VFREEBUSY in the free/busy answer".to_owned()))
}

/// Reads a calendar-query's answer, off the threads that serve sockets: expansion is work.
async fn events(response: Response, window: Window, rules: Rules, mut reading: Reading) -> Result<Reading, DavError> {
    let work = tokio::task::spawn_blocking(move || {
        for resource in dav::multistatus(&response)? {
            let name = resource.url.path().rsplit('/').next().unwrap_or_default();
            if let Some(data) = resource.property(CALDAV, "calendar-data") {
                ical::read(name, &data.text, window, &rules, &mut reading);
            }
        }
        Ok(reading)
    });
    work.await.unwrap_or_else(|_| Err(DavError::Malformed("its reader failed".to_owned())))
}

fn user_error(error: DavError) -> UserError {
    match error {
        DavError::NotFound => UserError::NotFound,
        DavError::Auth => UserError::NoAccess("status 401".to_owned()),
        DavError::Forbidden(status) => UserError::NoAccess(format!("status {status}")),
        DavError::Status(status) => UserError::Server(format!("status {status}")),
        DavError::Busy(_) => UserError::NoData,
        DavError::Malformed(why) => UserError::Malformed(why),
        DavError::Http(error) => UserError::Server(check::explain(&error)),
    }
}
