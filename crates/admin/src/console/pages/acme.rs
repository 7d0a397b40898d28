//! System › Certificates › ACME: certificates from a public authority, by themselves.

use crate::console::blocks::{Action, Cell, FormBlock, Sign};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::acme::{self, AcmeInput, AcmeView};
use zaiseki_control::app::certificates::usual_names;
use zaiseki_control::app::users::Password;
use zaiseki_control::certificates::Purpose;
use zaiseki_control::certificates::acme::no_listener;

const READ: Right = Right::read(Area::Certificates);
const WRITE: Right = Right::write(Area::Certificates);
const HERE: &str = "/console/certificates:acme";

pub fn pages() -> Pages {
    Pages::default()
        .page(HERE, READ, show)
        .act(HERE, WRITE, set)
        .act("/console/certificates:acme/order", WRITE, order)
        .page("/console/certificates:acme/remove", WRITE, remove_page)
        .act("/console/certificates:acme/remove", WRITE, remove)
}

fn state(view: &AcmeView) -> (Sign, &'static str) {
    match view {
        AcmeView { config: None, .. } => (Sign::Quiet, "acme-state-off"),
        AcmeView { busy: true, .. } => (Sign::Quiet, "acme-state-busy"),
        AcmeView { error: Some(_), .. } => (Sign::Bad, "acme-state-failed"),
        AcmeView { last_success: None, .. } => (Sign::Quiet, "acme-state-waiting"),
        AcmeView { .. } => (Sign::Good, "acme-state-works"),
    }
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let view = acme::show(&ctx.app)?;
    let form = stored(ctx, &view);
    Ok(page(ctx, &view, &form))
}

fn stored(ctx: &Ctx, view: &AcmeView) -> Form {
    let Some(config) = &view.config else {
        let names = usual_names(&ctx.app).join("\n");
        let on = || "on".to_owned();
        return Form::of([("directory", String::new()), ("names", names), ("xmpp", on()), ("web", on())]);
    };
    let mut values = vec![
        ("directory", config.directory.clone()),
        ("contact", config.contact.join(", ")),
        ("names", config.names.join("\n")),
        ("terms_agreed", "on".to_owned()),
        ("key_id", config.key_id.clone()),
    ];
    values.extend(config.purposes.iter().map(|purpose| (purpose.as_str(), "on".to_owned())));
    Form::of(values)
}

fn page(ctx: &Ctx, view: &AcmeView, form: &Form) -> Page {
    let (sign, word) = state(view);
    let mut page = Page::new(ctx.t("acme-title")).help("help-acme").state(sign, ctx.t(word));
    if view.listening.is_empty() {
        page = page.notice(Sign::Warning, ctx.t("acme-no-listener"));
    }
    // Of the missing address the page has just spoken.
    if let Some(error) = view.error.as_ref().filter(|error| **error != no_listener()) {
        page = page.notice(Sign::Bad, error.get(ctx.lang));
    }
    if view.config.is_some() {
        page = page.facts(facts(ctx, view));
    }
    if !ctx.may(WRITE) {
        return page;
    }
    if view.config.is_some() {
        let order = Action::post(format!("{HERE}/order"), ctx.t("acme-order")).primary();
        page = page.bar(vec![order, Action::link(format!("{HERE}/remove"), ctx.t("acme-remove"))]);
    }
    let block = FormBlock {
        action: HERE.to_owned(),
        fields: fields(ctx, view, form),
        submit: ctx.t("acme-save"),
        stored: true,
        ..FormBlock::default()
    };
    page.form(ctx, form, block)
}

fn facts(ctx: &Ctx, view: &AcmeView) -> Vec<(String, Cell)> {
    let times = [("acme-last-success", &view.last_success), ("acme-failed", &view.failed), ("acme-next", &view.next)];
    let given = times.into_iter().filter_map(|(key, at)| Some((ctx.t(key), Cell::Time(at.clone()?))));
    let mut facts: Vec<(String, Cell)> = given.collect();
    if view.failures > 0 {
        facts.push((ctx.t("acme-failures"), Cell::number(view.failures)));
    }
    if !view.listening.is_empty() {
        facts.push((ctx.t("acme-listening"), Cell::text(view.listening.join(", "))));
    }
    facts
}

fn fields(ctx: &Ctx, view: &AcmeView, form: &Form) -> Vec<Field> {
    let field = |name: &str, key: &str, kind: Kind| Field::new(form, ctx.lang, name, ctx.t(key), kind);
    let mut fields = vec![
        field("directory", "acme-directory", Kind::Input("url")).help(ctx.t("acme-directory-help")).required(),
        field("contact", "acme-contact", Kind::Input("text")).help(ctx.t("acme-contact-help")),
        field("names", "certs-names", Kind::Lines).help(ctx.t("acme-names-help")).required(),
    ];
    fields.extend(Purpose::ALL.map(|purpose| {
        let label = ctx.tn("acme-show-for", "purpose", purpose.title().get(ctx.lang).to_owned());
        Field::new(form, ctx.lang, purpose.as_str(), label, Kind::Tick)
    }));
    let bound = view.config.as_ref().is_some_and(|config| !config.key_id.is_empty());
    let key_help = if bound { "acme-hmac-kept" } else { "acme-hmac-help" };
    fields.push(field("key_id", "acme-key-id", Kind::Input("text")).help(ctx.t("acme-key-id-help")));
    fields.push(field("hmac_key", "acme-hmac", Kind::Password { new: true }).help(ctx.t(key_help)));
    fields.push(field("terms_agreed", "acme-terms", Kind::Tick));
    fields
}

fn typed(form: &Form) -> AcmeInput {
    let words = |name: &str| -> Vec<String> {
        let words = form.text(name).split(['\n', ',', ' ']).map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    AcmeInput {
        directory: form.text("directory").to_owned(),
        contact: words("contact"),
        terms_agreed: form.ticked("terms_agreed"),
        names: words("names"),
        purposes: Purpose::ALL.into_iter().filter(|purpose| form.ticked(purpose.as_str())).collect(),
        key_id: form.text("key_id").to_owned(),
        hmac_key: Some(form.raw("hmac_key")).filter(|text| !text.is_empty()).map(Password::new),
    }
}

fn set(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    match acme::set(&ctx.app, ctx.actor(), &typed(&form)) {
        Ok(_) => Ok(Next::go(HERE, "acme-saved", "ACME")),
        Err(error) if can_be_mended(&error) => {
            let view = acme::show(&ctx.app)?;
            Ok(Next::Again(page(ctx, &view, &form.wrong(error))))
        }
        Err(error) => Err(error),
    }
}

fn order(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    acme::order(&ctx.app, ctx.actor())?;
    Ok(Next::go(HERE, "acme-ordered", "ACME"))
}

fn remove_page(ctx: &Ctx) -> Result<Page, ControlError> {
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("acme-remove"),
        cancel: Some(HERE.to_owned()),
        danger: true,
        ..FormBlock::default()
    };
    let page = Page::new(ctx.t("acme-remove-title")).help("help-acme");
    Ok(page.text(ctx.t("acme-remove-text")).form(ctx, &Form::default(), block))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    acme::remove(&ctx.app, ctx.actor())?;
    Ok(Next::go(HERE, "acme-removed", "ACME"))
}
