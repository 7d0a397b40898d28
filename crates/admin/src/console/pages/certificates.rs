//! System › Certificates: what the node shows to clients, own ones, signing requests, import.

use crate::console::blocks::{Action, Block, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::{Download, Pages};
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::certificates::{
    self, AuthorityView, CertificateDetails, CertificateView, ImportInput, NamesInput, WARN_DAYS,
};
use zaiseki_control::app::users::Password;
use zaiseki_control::certificates::{Purpose, Source};

const READ: Right = Right::read(Area::Certificates);
const WRITE: Right = Right::write(Area::Certificates);
const LIST: &str = "/console/certificates";

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .file("/console/certificates:authority.pem", READ, |ctx| {
            Ok(Download::pem("ca.pem", certificates::authority(&ctx.app)?.pem))
        })
        .file("/console/certificates:authority.der", READ, authority_der)
        .page("/console/certificates/{purpose}", READ, show)
        .file("/console/certificates/{purpose}/chain.pem", READ, chain_pem)
        .file("/console/certificates/{purpose}/request.pem", READ, request_pem)
        .page("/console/certificates/{purpose}/reissue", WRITE, |ctx| reissue_page(ctx, &names_form(ctx)))
        .act("/console/certificates/{purpose}/reissue", WRITE, reissue)
        .page("/console/certificates/{purpose}/request", WRITE, |ctx| request_page(ctx, &names_form(ctx)))
        .act("/console/certificates/{purpose}/request", WRITE, request)
        .act("/console/certificates/{purpose}/withdraw", WRITE, withdraw)
        .page("/console/certificates/{purpose}/import", WRITE, |ctx| import_page(ctx, &Form::default()))
        .act("/console/certificates/{purpose}/import", WRITE, import)
        .page("/console/certificates/{purpose}/remove", WRITE, remove_page)
        .act("/console/certificates/{purpose}/remove", WRITE, remove)
}

fn href(purpose: Purpose) -> String {
    format!("{LIST}/{}", purpose.as_str())
}

fn title(ctx: &Ctx, purpose: Purpose) -> String {
    purpose.title().get(ctx.lang).to_owned()
}

fn source_word(ctx: &Ctx, source: Source) -> String {
    ctx.t(match source {
        Source::File => "certs-source-file",
        Source::OwnAuthority => "certs-source-own",
        Source::Imported => "certs-source-imported",
        Source::Acme => "certs-source-acme",
    })
}

