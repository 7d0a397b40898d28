//! The steps of a gateway's self-test that all services share.

use crate::source::{Finding, Seen, SourceError, UserCalendar};
use zaiseki_net::http::{Client, HttpError, Url};

/// Opens a connection: findings `connect` and, for https, `tls`. True when the test can go on.
pub async fn connection(client: &Client, url: &Url, findings: &mut Vec<Finding>) -> bool {
    let host = url.host_str().unwrap_or_default().to_owned();
    let https = url.scheme() == "https";
    match client.connect(url).await {
        Ok(connection) => {
            findings.push(Finding { name: "connect", seen: Seen::Answers { host } });
            if let Some(leaf) = connection.peer_leaf() {
                let fingerprint = zaiseki_net::tls::fingerprint(leaf);
                findings.push(Finding { name: "tls", seen: Seen::Trusted { fingerprint } });
            }
            true
        }
        Err(error @ HttpError::Tls { .. }) if https => {
            findings.push(Finding { name: "connect", seen: Seen::Answers { host } });
            findings.push(Finding { name: "tls", seen: Seen::NoConnection(error) });
            false
        }
        Err(error) => {
            findings.push(Finding { name: "connect", seen: Seen::NoConnection(error) });
            false
        }
    }
}

/// The last two findings, `sign-in` and `permission`, from reading one mailbox.
pub fn reading(result: Result<Vec<UserCalendar>, SourceError>, findings: &mut Vec<Finding>) {
    let answers = match result {
        Ok(answers) => answers,
        Err(error) => return findings.push(Finding { name: "sign-in", seen: Seen::NoAnswer(error) }),
    };
    findings.push(Finding { name: "sign-in", seen: Seen::Accepted });
    for answer in answers {
        let seen = match answer.result {
            Ok(intervals) => Seen::Read { busy_times: intervals.len() },
            Err(error) => Seen::NoCalendar(error),
        };
        findings.push(Finding { name: "permission", seen });
    }
}

/// The error with its causes, on one line.
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
