//! People › Users › IM and presence: enables many users, or disables them, as a job that goes on in the background.

use super::users::LIST;
use crate::console::blocks::FormBlock;
use crate::console::ctx::{Ctx, Next, can_be_mended, encoded};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::{Value, json};
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::jobs::{self, JobInput, JobView};
use zaiseki_control::{ControlError, Text};

const PATH: &str = "/console/users:im";
const WRITE: Right = Right::write(Area::Users);
/// The ways to say who, with the keys of their words.
const WAYS: [(&str, &str); 4] =
    [("users", "bulk-im-users"), ("file", "bulk-im-file"), ("matching", "bulk-im-matching"), ("everyone", "bulk-im-everyone")];

pub fn pages() -> Pages {
    Pages::default().page(PATH, WRITE, |ctx| Ok(page(ctx, &start(ctx)))).act(PATH, WRITE, begin)
}

/// The address of the form, filled with what the list of users is filtered by.
pub(super) fn from_list(ctx: &Ctx) -> String {
    match ctx.query("search") {
        Some(search) => format!("{PATH}?{}", encoded(&[("search", search)])),
        None => PATH.to_owned(),
    }
}

fn start(ctx: &Ctx) -> Form {
    let search = ctx.query("search").unwrap_or_default();
    let way = if search.is_empty() { "users" } else { "matching" };
    Form::of([("im", "true".to_owned()), ("way", way.to_owned()), ("search", search.to_owned())])
}

fn page(ctx: &Ctx, form: &Form) -> Page {
    let choice = |name, label: &str, choices: &[(&str, &str)]| {
        let choices = choices.iter().map(|(value, key)| ((*value).to_owned(), ctx.t(key))).collect();
        Field::new(form, ctx.lang, name, ctx.t(label), Kind::Choice(choices))
    };
    let field = |name, key: &str, kind| Field::new(form, ctx.lang, name, ctx.t(key), kind);
    let fields = vec![
        choice("im", "bulk-im-what", &[("true", "bulk-im-enable"), ("false", "bulk-im-disable")])
            .help(ctx.t("bulk-im-what-help")),
        choice("way", "bulk-im-way", &WAYS),
        field("users", "bulk-im-users", Kind::Lines).help(ctx.t("bulk-im-users-help")),
        field("file", "bulk-im-file", Kind::File).help(ctx.t("bulk-im-file-help")),
        field("search", "bulk-im-matching", Kind::Input("search")).help(ctx.t("bulk-im-matching-help")),
    ];
    let block = FormBlock {
        action: PATH.to_owned(),
        fields,
        submit: ctx.t("bulk-im-start"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("bulk-im-title")).help("help-bulk-im").form(ctx, form, block)
}

fn begin(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    match whom(&form).and_then(|input| create(ctx, input)) {
        Ok(job) => Ok(Next::go(super::jobs::href(&job.id), "bulk-im-begun", job.id)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn create(ctx: &Ctx, input: Value) -> Result<JobView, ControlError> {
    let Some(caller) = &ctx.caller else { return Err(ControlError::Forbidden { right: WRITE }) };
    jobs::create(&ctx.app, caller, JobInput { kind: "users.im".to_owned(), input, at: None })
}

/// The input of the job, by the way that was chosen.
fn whom(form: &Form) -> Result<Value, ControlError> {
    let im = form.text("im") == "true";
    match form.text("way") {
        "users" => {
            let users: Vec<&str> = form.text("users").split([',', '\n']).map(str::trim).filter(|id| !id.is_empty()).collect();
            if users.is_empty() { Err(empty("users")) } else { Ok(json!({ "im": im, "users": users })) }
        }
        "file" => {
            let file = form.file.as_deref().filter(|file| !file.is_empty()).ok_or_else(|| empty("file"))?;
            let csv = std::str::from_utf8(file).map_err(|_| {
                let text = Text::new("the file is not UTF-8", "ファイルが UTF-8 ではありません");
                ControlError::Invalid { field: "file", text }
            })?;
            Ok(json!({ "im": im, "csv": csv }))
        }
        "matching" => match form.given("search") {
            Some(search) => Ok(json!({ "im": im, "matching": { "search": search } })),
            None => Err(empty("search")),
        },
        "everyone" => Ok(json!({ "im": im, "matching": {} })),
        _ => Err(empty("way")),
    }
}

fn empty(field: &'static str) -> ControlError {
    ControlError::Invalid { field, text: Text::new("must not be empty", "入力してください") }
}
