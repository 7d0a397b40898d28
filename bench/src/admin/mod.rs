//! What an administrator of a big company waits for: a directory of 75,000 people, read from slapd on the same machine, and
//! the console on top of it.

mod http;
mod pages;
mod table;
mod tree;

use crate::measure::{cpu_seconds, peak_resident_kib, resident_kib};
use anyhow::{Context, Result, ensure};
use clap::Args;
use http::Browser;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use table::Figures;
use zaiseki_testkit::node::{Node, NodeOptions};
use zaiseki_testkit::slapd::{READER_DN, READER_PASSWORD, SUFFIX, Slapd};

const ADMIN: &str = "bench";
const PASSWORD: &str = "correct horse battery";
const DIRECTORY: &str = "company";
/// What our own synchronisation asks for: the usual filter, the usual attributes, pages of the usual size.
const FILTER: &str = "(&(objectClass=inetOrgPerson)(uid=*))";
const PAGES: &str = "pr=500/noprompt";
const ATTRIBUTES: [&str; 13] = [
    "entryUUID",
    "uid",
    "displayName",
    "givenName",
    "sn",
    "displayName;lang-ja;phonetic",
    "mail",
    "ou",
    "title",
    "preferredLanguage",
    "telephoneNumber",
    "mobile",
    "homePhone",
];

#[derive(Args, Clone)]
pub struct Options {
    /// People in the directory. With another number figures are not comparable.
    #[arg(long, default_value_t = 75_000)]
    people: usize,
    /// People who are enabled for IM and presence at once.
    #[arg(long, default_value_t = 15_000)]
    enable: usize,
    /// Runs, each with a node of its own; the table shows medians.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Requests of each page.
    #[arg(long, default_value_t = 40)]
    requests: usize,
    /// Our own binary; by default the one next to this program.
    #[arg(long)]
    zaiseki: Option<PathBuf>,
    /// File to which results are appended as JSON lines.
    #[arg(long, default_value = "target/bench/admin.jsonl")]
    out: PathBuf,
}

/// Loads slapd once, and measures a new node in each run.
///
/// # Errors
/// The directory cannot be read whole, or an answer is not the right one.
pub async fn run(options: &Options) -> Result<()> {
    let beside = || std::env::current_exe().unwrap_or_default().with_file_name("zaiseki");
    let binary = std::path::absolute(options.zaiseki.clone().unwrap_or_else(beside))?;
    ensure!(Path::new("/usr/sbin/slapd").exists(), "slapd is missing: apt-get install slapd ldap-utils");
    eprintln!("loading {} people into slapd", options.people);
    let slapd = Slapd::start(&tree::ldif(options.people))?;
    let mut runs = Vec::new();
    for i in 0..options.runs {
        let figures = measure(&binary, &slapd, options).await.with_context(|| format!("run {}", i + 1))?;
        eprintln!("run {}: {figures}", i + 1);
        table::append(&options.out, options.people, &figures)?;
        runs.push(figures);
    }
    print!("{}", table::tables(&runs, options.people, options.enable));
    Ok(())
}

async fn measure(binary: &Path, slapd: &Slapd, options: &Options) -> Result<Figures> {
    let mut figures = Figures { ldapsearch: ldapsearch(slapd, options.people)?, ..Figures::default() };
    let node = Node::start_with(binary, NodeOptions { allow_clear_text: false, ..NodeOptions::default() })?;
    let pid = node.pid().context("the node does not run")?;
    let added = node.cli(&["admin", "add", ADMIN, "--role", "administrator", "--password-stdin"], PASSWORD)?;
    ensure!(added.status.success(), "admin add: {}", String::from_utf8_lossy(&added.stderr));
    let mut browser = Browser::connect(node.https()).await?;
    browser.sign_in(ADMIN, PASSWORD).await?;
    browser.post("/api/v1/directories", &directory(slapd)?).await?;
    figures.empty_kib = resident_kib(pid)?;

    figures.first = sync(&mut browser, pid, ("created", options.people)).await?;
    figures.first_peak_kib = peak_resident_kib(pid)?;
    figures.nightly = sync(&mut browser, pid, ("unchanged", options.people)).await?;
    figures.enable = enable(&mut browser, pid, options.enable).await?;
    figures.pages = pages::navigation(&mut browser, pid, options.requests).await?;
    figures.search = pages::searches(&mut browser, pid).await?;
    (figures.peak_kib, figures.resident_kib) = (peak_resident_kib(pid)?, resident_kib(pid)?);
    figures.load = load_average()?;
    Ok(figures)
}

