//! The live settings, on one page for each area: from the table of `zaiseki_control::app::settings`, with range and default.

use crate::console::blocks::{Action, Cell, FormBlock, Table, grouped};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::settings::{self, Kind as Takes, SETTINGS, Setting, SettingView};
use zaiseki_control::{ControlError, Text};

/// The settings of one page.
struct Group {
    path: &'static str,
    name: &'static str,
    area: Area,
    holds: fn(&str) -> bool,
}

static PRESENCE: Group = Group {
    path: "/console/presence-settings",
    name: "nav-presence-settings",
    area: Area::Settings,
    holds: |key| matches!(key, "auto_authorize" | "max_contacts" | "max_watchers") || key.starts_with("calendar."),
};

static MESSAGING: Group = Group {
    path: "/console/messaging",
    name: "nav-messaging-settings",
    area: Area::Settings,
    holds: |key| key == "archive" || key.starts_with("archive_"),
};

static SECURITY: Group =
    Group { path: "/console/security", name: "nav-security", area: Area::Security, holds: |key| key.starts_with("admin.") };

static SIGN_IN: Group = Group {
    path: "/console/user-sign-in",
    name: "nav-user-sign-in",
    area: Area::Security,
    holds: |key| key.starts_with("sign_in."),
};

static PEOPLE: Group = Group {
    path: "/console/people-settings",
    name: "nav-people-settings",
    area: Area::Settings,
    holds: |key| key.starts_with("people."),
};

/// Whatever has no page of its own.
static PARAMETERS: Group = Group {
    path: "/console/parameters",
    name: "nav-parameters",
    area: Area::Settings,
    holds: |key| ![&PRESENCE, &MESSAGING, &SECURITY, &SIGN_IN, &PEOPLE].iter().any(|group| (group.holds)(key)),
};

pub fn pages() -> Pages {
    let read = |group: &Group| Right::read(group.area);
    let write = |group: &Group| Right::write(group.area);
    Pages::default()
        .page(PRESENCE.path, read(&PRESENCE), |ctx| Ok(show(ctx, &PRESENCE)))
        .act(PRESENCE.path, write(&PRESENCE), |ctx, form| save(ctx, &PRESENCE, form))
        .page(MESSAGING.path, read(&MESSAGING), |ctx| Ok(show(ctx, &MESSAGING)))
        .act(MESSAGING.path, write(&MESSAGING), |ctx, form| save(ctx, &MESSAGING, form))
        .page(PEOPLE.path, read(&PEOPLE), |ctx| Ok(show(ctx, &PEOPLE)))
        .act(PEOPLE.path, write(&PEOPLE), |ctx, form| save(ctx, &PEOPLE, form))
        .page(PARAMETERS.path, read(&PARAMETERS), |ctx| Ok(show(ctx, &PARAMETERS)))
        .act(PARAMETERS.path, write(&PARAMETERS), |ctx, form| save(ctx, &PARAMETERS, form))
        .page(SECURITY.path, read(&SECURITY), |ctx| Ok(show(ctx, &SECURITY)))
        .act(SECURITY.path, write(&SECURITY), |ctx, form| save(ctx, &SECURITY, form))
        .page(SIGN_IN.path, read(&SIGN_IN), |ctx| Ok(show(ctx, &SIGN_IN)))
        .act(SIGN_IN.path, write(&SIGN_IN), |ctx, form| save(ctx, &SIGN_IN, form))
}

/// The settings of a page with their values.
fn of(ctx: &Ctx, group: &'static Group) -> impl Iterator<Item = (&'static Setting, SettingView)> {
    SETTINGS.iter().zip(settings::list(&ctx.app)).filter(|(setting, _)| (group.holds)(setting.key))
}

fn show(ctx: &Ctx, group: &'static Group) -> Page {
    let values = of(ctx, group).map(|(setting, view)| (setting.key, typed(&view.value)));
    page(ctx, group, &Form::of(values))
}

fn page(ctx: &Ctx, group: &'static Group, form: &Form) -> Page {
    let page = Page::new(ctx.t(group.name)).line(ctx.t("settings-live"));
    if !ctx.may(Right::write(group.area)) {
        let fact = |(setting, view): (&Setting, SettingView)| (said(ctx, &view), Cell::Text(shown(ctx, setting, &view.value)));
        return page.facts(of(ctx, group).map(fact).collect());
    }
    let fields = of(ctx, group).map(|(setting, view)| field(ctx, form, setting, &view)).collect();
    let block =
        FormBlock { action: group.path.to_owned(), fields, submit: ctx.t("frame-save"), stored: true, ..FormBlock::default() };
    page.form(ctx, form, block).heading(ctx.t("settings-changed-heading")).table(not_default(ctx, group))
}

