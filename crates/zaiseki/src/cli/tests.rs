//! Commands from the typed line to the text on the terminal, offline and through the socket of a node.

use super::*;
use crate::config::Config;
use crate::lock::DataDirLock;
use clap::FromArgMatches;
use std::path::{Path, PathBuf};
use zaiseki_admin::socket::AdminSocket;
use zaiseki_control::app::App;
use zaiseki_store::{Options, Store};
use zaiseki_testkit::axl::{self, AxlServer};
use zaiseki_testkit::slapd::{Person, READER_DN, READER_PASSWORD, SUFFIX, Slapd, unit};

pub(super) struct Bench {
    pub config: Config,
    dir: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { data_dir: dir.path().join("data"), domain: "example.com".to_owned(), ..Config::without_file() };
        Bench { config, dir }
    }

    pub async fn try_in(&self, lang: Lang, line: &str, input: &str) -> (Result<()>, String) {
        let words = std::iter::once("zaiseki").chain(line.split(' '));
        let matches = args::command(lang).try_get_matches_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let cli = args::Cli::from_arg_matches(&matches).unwrap();
        let Command::Ask(ask) = cli.command else { panic!("{line}") };
        let (mut input, mut out) = (input.as_bytes(), Vec::new());
        let mut console = Console { lang, input: &mut input, out: &mut out, ask: None };
        let done = run_on((&self.config, Some(Path::new("node.toml"))), ask, cli.output, &mut console).await;
        (done, String::from_utf8(out).unwrap())
    }

    pub async fn ok(&self, line: &str, input: &str) -> String {
        let (done, out) = self.try_in(Lang::En, line, input).await;
        done.unwrap_or_else(|error| panic!("{line}: {error:#}\n{out}"));
        out
    }

    pub async fn fails(&self, line: &str, input: &str) -> String {
        let (done, out) = self.try_in(Lang::En, line, input).await;
        format!("{:#}", done.err().unwrap_or_else(|| panic!("{line}: {out}")))
    }

    pub async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --output json"), "").await).unwrap()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What `serve` does for administrators.
    pub fn node(&self) -> (DataDirLock, tokio::task::JoinHandle<()>) {
        let lock = DataDirLock::acquire(&self.config.data_dir).unwrap();
        let store = Store::open(&self.config.data_dir, &self.config.domain, Options::default(), Box::new(|_| {})).unwrap();
        let app = App::open(store, &self.config.domain, &self.config.data_dir, |_| {}).unwrap();
        let socket = AdminSocket::bind(&self.config.data_dir).unwrap();
        let serve = async { socket.serve(app, std::future::pending()).await.unwrap() };
        (lock, tokio::spawn(serve))
    }
}

/// Every command once; the same must come out offline and online.
async fn a_day_s_work(bench: &Bench) {
    let added = bench.ok("user add bjones@usa --display-name B --password-stdin", "a long pencil\n").await;
    assert!(added.contains("bjones\\40usa@example.com"), "{added}");
    assert!(bench.fails("user add BJONES@usa --no-password", "").await.contains("exists already"));
    assert!(bench.fails("user add x --mail y --no-password", "").await.contains("not a mail address"));
    assert!(bench.fails("user add x", "").await.contains("--password-stdin"));
    bench.ok("user add mika --no-password", "").await;
    assert!(bench.fails("user set-password mika --password-stdin", "elevenchars").await.contains("12"));
    bench.ok("user set-password mika --password-stdin", "a long password").await;
    bench.ok("user disable mika bjones@usa", "").await;
    assert_eq!(bench.json("user show mika").await["enabled"], false);
    bench.ok("user enable mika", "").await;
    bench.ok("user calendar mika false", "").await;
    bench.ok("user archive mika false", "").await;
    assert_eq!(bench.json("user archive mika").await, json!({"archive": false}));
    bench.ok("user set mika --mail mika@example.com --language ja", "").await;
    bench.ok("user set mika --telephone 1", "").await;
    let mika = bench.json("user show mika").await;
    assert_eq!((&mika["mail"], &mika["language"], &mika["telephone"]), (&json!("mika@example.com"), &json!("ja"), &json!("1")));
    let both = bench.json("user show mika bjones@usa").await;
    assert_eq!((&both[0]["calendar"], &both[1]["enabled"]), (&json!(false), &json!(false)));
    let list = bench.ok("user list --search jones", "").await;
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(bench.fails("user show nobody mika", "").await.contains("nobody"));
    bench.ok("user remove bjones@usa", "").await;
    assert_eq!(bench.json("user list").await["total"], 1);
    gateways(bench).await;
    bench.ok("settings set max_contacts 7", "").await;
    let settings = bench.json("settings list").await;
    assert!(settings.as_array().unwrap().iter().any(|s| s["key"] == "max_contacts" && s["value"] == 7));
    assert!(bench.fails("settings set max_contacts 0", "").await.contains("1 to 100000"));
    bench.ok("settings set max_contacts none", "").await;
    assert_eq!(bench.json("status").await["users"], 1);
}

