//! System › Notifications: what waits for an administrator, and the buttons that bring it about.

use crate::console::blocks::{Action, Cell, FormBlock, Pill, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended, part};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::notifications::{self, Notification, Weight};
use zaiseki_control::{App, ControlError};

const READ: Right = Right::read(Area::Services);
const WRITE: Right = Right::write(Area::Services);
pub const LIST: &str = "/console/notifications";
const RESTART: &str = "/console/notifications/restart";

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .page(RESTART, WRITE, |ctx| Ok(ask(ctx, &Form::default())))
        .act(RESTART, WRITE, restart)
}

fn sign(weight: Weight) -> Sign {
    match weight {
        Weight::Info => Sign::Quiet,
        Weight::Warning => Sign::Warning,
        Weight::Critical => Sign::Bad,
    }
}

/// How many there are and how bad the worst is, for the navigation.
pub fn count(app: &App) -> Option<Pill> {
    let all = notifications::list(app);
    Some(Pill::new(sign(all.first()?.severity), all.len().to_string()))
}

fn severity(ctx: &Ctx, weight: Weight) -> Cell {
    let key = match weight {
        Weight::Info => "alarms-severity-info",
        Weight::Warning => "alarms-severity-warning",
        Weight::Critical => "alarms-severity-critical",
    };
    Cell::pill(sign(weight), ctx.t(key))
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = notifications::list(&ctx.app);
    let file = ctx.app.node().bootstrap().and_then(|bootstrap| bootstrap.file.as_ref());
    let line = match file {
        Some(file) => ctx.tn("notifications-file", "file", file.display().to_string()),
        None => ctx.t("notifications-no-file"),
    };
    let mut page = Page::new(ctx.t("nav-notifications")).line(line).refresh(5);
    let broken = all.iter().any(|one| one.key.is_none());
    if broken {
        page = page.notice(Sign::Bad, ctx.t("notifications-broken"));
    }
    let columns = [
        "notifications-severity",
        "notifications-key",
        "notifications-in-use",
        "notifications-in-file",
        "notifications-why",
        "notifications-todo",
        "notifications-do",
    ];
    let table = Table {
        caption: ctx.t("nav-notifications"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(|one| row(ctx, one)).collect(),
        empty: ctx.t("notifications-none"),
    };
    let page = page.table(table);
    let can = ctx.may(WRITE) && ctx.app.is_ready() && !broken;
    Ok(if can { page.bar(vec![Action::link(RESTART, ctx.t("notifications-restart-node")).danger()]) } else { page })
}

fn row(ctx: &Ctx, one: &Notification) -> Vec<Cell> {
    let value = |value: &Option<String>| match value.as_deref() {
        None => Cell::Empty,
        Some("") => Cell::Dim(ctx.t("notifications-nothing")),
        Some(text) => Cell::Code(text.to_owned()),
    };
    let means = one.restart_means.as_ref().map(|text| text.get(ctx.lang).to_owned()).unwrap_or_default();
    vec![
        severity(ctx, one.severity),
        one.key.clone().map_or(Cell::Empty, Cell::Code),
        value(&one.in_use),
        value(&one.in_file),
        Cell::text(one.why.get(ctx.lang)),
        Cell::Finding { seen: one.todo.get(ctx.lang).to_owned(), todo: means, href: None },
        Cell::Buttons(button(ctx, one)),
    ]
}

/// To the page that asks first.
fn button(ctx: &Ctx, one: &Notification) -> Vec<Action> {
    match one.restart.as_deref() {
        Some("node") if ctx.may(WRITE) => vec![Action::link(RESTART, ctx.t("notifications-restart-node")).danger()],
        Some(service) if ctx.may(WRITE) => {
            vec![Action::link(format!("/console/services/{}/restart", part(service)), ctx.t("notifications-restart-service"))]
        }
        _ => Vec::new(),
    }
}

fn ask(ctx: &Ctx, form: &Form) -> Page {
    let block = FormBlock {
        action: RESTART.to_owned(),
        submit: ctx.t("notifications-restart-node"),
        cancel: Some(LIST.to_owned()),
        danger: true,
        ..FormBlock::default()
    };
    let name = ctx.app.node().name().to_owned();
    let page = Page::new(ctx.tn("notifications-ask", "name", name));
    page.text(notifications::restart_means().get(ctx.lang)).text(ctx.t("notifications-ask-note")).form(ctx, form, block)
}

fn restart(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    // The door lets nobody in without an account.
    let Some(caller) = &ctx.caller else { return Err(ControlError::Forbidden { right: WRITE }) };
    match notifications::restart_node(&ctx.app, caller, ctx.app.node().name()) {
        Ok(node) => Ok(Next::go(LIST, "notifications-restarts", node.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(ask(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use crate::console::routes::csrf_of;
    use crate::console::tests::{caller, fixture, post};
    use axum::http::{StatusCode, header};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    use zaiseki_control::Text;
    use zaiseki_control::access::Role;
    use zaiseki_control::bootstrap::{Bootstrap, Entries, Restarter};

    struct Told(Arc<AtomicBool>);

    impl Restarter for Told {
        fn ready(&self) -> Result<(), Text> {
            Ok(())
        }

        fn restart(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_waits_is_counted_shown_and_brought_about() {
        let fixture = fixture();
        let (admin, reader) = (Some(Role::Administrator), Some(Role::ReadOnly));
        let (_, _, html) = fixture.get("/console/notifications", admin, "en").await;
        assert!(html.contains("Nothing waits.") && !html.contains("(waiting:"), "{html}");
        let entries = |port: &str, level: &str| {
            let pairs = [("listen.c2s", format!("127.0.0.1:{port}")), ("log.level", level.to_owned())];
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Entries>()
        };
        let file: Arc<Mutex<Result<Entries, Vec<Text>>>> = Arc::new(Mutex::new(Ok(entries("0", "debug"))));
        let (read, told) = (file.clone(), Arc::new(AtomicBool::new(false)));
        let node = fixture.app.node();
        node.set_name("im1");
        node.set_bootstrap(Bootstrap::new(Some("/etc/node.toml".into()), entries("1", "info"), move || {
            read.lock().unwrap().clone()
        }));
        node.set_restarter(Told(told.clone()));
        fixture.app.set_ready(true);
        let (_, _, html) = fixture.get("/console/notifications", admin, "en").await;
        for part in ["(waiting: 2)", "/etc/node.toml", "listen.c2s", "/console/services/client-connections/restart", "come back"]
        {
            assert!(html.contains(part), "{part}: {html}");
        }
        let (_, _, html) = fixture.get("/console/notifications", reader, "ja").await;
        assert!(html.contains("log.level") && !html.contains("/restart"), "who only reads has no buttons: {html}");
        let form = format!("csrf={}", csrf_of(&caller(Role::Administrator)));
        *file.lock().unwrap() = Err(vec![Text::plain("line 3: <broken>")]);
        let (_, _, html) = fixture.get("/console/notifications", admin, "en").await;
        assert!(html.contains("line 3: &#60;broken&#62;") && html.contains("(waiting: 1)"), "{html}");
        let (_, _, html) = fixture.ask(post("/console/notifications/restart"), admin, &form).await;
        assert!(html.contains("line 3: &#60;broken&#62;") && !told.load(Ordering::Relaxed), "{html}");
        *file.lock().unwrap() = Ok(entries("0", "debug"));
        let (status, headers, _) = fixture.ask(post("/console/notifications/restart"), admin, &form).await;
        assert_eq!((status, headers[header::LOCATION].as_bytes()), (StatusCode::SEE_OTHER, b"/console/notifications".as_slice()));
        assert!(told.load(Ordering::Relaxed));
    }
}
