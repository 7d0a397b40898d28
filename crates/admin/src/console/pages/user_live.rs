//! People › Users › one of them: sessions, calendar and presence now, contacts, profile.

use super::presence_viewer::{said, steps_table, words_of};
use super::user_profile;
use super::users::href;
use crate::console::blocks::{Action, Block, Cell, Pager, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, encoded};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::contacts::{self, ContactPage, ContactQuery, ContactView};
use zaiseki_control::app::live::{self, SessionList, SessionView};
use zaiseki_control::app::presence::{self, CalendarView, UserPresence};
use zaiseki_control::app::profiles::{self, ProfileView};
use zaiseki_control::app::users::{self, UserView};

const READ: Right = Right::read(Area::Users);
const WRITE: Right = Right::write(Area::Users);
/// Contacts on the user's page, and on a page of the whole list.
const FIRST: usize = 10;
const ROWS: usize = 50;

pub fn pages() -> Pages {
    Pages::default().act("/console/users/{name}/sessions", WRITE, end_session).page(
        "/console/users/{name}/contacts",
        READ,
        all_contacts,
    )
}

/// What stands below the user's own form.
pub(super) fn sections(ctx: &Ctx, page: Page, user: &UserView) -> Result<Page, ControlError> {
    let page = match (live::sessions(&ctx.app, &user.name), presence::presence(&ctx.app, &user.name)) {
        (Ok(sessions), Ok(presence)) => with_presence(ctx, with_sessions(ctx, page, user, &sessions), user, &presence),
        // Without a data plane there is nothing to see, and the rest of the page is of use all the same.
        (Err(error), _) | (_, Err(error)) => page.heading(ctx.t("live-sessions")).notice(Sign::Quiet, error.text().get(ctx.lang)),
    };
    let query = ContactQuery { after: None, limit: Some(FIRST) };
    let found = contacts::list(&ctx.app, &user.name, &query)?;
    let page = page.heading(ctx.t("live-contacts")).table(contacts_table(ctx, &found));
    let next = found.next.is_some().then(|| format!("{}/contacts", href(&user.name)));
    let page = page.block(Block::Pager(Pager { total: total(ctx, &found), next, ..Pager::default() }));
    let page = page.heading(ctx.t("live-profile"));
    let edit = Action::link(user_profile::at(&user.name), ctx.t("profile-edit"));
    let page = if ctx.may(WRITE) { page.bar(vec![edit]) } else { page };
    Ok(page.facts(profile(ctx, &profiles::show(&ctx.app, &user.name)?)))
}

fn with_sessions(ctx: &Ctx, page: Page, user: &UserView, found: &SessionList) -> Page {
    let row = |session: &SessionView| {
        let mut row = vec![
            Cell::text(&session.resource),
            presence_cell(ctx, session),
            Cell::Finding { seen: connection(session), todo: session.peer.clone(), href: None },
            Cell::text(client(session)),
            Cell::Time(session.since.clone()),
            Cell::text(resumption(ctx, session)),
            Cell::number(session.queued as u64),
        ];
        if ctx.may(WRITE) {
            let end = Action::post(format!("{}/sessions", href(&user.name)), ctx.t("live-end")).with("session", &session.id);
            row.push(Cell::Buttons(vec![end]));
        }
        row
    };
    let mut columns: Vec<String> =
        ["live-resource", "live-presence", "live-connection", "live-client", "live-since", "live-resumption", "live-queued"]
            .iter()
            .map(|key| ctx.t(key))
            .collect();
    if ctx.may(WRITE) {
        columns.push(String::new());
    }
    let rows = found.sessions.iter().map(row).collect();
    let table = Table { caption: ctx.t("live-sessions"), columns, rows, empty: ctx.t("live-sessions-empty") };
    page.heading(ctx.t("live-sessions")).table(table)
}

fn presence_cell(ctx: &Ctx, session: &SessionView) -> Cell {
    let (sign, word) = words_of(ctx, &session.show);
    Cell::pill(sign, word)
}

