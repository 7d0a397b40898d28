//! ejabberd from Debian: started directly in the Erlang VM with the package's VM flags, without distribution (no epmd,
//! no node name to collide with a system service). Accounts and rosters come in by its import of Prosody's files.

use super::{DOMAIN, Site, Store};
use anyhow::Result;
use std::fs;
use std::process::Command;

/// Appears when all users exist.
pub const IMPORTED: &str = "imported";

pub fn prepare(site: &Site) -> Result<()> {
    for name in ["mnesia", "import"] {
        fs::create_dir_all(site.path(name))?;
    }
    site.written().write_prosody_files(&site.path("import"), DOMAIN)?;
    Ok(fs::write(site.path("ejabberd.yml"), config(site))?)
}

pub fn command(site: &Site) -> Command {
    let path = |name: &str| site.path(name).display().to_string();
    let mut command = Command::new("/usr/bin/erl");
    command
        .args(["-noinput", "+K", "true", "+P", "250000", "+Q", "65536"])
        .args(["-mnesia", "dir", &format!("\"{}\"", path("mnesia")), "-s", "ejabberd"])
        .env("EJABBERD_CONFIG_PATH", path("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", path("server.log"))
        .env("EJABBERD_PID_PATH", path("ejabberd.pid"))
        .env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu")
        .env("ERL_CRASH_DUMP_BYTES", "0")
        .env("ERL_MAX_PORTS", "65536")
        .env("ERL_MAX_ETS_TABLES", "1400")
        .env("HOME", path(""));
    if !site.path(IMPORTED).exists() {
        let import = format!(
            "ok = prosody2ejabberd:from_dir(<<\"{}\">>), ok = file:write_file(\"{}\", <<>>).",
            path("import"),
            path(IMPORTED)
        );
        command.args(["-eval", &import]);
    }
    command
}

fn config(site: &Site) -> String {
    let path = |name: &str| site.path(name).display().to_string();
    let archive = match site.archive {
        None => "",
        Some(Store::Own) => "  mod_mam: { db_type: mnesia, default: always }\n",
        Some(Store::Sqlite) => "  mod_mam: { db_type: sql, default: always }\n",
    };
    format!(
        r#"loglevel: warning
hosts: ["{DOMAIN}"]
certfiles: ["{both}"]
ca_file: "{both}"
auth_method: internal
auth_password_format: scram
sql_type: sqlite
sql_database: "{sqlite}"
listen:
  - {{ port: {plain}, ip: "127.0.0.1", module: ejabberd_c2s, backlog: 1024, max_stanza_size: 262144, access: all }}
  - {{ port: {tls}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, backlog: 1024, max_stanza_size: 262144, access: all }}
modules:
  mod_roster: {{ versioning: true }}
  mod_disco: {{}}
  mod_caps: {{}}
  mod_pubsub: {{ plugins: [flat, pep] }}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_stream_mgmt: {{}}
  mod_privacy: {{}}
  mod_blocking: {{}}
  mod_private: {{}}
  mod_vcard: {{ search: false }}
  mod_vcard_xupdate: {{}}
  mod_offline: {{}}
  mod_muc: {{}}
  mod_s2s_dialback: {{}}
  mod_ping: {{}}
  mod_time: {{}}
  mod_version: {{}}
{archive}"#,
        both = path("both.pem"),
        sqlite = path("archive.sqlite"),
        plain = site.plain.port(),
        tls = site.tls.port(),
    )
}
