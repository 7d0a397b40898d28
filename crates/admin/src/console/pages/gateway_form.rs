//! Presence › Gateways: the forms of a new gateway and of one that changes.

use super::gateways::{LIST, WRITE, href, kind};
use crate::console::blocks::FormBlock;
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::{Map, Value, json};
use zaiseki_control::app::gateways::{self, DEFAULT_POLL_SECS, GatewayConfig, GatewayInput, GatewayView};
use zaiseki_control::app::users::Password;
use zaiseki_control::{ControlError, Text};

pub(super) fn pages() -> Pages {
    Pages::default()
        .page("/console/gateways:ews", WRITE, |ctx| Ok(new_page(ctx, &EWS, &start(&EWS))))
        .act("/console/gateways:ews", WRITE, |ctx, form| create(ctx, &EWS, form))
        .page("/console/gateways:caldav", WRITE, |ctx| Ok(new_page(ctx, &CALDAV, &start(&CALDAV))))
        .act("/console/gateways:caldav", WRITE, |ctx, form| create(ctx, &CALDAV, form))
        .page("/console/gateways/{name}/edit", WRITE, edit)
        .act("/console/gateways/{name}/edit", WRITE, change)
}

/// How a part of the configuration is typed.
enum Typed {
    Line,
    Lines,
    Number,
    Tick,
    /// Value and text of each choice.
    Choice(&'static [(&'static str, &'static str)]),
}

/// One part of the configuration; the field has the name of its key.
struct Part {
    key: &'static str,
    label: &'static str,
    help: &'static str,
    typed: Typed,
    /// Stands in `server` of the configuration.
    server: bool,
    required: bool,
    /// What a new gateway starts with.
    start: &'static str,
}

/// A kind of server with what it is asked about.
struct Service {
    kind: &'static str,
    address: Part,
    parts: &'static [Part],
}

const fn part(key: &'static str, label: &'static str, help: &'static str, typed: Typed, start: &'static str) -> Part {
    Part { key, label, help, typed, server: false, required: false, start }
}

const fn required(part: Part) -> Part {
    Part { required: true, ..part }
}

const fn server(part: Part) -> Part {
    Part { server: true, ..part }
}

const USERNAME: Part = required(part("username", "gateways-username", "gateways-username-help", Typed::Line, ""));

const SERVER: [Part; 4] = [
    server(part("connect_to", "gateways-connect-to", "gateways-connect-to-help", Typed::Line, "")),
    server(required(part("timeout_secs", "gateways-timeout", "gateways-timeout-help", Typed::Number, "30"))),
    server(part("ca_pem", "gateways-ca", "gateways-ca-help", Typed::Lines, "")),
    server(part("allow_clear_text", "gateways-clear-text", "gateways-clear-text-help", Typed::Tick, "")),
];

static EWS: Service = Service {
    kind: "ews",
    address: required(part("url", "gateways-url", "gateways-url-ews-help", Typed::Line, "")),
    parts: &[
        part("auth", "gateways-auth", "gateways-auth-help", Typed::Choice(AUTH), "ntlm"),
        part("channel_binding", "gateways-channel-binding", "gateways-channel-binding-help", Typed::Tick, "on"),
        part("mode", "gateways-mode", "gateways-mode-ews-help", Typed::Choice(EWS_MODES), "availability"),
        part("impersonation", "gateways-impersonation", "gateways-impersonation-help", Typed::Choice(IMPERSONATION), PRIMARY),
        required(part("mailbox", "gateways-mailbox", "gateways-mailbox-help", Typed::Line, "{mail}")),
    ],
};

static CALDAV: Service = Service {
    kind: "caldav",
    address: required(part("url", "gateways-url", "gateways-url-caldav-help", Typed::Line, "")),
    parts: &[
        part("mode", "gateways-mode", "gateways-mode-caldav-help", Typed::Choice(CALDAV_MODES), "auto"),
        required(part("default_zone", "gateways-zone", "gateways-zone-help", Typed::Line, "UTC")),
        part("ignore_declined", "gateways-declined", "gateways-declined-help", Typed::Tick, "on"),
    ],
};

const AUTH: &[(&str, &str)] = &[("ntlm", "gateways-auth-ntlm"), ("basic", "gateways-auth-basic")];
const EWS_MODES: &[(&str, &str)] = &[("availability", "gateways-mode-availability"), ("find-item", "gateways-mode-find-item")];
const CALDAV_MODES: &[(&str, &str)] = &[("auto", "gateways-mode-auto"), ("free-busy", "gateways-mode-free-busy")];
const PRIMARY: &str = "primary-smtp-address";
const IMPERSONATION: &[(&str, &str)] = &[
    (PRIMARY, "gateways-impersonation-primary"),
    ("smtp-address", "gateways-impersonation-smtp"),
    ("principal-name", "gateways-impersonation-principal"),
    ("off", "gateways-impersonation-off"),
];

impl Service {
    fn of(config: &GatewayConfig) -> &'static Service {
        match config {
            GatewayConfig::Ews(_) => &EWS,
            GatewayConfig::Caldav(_) => &CALDAV,
        }
    }

    /// All parts, in the order of the form; the password stands after the first two.
    fn parts(&self) -> impl Iterator<Item = &Part> {
        [&self.address, &USERNAME].into_iter().chain(self.parts).chain(&SERVER)
    }

