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
use zaiseki_model::directory::{
    BoxFuture, Cause, NotReached, Progress, SourceFinding, SourceSeen, Sweep, UserSource, UserSourceError,
};

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
        let (mut passed_over, mut not_reached) = (Vec::new(), Vec::new());
        let mut broken = None;
        for server in &self.config.servers {
            match self.read_one(server, progress).await {
                Ok(sweep) => return Ok(Sweep { passed_over, ..sweep }),
                Err(UserSourceError::Unreachable(servers)) => {
                    passed_over.push(UserSourceError::Unreachable(servers.clone()));
                    not_reached.extend(servers);
                }
                Err(error @ UserSourceError::Incomplete { .. }) => {
                    passed_over.push(error.clone());
                    broken = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(broken.unwrap_or(UserSourceError::Unreachable(not_reached)))
    }

    async fn read_one(&self, server: &str, progress: Progress<'_>) -> Result<Sweep, UserSourceError> {
        let mut link = self.link(server).await?;
        link.bind(&self.config.bind_dn, &self.password).await?;
        self.reading(progress).run(&mut link).await
    }

    async fn link(&self, server: &str) -> Result<Link, UserSourceError> {
        let opened = match self.address(server) {
            Ok(address) => Link::open(&address, self.config.security, self.trust.clone()).await.map_err(|why| why.of(server)),
            Err(why) => Err(why),
        };
        opened.map_err(|why| UserSourceError::Unreachable(vec![why]))
    }

    fn address(&self, server: &str) -> Result<Address, NotReached> {
        let parsed = Address::parse(server, self.config.security);
        parsed.map_err(|why| NotReached { server: server.to_owned(), cause: Cause::Address, why })
    }

    fn reading<'a>(&'a self, progress: Progress<'a>) -> Reading<'a> {
        Reading::new(&self.config, &self.password, self.trust.clone(), progress)
    }

    /// Everything about one server, up to the first thing that fails.
    async fn test_one(&self, server: &str, findings: &mut Vec<SourceFinding>) {
        let mut tell = |name: &'static str, seen: SourceSeen| {
            findings.push(SourceFinding { name, server: server.to_owned(), seen });
        };
        let address = match self.address(server) {
            Ok(address) => address,
            Err(why) => return tell("connect", SourceSeen::NotReached(why)),
        };
        let mut link = match Link::open(&address, self.config.security, self.trust.clone()).await {
            Ok(link) => link,
            Err(why) => {
                let why = why.of(server);
                return tell(if why.cause.is_tls() { "tls" } else { "connect" }, SourceSeen::NotReached(why));
            }
        };
        tell("connect", SourceSeen::Connected);
        if self.trust.is_some() {
            tell("tls", SourceSeen::Trusted);
        }
        if let Err(error) = link.bind(&self.config.bind_dn, &self.password).await {
            return tell("sign-in", SourceSeen::Failed(error));
        }
        tell("sign-in", SourceSeen::Account(self.config.bind_dn.clone()));
        match self.reading(&|_| {}).taste(&mut link, TASTE).await {
            Err(error) => tell("base", SourceSeen::Failed(error)),
            Ok(sweep) => {
                tell("base", SourceSeen::Base(self.config.base.clone()));
                tell("users", tasted(sweep));
            }
        }
    }
}

fn tasted(mut sweep: Sweep) -> SourceSeen {
    match sweep.skipped.pop() {
        Some(skipped) => SourceSeen::Unusable(skipped),
        None if sweep.users.is_empty() => SourceSeen::NobodyMatches,
        None => SourceSeen::Users(sweep.users.into_iter().map(|user| user.name).collect()),
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
                    let seen = SourceSeen::Failed(self.damaged());
                    findings.push(SourceFinding { name: "base", server: server.clone(), seen });
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
