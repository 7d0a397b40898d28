//! The chat page and the web console of a running node in headless Chromium, by `web/test/chat.mjs` and
//! `web/test/console/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run;

/// Two people who are each other's contacts, and what one must see of the other.
pub struct ChatVisit<'a> {
    /// For instance `https://127.0.0.1:8443/chat/`.
    pub url: &'a str,
    /// Bare JID and password of the one who looks, on an English page.
    pub user: (&'a str, &'a str),
    /// Bare JID and password of the other, on a Japanese page.
    pub peer: (&'a str, &'a str),
    /// The status text that must come to stand under the other's name.
    pub status: Option<&'a str>,
    /// Where pictures go.
    pub screenshots: Option<&'a Path>,
}

/// Signs both in, waits for the status, sends a message there and back; the error holds what the script said. Needs Node.js,
/// Chromium and `npm ci` in `web/`, which `cargo xtask test` brings.
pub fn visit_chat(visit: &ChatVisit<'_>) -> Result<String> {
    let web = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let mut command = Command::new("node");
    command.arg("test/chat.mjs").current_dir(web).args(["--url", visit.url]);
    command.arg("--user").arg(person(visit.user)).arg("--peer").arg(person(visit.peer));
    if let Some(status) = visit.status {
        command.args(["--status", status]);
    }
    if let Some(folder) = visit.screenshots {
        command.arg("--screenshots").arg(folder);
    }
    run(&mut command).context("the chat page")
}

fn person((jid, password): (&str, &str)) -> String {
    format!("{jid}:{password}")
}

/// Walks through a part of the web console of a fresh node by `web/test/console/WALK.mjs`. `walk`: its name and the language of the
/// pages; `url`: `https://127.0.0.1:8443`; `token`: of the link for the first administrator; `screenshots`: where pictures go.
pub fn walk_console((walk, language): (&str, &str), url: &str, token: &str, screenshots: Option<&Path>) -> Result<String> {
    let web = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let mut command = Command::new("node");
    command.arg(format!("test/console/{walk}.mjs")).current_dir(web).args(["--url", url, "--language", language]);
    // In one word: a token may begin with a hyphen.
    command.arg(format!("--setup={token}"));
    if let Some(folder) = screenshots {
        command.arg("--screenshots").arg(folder);
    }
    run(&mut command).with_context(|| format!("the web console: {walk} ({language})"))
}
