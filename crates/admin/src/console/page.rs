//! A page on its way out: its blocks within the frame.

use super::blocks::{Action, Block, Card, Cell, FormBlock, Pill, Search, Sign, Table};
use super::ctx::Ctx;
use super::form::{Field, Form, Kind};
use super::nav::{self, Entry, NAVIGATION};
use super::pages::alarms::{LIST as ALARMS, severity};
use super::pages::notifications;
use super::{files, stored, texts};
use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use zaiseki_control::Lang;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::alarms::{self, AlarmView};

/// What a page shows.
#[derive(Debug, Default)]
pub struct Page {
    pub title: String,
    /// How the thing that the page is about is doing.
    pub state: Option<Pill>,
    /// One line under the title.
    pub sub: String,
    pub blocks: Vec<Block>,
    /// Looked at anew every so many seconds (needs JavaScript; the page says so).
    pub refresh: Option<u32>,
    /// The key of help of its own, where that of its entry in the navigation does not say it.
    pub help: &'static str,
}

impl Page {
    pub fn new(title: impl Into<String>) -> Page {
        Page { title: title.into(), ..Page::default() }
    }

    pub fn line(self, sub: impl Into<String>) -> Page {
        Page { sub: sub.into(), ..self }
    }

    pub fn state(self, sign: Sign, word: impl Into<String>) -> Page {
        Page { state: Some(Pill::new(sign, word)), ..self }
    }

    pub fn help(self, key: &'static str) -> Page {
        Page { help: key, ..self }
    }

    pub fn refresh(self, seconds: u32) -> Page {
        Page { refresh: Some(seconds), ..self }
    }

    pub fn block(mut self, block: Block) -> Page {
        self.blocks.push(block);
        self
    }

    pub fn heading(self, text: impl Into<String>) -> Page {
        self.block(Block::Heading(text.into()))
    }

    pub fn text(self, text: impl Into<String>) -> Page {
        self.block(Block::Text(text.into()))
    }

    pub fn notice(self, sign: Sign, text: impl Into<String>) -> Page {
        self.block(Block::Notice(Pill::new(sign, text), None))
    }

    /// A notice that leads somewhere.
    pub fn pointer(self, sign: Sign, text: impl Into<String>, href: impl Into<String>, words: impl Into<String>) -> Page {
        self.block(Block::Notice(Pill::new(sign, text), Some((href.into(), words.into()))))
    }

    pub fn cards(self, cards: Vec<Card>) -> Page {
        self.block(Block::Cards(cards))
    }

    pub fn bar(self, actions: Vec<Action>) -> Page {
        if actions.is_empty() { self } else { self.block(Block::Bar(actions)) }
    }

    pub fn facts(self, facts: Vec<(String, Cell)>) -> Page {
        self.block(Block::Facts(facts))
    }

    pub fn table(self, table: Table) -> Page {
        self.block(Block::Table(table))
    }

    /// A form with the errors of `form` where they belong.
    pub fn form(self, ctx: &Ctx, form: &Form, block: FormBlock) -> Page {
        let error = form.general_error(&block.fields, ctx.lang);
        let file = block.fields.iter().any(|field| field.kind == Kind::File);
        let seen = match block.stored {
            true => form.given(stored::SEEN).map_or_else(|| stored::seen(&block.fields), str::to_owned),
            false => String::new(),
        };
        self.block(Block::Form(FormBlock { error, file, seen, ..block }))
    }

    pub fn search(self, search: Search) -> Page {
        self.block(Block::Search(search))
    }
}

/// One entry of the navigation as it is shown.
struct Shown {
    href: &'static str,
    name: String,
    current: bool,
    /// How many alarms are open about what it shows, and how bad the worst is.
    alarms: Option<Pill>,
    /// How many things wait there for an administrator, and how bad the worst is.
    waiting: Option<Pill>,
}

/// One area of the navigation; it folds.
struct ShownGroup {
    /// Its key, by which the browser remembers that it is open.
    key: &'static str,
    name: String,
    open: bool,
    /// Of all its entries, for when it is folded.
    alarms: Option<Pill>,
    waiting: Option<Pill>,
    entries: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    ctx: &'a Ctx,
    page: &'a Page,
    groups: Vec<ShownGroup>,
    crumbs: Vec<String>,
    help: Option<String>,
    style: &'static str,
    script: &'static str,
}

