//! Every operation of the API can be done from the terminal. A new operation gets a row in [`COMMANDS`]: its id, and a
//! command line that asks for it. `{file}` stands for a file with `{}` in it; a password is at hand on standard input.

use super::*;
use clap::FromArgMatches;
use std::collections::BTreeSet;

const COMMANDS: &[(&str, &str)] = &[
    ("session.show", "whoami"),
    ("status.show", "status"),
    ("diagnostics.checks", "doctor --list"),
    ("diagnostics.run", "doctor --section disk"),
    ("diagnostics.last", "doctor --last"),
    ("diagnostics.bundle", "doctor --bundle new.json"),
    ("users.list", "user list"),
    ("users.add", "user add taro --password-stdin"),
    ("users.show", "user show taro"),
    ("users.update", "user set taro --mail taro@example.com"),
    ("users.remove", "user remove taro"),
    ("users.set-password", "user set-password taro --password-stdin"),
    ("users.set-enabled", "user disable taro"),
    ("users.show-archive", "user archive taro"),
    ("users.set-archive", "user archive taro true"),
    ("users.profile", "user profile taro"),
    ("users.update_profile", "user set-profile taro --title x"),
    ("users.set_im", "user im-enable taro"),
    ("users.duplicates", "user duplicates"),
    ("users.resolve_duplicate", "user resolve mail a@example.com --keep taro"),
    ("users.import", "user import {file}"),
    ("users.sessions", "user sessions taro"),
    ("users.end-session", "user end-session taro 1-0"),
    ("users.presence", "user presence taro"),
    ("users.contacts", "user contacts taro"),
    ("users.rename", "user rename taro jiro"),
    ("diagnostics.presence", "presence taro hanako"),
    ("directories.list", "directory list"),
    ("directories.add", "directory add d --from {file} --no-password"),
    ("directories.show", "directory show d"),
    ("directories.update", "directory replace d --from {file}"),
    ("directories.change", "directory set d --base dc=x"),
    ("directories.remove", "directory remove d"),
    ("directories.test", "directory test d"),
    ("directories.sync", "directory sync d --dry-run"),
    ("directories.start", "directory sync d --background"),
    ("directories.preview", "directory preview d --action create"),
    ("directories.leftovers", "directory leftovers d"),
    ("directories.problems", "directory problems d"),
    ("directories.left_out", "directory left-out d"),
    ("directories.take_again", "directory left-out d --take uid=x"),
    ("gateways.list", "gateway list"),
    ("gateways.add", "gateway add g --from {file} --no-password"),
    ("gateways.show", "gateway show g"),
    ("gateways.update", "gateway replace g --from {file}"),
    ("gateways.change", "gateway set g --poll-secs 9"),
    ("gateways.remove", "gateway remove g"),
    ("gateways.refresh", "gateway refresh g"),
    ("gateways.test", "gateway test g"),
    ("jobs.list", "job list"),
    ("jobs.create", "job create users.im --input {file}"),
    ("jobs.show", "job show 1"),
    ("jobs.cancel", "job cancel 1"),
    ("jobs.log", "job log 1"),
    ("services.list", "service list"),
    ("services.show", "service show sync-agent"),
    ("services.start", "service start sync-agent"),
    ("services.stop", "service stop sync-agent"),
    ("services.restart", "service restart sync-agent"),
    ("services.activate", "service activate sync-agent"),
    ("services.deactivate", "service deactivate sync-agent"),
    ("nodes.list", "node list"),
    ("nodes.restart", "node restart node1"),
    ("notifications.list", "notification list"),
    ("alarms.list", "alarm list"),
    ("alarms.catalogue", "alarm catalogue"),
    ("alarms.show", "alarm show 1"),
    ("alarms.acknowledge", "alarm acknowledge 1"),
    ("alarm-targets.list", "alarm-target list"),
    ("alarm-targets.add", "alarm-target add ops --kind webhook --url https://a.example/ --secret-stdin"),
    ("alarm-targets.show", "alarm-target show ops"),
    ("alarm-targets.change", "alarm-target set ops --severity error"),
    ("alarm-targets.remove", "alarm-target remove ops"),
    ("alarm-targets.test", "alarm-target test ops"),
    ("diagnostics.log-level", "log-level"),
    ("diagnostics.set-log-level", "log-level debug --for 5"),
    ("diagnostics.traces", "trace list"),
    ("diagnostics.start-trace", "trace start taro"),
    ("diagnostics.read-trace", "trace show taro"),
    ("diagnostics.stop-trace", "trace stop taro"),
    ("certificates.list", "certificate list"),
    ("certificates.authority", "certificate authority"),
    ("certificates.show", "certificate show web"),
    ("certificates.remove", "certificate remove web"),
    ("certificates.reissue", "certificate reissue web --name im.example.com --both"),
    ("certificates.request", "certificate request web --name im.example.com"),
    ("certificates.withdraw", "certificate withdraw web"),
    ("certificates.import", "certificate import web --certificate {file} --key {file}"),
    ("trust.list", "trust list"),
    ("trust.add", "trust add company {file}"),
    ("trust.show", "trust show company"),
    ("trust.remove", "trust remove company"),
    ("acme.show", "acme show"),
    ("acme.set", "acme set --directory https://acme.example/dir --name im.example.com --agree"),
    ("acme.remove", "acme remove"),
    ("acme.order", "acme order"),
    ("address-scheme.show", "address-scheme show"),
    ("address-scheme.switch", "address-scheme set directory-uri"),
    ("settings.list", "settings list"),
    ("settings.put", "settings set max_contacts 7"),
    ("admins.provider", "provider show"),
    ("admins.change-provider", "provider set --enabled true"),
    ("admins.test-provider", "provider test"),
    ("admins.unlink", "admin unlink hanako"),
    ("admins.list", "admin list"),
    ("admins.add", "admin add hanako --role operator --password-stdin"),
    ("admins.show", "admin show hanako"),
    ("admins.update", "admin set hanako --role operator"),
    ("admins.remove", "admin remove hanako"),
    ("admins.set-password", "admin set-password hanako --password-stdin"),
    ("admins.reset", "admin reset hanako"),
    ("admins.list-sessions", "admin sessions hanako"),
    ("admins.revoke-session", "admin end-session hanako 00"),
    ("tokens.list", "token list"),
    ("tokens.add", "token add nightly --admin hanako --scope users:read"),
    ("tokens.remove", "token remove 1"),
    ("audit.list", "audit list"),
];

