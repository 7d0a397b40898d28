//! A tree to read, and the configuration that reads it.

use anyhow::Result;
use zaiseki_directory::{LdapConfig, Security, open};
use zaiseki_model::directory::{Sweep, UserSource, UserSourceError};
use zaiseki_testkit::slapd::{READER_DN, READER_PASSWORD, SUFFIX, Slapd};

/// Reads everything below the suffix by StartTLS.
pub fn config(slapd: &Slapd) -> Result<LdapConfig> {
    let mut config: LdapConfig = serde_json::from_str(r#"{"servers": [], "base": ""}"#)?;
    config.servers = vec![slapd.address()];
    config.base = SUFFIX.to_owned();
    config.ca = Some(slapd.ca()?);
    config.bind_dn = READER_DN.to_owned();
    Ok(config)
}

pub fn read(config: &LdapConfig) -> Result<Sweep, UserSourceError> {
    read_with(config, READER_PASSWORD, &|_| {})
}

pub fn read_with(
    config: &LdapConfig,
    password: &str,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> Result<Sweep, UserSourceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { open(config, password)?.read(progress).await })
}

/// The self-test: name and outcome of each line.
pub fn test(config: &LdapConfig, password: &str) -> Result<Vec<(&'static str, bool)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(async { Ok::<_, UserSourceError>(open(config, password)?.test().await) })?;
    Ok(findings.into_iter().map(|finding| (finding.name, finding.passed())).collect())
}

pub fn names(sweep: &Sweep) -> Vec<&str> {
    let mut names: Vec<&str> = sweep.users.iter().map(|user| user.name.as_str()).collect();
    names.sort_unstable();
    names
}

pub fn without_tls(mut config: LdapConfig) -> LdapConfig {
    config.security = Security::None;
    config.ca = None;
    config
}
