//! Exchange Web Services, for Exchange on the customer's own machines (Exchange Online is Graph's matter).
//!
//! Two ways to the same intervals, chosen by a setting: `GetUserAvailability` asks for up to a hundred mailboxes at once and needs no
//! right but what each calendar grants (by default: free/busy times); `FindItem` with `CalendarView` reads one calendar exactly,
//! under `ExchangeImpersonation`. Neither asks for a subject. Rules followed (Microsoft's "EWS reference" and "EWS throttling in
//! Exchange"): one mailbox's error stands for itself; an answer that says to back off is obeyed; a 401 ends the round.

mod answer;
mod auth;
mod ntlm;
mod request;

#[cfg(test)]
mod tests;

use crate::busy;
use crate::check;
use crate::concurrent::{self, Patience};
use crate::config::{EwsConfig, EwsMode, Secret, check_url, holds_placeholder, make_client};
use crate::source::{BoxFuture, Finding, Mailbox, Source, SourceError, UserCalendar, UserError, Window};
use crate::xml::Element;
use auth::Auth;
pub(crate) use auth::{Backoff, basic};
use std::collections::HashMap;
use std::sync::Arc;
use zaiseki_model::{Timestamp, UserId};
use zaiseki_net::http::{Client, HttpError, Url};

/// Mailboxes of one `GetUserAvailability`; more is ErrorMailboxDataArrayTooBig.
pub const MAX_MAILBOXES: usize = 100;
/// Items of one `FindItem`; the server's own limit (EWSFindCountLimit).
pub const MAX_ITEMS: usize = 1_000;
/// Requests at a time; Exchange's default budget allows 27 per account.
const MAX_REQUESTS: usize = 4;

/// One configured EWS server.
pub struct EwsSource(Arc<Ews>);

struct Ews {
    client: Client,
    url: Url,
    auth: Auth,
    config: EwsConfig,
    backoff: Backoff,
}

impl EwsSource {
    /// Fails when a setting is not usable.
    pub fn new(config: &EwsConfig, secret: &Secret) -> Result<Self, SourceError> {
        if holds_placeholder(&config.url) {
            let why = "an EWS address is the same for all users; {user} and {mail} belong into mailbox".to_owned();
            return Err(SourceError::Config { key: "url", why });
        }
        if !holds_placeholder(&config.mailbox) {
            let why = "it must hold {mail} or {user}".to_owned();
            return Err(SourceError::Config { key: "mailbox", why });
        }
        Ok(EwsSource(Arc::new(Ews {
            client: make_client(&config.server)?,
            url: check_url(&config.url, &config.server)?,
            auth: Auth::new(config, secret)?,
            config: config.clone(),
            backoff: Backoff::default(),
        })))
    }

    async fn read(&self, users: &[Mailbox], window: Window) -> Result<Vec<UserCalendar>, SourceError> {
        let (asked, unknown): (Vec<Mailbox>, Vec<Mailbox>) =
            users.iter().cloned().partition(|user| user.can_fill(&self.0.config.mailbox));
        let mut known: HashMap<UserId, UserCalendar> = self.read_asked(asked, window).await?;
        known.extend(unknown.iter().map(|user| (user.user, failed(user, UserError::NotFound))));
        self.0.backoff.reset();
        let missing = |user: &Mailbox| failed(user, UserError::Malformed("its reader failed".to_owned()));
        Ok(users.iter().map(|user| known.remove(&user.user).unwrap_or_else(|| missing(user))).collect())
    }

    async fn read_asked(&self, users: Vec<Mailbox>, window: Window) -> Result<HashMap<UserId, UserCalendar>, SourceError> {
        let size = match self.0.config.mode {
            EwsMode::Availability => MAX_MAILBOXES,
            EwsMode::FindItem => 1,
        };
        let parts: Vec<Vec<Mailbox>> = users.chunks(size).map(<[Mailbox]>::to_vec).collect();
        let patience = Patience::default();
        let last = |answer: &Result<_, SourceError>| match answer {
            Ok(_) => patience.success(),
            Err(error) => !is_slow(error) || patience.failure(),
        };
        let answers = concurrent::map(parts.clone(), MAX_REQUESTS, last, |part| {
            let ews = Arc::clone(&self.0);
            async move { ews.read_part(&part, window).await }
        })
        .await;
        let forgive = size == 1 && !patience.is_lost() && answers.iter().flatten().any(Result::is_ok);
        let mut out = HashMap::with_capacity(users.len());
        for (part, answer) in parts.iter().zip(answers) {
            let calendars = match answer {
                // One mailbox that is too slow is that user's trouble, while others answer.
                Some(Err(error)) if forgive && is_slow(&error) => {
                    part.iter().map(|user| failed(user, UserError::Server(check::explain(&error)))).collect()
                }
                Some(answer) => answer?,
                None => Vec::new(),
            };
            out.extend(calendars.into_iter().map(|calendar| (calendar.user, calendar)));
        }
        Ok(out)
    }
}

