//! Users from a CSV file (RFC 4180, UTF-8).
//!
//! With a header line the columns may stand in any order: `userid`, `password`, `display name`, `mail`, `telephone`,
//! `language`, `given name`, `family name`, `reading`, `directory uri`, `department`, `title`; instead of the password SCRAM keys, so that users of another server keep theirs: `salt`, `iterations`,
//! `sha256_stored_key`, `sha256_server_key`, `sha1_stored_key`, `sha1_server_key` (base64; one pair is enough, and one
//! salt and number of iterations serves both). Without a header line the columns are userid, password, display name, mail,
//! telephone. The first line is a header if it names any column; one without a column of user ids stops the import.
//!
//! A bad row never stops the others; it is reported with line, column and reason.

use self::Column as C;
use super::addresses::Addressing;
use super::users::{NewUser, Password};
use super::{Actor, App, audit, profiles, users};
use crate::error::{ControlError, Result};
use crate::text::Text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use csv::ByteRecord;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use utoipa::ToSchema;
use zaiseki_model::{Profile, ScramKeys, User};
use zaiseki_stream::sasl::derive;

/// PBKDF2 iterations of imported passwords: what RFC 7677 §4 asks for at least, so that a big import takes minutes, not
/// hours. A later change of the password uses [`derive::DEFAULT_ITERATIONS`].
pub const IMPORT_ITERATIONS: u32 = 4_096;
/// Rows that are derived and written together.
const CHUNK_ROWS: usize = 1_000;
/// Bytes of one field.
pub const FIELD_BYTES: usize = 4_096;
/// Rows whose problems are told one by one; of the others only the number.
pub const PROBLEMS_TOLD: usize = 10_000;
/// Iterations of given keys: below RFC 7677 §4 nobody should go, above clients take seconds to sign in.
pub const KEY_ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=128;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Rows read, the header not counted.
    pub rows: usize,
    pub created: usize,
    /// Rows that made no user.
    pub failed: usize,
    /// In the order of lines; at most 10,000.
    pub problems: Vec<RowProblem>,
    /// Why the import stopped early; the rows after were not looked at.
    pub stopped: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowProblem {
    /// From 1.
    pub line: u64,
    /// The column's name; `None` when it is about the whole row.
    pub column: Option<String>,
    /// The user id, if it could be read.
    pub user: Option<String>,
    pub reason: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    UserId,
    Password,
    DisplayName,
    Mail,
    Telephone,
    Language,
    GivenName,
    FamilyName,
    Reading,
    DirectoryUri,
    Department,
    Title,
    Salt,
    Iterations,
    Sha256Stored,
    Sha256Server,
    Sha1Stored,
    Sha1Server,
}

/// Name, column, other names. Case, blanks, `_` and `-` do not matter.
const COLUMNS: [(&str, Column, &[&str]); 18] = [
    (
        "userid",
        C::UserId,
        &["user name", "user", "uid", "id", "login", "login id", "ユーザーid", "ユーザid", "ユーザー名", "ログインid"],
    ),
    ("password", C::Password, &["パスワード"]),
    ("display name", C::DisplayName, &["full name", "表示名", "氏名"]),
    ("mail", C::Mail, &["email", "mail id", "メール", "メールアドレス"]),
    ("telephone", C::Telephone, &["telephone number", "phone", "電話", "電話番号"]),
    ("language", C::Language, &["言語"]),
    ("given name", C::GivenName, &["first name", "名"]),
    ("family name", C::FamilyName, &["last name", "surname", "姓"]),
    ("reading", C::Reading, &["phonetic name", "phonetic display name", "読み", "ふりがな", "フリガナ", "よみがな"]),
    ("directory uri", C::DirectoryUri, &["directory address", "sip uri", "ディレクトリーuri", "ディレクトリuri"]),
    ("department", C::Department, &["部署", "部門", "所属"]),
    ("title", C::Title, &["job title", "役職"]),
    ("salt", C::Salt, &[]),
    ("iterations", C::Iterations, &[]),
    ("sha256_stored_key", C::Sha256Stored, &[]),
    ("sha256_server_key", C::Sha256Server, &[]),
    ("sha1_stored_key", C::Sha1Stored, &[]),
    ("sha1_server_key", C::Sha1Server, &[]),
];
const WITHOUT_HEADER: [Column; 5] = [C::UserId, C::Password, C::DisplayName, C::Mail, C::Telephone];

