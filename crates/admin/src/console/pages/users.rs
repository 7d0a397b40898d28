//! People › Users: search, make, change, enable, disable, remove.

use super::user_live;
use crate::console::blocks::{Action, Block, Cell, FormBlock, Pager, Search, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, can_be_mended, encoded, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::addresses::{self, Scheme};
use zaiseki_control::app::users::{self, NewUser, Password, UserPage, UserQuery, UserUpdate, UserView};
use zaiseki_control::app::{archive, directories};

const READ: Right = Right::read(Area::Users);
const WRITE: Right = Right::write(Area::Users);
pub(super) const LIST: &str = "/console/users";
/// Users of one page of the list.
const ROWS: usize = 50;
/// Pages that the list knows the way back to.
const TRAIL: usize = 20;

pub fn pages() -> Pages {
    Pages::default()
        .page("/console/users", READ, list)
        .page("/console/users:new", WRITE, |ctx| Ok(new_page(ctx, &Form::of([("enabled", on(true)), ("calendar", on(true))]))))
        .act("/console/users:new", WRITE, create)
        .page("/console/users/{name}", READ, show)
        .act("/console/users/{name}", WRITE, change)
        .page("/console/users/{name}/password", WRITE, |ctx| Ok(password_page(ctx, &Form::default())))
        .act("/console/users/{name}/password", WRITE, set_password)
        .act("/console/users/{name}/enabled", WRITE, set_enabled)
        .page("/console/users/{name}/rename", WRITE, |ctx| {
            Ok(rename_page(ctx, &Form::of([("name", ctx.param("name").to_owned())])))
        })
        .act("/console/users/{name}/rename", WRITE, rename)
        .page("/console/users/{name}/remove", WRITE, ask_remove)
        .act("/console/users/{name}/remove", WRITE, remove)
}

pub(super) fn href(name: &str) -> String {
    format!("/console/users/{}", part(name))
}

/// The value of a check box.
fn on(ticked: bool) -> String {
    if ticked { "on".to_owned() } else { String::new() }
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let state = ctx.query("state");
    let query = UserQuery {
        search: ctx.query("search").map(str::to_owned),
        enabled: state.filter(|state| *state != "all").map(|state| state == "enabled"),
        directory: ctx.query("directory").map(str::to_owned),
        after: ctx.query("after").map(str::to_owned),
        limit: Some(ROWS),
        ..UserQuery::default()
    };
    let found = users::list(&ctx.app, &query)?;
    let mut actions = Vec::new();
    if ctx.may(WRITE) {
        actions.push(Action::link("/console/users:new", ctx.t("users-new")).primary());
        actions.push(Action::link("/console/users:import", ctx.t("import-title")));
        actions.push(Action::link(super::users_im::from_list(ctx), ctx.t("bulk-im-title")));
    }
    let page = Page::new(ctx.t("nav-users")).bar(actions).search(search(ctx)?);
    // By user id they are the same.
    let addresses = addresses::scheme(&ctx.app)? == Scheme::DirectoryUri;
    Ok(page.table(table(ctx, &found, addresses)).block(Block::Pager(pager(ctx, &found))))
}

fn search(ctx: &Ctx) -> Result<Search, ControlError> {
    let now = Form::of(ctx.queries().iter().map(|(name, value)| (name.as_str(), value.clone())));
    let states = [("all", "users-state-all"), ("enabled", "users-state-enabled"), ("disabled", "users-state-disabled")];
    let states = states.map(|(state, key)| (state.to_owned(), ctx.t(key)));
    let mut fields = vec![
        Field::new(&now, ctx.lang, "search", ctx.t("users-search"), Kind::Input("search")),
        Field::new(&now, ctx.lang, "state", ctx.t("users-state"), Kind::Choice(states.to_vec())),
    ];
    let directories = directories::names(&ctx.app)?;
    if !directories.is_empty() {
        let any = (String::new(), ctx.t("users-directory-all"));
        let choices = std::iter::once(any).chain(directories.into_iter().map(|name| (name.clone(), name))).collect();
        fields.push(Field::new(&now, ctx.lang, "directory", ctx.t("users-directory"), Kind::Choice(choices)));
    }
    Ok(Search { action: "/console/users".to_owned(), fields, submit: ctx.t("frame-search") })
}

fn table(ctx: &Ctx, found: &UserPage, addresses: bool) -> Table {
    let row = |user: &UserView| {
        let mut row = vec![
            Cell::link(href(&user.name), &user.name),
            Cell::text(&user.display_name),
            Cell::text(&user.mail),
            Cell::text(&user.telephone),
            state(ctx, user),
        ];
        if addresses {
            row.insert(1, Cell::text(&user.address));
        }
        row
    };
    let mut columns = vec!["users-name", "users-display-name", "users-mail", "users-telephone", "users-state"];
    if addresses {
        columns.insert(1, "users-address");
    }
    Table {
        caption: ctx.t("nav-users"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: found.users.iter().map(row).collect(),
        empty: ctx.t("users-empty"),
    }
}

fn state(ctx: &Ctx, user: &UserView) -> Cell {
    match user.enabled {
        true => Cell::pill(Sign::Good, ctx.t("users-state-enabled")),
        false => Cell::pill(Sign::Quiet, ctx.t("users-state-disabled")),
    }
}

fn pager(ctx: &Ctx, found: &UserPage) -> Pager {
    let kept = |after: &str, trail: &[&str]| {
        let joined = trail.join("/");
        let mut pairs = Vec::new();
        pairs.extend(["search", "state", "directory"].into_iter().filter_map(|name| Some((name, ctx.query(name)?))));
        pairs.extend((!after.is_empty()).then_some(("after", after)));
        pairs.extend((!trail.is_empty()).then_some(("trail", joined.as_str())));
        format!("/console/users?{}", encoded(&pairs))
    };
    let (here, behind) = (ctx.query("after").unwrap_or_default(), trail(ctx));
    let mut on = behind.clone();
    on.push(here);
    let on = &on[on.len().saturating_sub(TRAIL)..];
    Pager {
        total: ctx.tn("users-total", "number", grouped(found.total)),
        first: ctx.query("after").map(|_| kept("", &[])),
        previous: behind.split_last().map(|(last, rest)| kept(last, rest)),
        next: found.next.as_deref().map(|next| kept(next, on)),
    }
}

/// What the pages before this one began after, the first page after nothing. A localpart holds no `/`.
fn trail(ctx: &Ctx) -> Vec<&str> {
    ctx.queries().get("trail").map(|trail| trail.split('/').collect()).unwrap_or_default()
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let user = users::show(&ctx.app, ctx.param("name"))?;
    let form = Form::of([
        ("display_name", user.display_name.clone()),
        ("mail", user.mail.clone()),
        ("telephone", user.telephone.clone()),
        ("language", user.language.clone().unwrap_or_default()),
        ("calendar", on(user.calendar)),
        ("archive", on(archive::user_archive(&ctx.app, &user.name)?)),
    ]);
    user_live::sections(ctx, user_page(ctx, &user, &form), &user)
}

fn user_page(ctx: &Ctx, user: &UserView, form: &Form) -> Page {
    let display_name = users::straightened(&user.display_name);
    let title = if display_name.is_empty() { user.name.clone() } else { format!("{display_name} ({})", user.name) };
    let page = Page::new(title).line(user.address.clone()).help("help-user");
    let page = match user.enabled {
        true => page.state(Sign::Good, ctx.t("users-state-enabled")),
        false => page.state(Sign::Quiet, ctx.t("users-state-disabled")),
    };
    if !ctx.may(WRITE) {
        return page.facts(facts(ctx, user));
    }
    let mut fields = details(ctx, form);
    let tick = |name, key: &str, help: &str| Field::new(form, ctx.lang, name, ctx.t(key), Kind::Tick).help(ctx.t(help));
    fields.push(tick("calendar", "users-calendar", "users-calendar-help"));
    fields.push(tick("archive", "users-archive", "users-archive-help"));
    let block = FormBlock { action: href(&user.name), fields, submit: ctx.t("frame-save"), stored: true, ..FormBlock::default() };
    page.bar(actions(ctx, user)).form(ctx, form, block)
}

fn actions(ctx: &Ctx, user: &UserView) -> Vec<Action> {
    let at = |what: &str| format!("{}/{what}", href(&user.name));
    let switch = match user.enabled {
        true => Action::post(at("enabled"), ctx.t("users-disable")).with("enabled", "false"),
        false => Action::post(at("enabled"), ctx.t("users-enable")).with("enabled", "true"),
    };
    let password = Action::link(at("password"), ctx.t("users-set-password"));
    let rename = Action::link(at("rename"), ctx.t("users-rename"));
    vec![switch, password, rename, Action::link(at("remove"), ctx.t("users-remove")).danger()]
}

fn facts(ctx: &Ctx, user: &UserView) -> Vec<(String, Cell)> {
    vec![
        (ctx.t("users-mail"), Cell::text(&user.mail)),
        (ctx.t("users-telephone"), Cell::text(&user.telephone)),
        (ctx.t("users-language"), Cell::text(user.language.clone().unwrap_or_default())),
    ]
}

fn details(ctx: &Ctx, form: &Form) -> Vec<Field> {
    let field = |name, key: &str, kind| Field::new(form, ctx.lang, name, ctx.t(key), kind);
    vec![
        field("display_name", "users-display-name", Kind::Input("text")),
        field("mail", "users-mail", Kind::Input("email")),
        field("telephone", "users-telephone", Kind::Input("tel")),
        field("language", "users-language", Kind::Input("text")).help(ctx.t("users-language-help")),
    ]
}

fn change(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    let text = |field| Some(form.text(field).to_owned());
    let update = UserUpdate {
        display_name: text("display_name"),
        mail: text("mail"),
        telephone: text("telephone"),
        language: text("language"),
        calendar: Some(form.ticked("calendar")),
    };
    let changed = users::update(&ctx.app, ctx.actor(), name, &update).and_then(|user| {
        if archive::user_archive(&ctx.app, name)? != form.ticked("archive") {
            archive::set_user_archive(&ctx.app, ctx.actor(), name, form.ticked("archive"))?;
        }
        Ok(user)
    });
    match changed {
        Ok(user) => Ok(Next::go(href(&user.name), "users-changed", user.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(user_page(ctx, &users::show(&ctx.app, name)?, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn new_page(ctx: &Ctx, form: &Form) -> Page {
    let field = |name, key: &str, kind| Field::new(form, ctx.lang, name, ctx.t(key), kind);
    let mut fields = vec![
        field("name", "users-name", Kind::Input("text")).help(ctx.t("users-name-help")).required().autofocus(),
        field("password", "users-password", Kind::Password { new: true }).help(ctx.t("users-password-help")),
    ];
    fields.extend(details(ctx, form));
    fields.push(field("enabled", "users-enabled", Kind::Tick));
    fields.push(field("calendar", "users-calendar", Kind::Tick).help(ctx.t("users-calendar-help")));
    let block = FormBlock {
        action: "/console/users:new".to_owned(),
        fields,
        submit: ctx.t("users-create"),
        cancel: Some("/console/users".to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("users-new")).help("help-users-new").form(ctx, form, block)
}

fn create(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let new = NewUser {
        name: form.text("name").to_owned(),
        password: Some(form.raw("password")).filter(|text| !text.is_empty()).map(Password::new),
        display_name: form.text("display_name").to_owned(),
        mail: form.text("mail").to_owned(),
        telephone: form.text("telephone").to_owned(),
        language: form.given("language").map(str::to_owned),
        calendar: form.ticked("calendar"),
        enabled: form.ticked("enabled"),
        im: true,
    };
    match users::create(&ctx.app, ctx.actor(), &new) {
        Ok(user) => Ok(Next::go(href(&user.name), "users-created", user.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn password_page(ctx: &Ctx, form: &Form) -> Page {
    let name = ctx.param("name");
    let password = Field::new(form, ctx.lang, "password", ctx.t("users-password-new"), Kind::Password { new: true });
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![password.required().autofocus()],
        submit: ctx.t("users-set-password"),
        cancel: Some(href(name)),
        ..FormBlock::default()
    };
    Page::new(ctx.tn("users-password-title", "name", name)).text(ctx.t("users-password-note")).form(ctx, form, block)
}

fn set_password(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    match users::set_password(&ctx.app, ctx.actor(), name, &Password::new(form.raw("password"))) {
        Ok(user) => Ok(Next::go(href(&user.name), "users-password-set", user.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(password_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn rename_page(ctx: &Ctx, form: &Form) -> Page {
    let name = ctx.param("name");
    let field = Field::new(form, ctx.lang, "name", ctx.t("users-rename-to"), Kind::Input("text")).help(ctx.t("users-name-help"));
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![field.required().autofocus()],
        submit: ctx.t("users-rename"),
        cancel: Some(href(name)),
        ..FormBlock::default()
    };
    let page = Page::new(ctx.tn("users-rename-title", "name", name)).help("help-user-rename");
    page.text(ctx.t("users-rename-note")).form(ctx, form, block)
}

fn rename(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    match users::rename(&ctx.app, ctx.actor(), ctx.param("name"), form.text("name")) {
        Ok(user) => Ok(Next::go(href(&user.name), "users-renamed", user.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(rename_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn set_enabled(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let enabled = form.text("enabled") == "true";
    let user = users::set_enabled(&ctx.app, ctx.actor(), ctx.param("name"), enabled)?;
    Ok(Next::go(href(&user.name), if enabled { "users-was-enabled" } else { "users-was-disabled" }, user.name))
}

fn ask_remove(ctx: &Ctx) -> Result<Page, ControlError> {
    let user = users::show(&ctx.app, ctx.param("name"))?;
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("users-remove"),
        cancel: Some(href(&user.name)),
        danger: true,
        ..FormBlock::default()
    };
    let title = ctx.tn("users-remove-title", "name", user.name);
    Ok(Page::new(title).text(ctx.t("users-remove-note")).form(ctx, &Form::default(), block))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let user = users::remove(&ctx.app, ctx.actor(), ctx.param("name"))?;
    Ok(Next::go("/console/users", "users-removed", user.name))
}
