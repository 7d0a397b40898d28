//! A real node: the built binary in a process of its own, with a throw-away data folder and free ports on loopback.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::process::wait_for;
use crate::xmpp_client::{Account, Client, Endpoint, Security};

/// How long a start, a stop or a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The node takes a port that is free and says which: nobody else can take it in between.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What differs from a plain test node.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The XMPP domain; `localhost` by default.
    pub domain: String,
    /// Sign-in without TLS, for tests that look at the bytes; on by default.
    pub allow_clear_text: bool,
    /// Where to listen for the web; a free port of loopback by default.
    pub https: SocketAddr,
    /// More addresses with STARTTLS, besides a free port of loopback.
    pub more_c2s: Vec<SocketAddr>,
    /// More lines for `node.toml`, after the others: whole tables. The log must say where the node listens (`info`).
    pub more_config: String,
}

impl Default for NodeOptions {
    fn default() -> Self {
        NodeOptions {
            domain: "localhost".to_owned(),
            allow_clear_text: true,
            https: ANY_PORT,
            more_c2s: Vec::new(),
            more_config: String::new(),
        }
    }
}

/// A node that runs, or can be started again on the same data. Dropping it kills the process and removes the data.
pub struct Node {
    binary: PathBuf,
    folder: TempDir,
    options: NodeOptions,
    listening: Listening,
    child: Option<Child>,
}

/// Where the node listens, by its own word; empty before it runs.
#[derive(Clone, Debug, Default)]
struct Listening {
    c2s: Vec<SocketAddr>,
    c2s_tls: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
}

impl Listening {
    /// Reads the log of one start, once it says that the node is ready.
    fn from_log(log: &str) -> Option<Listening> {
        let mut found = Listening::default();
        for line in log.lines() {
            let address = || line.split_once("address=")?.1.split(' ').next()?.parse().ok();
            if line.contains("listening for XMPP clients") {
                let list = if line.contains("direct_tls=true") { &mut found.c2s_tls } else { &mut found.c2s };
                list.push(address()?);
            } else if line.contains("listening for HTTPS") {
                found.https.push(address()?);
            }
        }
        log.contains(" ready domain=").then_some(found)
    }
}

impl Node {
    /// Starts a node and waits until it takes connections. `binary` is `env!("CARGO_BIN_EXE_zaiseki")` of the test.
    pub fn start(binary: impl AsRef<Path>) -> Result<Node> {
        Node::start_with(binary, NodeOptions::default())
    }

    /// The same with other options.
    pub fn start_with(binary: impl AsRef<Path>, options: NodeOptions) -> Result<Node> {
        let mut node = Node::prepare(binary, options)?;
        node.restart()?;
        Ok(node)
    }

    /// Writes the configuration of a node without starting it, for users added offline and for starts that must fail.
    pub fn prepare(binary: impl AsRef<Path>, options: NodeOptions) -> Result<Node> {
        let node = Node {
            binary: binary.as_ref().to_owned(),
            folder: tempfile::Builder::new().prefix("zaiseki-node-").tempdir()?,
            options,
            listening: Listening::default(),
            child: None,
        };
        fs::write(node.config(), node.config_text())?;
        Ok(node)
    }

    fn config_text(&self) -> String {
        let NodeOptions { domain, allow_clear_text, https, more_c2s, more_config } = &self.options;
        let c2s: Vec<String> = [&ANY_PORT].into_iter().chain(more_c2s).map(SocketAddr::to_string).collect();
        format!(
            "domain = {domain:?}\nnode_name = \"node1\"\ndata_dir = {:?}\n\n[listen]\nc2s = {c2s:?}\nc2s_tls = [\"{ANY_PORT}\"]\n\
             https = [\"{https}\"]\n\n[c2s]\nallow_clear_text = {allow_clear_text}\n\n{more_config}\n",
            self.data_dir(),
        )
    }

