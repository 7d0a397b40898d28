//! Real servers on loopback, for as long as a test holds them.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Ports below those that the kernel gives to outgoing connections (Linux: from 32,768), so that none of these takes one
/// between our look and the server's start.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that was free a moment ago, and that this process gives only once. Processes beside this one begin
/// elsewhere; should one take the port all the same, the start of the server fails and says so.
pub fn free_port() -> Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let all = u32::from(PORTS.end - PORTS.start);
    // Steps of a number that has no divisor in common with the range: neighbouring process ids begin far apart.
    let begin = std::process::id().wrapping_mul(7_919);
    for _ in 0..all {
        let step = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + u16::try_from(begin.wrapping_add(step) % all)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 from {} to {}", PORTS.start, PORTS.end)
}

/// Waits until `check` gives something, asking every 20 ms; fails with `what` after `deadline`.
pub fn wait_for<T>(what: &str, deadline: Duration, mut check: impl FnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = check() {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {} s", deadline.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A child process that is killed (by its own id) when dropped. Its output goes to a file, shown when something fails.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with its output in `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Server> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Server { child, log: log.to_owned() })
    }

    /// Waits until the server accepts connections. Fails, with its output, when it ends before or the deadline passes.
    pub fn wait_for_port(&mut self, port: u16, deadline: Duration) -> Result<()> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut ended = None;
        let waited = wait_for("the server's port", deadline, || {
            ended = self.child.try_wait().ok().flatten();
            let open = TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok();
            (open || ended.is_some()).then_some(())
        });
        match (waited, ended) {
            (Ok(()), None) => Ok(()),
            (_, Some(status)) => bail!("the server ended with {status}:\n{}", self.output()),
            (Err(error), None) => Err(error.context(self.output())),
        }
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end; its output, or an error that holds it.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {:?}", command.get_program()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{:?} ended with {}:\n{text}\n{errors}", command.get_program(), output.status);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_at_once_is_told_with_its_output() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing; exit 3"]);
        let mut server = Server::start(&mut command, &dir.path().join("log")).unwrap();
        let error = server.wait_for_port(free_port().unwrap(), Duration::from_secs(20)).unwrap_err();
        assert!(error.to_string().contains("no such thing"), "{error}");
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(Command::new("sleep").arg("600"), &dir.path().join("log")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", server.id()));
        assert!(process.exists());
        drop(server);
        assert!(!process.exists());
    }
}
