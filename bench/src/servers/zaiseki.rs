//! Our own server: `node.toml` in the site's folder, users imported before the start, rosters made over the wire
//! afterwards (subscriptions inside the domain are granted by the server).

use super::{DOMAIN, Site, run};
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

const CONFIG: &str = "node.toml";

pub fn prepare(site: &Site) -> Result<()> {
    fs::create_dir_all(site.path("data"))?;
    fs::write(site.path(CONFIG), config(site))?;
    fs::write(site.path("users.csv"), site.population.csv())?;
    run(ours(site).args(["user", "import"]).arg(site.path("users.csv")).stdout(std::process::Stdio::null()))?;
    let archive = if site.archive.is_some() { "true" } else { "false" };
    run(ours(site).args(["settings", "set", "archive", archive]).stdout(std::process::Stdio::null()))
        .context("rows without an archive need `settings set archive false`")
}

pub fn command(site: &Site) -> Command {
    let mut command = ours(site);
    command.arg("serve");
    command
}

fn ours(site: &Site) -> Command {
    let mut command = Command::new(&site.zaiseki);
    command.arg("--config").arg(site.path(CONFIG)).current_dir(site.dir.path());
    command
}

fn config(site: &Site) -> String {
    format!(
        "domain = \"{DOMAIN}\"\nnode_name = \"bench\"\ndata_dir = \"{}\"\n\n[listen]\nc2s = [\"{}\"]\nc2s_tls = [\"{}\"]\n\n\
         [c2s]\nallow_clear_text = true\n\n[log]\nlevel = \"warn\"\n",
        site.path("data").display(),
        site.plain,
        site.tls
    )
}
