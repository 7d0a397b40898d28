//! The bootstrap file: what a node must know before it can open its database. Everything else is a live setting.
//!
//! All problems of the file are reported together, each with its line and key, before anything is bound or written.
//!
//! ```toml
//! domain = "example.com"            # required
//! node_name = "im1.example.com"     # default: the domain
//! data_dir = "/var/lib/zaiseki"     # default: ./zaiseki-data; relative paths start at the folder of this file
//! database = "sqlite"               # the default
//! [listen]                          # lists of "address:port"; with this section only what it names listens
//! c2s = ["[::]:5222"]               # IPv4 too
//! c2s_tls = ["0.0.0.0:5223"]
//! https = ["0.0.0.0:8443"]          # chat page, WebSocket, BOSH, console and API, but for those with addresses of their own:
//! admin = ["127.0.0.1:9443"]        # console and API
//! console = ["127.0.0.1:9444"]      # the console alone
//! api = ["127.0.0.1:9445"]          # the API alone
//! web = ["0.0.0.0:443"]             # chat page, WebSocket and BOSH
//! acme_http = ["0.0.0.0:80"]         # challenges of ACME, by HTTP, and nothing else; default: nowhere
//! metrics = ["0.0.0.0:9464"]        # /metrics for Prometheus, by HTTPS; default: nowhere
//! [allow]                           # networks that may connect; others get 403; default: all networks
//! console = ["10.1.0.0/16"]
//! api = ["10.1.0.0/16", "2001:db8::/32"]
//! web = ["10.0.0.0/8"]
//! metrics = ["10.1.0.0/16"]         # default: this machine only
//! [outbound]
//! allow = ["169.254.10.0/24"]       # link-local and metadata addresses that the node may connect to; default: none
//! [tls]                             # default: a self-signed certificate made on first start
//! certificate = "chain.pem"
//! key = "key.pem"
//! [c2s]
//! allow_clear_text = false          # sign-in without TLS, for peers on loopback addresses only
//! [log]
//! level = "info"                    # error, warn, info, debug, trace
//! format = "text"                   # text, json
//! ```

mod reader;

use reader::{Entry, Reader, Section};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use zaiseki_control::bootstrap::{Entries, SEPARATOR};
use zaiseki_control::{Lang, Text};
use zaiseki_net::network::Network;

/// Everything the node reads at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Prepared (RFC 7622 §3.2).
    pub domain: String,
    pub node_name: String,
    pub data_dir: PathBuf,
    pub database: DatabaseKind,
    pub listen: Listen,
    pub allow: Allow,
    /// Link-local and metadata addresses that the node may connect to, which it refuses otherwise.
    pub outbound: Vec<Network>,
    /// `None`: self-signed, kept in the data folder.
    pub tls: Option<TlsFiles>,
    /// Sign-in without TLS is allowed to peers on loopback addresses.
    pub allow_clear_text: bool,
    pub log: LogSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file in the data folder.
    Sqlite,
}

/// Where to listen. No two addresses collide, except those with port 0.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Listen {
    /// XMPP with STARTTLS.
    pub c2s: Vec<SocketAddr>,
    /// XMPP with direct TLS (XEP-0368).
    pub c2s_tls: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    /// For console and API. Empty: they answer on `https`.
    pub admin: Vec<SocketAddr>,
    /// For the console alone. Empty: it answers on `admin`.
    pub console: Vec<SocketAddr>,
    /// For the API alone. Empty: it answers on `admin`.
    pub api: Vec<SocketAddr>,
    /// For web clients alone. Empty: they are served on `https`.
    pub web: Vec<SocketAddr>,
    pub metrics: Vec<SocketAddr>,
    /// HTTP without TLS, for the challenges of ACME.
    pub acme_http: Vec<SocketAddr>,
}

/// The networks that may use each of these. An empty list: every network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    pub console: Vec<Network>,
    pub api: Vec<Network>,
    pub web: Vec<Network>,
    /// Never empty; this machine, when nothing is said.
    pub metrics: Vec<Network>,
}

impl Default for Allow {
    fn default() -> Allow {
        Allow { console: Vec::new(), api: Vec::new(), web: Vec::new(), metrics: Network::LOOPBACK.to_vec() }
    }
}

/// PEM files; certificate and key could be used when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    pub level: LogLevel,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// As `tracing` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// One thing that is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1; `None` when it is about the file as a whole.
    pub line: Option<usize>,
    /// Dotted, as `listen.c2s`; empty when it is about no key.
    pub key: String,
    pub text: Text,
}

