//! The command line. Each command is one request (or one for each name) to the REST API: through the Unix socket of the
//! running node, or, when none runs, answered in this process by the same functions.

mod acme;
mod addresses;
mod admins;
mod alarm_targets;
mod alarms;
mod args;
mod audit;
mod certificates;
mod complaint;
mod console;
mod diagnostics;
mod directories;
mod doctor;
mod door;
mod jobs;
mod people;
mod profiles;
mod provider;
mod services;
mod show;
mod tokens;
mod trust;

pub use args::{Command, parse};
pub use complaint::print;
pub use doctor::OnlyWarnings;

use crate::config::Config;
use crate::i18n::{Lang, Text};
use anyhow::{Context, Result, bail};
use args::{Ask, ChangedGateway, Format, GatewayCommand, GatewayOptions, PasswordSource, SettingsCommand, UserCommand};
use console::Console;
use door::Door;
use hyper::Method;
use serde_json::{Map, Value, json};
use show::View;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use zaiseki_admin::socket::SOCKET;

/// Users of one page of a list.
const PAGE: usize = 1_000;
/// Lists that come in pages, each with the parameter that takes the `next` of the page before.
const PAGED: [(&str, &str); 6] = [
    ("users", "after"),
    ("jobs", "after"),
    ("lines", "after"),
    ("contacts", "after"),
    ("alarms", "after"),
    ("entries", "before"),
];

/// Carries out one administrative command on the terminal. What it was asked to do but could not is an error, after
/// the results were written.
pub fn run((config, file): (&Config, Option<&Path>), ask: Ask, format: Format, lang: Lang) -> Result<()> {
    let (mut input, mut out) = (std::io::stdin(), std::io::stdout());
    let mut console = Console { lang, input: &mut input, out: &mut out, ask: console::terminal() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_on((config, file), ask, format, &mut console))
}

/// Whether a node answers in the data folder.
pub fn reaches_a_node(config: &Config) -> bool {
    UnixStream::connect(config.data_dir.join(SOCKET)).is_ok()
}

async fn run_on((config, file): (&Config, Option<&Path>), ask: Ask, format: Format, console: &mut Console<'_>) -> Result<()> {
    let mut plan = plan(ask, console)?;
    let door = Door::open(config, file).await?;
    if matches!(door, Door::Here { .. }) {
        let folder = config.data_dir.display();
        eprintln!("{}", console.say(format!("no node runs in {folder}"), format!("{folder} ではノードが実行されていません")));
    }
    let mut answers = Vec::new();
    let mut failure = None;
    for request in &mut plan.requests {
        match carry_out(&door, request, console.lang).await {
            Ok(answer) => answers.push(answer),
            Err(error) if plan.many && failure.is_none() => failure = Some(error),
            Err(error) if plan.many => tracing::debug!(%error, "one more failed"),
            Err(error) => return Err(error),
        }
    }
    let mut answer = if plan.many { Value::Array(answers) } else { answers.pop().unwrap_or(Value::Null) };
    if let (Some((key, value)), Some(fields)) = (plan.shown_once, answer.as_object_mut()) {
        fields.insert(key.to_owned(), Value::String(value));
    }
    match &plan.file {
        Some(file) => write_file(&answer, file, console)?,
        None => write(&answer, plan.view, format, console)?,
    }
    match failure {
        Some(error) => Err(error),
        None => verdict(&answer, plan.view, console),
    }
}

fn write(answer: &Value, view: View, format: Format, console: &mut Console<'_>) -> Result<()> {
    if answer.is_null() || answer.as_array().is_some_and(|list| list.is_empty() && view == View::Fields) {
        return Ok(());
    }
    let text = match format {
        Format::Json => format!("{answer:#}\n"),
        Format::Table => show::table(answer, view, console.lang),
    };
    console.out.write_all(text.as_bytes()).context("the result cannot be written")
}

