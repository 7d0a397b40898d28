//! Prosody from Debian: one configuration file, accounts and rosters written as its files.

use super::{DOMAIN, Site, Store};
use anyhow::Result;
use std::fs;
use std::process::Command;

pub fn prepare(site: &Site) -> Result<()> {
    fs::create_dir_all(site.path("data"))?;
    site.written().write_prosody_files(&site.path("data"), DOMAIN)?;
    Ok(fs::write(site.path("prosody.cfg.lua"), config(site))?)
}

pub fn command(site: &Site) -> Command {
    let mut command = Command::new("/usr/bin/prosody");
    command.arg("-F").arg("--config").arg(site.path("prosody.cfg.lua"));
    command
}

fn config(site: &Site) -> String {
    let path = |name: &str| site.path(name).display().to_string();
    let archive = match site.archive {
        None => "",
        Some(_) => "\"mam\";",
    };
    let storage = match site.archive {
        Some(Store::Sqlite) => {
            format!(
                "storage = {{ archive = \"sql\" }}\nsql = {{ driver = \"SQLite3\"; database = \"{}\" }}",
                path("archive.sqlite")
            )
        }
        _ => String::new(),
    };
    format!(
        r#"run_as_root = true
pidfile = "{pid}"
data_path = "{data}"
log = {{ warn = "{log}" }}
network_backend = "epoll"
network_settings = {{ tcp_backlog = 1024 }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {tls} }}
s2s_ports = {{ }}
s2s_direct_tls_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
c2s_require_encryption = false
authentication = "internal_hashed"
password_hash = "SHA-1"
default_iteration_count = 4096
default_storage = "internal"
{storage}
archive_expires_after = "never"
default_archive_policy = true
modules_enabled = {{
  "roster"; "saslauth"; "tls"; "dialback"; "disco"; "private"; "vcard4"; "vcard_legacy"; "pep"; "carbons"; "smacks";
  "csi_simple"; "blocklist"; "ping"; "time"; "version"; {archive}
}}
ssl = {{ certificate = "{cert}"; key = "{key}" }}
VirtualHost "{DOMAIN}"
Component "conference.{DOMAIN}" "muc"
"#,
        pid = path("prosody.pid"),
        data = path("data"),
        log = path("server.log"),
        plain = site.plain.port(),
        tls = site.tls.port(),
        cert = path("cert.pem"),
        key = path("key.pem"),
    )
}
