//! The steps of a gateway's self-test that all services share.

use crate::source::{Finding, SourceError, UserCalendar, UserError};
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
            Err(error) => failed("permission", error.to_string(), advice(&error)),
        });
    }
}

/// What to do about a user whose calendar could not be read.
fn advice(error: &UserError) -> &'static str {
    match error {
        UserError::NotFound => {
            "Check the user's id and mail address, the gateway's address, and that the user has a calendar there."
        }
        UserError::NoAccess(_) => "Grant the service account access to the users' free/busy times.",
        UserError::NoData | UserError::Server(_) => "Look into the calendar server's own log; the gateway asks again by itself.",
        UserError::Malformed(_) => "Check that the address leads to the calendar service itself, and not to a page about it.",
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

#[cfg(test)]
mod tests {
    use super::*;
    use zaiseki_model::UserId;

    #[test]
    fn the_advice_fits_what_was_seen() {
        let advised = |error: UserError| {
            let mut findings = Vec::new();
            reading(Ok(vec![UserCalendar { user: UserId([1; 16]), result: Err(error), skipped: Vec::new() }]), &mut findings);
            let last = findings.pop().unwrap();
            assert!(!last.passed && last.name == "permission", "{last:?}");
            last.advice
        };
        assert!(advised(UserError::NoAccess("403".to_owned())).contains("Grant"));
        for (error, word) in [
            (UserError::NotFound, "mail address"),
            (UserError::Server("status 500".to_owned()), "log"),
            (UserError::Malformed("html".to_owned()), "address"),
        ] {
            let advice = advised(error);
            assert!(advice.contains(word) && !advice.contains("Grant"), "{advice}");
        }
    }
}
