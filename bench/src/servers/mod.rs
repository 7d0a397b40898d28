//! The servers under test: installed when missing, configured in a folder of their own, started as children on free
//! loopback ports, ended by process id.

mod ejabberd;
mod prosody;
mod zaiseki;

use crate::client::{Account, Target, connector};
use crate::people::{self, Population};
use crate::scram::Hash;
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The domain every server serves.
pub const DOMAIN: &str = "bench.example";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Prosody,
    Ejabberd,
    Zaiseki,
}

/// Where messages are archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// What the server uses when told nothing: files (Prosody), Mnesia (ejabberd), SQLite (Zaiseki).
    Own,
    Sqlite,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Prosody => "Prosody",
            Kind::Ejabberd => "ejabberd",
            Kind::Zaiseki => "Zaiseki",
        }
    }

    /// The archives a row with archive is run on.
    pub fn stores(self) -> &'static [Store] {
        match self {
            Kind::Prosody | Kind::Ejabberd => &[Store::Own, Store::Sqlite],
            Kind::Zaiseki => &[Store::Own],
        }
    }

    pub fn store_name(self, store: Store) -> &'static str {
        match (self, store) {
            (Kind::Prosody, Store::Own) => "files",
            (Kind::Ejabberd, Store::Own) => "Mnesia",
            _ => "SQLite",
        }
    }

    /// Installs the Debian packages of a peer when its program is missing. A service that this starts is stopped.
    ///
    /// # Errors
    /// `apt-get` is missing or fails, or our own binary is not there.
    pub fn ensure_installed(self, zaiseki: &Path) -> Result<()> {
        let (program, packages): (&str, &[&str]) = match self {
            Kind::Prosody => ("/usr/bin/prosody", &["prosody", "lua-dbi-sqlite3"]),
            Kind::Ejabberd => ("/usr/sbin/ejabberdctl", &["ejabberd", "erlang-p1-sqlite3", "erlang-luerl"]),
            Kind::Zaiseki if zaiseki.is_file() => return Ok(()),
            Kind::Zaiseki => bail!("{} is missing: cargo build --release, or --zaiseki PATH", zaiseki.display()),
        };
        if packages.iter().all(|p| package_version(p).is_some()) {
            return Ok(());
        }
        let fresh = !Path::new(program).exists();
        eprintln!("installing {}", packages.join(" "));
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-q"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
        run(apt.stdout(Stdio::null()))?;
        if fresh && Path::new("/run/systemd/system").exists() {
            run(Command::new("systemctl").args(["disable", "--now", packages[0]]).stdout(Stdio::null()))?;
        }
        Ok(())
    }

    /// For the record.
    pub fn version(self, zaiseki: &Path) -> String {
        match self {
            Kind::Prosody => package_version("prosody"),
            Kind::Ejabberd => package_version("ejabberd"),
            Kind::Zaiseki => {
                let out = Command::new(zaiseki).arg("--version").output().ok();
                out.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
            }
        }
        .unwrap_or_default()
    }
}