/// What only a browser can do, and what to do on the host instead.
const BROWSER_ONLY: &[(&str, &str)] = &[
    ("session.sign-in", "makes the cookie of a browser; on the host the socket's mode says who is in"),
    ("session.sign-out", "ends the session of the browser that asks; `admin end-session` ends any"),
    ("session.set-up", "takes the link of the log; on the host `admin add` or `admin reset` makes the first administrator"),
    ("account.set-password", "is about whoever is signed in, with the password typed again; `admin set-password` is the host's"),
    ("account.enrol", "shows a picture to be scanned by whoever is signed in"),
    ("account.confirm", "ends what account.enrol began"),
    ("account.remove-second-factor", "is about whoever is signed in; `admin reset` is the host's"),
];

/// Id, method and path of each operation of the document.
fn operations() -> Vec<(String, String, String)> {
    let document = serde_json::to_value(zaiseki_admin::api::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Some(id) = operation["operationId"].as_str() {
                all.push((id.to_owned(), method.to_uppercase(), path.clone()));
            }
        }
    }
    all
}

fn planned(line: &str, file: &str) -> Plan {
    let words: Vec<&str> = std::iter::once("zaiseki").chain(line.split(' ')).collect();
    let words = words.into_iter().map(|word| if word == "{file}" { file } else { word });
    let matches = args::command(Lang::En).try_get_matches_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
    let Command::Ask(ask) = args::Cli::from_arg_matches(&matches).unwrap().command else { panic!("{line}") };
    let (mut input, mut out) = ("a long password\n".as_bytes(), Vec::new());
    let mut console = Console { lang: Lang::En, input: &mut input, out: &mut out, ask: None };
    let plan = plan(ask, &mut console).unwrap_or_else(|error| panic!("{line}: {error:#}"));
    assert_eq!(plan.requests.len(), 1, "{line}");
    plan
}