fn said(ctx: &Ctx, view: &SettingView) -> String {
    view.help.get(ctx.lang).trim_end_matches(['.', '。']).to_owned()
}

fn field(ctx: &Ctx, form: &Form, setting: &Setting, view: &SettingView) -> Field {
    let kind = match setting.kind {
        Takes::Bool => Kind::Tick,
        Takes::Number { .. } => Kind::Input("number"),
        Takes::Show => Kind::Choice(["away", "chat", "dnd", "xa"].map(|show| (show.to_owned(), show_word(ctx, show))).to_vec()),
        Takes::Language => Kind::Input("text"),
        Takes::Labels | Takes::Text { lines: true, .. } => Kind::Lines,
        Takes::Choice(words) => Kind::Choice(words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect()),
        Takes::Text { lines: false, .. } => Kind::Input("text"),
    };
    let mut about = vec![setting.key.to_owned()];
    if let (Some(min), Some(max)) = (view.min, view.max) {
        about.push(ctx.tns("settings-range", &[("min", grouped(min.into()).into()), ("max", grouped(max.into()).into())]));
    }
    about.extend(unit(ctx, setting.unit));
    if view.can_be_none {
        about.push(ctx.t("settings-empty-is-none"));
    }
    if setting.kind == Takes::Labels {
        about.push(ctx.t("settings-labels-help"));
    }
    about.push(setting.effect.text().get(ctx.lang).to_owned());
    about.push(ctx.tn("settings-default", "value", shown(ctx, setting, &view.default)));
    Field::new(form, ctx.lang, setting.key, said(ctx, view), kind).help(about.join(" · "))
}

fn unit(ctx: &Ctx, unit: &str) -> Option<String> {
    let key = match unit {
        "" => return None,
        "seconds" => "settings-unit-seconds",
        "minutes" => "settings-unit-minutes",
        "hours" => "settings-unit-hours",
        "days" => "settings-unit-days",
        "percent" => "settings-unit-percent",
        "characters" => "settings-unit-characters",
        other => return Some(other.to_owned()),
    };
    Some(ctx.t(key))
}

fn show_word(ctx: &Ctx, show: &str) -> String {
    let key = match show {
        "away" => "settings-show-away",
        "chat" => "settings-show-chat",
        "dnd" => "settings-show-dnd",
        _ => "settings-show-xa",
    };
    ctx.t(key)
}

/// A value for people.
fn shown(ctx: &Ctx, setting: &Setting, value: &Value) -> String {
    match value {
        Value::Bool(true) => ctx.t("settings-on"),
        Value::Bool(false) => ctx.t("settings-off"),
        Value::Null => ctx.t("settings-none"),
        Value::String(text) if text.is_empty() => ctx.t("settings-nothing"),
        Value::String(show) if setting.kind == Takes::Show => show_word(ctx, show),
        other => typed(other).replace('\n', ", "),
    }
}