impl Source for EwsSource {
    fn fetch<'a>(&'a self, users: &'a [Mailbox], window: Window) -> BoxFuture<'a, Result<Vec<UserCalendar>, SourceError>> {
        Box::pin(self.read(users, window))
    }

    fn test<'a>(&'a self, probe: Option<&'a Mailbox>) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = Vec::new();
            if check::connection(&self.0.client, &self.0.url, &mut findings).await {
                let now = Timestamp::now();
                let window = Window { start: now, end: now + std::time::Duration::from_secs(86_400) };
                match probe {
                    Some(user) => check::reading(self.read(std::slice::from_ref(user), window).await, &mut findings),
                    None => check::reading(self.0.sign_in().await.map(|()| Vec::new()), &mut findings),
                }
            }
            findings
        })
    }
}

impl Ews {
    async fn read_part(&self, part: &[Mailbox], window: Window) -> Result<Vec<UserCalendar>, SourceError> {
        match self.config.mode {
            EwsMode::Availability => self.availability(part, window).await,
            EwsMode::FindItem => {
                let mut out = Vec::with_capacity(part.len());
                for user in part {
                    out.push(self.calendar_view(user, window).await?);
                }
                Ok(out)
            }
        }
    }

    async fn availability(&self, part: &[Mailbox], window: Window) -> Result<Vec<UserCalendar>, SourceError> {
        let addresses: Vec<String> = part.iter().map(|user| user.fill(&self.config.mailbox)).collect();
        let operation = "GetUserAvailability";
        let root = self.call(operation, request::availability(&addresses, window), None).await?;
        let answers = answer::availability(&root, part.len(), window.start).map_err(|why| self.backoff.judge(operation, why))?;
        Ok(part.iter().zip(answers).map(|(user, answer)| calendar(user, answer, window)).collect())
    }

    async fn calendar_view(&self, user: &Mailbox, window: Window) -> Result<UserCalendar, SourceError> {
        let address = user.fill(&self.config.mailbox);
        let operation = "FindItem";
        let text = request::calendar_view(&address, self.config.impersonation, window);
        let root = match self.call(operation, text, Some(&address)).await {
            // Impersonation of one user may fail as a fault of the whole request.
            Err(SourceError::Refused { code, message, .. }) => return Ok(failed(user, answer::user_error(&code, &message))),
            other => other?,
        };
        let items = answer::items(&root).map_err(|why| self.backoff.judge(operation, why))?;
        Ok(calendar(user, items, window))
    }

    /// A request that any account may make, only to see whether it is let in.
    async fn sign_in(&self) -> Result<(), SourceError> {
        self.call("GetServerTimeZones", request::server_time_zones(), None).await.map(|_| ())
    }

    /// Sends one SOAP request; `anchor`: the mailbox it is about, for Exchange's own routing (`X-AnchorMailbox`).
    async fn call(&self, operation: &'static str, soap: String, anchor: Option<&str>) -> Result<Element, SourceError> {
        let request = request::http(&self.url, soap, anchor);
        let response = self.auth.send(&self.client, &request).await.map_err(|e| e.into_source(operation))?;
        answer::root(&response).map_err(|why| self.backoff.judge(operation, why))
    }
}

fn is_slow(error: &SourceError) -> bool {
    matches!(error, SourceError::Http { source: HttpError::Timeout { .. }, .. })
}

fn failed(user: &Mailbox, error: UserError) -> UserCalendar {
    UserCalendar { user: user.user, result: Err(error), skipped: Vec::new() }
}

fn calendar(user: &Mailbox, answer: Result<answer::Intervals, UserError>, window: Window) -> UserCalendar {
    match answer {
        Err(error) => failed(user, error),
        Ok(answer) => {
            UserCalendar { user: user.user, result: Ok(busy::arrange(&answer.intervals, window)), skipped: answer.skipped }
        }
    }
}
