//! Reads a tree page by page (RFC 2696) until it is whole, or fails.

use crate::config::{LdapConfig, Scope, Security};
use crate::connect::Link;
use crate::entry::{self, Entry};
use crate::referral::Elsewhere;
use ldap3::controls::{Control, ControlType, PagedResults};
use ldap3::{LdapResult, ResultEntry};
use rustls::ClientConfig;
use std::collections::VecDeque;
use std::sync::Arc;
use zaiseki_model::directory::{Cause, NotReached, Progress, Sweep, UserSourceError};
use zaiseki_model::limits::{DIRECTORY_ENTRIES, LDAP_REFERRALS};

/// `success` and `noSuchObject`, `referral` of RFC 4511 appendix A.
const SUCCESS: u32 = 0;
const REFERRAL: u32 = 10;
/// Answers that hold less than there is: `timeLimitExceeded`, `sizeLimitExceeded`, `adminLimitExceeded`, `busy`,
/// `unavailable`.
const PARTIAL: [u32; 5] = [3, 4, 11, 51, 52];

/// One tree, or a part of it elsewhere.
struct Branch {
    base: String,
    scope: Option<Scope>,
    security: Security,
}

/// A read under way.
pub(crate) struct Reading<'a> {
    pub config: &'a LdapConfig,
    pub password: &'a str,
    pub trust: Option<Arc<ClientConfig>>,
    pub progress: Progress<'a>,
    pub limit: usize,
    attributes: Vec<&'a str>,
    sweep: Sweep,
    waiting: VecDeque<Vec<Elsewhere>>,
    followed: usize,
}

impl<'a> Reading<'a> {
    pub fn new(config: &'a LdapConfig, password: &'a str, trust: Option<Arc<ClientConfig>>, progress: Progress<'a>) -> Self {
        let fields = crate::config::FIELDS.iter().map(|(field, ..)| config.attribute(field));
        let attributes = fields.filter(|attribute| !attribute.is_empty()).collect();
        let (sweep, waiting) = (Sweep::default(), VecDeque::new());
        let limit = DIRECTORY_ENTRIES;
        Reading { config, password, trust, progress, limit, attributes, sweep, waiting, followed: 0 }
    }

    /// The whole tree from a connected and signed-in server, and what it points at where that is allowed.
    pub async fn run(mut self, link: &mut Link) -> Result<Sweep, UserSourceError> {
        let scope = Some(self.config.scope);
        let branch = Branch { base: self.config.base.trim().to_owned(), scope, security: self.config.security };
        self.branch(link, &branch).await?;
        while let Some(choices) = self.waiting.pop_front() {
            self.follow(&choices).await?;
        }
        self.sweep.server = link.server.clone();
        Ok(self.sweep)
    }

    /// At most `entries` users; for a self-test.
    pub async fn taste(mut self, link: &mut Link, entries: usize) -> Result<Sweep, UserSourceError> {
        let scope = Some(self.config.scope);
        let branch = Branch { base: self.config.base.trim().to_owned(), scope, security: self.config.security };
        self.limit = entries;
        match self.branch(link, &branch).await {
            Ok(()) | Err(UserSourceError::TooMany { .. }) => Ok(self.sweep),
            Err(error) => Err(error),
        }
    }

    async fn branch(&mut self, link: &mut Link, branch: &Branch) -> Result<(), UserSourceError> {
        let mut cookie = Vec::new();
        // Even a server that gives empty pages for ever comes to an end.
        for _ in 0..=self.limit {
            let result = self.page(link, branch, cookie).await?;
            self.judge(link, &result, branch)?;
            (self.progress)(self.sweep.users.len() + self.sweep.skipped.len());
            cookie = next_cookie(&result);
            if cookie.is_empty() {
                return Ok(());
            }
        }
        Err(UserSourceError::Malformed { server: link.server.clone(), why: "the pages do not end".to_owned() })
    }

    async fn page(&mut self, link: &mut Link, branch: &Branch, cookie: Vec<u8>) -> Result<LdapResult, UserSourceError> {
        let scope = match branch.scope {
            None => ldap3::Scope::Base,
            Some(Scope::OneLevel) => ldap3::Scope::OneLevel,
            Some(Scope::Subtree) => ldap3::Scope::Subtree,
        };
        let size = i32::try_from(self.config.page_size).unwrap_or(i32::MAX);
        let operation = link.operation().with_controls(vec![PagedResults { size, cookie }.into()]);
        let attributes = self.attributes.clone();
        let mut stream = match operation.streaming_search(&branch.base, scope, self.config.filter(), attributes).await {
            Ok(stream) => stream,
            Err(error) => return Err(incomplete(link, link.explain(&error))),
        };
        loop {
            match stream.next().await {
                Ok(Some(raw)) => self.take(&link.server, raw, branch)?,
                Ok(None) => return Ok(stream.finish().await),
                Err(error) => return Err(incomplete(link, link.explain(&error))),
            }
        }
    }