/// Every field of a schema and of those that it names.
fn fields_of(schema: &Value, document: &Value, seen: &mut BTreeSet<String>, fields: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        if seen.insert(name.to_owned()) && name != "Text" {
            fields_of(&document["components"]["schemas"][name], document, seen, fields);
        }
        return;
    }
    for (key, within) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(key.clone());
        fields_of(within, document, seen, fields);
    }
    for part in ["items", "oneOf", "anyOf", "allOf"] {
        match &schema[part] {
            Value::Array(all) => all.iter().for_each(|one| fields_of(one, document, seen, fields)),
            one if one.is_object() => fields_of(one, document, seen, fields),
            _ => {}
        }
    }
}

#[test]
fn every_field_of_one_thing_has_a_label() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "{}").unwrap();
    let document = serde_json::to_value(zaiseki_admin::api::openapi()).unwrap();
    let all = operations();
    let (mut seen, mut fields) = (BTreeSet::new(), BTreeSet::new());
    for (id, line) in COMMANDS {
        let plan = planned(line, &file.display().to_string());
        let alone = [View::Fields, View::Status, View::Job, View::Service, View::Alarm, View::Acme, View::Certificate];
        let more = [View::TrustedAuthority, View::MadeToken, View::AddressScheme];
        let Some((_, method, path)) = all.iter().find(|(known, ..)| known == id) else { continue };
        if plan.file.is_some() || !alone.iter().chain(&more).any(|view| *view == plan.view) {
            continue;
        }
        for (status, answer) in document["paths"][path][method.to_lowercase()]["responses"].as_object().unwrap() {
            if status.starts_with('2') {
                fields_of(&answer["content"]["application/json"]["schema"], &document, &mut seen, &mut fields);
            }
        }
    }
    let none: Vec<&String> = fields.iter().filter(|key| show::labels::place(key).is_none()).collect();
    assert!(!fields.is_empty() && none.is_empty(), "no label for {none:?}: add it to LABELS in cli/show/labels.rs");
}

/// Whether a path without its query has the form of the template.
fn fits(path: &str, template: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (path, template): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
    path.len() == template.len() && path.iter().zip(&template).all(|(part, form)| form.starts_with('{') || part == form)
}

#[test]
fn every_operation_has_a_command() {
    let known: BTreeSet<&str> = COMMANDS.iter().chain(BROWSER_ONLY).map(|(id, _)| *id).collect();
    assert_eq!(known.len(), COMMANDS.len() + BROWSER_ONLY.len(), "an operation stands twice");
    let all = operations();
    let ids: BTreeSet<&str> = all.iter().map(|(id, ..)| id.as_str()).collect();
    let missing: Vec<&&str> = ids.difference(&known).collect();
    assert!(missing.is_empty(), "no command for {missing:?}: add it, and a row to COMMANDS in {}", file!());
    let gone: Vec<&&str> = known.difference(&ids).collect();
    assert!(gone.is_empty(), "there is no operation {gone:?}");
}

#[test]
fn every_command_asks_for_its_operation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "{}").unwrap();
    let all = operations();
    for (id, line) in COMMANDS {
        let Some((_, method, template)) = all.iter().find(|(known, ..)| known == id) else { continue };
        let request = planned(line, &file.display().to_string()).requests.remove(0);
        let path = format!("{}/{}", zaiseki_admin::api::PREFIX, request.path);
        assert_eq!((request.method.as_str(), fits(&path, template)), (method.as_str(), true), "{id}: {line}: {path}");
    }
}
