//! Background task: takes up renewed files, renews what the node's own authority made, and warns of certificates that end.

use super::{Base, Purpose, Served, Source, now_secs};
use crate::alarms::catalogue::CERTIFICATE_EXPIRING;
use crate::app::{App, certificates};
use crate::error::Result;
use crate::text::Text;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};
use zaiseki_model::Severity;
use zaiseki_net::tls::{CertificateFacts, Paths, authority, certificates_in};
use zaiseki_xmpp::datetime;

/// How often certificate files, and the ends of certificates, are looked at: an alarm goes soon after what it is about.
const LOOK: Duration = Duration::from_secs(30);
/// How often what the node's own authority made is renewed where it is time.
const RENEW: Duration = Duration::from_secs(3_600);
/// Days before its end at which a certificate of the node's own authority is renewed, so that nobody is warned of it.
const RENEW_DAYS: i64 = 40;
/// Days before the end from which on it is so bad.
const LEVELS: [(i64, Severity); 2] = [(7, Severity::Critical), (30, Severity::Warning)];

const ACTOR: &str = "system:certificates";

/// Runs until the future is dropped.
pub async fn run(app: App) {
    let mut seen = app.served().map(|served| modified(&served.base().paths()));
    let mut renewed_at: Option<Instant> = None;
    loop {
        let worker = app.clone();
        let files = app.served().map(|served| modified(&served.base().paths()));
        let (changed, due) = (files != seen, renewed_at.is_none_or(|at| at.elapsed() >= RENEW));
        seen = files;
        if due {
            renewed_at = Some(Instant::now());
        }
        let work = move || {
            if changed && let Some(served) = worker.served() {
                served.reload_base();
            }
            look(&worker, due)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error.text(), "certificates could not be looked at"),
            Err(error) => tracing::error!(%error, "certificates could not be looked at"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn modified(files: &Paths) -> [Option<SystemTime>; 2] {
    let time = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    [time(&files.certificate), time(&files.key)]
}

/// Renews, when that is due, then warns.
fn look(app: &App, due: bool) -> Result<()> {
    let now = now_secs();
    if let Some(served) = app.served().filter(|_| due) {
        renew(app, served, now);
    }
    warn(app, &ends(app)?, now);
    Ok(())
}

fn renew(app: &App, served: &Served, now: i64) {
    if matches!(served.base(), Base::OwnAuthority { .. }) {
        served.reload_base();
    }
    for purpose in Purpose::ALL {
        let facts = facts_of(served, purpose);
        let ends_soon = facts.iter().any(|one| one.days_left(now) < RENEW_DAYS);
        let stored = served.source(purpose) == Source::OwnAuthority && served.changed_at(purpose).is_some();
        let (true, true, Some(leaf)) = (ends_soon, stored, facts.first()) else { continue };
        if let Err(error) = certificates::renew_own(app, ACTOR, purpose, &leaf.names) {
            tracing::error!(purpose = purpose.as_str(), error = %error.text(), "a certificate could not be renewed");
        }
    }
}

fn facts_of(served: &Served, purpose: Purpose) -> Vec<CertificateFacts> {
    served.live(purpose).chain().iter().filter_map(|der| CertificateFacts::of(der)).collect()
}

/// Something with a certificate, and the one of its certificates that ends first.
#[derive(Debug)]
struct End {
    subject: String,
    certificate: CertificateFacts,
}

impl End {
    fn first(subject: impl Into<String>, certificates: Vec<CertificateFacts>) -> Option<End> {
        let certificate = certificates.into_iter().min_by_key(|one| one.not_after)?;
        Some(End { subject: subject.into(), certificate })
    }
}

/// Everything here that would stop working when a certificate ends.
fn ends(app: &App) -> Result<Vec<End>> {
    let mut all: Vec<Option<End>> = Vec::new();
    if let Some(served) = app.served() {
        all.extend(Purpose::ALL.map(|purpose| End::first(purpose.as_str(), facts_of(served, purpose))));
        if let Base::OwnAuthority { folder, .. } = served.base() {
            all.push(End::first("own-authority", pem_facts(&authority(folder).unwrap_or_default())));
        }
    }
    for row in app.store().query(|db| db.trusted_authorities())? {
        let facts = CertificateFacts::of(&row.certificate).into_iter().collect();
        all.push(End::first(format!("trust {}", row.name), facts));
    }
    let (gateways, directories, targets) =
        app.store().query(|db| Ok((db.gateways()?, db.directories()?, db.alarm_targets()?)))?;
    let mut configs: Vec<(String, String)> = Vec::new();
    configs.extend(gateways.into_iter().filter(|row| row.enabled).map(|row| (format!("gateway {}", row.name), row.config)));
    configs.extend(directories.into_iter().map(|row| (format!("directory {}", row.name), row.config)));
    configs.extend(targets.into_iter().filter(|row| row.enabled).map(|row| (format!("alarm-target {}", row.name), row.config)));
    for (subject, config) in configs {
        let config = serde_json::from_str(&config).unwrap_or(Value::Null);
        all.push(End::first(subject, believed_in(&config)));
    }
    Ok(all.into_iter().flatten().collect())
}

/// The certificates in any of the texts of a configuration, whatever the keys are called.
fn believed_in(config: &Value) -> Vec<CertificateFacts> {
    match config {
        Value::String(text) if text.contains("-----BEGIN CERTIFICATE-----") => pem_facts(text),
        Value::Array(all) => all.iter().flat_map(believed_in).collect(),
        Value::Object(all) => all.values().flat_map(believed_in).collect(),
        _ => Vec::new(),
    }
}

fn pem_facts(pem: &str) -> Vec<CertificateFacts> {
    certificates_in(pem).iter().filter_map(|der| CertificateFacts::of(der)).collect()
}

fn warn(app: &App, ends: &[End], now: i64) {
    let bad = |end: &End| severity(&end.certificate, now);
    for end in ends {
        if let Some(severity) = bad(end) {
            app.alarms().raise_at(&CERTIFICATE_EXPIRING, severity, &end.subject, detail(&end.certificate, now));
        }
    }
    let still = |subject: &str| ends.iter().any(|end| end.subject == subject && bad(end).is_some());
    app.alarms().clear_others(&CERTIFICATE_EXPIRING, still);
}

fn severity(certificate: &CertificateFacts, now: i64) -> Option<Severity> {
    LEVELS.into_iter().find(|(days, _)| certificate.days_left(now) <= *days).map(|(_, severity)| severity)
}

fn detail(certificate: &CertificateFacts, now: i64) -> Text {
    let (subject, days) = (&certificate.subject, certificate.days_left(now));
    let until = datetime::format(certificate.not_after.saturating_mul(1_000_000));
    match days {
        ..0 => Text::new(format!("{subject} ended {until}"), format!("{subject} は {until} に期限切れになりました")),
        _ => Text::new(
            format!("{subject} ends {until}, in {days} days"),
            format!("{subject} の有効期限は {until} です (残り {days} 日)"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::certificates::NamesInput;
    use crate::app::tests::Fixture;
    use zaiseki_net::tls::{Identity, issue};

    const DAY: i64 = 86_400;

    fn facts(app: &App) -> CertificateFacts {
        facts_of(app.served().unwrap(), Purpose::Web).remove(0)
    }

    fn serve(fixture: &Fixture) -> Identity {
        let base = Base::OwnAuthority { folder: fixture.dir.path().join("tls"), names: vec!["example.com".to_owned()] };
        let identity = base.load().unwrap();
        fixture.app.set_served(Served::open(&fixture.app, base, &identity).unwrap());
        identity
    }

    #[test]
    fn it_is_told_thirty_and_seven_days_before_the_end_and_no_longer_than_needed() {
        let fixture = Fixture::new();
        serve(&fixture);
        let app = &fixture.app;
        let certificate = facts(app);
        let end = End { subject: "web".to_owned(), certificate };
        let left = |days: i64| end.certificate.not_after - days * DAY;
        for (now, expected) in [
            (left(31), None),
            (left(31) + 1, Some(Severity::Warning)),
            (left(8), Some(Severity::Warning)),
            (left(8) + 1, Some(Severity::Critical)),
            (left(-3), Some(Severity::Critical)),
            (left(60), None),
        ] {
            warn(app, std::slice::from_ref(&end), now);
            assert_eq!(app.alarms().open().first().map(|row| row.severity), expected, "{now}");
        }
        warn(app, std::slice::from_ref(&end), left(-3));
        assert!(app.alarms().open()[0].detail.0.contains("ended"), "{:?}", app.alarms().open());
        warn(app, &[], left(-3));
        assert!(app.alarms().open().is_empty(), "what is gone warns of nothing");
    }

    #[test]
    fn what_the_own_authority_made_for_an_administrator_is_renewed_with_its_names() {
        let fixture = Fixture::new();
        serve(&fixture);
        let app = &fixture.app;
        let input = NamesInput { names: vec!["example.com".to_owned(), "more.example.com".to_owned()], both: false };
        certificates::reissue(app, "tester", "web", &input).unwrap();
        let before = facts(app);
        let served = app.served().unwrap();
        renew(app, served, before.not_after - (RENEW_DAYS + 1) * DAY);
        assert_eq!(facts(app), before);
        renew(app, served, before.not_after - RENEW_DAYS * DAY + 1);
        let after = facts(app);
        assert_ne!(after.fingerprint, before.fingerprint);
        assert_eq!(after.names, before.names);
        let trail = app.store().query(|db| db.audit_list(Some("certificate:web"), None, 1)).unwrap();
        assert_eq!(trail[0].actor, ACTOR);
    }

    #[test]
    fn certificates_in_configurations_are_looked_at_too() {
        let fixture = Fixture::new();
        serve(&fixture);
        let app = &fixture.app;
        let pem = issue(&fixture.dir.path().join("other"), &["mail.example.com".to_owned()]).unwrap().chain;
        let target = serde_json::json!({"name": "siem", "config": {"kind": "syslog", "host": "a.example", "ca_pem": pem}});
        crate::app::alarm_targets::add(app, "tester", &serde_json::from_value(target).unwrap()).unwrap();
        let found = ends(app).unwrap();
        let subjects: Vec<&str> = found.iter().map(|end| end.subject.as_str()).collect();
        assert_eq!(subjects, ["xmpp", "web", "own-authority", "alarm-target siem"]);
        assert_eq!(found[3].certificate.names, ["mail.example.com"], "the one that ends first");
        look(app, true).unwrap();
        assert!(app.alarms().open().is_empty());
    }
}
