//! The counts as Prometheus reads them: the text format 0.0.4, names and units by its conventions
//! (<https://prometheus.io/docs/practices/naming/>).

use super::ProcessCounts;
use crate::app::{App, gateways};
use crate::error::Result;
use crate::gateway::state::{GatewayState, GatewayStatus};
use std::fmt::{Display, Write};
use zaiseki_model::vitals::NodeCounts;
use zaiseki_store::StoreCounts;

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything the node tells of itself, as Prometheus reads it. Blocks on the database, for the names of the gateways.
pub fn render(app: &App) -> Result<String> {
    Ok(text(&families(app)?))
}

/// The same, for other ways to tell it.
pub(super) fn families(app: &App) -> Result<Vec<Family>> {
    let mut page = Page::default();
    about(&mut page, app);
    node(&mut page, &app.vitals().node());
    store(&mut page, &app.store().counts(), app.store().healthy());
    let listed = gateways::list(app)?;
    let named: Vec<_> = listed.iter().filter_map(|g| Some((g.name.as_str(), g.status.as_ref()?))).collect();
    gateway(&mut page, &named);
    spans(&mut page, app.spans().counts());
    process(&mut page, &ProcessCounts::now());
    Ok(page.0)
}

fn about(page: &mut Page, app: &App) {
    page.family("zaiseki_build_info", Kind::Gauge, "Always 1; the labels say what runs.");
    page.sample(&[("version", env!("CARGO_PKG_VERSION")), ("domain", app.domain())], 1);
    page.family("zaiseki_start_time_seconds", Kind::Gauge, "When the node started, in seconds since 1970.");
    page.sample(&[], app.started().0 as f64 / 1e6);
}

fn node(page: &mut Page, counts: &NodeCounts) {
    page.counter("zaiseki_messages_total", "Messages that clients sent.", counts.messages_total);
    page.counter("zaiseki_presences_total", "Presence stanzas that clients sent.", counts.presences_total);
    page.counter("zaiseki_iqs_total", "Info/query stanzas that clients sent.", counts.iqs_total);
    page.counter("zaiseki_messages_kept_total", "Messages written to the database.", counts.kept_total);
    page.counter("zaiseki_received_bytes_total", "Bytes of XML from clients.", counts.received_bytes_total);
    page.counter("zaiseki_sent_bytes_total", "Bytes of XML to clients.", counts.sent_bytes_total);
    page.counter("zaiseki_connections_total", "Connections accepted at the XMPP addresses.", counts.connections_total);
    page.gauge("zaiseki_connections", "Connections open at the XMPP addresses.", counts.connections);
    page.counter("zaiseki_tls_handshakes_total", "TLS handshakes finished at the XMPP addresses.", counts.tls_handshakes_total);
    page.family("zaiseki_sign_ins_total", Kind::Counter, "Sign-ins of users.");
    page.sample(&[("result", "accepted")], counts.sign_ins_total);
    page.sample(&[("result", "refused")], counts.sign_ins_refused_total);
    page.gauge("zaiseki_sessions", "Bound resources, cut ones that may be resumed included.", counts.sessions);
    page.gauge("zaiseki_available_sessions", "Sessions whose client is available.", counts.available_sessions);
    page.gauge("zaiseki_people_online", "Users with an available session.", counts.people_online);
    page.gauge("zaiseki_homes", "Users whose state is in memory.", counts.homes);
    page.gauge("zaiseki_facts_waiting", "Presence facts that wait for the presence engine.", counts.facts_waiting);
}

fn store(page: &mut Page, counts: &StoreCounts, healthy: bool) {
    page.family("zaiseki_store_commit_seconds", Kind::Summary, "Time of the database's group commits.");
    page.part("_sum", &[], counts.commit_time.as_secs_f64());
    page.part("_count", &[], counts.commits_total);
    page.counter("zaiseki_store_writes_total", "Writes in those commits.", counts.writes_total);
    page.gauge("zaiseki_store_staged_writes", "Writes that wait for their commit.", counts.staged_writes);
    page.gauge("zaiseki_store_unwritten_bytes", "Bytes that are not on disk yet.", counts.unwritten_bytes);
    page.gauge("zaiseki_store_reads_waiting", "Reads that wait for a thread or a commit.", counts.reads_waiting);
    page.gauge("zaiseki_store_healthy", "1 while the database takes writes.", u8::from(healthy));
}