    fn take(&mut self, server: &str, raw: ResultEntry, branch: &Branch) -> Result<(), UserSourceError> {
        if raw.is_intermediate() {
            return Ok(());
        }
        if raw.is_ref() {
            self.refer(references(raw), branch);
            return Ok(());
        }
        if self.sweep.users.len() + self.sweep.skipped.len() >= self.limit {
            return Err(UserSourceError::TooMany { server: server.to_owned(), limit: self.limit });
        }
        let malformed = || UserSourceError::Malformed { server: server.to_owned(), why: "an entry is damaged".to_owned() };
        let entry = Entry::parse(raw).ok_or_else(malformed)?;
        match entry::user(self.config, &entry) {
            Ok(user) => self.sweep.users.push(user),
            Err(skipped) => self.sweep.skipped.push(skipped),
        }
        Ok(())
    }

    /// Counts a reference, or keeps it to be followed.
    fn refer(&mut self, urls: Vec<String>, branch: &Branch) {
        let scope = branch.scope.unwrap_or(self.config.scope);
        let choices = urls.iter().filter_map(|url| Elsewhere::parse(url, &branch.base, scope, branch.security));
        let choices: Vec<Elsewhere> = choices.collect();
        if self.config.follow_referrals && !choices.is_empty() {
            self.waiting.push_back(choices);
        } else {
            self.sweep.referrals += 1;
        }
    }

    /// One of the servers that hold this part of the tree must give it whole.
    async fn follow(&mut self, choices: &[Elsewhere]) -> Result<(), UserSourceError> {
        self.followed += 1;
        let nowhere = NotReached { server: self.config.base.clone(), cause: Cause::Address, why: String::new() };
        let mut last = UserSourceError::Unreachable(vec![nowhere]);
        for there in choices {
            let server = there.address.host.clone();
            if self.followed > LDAP_REFERRALS {
                let why = format!("there are more than {LDAP_REFERRALS} referrals");
                return Err(UserSourceError::Incomplete { server, why });
            }
            let mut link = match Link::open(&there.address, there.security, self.trust.clone()).await {
                Ok(link) => link,
                Err(why) => {
                    let why = format!("another server was referred to, and is not there: {}", why.of(&server));
                    last = UserSourceError::Incomplete { server, why };
                    continue;
                }
            };
            link.bind(&self.config.bind_dn, self.password).await?;
            let branch = Branch { base: there.base.clone(), scope: there.scope, security: there.security };
            return self.branch(&mut link, &branch).await;
        }
        Err(last)
    }

    /// Only an answer that says it is whole is believed.
    fn judge(&mut self, link: &Link, result: &LdapResult, branch: &Branch) -> Result<(), UserSourceError> {
        let server = link.server.clone();
        match result.rc {
            SUCCESS => Ok(()),
            REFERRAL if self.config.follow_referrals => {
                self.refer(result.refs.clone(), branch);
                Ok(())
            }
            REFERRAL => {
                let why = format!("the whole base is elsewhere: {}", result.refs.join(" "));
                Err(UserSourceError::Refused { server, why })
            }
            code if PARTIAL.contains(&code) => Err(UserSourceError::Incomplete { server, why: result.to_string() }),
            _ => Err(UserSourceError::Refused { server, why: result.to_string() }),
        }
    }
}

fn incomplete(link: &Link, why: String) -> UserSourceError {
    UserSourceError::Incomplete { server: link.server.clone(), why }
}

fn references(raw: ResultEntry) -> Vec<String> {
    let parts = raw.0.expect_constructed().unwrap_or_default().into_iter();
    parts.filter_map(|part| String::from_utf8(part.expect_primitive()?).ok()).collect()
}

fn next_cookie(result: &LdapResult) -> Vec<u8> {
    let paged = result.ctrls.iter().find(|Control(kind, _)| matches!(kind, Some(ControlType::PagedResults)));
    paged.map(|Control(_, raw)| raw.parse::<PagedResults>().cookie).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Address;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// `SearchResultEntry` with entryUUID and uid, and `SearchResultDone`, of message 1.
    const ENTRY: &[u8] = b"\x30\x2b\x02\x01\x01\x64\x26\x04\x05uid=a\x30\x1d\x30\x10\x04\x09entryUUID\x31\x03\x04\x01k\x30\x09\x04\x03uid\x31\x02\x04\x00";
    const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";

    async fn read(entries: usize, limit: usize) -> Result<Sweep, UserSourceError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert!(socket.read(&mut [0; 4_096]).await.unwrap() > 0);
            let answer = [ENTRY.repeat(entries), DONE.to_vec()].concat();
            let _ = socket.write_all(&answer).await;
        });
        let config: LdapConfig = serde_json::from_str(r#"{"servers": ["a"], "base": "dc=x", "security": "none"}"#).unwrap();
        let address = Address { host: "127.0.0.1".to_owned(), port };
        let mut link = Link::open(&address, Security::None, None).await.unwrap();
        let mut reading = Reading::new(&config, "", None, &|_| {});
        assert_eq!(reading.limit, DIRECTORY_ENTRIES);
        reading.limit = limit;
        let result = reading.run(&mut link).await;
        server.await.unwrap();
        result
    }

    #[tokio::test]
    async fn a_directory_has_a_greatest_number_of_entries() {
        // The entries have no user id, which does not matter here: each counts.
        assert_eq!(read(3, 3).await.unwrap().skipped.len(), 3);
        assert!(matches!(read(4, 3).await, Err(UserSourceError::TooMany { limit: 3, .. })));
    }
}