    /// The configuration that was typed.
    fn read(&self, form: &Form) -> Result<GatewayConfig, ControlError> {
        let (mut config, mut server) = (Map::new(), Map::new());
        config.insert("kind".to_owned(), json!(self.kind));
        for part in self.parts() {
            let value = match part.typed {
                Typed::Tick => json!(form.ticked(part.key)),
                Typed::Number => json!(form.number(part.key)?),
                _ => match form.given(part.key) {
                    Some(text) => json!(text),
                    None if part.required => return Err(missing(part.key)),
                    None => continue,
                },
            };
            if part.server { &mut server } else { &mut config }.insert(part.key.to_owned(), value);
        }
        config.insert("server".to_owned(), Value::Object(server));
        serde_json::from_value(Value::Object(config)).map_err(|why| ControlError::not_understood("config", &why))
    }
}

fn missing(field: &'static str) -> ControlError {
    ControlError::Invalid { field, text: Text::new("must not be empty", "入力してください") }
}

/// Address and account, for people.
pub(super) fn address(config: &GatewayConfig) -> (&str, &str) {
    match config {
        GatewayConfig::Ews(ews) => (&ews.url, &ews.username),
        GatewayConfig::Caldav(caldav) => (&caldav.url, &caldav.username),
    }
}

/// The form of a new gateway.
fn start(service: &Service) -> Form {
    let starts = service.parts().map(|part| (part.key, part.start.to_owned()));
    Form::of(starts.chain([("poll_secs", DEFAULT_POLL_SECS.to_string()), ("enabled", "on".to_owned())]))
}

/// The form of a gateway as it is.
fn now(gateway: &GatewayView) -> Form {
    let config = json!(gateway.config);
    let value = |part: &Part| {
        let holder = if part.server { &config["server"] } else { &config };
        match &holder[part.key] {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "on".to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        }
    };
    let parts = Service::of(&gateway.config).parts().map(|part| (part.key, value(part)));
    Form::of(parts.chain([("name", gateway.name.clone()), ("poll_secs", gateway.poll_secs.to_string())]))
}

fn field(ctx: &Ctx, form: &Form, part: &Part) -> Field {
    let kind = match part.typed {
        Typed::Line if part.key == "url" => Kind::Input("url"),
        Typed::Line => Kind::Input("text"),
        Typed::Lines => Kind::Lines,
        Typed::Number => Kind::Input("number"),
        Typed::Tick => Kind::Tick,
        Typed::Choice(choices) => Kind::Choice(choices.iter().map(|(value, key)| ((*value).to_owned(), ctx.t(key))).collect()),
    };
    let field = Field::new(form, ctx.lang, part.key, ctx.t(part.label), kind).help(ctx.t(part.help));
    if part.required { field.required() } else { field }
}

fn fields(ctx: &Ctx, service: &Service, form: &Form, secret_help: &str) -> Vec<Field> {
    let name = Field::new(form, ctx.lang, "name", ctx.t("gateways-name"), Kind::Input("text"));
    let secret = Field::new(form, ctx.lang, "secret", ctx.t("gateways-password"), Kind::Password { new: true });
    let poll = Field::new(form, ctx.lang, "poll_secs", ctx.t("gateways-poll"), Kind::Input("number"));
    let mut fields = vec![name.help(ctx.t("gateways-name-help")).required()];
    fields.extend(service.parts().map(|part| field(ctx, form, part)));
    // Name, address, account, password.
    fields.insert(3, secret.help(ctx.t(secret_help)));
    fields.insert(4, poll.help(ctx.t("gateways-poll-help")).required());
    fields
}

fn new_page(ctx: &Ctx, service: &Service, form: &Form) -> Page {
    let mut fields = fields(ctx, service, form, "gateways-password-help");
    let enabled = Field::new(form, ctx.lang, "enabled", ctx.t("gateways-enabled"), Kind::Tick);
    fields.push(enabled.help(ctx.t("gateways-enabled-help")));
    let block = FormBlock {
        action: ctx.path.clone(),
        fields,
        submit: ctx.t("gateways-create"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    let title = ctx.t(if service.kind == "ews" { "gateways-new-ews" } else { "gateways-new-caldav" });
    Page::new(title).help("help-gateways-new").form(ctx, form, block)
}

fn input(service: &Service, form: &Form, enabled: bool) -> Result<GatewayInput, ControlError> {
    Ok(GatewayInput {
        name: form.text("name").to_owned(),
        config: service.read(form)?,
        secret: Some(form.raw("secret")).filter(|text| !text.is_empty()).map(Password::new),
        poll_secs: form.number("poll_secs")?,
        enabled,
    })
}

fn create(ctx: &Ctx, service: &Service, form: Form) -> Result<Next, ControlError> {
    let enabled = form.ticked("enabled");
    match input(service, &form, enabled).and_then(|input| gateways::add(&ctx.app, ctx.actor(), &input)) {
        Ok(gateway) => Ok(Next::go(href(&gateway.name), "gateways-created", gateway.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, service, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn edit(ctx: &Ctx) -> Result<Page, ControlError> {
    let gateway = gateways::show(&ctx.app, ctx.param("name"))?;
    Ok(edit_page(ctx, &gateway, &now(&gateway)))
}

fn edit_page(ctx: &Ctx, gateway: &GatewayView, form: &Form) -> Page {
    let secret_help = if gateway.secret { "gateways-password-kept" } else { "gateways-password-help" };
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: fields(ctx, Service::of(&gateway.config), form, secret_help),
        submit: ctx.t("frame-save"),
        stored: true,
        cancel: Some(href(&gateway.name)),
        ..FormBlock::default()
    };
    Page::new(&gateway.name).line(kind(ctx, &gateway.kind)).help("help-gateways-new").form(ctx, form, block)
}

fn change(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let before = gateways::show(&ctx.app, ctx.param("name"))?;
    let input = input(Service::of(&before.config), &form, before.enabled);
    match input.and_then(|input| gateways::update(&ctx.app, ctx.actor(), &before.name, &input)) {
        Ok(gateway) => Ok(Next::go(href(&gateway.name), "gateways-changed", gateway.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(edit_page(ctx, &before, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}