/// A file that is there already stays as it is.
fn write_file(answer: &Value, file: &Path, console: &mut Console<'_>) -> Result<()> {
    let name = file.display();
    let failed = || Text::new(format!("the file {name} cannot be written"), format!("ファイル {name} に書き込めません"));
    let mut opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).with_context(failed)?;
    opened.write_all(format!("{answer:#}\n").as_bytes()).with_context(failed)?;
    let said = console.say(format!("written to {name}"), format!("{name} に書き込みました"));
    writeln!(console.out, "{said}").context("the result cannot be written")
}

/// An import with failed rows and a test with failed checks end with an error, for scripts to see.
fn verdict(answer: &Value, view: View, console: &Console<'_>) -> Result<()> {
    let failed = match view {
        View::Import => answer["failed"].as_u64().unwrap_or(0),
        View::Im => answer["unknown"].as_u64().unwrap_or(0),
        View::Sync => u64::from(!answer["error"].is_null()),
        View::Findings | View::ServerFindings => {
            answer.as_array().map_or(0, |all| all.iter().filter(|f| f["passed"] == false).count() as u64)
        }
        View::Checks => return doctor::verdict(answer, console.lang),
        View::CheckList | View::Users | View::Gateways | View::Settings | View::Status | View::Fields => 0,
        View::Directories | View::EntryProblems | View::Preview | View::Leftovers | View::Duplicates | View::Lines => 0,
        View::Jobs | View::Job | View::JobLog => 0,
        View::UserSessions | View::UserPresence | View::Contacts | View::Sight => 0,
        View::Services | View::Service | View::Nodes | View::Notifications => 0,
        View::Certificates | View::Certificate | View::Pem | View::Request | View::Trust | View::TrustedAuthority => 0,
        View::Acme | View::AddressScheme => 0,
        View::Sent => u64::from(answer["sent"] != true),
        View::ProviderTest => u64::from(answer["passed"] != true),
        View::Alarms | View::Alarm | View::AlarmCatalogue | View::AlarmTargets | View::Traces | View::Stanzas => 0,
        View::Admins | View::Sessions | View::Tokens | View::MadeToken | View::Audit => 0,
    };
    match (failed, view) {
        (0, _) => Ok(()),
        (n, View::Import) => {
            let rows = show::counted(n, "row", "rows");
            bail!(console.say(format!("{rows} made no user"), format!("{n} 行は取り込めませんでした")))
        }
        (n, View::Im) => {
            let users = show::counted(n, "user does", "users do");
            bail!(console.say(format!("{users} not exist"), format!("{n} 人は存在しません")))
        }
        (_, View::ProviderTest) => bail!(console.say("the provider failed the test", "プロバイダーの検査は不合格です")),
        (_, View::Sent) => bail!(console.say("the test was not sent", "テストを送信できませんでした")),
        (_, View::Sync) => bail!(console.say("the directory was not synchronised", "ディレクトリーを同期できませんでした")),
        (n, _) => {
            let checks = show::counted(n, "check", "checks");
            bail!(console.say(format!("{checks} failed"), format!("{n} 件の検査が不合格です")))
        }
    }
}

/// What to ask of the node, and how to show the answer.
struct Plan {
    requests: Vec<Request>,
    /// One request for each name: the others go on when one fails.
    many: bool,
    view: View,
    /// Shown with the answer, since the node does not know it: a password that was made here.
    shown_once: Option<(&'static str, String)>,
    /// Where the answer is written instead of being shown.
    file: Option<PathBuf>,
}

struct Request {
    method: Method,
    path: String,
    body: Vec<u8>,
    /// Of a list that comes in pages, all of them.
    whole: bool,
}

impl Plan {
    fn one(view: View, method: Method, path: impl Into<String>, body: &Value) -> Plan {
        Plan { requests: vec![Request::new(method, path.into(), body)], many: false, view, shown_once: None, file: None }
    }

    /// The answer goes to a new file, for nobody else to read.
    fn into_file(self, file: &Path) -> Plan {
        Plan { file: Some(file.to_owned()), ..self }
    }