/// A row that may become a user.
struct Row {
    line: u64,
    /// The user id as written.
    written: String,
    user: User,
    profile: Profile,
    proof: Proof,
}

enum Proof {
    Password(Password),
    Keys(Option<ScramKeys>, Option<ScramKeys>),
}

/// Makes the users of the file. Only users that do not exist yet are made; nothing existing is changed.
///
/// # Errors
/// Only when nothing could be done at all; everything else is in the report.
pub fn import(app: &App, actor: &Actor, csv: &[u8]) -> Result<ImportReport> {
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let mut import = Import {
        app,
        actor,
        addressing: Addressing::of(app)?,
        columns: None,
        seen: HashMap::new(),
        rows: Vec::new(),
        report: ImportReport::default(),
    };
    for record in reader.byte_records() {
        match record {
            Ok(record) => import.record(&record),
            Err(error) => {
                import.problem(error.position().map_or(0, csv::Position::line), None, None, Text::plain(error.to_string()))
            }
        }
        if import.rows.len() >= CHUNK_ROWS {
            import.write();
        }
        if import.report.stopped.is_some() {
            break;
        }
    }
    import.write();
    let mut report = import.report;
    report.problems.sort_by_key(|problem| problem.line);
    tracing::info!(rows = report.rows, created = report.created, failed = report.failed, "users imported");
    Ok(report)
}

struct Import<'a> {
    app: &'a App,
    actor: &'a Actor,
    addressing: Addressing,
    columns: Option<Vec<Option<Column>>>,
    /// Names of the file, user ids and addresses, and the line each stands on.
    seen: HashMap<String, u64>,
    rows: Vec<Row>,
    report: ImportReport,
}

/// Why a row makes no user: the column and the reason.
type Refusal = (Option<Column>, Text);

