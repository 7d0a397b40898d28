//! What came of a synchronisation, for people and for the database.

use super::plan::{Action, Hold, Plan, Problem, ProblemCode, Step};
use super::texts;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use zaiseki_model::directory::Unfit;
use zaiseki_store::{DirectoryProblem, Person, PersonChange};
use zaiseki_xmpp::jid;

/// Problems, skipped servers and lines of the difference told one by one; of the others only the number.
pub const LINES_TOLD: usize = 1_000;
/// Lines of the difference, and problems, that a dry run keeps to be looked through page by page; some 20 MB.
pub const PREVIEW_LINES: usize = 20_000;

/// What the last dry run of a directory found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Without its difference.
    pub report: SyncReport,
    /// At most [`PREVIEW_LINES`].
    pub lines: Vec<DiffLine>,
    /// At most [`PREVIEW_LINES`].
    pub problems: Vec<ProblemView>,
}

/// What came of one synchronisation, or, for a dry run, what would come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SyncReport {
    pub dry_run: bool,
    /// When it ended (XEP-0082 form of time).
    pub ended: String,
    pub took_ms: u64,
    /// Milliseconds of that until the source had answered.
    pub read_ms: u64,
    /// The server that answered.
    pub server: String,
    /// Servers that did not, and why.
    pub passed_over: Vec<Text>,
    /// Entries read.
    pub entries: usize,
    pub created: usize,
    pub updated: usize,
    pub adopted: usize,
    /// Their entries have another user id.
    pub renamed: usize,
    /// Gone from the directory: signed out, and removed after the grace period.
    pub missing: usize,
    pub returned: usize,
    pub removed: usize,
    pub unchanged: usize,
    /// Gone before, and not yet removed.
    pub waiting: usize,
    /// Steps that lost their ground because something else changed the user meanwhile.
    pub left_out: usize,
    /// Referrals to other servers that were not followed.
    pub referrals: u64,
    pub problems: usize,
    /// Why nobody was taken for gone.
    pub hold: Option<Text>,
    /// Where the source's changes go on from; `null`: it cannot tell changes.
    pub cursor: Option<String>,
    /// Why nothing was done.
    pub error: Option<Text>,
    /// Of a dry run: what would change, at most 1,000 lines.
    pub difference: Vec<DiffLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiffLine {
    pub action: Action,
    pub user: String,
    pub fields: Vec<FieldChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    pub field: String,
    #[schema(value_type = Option<Object>)]
    pub before: Value,
    #[schema(value_type = Option<Object>)]
    pub after: Value,
}

impl SyncReport {
    pub(super) fn count(&mut self, plan: &Plan) {
        let count = |action| plan.steps.iter().filter(|step| step.action == action).count();
        self.created = count(Action::Create);
        self.updated = count(Action::Update);
        self.adopted = count(Action::Adopt);
        self.renamed = count(Action::Rename);
        self.missing = count(Action::Missing);
        self.returned = count(Action::Return);
        self.removed = count(Action::Remove);
        (self.unchanged, self.waiting, self.problems) = (plan.unchanged, plan.waiting, plan.problems.len());
        self.hold = plan.hold.map(hold_text);
    }
}

/// What the plan would do, at most [`PREVIEW_LINES`] lines.
pub(super) fn difference(plan: &Plan) -> Vec<DiffLine> {
    plan.steps.iter().take(PREVIEW_LINES).map(line).collect()
}

fn line(step: &Step) -> DiffLine {
    let after = match &step.change {
        PersonChange::Create(person) | PersonChange::Update { to: person, .. } => Some(&**person),
        PersonChange::Remove(_) => None,
    };
    let (before, after) = (step.before().map(fields), after.map(fields));
    let names: Vec<&'static str> = before.iter().chain(&after).flatten().map(|(name, _)| *name).collect();
    let value = |all: &Option<Vec<(&'static str, Value)>>, name: &str| {
        let found = all.as_ref().and_then(|all| all.iter().find(|(n, _)| *n == name));
        found.map_or(Value::Null, |(_, value)| value.clone())
    };
    let mut changed: Vec<FieldChange> = Vec::new();
    for name in names {
        let (before, after) = (value(&before, name), value(&after, name));
        if before != after && !changed.iter().any(|change| change.field == name) {
            changed.push(FieldChange { field: name.to_owned(), before, after });
        }
    }
    let before = step.before().map(|before| before.user.user_id());
    let after = match &step.change {
        PersonChange::Create(person) | PersonChange::Update { to: person, .. } => person.user.user_id(),
        PersonChange::Remove(_) => &step.name,
    };
    DiffLine { action: step.action, user: jid::unescape_local(before.unwrap_or(after)), fields: changed }
}

