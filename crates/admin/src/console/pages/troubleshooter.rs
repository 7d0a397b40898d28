//! Diagnostics › Troubleshooter: the checks of the node, what each saw, and what to do.

use crate::console::blocks::{Action, Card, Cell, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::{Download, Pages};
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::bundle as support;
use zaiseki_control::checks::{self, CheckQuery, CheckResult, CheckRun, Outcome};

const READ: Right = Right::read(Area::Diagnostics);
/// What a bundle tells is for whoever may change things here.
const TAKE: Right = Right::write(Area::Diagnostics);
const PATH: &str = "/console/troubleshooter";
const BUNDLE: &str = "/console/troubleshooter/bundle";

pub fn pages() -> Pages {
    Pages::default().page(PATH, READ, show).act("/console/troubleshooter/run", READ, run).act(BUNDLE, TAKE, bundle)
}

/// The last run: to look at the page asks no server.
fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let page = Page::new(ctx.t("nav-troubleshooter"));
    let again = |key: &str| {
        let run = Action::post("/console/troubleshooter/run", ctx.t(key)).primary();
        let bundle = ctx.may(TAKE).then(|| Action::post(BUNDLE, ctx.t("troubleshooter-bundle")));
        [Some(run), bundle].into_iter().flatten().collect()
    };
    let Some(last) = checks::last(&ctx.app) else {
        return Ok(page.text(ctx.t("troubleshooter-none")).bar(again("troubleshooter-run")));
    };
    let (sign, word) = worst(ctx, &last);
    let page = page.state(sign, word).bar(again("troubleshooter-again")).cards(cards(ctx, &last));
    let page = page.facts(vec![
        (ctx.t("troubleshooter-started"), Cell::Time(last.started.clone())),
        (ctx.t("troubleshooter-all-took"), Cell::text(took(ctx, last.took_ms))),
    ]);
    Ok(sections(&last.results).into_iter().fold(page, |page, results| section(ctx, page, results)))
}

fn worst(ctx: &Ctx, run: &CheckRun) -> (Sign, String) {
    match (run.failed, run.warnings) {
        (0, 0) => pill(ctx, Outcome::Passed),
        (0, _) => pill(ctx, Outcome::Warning),
        _ => pill(ctx, Outcome::Failed),
    }
}

fn pill(ctx: &Ctx, outcome: Outcome) -> (Sign, String) {
    match outcome {
        Outcome::Passed => (Sign::Good, ctx.t("troubleshooter-passed")),
        Outcome::Warning => (Sign::Warning, ctx.t("troubleshooter-warning")),
        Outcome::Failed => (Sign::Bad, ctx.t("troubleshooter-failed")),
    }
}

fn cards(ctx: &Ctx, run: &CheckRun) -> Vec<Card> {
    let counts =
        [("troubleshooter-failed", run.failed), ("troubleshooter-warning", run.warnings), ("troubleshooter-passed", run.passed)];
    counts.iter().map(|(key, count)| Card::new(ctx.t(key), grouped(*count as u64))).collect()
}

/// The results of each section; those of one stand together.
fn sections(results: &[CheckResult]) -> Vec<&[CheckResult]> {
    results.chunk_by(|one, next| one.check.section == next.check.section).collect()
}

fn section(ctx: &Ctx, page: Page, results: &[CheckResult]) -> Page {
    let name = results.first().map_or("", |first| first.check.section.as_str());
    let passed = results.iter().filter(|result| result.outcome == Outcome::Passed).count();
    let counts = [("section", ctx.t(title(name)).into()), ("passed", passed.into()), ("all", results.len().into())];
    let heading = ctx.tns("troubleshooter-section", &counts);
    let columns =
        ["troubleshooter-result", "troubleshooter-check", "troubleshooter-seen", "troubleshooter-why", "troubleshooter-took"];
    page.heading(heading.clone()).table(Table {
        caption: heading,
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: results.iter().map(|result| row(ctx, result)).collect(),
        empty: String::new(),
    })
}

/// The key of a section's name.
fn title(section: &str) -> &'static str {
    match section {
        "system" => "troubleshooter-in-system",
        "domain" => "troubleshooter-in-domain",
        "dns" => "troubleshooter-in-dns",
        "certificates" => "troubleshooter-in-certificates",
        "database" => "troubleshooter-in-database",
        "directories" => "troubleshooter-in-directories",
        "sign-in" => "troubleshooter-in-sign-in",
        "gateways" => "troubleshooter-in-gateways",
        "clients" => "troubleshooter-in-clients",
        "disk" => "troubleshooter-in-disk",
        "clock" => "troubleshooter-in-clock",
        "administrators" => "troubleshooter-in-administrators",
        _ => "troubleshooter-in-others",
    }
}

fn row(ctx: &Ctx, result: &CheckResult) -> Vec<Cell> {
    let (sign, word) = pill(ctx, result.outcome);
    let title = result.check.title.get(ctx.lang);
    let name = match result.subject.as_str() {
        "" => title.to_owned(),
        subject => format!("{title}: {subject}"),
    };
    vec![
        Cell::pill(sign, word),
        Cell::text(name),
        seen(ctx, result),
        Cell::Dim(result.check.why.get(ctx.lang).to_owned()),
        Cell::Number(took(ctx, result.took_ms)),
    ]
}

fn seen(ctx: &Ctx, result: &CheckResult) -> Cell {
    let seen = result.seen.get(ctx.lang).to_owned();
    match &result.todo {
        Some(todo) => Cell::Finding { seen, todo: todo.get(ctx.lang).to_owned(), href: result.check.link.clone() },
        None => Cell::Text(seen),
    }
}

fn took(ctx: &Ctx, milliseconds: u64) -> String {
    ctx.tn("troubleshooter-milliseconds", "number", grouped(milliseconds))
}

fn run(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let run = checks::run(&ctx.app, &CheckQuery::default())?;
    Ok(Next::go(PATH, "troubleshooter-ran", run.results.len().to_string()))
}

/// The support bundle as a file. The button works again at once: the page stays.
fn bundle(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let Some(caller) = &ctx.caller else { return Err(ControlError::Forbidden { right: TAKE }) };
    let bundle = support::make(&ctx.app, caller)?;
    let stamp: String = bundle.made.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    let bytes = serde_json::to_vec_pretty(&bundle).unwrap_or_default();
    Ok(Next::File(Download::new(&format!("zaiseki-support-{stamp}.json"), "application/json", bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages;

    #[test]
    fn every_section_has_a_name_and_every_link_leads_to_a_page() {
        let pages = pages::all();
        for check in checks::list() {
            assert_ne!(title(&check.section), "troubleshooter-in-others", "{}", check.section);
            let Some(link) = check.link else { continue };
            let page = link.replace("{}", "{name}");
            assert!(pages.routes().any(|route| route.path == page), "{}: {link}", check.id);
        }
    }
}
