//! System › Alarm targets: the syslog servers, mail servers and webhooks that alarms are sent to, and their test.

use super::alarms::severity;
use crate::console::blocks::{Action, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use crate::console::texts;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::alarms::target::TargetConfig;
use zaiseki_control::app::alarm_targets::{self, AlarmTargetChange, AlarmTargetView};
use zaiseki_control::{ControlError, Text};

const READ: Right = Right::read(Area::Alarms);
const WRITE: Right = Right::write(Area::Alarms);
const LIST: &str = "/console/alarm-targets";

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .page("/console/alarm-targets:new/{kind}", WRITE, |ctx| Ok(new_page(ctx, &Form::of(defaults(ctx)))))
        .act("/console/alarm-targets:new/{kind}", WRITE, add)
        .page("/console/alarm-targets/{name}", READ, show)
        .act("/console/alarm-targets/{name}", WRITE, change)
        .act("/console/alarm-targets/{name}/test", WRITE, test)
        .act("/console/alarm-targets/{name}/enabled", WRITE, set_enabled)
        .act("/console/alarm-targets/{name}/remove", WRITE, remove)
}

fn href(name: &str) -> String {
    format!("{LIST}/{}", part(name))
}

fn state(ctx: &Ctx, target: &AlarmTargetView) -> (Sign, String) {
    let (sign, key) = match &target.status {
        _ if !target.enabled => (Sign::Quiet, "targets-state-off"),
        None => (Sign::Quiet, "targets-state-waiting"),
        Some(status) if status.failing_since.is_some() => (Sign::Bad, "targets-state-failing"),
        Some(status) if status.sent == 0 => (Sign::Quiet, "targets-state-waiting"),
        Some(_) => (Sign::Good, "targets-state-works"),
    };
    (sign, ctx.t(key))
}

