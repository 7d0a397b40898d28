use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn problems(text: &str) -> Vec<(Option<usize>, String, String)> {
    let problems = Config::parse(text, Path::new("/nowhere")).expect_err(text);
    problems.into_iter().map(|p| (p.line, p.key, p.text.en)).collect()
}

/// One problem: its line, key, and a part of its text.
#[track_caller]
fn one(text: &str, line: impl Into<Option<usize>>, key: &str, part: &str) {
    let found = problems(text);
    let [(at, of, says)] = found.as_slice() else { panic!("{text}: {found:?}") };
    assert_eq!((*at, of.as_str()), (line.into(), key), "{text}: {says}");
    assert!(says.contains(part), "{text}: {says}");
}

#[test]
fn a_small_file_has_defaults() {
    let config = Config::parse("domain = \"Example.COM\"", Path::new("/etc/z")).unwrap();
    assert_eq!(config.domain, "example.com");
    assert_eq!(config.node_name, "example.com");
    assert_eq!(config.data_dir, Path::new("/etc/z/zaiseki-data"));
    assert_eq!(config.listen, Listen::default_ports());
    assert_eq!((config.tls, config.allow_clear_text), (None, false));
}

#[test]
fn without_a_file_it_is_localhost_on_loopback() {
    let config = Config::load(None).unwrap();
    assert_eq!((config.domain.as_str(), config.data_dir.to_str()), ("localhost", Some("./zaiseki-data")));
    let ports: Vec<u16> = [&config.listen.c2s, &config.listen.c2s_tls, &config.listen.https].map(|list| list[0].port()).to_vec();
    assert_eq!(ports, [5222, 5223, 8443]);
    let all = [config.listen.c2s, config.listen.c2s_tls, config.listen.https].concat();
    assert!(all.iter().all(|a| a.ip() == Ipv4Addr::LOCALHOST || a.ip() == Ipv6Addr::LOCALHOST), "{all:?}");
}

fn networks(all: &[&str]) -> Vec<Network> {
    all.iter().map(|network| network.parse().unwrap()).collect()
}

#[test]
fn everything_can_be_said() {
    let dir = tempfile::tempdir().unwrap();
    let made = zaiseki_net::tls::ensure_self_signed(dir.path(), &["example.com".to_owned()]).unwrap();
    std::fs::rename(made.certificate, dir.path().join("c.pem")).unwrap();
    std::fs::rename(made.key, dir.path().join("k.pem")).unwrap();
    let text = "domain = 'example.com'\nnode_name = 'im1.example.com'\ndata_dir = 'data'\ndatabase = 'sqlite'\n\
        [listen]\nc2s = ['0.0.0.0:5222', '[::]:5222']\nhttps = []\nadmin = ['127.0.0.1:9443']\n\
        console = ['127.0.0.1:9444']\nweb = ['127.0.0.1:443']\nmetrics = ['127.0.0.1:9464']\nacme_http = ['0.0.0.0:80']\n\
        [allow]\nmetrics = ['10.1.0.0/16', '::1']\nconsole = ['192.0.2.0/24']\napi = ['2001:db8::/32']\n\
        [outbound]\nallow = ['169.254.10.0/24']\n[tls]\ncertificate = 'c.pem'\nkey = 'k.pem'\n[c2s]\nallow_clear_text = true\n\
        [log]\nlevel = 'debug'\nformat = 'json'\n";
    let config = Config::parse(text, dir.path()).unwrap();
    let expected = Config {
        domain: "example.com".to_owned(),
        node_name: "im1.example.com".to_owned(),
        data_dir: dir.path().join("data"),
        database: DatabaseKind::Sqlite,
        listen: Listen {
            c2s: vec![(Ipv4Addr::UNSPECIFIED, 5222).into(), (Ipv6Addr::UNSPECIFIED, 5222).into()],
            c2s_tls: Vec::new(),
            https: Vec::new(),
            admin: vec![(Ipv4Addr::LOCALHOST, 9443).into()],
            console: vec![(Ipv4Addr::LOCALHOST, 9444).into()],
            api: Vec::new(),
            web: vec![(Ipv4Addr::LOCALHOST, 443).into()],
            metrics: vec![(Ipv4Addr::LOCALHOST, 9464).into()],
            acme_http: vec![(Ipv4Addr::UNSPECIFIED, 80).into()],
        },
        allow: Allow {
            console: networks(&["192.0.2.0/24"]),
            api: networks(&["2001:db8::/32"]),
            web: Vec::new(),
            metrics: networks(&["10.1.0.0/16", "::1/128"]),
        },
        outbound: networks(&["169.254.10.0/24"]),
        tls: Some(TlsFiles { certificate: dir.path().join("c.pem"), key: dir.path().join("k.pem") }),
        allow_clear_text: true,
        log: LogSettings { level: LogLevel::Debug, format: LogFormat::Json },
    };
    assert_eq!(config, expected);
}

