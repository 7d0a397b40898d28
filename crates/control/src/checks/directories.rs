//! Every server of every directory.

use super::run::block_on;
use super::{Check, Finding};
use crate::app::App;
use crate::app::directories::{self, DirectoryFinding};
use crate::error::Result;
use crate::text::Text;

pub(super) const SERVERS: Check = Check {
    section: "directories",
    id: "directories.servers",
    title: || Text::new("Servers of directories", "ディレクトリーのサーバー"),
    why: || Text::new("users and their changes come from there", "ユーザーとその変更はここから取り込まれます"),
    link: Some("/console/directories/{}"),
    subjects,
    run: servers,
};

/// Those that are synchronised; when there are none, nothing.
fn subjects(app: &App) -> Result<Vec<String>> {
    let rows = app.store().query(|db| db.directories())?;
    let mut names: Vec<String> = rows.into_iter().filter(|row| row.enabled).map(|row| row.name).collect();
    if names.is_empty() {
        names.push(String::new());
    }
    Ok(names)
}

fn servers(app: &App, name: &str) -> Result<Vec<Finding>> {
    if name.is_empty() {
        return Ok(vec![Finding::passed(Text::new("none is in use", "使用中のディレクトリーはありません"))]);
    }
    let test = directories::prepare_test(app, name)?;
    Ok(by_server(name, block_on(test.run())?))
}

/// One finding for each server: its first failure, or its last success.
fn by_server(name: &str, found: Vec<DirectoryFinding>) -> Vec<Finding> {
    let mut servers: Vec<DirectoryFinding> = Vec::new();
    for one in found {
        match servers.iter_mut().find(|known| known.server == one.server) {
            Some(known) if known.passed => *known = one,
            Some(_) => {}
            None => servers.push(one),
        }
    }
    servers.into_iter().map(|one| finding(one).about_server(name)).collect()
}

struct OfServer(Finding, String);

impl OfServer {
    fn about_server(self, name: &str) -> Finding {
        let subject = if self.1.is_empty() { name.to_owned() } else { format!("{name}: {}", self.1) };
        self.0.about(subject)
    }
}

fn finding(one: DirectoryFinding) -> OfServer {
    let step = &one.step;
    let seen = Text::new(format!("{}: {}", step.en, one.seen.en), format!("{}: {}", step.ja, one.seen.ja));
    let finding = match one.advice.filter(|_| !one.passed) {
        Some(advice) => Finding::failed(seen, advice),
        None => Finding::passed(seen),
    };
    OfServer(finding, one.server)
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn each_server_has_one_finding() {
        let one = |server: &str, name: &str, passed: bool| DirectoryFinding {
            name: name.to_owned(),
            step: Text::plain(name),
            server: server.to_owned(),
            passed,
            seen: Text::new("x", "見"),
            advice: (!passed).then(|| Text::plain("mend it")),
        };
        let found = vec![one("a", "connect", true), one("b", "connect", false), one("a", "users", true), one("b", "users", true)];
        let found = by_server("d", found);
        let said: Vec<_> = found.iter().map(|f| (f.subject.as_deref(), f.outcome, f.seen.en.as_str())).collect();
        assert_eq!(said, [(Some("d: a"), Outcome::Passed, "users: x"), (Some("d: b"), Outcome::Failed, "connect: x")]);
    }
}