impl Import<'_> {
    fn record(&mut self, record: &ByteRecord) {
        let line = record.position().map_or(0, csv::Position::line);
        if self.columns.is_none() {
            let header = header(record);
            self.columns = Some(header.clone().unwrap_or_else(|| WITHOUT_HEADER.map(Some).to_vec()));
            if let Some(header) = header {
                if !header.contains(&Some(C::UserId)) {
                    let en = "the first line names columns, and none of user ids: call that column \"userid\"";
                    let ja = "1 行目に列名がありますが、ユーザー ID の列がありません。列名を \"userid\" にしてください";
                    self.report.stopped = Some(Text::new(en, ja));
                    return;
                }
                self.unknown_columns(line, record, &header);
                return;
            }
        }
        if record.iter().all(|field| field.trim_ascii().is_empty()) {
            return;
        }
        self.report.rows += 1;
        match self.row(line, record) {
            Ok(row) => self.rows.push(row),
            Err((column, reason)) => {
                let user = self.text(record, C::UserId).ok().flatten().map(str::to_owned);
                self.failed(line, column, user, reason);
            }
        }
    }

    fn unknown_columns(&mut self, line: u64, record: &ByteRecord, header: &[Option<Column>]) {
        for (name, column) in record.iter().zip(header) {
            if column.is_none() {
                let reason = Text::new("unknown column; it is not read", "この列は使われないため、読み飛ばします");
                self.problem(line, Some(String::from_utf8_lossy(name).into_owned()), None, reason);
            }
        }
    }

    fn failed(&mut self, line: u64, column: Option<Column>, user: Option<String>, reason: Text) {
        self.report.failed += 1;
        self.problem(line, column.map(|column| name_of(column).to_owned()), user, reason);
    }

    fn problem(&mut self, line: u64, column: Option<String>, user: Option<String>, reason: Text) {
        if self.report.problems.len() < PROBLEMS_TOLD {
            self.report.problems.push(RowProblem { line, column, user, reason });
        }
    }

    /// The field, trimmed but for passwords; `None` when empty or not there.
    fn text<'r>(&self, record: &'r ByteRecord, column: Column) -> Result<Option<&'r str>, Refusal> {
        let place = self.columns.iter().flatten().position(|c| *c == Some(column));
        let Some(field) = place.and_then(|place| record.get(place)) else { return Ok(None) };
        if field.len() > FIELD_BYTES {
            let (en, ja) = (format!("longer than {FIELD_BYTES} bytes"), format!("{FIELD_BYTES} バイトを超えています"));
            return Err((Some(column), Text::new(en, ja)));
        }
        let text = std::str::from_utf8(field).map_err(|_| {
            let en = "not UTF-8: save the file as \"CSV UTF-8\"";
            (Some(column), Text::new(en, "UTF-8 ではありません。「CSV UTF-8」形式で保存してください"))
        })?;
        let text = if column == C::Password { text } else { text.trim() };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn row(&mut self, line: u64, record: &ByteRecord) -> Result<Row, Refusal> {
        let columns = self.columns.as_ref().map_or(0, Vec::len);
        if record.iter().skip(columns).any(|field| !field.is_empty()) {
            let (en, ja) = (format!("more than {columns} columns"), format!("列が {columns} 列より多くあります"));
            return Err((None, Text::new(en, ja)));
        }
        let owned = |column| Ok::<_, Refusal>(self.text(record, column)?.unwrap_or_default().to_owned());
        let new = NewUser {
            name: owned(C::UserId)?,
            password: None,
            display_name: owned(C::DisplayName)?,
            mail: owned(C::Mail)?,
            telephone: owned(C::Telephone)?,
            language: self.text(record, C::Language)?.map(str::to_owned),
            calendar: true,
            im: true,
            enabled: true,
        };
        let user = users::checked(&new).map_err(refusal)?;
        let profile = self.profile(record)?;
        let proof = self.proof(record)?;
        self.stands_alone(C::UserId, &user.name, line)?;
        let (name, user_id) = self.addressing.place(&user.name, &profile.directory_uri);
        if user_id.is_some() {
            self.stands_alone(C::DirectoryUri, &name, line)?;
        }
        let user = User { name, user_id, ..user };
        Ok(Row { line, written: new.name, user, profile, proof })
    }

    /// No earlier line has a user who goes by this name.
    fn stands_alone(&mut self, column: Column, name: &str, line: u64) -> Result<(), Refusal> {
        match self.seen.get(name) {
            Some(first) => {
                let en = format!("the same user stands on line {first}");
                Err((Some(column), Text::new(en, format!("同じユーザーが {first} 行目にあります"))))
            }
            None => {
                self.seen.insert(name.to_owned(), line);
                Ok(())
            }
        }
    }

    fn profile(&self, record: &ByteRecord) -> Result<Profile, Refusal> {
        let short = |column| {
            let text = self.text(record, column)?.unwrap_or_default();
            users::short("profile", text, profiles::TEXT_CHARS).map_err(|error| (Some(column), error.text()))
        };
        let uri = self.text(record, C::DirectoryUri)?.unwrap_or_default();
        Ok(Profile {
            given_name: short(C::GivenName)?,
            family_name: short(C::FamilyName)?,
            phonetic_name: short(C::Reading)?,
            directory_uri: profiles::directory_uri(uri).map_err(|error| (Some(C::DirectoryUri), error.text()))?,
            department: short(C::Department)?,
            title: short(C::Title)?,
            ..Profile::default()
        })
    }

    fn proof(&self, record: &ByteRecord) -> Result<Proof, Refusal> {
        let pair = |stored, server, bytes| self.keys(record, stored, server, bytes);
        let sha256 = pair(C::Sha256Stored, C::Sha256Server, derive::Hash::Sha256.output_bytes())?;
        let sha1 = pair(C::Sha1Stored, C::Sha1Server, derive::Hash::Sha1.output_bytes())?;
        let has_keys = sha256.is_some() || sha1.is_some();
        match self.text(record, C::Password)? {
            Some(_) if has_keys => Err((
                Some(C::Password),
                Text::new("give either a password or SCRAM keys", "パスワードと SCRAM 鍵はどちらか一方だけを指定してください"),
            )),
            Some(password) => {
                derive::prepare_password(password).map_err(|why| {
                    let en = format!("this password cannot be used: {why}");
                    (Some(C::Password), Text::new(en, "パスワードが空か、使えない文字を含んでいます"))
                })?;
                Ok(Proof::Password(Password::new(password)))
            }
            None if has_keys => Ok(Proof::Keys(sha256, sha1)),
            None => Err((Some(C::Password), Text::new("no password", "パスワードがありません"))),
        }
    }

    fn keys(&self, record: &ByteRecord, stored: Column, server: Column, bytes: usize) -> Result<Option<ScramKeys>, Refusal> {
        let exact = |column| {
            let key = self.binary(record, column)?;
            if key.as_ref().is_some_and(|key| key.len() != bytes) {
                let (en, ja) =
                    (format!("must be {bytes} bytes in base64"), format!("base64 で {bytes} バイトでなければなりません"));
                return Err((Some(column), Text::new(en, ja)));
            }
            Ok(key)
        };
        let (stored_key, server_key) = match (exact(stored)?, exact(server)?) {
            (None, None) => return Ok(None),
            (Some(stored), Some(server)) => (stored, server),
            (Some(_), None) => return Err((Some(server), missing())),
            (None, Some(_)) => return Err((Some(stored), missing())),
        };
        let salt = self.binary(record, C::Salt)?.ok_or_else(|| (Some(C::Salt), missing()))?;
        if !SALT_BYTES.contains(&salt.len()) {
            let (from, to) = SALT_BYTES.into_inner();
            let (en, ja) =
                (format!("must be {from} to {to} bytes in base64"), format!("base64 で {from}～{to} バイトでなければなりません"));
            return Err((Some(C::Salt), Text::new(en, ja)));
        }
        Ok(Some(ScramKeys { salt, iterations: self.iterations(record)?, stored_key, server_key }))
    }

    fn binary(&self, record: &ByteRecord, column: Column) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(text) = self.text(record, column)? else { return Ok(None) };
        let bytes = BASE64.decode(text).map_err(|_| (Some(column), Text::new("not base64", "base64 ではありません")))?;
        Ok(Some(bytes))
    }

    fn iterations(&self, record: &ByteRecord) -> Result<u32, Refusal> {
        let text = self.text(record, C::Iterations)?.ok_or_else(|| (Some(C::Iterations), missing()))?;
        text.parse().ok().filter(|n| KEY_ITERATIONS.contains(n)).ok_or_else(|| {
            let (from, to) = KEY_ITERATIONS.into_inner();
            let (en, ja) =
                (format!("must be a number from {from} to {to}"), format!("{from} から {to} までの数でなければなりません"));
            (Some(C::Iterations), Text::new(en, ja))
        })
    }

    /// Derives keys on all cores and writes what has gathered, in one transaction.
    fn write(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return;
        }
        if let Err(error) = self.try_write(&rows) {
            self.report.failed += rows.len();
            self.report.stopped = Some(error.text());
        }
    }

    fn try_write(&mut self, rows: &[Row]) -> Result<()> {
        let made = derive_all(rows)?;
        let (mut lines, mut users) = (Vec::new(), Vec::new());
        for (row, made) in rows.iter().zip(made) {
            match made {
                Ok(user) => {
                    lines.push(row);
                    users.push(user);
                }
                Err(error) => {
                    let (column, reason) = refusal(error);
                    self.failed(row.line, column, Some(row.written.clone()), reason);
                }
            }
        }
        let (count, audit) = (users.len(), audit(self.actor));
        let taken = self.app.store().call(move |db| db.create_many(&users, &audit))?;
        self.report.created += count - taken.len();
        for index in taken {
            let reason = Text::new("the user exists already", "このユーザーはすでにあります");
            self.failed(lines[index].line, Some(C::UserId), Some(lines[index].written.clone()), reason);
        }
        self.app.gateways_changed().notify_one();
        Ok(())
    }
}