impl Problem {
    /// One line for the terminal.
    pub fn render(&self, lang: Lang) -> String {
        let line = match (self.line, lang) {
            (Some(line), Lang::En) => format!("line {line}: "),
            (Some(line), Lang::Ja) => format!("{line} 行目: "),
            (None, _) => String::new(),
        };
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        format!("{line}{key}{}", self.text.get(lang))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Lang::En))
    }
}

/// The default folder of a node without a configuration file.
const DATA_DIR: &str = "zaiseki-data";
/// What a node has for a domain before anybody chose one in the products people come from.
const UNSET_DOMAIN: &str = "DOMAIN.NOT.SET";

impl Config {
    /// A node for trying out: domain `localhost`, data in `./zaiseki-data`, reachable from this machine only.
    pub fn without_file() -> Config {
        Config {
            domain: "localhost".to_owned(),
            node_name: "localhost".to_owned(),
            data_dir: Path::new(".").join(DATA_DIR),
            database: DatabaseKind::Sqlite,
            listen: Listen::default_ports(),
            allow: Allow::default(),
            outbound: Vec::new(),
            tls: None,
            allow_clear_text: false,
            log: LogSettings { level: LogLevel::Info, format: LogFormat::Text },
        }
    }

    /// Every key with its value, those that nobody wrote included.
    pub fn entries(&self) -> Entries {
        fn list<T: ToString>(values: &[T]) -> String {
            values.iter().map(T::to_string).collect::<Vec<_>>().join(SEPARATOR)
        }
        let Config { listen, allow, .. } = self;
        let file =
            |pick: fn(&TlsFiles) -> &PathBuf| self.tls.as_ref().map_or_else(String::new, |tls| pick(tls).display().to_string());
        let database = match self.database {
            DatabaseKind::Sqlite => "sqlite",
        };
        let format = if self.log.format == LogFormat::Json { "json" } else { "text" };
        let entries = [
            ("domain", self.domain.clone()),
            ("node_name", self.node_name.clone()),
            ("data_dir", self.data_dir.display().to_string()),
            ("database", database.to_owned()),
            ("listen.c2s", list(&listen.c2s)),
            ("listen.c2s_tls", list(&listen.c2s_tls)),
            ("listen.https", list(&listen.https)),
            ("listen.admin", list(&listen.admin)),
            ("listen.console", list(&listen.console)),
            ("listen.api", list(&listen.api)),
            ("listen.web", list(&listen.web)),
            ("listen.metrics", list(&listen.metrics)),
            ("listen.acme_http", list(&listen.acme_http)),
            ("allow.console", list(&allow.console)),
            ("allow.api", list(&allow.api)),
            ("allow.web", list(&allow.web)),
            ("allow.metrics", list(&allow.metrics)),
            ("outbound.allow", list(&self.outbound)),
            ("tls.certificate", file(|tls| &tls.certificate)),
            ("tls.key", file(|tls| &tls.key)),
            ("c2s.allow_clear_text", self.allow_clear_text.to_string()),
            ("log.level", self.log.level.as_str().to_owned()),
            ("log.format", format.to_owned()),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads the file, if one is given. All problems at once.
    pub fn load(path: Option<&Path>) -> Result<Config, Vec<Problem>> {
        let (config, problems) = Config::load_what_is_right(path);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The same, with defaults where something is wrong: a running node may still be reached by it.
    pub fn load_what_is_right(path: Option<&Path>) -> (Config, Vec<Problem>) {
        let Some(path) = path else { return (Config::without_file(), Vec::new()) };
        match std::fs::read_to_string(path) {
            Ok(text) => Config::read(&text, path.parent().unwrap_or(Path::new(""))),
            Err(why) => {
                let name = path.display();
                let text = Text::new(
                    format!("the configuration file {name} cannot be read: {why}"),
                    format!("設定ファイル {name} を読めません: {why}"),
                );
                (Config::without_file(), vec![Problem { line: None, key: String::new(), text }])
            }
        }
    }

    /// `folder`: where relative paths start.
    #[cfg(test)]
    pub fn parse(text: &str, folder: &Path) -> Result<Config, Vec<Problem>> {
        let (config, problems) = Config::read(text, folder);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn read(text: &str, folder: &Path) -> (Config, Vec<Problem>) {
        let mut reader = Reader::new(text, folder);
        let config = reader.root(|reader, root| {
            let sections = ["listen", "allow", "outbound", "tls", "c2s", "log"];
            root.only(reader, &["domain", "node_name", "data_dir", "database"], &sections);
            let domain = domain(reader, root);
            Config {
                node_name: node_name(reader, root).unwrap_or_else(|| domain.clone()),
                domain,
                data_dir: data_dir(reader, root),
                database: database(reader, root),
                listen: listen(reader, root),
                allow: allow(reader, root),
                outbound: outbound(reader, root),
                tls: tls(reader, root),
                allow_clear_text: clear_text(reader, root),
                log: log(reader, root),
            }
        });
        (config, reader.finish())
    }
}

impl Listen {
    /// The well-known ports on the loopback addresses that this machine has.
    fn default_ports() -> Listen {
        let both = |port: u16| {
            let mut list = vec![SocketAddr::from(([127, 0, 0, 1], port))];
            if has_ipv6_loopback() {
                list.push(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)));
            }
            list
        };
        Listen { c2s: both(5222), c2s_tls: both(5223), https: both(8443), ..Listen::default() }
    }
}

fn has_ipv6_loopback() -> bool {
    let addresses = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    addresses.lines().any(|line| line.starts_with("00000000000000000000000000000001 "))
}

fn domain(reader: &mut Reader<'_>, root: Section<'_>) -> String {
    let Some(entry) = root.string(reader, "domain") else {
        if !root.has("domain") {
            reader.problem(
                None,
                "domain",
                Text::new(
                    "is missing: the domain this node serves, such as \"example.com\"",
                    "がありません。このノードのドメイン（例: \"example.com\"）を指定してください",
                ),
            );
        }
        return String::new();
    };
    if entry.value.eq_ignore_ascii_case(UNSET_DOMAIN) {
        let en = format!(
            "{UNSET_DOMAIN} is a placeholder, not a domain: write the domain of your users' addresses, such as \"example.com\""
        );
        let ja = format!("{UNSET_DOMAIN} は仮の値です。ユーザーのアドレスのドメイン（例: \"example.com\"）を指定してください");
        reader.problem(Some(entry.line), "domain", Text::new(en, ja));
        return String::new();
    }
    match zaiseki_xmpp::jid::prepare_domain(entry.value) {
        Ok(domain) => domain.into_owned(),
        Err(error) => {
            let (value, why) = (entry.value, error);
            let en = format!("\"{value}\" is not a domain name: {why}");
            reader.problem(Some(entry.line), "domain", Text::new(en, format!("\"{value}\" はドメイン名ではありません: {why}")));
            String::new()
        }
    }
}

fn node_name(reader: &mut Reader<'_>, root: Section<'_>) -> Option<String> {
    let entry = root.string(reader, "node_name")?;
    match zaiseki_xmpp::jid::prepare_domain(entry.value) {
        Ok(name) => Some(name.into_owned()),
        Err(error) => {
            let (value, why) = (entry.value, error);
            let en = format!("\"{value}\" is not a host name or IP address: {why}");
            let ja = format!("\"{value}\" はホスト名でも IP アドレスでもありません: {why}");
            reader.problem(Some(entry.line), "node_name", Text::new(en, ja));
            None
        }
    }
}

fn data_dir(reader: &mut Reader<'_>, root: Section<'_>) -> PathBuf {
    let Some(entry) = root.string(reader, "data_dir") else { return reader.folder.join(DATA_DIR) };
    let path = reader.folder.join(entry.value);
    if path.exists() && !path.is_dir() {
        let name = path.display();
        let text = Text::new(format!("{name} is not a folder"), format!("{name} はフォルダーではありません"));
        reader.problem(Some(entry.line), "data_dir", text);
    }
    check_socket_path(reader, entry.line, &path);
    path
}

/// Bytes of the path of a Unix socket (`sun_path` of unix(7), without its final zero).
const SOCKET_PATH_BYTES: usize = 107;

/// Commands reach the node by a socket in the data folder, whose path must not be too long for one.
fn check_socket_path(reader: &mut Reader<'_>, line: usize, data_dir: &Path) {
    let length = data_dir.join(zaiseki_admin::socket::SOCKET).as_os_str().len();
    if length > SOCKET_PATH_BYTES {
        let excess = length - SOCKET_PATH_BYTES;
        let en = format!("the path {} is too long for a socket in it, by {excess} bytes", data_dir.display());
        let ja = format!("パス {} は長すぎて、中にソケットを作れません（{excess} バイト超過）", data_dir.display());
        reader.problem(Some(line), "data_dir", Text::new(en, ja));
    }
}

fn database(reader: &mut Reader<'_>, root: Section<'_>) -> DatabaseKind {
    let Some(entry) = root.string(reader, "database") else { return DatabaseKind::Sqlite };
    let text = match entry.value {
        "sqlite" => return DatabaseKind::Sqlite,
        other if other.starts_with("postgres://") || other.starts_with("postgresql://") => Text::new(
            "PostgreSQL is not supported by this release yet: use \"sqlite\"",
            "このリリースは PostgreSQL にまだ対応していません。\"sqlite\" を指定してください",
        ),
        other => Text::new(
            format!("\"{other}\" is no database: use \"sqlite\""),
            format!("\"{other}\" というデータベースはありません。\"sqlite\" を指定してください"),
        ),
    };
    reader.problem(Some(entry.line), "database", text);
    DatabaseKind::Sqlite
}

fn listen(reader: &mut Reader<'_>, root: Section<'_>) -> Listen {
    let Some(section) = root.section(reader, "listen") else { return Listen::default_ports() };
    let before = reader.problem_count();
    section.only(reader, &["c2s", "c2s_tls", "https", "admin", "console", "api", "web", "metrics", "acme_http"], &[]);
    let mut seen = Vec::new();
    let mut list = |key| addresses(reader, section, key, &mut seen);
    let (c2s, c2s_tls, https, admin) = (list("c2s"), list("c2s_tls"), list("https"), list("admin"));
    let (console, api, web, metrics) = (list("console"), list("api"), list("web"), list("metrics"));
    let acme_http = list("acme_http");
    let listen = Listen { c2s, c2s_tls, https, admin, console, api, web, metrics, acme_http };
    if reader.problem_count() == before {
        of_use(reader, section, &listen);
    }
    listen
}

/// Addresses at which nobody would find anything.
fn of_use(reader: &mut Reader<'_>, section: Section<'_>, listen: &Listen) {
    let Listen { c2s, c2s_tls, https, admin, console, api, web, metrics: _, acme_http: _ } = listen;
    if [c2s, c2s_tls, https, admin, console, api, web].iter().all(|list| list.is_empty()) {
        let text =
            Text::new("names no address: nobody could reach the node", "アドレスがありません。ノードに接続できなくなります");
        return reader.problem(None, "listen", text);
    }
    if !admin.is_empty() && !console.is_empty() && !api.is_empty() {
        let en = "is of no use: console and API have addresses of their own, listen.console and listen.api";
        let ja = "は使われません。管理コンソールと API には listen.console と listen.api が指定されています";
        reader.problem(section.line(reader, "admin"), "listen.admin", Text::new(en, ja));
    }
    if !https.is_empty() && !web.is_empty() && (!admin.is_empty() || !console.is_empty() && !api.is_empty()) {
        let en = "is of no use: everything that would answer there has addresses of its own";
        let ja = "は使われません。ここで応答するはずのものには、すべて専用のアドレスが指定されています";
        reader.problem(section.line(reader, "https"), "listen.https", Text::new(en, ja));
    }
}

fn allow(reader: &mut Reader<'_>, root: Section<'_>) -> Allow {
    let Some(section) = root.section(reader, "allow") else { return Allow::default() };
    section.only(reader, &["console", "api", "web", "metrics"], &[]);
    let everywhere = Allow::default();
    Allow {
        console: who_may_connect(reader, section, "console").unwrap_or(everywhere.console),
        api: who_may_connect(reader, section, "api").unwrap_or(everywhere.api),
        web: who_may_connect(reader, section, "web").unwrap_or(everywhere.web),
        metrics: who_may_connect(reader, section, "metrics").unwrap_or(everywhere.metrics),
    }
}

fn outbound(reader: &mut Reader<'_>, root: Section<'_>) -> Vec<Network> {
    let Some(section) = root.section(reader, "outbound") else { return Vec::new() };
    section.only(reader, &["allow"], &[]);
    networks(reader, section, "allow")
}

/// The networks of a list, if the key is there.
fn who_may_connect(reader: &mut Reader<'_>, section: Section<'_>, key: &'static str) -> Option<Vec<Network>> {
    let line = section.line(reader, key)?;
    let before = reader.problem_count();
    let networks = networks(reader, section, key);
    if networks.is_empty() && reader.problem_count() == before {
        let en = "names no network: nobody could connect; name networks, or leave the key out";
        let ja = "ネットワークがなく、誰も接続できません。ネットワークを指定するか、このキーを削除してください";
        reader.problem(Some(line), &section.full_key(key), Text::new(en, ja));
    }
    Some(networks)
}

fn networks(reader: &mut Reader<'_>, section: Section<'_>, key: &'static str) -> Vec<Network> {
    let mut networks = Vec::new();
    for Entry { value, line } in section.strings(reader, key) {
        match value.parse() {
            Ok(network) => networks.push(network),
            Err(_) => {
                let en = format!("\"{value}\" is not a network, such as \"10.0.0.0/8\" or \"2001:db8::/32\"");
                let ja = format!("\"{value}\" はネットワークではありません（例: \"10.0.0.0/8\"、\"2001:db8::/32\"）");
                reader.problem(Some(line), &section.full_key(key), Text::new(en, ja));
            }
        }
    }
    networks
}

type Seen = Vec<(SocketAddr, usize, String)>;

fn addresses(reader: &mut Reader<'_>, section: Section<'_>, key: &str, seen: &mut Seen) -> Vec<SocketAddr> {
    let full = section.full_key(key);
    let mut result = Vec::new();
    for Entry { value, line } in section.strings(reader, key) {
        let Ok(address) = value.parse::<SocketAddr>() else {
            let en = format!("\"{value}\" is not an address with a port, such as \"0.0.0.0:5222\" or \"[::1]:5222\"");
            let ja = format!("\"{value}\" は「アドレス:ポート」の形ではありません（例: \"0.0.0.0:5222\"、\"[::1]:5222\"）");
            reader.problem(Some(line), &full, Text::new(en, ja));
            continue;
        };
        if let Some((other, at, with)) = seen.iter().find(|(other, ..)| collide(*other, address)) {
            let en = format!("{address} collides with {other} of {with} (line {at})");
            let ja = format!("{address} は {with}（{at} 行目）の {other} と重なります");
            reader.problem(Some(line), &full, Text::new(en, ja));
            continue;
        }
        seen.push((address, line, full.clone()));
        result.push(address);
    }
    result
}

/// Whether the kernel would refuse to bind both.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let wildcard = a.ip().is_unspecified() || b.ip().is_unspecified();
    let same = a.ip() == b.ip() || (wildcard && a.is_ipv4() == b.is_ipv4());
    a.port() != 0 && a.port() == b.port() && same
}

fn tls(reader: &mut Reader<'_>, root: Section<'_>) -> Option<TlsFiles> {
    let section = root.section(reader, "tls")?;
    section.only(reader, &["certificate", "key"], &[]);
    let certificate = file(reader, section, "certificate");
    let key = file(reader, section, "key");
    for (missing, present) in [("certificate", "key"), ("key", "certificate")] {
        if section.has(present) && !section.has(missing) {
            let en = format!("is missing: {} alone is of no use", section.full_key(present));
            let ja = format!("がありません。{} だけでは使えません", section.full_key(present));
            reader.problem(None, &section.full_key(missing), Text::new(en, ja));
        }
    }
    let files = TlsFiles { certificate: certificate?, key: key? };
    if let Err(error) = zaiseki_net::tls::ReloadableCert::load(&files.certificate, &files.key) {
        let why = crate::chain(&error);
        let text = Text::new(format!("cannot be used: {why}"), format!("使えません: {why}"));
        reader.problem(section.line(reader, "certificate"), &section.full_key("certificate"), text);
    }
    Some(files)
}

/// The path of a file that can be opened.
fn file(reader: &mut Reader<'_>, section: Section<'_>, key: &str) -> Option<PathBuf> {
    let entry = section.string(reader, key)?;
    let path = reader.folder.join(entry.value);
    let opened = std::fs::File::open(&path).and_then(|file| file.metadata());
    let why = match opened {
        Ok(metadata) if metadata.is_file() => return Some(path),
        Ok(_) => Text::new("is not a file", "ファイルではありません"),
        Err(error) => Text::plain(error.to_string()),
    };
    let name = path.display();
    let en = format!("the file {name} cannot be read: {}", why.en);
    let text = Text::new(en, format!("ファイル {name} を読めません: {}", why.ja));
    reader.problem(Some(entry.line), &section.full_key(key), text);
    None
}

fn clear_text(reader: &mut Reader<'_>, root: Section<'_>) -> bool {
    let Some(section) = root.section(reader, "c2s") else { return false };
    section.only(reader, &["allow_clear_text"], &[]);
    section.boolean(reader, "allow_clear_text").unwrap_or(false)
}

fn log(reader: &mut Reader<'_>, root: Section<'_>) -> LogSettings {
    let defaults = LogSettings { level: LogLevel::Info, format: LogFormat::Text };
    let Some(section) = root.section(reader, "log") else { return defaults };
    section.only(reader, &["level", "format"], &[]);
    let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let level = section.one_of(reader, "level", &levels.map(|level| (level.as_str(), level)));
    let format = section.one_of(reader, "format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    LogSettings { level: level.unwrap_or(defaults.level), format: format.unwrap_or(defaults.format) }
}

#[cfg(test)]
mod tests;