    /// The file `node.toml`.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("node.toml")
    }

    /// The folder that outlives restarts.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The XMPP domain.
    pub fn domain(&self) -> &str {
        &self.options.domain
    }

    /// Clients with STARTTLS or in clear text. Port 0 before the first start; another one after each.
    pub fn c2s(&self) -> SocketAddr {
        self.listening.c2s.first().copied().unwrap_or(ANY_PORT)
    }

    /// The same at the addresses of [`NodeOptions::more_c2s`].
    pub fn more_c2s(&self) -> &[SocketAddr] {
        self.listening.c2s.get(1..).unwrap_or_default()
    }

    /// Clients with TLS from the first byte.
    pub fn c2s_tls(&self) -> SocketAddr {
        self.listening.c2s_tls.first().copied().unwrap_or(ANY_PORT)
    }

    /// Web.
    pub fn https(&self) -> SocketAddr {
        self.listening.https.first().copied().unwrap_or(self.options.https)
    }

    /// The process, when it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Everything the node has written to its output, over all starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("node.log")
    }

    /// The certificate of the authority that the node made on its first start (PEM).
    pub fn ca_pem(&self) -> Result<String> {
        let data = self.data_dir();
        let mut folders = vec![data.clone()];
        for entry in fs::read_dir(&data)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
        let found = folders.iter().map(|folder| folder.join("ca.pem")).find(|path| path.is_file());
        let path = found.with_context(|| format!("no ca.pem in {}", data.display()))?;
        Ok(fs::read_to_string(path)?)
    }

    /// Where a client connects with the given security.
    pub fn endpoint(&self, security: Security) -> Result<Endpoint> {
        let (address, ca_pem) = match security {
            Security::Clear => (self.c2s(), None),
            Security::StartTls => (self.c2s(), Some(self.ca_pem()?)),
            Security::Direct => (self.c2s_tls(), Some(self.ca_pem()?)),
        };
        Ok(Endpoint { address, domain: self.options.domain.clone(), security, ca_pem })
    }

    /// A signed-in client over clear text, with a bound resource; no presence yet.
    pub fn client(&self, user: &str, password: &str, resource: &str) -> Result<Client> {
        Client::sign_in_to(&self.endpoint(Security::Clear)?, Account::new(user, password), resource)
    }

    /// Adds a user by the command line: through the running node, or offline when it does not run.
    pub fn add_user(&self, user: &str, password: &str) -> Result<()> {
        let output = self.cli(&["user", "add", user, "--password-stdin"], password)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "user add {user}: {}: {said}", output.status);
        Ok(())
    }

    /// Runs `zaiseki --config node.toml ARGUMENTS` with this standard input, and returns what it said.
    pub fn cli(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.config()).args(arguments).env("LC_ALL", "C.UTF-8");
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().with_context(|| format!("starting {}", self.binary.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input may have closed it.
            let _unread = stdin.write_all(input.as_bytes());
        }
        Ok(child.wait_with_output()?)
    }

    /// Starts the node (again) and waits until it takes connections. An early end is an error with its log.
    pub fn restart(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the node runs already");
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let before = usize::try_from(log.metadata()?.len())?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(self.config()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("starting {}", self.binary.display()))?);
        self.await_start(before)
    }

    /// Waits until the node takes connections (again), by its log behind the first `before` bytes. An early end is an error
    /// with its log.
    pub fn await_start(&mut self, before: usize) -> Result<()> {
        let up = wait_for("the node to take connections", PATIENCE, || {
            if let Some(listening) = self.log().get(before..).and_then(Listening::from_log) {
                return Some(Ok(listening));
            }
            match self.poll() {
                Ok(None) => None,
                Ok(Some(status)) => Some(Err(anyhow!("the node ended with {status} while starting"))),
                Err(error) => Some(Err(error)),
            }
        });
        self.listening = up.and_then(|started| started).with_context(|| self.log())?;
        Ok(())
    }

    /// SIGTERM, and waits for the end; anything but success is an error with the log.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = wait_for("the node to stop", PATIENCE, || self.poll().transpose()).with_context(|| self.log())??;
        ensure!(status.success(), "the node ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// SIGKILL: the node gets no chance to write anything.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the node does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the node does not run")?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// How the process ended, once it has.
    fn poll(&mut self) -> Result<Option<std::process::ExitStatus>> {
        let Some(child) = &mut self.child else { bail!("the node does not run") };
        let status = child.try_wait()?;
        if status.is_some() {
            self.child = None;
        }
        Ok(status)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.is_some()
            && let Err(error) = self.kill()
        {
            eprintln!("killing the node: {error}");
        }
    }
}