/// `websocket, TLS 1.3, SCRAM-SHA-256`.
fn connection(session: &SessionView) -> String {
    let parts = [Some(session.transport.as_str()), session.tls.as_deref(), Some(session.mechanism.as_str())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn client(session: &SessionView) -> String {
    let parts = [session.client.as_deref(), session.client_version.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn resumption(ctx: &Ctx, session: &SessionView) -> String {
    match session.management.as_str() {
        "resumable" => ctx.t("live-resumable"),
        "detached" => ctx.tn("live-detached", "until", session.resumable_until.clone().unwrap_or_default()),
        "on" => ctx.t("live-acknowledged"),
        _ => ctx.t("live-plain"),
    }
}

fn with_presence(ctx: &Ctx, page: Page, user: &UserView, presence: &UserPresence) -> Page {
    let viewer = format!("/console/presence-viewer?{}", encoded(&[("of", user.name.as_str())]));
    let page = page.heading(ctx.t("live-calendar")).facts(calendar(ctx, user, presence.calendar.as_ref()));
    let page = page.heading(ctx.t("live-seen")).bar(vec![Action::link(viewer, ctx.t("live-to-viewer"))]);
    let page = presence.resources.iter().fold(page, |page, resource| {
        let title = ctx.tns("live-seen-of", &[("resource", resource.resource.clone().into())]);
        page.text(format!("{title}: {}", said(ctx, &resource.seen))).table(steps_table(ctx, title, &resource.steps))
    });
    match &presence.absent {
        Some(absent) => page.text(said(ctx, &absent.seen)),
        None => page,
    }
}

fn calendar(ctx: &Ctx, user: &UserView, calendar: Option<&CalendarView>) -> Vec<(String, Cell)> {
    let Some(calendar) = calendar else {
        let key = if user.calendar { "live-calendar-none" } else { "live-calendar-off" };
        return vec![(ctx.t("live-gateway"), Cell::text(ctx.t(key)))];
    };
    let mut facts = vec![(ctx.t("live-gateway"), Cell::text(&calendar.gateway))];
    for fact in &calendar.facts {
        facts.push((fact.title.get(ctx.lang).to_owned(), Cell::Time(fact.since.clone())));
        facts.extend(fact.until.iter().map(|until| (ctx.t("live-until"), Cell::Time(until.clone()))));
    }
    if calendar.valid_until.is_none() {
        facts.push((ctx.t("live-now"), Cell::text(ctx.t("live-unread"))));
    } else if calendar.facts.is_empty() {
        facts.push((ctx.t("live-now"), Cell::text(ctx.t("live-free"))));
    }
    facts.extend(calendar.next_change.iter().map(|at| (ctx.t("live-next-change"), Cell::Time(at.clone()))));
    facts.extend(calendar.valid_until.iter().map(|at| (ctx.t("live-valid-until"), Cell::Time(at.clone()))));
    facts
}

fn profile(ctx: &Ctx, profile: &ProfileView) -> Vec<(String, Cell)> {
    let text = |key: &str, text: &str| (ctx.t(key), Cell::text(text));
    let numbers: Vec<String> = profile.numbers.iter().map(|n| format!("{} ({})", n.number, n.kind)).collect();
    let devices: Vec<&str> = profile.devices.iter().map(|device| device.name.as_str()).collect();
    let origin = profile.origin.as_ref().map(|origin| format!("{}: {}", origin.directory, origin.place));
    let all = vec![
        text("live-family-name", &profile.family_name),
        text("live-given-name", &profile.given_name),
        text("live-phonetic-name", &profile.phonetic_name),
        text("live-department", &profile.department),
        text("live-job-title", &profile.title),
        text("live-directory-uri", &profile.directory_uri),
        text("live-numbers", &numbers.join(", ")),
        text("live-devices", &devices.join(", ")),
        text("live-origin", &origin.unwrap_or_else(|| ctx.t("live-built-in"))),
        (ctx.t("live-id"), Cell::Code(profile.user.id.clone())),
    ];
    all.into_iter().filter(|(_, cell)| *cell != Cell::text("")).collect()
}

fn total(ctx: &Ctx, found: &ContactPage) -> String {
    ctx.tn("live-contacts-total", "number", grouped(found.total))
}

fn contacts_table(ctx: &Ctx, found: &ContactPage) -> Table {
    let row = |contact: &ContactView| {
        vec![
            Cell::text(&contact.address),
            Cell::text(&contact.name),
            Cell::text(contact.groups.join(", ")),
            Cell::text(subscription(ctx, &contact.subscription)),
            Cell::text(open_requests(ctx, contact)),
        ]
    };
    let columns = ["live-address", "live-name", "live-groups", "live-subscription", "live-requests"];
    Table {
        caption: ctx.t("live-contacts"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: found.contacts.iter().map(row).collect(),
        empty: ctx.t("live-contacts-empty"),
    }
}

/// What a subscription means, in words.
pub(super) fn subscription(ctx: &Ctx, word: &str) -> String {
    ctx.t(match word {
        "both" => "live-subscription-both",
        "to" => "live-subscription-to",
        "from" => "live-subscription-from",
        _ => "live-subscription-none",
    })
}

fn open_requests(ctx: &Ctx, contact: &ContactView) -> String {
    let all = [(contact.ask, "live-ask"), (contact.asked, "live-asked"), (contact.approved, "live-approved")];
    all.into_iter().filter(|(open, _)| *open).map(|(_, key)| ctx.t(key)).collect::<Vec<_>>().join(", ")
}

fn all_contacts(ctx: &Ctx) -> Result<Page, ControlError> {
    let user = users::show(&ctx.app, ctx.param("name"))?;
    let query = ContactQuery { after: ctx.query("after").map(str::to_owned), limit: Some(ROWS) };
    let found = contacts::list(&ctx.app, &user.name, &query)?;
    let at = format!("{}/contacts", href(&user.name));
    let next = found.next.as_deref().map(|next| format!("{at}?{}", encoded(&[("after", next)])));
    let pager = Pager { total: total(ctx, &found), first: ctx.query("after").map(|_| at), previous: None, next };
    let page = Page::new(ctx.tn("live-contacts-of", "name", user.name.clone())).help("help-user-contacts");
    let back = vec![Action::link(href(&user.name), ctx.t("live-back"))];
    Ok(page.bar(back).table(contacts_table(ctx, &found)).block(Block::Pager(pager)))
}

fn end_session(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    let ended = live::end_session(&ctx.app, ctx.actor(), name, form.text("session"))?;
    Ok(Next::go(href(name), "live-ended", ended.resource))
}
