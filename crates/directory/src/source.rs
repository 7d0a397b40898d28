//! A configured LDAP directory as a source of users.

use crate::config::{Address, LdapConfig};
use crate::connect::{self, Link};
use crate::read::Reading;
use rustls::ClientConfig;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;
use zaiseki_model::directory::{BoxFuture, Progress, SourceFinding, Sweep, UserSource, UserSourceError};

/// A whole read.
const READ: Duration = Duration::from_secs(3_600);
/// Users read in a self-test.
const TASTE: usize = 5;

/// See [`open`].
pub struct LdapSource {
    config: LdapConfig,
    password: String,
    trust: Option<Arc<ClientConfig>>,
}

/// Checks the configuration; nothing is connected yet.
///
/// # Errors
/// [`UserSourceError::Config`] naming the key.
pub fn open(config: &LdapConfig, password: &str) -> Result<LdapSource, UserSourceError> {
    config.check(password)?;
    Ok(LdapSource { config: config.clone(), password: password.to_owned(), trust: connect::trust(config)? })
}

impl LdapSource {
    /// The servers in their order; a refused account is not tried at the next one, which would lock it sooner.
    async fn read_any(&self, progress: Progress<'_>) -> Result<Sweep, UserSourceError> {
        let mut passed_over = Vec::new();
        let mut broken = None;
        for server in &self.config.servers {
            match self.read_one(server, progress).await {
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

    async fn read_one(&self, server: &str, progress: Progress<'_>) -> Result<Sweep, UserSourceError> {
        let mut link = self.link(server).await?;
        link.bind(&self.config.bind_dn, &self.password).await?;
        self.reading(progress).run(&mut link).await
    }

    async fn link(&self, server: &str) -> Result<Link, UserSourceError> {
        let unreachable = |why: String| UserSourceError::Unreachable { why: format!("{server}: {why}") };
        let address = Address::parse(server, self.config.security).map_err(unreachable)?;
        let opened = Link::open(&address, self.config.security, self.trust.clone()).await;
        opened.map_err(|why| unreachable(why.to_string()))
    }

    fn reading<'a>(&'a self, progress: Progress<'a>) -> Reading<'a> {
        Reading::new(&self.config, &self.password, self.trust.clone(), progress)
    }

    /// Everything about one server, up to the first thing that fails.
    async fn test_one(&self, server: &str, findings: &mut Vec<SourceFinding>) {
        let mut tell = |name: &'static str, passed: bool, seen: String| {
            findings.push(SourceFinding { name, server: server.to_owned(), passed, seen });
        };
        let address = match Address::parse(server, self.config.security) {
            Ok(address) => address,
            Err(why) => return tell("connect", false, why),
        };
        let mut link = match Link::open(&address, self.config.security, self.trust.clone()).await {
            Ok(link) => link,
            Err(why) => return tell(if why.is_tls() { "tls" } else { "connect" }, false, why.to_string()),
        };
        tell("connect", true, format!("connected to {}", link.server));
        if self.trust.is_some() {
            tell("tls", true, "the certificate is believed".to_owned());
        }
        if let Err(error) = link.bind(&self.config.bind_dn, &self.password).await {
            return tell("sign-in", false, error.to_string());
        }
        let who = if self.config.bind_dn.is_empty() { "anonymous access" } else { self.config.bind_dn.as_str() };
        tell("sign-in", true, who.to_owned());
        match self.reading(&|_| {}).taste(&mut link, TASTE).await {
            Err(error) => tell("base", false, error.to_string()),
            Ok(sweep) => {
                tell("base", true, self.config.base.clone());
                let (passed, seen) = tasted(&sweep);
                tell("users", passed, seen);
            }
        }
    }
}

fn tasted(sweep: &Sweep) -> (bool, String) {
    let names: Vec<&str> = sweep.users.iter().map(|user| user.name.as_str()).collect();
    match sweep.skipped.first() {
        Some(skipped) => (false, format!("{}: {}", skipped.place, skipped.why)),
        None if names.is_empty() => (false, "no entry matches".to_owned()),
        None => (true, format!("the first are {}", names.join(", "))),
    }
}

impl UserSource for LdapSource {
    fn read<'a>(&'a self, progress: Progress<'a>) -> BoxFuture<'a, Result<Sweep, UserSourceError>> {
        Box::pin(async move {
            let late = || UserSourceError::Incomplete {
                server: self.config.servers.join(", "),
                why: format!("not done within {} s", READ.as_secs()),
            };
            let read = timeout(READ, self.read_any(progress));
            caught(read).await.map_or_else(|| Err(self.damaged()), |read| read.unwrap_or_else(|_| Err(late())))
        })
    }

    fn test(&self) -> BoxFuture<'_, Vec<SourceFinding>> {
        Box::pin(async move {
            let mut findings = Vec::new();
            for server in &self.config.servers {
                if caught(self.test_one(server, &mut findings)).await.is_none() {
                    let seen = self.damaged().to_string();
                    findings.push(SourceFinding { name: "base", server: server.clone(), passed: false, seen });
                }
            }
            findings
        })
    }
}

impl LdapSource {
    fn damaged(&self) -> UserSourceError {
        let why = "a message has the wrong shape".to_owned();
        UserSourceError::Malformed { server: self.config.servers.join(", "), why }
    }
}

/// `None` when the work panicked: the protocol library does so on messages of the wrong shape.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}