impl Frame<'_> {
    fn lang(&self) -> &'static str {
        texts::tag(self.ctx.lang)
    }

    fn blocks(&self) -> Blocks<'_> {
        Blocks { ctx: self.ctx, blocks: &self.page.blocks }
    }

    fn japanese(&self) -> bool {
        self.ctx.lang == Lang::Ja
    }
}

/// The blocks, for `blocks.html`.
#[derive(Template)]
#[template(path = "blocks.html")]
struct Blocks<'a> {
    ctx: &'a Ctx,
    blocks: &'a [Block],
}

/// What every page of the console may load and do.
pub const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The whole answer.
pub fn render(ctx: &Ctx, page: &Page, status: StatusCode) -> Response {
    let frame = Frame {
        ctx,
        page,
        groups: groups(ctx),
        crumbs: crumbs(ctx, page),
        help: help(ctx, page),
        style: files::STYLE.href(),
        script: files::SCRIPT.href(),
    };
    match frame.render() {
        Ok(html) => with_headers((status, Html(html)).into_response()),
        Err(error) => {
            tracing::error!(%error, path = ctx.path, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn help(ctx: &Ctx, page: &Page) -> Option<String> {
    let own = Some(page.help).filter(|key| !key.is_empty());
    own.or_else(|| nav::current(&ctx.path).map(|(_, entry)| entry.help)).map(|key| ctx.t(key))
}

/// For every answer that shows something of the node: never kept by a cache.
pub fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

fn groups(ctx: &Ctx) -> Vec<ShownGroup> {
    let Some(caller) = &ctx.caller else { return Vec::new() };
    let here = nav::current(&ctx.path).map(|(_, entry)| entry.href);
    let alarms = if caller.may(Right::read(Area::Alarms)) { alarms::open(&ctx.app) } else { Vec::new() };
    // Each alarm belongs to the page where it is mended, and all of them to the page of the alarms.
    let of = |entry: &Entry| -> Vec<&AlarmView> {
        let about = |alarm: &&AlarmView| alarm.page.as_deref().and_then(nav::current).is_some_and(|(_, e)| e.href == entry.href);
        alarms.iter().filter(|alarm| entry.href == ALARMS || about(alarm)).collect()
    };
    let mut groups = Vec::new();
    for group in NAVIGATION {
        let seen: Vec<&Entry> = group.entries.iter().filter(|entry| caller.may(entry.right)).collect();
        let waiting = |e: &Entry| if e.href == notifications::LIST { notifications::count(&ctx.app) } else { None };
        let show = |e: &&Entry| Shown {
            href: e.href,
            name: ctx.t(e.name),
            current: here == Some(e.href),
            alarms: worst(ctx, &of(e)),
            waiting: waiting(e),
        };
        let entries: Vec<Shown> = seen.iter().map(show).collect();
        let mut all: Vec<&AlarmView> = seen.iter().flat_map(|entry| of(entry)).collect();
        all.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        all.dedup_by(|a, b| a.id == b.id);
        if !entries.is_empty() {
            let open = ctx.opened(group.name) || entries.iter().any(|entry| entry.current);
            let (name, alarms) = (ctx.t(group.name), worst(ctx, &all));
            let waiting = entries.iter().find_map(|entry| entry.waiting.clone());
            groups.push(ShownGroup { key: group.name, name, open, alarms, waiting, entries });
        }
    }
    groups
}

/// How many, with the sign of the first, which is the worst.
fn worst(ctx: &Ctx, alarms: &[&AlarmView]) -> Option<Pill> {
    let first = alarms.first()?;
    Some(Pill::new(severity(ctx, first.severity).0, alarms.len().to_string()))
}

/// The way to the page, without the page's own name.
fn crumbs(ctx: &Ctx, page: &Page) -> Vec<String> {
    let Some((group, entry)) = nav::current(&ctx.path) else { return Vec::new() };
    let mut way = vec![ctx.t(group.name)];
    let name = ctx.t(entry.name);
    if name != page.title {
        way.push(name);
    }
    way
}

/// The values that fields of kinds without an `<input type>` of their own take.
fn is_chosen(field: &Field, value: &str) -> bool {
    field.value == value
}