/// How many processes wanted a core on the average of the last five minutes: with more than there are cores, times on the clock
/// say little.
fn load_average() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    text.split(' ').nth(1).and_then(|five| five.parse().ok()).context("/proc/loadavg")
}

/// What a task took: seconds on the clock, and processor seconds of the node.
async fn timed(pid: u32, work: impl Future<Output = Result<String>>) -> Result<(table::Took, Value)> {
    let (cpu, began) = (cpu_seconds(pid)?, Instant::now());
    let body = work.await?;
    let took = table::Took { wall: began.elapsed().as_secs_f64(), cpu: cpu_seconds(pid)? - cpu };
    Ok((took, serde_json::from_str(&body)?))
}

/// A whole synchronisation, that must have done this to so many users.
async fn sync(browser: &mut Browser, pid: u32, (what, count): (&str, usize)) -> Result<table::Sync> {
    let path = format!("/api/v1/directories/{DIRECTORY}/sync");
    let (took, report) = timed(pid, async { Ok(browser.post(&path, &json!({})).await?.body) }).await?;
    ensure!(report["error"].is_null() && report[what] == count && report["problems"] == 0, "a wrong synchronisation: {report}");
    Ok(table::Sync { took, reading: report["read_ms"].as_f64().context("read_ms")? / 1e3 })
}

async fn enable(browser: &mut Browser, pid: u32, count: usize) -> Result<table::Took> {
    let names: Vec<String> = (0..count).map(tree::user_id).collect();
    let input = json!({ "im": true, "users": names });
    let (took, report) = timed(pid, async { Ok(browser.post("/api/v1/users:im", &input).await?.body) }).await?;
    ensure!(report["changed"] == count && report["unknown"] == 0, "not everybody was enabled: {report}");
    Ok(took)
}

/// Nobody is enabled by the synchronisation, so that the bulk operation has something to do.
fn directory(slapd: &Slapd) -> Result<Value> {
    let config = json!({ "kind": "ldap", "servers": [slapd.address()], "ca": slapd.ca()?, "bind_dn": READER_DN, "base": SUFFIX });
    // Once a month, so that none begins by itself.
    let sync = json!({ "enable_new": false, "every_minutes": 43_200 });
    Ok(json!({ "name": DIRECTORY, "config": config, "secret": READER_PASSWORD, "sync": sync }))
}

/// The floor: OpenLDAP's own tool reads the same entries the same way (StartTLS, pages of 500) and writes them to a file.
fn ldapsearch(slapd: &Slapd, people: usize) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("out.ldif");
    let mut command = Command::new("ldapsearch");
    // For `localhost` it wants the machine's own name in the certificate; what counts here is the encryption.
    command.env("LDAPTLS_REQCERT", "never").args(["-LLL", "-x", "-ZZ", "-E", PAGES, "-D", READER_DN, "-w", READER_PASSWORD]);
    command.args(["-H", &format!("ldap://{}", slapd.address()), "-b", SUFFIX, FILTER]).args(ATTRIBUTES);
    command.stdout(std::fs::File::create(&out)?);
    let began = Instant::now();
    ensure!(command.status().context("ldapsearch (package ldap-utils)")?.success(), "ldapsearch failed");
    let took = began.elapsed().as_secs_f64();
    let entries = std::fs::read_to_string(&out)?.lines().filter(|line| line.starts_with("dn:")).count();
    ensure!(entries == people, "ldapsearch read {entries} of {people} entries");
    Ok(took)
}