    /// The answer with one more field.
    fn showing(self, key: &'static str, value: String) -> Plan {
        Plan { shown_once: Some((key, value)), ..self }
    }

    /// Only as many lines as one answer has.
    fn first_page(mut self) -> Plan {
        self.requests.iter_mut().for_each(|request| request.whole = false);
        self
    }

    fn each(names: &[String], method: &Method, rest: &str, body: &Value) -> Plan {
        let request = |name: &String| Request::new(method.clone(), user_path(name, rest), body);
        let requests = names.iter().map(request).collect();
        Plan { requests, many: names.len() > 1, view: View::Fields, shown_once: None, file: None }
    }
}

impl Request {
    fn new(method: Method, path: String, body: &Value) -> Request {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Request { method, path, body, whole: true }
    }
}

/// Sends it, and, for a list that comes in pages, asks until the last one.
async fn carry_out(door: &Door, request: &mut Request, lang: Lang) -> Result<Value> {
    let first = request.path.clone();
    let body = std::mem::take(&mut request.body);
    let mut answer = door.request(request.method.clone(), &first, body, lang).await?;
    // Other things have a `next` too: a directory's next synchronisation.
    let list = PAGED.into_iter().find(|(list, _)| request.whole && answer[*list].is_array());
    while let (Some((list, from)), Some(next)) = (list, next_page(&answer)) {
        let join = if first.contains('?') { '&' } else { '?' };
        let path = format!("{first}{join}{from}={}", escape(&next));
        let mut page = door.request(Method::GET, &path, Vec::new(), lang).await?;
        if let (Value::Array(all), Value::Array(more)) = (&mut answer[list], page[list].take()) {
            all.extend(more);
        }
        answer["next"] = page["next"].take();
    }
    Ok(answer)
}

/// Where the next page begins, a text or a number.
fn next_page(answer: &Value) -> Option<String> {
    match &answer["next"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn plan(ask: Ask, console: &mut Console<'_>) -> Result<Plan> {
    match ask {
        Ask::User(user) => user_plan(user, console),
        Ask::Directory(directory) => directories::directory_plan(directory, console),
        Ask::Job(job) => jobs::plan(job),
        Ask::AddressScheme(command) => Ok(addresses::plan(command)),
        Ask::Service(service) => Ok(services::plan(service)),
        Ask::Node(node) => Ok(services::node_plan(&node)),
        Ask::Notification(what) => Ok(services::notification_plan(&what)),
        Ask::Alarm(alarm) => Ok(alarms::plan(alarm)),
        Ask::AlarmTarget(target) => alarm_targets::plan(target, console),
        Ask::Certificate(certificate) => certificates::plan(certificate),
        Ask::Trust(trust) => trust::plan(trust),
        Ask::Acme(acme) => acme::plan(acme, console),
        Ask::LogLevel(level) => Ok(diagnostics::log_level_plan(&level)),
        Ask::Trace(trace) => Ok(diagnostics::trace_plan(trace)),
        Ask::Admin(admin) => admins::plan(admin, console),
        Ask::Provider(command) => provider::plan(command, console),
        Ask::Token(token) => Ok(tokens::plan(token)),
        Ask::Audit(audit) => Ok(audit::plan(audit)),
        Ask::Doctor(doctor) => Ok(doctor::plan(&doctor)),
        Ask::Whoami => Ok(Plan::one(View::Fields, Method::GET, "session", &Value::Null)),
        Ask::Gateway(gateway) => gateway_plan(gateway, console),
        Ask::Presence(sight) => Ok(people::sight_plan(&sight)),
        Ask::Settings(SettingsCommand::List) => Ok(Plan::one(View::Settings, Method::GET, "settings", &Value::Null)),
        Ask::Settings(SettingsCommand::Set { key, value }) => {
            let body = json!({ key: setting_value(&value) });
            Ok(Plan::one(View::Settings, Method::PUT, "settings", &body))
        }
        Ask::Status => Ok(Plan::one(View::Status, Method::GET, "status", &Value::Null)),
    }
}

/// JSON if it is; else a text.
fn setting_value(text: &str) -> Value {
    match text {
        "none" | "–" => Value::Null,
        "yes" | "はい" => Value::Bool(true),
        "no" | "いいえ" => Value::Bool(false),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}

fn user_plan(command: UserCommand, console: &mut Console<'_>) -> Result<Plan> {
    let nothing = &Value::Null;
    Ok(match command {
        UserCommand::Add { name, display_name, mail, telephone, language, password } => {
            let password = password_of(password, console)?;
            let body = json!({ "name": name, "password": password, "display_name": display_name, "mail": mail,
                "telephone": telephone, "language": language });
            Plan::one(View::Fields, Method::POST, "users", &body)
        }
        UserCommand::List { search } => {
            let search = search.map(|text| format!("&search={}", escape(&text))).unwrap_or_default();
            Plan::one(View::Users, Method::GET, format!("users?limit={PAGE}{search}"), nothing)
        }
        UserCommand::Show(who) => Plan::each(&who.names, &Method::GET, "", nothing),
        UserCommand::Set { name, display_name, mail, telephone, language } => {
            let body = json!({ "display_name": display_name, "mail": mail, "telephone": telephone, "language": language });
            Plan::one(View::Fields, Method::PATCH, user_path(&name, ""), &body)
        }
        UserCommand::SetPassword { name, password_stdin } => {
            let body = json!({ "password": console.password(password_stdin)? });
            Plan::one(View::Fields, Method::PUT, user_path(&name, "/password"), &body)
        }
        UserCommand::Enable(who) => Plan::each(&who.names, &Method::PUT, "/enabled", &json!({ "enabled": true })),
        UserCommand::Disable(who) => Plan::each(&who.names, &Method::PUT, "/enabled", &json!({ "enabled": false })),
        UserCommand::Calendar { name, on } => {
            Plan::one(View::Fields, Method::PATCH, user_path(&name, ""), &json!({ "calendar": on }))
        }
        UserCommand::Archive { name, on: Some(on) } => {
            Plan::one(View::Fields, Method::PUT, user_path(&name, "/archive"), &json!({ "archive": on }))
        }
        UserCommand::Archive { name, on: None } => Plan::one(View::Fields, Method::GET, user_path(&name, "/archive"), nothing),
        UserCommand::ImEnable(users) => directories::im_plan(&users, true)?,
        UserCommand::ImDisable(users) => directories::im_plan(&users, false)?,
        UserCommand::SetProfile(profile) => profiles::plan(&profile)?,
        UserCommand::People(command) => people::plan(command),
        UserCommand::Profile(who) => directories::profile_plan(&who),
        UserCommand::Duplicates => directories::duplicates_plan(),
        UserCommand::Resolve(resolve) => directories::resolve_plan(&resolve),
        UserCommand::Remove(who) => Plan::each(&who.names, &Method::DELETE, "", nothing),
        UserCommand::Import { file } => {
            let mut plan = Plan::one(View::Import, Method::POST, "users:import", nothing);
            let file = read_file(&file)?;
            plan.requests.iter_mut().for_each(|request| request.body.clone_from(&file));
            plan
        }
    })
}

fn gateway_plan(command: GatewayCommand, console: &mut Console<'_>) -> Result<Plan> {
    let path = |name: &str, rest: &str| format!("gateways/{}{rest}", escape(name));
    let nothing = &Value::Null;
    Ok(match command {
        GatewayCommand::Add(new) => {
            let who = [("kind", &new.kind), ("url", &new.url), ("username", &new.username)];
            let config = gateway_config(new.from.as_deref(), &who, &new.options)?;
            let mut body = json!({ "name": new.name, "config": config });
            body["secret"] = json!(password_of(new.password, console)?);
            if let Some(secs) = new.options.poll_secs {
                body["poll_secs"] = json!(secs);
            }
            Plan::one(View::Fields, Method::POST, "gateways", &body)
        }
        GatewayCommand::List => Plan::one(View::Gateways, Method::GET, "gateways", nothing),
        GatewayCommand::Show { name } => Plan::one(View::Fields, Method::GET, path(&name, ""), nothing),
        GatewayCommand::Test { name, user } => {
            Plan::one(View::Findings, Method::POST, path(&name, "/test"), &json!({ "user": user }))
        }
        GatewayCommand::Refresh { name } => Plan::one(View::Fields, Method::POST, path(&name, "/refresh"), nothing),
        GatewayCommand::Set(set) => Plan::one(View::Fields, Method::PATCH, path(&set.name, ""), &gateway_change(&set, console)?),
        GatewayCommand::Replace(set) => {
            let mut body = gateway_change(&set, console)?;
            if set.rename.is_none() {
                body["name"] = json!(set.name);
            }
            let given = body.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            let given: Map<String, Value> = given.map(|(key, value)| (key.clone(), value.clone())).collect();
            Plan::one(View::Fields, Method::PUT, path(&set.name, ""), &Value::Object(given))
        }
        GatewayCommand::Enable { name } => Plan::one(View::Fields, Method::PATCH, path(&name, ""), &json!({ "enabled": true })),
        GatewayCommand::Disable { name } => Plan::one(View::Fields, Method::PATCH, path(&name, ""), &json!({ "enabled": false })),
        GatewayCommand::Remove { name } => Plan::one(View::Fields, Method::DELETE, path(&name, ""), nothing),
    })
}

/// The body of a change: only what was typed.
fn gateway_change(set: &ChangedGateway, console: &mut Console<'_>) -> Result<Value> {
    let who = [("url", &set.url), ("username", &set.username)];
    let secret = (set.password || set.password_stdin).then(|| console.password(set.password_stdin)).transpose()?;
    Ok(json!({
        "name": set.rename,
        "config": gateway_config(set.from.as_deref(), &who, &set.options)?,
        "secret": secret,
        "poll_secs": set.options.poll_secs,
    }))
}

/// The file, if one is given, with what the options say.
fn gateway_config(from: Option<&Path>, who: &[(&str, &Option<String>)], options: &GatewayOptions) -> Result<Value> {
    let mut config = match from {
        Some(file) => serde_json::from_slice::<Map<String, Value>>(&read_file(file)?)
            .with_context(|| format!("{} is not a JSON object", file.display()))?,
        None => Map::new(),
    };
    let how = [
        ("auth", &options.auth),
        ("mode", &options.mode),
        ("mailbox", &options.mailbox),
        ("default_zone", &options.default_zone),
    ];
    for (key, text) in who.iter().chain(&how) {
        if let Some(text) = text {
            config.insert((*key).to_owned(), json!(text));
        }
    }
    let mut server = config.remove("server").and_then(|server| server.as_object().cloned()).unwrap_or_default();
    if let Some(file) = &options.ca {
        let pem = String::from_utf8(read_file(file)?).with_context(|| format!("{} is not PEM", file.display()))?;
        server.insert("ca_pem".to_owned(), json!(pem));
    }
    if let Some(address) = &options.connect_to {
        server.insert("connect_to".to_owned(), json!(address));
    }
    if let Some(allow) = options.allow_clear_text {
        server.insert("allow_clear_text".to_owned(), json!(allow));
    }
    if !server.is_empty() {
        config.insert("server".to_owned(), Value::Object(server));
    }
    Ok(Value::Object(config))
}

fn password_of(source: PasswordSource, console: &mut Console<'_>) -> Result<Option<String>> {
    if source.no_password { Ok(None) } else { console.password(source.password_stdin).map(Some) }
}

fn user_path(name: &str, rest: &str) -> String {
    format!("users/{}{rest}", escape(name))
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// Percent-encodes a path segment (RFC 3986 §2.1).
fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod coverage_tests;
#[cfg(test)]
mod tests;
