//! System › Administrators' sign-in: the OpenID provider, and whether passwords are taken.

use super::administrators::role_word;
use crate::console::blocks::{Action, Block, Cell, FormBlock, Pill, Sign};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use zaiseki_control::access::{Area, Right, Role};
use zaiseki_control::app::provider::{self, ProviderChange, ProviderConfig, ProviderView, RoleRule};
use zaiseki_control::app::users::Password;
use zaiseki_control::{ControlError, Text};

const READ: Right = Right::read(Area::Security);
const WRITE: Right = Right::write(Area::Security);
const PATH: &str = "/console/admin-sign-in";
const TEST: &str = "/console/admin-sign-in/test";

/// Fields that are one line of text, each with the key of its label and of its help.
const TEXTS: [(&str, &str, &str); 7] = [
    ("title", "provider-title", "provider-title-help"),
    ("issuer", "provider-issuer", "provider-issuer-help"),
    ("client_id", "provider-client", "provider-client-help"),
    ("address", "provider-address", "provider-address-help"),
    ("scopes", "provider-scopes", "provider-scopes-help"),
    ("name_claim", "provider-name-claim", "provider-name-claim-help"),
    ("role_claim", "provider-role-claim", "provider-role-claim-help"),
];

pub fn pages() -> Pages {
    Pages::default().page(PATH, READ, show).act(PATH, WRITE, save).act(TEST, WRITE, test)
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let view = provider::show(&ctx.app)?;
    Ok(page(ctx, &view, &form_of(&view.config)))
}

fn form_of(config: &ProviderConfig) -> Form {
    let on = |is: bool| if is { "on" } else { "" }.to_owned();
    let rules: Vec<String> = config.roles.iter().map(|rule| format!("{} = {}", rule.value, rule.role.as_str())).collect();
    Form::of([
        ("enabled", on(config.enabled)),
        ("local_sign_in", on(config.local_sign_in)),
        ("match_existing", on(config.match_existing)),
        ("title", config.title.clone()),
        ("issuer", config.issuer.clone()),
        ("client_id", config.client_id.clone()),
        ("address", config.address.clone()),
        ("ca", config.ca.clone()),
        ("scopes", config.scopes.clone()),
        ("name_claim", config.name_claim.clone()),
        ("role_claim", config.role_claim.clone()),
        ("roles", rules.join("\n")),
        ("leeway_secs", config.leeway_secs.to_string()),
    ])
}

fn page(ctx: &Ctx, view: &ProviderView, form: &Form) -> Page {
    let (sign, word) = match view.config.enabled {
        true => (Sign::Good, ctx.t("provider-on")),
        false => (Sign::Quiet, ctx.t("provider-off")),
    };
    let page = Page::new(ctx.t("nav-admin-sign-in")).state(sign, word);
    if !ctx.may(WRITE) {
        return page.facts(facts(ctx, view));
    }
    let can_test = !view.config.issuer.is_empty();
    let bar = can_test.then(|| Action::post(TEST, ctx.t("provider-test"))).into_iter().collect();
    let redirect = vec![(ctx.t("provider-redirect"), Cell::Code(view.redirect_uri.clone()))];
    let block = FormBlock {
        action: PATH.to_owned(),
        fields: fields(ctx, view, form),
        submit: ctx.t("frame-save"),
        stored: true,
        ..FormBlock::default()
    };
    let page = page.bar(bar);
    let page = if view.config.address.is_empty() { page } else { page.facts(redirect) };
    page.form(ctx, form, block)
}

/// For those who only read.
fn facts(ctx: &Ctx, view: &ProviderView) -> Vec<(String, Cell)> {
    let config = &view.config;
    let word = |is: bool| Cell::Text(ctx.t(if is { "settings-on" } else { "settings-off" }));
    let rules = config.roles.iter().map(|rule| format!("{}: {}", rule.value, role_word(ctx, rule.role)));
    vec![
        (ctx.t("provider-local"), word(config.local_sign_in)),
        (ctx.t("provider-issuer"), Cell::Text(config.issuer.clone())),
        (ctx.t("provider-client"), Cell::Text(config.client_id.clone())),
        (ctx.t("provider-secret"), word(view.secret)),
        (ctx.t("provider-match"), word(config.match_existing)),
        (ctx.t("provider-roles"), Cell::Text(rules.collect::<Vec<_>>().join(", "))),
    ]
}