async fn gateways(bench: &Bench) {
    let ews =
        bench.file("ews.json", r#"{"kind": "ews", "url": "https://x.example/", "username": "u", "server": {"timeout_secs": 5}}"#);
    let line = format!("gateway add exchange --from {} --auth basic --poll-secs 5 --password-stdin", ews.display());
    bench.ok(&line, "s3cret\n").await;
    let shown = bench.json("gateway show exchange").await;
    let config = &shown["config"];
    assert_eq!(
        (&config["auth"], &config["server"]["timeout_secs"], &shown["poll_secs"]),
        (&json!("basic"), &json!(5), &json!(5))
    );
    change_gateway(bench).await;
    let line = "gateway add cal --kind caldav --url https://127.0.0.1:1/{user}/ --username u --no-password";
    bench.ok(line, "").await;
    let list = bench.ok("gateway list", "").await;
    assert!(list.lines().nth(1).unwrap().starts_with("cal ") && list.lines().count() == 3, "{list}");
    // Nobody listens there.
    let (done, out) = bench.try_in(Lang::Ja, "gateway test cal", "").await;
    assert!(out.contains("不合格") && done.unwrap_err().to_string().contains("不合格"), "{out}");
    bench.ok("gateway refresh cal", "").await;
    bench.ok("gateway remove cal", "").await;
    bench.ok("gateway remove exchange", "").await;
    assert!(bench.fails("gateway show cal", "").await.contains("no gateway"));
}

async fn change_gateway(bench: &Bench) {
    bench.ok("gateway set exchange --rename mail --url https://y.example/ --allow-clear-text --password-stdin", "new\n").await;
    bench.ok("gateway set mail --allow-clear-text=false --poll-secs 9", "").await;
    let shown = bench.json("gateway show mail").await;
    let config = &shown["config"];
    assert_eq!(
        (&config["url"], &config["username"], &config["auth"]),
        (&json!("https://y.example/"), &json!("u"), &json!("basic"))
    );
    assert_eq!((&config["server"]["timeout_secs"], &config["server"]["allow_clear_text"]), (&json!(5), &json!(false)));
    assert_eq!((&shown["poll_secs"], &shown["enabled"]), (&json!(9), &json!(true)));
    bench.ok("gateway disable mail", "").await;
    assert_eq!(bench.json("gateway show mail").await["enabled"], false);
    bench.ok("gateway enable mail", "").await;
    assert!(bench.fails("gateway set mail --poll-secs 0", "").await.contains("poll_secs"));
    assert!(bench.fails("gateway set mail --url https://z.example/", "").await.contains("password"));
    assert!(bench.fails("gateway set mail --password", "").await.contains("--password-stdin"));
    bench.ok("gateway set mail --rename exchange", "").await;
}

/// A real server behind the commands of directories.
async fn directories(bench: &Bench) {
    let people = ["anna", "ben"].map(|name| Person::new(name, "ou=tokyo").with("mail: same@example.com").ldif());
    let slapd = Slapd::start(&(unit("tokyo") + &people.concat())).unwrap();
    let ca = bench.file("ca.pem", &slapd.ca().unwrap());
    let (server, ca) = (slapd.address(), ca.display());
    let line = format!("directory add tokyo --server {server} --ca {ca} --base {SUFFIX} --bind-dn {READER_DN} --password-stdin");
    bench.ok(&line, &format!("{READER_PASSWORD}\n")).await;
    assert!(bench.fails(&line, "x\n").await.contains("exists already"));
    assert!(bench.fails("directory add x --server a --base b --no-password", "").await.contains("base"));
    let unnamed = bench.fails("directory add x --server a --base dc=b --password-stdin", "secret\n").await;
    assert!(unnamed.contains("bind_dn"), "{unnamed}");
    assert!(bench.fails("directory add x --server a --base dc=b --bind-dn c --no-password", "").await.contains("bind_dn"));
    let tested = bench.ok("directory test tokyo", "").await;
    assert!(tested.lines().count() == 6 && !tested.contains("FAILED"), "{tested}");
    let dry = bench.ok("directory sync tokyo --dry-run", "").await;
    assert!(dry.starts_with("Nothing was changed") && dry.contains("2 users made"), "{dry}");
    let done = bench.ok("directory sync tokyo", "").await;
    assert!(done.starts_with("2 entries read, 2 users made"), "{done}");
    bench.ok("directory set tokyo --grace-hours 1 --filter (uid=anna)", "").await;
    let shown = bench.json("directory show tokyo").await;
    assert_eq!((&shown["sync"]["grace_hours"], &shown["config"]["base"]), (&json!(1), &json!(SUFFIX)));
    assert!(bench.fails("directory set tokyo --grace-hours 9999", "").await.contains("grace_hours"));
    assert_eq!(bench.json("directory sync tokyo").await["missing"], 1);
    assert_eq!(bench.json("directory problems tokyo").await, json!([]));
    assert_eq!(bench.json("directory left-out tokyo").await, json!([]));
    assert!(bench.fails("directory left-out tokyo --take uid=x", "").await.contains("left out"));
    bench.ok("directory disable tokyo", "").await;
    bench.ok("directory enable tokyo", "").await;
    let list = bench.ok("directory list", "").await;
    assert!(list.lines().nth(1).unwrap().contains("ok 20"), "{list}");

    let found = bench.ok("user duplicates", "").await;
    assert!(found.contains("same@example.com  anna | ben"), "{found}");
    let left = bench.ok("user resolve mail same@example.com --keep anna", "").await;
    assert_eq!(left.lines().count(), 1, "{left}");
    let profile = bench.json("user profile anna").await;
    assert_eq!(profile["origin"]["directory"], "tokyo");
    assert!(bench.ok("user im-disable anna ben", "").await.starts_with("2 users changed"));
    assert_eq!(bench.json("user show anna").await["im"], false);
    let (done, out) = bench.try_in(Lang::Ja, "user im-enable anna nobody", "").await;
    assert!(out.contains("存在しないユーザー: nobody") && done.is_err(), "{out}");
    let file = bench.file("names", "ben\n\n");
    assert!(bench.ok(&format!("user im-enable --from {}", file.display()), "").await.starts_with("1 user changed"));
    bench.ok("user im-disable --search ben", "").await;
    bench.ok("user im-enable --all", "").await;

    drop(slapd);
    let (done, out) = bench.try_in(Lang::Ja, "directory sync tokyo", "").await;
    assert!(out.contains("接続できません") && done.unwrap_err().to_string().contains("同期できません"), "{out}");
    bench.ok("directory remove tokyo", "").await;
    assert!(bench.fails("directory show tokyo", "").await.contains("no directory"));
    assert_eq!(bench.json("user profile anna").await["origin"], Value::Null);
    bench.ok("user remove anna ben", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unified_cm_is_a_directory() {
    let bench = Bench::new();
    let server = AxlServer::start(&axl::Options::new(vec![axl::person("anna", "Anna", "Berg")])).unwrap();
    let certificate = bench.file("cucm.pem", &server.certificate().unwrap());
    let (address, pem, user) = (server.address(), certificate.display(), axl::USERNAME);
    let line = format!("directory add tokyo --kind unified-cm --server {address} --certificate {pem} --username {user}");
    assert!(bench.fails(&format!("{line} --users some --password-stdin"), "x\n").await.contains("some"));
    bench.ok(&format!("{line} --axl-version 14.0 --password-stdin"), &format!("{}\n", axl::PASSWORD)).await;
    let tested = bench.ok("directory test tokyo", "").await;
    assert!(tested.lines().count() == 5 && !tested.contains("FAILED"), "{tested}");
    assert!(bench.ok("directory sync tokyo", "").await.starts_with("1 entry read, 1 user made"));
    assert_eq!(bench.json("user show anna").await["display_name"], "Anna Berg");
    bench.ok("directory set tokyo --users all --page-size 7", "").await;
    let shown = bench.json("directory show tokyo").await;
    assert_eq!((&shown["kind"], &shown["config"]["users"]), (&json!("unified-cm"), &json!("all")));
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_work_without_a_node_and_through_one() {
    let bench = Bench::new();
    directories(&bench).await;
    let (_lock, node) = bench.node();
    directories(&bench).await;
    node.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_the_provider_ends_as_other_tests_do() {
    let bench = Bench::new();
    assert!(bench.fails("provider test", "").await.contains("no provider"));
    // Nobody listens there.
    bench.ok("provider set --issuer http://127.0.0.1:1 --client-id console", "").await;
    let (done, out) = bench.try_in(Lang::Ja, "provider test", "").await;
    assert!(out.contains("不合格") && !out.contains("\"en\"") && done.unwrap_err().to_string().contains("不合格"), "{out}");
}

/// Nothing of the help is left in English.
#[test]
fn every_text_of_the_help_has_its_japanese() {
    fn texts(command: &clap::Command, all: &mut Vec<String>) {
        all.extend(command.get_about().map(ToString::to_string));
        all.extend(command.get_arguments().filter_map(|arg| arg.get_help()).map(ToString::to_string));
        command.get_subcommands().for_each(|command| texts(command, all));
    }
    let mut all = Vec::new();
    texts(&args::command(Lang::Ja), &mut all);
    let english: Vec<&String> = all.iter().filter(|text| text.is_ascii()).collect();
    assert!(english.is_empty(), "{english:?}");
}

#[tokio::test]
async fn everything_works_without_a_node() {
    a_day_s_work(&Bench::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_through_a_node() {
    let bench = Bench::new();
    let (_lock, node) = bench.node();
    a_day_s_work(&bench).await;
    node.abort();
}

#[tokio::test]
async fn an_import_tells_what_failed() {
    let bench = Bench::new();
    let file = bench.file("users.csv", "anna,pw\nben\ncarl,pw\n");
    let (done, out) = bench.try_in(Lang::En, &format!("user import {}", file.display()), "").await;
    assert!(out.starts_with("2 users made, 1 row failed\n") && out.contains("\n2     password"), "{out}");
    assert!(done.unwrap_err().to_string().contains("1 row "));
    assert!(bench.fails("user import /nowhere.csv", "").await.contains("/nowhere.csv"));
}

#[tokio::test]
async fn errors_speak_the_administrator_s_language() {
    let bench = Bench::new();
    let (done, _) = bench.try_in(Lang::Ja, "user show nobody", "").await;
    assert!(done.unwrap_err().to_string().contains("いません"));
}

#[tokio::test]
async fn lists_longer_than_a_page_come_whole() {
    let bench = Bench::new();
    let door = Door::open(&bench.config, Some(Path::new("node.toml"))).await.unwrap();
    for name in ["anna", "ben", "carl", "dora", "emil"] {
        let body = json!({ "name": name }).to_string().into_bytes();
        door.request(Method::POST, "users", body, Lang::En).await.unwrap();
    }
    let mut request = Request::new(Method::GET, "users?limit=2".to_owned(), &Value::Null);
    let all = carry_out(&door, &mut request, Lang::En).await.unwrap();
    assert_eq!(all["users"].as_array().unwrap().len(), 5);
    assert_eq!(all["next"], Value::Null);
}

#[tokio::test]
async fn a_dead_node_s_socket_does_not_stand_in_the_way() {
    let bench = Bench::new();
    let (lock, node) = bench.node();
    node.abort();
    assert!(node.await.unwrap_err().is_cancelled());
    drop(lock);
    assert!(bench.config.data_dir.join("admin.sock").exists());
    bench.ok("user add anna --no-password", "").await;
}

#[tokio::test]
async fn a_folder_in_use_is_said_so_after_a_while() {
    let bench = Bench::new();
    let _lock = DataDirLock::acquire(&bench.config.data_dir).unwrap();
    assert!(bench.fails("user list", "").await.contains("in use"));
}