#[test]
fn each_problem_names_its_line_and_key() {
    let with = |rest: &str| format!("domain = 'a.example'\n{rest}");
    one("", None, "domain", "is missing");
    one("domain = 'DOMAIN.NOT.SET'", 1, "domain", "placeholder");
    one("\ndomain = 'domain.not.set'", 2, "domain", "placeholder");
    one("domain = 'a b'", 1, "domain", "not a domain name");
    one("domain = 7", 1, "domain", "quotation marks");
    one("domain = ''", 1, "domain", "not empty");
    one(&with("node_name = 'a/b'"), 2, "node_name", "not a host name");
    one(&with("colour = 1"), 2, "colour", "unknown key");
    one(&with("database = 'postgres://db/z'"), 2, "database", "not supported");
    one(&with("database = 'mysql'"), 2, "database", "no database");
    one(&with("listen = 5222"), 2, "listen", "a section");
    one(&with("[listen]\n\nports = []"), 4, "listen.ports", "unknown key");
    one(&with("[listen]\nc2s = '0.0.0.0:1'"), 3, "listen.c2s", "a list");
    one(&with("[listen]\nc2s = [\n'0.0.0.0:1',\n5]"), 5, "listen.c2s", "a list");
    one(&with("[listen]\nc2s = [\n'0.0.0.0:1',\n'localhost:2']"), 5, "listen.c2s", "not an address");
    one(&with("[listen]\nc2s = ['0.0.0.0:70000']"), 3, "listen.c2s", "not an address");
    one(&with("[allow]\nmetrics = ['10.0.0.0/33']"), 3, "allow.metrics", "not a network");
    one(&with("[allow]\nchat = ['10.0.0.0/8']"), 3, "allow.chat", "unknown key");
    one(&with("[allow]\n\napi = []"), 4, "allow.api", "names no network");
    one(&with("[allow]\nweb = [\n'10.0.0.0/8',\n'host']"), 5, "allow.web", "not a network");
    one(&with("[allow]\nconsole = '10.0.0.0/8'"), 3, "allow.console", "a list");
    one(&with("[outbound]\nallow = [\n'169.254.0.0/33']"), 4, "outbound.allow", "not a network");
    one(&with("[outbound]\ndeny = []"), 3, "outbound.deny", "unknown key");
    one(
        &with("[tls]\ncertificate = 'c.pem'\nkey = '/dev/null/x'")
            .replace("certificate = 'c.pem'", "certificate = '/proc/self/stat'"),
        4,
        "tls.key",
        "cannot be read",
    );
    one(&with("[tls]\ncertificate = '/proc/self/stat'"), None, "tls.key", "is missing");
    one(&with("[tls]\ncertificate = '/proc/self'\nkey = '/proc/self/stat'"), 3, "tls.certificate", "not a file");
    one(&with("[c2s]\nallow_clear_text = 'yes'"), 3, "c2s.allow_clear_text", "true or false");
    one(&with("[log]\nlevel = 'loud'"), 3, "log.level", "\"info\"");
    one(&with("[log]\nformat = true"), 3, "log.format", "\"json\"");
    one(&with("data_dir = '/proc/self/stat'"), 2, "data_dir", "not a folder");
    one(&with("domain = 'b.example'"), 2, "", "not TOML");
}

#[test]
fn addresses_must_not_collide() {
    let with = |c2s: &str, https: &str| format!("domain = 'a.example'\n[listen]\nc2s = [{c2s}]\nhttps = [{https}]");
    let collides =
        |c2s, https, line| one(&with(c2s, https), line, if line == 3 { "listen.c2s" } else { "listen.https" }, "collides");
    collides("'127.0.0.1:1', '127.0.0.1:1'", "", 3);
    collides("'127.0.0.1:1'", "'127.0.0.1:1'", 4);
    collides("'0.0.0.0:1'", "'127.0.0.1:1'", 4);
    collides("'[::1]:1'", "'[::]:1'", 4);
    Config::parse(&with("'127.0.0.1:1', '127.0.0.2:1', '[::1]:1'", "'127.0.0.1:2'"), Path::new("")).unwrap();
    Config::parse(&with("'127.0.0.1:0', '127.0.0.1:0'", "'127.0.0.1:0'"), Path::new("")).unwrap();
}

#[test]
fn an_address_at_which_nothing_answers_is_a_mistake() {
    let with = |rest: &str| format!("domain = 'a.example'\n[listen]\nhttps = ['127.0.0.1:1']\n{rest}");
    let (admin, console) = ("admin = ['127.0.0.1:2']\n", "console = ['127.0.0.1:3']\n");
    let (api, web) = ("api = ['127.0.0.1:4']\n", "web = ['127.0.0.1:5']\n");
    for good in [admin, console, api, web, &[console, api].concat(), &[console, web].concat(), &[admin, api].concat()] {
        Config::parse(&with(good), Path::new("")).unwrap();
    }
    one(&with(&[admin, console, api].concat()), 4, "listen.admin", "of no use");
    for all in [[admin, web].concat(), [web, console, api].concat()] {
        one(&with(&all), 3, "listen.https", "of no use");
    }
    one(&with(&["web = ['127.0.0.1:1']"].concat()), 4, "listen.web", "collides");
}