fn fields(ctx: &Ctx, view: &ProviderView, form: &Form) -> Vec<Field> {
    let field = |name: &str, label: &str, help: &str, kind| {
        let field = Field::new(form, ctx.lang, name, ctx.t(label), kind);
        if help.is_empty() { field } else { field.help(ctx.t(help)) }
    };
    let line = |(name, label, help): (&str, &str, &str)| field(name, label, help, Kind::Input("text"));
    let kept = if view.secret { "provider-secret-kept" } else { "provider-secret-help" };
    let [title, issuer, client, address, scopes, name_claim, role_claim] = TEXTS.map(line);
    vec![
        field("enabled", "provider-enabled", "", Kind::Tick),
        title,
        issuer,
        client,
        field("secret", "provider-secret", kept, Kind::Password { new: true }),
        field("public", "provider-public", "provider-public-help", Kind::Tick),
        address,
        field("ca", "provider-ca", "provider-ca-help", Kind::Lines),
        scopes,
        name_claim,
        field("match_existing", "provider-match", "provider-match-help", Kind::Tick),
        role_claim,
        field("roles", "provider-roles", "provider-roles-help", Kind::Lines),
        field("leeway_secs", "provider-leeway", "", Kind::Input("number")),
        field("local_sign_in", "provider-local", "provider-local-help", Kind::Tick),
    ]
}

fn save(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    match changed(&form).and_then(|change| provider::change(&ctx.app, ctx.actor(), &change)) {
        Ok(_) => Ok(Next::go(PATH, "settings-saved", ctx.t("nav-admin-sign-in"))),
        Err(error) if can_be_mended(&error) => {
            let view = provider::show(&ctx.app)?;
            Ok(Next::Again(page(ctx, &view, &form.wrong(error))))
        }
        Err(error) => Err(error),
    }
}

fn changed(form: &Form) -> Result<ProviderChange, ControlError> {
    let mut config: Map<String, Value> = TEXTS.iter().map(|(name, ..)| ((*name).to_owned(), json!(form.text(name)))).collect();
    for name in ["enabled", "local_sign_in", "match_existing"] {
        config.insert(name.to_owned(), json!(form.ticked(name)));
    }
    config.insert("ca".to_owned(), json!(form.text("ca").replace("\r\n", "\n")));
    config.insert("leeway_secs".to_owned(), json!(form.number("leeway_secs")?));
    config.insert("roles".to_owned(), json!(rules(form.text("roles"))?));
    let secret = match (form.ticked("public"), form.raw("secret")) {
        (true, _) => Some(Password::new("")),
        (false, "") => None,
        (false, typed) => Some(Password::new(typed)),
    };
    Ok(ProviderChange { config, secret })
}

/// Lines of `group = role`; the group may hold `=` itself.
fn rules(text: &str) -> Result<Vec<RoleRule>, ControlError> {
    let rule = |line: &str| {
        let (value, role) = line.rsplit_once('=')?;
        Some(RoleRule { value: value.trim().to_owned(), role: Role::parse(role.trim())? })
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(rule).collect::<Option<_>>().ok_or_else(|| {
        let en = "each line names a group and its role (administrator, operator, read-only), such as: im-admins = administrator";
        let ja =
            "1 行にグループと役割 (administrator、operator、read-only) を 1 組ずつ書いてください (例: im-admins = administrator)";
        ControlError::Invalid { field: "roles", text: Text::new(en, ja) }
    })
}

fn test(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let found = Handle::current().block_on(provider::prepare_test(&ctx.app)?.run());
    let view = provider::show(&ctx.app)?;
    let sign = if found.passed { Sign::Good } else { Sign::Bad };
    let mut page = page(ctx, &view, &form_of(&view.config));
    page.blocks.insert(0, Block::Notice(Pill::new(sign, found.seen.get(ctx.lang)), None));
    Ok(Next::Show(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_typed_as_they_are_shown() {
        let typed = "cn=im,ou=groups = administrator\n\n staff=read-only ";
        let read = rules(typed).unwrap();
        assert_eq!((read[0].value.as_str(), read[0].role), ("cn=im,ou=groups", Role::Administrator));
        assert_eq!((read[1].value.as_str(), read[1].role), ("staff", Role::ReadOnly));
        for wrong in ["staff", "staff = boss", "= "] {
            assert_eq!(rules(wrong).unwrap_err().field(), Some("roles"), "{wrong}");
        }
    }
}
