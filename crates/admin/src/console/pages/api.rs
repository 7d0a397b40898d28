//! Developers › REST API: every operation of the OpenAPI document, and a form to try it with one's own session. A try goes
//! through the same router and the same rights as a request from outside; it only needs no network and no JavaScript.

mod document;
mod words;

use crate::api;
use crate::console::blocks::{Action, Block, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, encoded, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use document::{Operation, Parameter};
use serde_json::Value;
use tower::ServiceExt;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::{ControlError, Lang};

const PATH: &str = "/console/api";
/// Bytes of an answer that a page shows.
const SHOWN_BYTES: usize = 64 * 1024;
/// Bytes of an answer that is taken at all.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

pub fn pages() -> Pages {
    Pages::default().page(PATH, Right::read(Area::Own), list).page("/console/api/{id}", Right::read(Area::Own), show).act(
        "/console/api/{id}",
        Right::write(Area::Own),
        attempt,
    )
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let document = Action::link(api::DOCUMENT, ctx.t("api-document"));
    let mut page = Page::new(ctx.t("nav-api")).line(ctx.t("api-lead")).bar(vec![document]);
    for tag in document::tags() {
        let rows = document::operations().iter().filter(|operation| operation.tag == tag.name).map(|one| row(ctx, one)).collect();
        let caption = words::tag(ctx.lang, tag);
        let columns = [ctx.t("api-method"), ctx.t("api-path"), ctx.t("api-does"), ctx.t("api-right")].to_vec();
        page = page.heading(caption.clone()).table(Table { caption, columns, rows, empty: ctx.t("api-none") });
    }
    Ok(page)
}

fn row(ctx: &Ctx, operation: &Operation) -> Vec<Cell> {
    let href = format!("{PATH}/{}", operation.id);
    let right = if may(ctx, operation) { Cell::Code(operation.right.clone()) } else { Cell::Dim(operation.right.clone()) };
    vec![
        Cell::Code(operation.method.clone()),
        Cell::Code(operation.path.clone()),
        Cell::link(href, words::summary(ctx.lang, operation)),
        right,
    ]
}

/// Whether the one who looks has the right that the operation asks for.
fn may(ctx: &Ctx, operation: &Operation) -> bool {
    operation.right.parse().map_or(operation.is_open(), |right| ctx.may(right))
}

fn find(ctx: &Ctx) -> Result<&'static Operation, ControlError> {
    document::operations().iter().find(|operation| operation.id == ctx.param("id")).ok_or_else(|| {
        let text = zaiseki_control::Text::new("there is no such operation", "その操作はありません");
        ControlError::NotFound { text }
    })
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let operation = find(ctx)?;
    let page = described(ctx, operation);
    Ok(tried(ctx, page, operation, &Form::of([("body", operation.first_body())]), &Mistakes::default()))
}

/// What the document says of the operation.
fn described(ctx: &Ctx, operation: &Operation) -> Page {
    let right = match (operation.is_open(), may(ctx, operation)) {
        (true, _) => (Sign::Quiet, ctx.t("api-free")),
        (_, true) => (Sign::Good, ctx.tn("api-may", "right", operation.right.clone())),
        (_, false) => (Sign::Quiet, ctx.tn("api-may-not", "right", operation.right.clone())),
    };
    let mut page = Page::new(words::summary(ctx.lang, operation)).state(right.0, right.1);
    page = page.line(format!("{} {}", operation.method, operation.path)).help("help-api-operation");
    if !operation.description.is_empty() {
        page = page.text(words::description(ctx.lang, &operation.description));
    }
    if !operation.parameters.is_empty() {
        page = page.heading(ctx.t("api-parameters")).table(parameters(ctx, operation));
    }
    if let Some(body) = &operation.body {
        page = page.heading(ctx.t("api-body"));
        let note = if body.required { ctx.t("api-body-required") } else { ctx.t("api-body-optional") };
        page = page.facts(vec![(body.media.clone(), Cell::Text(note)), (ctx.t("api-type"), Cell::Code(body.kind.clone()))]);
    }
    let answers: Vec<Vec<Cell>> = operation.answers.iter().map(|answer| answer_row(ctx, answer)).collect();
    let columns = [ctx.t("api-status"), ctx.t("api-meaning"), ctx.t("api-type")].to_vec();
    let table = Table { caption: ctx.t("api-answers"), columns, rows: answers, empty: ctx.t("api-none") };
    page = page.heading(ctx.t("api-answers")).table(table);
    for schema in &operation.schemas {
        page = page.heading(schema.name.clone()).table(fields(ctx, schema));
    }
    page.heading(ctx.t("api-example")).block(Block::Lines(operation.curl()))
}