fn package_version(package: &str) -> Option<String> {
    let out = Command::new("dpkg-query").args(["-W", "-f", "${Status}|${Version}", package]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    text.strip_prefix("install ok installed|").map(str::to_owned)
}

/// A server's folder, ready to be started (again and again).
pub struct Site {
    pub kind: Kind,
    pub population: Population,
    /// Rosters are made by the users themselves once the server runs.
    wire_rosters: bool,
    /// `None`: no archive.
    pub archive: Option<Store>,
    pub hash: Hash,
    zaiseki: PathBuf,
    dir: TempDir,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Site {
    /// Makes the folder below `parent`, with configuration, certificate, accounts and rosters as far as they can be
    /// written beforehand.
    pub fn prepare(kind: Kind, population: Population, archive: Option<Store>, options: &super::Options) -> Result<Site> {
        fs::create_dir_all(&options.dir)?;
        let dir = tempfile::Builder::new().prefix(kind.name()).tempdir_in(&options.dir)?;
        let (plain, tls) = (free_address()?, free_address()?);
        let zaiseki = std::path::absolute(options.zaiseki())?;
        let wire_rosters = options.wire_rosters || kind == Kind::Zaiseki;
        let site = Site { kind, population, wire_rosters, archive, hash: options.mechanism, zaiseki, dir, plain, tls };
        site.write_certificate()?;
        match kind {
            Kind::Prosody => prosody::prepare(&site)?,
            Kind::Ejabberd => ejabberd::prepare(&site)?,
            Kind::Zaiseki => zaiseki::prepare(&site)?,
        }
        Ok(site)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The population whose files are written before the start.
    fn written(&self) -> Population {
        Population { contacts: if self.wire_rosters { 0 } else { self.population.contacts }, ..self.population }
    }

    /// One ECDSA P-256 certificate, in `cert.pem` with its key in `key.pem`, and both in `both.pem`.
    fn write_certificate(&self) -> Result<()> {
        let key_pair = rcgen::KeyPair::generate()?;
        let mut params = rcgen::CertificateParams::new(vec![DOMAIN.to_owned()])?;
        // The library's own end is in the year 4096, for which ejabberd cannot set a timer.
        params.not_after = rcgen::date_time_ymd(2038, 1, 1);
        let (cert, key) = (params.self_signed(&key_pair)?.pem(), key_pair.serialize_pem());
        fs::write(self.path("both.pem"), format!("{cert}{key}"))?;
        fs::write(self.path("cert.pem"), cert)?;
        Ok(fs::write(self.path("key.pem"), key)?)
    }

    /// Starts the server and waits until both ports answer and all users exist.
    ///
    /// # Errors
    /// It ended, or was not ready within two minutes; the end of its log is part of the error.
    pub async fn start(&self) -> Result<Running> {
        let log = fs::File::options().create(true).append(true).open(self.path("output.log"))?;
        let mut command = match self.kind {
            Kind::Prosody => prosody::command(self),
            Kind::Ejabberd => ejabberd::command(self),
            Kind::Zaiseki => zaiseki::command(self),
        };
        command.current_dir(self.dir.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.kind.name()))?;
        let target =
            Target { domain: DOMAIN.to_owned(), plain: self.plain, tls: self.tls, connector: connector()?, hash: self.hash };
        let mut running = Running { pid: child.id(), child, target, accounts: self.population.accounts() };
        self.wait_ready(&mut running).await.with_context(|| self.log_tail())?;
        if self.wire_rosters && self.population.contacts > 0 && !self.path("befriended").exists() {
            people::befriend(&running.target, &running.accounts, self.population.contacts).await?;
            fs::write(self.path("befriended"), "")?;
        }
        Ok(running)
    }

    async fn wait_ready(&self, running: &mut Running) -> Result<()> {
        let begin = Instant::now();
        let mut waiting_for = vec![self.plain, self.tls];
        loop {
            if let Some(status) = running.child.try_wait()? {
                bail!("{} ended at once: {status}", self.kind.name());
            }
            while let Some(address) = waiting_for.last()
                && tokio::net::TcpStream::connect(address).await.is_ok()
            {
                waiting_for.pop();
            }
            let populated = self.kind != Kind::Ejabberd || self.path(ejabberd::IMPORTED).exists();
            if waiting_for.is_empty() && populated {
                return Ok(());
            }
            if begin.elapsed() > Duration::from_secs(120) {
                bail!("{} is not ready", self.kind.name());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The end of what the server wrote.
    pub fn log_tail(&self) -> String {
        let written = ["output.log", "server.log"].map(|name| fs::read(self.path(name)).unwrap_or_default());
        let bytes = written.iter().find(|b| !b.is_empty()).map(Vec::as_slice).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().rev().take(12).collect();
        let tail: String = lines.iter().rev().flat_map(|l| ["\n  ", l]).collect();
        format!("{} wrote:{tail}", self.kind.name())
    }
}

/// A started server; dropping it ends the process.
pub struct Running {
    pub pid: u32,
    child: Child,
    pub target: Target,
    pub accounts: Vec<Arc<Account>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM first, so that a server that keeps its data for another run writes it.
        let pid = rustix::process::Pid::from_child(&self.child);
        let asked = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let begin = Instant::now();
        while asked.is_ok() && begin.elapsed() < Duration::from_secs(15) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            eprintln!("process {} could not be ended", self.pid);
        }
    }
}

/// A free address, and each time another one: below the ports that the kernel gives to outgoing connections.
fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(14_000);
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], NEXT.fetch_add(1, Ordering::Relaxed)));
        ensure!(address.port() < 20_000, "no free port on 127.0.0.1 from 14000 to 20000");
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<()> {
    let out = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
    if !out.status.success() {
        bail!("{command:?}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(())
}
