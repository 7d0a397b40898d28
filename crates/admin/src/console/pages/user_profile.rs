//! People › Users › one of them › Profile: names, reading, numbers, devices, home, and whether others find the user.

use super::users::href;
use crate::console::blocks::FormBlock;
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::profiles::{self, DeviceView, NumberView, ProfileUpdate, ProfileView};
use zaiseki_control::{ControlError, Text};

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
        ("numbers", lines(profile.numbers.iter().map(|one| format!("{} = {}", one.kind, one.number)))),
        ("devices", lines(profile.devices.iter().map(device_line))),
        ("home_cluster", profile.home_cluster.clone().unwrap_or_default()),
        ("node", profile.node.clone().unwrap_or_default()),
        ("listed", if profile.unlisted { String::new() } else { "on".to_owned() }),
    ]);
    Ok(page(ctx, &profile, &form))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// `NAME, KIND, LINE`; what is empty at the end is left out.
fn device_line(device: &DeviceView) -> String {
    let line = format!("{}, {}, {}", device.name, device.kind, device.line);
    line.trim_end_matches([',', ' ']).to_owned()
}

/// Lines of `KIND = NUMBER`.
fn numbers(text: &str) -> Result<Vec<NumberView>, ControlError> {
    let number = |line: &str| {
        let (kind, number) = line.split_once('=').ok_or_else(|| {
            let (en, ja) = ("each line names a kind and a number", "1 行に種類と番号を 1 組ずつ書いてください");
            let text = Text::new(format!("{en}: work = +81312345678"), format!("{ja}: work = +81312345678"));
            ControlError::Invalid { field: "numbers", text }
        })?;
        Ok(NumberView { kind: kind.trim().to_owned(), number: number.trim().to_owned() })
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(number).collect()
}

/// Lines as of [`device_line`].
fn devices(text: &str) -> Vec<DeviceView> {
    let device = |line: &str| {
        let mut parts = line.splitn(3, ',').map(|part| part.trim().to_owned());
        let mut next = || parts.next().unwrap_or_default();
        DeviceView { name: next(), kind: next(), line: next() }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(device).collect()
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
        let numbers = Field::new(form, ctx.lang, "numbers", ctx.t("live-numbers"), Kind::Lines);
        fields.push(numbers.help(ctx.t("profile-numbers-help")));
    }
    fields.push(text("directory_uri", "live-directory-uri").help(ctx.t("profile-uri-help")));
    let devices = Field::new(form, ctx.lang, "devices", ctx.t("live-devices"), Kind::Lines);
    fields.push(devices.help(ctx.t("profile-devices-help")));
    fields.push(text("home_cluster", "profile-home-cluster").help(ctx.t("profile-home-help")));
    fields.push(text("node", "profile-node").help(ctx.t("profile-home-help")));
    if !profile.held.is_empty() {
        let release = Field::new(form, ctx.lang, "release", ctx.t("profile-release"), Kind::Tick);
        fields.push(release.help(ctx.t("profile-release-help")));
    }
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
    let numbers = match numbers(form.text("numbers")) {
        Ok(numbers) => Some(numbers).filter(|numbers| before.origin.is_none() && *numbers != before.numbers),
        Err(error) => return Ok(Next::Again(page(ctx, &before, &form.wrong(error)))),
    };
    let update = ProfileUpdate {
        numbers,
        devices: Some(devices(form.text("devices"))).filter(|devices| *devices != before.devices),
        home_cluster: changed("home_cluster", before.home_cluster.as_deref().unwrap_or_default()),
        node: changed("node", before.node.as_deref().unwrap_or_default()),
        release: form.ticked("release"),
        family_name: own("family_name", &before.family_name),
        given_name: own("given_name", &before.given_name),
        phonetic_name: own("phonetic_name", &before.phonetic_name),
        department: own("department", &before.department),
        title: own("title", &before.title),
        directory_uri: changed("directory_uri", &before.directory_uri),
        unlisted: Some(!form.ticked("listed")),
        mail: None,
    };
    match profiles::update(&ctx.app, ctx.actor(), name, &update) {
        Ok(profile) => Ok(Next::go(href(&profile.user.name), "users-changed", profile.user.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(page(ctx, &before, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}