fn parameters(ctx: &Ctx, operation: &Operation) -> Table {
    let row = |parameter: &Parameter| {
        vec![
            Cell::Code(parameter.name.clone()),
            Cell::Text(if parameter.in_path { ctx.t("api-in-path") } else { ctx.t("api-in-query") }),
            Cell::Code(parameter.kind.clone()),
            Cell::text(words::description(ctx.lang, &parameter.description)),
        ]
    };
    let columns = [ctx.t("api-field"), ctx.t("api-where"), ctx.t("api-type"), ctx.t("api-meaning")].to_vec();
    let rows = operation.parameters.iter().map(row).collect();
    Table { caption: ctx.t("api-parameters"), columns, rows, empty: ctx.t("api-none") }
}

fn answer_row(ctx: &Ctx, answer: &document::Answer) -> Vec<Cell> {
    let status = if answer.status == "default" { ctx.t("api-any-fault") } else { answer.status.clone() };
    let meaning = words::description(ctx.lang, &answer.description);
    vec![Cell::Code(status), Cell::text(meaning), Cell::Code(answer.kind.clone())]
}

fn fields(ctx: &Ctx, schema: &document::Schema) -> Table {
    let row = |field: &document::FieldOf| {
        let needed = if field.required { Cell::text(ctx.t("api-required")) } else { Cell::Empty };
        let meaning = words::description(ctx.lang, &field.description);
        vec![Cell::Code(field.name.clone()), Cell::Code(field.kind.clone()), needed, Cell::text(meaning)]
    };
    let columns = [ctx.t("api-field"), ctx.t("api-type"), ctx.t("api-needed"), ctx.t("api-meaning")].to_vec();
    let rows = schema.fields.iter().map(row).collect();
    Table { caption: schema.name.clone(), columns, rows, empty: ctx.t("api-none") }
}

/// What was typed wrongly: the name of the field, and why.
#[derive(Default)]
struct Mistakes(Vec<(String, String)>);

/// The page with the form, for those who may use it.
fn tried(ctx: &Ctx, page: Page, operation: &Operation, form: &Form, mistakes: &Mistakes) -> Page {
    let page = page.heading(ctx.t("api-try"));
    if operation.is_of_a_browser() {
        return page.text(ctx.t("api-try-elsewhere"));
    }
    if !may(ctx, operation) {
        return page.text(ctx.tn("api-may-not", "right", operation.right.clone()));
    }
    let mut fields: Vec<Field> = operation.parameters.iter().map(|one| parameter_field(ctx, form, one)).collect();
    if operation.body.is_some() {
        let note = if operation.holds_secrets { ctx.t("api-secret-body") } else { String::new() };
        fields.push(Field::new(form, ctx.lang, "body", ctx.t("api-body"), Kind::Lines).help(note));
    }
    if operation.method == "DELETE" {
        fields.push(Field::new(form, ctx.lang, "confirm", ctx.t("api-confirm"), Kind::Tick));
    }
    for (name, why) in &mistakes.0 {
        fields.iter_mut().filter(|field| field.name == *name).for_each(|field| field.error = Some(why.clone()));
    }
    let block = FormBlock {
        action: ctx.path.clone(),
        fields,
        submit: ctx.tn("api-send", "method", operation.method.clone()),
        danger: operation.method == "DELETE",
        ..FormBlock::default()
    };
    let note = if operation.method == "GET" { "api-try-reads" } else { "api-try-changes" };
    page.text(ctx.t(note)).form(ctx, form, block)
}