fn kind_word(ctx: &Ctx, kind: &str) -> String {
    ctx.t(match kind {
        "syslog" => "targets-kind-syslog",
        "mail" => "targets-kind-mail",
        _ => "targets-kind-webhook",
    })
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = alarm_targets::list(&ctx.app)?;
    let new = |kind: &str, key: &str| Action::link(format!("{LIST}:new/{kind}"), ctx.t(key)).primary();
    let actions = match ctx.may(WRITE) {
        true => vec![new("syslog", "targets-new-syslog"), new("mail", "targets-new-mail"), new("webhook", "targets-new-webhook")],
        false => Vec::new(),
    };
    let row = |target: &AlarmTargetView| {
        let (sign, word) = state(ctx, target);
        let error = target.status.as_ref().and_then(|status| status.last_error.clone());
        vec![
            Cell::link(href(&target.name), &target.name),
            Cell::Text(kind_word(ctx, target.config.kind())),
            Cell::pill(sign, word),
            Cell::Text(severity(ctx, target.severity).1),
            error.map_or(Cell::Empty, |error| Cell::text(error.get(ctx.lang))),
        ]
    };
    let columns = ["targets-name", "targets-kind", "targets-state", "targets-severity", "targets-error"];
    let table = Table {
        caption: ctx.t("nav-targets"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(row).collect(),
        empty: ctx.t("targets-empty"),
    };
    Ok(Page::new(ctx.t("nav-targets")).refresh(10).bar(actions).table(table))
}

/// A new target speaks the language of the page.
fn defaults(ctx: &Ctx) -> [(&'static str, String); 2] {
    [("severity", "warning".to_owned()), ("language", texts::tag(ctx.lang).to_owned())]
}

/// The fields of a kind, with those that all have.
fn fields(ctx: &Ctx, form: &Form, kind: &str) -> Vec<Field> {
    let text = |name: &str, key: &str| Field::new(form, ctx.lang, name, ctx.t(key), Kind::Input("text"));
    let choice = |name: &str, key: &str, values: &[(&str, &str)]| {
        let values = values.iter().map(|(value, key)| ((*value).to_owned(), ctx.t(key))).collect();
        Field::new(form, ctx.lang, name, ctx.t(key), Kind::Choice(values))
    };
    let port =
        || Field::new(form, ctx.lang, "port", ctx.t("targets-port"), Kind::Input("number")).help(ctx.t("targets-port-help"));
    let ca = || Field::new(form, ctx.lang, "ca_pem", ctx.t("targets-ca"), Kind::Lines).help(ctx.t("targets-ca-help"));
    let secret =
        |key: &str, help: &str| Field::new(form, ctx.lang, "secret", ctx.t(key), Kind::Password { new: true }).help(ctx.t(help));
    let mut fields = vec![text("name", "targets-name").required()];
    match kind {
        "syslog" => {
            let transports = [("tls", "targets-tls"), ("tcp", "targets-tcp"), ("udp", "targets-udp")];
            let transport = choice("transport", "targets-transport", &transports);
            fields.extend([text("host", "targets-host").required(), port(), transport, ca()]);
        }
        "mail" => {
            let securities = [("starttls", "targets-starttls"), ("tls", "targets-tls"), ("none", "targets-clear")];
            let security = choice("security", "targets-transport", &securities);
            let to = text("to", "targets-to").help(ctx.t("targets-to-help")).required();
            fields.extend([
                text("host", "targets-host").required(),
                port(),
                security,
                text("from", "targets-from").required(),
                to,
            ]);
            fields.extend([text("username", "targets-username"), secret("targets-password", "targets-secret-help"), ca()]);
        }
        _ => {
            let url = Field::new(form, ctx.lang, "url", ctx.t("targets-url"), Kind::Input("url")).required();
            fields.extend([url, secret("targets-key", "targets-key-help"), ca()]);
        }
    }
    let severities = [
        ("info", "alarms-severity-info"),
        ("warning", "alarms-severity-warning"),
        ("error", "alarms-severity-error"),
        ("critical", "alarms-severity-critical"),
    ];
    fields.push(choice("severity", "targets-severity", &severities));
    fields.push(choice("language", "targets-language", &[("en", "targets-english"), ("ja", "targets-japanese")]));
    fields
}

fn new_page(ctx: &Ctx, form: &Form) -> Page {
    let kind = ctx.param("kind");
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: fields(ctx, form, kind),
        submit: ctx.t("targets-add"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    Page::new(kind_word(ctx, kind)).form(ctx, form, block)
}

/// What was typed, as the API takes it. Empty fields take a key back to its default.
fn typed(form: &Form, kind: &str) -> Result<Value, ControlError> {
    let port = form.given("port").map(|_| form.number("port")).transpose()?;
    let port = port.map(u16::try_from).transpose().map_err(|_| {
        let text = Text::new("must be 1 to 65535", "1 から 65535 までの値を指定してください");
        ControlError::Invalid { field: "port", text }
    })?;
    let mut config = json!({ "ca_pem": form.given("ca_pem") });
    match kind {
        "syslog" => {
            config["host"] = json!(form.text("host"));
            config["port"] = json!(port);
            config["transport"] = json!(form.text("transport"));
        }
        "mail" => {
            let to: Vec<&str> = form.text("to").split([',', ' ']).filter(|to| !to.is_empty()).collect();
            config["host"] = json!(form.text("host"));
            config["port"] = json!(port);
            config["security"] = json!(form.text("security"));
            config["username"] = json!(form.given("username"));
            config["from"] = json!(form.text("from"));
            config["to"] = json!(to);
        }
        _ => config["url"] = json!(form.text("url")),
    }
    let secret = Some(form.raw("secret")).filter(|secret| !secret.is_empty());
    Ok(json!({
        "name": form.text("name"), "config": config, "secret": secret,
        "severity": form.text("severity"), "language": form.text("language"),
    }))
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ControlError> {
    serde_json::from_value(value).map_err(|why| ControlError::not_understood("config", &why))
}

fn add(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let kind = ctx.param("kind");
    let made = typed(&form, kind).and_then(|mut value| {
        value["config"]["kind"] = json!(kind);
        alarm_targets::add(&ctx.app, ctx.actor(), &read(value)?)
    });
    match made {
        Ok(target) => Ok(Next::go(href(&target.name), "targets-added", target.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let target = alarm_targets::show(&ctx.app, ctx.param("name"))?;
    let form = stored(&target);
    Ok(page(ctx, &target, &form))
}

/// A form with the values of now.
fn stored(target: &AlarmTargetView) -> Form {
    let config = json!(target.config);
    let mut values = vec![("name", target.name.clone())];
    for key in ["host", "port", "transport", "security", "username", "from", "url", "ca_pem"] {
        match &config[key] {
            Value::String(text) => values.push((key, text.clone())),
            Value::Number(number) => values.push((key, number.to_string())),
            _ => {}
        }
    }
    if let TargetConfig::Mail(mail) = &target.config {
        values.push(("to", mail.to.join(", ")));
    }
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    values.push(("severity", word(json!(target.severity))));
    values.push(("language", word(json!(target.language))));
    Form::of(values)
}

fn page(ctx: &Ctx, target: &AlarmTargetView, form: &Form) -> Page {
    let (sign, word) = state(ctx, target);
    let at = |what: &str| format!("{}/{what}", href(&target.name));
    let page = Page::new(&target.name).line(kind_word(ctx, target.config.kind())).help("help-target").state(sign, word);
    let error = target.status.as_ref().and_then(|status| status.last_error.clone());
    let page = error.into_iter().fold(page, |page, error| page.notice(Sign::Bad, error.get(ctx.lang)));
    let page = page.facts(facts(ctx, target));
    if !ctx.may(WRITE) {
        return page;
    }
    let switch = match target.enabled {
        true => Action::post(at("enabled"), ctx.t("targets-disable")).with("enabled", "false"),
        false => Action::post(at("enabled"), ctx.t("targets-enable")).with("enabled", "true"),
    };
    let remove = Action::post(at("remove"), ctx.t("frame-remove")).danger();
    let page = page.bar(vec![Action::post(at("test"), ctx.t("targets-test")).primary(), switch, remove]);
    let block = FormBlock {
        action: href(&target.name),
        fields: fields(ctx, form, target.config.kind()),
        submit: ctx.t("targets-save"),
        stored: true,
        ..FormBlock::default()
    };
    page.form(ctx, form, block)
}

fn facts(ctx: &Ctx, target: &AlarmTargetView) -> Vec<(String, Cell)> {
    let Some(status) = target.status.clone().filter(|_| target.enabled) else { return Vec::new() };
    let mut facts = vec![
        (ctx.t("targets-sent"), Cell::number(status.sent)),
        (ctx.t("targets-refused"), Cell::number(status.refused)),
        (ctx.t("targets-lost"), Cell::number(status.lost)),
    ];
    let times = [("targets-last-sent", status.last_sent), ("targets-failing-since", status.failing_since)];
    facts.extend(times.into_iter().filter_map(|(key, at)| Some((ctx.t(key), Cell::Time(at?)))));
    facts
}

fn change(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let before = alarm_targets::show(&ctx.app, ctx.param("name"))?;
    let changed = typed(&form, before.config.kind())
        .and_then(|value| alarm_targets::change(&ctx.app, ctx.actor(), &before.name, &read::<AlarmTargetChange>(value)?));
    match changed {
        Ok(target) => Ok(Next::go(href(&target.name), "targets-changed", target.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(page(ctx, &before, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

/// Waits for the other side: each step has its own limit of time.
fn test(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let target = alarm_targets::show(&ctx.app, ctx.param("name"))?;
    let result = Handle::current().block_on(alarm_targets::prepare_test(&ctx.app, &target.name)?.run());
    let page = page(ctx, &target, &stored(&target));
    Ok(Next::Show(match result.error {
        None => page.state(Sign::Good, ctx.t("targets-test-sent")),
        Some(error) => page.state(Sign::Bad, ctx.t("targets-test-failed")).notice(Sign::Bad, error.get(ctx.lang)),
    }))
}

fn set_enabled(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let change = AlarmTargetChange { enabled: Some(form.text("enabled") == "true"), ..AlarmTargetChange::default() };
    let target = alarm_targets::change(&ctx.app, ctx.actor(), ctx.param("name"), &change)?;
    Ok(Next::go(href(&target.name), "targets-changed", target.name))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let target = alarm_targets::remove(&ctx.app, ctx.actor(), ctx.param("name"))?;
    Ok(Next::go(LIST, "targets-removed", target.name))
}
