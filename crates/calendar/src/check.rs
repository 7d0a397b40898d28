//! The steps of a gateway's self-test that all services share.

use crate::source::{Finding, SourceError, UserCalendar};
use zaiseki_net::http::{Client, HttpError, Url};

pub fn passed(name: &'static str, seen: impl Into<String>) -> Finding {
    Finding { name, passed: true, seen: seen.into(), advice: String::new() }
}

pub fn failed(name: &'static str, seen: impl Into<String>, advice: &str) -> Finding {
    Finding { name, passed: false, seen: seen.into(), advice: advice.to_owned() }
}

/// Opens a connection: findings `connect` and, for https, `tls`. True when the test can go on.
pub async fn connection(client: &Client, url: &Url, findings: &mut Vec<Finding>) -> bool {
    let host = url.host_str().unwrap_or_default();
    let https = url.scheme() == "https";
    match client.connect(url).await {
        Ok(connection) => {
            findings.push(passed("connect", format!("{host} answers")));
            if let Some(leaf) = connection.peer_leaf() {
                let fingerprint = zaiseki_net::tls::fingerprint(leaf);
                findings.push(passed("tls", format!("certificate trusted, SHA-256 {fingerprint}")));
            }
            true
        }
        Err(error @ HttpError::Tls { .. }) if https => {
            findings.push(passed("connect", format!("{host} answers")));
            let advice = "Give the gateway the certificate authority of this server, and check that the server's certificate \
                          holds the name used in the address.";
            findings.push(failed("tls", explain(&error), advice));
            false
        }
        Err(error) => {
            let advice = match error {
                HttpError::Resolve { .. } => "Check the name in the address and this node's name server.",
                HttpError::Trust(_) => "Install the system's certificate authorities, or give the gateway its own.",
                HttpError::Blocked { .. } => "Use an address that is neither link-local nor a metadata service.",
                _ => "Check address and port, that the server runs, and firewalls between.",
            };
            findings.push(failed("connect", explain(&error), advice));
            false
        }
    }
}

/// The last two findings, `sign-in` and `permission`, from reading one mailbox.
pub fn reading(result: Result<Vec<UserCalendar>, SourceError>, findings: &mut Vec<Finding>) {
    let answers = match result {
        Ok(answers) => answers,
        Err(error @ SourceError::Auth { .. }) => {
            let advice =
                "Check user name and password, and which ways to sign in the server allows (Basic, NTLM, Extended Protection).";
            findings.push(failed("sign-in", explain(&error), advice));
            return;
        }
        Err(error) => {
            findings.push(failed("sign-in", explain(&error), "Check that the address leads to the calendar service itself."));
            return;
        }
    };
    findings.push(passed("sign-in", "accepted"));
    for answer in answers {
        findings.push(match answer.result {
            Ok(intervals) => passed("permission", format!("calendar read, {} busy times", intervals.len())),
            Err(error) => {
                failed("permission", error.to_string(), "Grant the service account access to the users' free/busy times.")
            }
        });
    }
}

/// The error with its causes, for an administrator.
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