fn parameter_field(ctx: &Ctx, form: &Form, parameter: &Parameter) -> Field {
    let field = Field::new(form, ctx.lang, &parameter.field(), parameter.name.clone(), Kind::Input("text"));
    let field = field.help(words::description(ctx.lang, &parameter.description));
    if parameter.required { field.required() } else { field }
}

fn attempt(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let operation = find(ctx)?;
    if operation.is_of_a_browser() {
        return Err(ControlError::NotFound {
            text: zaiseki_control::Text::new(ctx.t("api-try-elsewhere"), ctx.t("api-try-elsewhere")),
        });
    }
    let mistakes = mistakes(ctx, operation, &form);
    if !mistakes.0.is_empty() {
        return Ok(Next::Again(tried(ctx, described(ctx, operation), operation, &form, &mistakes)));
    }
    let (status, answer) = ask(ctx, operation, &form)?;
    let form = if operation.holds_secrets { Form::of([("body", operation.first_body())]) } else { form };
    let page = tried(ctx, described(ctx, operation), operation, &form, &Mistakes::default());
    let sign = if status.is_success() { Sign::Good } else { Sign::Bad };
    let page = page.heading(ctx.t("api-answer")).notice(sign, status.to_string());
    Ok(Next::Show(if answer.is_empty() { page } else { page.block(Block::Lines(answer)) }))
}

fn mistakes(ctx: &Ctx, operation: &Operation, form: &Form) -> Mistakes {
    let mut found = Vec::new();
    for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
        if form.text(&parameter.field()).is_empty() {
            found.push((parameter.field(), ctx.t("api-missing")));
        }
    }
    let json = operation.body.as_ref().is_some_and(|body| body.media == "application/json");
    let body = form.text("body");
    if json
        && !body.is_empty()
        && let Err(why) = serde_json::from_str::<Value>(body)
    {
        found.push(("body".to_owned(), ctx.tn("api-not-json", "why", why.to_string())));
    }
    if operation.method == "DELETE" && !form.ticked("confirm") {
        found.push(("confirm".to_owned(), ctx.t("api-unconfirmed")));
    }
    Mistakes(found)
}

/// Sends it through the API's own router, as the one who looks. Runs on a thread that may wait.
fn ask(ctx: &Ctx, operation: &Operation, form: &Form) -> Result<(StatusCode, String), ControlError> {
    let value = |parameter: &Parameter| form.text(&parameter.field()).to_owned();
    let mut path = operation.path.clone();
    for parameter in operation.parameters.iter().filter(|parameter| parameter.in_path) {
        path = path.replace(&format!("{{{}}}", parameter.name), &part(&value(parameter)));
    }
    let query: Vec<(&str, String)> =
        operation.parameters.iter().filter(|p| !p.in_path).map(|p| (p.name.as_str(), value(p))).collect();
    let pairs: Vec<(&str, &str)> = query.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (*k, v.as_str())).collect();
    if !pairs.is_empty() {
        path = format!("{path}?{}", encoded(&pairs));
    }
    let mut request = Request::builder().method(operation.method.as_str()).uri(path);
    if let Some(caller) = &ctx.caller {
        request = request.extension(caller.clone());
    }
    let unreadable = |_| ControlError::NotFound {
        text: zaiseki_control::Text::new("this cannot be asked", "この内容では要求できません"),
    };
    let request = request.body(Body::from(form.raw("body").to_owned())).map_err(unreadable)?;
    let router = api::api(ctx.app.clone());
    Ok(tokio::runtime::Handle::current().block_on(async {
        let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let bytes = to_bytes(response.into_body(), ANSWER_BYTES).await.unwrap_or_default();
        (status, readable(ctx.lang, &bytes))
    }))
}

/// JSON laid out for people, cut where a page ends.
fn readable(lang: Lang, bytes: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => format!("{value:#}"),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    if text.len() <= SHOWN_BYTES {
        return text;
    }
    let end = (0..=SHOWN_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let more = if lang == Lang::Ja { "… (以下省略)" } else { "… (cut here)" };
    format!("{}\n{more}", &text[..end])
}

#[cfg(test)]
#[path = "api/tests.rs"]
mod tests;
