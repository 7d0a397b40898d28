//! The servers in their order, as one source of users.

use crate::answer;
use crate::config::AxlConfig;
use crate::link::{Link, not_reached};
use crate::{changes, request, sweep};
use std::time::Duration;
use tokio::time::timeout;
use zaiseki_model::directory::{BoxFuture, Delta, Progress, SourceFinding, SourceSeen, Sweep, UserSource, UserSourceError};

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
        let (mut passed_over, mut unreached) = (Vec::new(), Vec::new());
        let mut broken = None;
        for server in &self.config.servers {
            match sweep::sweep(&self.config, &mut self.link(server)?, progress).await {
                Ok(sweep) => return Ok(Sweep { passed_over, ..sweep }),
                Err(UserSourceError::Unreachable(servers)) => {
                    passed_over.push(UserSourceError::Unreachable(servers.clone()));
                    unreached.extend(servers);
                }
                Err(error @ UserSourceError::Incomplete { .. }) => {
                    passed_over.push(error.clone());
                    broken = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(broken.unwrap_or(UserSourceError::Unreachable(unreached)))
    }

    /// The change queue is the first server's: another one numbers its changes for itself, so it is not asked.
    async fn changes_since(&self, cursor: &str) -> Result<Option<Delta>, UserSourceError> {
        let Some(server) = self.config.servers.first() else { return Ok(None) };
        changes::since(&self.config, &mut self.link(server)?, cursor).await
    }

    /// Everything about one server, up to the first thing that fails.
    async fn test_one(&self, server: &str, findings: &mut Vec<SourceFinding>) {
        let mut tell = |name: &'static str, seen: SourceSeen| {
            findings.push(SourceFinding { name, server: server.to_owned(), seen });
        };
        let mut link = match self.link(server) {
            Ok(link) => link,
            Err(error) => return tell("connect", SourceSeen::Failed(error)),
        };
        if let Err(error) = link.connect().await {
            let why = not_reached(server, &error);
            return tell(if why.cause.is_tls() { "tls" } else { "connect" }, SourceSeen::NotReached(why));
        }
        tell("connect", SourceSeen::Connected);
        tell("tls", SourceSeen::Trusted);
        let version = match link.ask(|_| request::ccm_version()).await {
            Ok(answer) => answer::ccm_version(&answer).map_err(|trouble| link.error(trouble.into(), false)),
            Err(error) => Err(link.error(error, false)),
        };
        match version {
            Ok(version) => tell("sign-in", SourceSeen::Product(format!("Unified CM {version}, AXL {}", link.version))),
            Err(error) => return tell("sign-in", SourceSeen::Failed(error)),
        }
        match sweep::taste(&self.config, &mut link, TASTE).await {
            Err(error) => tell("users", SourceSeen::Failed(error)),
            Ok((read, sweep)) => tell("users", tasted(read, sweep)),
        }
    }
}

fn tasted(read: usize, mut sweep: Sweep) -> SourceSeen {
    match sweep.skipped.pop() {
        Some(skipped) => SourceSeen::Unusable(skipped),
        None if read == 0 => SourceSeen::NobodyVisible,
        // The first few may well be others; that is no fault.
        None if sweep.users.is_empty() => SourceSeen::Others(read),
        None => SourceSeen::Users(sweep.users.into_iter().map(|user| user.name).collect()),
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
