//! People › Directories: the forms of a new directory and of one that changes.

use super::directories::{LIST, WRITE, href};
use crate::console::blocks::FormBlock;
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::{Map, Value, json};
use zaiseki_control::app::directories::{self, DirectoryInput, DirectoryView};
use zaiseki_control::app::users::Password;
use zaiseki_control::directory::DirectoryService;
use zaiseki_control::directory::rules::SyncRules;
use zaiseki_control::{ControlError, Text};

pub(super) fn pages() -> Pages {
    Pages::default()
        .page("/console/directories:ldap", WRITE, |ctx| Ok(new_page(ctx, &LDAP, &start(&LDAP))))
        .act("/console/directories:ldap", WRITE, |ctx, form| create(ctx, &LDAP, form))
        .page("/console/directories:active-directory", WRITE, |ctx| Ok(new_page(ctx, &WINDOWS, &start(&WINDOWS))))
        .act("/console/directories:active-directory", WRITE, |ctx, form| create(ctx, &WINDOWS, form))
        .page("/console/directories:unified-cm", WRITE, |ctx| Ok(new_page(ctx, &UNIFIED_CM, &start(&UNIFIED_CM))))
        .act("/console/directories:unified-cm", WRITE, |ctx, form| create(ctx, &UNIFIED_CM, form))
        .page("/console/directories/{name}/edit", WRITE, edit)
        .act("/console/directories/{name}/edit", WRITE, change)
}

/// How a part is typed.
#[derive(Clone, Copy)]
enum Typed {
    Line,
    Lines,
    /// A list: one in each line.
    List,
    /// An object of texts: `key=value` in each line.
    Pairs,
    Number,
    Tick,
    /// Value and text of each choice.
    Choice(&'static [(&'static str, &'static str)]),
}

/// One part of the configuration, or of the rules of synchronising.
struct Part {
    /// The name of the field, which is the one that errors name.
    name: &'static str,
    label: &'static str,
    help: &'static str,
    typed: Typed,
    required: bool,
    /// What a new directory starts with.
    start: &'static str,
}

/// A kind of directory.
struct Service {
    kind: &'static str,
    /// Of an LDAP directory.
    schema: Option<&'static str>,
    title: &'static str,
    new: &'static str,
    /// The account that reads; the password stands behind it.
    account: &'static str,
    parts: &'static [Part],
    /// Rules of its synchronisation besides [`RULES`].
    rules: &'static [Part],
}

const fn part(name: &'static str, label: &'static str, help: &'static str, typed: Typed, start: &'static str) -> Part {
    Part { name, label, help, typed, required: false, start }
}

const fn required(part: Part) -> Part {
    Part { required: true, ..part }
}

const SECURITY: &[(&str, &str)] =
    &[("starttls", "directories-security-starttls"), ("tls", "directories-security-tls"), ("none", "directories-security-none")];
const SCOPES: &[(&str, &str)] = &[("subtree", "directories-scope-subtree"), ("one-level", "directories-scope-one-level")];
const WHICH: &[(&str, &str)] =
    &[("enabled", "directories-users-enabled"), ("home", "directories-users-home"), ("all", "directories-users-all")];

const SERVERS: Part = required(part("servers", "directories-servers", "directories-servers-help", Typed::List, ""));
const CA: Part = part("ca", "directories-ca", "directories-ca-help", Typed::Lines, "");
const COUNTRY: Part = part("country_code", "directories-country", "directories-country-help", Typed::Line, "");
const PAGE: Part = required(part("page_size", "directories-page", "directories-page-help", Typed::Number, "500"));

const LDAP_PARTS: &[Part] = &[
    SERVERS,
    part("security", "directories-security", "directories-security-help", Typed::Choice(SECURITY), "starttls"),
    CA,
    part("bind_dn", "directories-bind-dn", "directories-bind-dn-help", Typed::Line, ""),
    required(part("base", "directories-base", "directories-base-help", Typed::Line, "")),
    part("scope", "directories-scope", "directories-scope-help", Typed::Choice(SCOPES), "subtree"),
    part("filter", "directories-filter", "directories-filter-help", Typed::Line, ""),
    part("attributes", "directories-attributes", "directories-attributes-help", Typed::Pairs, ""),
    COUNTRY,
    PAGE,
    part("follow_referrals", "directories-follow", "directories-follow-help", Typed::Tick, ""),
];

static LDAP: Service = Service {
    kind: "ldap",
    schema: Some("inet-org-person"),
    title: "directories-kind-ldap",
    new: "directories-new-ldap",
    account: "bind_dn",
    parts: LDAP_PARTS,
    rules: &[],
};

static WINDOWS: Service = Service {
    kind: "ldap",
    schema: Some("active-directory"),
    title: "directories-kind-ad-name",
    new: "directories-new-ad",
    account: "bind_dn",
    parts: LDAP_PARTS,
    rules: &[],
};

static UNIFIED_CM: Service = Service {
    kind: "unified-cm",
    schema: None,
    title: "directories-kind-cm-name",
    new: "directories-new-cm",
    account: "username",
    parts: &[
        SERVERS,
        CA,
        part("certificate", "directories-certificate", "directories-certificate-help", Typed::Lines, ""),
        required(part("username", "directories-username", "directories-username-help", Typed::Line, "")),
        part("users", "directories-which", "directories-which-help", Typed::Choice(WHICH), "enabled"),
        required(part("version", "directories-version", "directories-version-help", Typed::Line, "12.0")),
        COUNTRY,
        PAGE,
        required(part("timeout_secs", "directories-timeout", "directories-timeout-help", Typed::Number, "60")),
    ],
    rules: &[required(part("sync.changes_minutes", "directories-changes", "directories-changes-help", Typed::Number, "5"))],
};

/// The fields of [`SyncRules`], whose errors name them so.
const RULES: &[Part] = &[
    required(part("sync.every_minutes", "directories-every", "directories-every-help", Typed::Number, "1440")),
    required(part("sync.at", "directories-at", "directories-at-help", Typed::Line, "18:00")),
    required(part("sync.grace_hours", "directories-grace", "directories-grace-help", Typed::Number, "24")),
    required(part("sync.brake_percent", "directories-brake", "directories-brake-help", Typed::Number, "50")),
    part("sync.enable_new", "directories-enable-new", "directories-enable-new-help", Typed::Tick, "on"),
    part("sync.adopt", "directories-adopt", "directories-adopt-help", Typed::Tick, ""),
];

impl Service {
    fn of(config: &DirectoryService) -> &'static Service {
        match (config, json!(config)["schema"].as_str()) {
            (DirectoryService::UnifiedCm(_), _) => &UNIFIED_CM,
            (DirectoryService::Ldap(_), Some("active-directory")) => &WINDOWS,
            (DirectoryService::Ldap(_), _) => &LDAP,
        }
    }