/// The user ids of a file: its column of user ids if the first line names one, else its first column. Empty ones are left out.
///
/// # Errors
/// `invalid` with the line that cannot be read.
pub(crate) fn user_ids(csv: &[u8]) -> Result<Vec<String>> {
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let (mut ids, mut column) = (Vec::new(), None);
    for record in reader.byte_records() {
        let bad =
            |line: u64, why: String| ControlError::invalid("csv", format!("line {line}: {why}"), format!("{line} 行目: {why}"));
        let record = record.map_err(|error| bad(error.position().map_or(0, csv::Position::line), error.to_string()))?;
        if column.is_none() {
            let named = header(&record).and_then(|columns| columns.iter().position(|column| *column == Some(C::UserId)));
            column = Some(named.unwrap_or(0));
            if named.is_some() {
                continue;
            }
        }
        let field = record.get(column.unwrap_or(0)).unwrap_or_default();
        let line = record.position().map_or(0, csv::Position::line);
        let id = std::str::from_utf8(field).map_err(|error| bad(line, error.to_string()))?.trim();
        if !id.is_empty() {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

fn missing() -> Text {
    Text::new("is missing", "がありません")
}

/// The column an error of a user function is about.
fn refusal(error: ControlError) -> Refusal {
    let column = match error.field() {
        Some("name") => Some(C::UserId),
        Some("password") => Some(C::Password),
        Some("display_name") => Some(C::DisplayName),
        Some("mail") => Some(C::Mail),
        Some("telephone") => Some(C::Telephone),
        Some("language") => Some(C::Language),
        _ => None,
    };
    (column, error.text())
}

fn name_of(column: Column) -> &'static str {
    COLUMNS.iter().find(|(_, c, _)| *c == column).map_or("", |(name, ..)| name)
}

/// The columns, if this is a header line.
fn header(record: &ByteRecord) -> Option<Vec<Option<Column>>> {
    let mut columns: Vec<Option<Column>> = Vec::new();
    for field in record {
        // A column that stands there twice is read the first time.
        let column = column_of(field).filter(|column| !columns.contains(&Some(*column)));
        columns.push(column);
    }
    columns.iter().any(Option::is_some).then_some(columns)
}

fn column_of(field: &[u8]) -> Option<Column> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' ', '\u{3000}', '\t'], "");
    let name = plain(std::str::from_utf8(field).ok()?);
    let is =
        |(first, _, others): &&(&str, Column, &[&str])| plain(first) == name || others.iter().any(|other| plain(other) == name);
    COLUMNS.iter().find(is).map(|(_, column, _)| *column)
}