/// A value as it stands in its field.
fn typed(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) | Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(labels) => {
            let line = |(language, text): (&String, &Value)| format!("{language} = {}", text.as_str().unwrap_or_default());
            labels.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// What differs from the defaults, each with its way back.
fn not_default(ctx: &Ctx, group: &'static Group) -> Table {
    let row = |(setting, view): (&Setting, SettingView)| {
        let back = Action::post(group.path, ctx.t("settings-to-default")).with("default", setting.key);
        vec![
            Cell::Code(setting.key.to_owned()),
            Cell::Text(shown(ctx, setting, &view.value)),
            Cell::Dim(shown(ctx, setting, &view.default)),
            Cell::Buttons(vec![back]),
        ]
    };
    let columns = ["settings-key", "settings-value", "settings-default-column"];
    Table {
        caption: ctx.t("settings-changed-heading"),
        columns: columns.iter().map(|key| ctx.t(key)).chain([String::new()]).collect(),
        rows: of(ctx, group).filter(|(_, view)| view.value != view.default).map(row).collect(),
        empty: ctx.t("settings-all-default"),
    }
}

fn save(ctx: &Ctx, group: &'static Group, form: Form) -> Result<Next, ControlError> {
    let Some(caller) = &ctx.caller else { return Err(ControlError::Forbidden { right: Right::write(group.area) }) };
    let changes = match form.given("default") {
        Some(key) => Ok(BTreeMap::from([(key.to_owned(), json!("default"))])),
        None => changes(ctx, group, &form),
    };
    let changes = match changes {
        Ok(changes) => changes,
        Err(errors) => return Ok(Next::Again(page(ctx, group, &errors.into_iter().fold(form, Form::wrong)))),
    };
    match settings::put_as(&ctx.app, caller, &changes) {
        Ok(_) => Ok(Next::go(group.path, "settings-saved", ctx.t(group.name))),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(page(ctx, group, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

/// What was typed and is not so yet.
///
/// # Errors
/// What is wrong with each of the fields.
fn changes(ctx: &Ctx, group: &'static Group, form: &Form) -> Result<BTreeMap<String, Value>, Vec<ControlError>> {
    let (mut changes, mut errors) = (BTreeMap::new(), Vec::new());
    for (setting, view) in of(ctx, group) {
        match changed(setting, &view, form) {
            Ok(None) => {}
            Ok(Some(value)) => drop(changes.insert(setting.key.to_owned(), value)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(changes) } else { Err(errors) }
}

/// The value that was typed, if it is another one.
fn changed(setting: &Setting, view: &SettingView, form: &Form) -> Result<Option<Value>, ControlError> {
    let value = value(setting, form)?;
    if value == view.value {
        return Ok(None);
    }
    setting.kind.check(&value).map_err(|text| ControlError::Invalid { field: setting.key, text })?;
    Ok(Some(value))
}

fn value(setting: &Setting, form: &Form) -> Result<Value, ControlError> {
    Ok(match setting.kind {
        Takes::Bool => json!(form.ticked(setting.key)),
        Takes::Number { or_none: true, .. } if form.given(setting.key).is_none() => Value::Null,
        Takes::Number { min, max, or_none } => json!(number(setting.key, form, min, max, or_none)?),
        Takes::Show | Takes::Language | Takes::Choice(_) => json!(form.text(setting.key)),
        // Browsers end lines with CR LF.
        Takes::Text { .. } => json!(form.text(setting.key).trim().replace("\r\n", "\n")),
        Takes::Labels => json!(labels(setting.key, form.text(setting.key))?),
    })
}

fn number(field: &'static str, form: &Form, min: u32, max: u32, or_none: bool) -> Result<u32, ControlError> {
    let typed = form.text(field).parse::<u32>().ok().filter(|number| (min..=max).contains(number));
    typed.ok_or_else(|| {
        let (en, ja) = if or_none { (", or nothing for no limit", "（空欄は無制限）") } else { ("", "") };
        let (min, max) = (grouped(min.into()), grouped(max.into()));
        let en = format!("must be a whole number from {min} to {max}, in digits{en}");
        let text = Text::new(en, format!("{min} から {max} までの整数を数字で入力してください{ja}"));
        ControlError::Invalid { field, text }
    })
}

/// Lines of `language = text`.
fn labels(field: &'static str, text: &str) -> Result<BTreeMap<String, String>, ControlError> {
    let pair = |line: &str| {
        let (language, text) = line.split_once('=')?;
        Some((language.trim().to_owned(), text.trim().to_owned()))
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(pair).collect::<Option<_>>().ok_or_else(|| {
        let en = "each line names a language and its text, such as: en = In a meeting";
        ControlError::Invalid {
            field, text: Text::new(en, "1 行に言語と文言を 1 組ずつ書いてください（例: ja = 会議中）")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_stands_on_one_page() {
        for setting in SETTINGS {
            let groups = [&PRESENCE, &MESSAGING, &SECURITY, &SIGN_IN, &PEOPLE, &PARAMETERS];
            let on: Vec<_> = groups.into_iter().filter(|group| (group.holds)(setting.key)).collect();
            assert_eq!(on.len(), 1, "{}", setting.key);
            assert_eq!(setting.right(), Right::write(on[0].area), "{}", setting.key);
        }
    }

    #[test]
    fn a_number_says_its_range_whatever_was_typed() {
        let typed = |text: &str| number("x", &Form::of([("x", text.to_owned())]), 1, 5_000, true);
        assert_eq!((typed("1").unwrap(), typed(" 5000 ").unwrap()), (1, 5_000));
        for wrong in ["many", "", "0", "5001", "-1", "1.5"] {
            let said = typed(wrong).unwrap_err().text().en;
            assert_eq!(said, "must be a whole number from 1 to 5,000, in digits, or nothing for no limit", "{wrong}");
        }
    }

    #[test]
    fn labels_are_typed_as_they_are_shown() {
        let value = json!({"en": "In a meeting", "ja": "会議中 = 不在"});
        assert_eq!(json!(labels("x", &typed(&value)).unwrap()), value);
        assert_eq!(labels("x", "en Away").unwrap_err().field(), Some("x"));
    }
}
