//! Diagnostics › Presence viewer: what one user sees of another now, and why.

use super::user_live::subscription;
use crate::console::blocks::{Cell, Search, Sign, Table};
use crate::console::ctx::{Ctx, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::presence::{SaidView, StatusView, StepView};
use zaiseki_control::app::sight::{self, SideView, SightQuery, SightView};

const PAGE: &str = "/console/presence-viewer";

pub fn pages() -> Pages {
    Pages::default().page(PAGE, Right::read(Area::Diagnostics), show)
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let form = Form::of(["viewer", "of"].map(|name| (name, ctx.query(name).unwrap_or_default().to_owned())));
    let (Some(viewer), Some(of)) = (form.given("viewer"), form.given("of")) else { return Ok(asking(ctx, &form)) };
    let query = SightQuery { viewer: viewer.to_owned(), of: of.to_owned() };
    match sight::sight(&ctx.app, &query) {
        Ok(sight) => Ok(explained(ctx, asking(ctx, &form), &sight)),
        Err(error) if can_be_mended(&error) => Ok(asking(ctx, &form.wrong(error))),
        Err(error) => Ok(asking(ctx, &form).notice(Sign::Bad, error.text().get(ctx.lang))),
    }
}

fn asking(ctx: &Ctx, form: &Form) -> Page {
    let field = |name, key: &str| Field::new(form, ctx.lang, name, ctx.t(key), Kind::Input("text")).required();
    let fields = vec![field("viewer", "live-viewer"), field("of", "live-of")];
    let search = Search { action: PAGE.to_owned(), fields, submit: ctx.t("live-look") };
    Page::new(ctx.t("nav-presence-viewer")).search(search)
}

fn explained(ctx: &Ctx, page: Page, sight: &SightView) -> Page {
    let allowed = matches!(sight.access.as_str(), "own" | "granted");
    let (sign, key) = if allowed { (Sign::Good, "live-sees") } else { (Sign::Warning, "live-sees-not") };
    let page = page.state(sign, ctx.t(key)).notice(sign, sight.reason.get(ctx.lang));
    let page = if sight.viewer_online { page } else { page.notice(Sign::Quiet, ctx.t("live-viewer-offline")) };
    let page = page.heading(ctx.t("live-seen")).table(seen_table(ctx, sight));
    let page = page.heading(ctx.t("live-sides")).facts(vec![
        (sight.viewer.clone(), side_cell(ctx, sight.viewers_side.as_ref())),
        (sight.of.clone(), side_cell(ctx, sight.others_side.as_ref())),
    ]);
    let page = page.heading(ctx.t("live-rules")).text(ctx.t("live-rules-note"));
    let page = sight.presence.resources.iter().fold(page, |page, resource| {
        let title = ctx.tn("live-seen-of", "resource", resource.resource.clone());
        let own = ctx.tn("live-own-words", "said", said(ctx, &resource.own));
        page.text(format!("{title}. {own}")).table(steps_table(ctx, title, &resource.steps))
    });
    match &sight.presence.absent {
        Some(absent) => page.table(steps_table(ctx, ctx.t("live-rules"), &absent.steps)),
        None => page,
    }
}

fn seen_table(ctx: &Ctx, sight: &SightView) -> Table {
    let rows = sight.seen.iter().map(|seen| {
        let (sign, word) = words_of(ctx, &seen.presence.show);
        let how = if seen.directed { ctx.t("live-directed") } else { String::new() };
        let texts = texts(&seen.presence);
        vec![Cell::text(seen.resource.clone().unwrap_or_default()), Cell::pill(sign, word), Cell::text(texts), Cell::text(how)]
    });
    Table {
        caption: ctx.t("live-seen"),
        columns: vec![ctx.t("live-resource"), ctx.t("live-presence"), ctx.t("live-texts"), String::new()],
        rows: rows.collect(),
        empty: ctx.t("live-seen-offline"),
    }
}

fn side_cell(ctx: &Ctx, side: Option<&SideView>) -> Cell {
    let Some(side) = side else { return Cell::text(ctx.t("live-not-in-list")) };
    let open = [(side.ask, "live-ask"), (side.asked, "live-asked"), (side.approved, "live-approved")];
    let words = std::iter::once(subscription(ctx, &side.subscription));
    let words = words.chain(open.into_iter().filter(|(open, _)| *open).map(|(_, key)| ctx.t(key)));
    Cell::text(words.collect::<Vec<_>>().join(", "))
}

/// The table of precedence, with what became of each line.
pub(super) fn steps_table(ctx: &Ctx, caption: String, steps: &[StepView]) -> Table {
    let row = |step: &StepView| {
        let (sign, key) = match step.verdict.as_str() {
            "wins" => (Sign::Good, "live-verdict-wins"),
            "beaten" => (Sign::Quiet, "live-verdict-beaten"),
            "overruled" => (Sign::Warning, "live-verdict-overruled"),
            "set-aside" => (Sign::Warning, "live-verdict-set-aside"),
            _ => (Sign::Quiet, "live-verdict-unclaimed"),
        };
        vec![Cell::text(step.title.get(ctx.lang)), Cell::pill(sign, ctx.t(key)), Cell::Dim(step.why.get(ctx.lang).to_owned())]
    };
    let columns = ["live-rule", "live-verdict", "live-why"].map(|key| ctx.t(key)).to_vec();
    Table { caption, columns, rows: steps.iter().map(row).collect(), empty: String::new() }
}

/// Shape and word of a `<show/>`.
pub(super) fn words_of(ctx: &Ctx, show: &str) -> (Sign, String) {
    let (sign, key) = match show {
        "available" => (Sign::Good, "live-show-available"),
        "chat" => (Sign::Good, "live-show-chat"),
        "away" => (Sign::Warning, "live-show-away"),
        "xa" => (Sign::Warning, "live-show-xa"),
        "dnd" => (Sign::Bad, "live-show-dnd"),
        _ => (Sign::Quiet, "live-show-unavailable"),
    };
    (sign, ctx.t(key))
}

/// The texts with their languages.
fn texts(said: &SaidView) -> String {
    let text = |status: &StatusView| match &status.language {
        Some(language) => format!("{language}: {}", status.text),
        None => status.text.clone(),
    };
    said.statuses.iter().map(text).collect::<Vec<_>>().join(" / ")
}

/// A presence in one line.
pub(super) fn said(ctx: &Ctx, said: &SaidView) -> String {
    let (_, word) = words_of(ctx, &said.show);
    let texts = texts(said);
    if texts.is_empty() { word } else { format!("{word} ({texts})") }
}
