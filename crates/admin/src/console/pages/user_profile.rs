//! People › Users › one of them › Profile: names, reading, directory URI, and whether others find the user.

use super::users::href;
use crate::console::blocks::FormBlock;
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::profiles::{self, ProfileUpdate, ProfileView};

const WRITE: Right = Right::write(Area::Users);

pub fn pages() -> Pages {
    Pages::default().page("/console/users/{name}/profile", WRITE, show).act("/console/users/{name}/profile", WRITE, change)
}

/// The address of the form.
pub(super) fn at(name: &str) -> String {
    format!("{}/profile", href(name))
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let profile = profiles::show(&ctx.app, ctx.param("name"))?;
    let form = Form::of([
        ("family_name", profile.family_name.clone()),
        ("given_name", profile.given_name.clone()),
        ("phonetic_name", profile.phonetic_name.clone()),
        ("department", profile.department.clone()),
        ("title", profile.title.clone()),
        ("directory_uri", profile.directory_uri.clone()),
        ("listed", if profile.unlisted { String::new() } else { "on".to_owned() }),
    ]);
    Ok(page(ctx, &profile, &form))
}

fn page(ctx: &Ctx, profile: &ProfileView, form: &Form) -> Page {
    let text = |name, key: &str| Field::new(form, ctx.lang, name, ctx.t(key), Kind::Input("text"));
    let mut fields = Vec::new();
    if profile.origin.is_none() {
        fields.push(text("family_name", "live-family-name").autofocus());
        fields.push(text("given_name", "live-given-name"));
        fields.push(text("phonetic_name", "live-phonetic-name").help(ctx.t("profile-reading-help")));
        fields.push(text("department", "live-department"));
        fields.push(text("title", "live-job-title"));
    }
    fields.push(text("directory_uri", "live-directory-uri").help(ctx.t("profile-uri-help")));
    let listed = Field::new(form, ctx.lang, "listed", ctx.t("profile-listed"), Kind::Tick);
    fields.push(listed.help(ctx.t("profile-listed-help")));
    let block = FormBlock {
        action: ctx.path.clone(),
        fields,
        submit: ctx.t("frame-save"),
        stored: true,
        cancel: Some(href(&profile.user.name)),
        ..FormBlock::default()
    };
    let page = Page::new(ctx.tn("profile-title", "name", profile.user.name.clone())).help("help-user-profile");
    let page = if profile.origin.is_some() { page.text(ctx.t("profile-from-directory")) } else { page };
    page.form(ctx, form, block)
}

fn change(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    let before = profiles::show(&ctx.app, name)?;
    // What stays as it is must not be held against the directory.
    let changed = |field: &str, now: &str| Some(form.text(field)).filter(|text| *text != now).map(str::to_owned);
    let own = |field: &str, now: &str| changed(field, now).filter(|_| before.origin.is_none());
    let update = ProfileUpdate {
        family_name: own("family_name", &before.family_name),
        given_name: own("given_name", &before.given_name),
        phonetic_name: own("phonetic_name", &before.phonetic_name),
        department: own("department", &before.department),
        title: own("title", &before.title),
        directory_uri: changed("directory_uri", &before.directory_uri),
        unlisted: Some(!form.ticked("listed")),
        ..ProfileUpdate::default()
    };
    match profiles::update(&ctx.app, ctx.actor(), name, &update) {
        Ok(profile) => Ok(Next::go(href(&profile.user.name), "users-changed", profile.user.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(page(ctx, &before, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}