fn gateway(page: &mut Page, gateways: &[(&str, &GatewayStatus)]) {
    let mut family = |name, kind, help, value: fn(&GatewayStatus) -> u64| {
        page.family(name, kind, help);
        gateways.iter().for_each(|(gateway, status)| page.sample(&[("gateway", *gateway)], value(status)));
    };
    let up = |status: &GatewayStatus| u64::from(matches!(status.state, GatewayState::Up { .. }));
    family("zaiseki_gateway_up", Kind::Gauge, "1 while the calendar server answers.", up);
    family("zaiseki_gateway_polls_total", Kind::Counter, "Polls of the calendar server.", |status| status.polls);
    family("zaiseki_gateway_users", Kind::Gauge, "Users whom the gateway serves.", |status| status.users as u64);
    family("zaiseki_gateway_users_failed", Kind::Gauge, "Users whose calendar could not be read.", |status| status.failed as u64);
}

fn spans(page: &mut Page, (sent, dropped): (u64, u64)) {
    page.family("zaiseki_spans_total", Kind::Counter, "Spans of traces: sent to the collector, or dropped on the way.");
    page.sample(&[("result", "sent")], sent);
    page.sample(&[("result", "dropped")], dropped);
}

fn process(page: &mut Page, counts: &ProcessCounts) {
    if let Some(bytes) = counts.resident_bytes {
        page.gauge("process_resident_memory_bytes", "Memory of the process.", bytes);
    }
    if let Some(seconds) = counts.cpu_seconds {
        page.counter("process_cpu_seconds_total", "Processor time of the process.", seconds);
    }
    if let Some(files) = counts.open_files {
        page.gauge("process_open_fds", "Open files and sockets.", files);
    }
    if let Some(threads) = counts.threads {
        page.gauge("process_threads", "Threads of the process.", threads);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Summary,
}

/// A name with all its samples.
pub(super) struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    pub samples: Vec<Sample>,
}

pub(super) struct Sample {
    /// `_sum` and `_count` of a summary.
    pub suffix: &'static str,
    pub labels: Vec<(&'static str, String)>,
    /// A number.
    pub value: String,
}

/// The families as they come; samples belong to the newest.
#[derive(Default)]
struct Page(Vec<Family>);

impl Page {
    fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.0.push(Family { name, kind, help, samples: Vec::new() });
    }

    fn sample(&mut self, labels: &[(&'static str, &str)], value: impl Display) {
        self.part("", labels, value);
    }

    fn part(&mut self, suffix: &'static str, labels: &[(&'static str, &str)], value: impl Display) {
        let labels = labels.iter().map(|(label, text)| (*label, (*text).to_owned())).collect();
        if let Some(family) = self.0.last_mut() {
            family.samples.push(Sample { suffix, labels, value: value.to_string() });
        }
    }

    fn counter(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.family(name, Kind::Counter, help);
        self.sample(&[], value);
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.family(name, Kind::Gauge, help);
        self.sample(&[], value);
    }
}

fn text(families: &[Family]) -> String {
    let mut out = String::new();
    for Family { name, kind, help, samples } in families {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        };
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for Sample { suffix, labels, value } in samples {
            let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(out, "{name}{suffix}{labels} {value}");
        }
    }
    out
}

/// The value of a label, between double quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;

    #[test]
    fn names_keep_the_conventions_and_every_family_has_a_heading() {
        let fixture = Fixture::new();
        fixture.app.vitals().attach(|| NodeCounts { messages_total: 7, ..NodeCounts::default() });
        let text = render(&fixture.app).unwrap();
        assert!(text.contains("\nzaiseki_messages_total 7\n"), "{text}");
        for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
            let mut words = line.split(' ').skip(2);
            let (name, kind) = (words.next().unwrap(), words.next().unwrap());
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(text.contains(&format!("# HELP {name} ")), "{line}");
            assert!(name.starts_with("zaiseki_") || name.starts_with("process_"), "{line}");
        }
    }

    #[test]
    fn labels_hold_any_name() {
        let mut page = Page::default();
        page.family("x", Kind::Gauge, "h");
        page.sample(&[("a", "1\"2\\3\n"), ("b", "日")], 4);
        let text = text(&page.0);
        assert!(text.ends_with("x{a=\"1\\\"2\\\\3\\n\",b=\"日\"} 4\n"), "{text}");
    }

    #[test]
    fn the_dashboard_for_grafana_asks_for_what_there_is() {
        let fixture = Fixture::new();
        let text = render(&fixture.app).unwrap();
        let dashboard = include_str!("../../../../docs/grafana.json");
        let json: serde_json::Value = serde_json::from_str(dashboard).unwrap();
        assert!(json["panels"].as_array().is_some_and(|panels| panels.len() >= 8));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let asked = dashboard.split(|c| !is_name(c)).filter(|word| word.starts_with("zaiseki_") || word.starts_with("process_"));
        let mut count = 0;
        for name in asked {
            count += 1;
            let family = name.trim_end_matches("_sum").trim_end_matches("_count");
            assert!(text.contains(&format!("# TYPE {family} ")), "{name} is nowhere on the page");
        }
        assert!(count >= 12, "{count}");
    }
}