    /// The configuration that was typed.
    fn read(&self, form: &Form) -> Result<DirectoryService, ControlError> {
        let mut config = typed(self.parts, form)?;
        config.insert("kind".to_owned(), json!(self.kind));
        if let Some(schema) = self.schema {
            config.insert("schema".to_owned(), json!(schema));
        }
        understood(Value::Object(config))
    }
}

/// What was typed, by key; what was left empty is not among it.
fn typed<'p>(parts: impl IntoIterator<Item = &'p Part>, form: &Form) -> Result<Map<String, Value>, ControlError> {
    let mut all = Map::new();
    for part in parts {
        let value = match part.typed {
            Typed::Tick => json!(form.ticked(part.name)),
            Typed::Number => json!(form.number(part.name)?),
            Typed::List => json!(lines(form, part.name).collect::<Vec<_>>()),
            Typed::Pairs => pairs(form, part.name)?,
            _ => match form.given(part.name) {
                Some(text) => json!(text),
                None if part.required => return Err(missing(part.name)),
                None => continue,
            },
        };
        let key = part.name.strip_prefix("sync.").unwrap_or(part.name);
        all.insert(key.to_owned(), value);
    }
    Ok(all)
}

fn lines<'a>(form: &'a Form, name: &str) -> impl Iterator<Item = &'a str> {
    form.text(name).lines().map(str::trim).filter(|line| !line.is_empty())
}

fn pairs(form: &Form, name: &'static str) -> Result<Value, ControlError> {
    let mut all = Map::new();
    for line in lines(form, name) {
        let Some((field, attribute)) = line.split_once('=') else {
            let (en, ja) = (format!("{line}: field=attribute is expected"), format!("{line}: 項目=属性 の形で入力してください"));
            return Err(ControlError::Invalid { field: name, text: Text::new(en, ja) });
        };
        all.insert(field.trim().to_owned(), json!(attribute.trim()));
    }
    Ok(Value::Object(all))
}

fn understood<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ControlError> {
    serde_json::from_value(value).map_err(|why| ControlError::not_understood("config", &why))
}

fn missing(field: &'static str) -> ControlError {
    ControlError::Invalid { field, text: Text::new("must not be empty", "入力してください") }
}

/// What kind of directory it is, as people call it.
pub(super) fn kind(ctx: &Ctx, directory: &DirectoryView) -> String {
    ctx.t(Service::of(&directory.config).title)
}

pub(super) fn servers(config: &DirectoryService) -> &[String] {
    match config {
        DirectoryService::Ldap(ldap) => &ldap.servers,
        DirectoryService::UnifiedCm(cluster) => &cluster.servers,
    }
}