/// What a person would look for; empty texts are left out.
fn fields(person: &Person) -> Vec<(&'static str, Value)> {
    let profile = &person.profile;
    let numbers = profile.numbers.iter().map(|n| format!("{} {}", n.kind.as_str(), n.number)).collect::<Vec<_>>().join(", ");
    let devices = person.devices.iter().map(|device| device.name.clone()).collect::<Vec<_>>().join(", ");
    // The localpart, where it is not the user id.
    let address = person.user.user_id.as_ref().map(|_| person.user.name.clone()).unwrap_or_default();
    let texts = [
        ("user_id", jid::unescape_local(person.user.user_id())),
        ("address", address),
        ("display_name", profile.display_name.clone()),
        ("given_name", profile.given_name.clone()),
        ("family_name", profile.family_name.clone()),
        ("phonetic_name", profile.phonetic_name.clone()),
        ("mail", profile.mail.clone()),
        ("directory_uri", profile.directory_uri.clone()),
        ("department", profile.department.clone()),
        ("title", profile.title.clone()),
        ("language", profile.language.clone().unwrap_or_default()),
        ("numbers", numbers),
        ("devices", devices),
        ("place", person.origin.as_ref().map(|origin| origin.place.clone()).unwrap_or_default()),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, Value::String(text)));
    let switches = [("enabled", Value::Bool(person.user.enabled)), ("im", Value::Bool(person.user.im))];
    texts.chain(switches).collect()
}

fn hold_text(hold: Hold) -> Text {
    match hold {
        Hold::Brake { missing, known } => Text::new(
            format!(
                "{missing} of {known} users would be gone at once, which is more than the brake allows: nobody was taken for \
                 gone. If it is right, raise the brake and synchronise again"
            ),
            format!(
                "{known} 人中 {missing} 人が一度にいなくなることになり、制限を超えています。誰も削除扱いにしませんでした。\
                 正しい場合は制限を上げて再度同期してください"
            ),
        ),
        Hold::Unidentified { entries } => Text::new(
            format!("{entries} entries cannot be told apart (see the problems): nobody was taken for gone"),
            format!("識別できないエントリーが {entries} 件あります (問題を参照)。誰も削除扱いにしませんでした"),
        ),
    }
}

/// One problem as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemView {
    pub code: ProblemCode,
    /// The entry.
    pub place: String,
    /// Its user id, as far as known.
    pub user: String,
    pub key: Option<String>,
    pub text: Text,
}

impl ProblemView {
    pub(crate) fn from_row(row: DirectoryProblem) -> Self {
        let code = ProblemCode::parse(&row.code).unwrap_or(ProblemCode::Entry);
        let text = problem_text(code, &row.name, &row.detail);
        ProblemView { code, place: row.place, user: row.name, key: row.key, text }
    }
}

fn problem_text(code: ProblemCode, name: &str, seen: &str) -> Text {
    let (en, ja) = match code {
        ProblemCode::Duplicate if seen.is_empty() => (
            format!("several entries have the user id \"{name}\": choose one"),
            format!("ユーザー ID \"{name}\" のエントリーが複数あります。1 つを選んでください"),
        ),
        ProblemCode::Duplicate => (
            format!("the user id \"{name}\" belongs to {seen}: choose one"),
            format!("ユーザー ID \"{name}\" は {seen} のものです。1 つを選んでください"),
        ),
        ProblemCode::Taken if seen.is_empty() => (
            format!("a user of the built-in directory has the user id \"{name}\": rename one, or let the directory adopt it"),
            format!(
                "内蔵ディレクトリーのユーザーがユーザー ID \"{name}\" を使っています。改名するか、引き継ぎを許可してください"
            ),
        ),
        ProblemCode::Taken => (
            format!("a user of another directory ({seen}) has the user id \"{name}\""),
            format!("別のディレクトリーのユーザー ({seen}) がユーザー ID \"{name}\" を使っています"),
        ),
        ProblemCode::Renamed => (
            format!("the user id of {seen} is \"{name}\" in the directory now; the address stays until the user is renamed"),
            format!("{seen} のユーザー ID はディレクトリーでは \"{name}\" になりました。改名するまでアドレスは変わりません"),
        ),
        ProblemCode::Mail => (format!("\"{seen}\" is not a mail address"), format!("\"{seen}\" はメールアドレスではありません")),
        ProblemCode::DirectoryUri => {
            (format!("\"{seen}\" cannot be an address"), format!("\"{seen}\" はアドレスとして使えません"))
        }
        ProblemCode::Address => (
            format!("somebody else goes by \"{seen}\": the address is made of the user id"),
            format!("\"{seen}\" はほかのユーザーが使っているため、ユーザー ID のアドレスになります"),
        ),
        ProblemCode::Entry => {
            let why = Unfit::parse(seen).map_or_else(|| Text::plain(seen), |why| texts::unfit(&why));
            (format!("the entry cannot be a user: {}", why.en), format!("ユーザーにできないエントリーです: {}", why.ja))
        }
    };
    Text::new(en, ja)
}

impl From<Problem> for DirectoryProblem {
    fn from(problem: Problem) -> Self {
        let Problem { code, key, place, name, detail } = problem;
        DirectoryProblem { code: code.as_str().to_owned(), key, place, name, detail }
    }
}
