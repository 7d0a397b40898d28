//! The servers in their order, as one source of users.

use crate::answer;
use crate::config::AxlConfig;
use crate::link::{Link, explain};
use crate::{changes, request, sweep};
use std::time::Duration;
use tokio::time::timeout;
use zaiseki_model::directory::{BoxFuture, Delta, Progress, SourceFinding, Sweep, UserSource, UserSourceError};
use zaiseki_net::http::HttpError;

/// A whole read.
const READ: Duration = Duration::from_secs(3_600);
/// Users read in a self-test.
const TASTE: u32 = 5;

/// See [`open`].
pub struct AxlSource {
    config: AxlConfig,
    password: String,
}

/// Checks the configuration; nothing is connected yet.
///
/// # Errors
/// [`UserSourceError::Config`] naming the key.
pub fn open(config: &AxlConfig, password: &str) -> Result<AxlSource, UserSourceError> {
    config.check(password)?;
    let source = AxlSource { config: config.clone(), password: password.to_owned() };
    for server in &source.config.servers {
        source.link(server)?;
    }
    Ok(source)
}

impl AxlSource {
    fn link(&self, server: &str) -> Result<Link, UserSourceError> {
        Link::new(&self.config, &self.password, server)
    }

    /// A refused account is not tried at the next server, which would lock it sooner.
    async fn read_any(&self, progress: Progress<'_>) -> Result<Sweep, UserSourceError> {
        let mut passed_over = Vec::new();
        let mut broken = None;
        for server in &self.config.servers {
            match sweep::sweep(&self.config, &mut self.link(server)?, progress).await {
                Ok(sweep) => return Ok(Sweep { passed_over, ..sweep }),
                Err(UserSourceError::Unreachable { why }) => passed_over.push(why),
                Err(error @ UserSourceError::Incomplete { .. }) => {
                    passed_over.push(error.to_string());
                    broken = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(broken.unwrap_or(UserSourceError::Unreachable { why: passed_over.join("; ") }))
    }

    /// The change queue is the first server's: another one numbers its changes for itself, so it is not asked.
    async fn changes_since(&self, cursor: &str) -> Result<Option<Delta>, UserSourceError> {
        let Some(server) = self.config.servers.first() else { return Ok(None) };
        changes::since(&self.config, &mut self.link(server)?, cursor).await
    }

    /// Everything about one server, up to the first thing that fails.
    async fn test_one(&self, server: &str, findings: &mut Vec<SourceFinding>) {
        let mut tell = |name: &'static str, passed: bool, seen: String| {
            findings.push(SourceFinding { name, server: server.to_owned(), passed, seen });
        };
        let mut link = match self.link(server) {
            Ok(link) => link,
            Err(error) => return tell("connect", false, error.to_string()),
        };
        if let Err(error) = link.connect().await {
            let name = if matches!(error, HttpError::Tls { .. } | HttpError::Trust(_)) { "tls" } else { "connect" };
            return tell(name, false, explain(&error));
        }
        tell("connect", true, format!("connected to {server}"));
        tell("tls", true, "the certificate is believed".to_owned());
        let version = match link.ask(|_| request::ccm_version()).await {
            Ok(answer) => answer::ccm_version(&answer).map_err(|trouble| link.error(trouble.into(), false)),
            Err(error) => Err(link.error(error, false)),
        };
        match version {
            Ok(version) => tell("sign-in", true, format!("Unified CM {version}, AXL {}", link.version)),
            Err(error) => return tell("sign-in", false, error.to_string()),
        }
        match sweep::taste(&self.config, &mut link, TASTE).await {
            Err(error) => tell("users", false, error.to_string()),
            Ok((read, sweep)) => {
                let (passed, seen) = tasted(read, &sweep);
                tell("users", passed, seen);
            }
        }
    }
}

fn tasted(read: usize, sweep: &Sweep) -> (bool, String) {
    let names: Vec<&str> = sweep.users.iter().map(|user| user.name.as_str()).collect();
    match sweep.skipped.first() {
        Some(skipped) => (false, format!("{}: {}", skipped.place, skipped.why)),
        None if read == 0 => (false, "the cluster has no users, or the account may not see them".to_owned()),
        // The first few may well be others; that is no fault.
        None if names.is_empty() => (true, format!("none of the first {read} is one whom this directory reads")),
        None => (true, format!("the first are {}", names.join(", "))),
    }
}

impl UserSource for AxlSource {
    fn read<'a>(&'a self, progress: Progress<'a>) -> BoxFuture<'a, Result<Sweep, UserSourceError>> {
        Box::pin(async move {
            let late = || UserSourceError::Incomplete {
                server: self.config.servers.join(", "),
                why: format!("not done within {} s", READ.as_secs()),
            };
            timeout(READ, self.read_any(progress)).await.unwrap_or_else(|_| Err(late()))
        })
    }

    fn changes<'a>(&'a self, cursor: &'a str) -> BoxFuture<'a, Result<Option<Delta>, UserSourceError>> {
        Box::pin(self.changes_since(cursor))
    }

    fn test(&self) -> BoxFuture<'_, Vec<SourceFinding>> {
        Box::pin(async move {
            let mut findings = Vec::new();
            for server in &self.config.servers {
                self.test_one(server, &mut findings).await;
            }
            findings
        })
    }
}