fn parts(service: &Service) -> impl Iterator<Item = &Part> {
    service.parts.iter().chain(service.rules).chain(RULES)
}

/// The form of a new directory.
fn start(service: &Service) -> Form {
    let starts = parts(service).map(|part| (part.name, part.start.to_owned()));
    Form::of(starts.chain([("enabled", "on".to_owned())]))
}

/// The form of a directory as it is.
fn now(directory: &DirectoryView) -> Form {
    let (config, sync) = (json!(directory.config), json!(directory.sync));
    let value = |part: &Part| {
        let value = match part.name.strip_prefix("sync.") {
            Some(key) => &sync[key],
            None => &config[part.name],
        };
        shown(value)
    };
    let values = parts(Service::of(&directory.config)).map(|part| (part.name, value(part)));
    Form::of(values.chain([("name", directory.name.clone())]))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "on".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        Value::Object(all) => {
            let line = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
            all.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn field(ctx: &Ctx, form: &Form, part: &Part) -> Field {
    let kind = match part.typed {
        Typed::Line => Kind::Input("text"),
        Typed::Lines | Typed::List | Typed::Pairs => Kind::Lines,
        Typed::Number => Kind::Input("number"),
        Typed::Tick => Kind::Tick,
        Typed::Choice(choices) => Kind::Choice(choices.iter().map(|(value, key)| ((*value).to_owned(), ctx.t(key))).collect()),
    };
    let field = Field::new(form, ctx.lang, part.name, ctx.t(part.label), kind).help(ctx.t(part.help));
    if part.required { field.required() } else { field }
}

fn fields(ctx: &Ctx, service: &Service, form: &Form, secret_help: &str) -> Vec<Field> {
    let name = Field::new(form, ctx.lang, "name", ctx.t("directories-name"), Kind::Input("text"));
    let mut fields = vec![name.help(ctx.t("directories-name-help")).required()];
    for part in parts(service) {
        fields.push(field(ctx, form, part));
        if part.name == service.account {
            let secret = Field::new(form, ctx.lang, "secret", ctx.t("directories-password"), Kind::Password { new: true });
            fields.push(secret.help(ctx.t(secret_help)));
        }
    }
    fields
}

fn new_page(ctx: &Ctx, service: &Service, form: &Form) -> Page {
    let mut fields = fields(ctx, service, form, "directories-password-help");
    let enabled = Field::new(form, ctx.lang, "enabled", ctx.t("directories-enabled"), Kind::Tick);
    fields.push(enabled.help(ctx.t("directories-enabled-help")));
    let block = FormBlock {
        action: ctx.path.clone(),
        fields,
        submit: ctx.t("directories-create"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t(service.new)).help("help-directories-new").form(ctx, form, block)
}

fn input(service: &Service, form: &Form, enabled: bool) -> Result<DirectoryInput, ControlError> {
    let sync: SyncRules = understood(Value::Object(typed(service.rules.iter().chain(RULES), form)?))?;
    // Anonymous access has no password: the one that was kept goes with the account.
    let anonymous = form.given(service.account).is_none();
    let typed = Some(form.raw("secret")).filter(|text| anonymous || !text.is_empty());
    Ok(DirectoryInput {
        name: form.text("name").to_owned(),
        config: service.read(form)?,
        secret: typed.map(Password::new),
        sync,
        enabled,
    })
}

fn create(ctx: &Ctx, service: &Service, form: Form) -> Result<Next, ControlError> {
    let enabled = form.ticked("enabled");
    match input(service, &form, enabled).and_then(|input| directories::add(&ctx.app, ctx.actor(), &input)) {
        Ok(directory) => Ok(Next::go(href(&directory.name), "directories-created", directory.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, service, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn edit(ctx: &Ctx) -> Result<Page, ControlError> {
    let directory = directories::show(&ctx.app, ctx.param("name"))?;
    Ok(edit_page(ctx, &directory, &now(&directory)))
}

fn edit_page(ctx: &Ctx, directory: &DirectoryView, form: &Form) -> Page {
    let secret_help = if directory.secret { "directories-password-kept" } else { "directories-password-help" };
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: fields(ctx, Service::of(&directory.config), form, secret_help),
        submit: ctx.t("frame-save"),
        stored: true,
        cancel: Some(href(&directory.name)),
        ..FormBlock::default()
    };
    Page::new(&directory.name).line(kind(ctx, directory)).help("help-directories-new").form(ctx, form, block)
}

fn change(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let before = directories::show(&ctx.app, ctx.param("name"))?;
    let input = input(Service::of(&before.config), &form, before.enabled);
    match input.and_then(|input| directories::update(&ctx.app, ctx.actor(), &before.name, &input)) {
        Ok(directory) => Ok(Next::go(href(&directory.name), "directories-changed", directory.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(edit_page(ctx, &before, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}