type Made = Result<zaiseki_store::NewUser>;

/// One thread per core; each takes the next row that nobody has taken.
fn derive_all(rows: &[Row]) -> Result<Vec<Made>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(rows.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(row) = rows.get(index) else { return made };
            made.push((index, derive_one(row)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let spawn = |_| std::thread::Builder::new().name("derive".to_owned()).spawn_scoped(scope, work);
        let handles = (0..threads).map(spawn).collect::<std::io::Result<Vec<_>>>().map_err(ControlError::Thread)?;
        let mut all = Vec::with_capacity(rows.len());
        for handle in handles {
            let panicked = |_| ControlError::Thread(std::io::Error::other("it panicked"));
            all.extend(handle.join().map_err(panicked)?);
        }
        Ok::<_, ControlError>(all)
    })?;
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

fn derive_one(row: &Row) -> Made {
    let (sha256, sha1) = match &row.proof {
        Proof::Password(password) => {
            let (sha256, sha1) = users::keys_of(password, IMPORT_ITERATIONS)?;
            (Some(sha256), Some(sha1))
        }
        Proof::Keys(sha256, sha1) => (sha256.clone(), sha1.clone()),
    };
    Ok(zaiseki_store::NewUser { user: row.user.clone(), sha256, sha1, profile: Some(Box::new(row.profile.clone())) })
}

#[cfg(test)]
mod tests;