#[test]
fn all_problems_come_at_once_in_the_order_of_lines() {
    let text =
        "domain = 'DOMAIN.NOT.SET'\ncolour = 'red'\n[listen]\nc2s = ['x']\nc2c = 1\n[tls]\nkey = '/nowhere/k'\n[nothing]\n";
    let found: Vec<(Option<usize>, String)> = problems(text).into_iter().map(|(line, key, _)| (line, key)).collect();
    let expected = [
        (Some(1), "domain"),
        (Some(2), "colour"),
        (Some(4), "listen.c2s"),
        (Some(5), "listen.c2c"),
        (Some(7), "tls.key"),
        (Some(8), "nothing"),
        (None, "tls.certificate"),
    ];
    assert_eq!(found, expected.map(|(line, key)| (line, key.to_owned())));
}

#[test]
fn broken_syntax_does_not_hide_the_rest() {
    let found = problems("domain = \nlistening = 3\n[log]\nlevel = 'x'\n");
    assert!(found.iter().any(|(line, _, text)| *line == Some(1) && text.contains("not TOML")), "{found:?}");
    assert!(found.iter().any(|(line, key, _)| *line == Some(2) && key == "listening"), "{found:?}");
    assert!(found.iter().any(|(line, key, _)| *line == Some(4) && key == "log.level"), "{found:?}");
}

#[test]
fn a_missing_file_is_a_problem_with_its_name() {
    let problems = Config::load(Some(Path::new("/nowhere/node.toml"))).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].render(Lang::Ja).contains("/nowhere/node.toml"), "{}", problems[0].text.ja);
}

#[test]
fn files_that_hold_no_certificate_are_found_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("1"), dir.path().join("2"));
    let names = ["example.com".to_owned()];
    zaiseki_net::tls::ensure_self_signed(&one, &names).unwrap();
    zaiseki_net::tls::ensure_self_signed(&other, &names).unwrap();
    std::fs::write(dir.path().join("text"), "not PEM").unwrap();
    for (certificate, key, part) in [
        ("text", "1/server.key", "no certificate"),
        ("1/server.pem", "text", "no private key"),
        ("1/server.pem", "2/server.key", "belong"),
    ] {
        let text = format!("domain = 'example.com'\n[tls]\nkey = '{key}'\ncertificate = '{certificate}'\n");
        let found = Config::parse(&text, dir.path()).expect_err(&text);
        let [problem] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((problem.line, problem.key.as_str()), (Some(4), "tls.certificate"), "{problem}");
        assert!(problem.text.en.contains(part), "{problem}");
    }
}

#[test]
fn a_data_folder_leaves_room_for_its_socket() {
    let folder = |length: usize| format!("/{}", "x".repeat(length - 1));
    let longest = SOCKET_PATH_BYTES - "/admin.sock".len();
    let text = |length| format!("domain = 'example.com'\ndata_dir = '{}'", folder(length));
    Config::parse(&text(longest), Path::new("/")).unwrap();
    one(&text(longest + 1), 2, "data_dir", "by 1 bytes");
}

#[test]
fn a_node_that_nobody_could_reach_is_refused() {
    one("domain = 'example.com'\n[listen]\n", None, "listen", "nobody could reach");
    one("domain = 'example.com'\n[listen]\nc2s = []\nhttps = []\n", None, "listen", "nobody could reach");
    Config::parse("domain = 'example.com'\n[listen]\nhttps = ['127.0.0.1:0']\n", Path::new("/")).unwrap();
}

/// The keys that the reader knows, by its own word: of a file with an unknown key in each section.
fn known_keys() -> Vec<String> {
    const SECTIONS: [&str; 6] = ["listen", "allow", "outbound", "tls", "c2s", "log"];
    let mut all = Vec::new();
    for section in [""].into_iter().chain(SECTIONS) {
        let head = if section.is_empty() { String::new() } else { format!("domain = 'example.com'\n[{section}]\n") };
        let found = problems(&format!("{head}unheard_of = 1\n"));
        let says = found.into_iter().find_map(|(.., says)| says.strip_prefix("unknown key; known here: ").map(str::to_owned));
        let names = says.expect("the known keys");
        let full = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let is_section = |name: &str| section.is_empty() && SECTIONS.contains(&name);
        all.extend(names.split(", ").filter(|name| !is_section(name)).map(full));
    }
    all
}

#[test]
fn every_key_declares_what_has_to_be_restarted_for_it() {
    let known = known_keys();
    assert!(known.len() > 20 && known.iter().any(|key| key == "listen.acme_http"), "{known:?}");
    let entries = Config::without_file().entries();
    for key in &known {
        assert!(zaiseki_control::bootstrap::find(key).is_some(), "{key} has no row in control/src/bootstrap/keys.rs");
        assert!(entries.contains_key(key), "{key} is not among Config::entries");
    }
    let mut listed: Vec<&str> = zaiseki_control::bootstrap::KEYS.iter().map(|key| key.key).collect();
    listed.retain(|key| !known.iter().any(|other| other == key));
    assert!(listed.is_empty() && entries.len() == known.len(), "the file has no key {listed:?}");
}
