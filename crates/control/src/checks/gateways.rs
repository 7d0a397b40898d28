//! Every presence gateway's server.

use super::run::block_on;
use super::{Check, Finding};
use crate::app::App;
use crate::app::gateways::{self, TestFinding};
use crate::error::Result;
use crate::text::Text;

pub(super) const SERVERS: Check = Check {
    section: "gateways",
    id: "gateways.servers",
    title: || Text::new("Calendar servers", "予定表サーバー"),
    why: || Text::new("meetings show in the presence of people through it", "会議の予定はこれを通じて在席情報に表示されます"),
    link: Some("/console/gateways/{}"),
    subjects,
    run: server,
};

/// Those that are polled; when there are none, nothing.
fn subjects(app: &App) -> Result<Vec<String>> {
    let rows = app.store().query(|db| db.gateways())?;
    let mut names: Vec<String> = rows.into_iter().filter(|row| row.enabled).map(|row| row.name).collect();
    if names.is_empty() {
        names.push(String::new());
    }
    Ok(names)
}

fn server(app: &App, name: &str) -> Result<Vec<Finding>> {
    if name.is_empty() {
        return Ok(vec![Finding::passed(Text::new("none is in use", "使用中のゲートウェイはありません"))]);
    }
    let test = gateways::prepare_test(app, name, None)?;
    Ok(vec![summary(block_on(test.run())?)])
}

/// The first failure, or that every step passed.
fn summary(found: Vec<TestFinding>) -> Finding {
    let steps = found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
    match found.into_iter().find(|one| !one.passed) {
        None => Finding::passed(Text::new(format!("passed: {steps}"), format!("合格: {steps}"))),
        Some(TestFinding { name, seen, advice, .. }) => {
            let seen = Text::new(format!("{name}: {}", seen.en), format!("{name}: {}", seen.ja));
            let todo =
                advice.unwrap_or_else(|| Text::new("test the gateway on its page", "ゲートウェイのページで検査してください"));
            Finding::failed(seen, todo)
        }
    }
}