/// By how long it is still good.
pub(super) fn ends(ctx: &Ctx, days: i64) -> (Sign, String) {
    match days {
        ..0 => (Sign::Bad, ctx.t("certs-ended")),
        0..=WARN_DAYS => (Sign::Warning, ctx.tn("certs-days", "days", days)),
        _ => (Sign::Good, ctx.tn("certs-days", "days", days)),
    }
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = match certificates::list(&ctx.app) {
        Ok(all) => all,
        // No node runs, or it has not started yet.
        Err(error) if error.code() == "conflict" => {
            let said = error.text().get(ctx.lang).to_owned();
            return Ok(Page::new(ctx.t("nav-certificates")).notice(Sign::Warning, said));
        }
        Err(error) => return Err(error),
    };
    let row = |one: &CertificateView| {
        let leaf = one.chain.first();
        let (sign, word) = ends(ctx, leaf.map_or(-1, |leaf| leaf.days_left));
        let sign = if one.warnings.is_empty() || sign == Sign::Bad { sign } else { Sign::Warning };
        vec![
            Cell::link(href(one.purpose), title(ctx, one.purpose)),
            Cell::text(source_word(ctx, one.source)),
            leaf.map_or(Cell::Empty, |leaf| Cell::text(leaf.names.join(", "))),
            leaf.map_or(Cell::Empty, |leaf| Cell::Time(leaf.not_after.clone())),
            Cell::pill(sign, word),
        ]
    };
    let columns = ["certs-purpose", "certs-source", "certs-names", "certs-not-after", "certs-left"];
    let table = Table {
        caption: ctx.t("nav-certificates"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(row).collect(),
        empty: String::new(),
    };
    let mut page =
        Page::new(ctx.t("nav-certificates")).bar(vec![Action::link(format!("{LIST}:acme"), ctx.t("acme-open"))]).table(table);
    for (one, warning) in all.iter().flat_map(|one| one.warnings.iter().map(move |warning| (one, warning))) {
        page = page.notice(Sign::Warning, format!("{}: {}", title(ctx, one.purpose), warning.get(ctx.lang)));
    }
    match certificates::authority(&ctx.app) {
        Ok(authority) => Ok(own_authority(ctx, page, &authority)),
        Err(error) if error.code() == "not-found" => Ok(page),
        Err(error) => Err(error),
    }
}

fn own_authority(ctx: &Ctx, page: Page, authority: &AuthorityView) -> Page {
    let downloads = vec![
        Action::link(format!("{LIST}:authority.pem"), ctx.t("certs-download-pem")),
        Action::link(format!("{LIST}:authority.der"), ctx.t("certs-download-der")),
    ];
    page.heading(ctx.t("certs-authority"))
        .text(ctx.t("certs-authority-text"))
        .facts(facts(ctx, &authority.details))
        .bar(downloads)
}

pub(super) fn facts(ctx: &Ctx, one: &CertificateDetails) -> Vec<(String, Cell)> {
    let (sign, word) = ends(ctx, one.days_left);
    let mut all = vec![(ctx.t("certs-subject"), Cell::text(&one.subject)), (ctx.t("certs-issuer"), Cell::text(&one.issuer))];
    if !one.names.is_empty() {
        all.push((ctx.t("certs-names"), Cell::text(one.names.join(", "))));
    }
    all.extend([
        (ctx.t("certs-not-before"), Cell::Time(one.not_before.clone())),
        (ctx.t("certs-not-after"), Cell::Time(one.not_after.clone())),
        (ctx.t("certs-left"), Cell::pill(sign, word)),
        (ctx.t("certs-key"), Cell::text(&one.key)),
        (ctx.t("certs-serial"), Cell::Code(one.serial.clone())),
        (ctx.t("certs-fingerprint"), Cell::Code(one.fingerprint.clone())),
    ]);
    all
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let one = certificates::show(&ctx.app, ctx.param("purpose"))?;
    let at = |what: &str| format!("{}/{what}", href(one.purpose));
    let (sign, word) = ends(ctx, one.chain.first().map_or(-1, |leaf| leaf.days_left));
    let mut page =
        Page::new(title(ctx, one.purpose)).line(source_word(ctx, one.source)).help("help-certificate").state(sign, word);
    for warning in &one.warnings {
        page = page.notice(Sign::Warning, warning.get(ctx.lang));
    }
    if one.source == Source::File {
        page = page.text(ctx.t("certs-file-text"));
    } else if one.source == Source::Acme {
        page = page.bar(vec![Action::link(format!("{LIST}:acme"), ctx.t("acme-open"))]);
    } else if ctx.may(WRITE) {
        page = page.bar(actions(ctx, &one));
    }
    if let Some(leaf) = one.chain.first() {
        page = page.facts(facts(ctx, leaf));
    }
    let row = |one: &CertificateDetails| {
        let (sign, word) = ends(ctx, one.days_left);
        vec![Cell::text(&one.subject), Cell::text(&one.issuer), Cell::text(&one.key), Cell::pill(sign, word)]
    };
    let columns = ["certs-subject", "certs-issuer", "certs-key", "certs-left"];
    let table = Table {
        caption: ctx.t("certs-chain"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: one.chain.iter().map(row).collect(),
        empty: String::new(),
    };
    page =
        page.heading(ctx.t("certs-chain")).table(table).bar(vec![Action::link(at("chain.pem"), ctx.t("certs-download-chain"))]);
    Ok(under_way(ctx, page, &one))
}

fn actions(ctx: &Ctx, one: &CertificateView) -> Vec<Action> {
    let at = |what: &str| format!("{}/{what}", href(one.purpose));
    let mut all = vec![
        Action::link(at("import"), ctx.t("certs-import")).primary(),
        Action::link(at("request"), ctx.t("certs-request")),
        Action::link(at("reissue"), ctx.t("certs-reissue")),
    ];
    if one.changed.is_some() {
        all.push(Action::link(at("remove"), ctx.t("frame-remove")));
    }
    all
}

/// The signing request, if there is one.
fn under_way(ctx: &Ctx, page: Page, one: &CertificateView) -> Page {
    let Some(request) = &one.request else { return page };
    let at = |what: &str| format!("{}/{what}", href(one.purpose));
    let mut bar = vec![Action::link(at("request.pem"), ctx.t("certs-download-request"))];
    if ctx.may(WRITE) {
        bar.push(Action::post(at("withdraw"), ctx.t("certs-withdraw")).danger());
    }
    page.heading(ctx.t("certs-request-heading"))
        .text(ctx.t("certs-request-text"))
        .facts(vec![(ctx.t("certs-created"), Cell::Time(request.created.clone()))])
        .block(Block::Lines(request.pem.clone()))
        .bar(bar)
}

fn authority_der(ctx: &Ctx) -> Result<Download, ControlError> {
    Ok(Download::new("ca.cer", "application/pkix-cert", certificates::authority_der(&ctx.app)?))
}

fn chain_pem(ctx: &Ctx) -> Result<Download, ControlError> {
    let one = certificates::show(&ctx.app, ctx.param("purpose"))?;
    Ok(Download::pem(&format!("{}.pem", one.purpose.as_str()), one.pem))
}

fn request_pem(ctx: &Ctx) -> Result<Download, ControlError> {
    let one = certificates::show(&ctx.app, ctx.param("purpose"))?;
    let request = one.request.ok_or_else(|| certificates::no_request(one.purpose))?;
    Ok(Download::pem(&format!("{}.csr", one.purpose.as_str()), request.pem))
}

fn names_form(ctx: &Ctx) -> Form {
    Form::of([("names", certificates::usual_names(&ctx.app).join("\n"))])
}

fn names_field(ctx: &Ctx, form: &Form) -> Field {
    Field::new(form, ctx.lang, "names", ctx.t("certs-names"), Kind::Lines).help(ctx.t("certs-names-help")).required()
}

fn both_field(ctx: &Ctx, form: &Form) -> Field {
    Field::new(form, ctx.lang, "both", ctx.t("certs-both"), Kind::Tick)
}

fn names(form: &Form) -> NamesInput {
    let names = form.text("names").split(['\n', ',', ' ']).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    NamesInput { names: names.collect(), both: form.ticked("both") }
}

/// A page of a purpose, with one form.
fn form_page(ctx: &Ctx, form: &Form, (key, help): (&str, &'static str), fields: Vec<Field>) -> Result<Page, ControlError> {
    let purpose = Purpose::parse(ctx.param("purpose"))?;
    let cancel = Some(href(purpose));
    let block = FormBlock { action: ctx.path.clone(), fields, submit: ctx.t(key), cancel, ..FormBlock::default() };
    Ok(Page::new(ctx.t(key)).line(title(ctx, purpose)).help(help).form(ctx, form, block))
}

/// Back to the certificate, or the form again with what is wrong.
fn answered(
    done: Result<CertificateView, ControlError>,
    key: &'static str,
    ctx: &Ctx,
    again: impl FnOnce(ControlError) -> Result<Page, ControlError>,
) -> Result<Next, ControlError> {
    match done {
        Ok(one) => Ok(Next::go(href(one.purpose), key, title(ctx, one.purpose))),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(again(error)?)),
        Err(error) => Err(error),
    }
}

fn reissue_page(ctx: &Ctx, form: &Form) -> Result<Page, ControlError> {
    form_page(ctx, form, ("certs-reissue", "help-certificate-reissue"), vec![names_field(ctx, form), both_field(ctx, form)])
}

fn reissue(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let done = certificates::reissue(&ctx.app, ctx.actor(), ctx.param("purpose"), &names(&form));
    answered(done, "certs-reissued", ctx, |error| reissue_page(ctx, &form.wrong(error)))
}

fn request_page(ctx: &Ctx, form: &Form) -> Result<Page, ControlError> {
    form_page(ctx, form, ("certs-request", "help-certificate-request"), vec![names_field(ctx, form)])
}

fn request(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let done = certificates::request(&ctx.app, ctx.actor(), ctx.param("purpose"), &names(&form));
    answered(done, "certs-requested", ctx, |error| request_page(ctx, &form.wrong(error)))
}

fn withdraw(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let one = certificates::withdraw(&ctx.app, ctx.actor(), ctx.param("purpose"))?;
    Ok(Next::go(href(one.purpose), "certs-withdrawn", title(ctx, one.purpose)))
}

fn import_page(ctx: &Ctx, form: &Form) -> Result<Page, ControlError> {
    let lines = |name: &str, key: &str, help: &str| Field::new(form, ctx.lang, name, ctx.t(key), Kind::Lines).help(ctx.t(help));
    let certificate = lines("certificate", "certs-certificate", "certs-certificate-help").required();
    // What was typed is not sent back: the key would stand in a page.
    let key = Field { value: String::new(), ..lines("key", "certs-private-key", "certs-private-key-help") };
    form_page(ctx, form, ("certs-import", "help-certificate-import"), vec![certificate, key, both_field(ctx, form)])
}

fn import(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let input = ImportInput {
        certificate: form.text("certificate").to_owned(),
        key: form.given("key").map(Password::new),
        both: form.ticked("both"),
    };
    let done = certificates::import(&ctx.app, ctx.actor(), ctx.param("purpose"), &input);
    answered(done, "certs-imported", ctx, |error| import_page(ctx, &form.wrong(error)))
}

fn remove_page(ctx: &Ctx) -> Result<Page, ControlError> {
    let purpose = Purpose::parse(ctx.param("purpose"))?;
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("frame-remove"),
        cancel: Some(href(purpose)),
        danger: true,
        ..FormBlock::default()
    };
    let page = Page::new(ctx.tn("certs-remove-title", "purpose", title(ctx, purpose))).help("help-certificate");
    Ok(page.text(ctx.t("certs-remove-text")).form(ctx, &Form::default(), block))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let one = certificates::remove(&ctx.app, ctx.actor(), ctx.param("purpose"))?;
    Ok(Next::go(href(one.purpose), "certs-removed", title(ctx, one.purpose)))
}
