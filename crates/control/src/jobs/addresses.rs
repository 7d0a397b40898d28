//! `users.address-scheme`: gives everybody an address of the user id, or of the directory URI.

use super::{Checked, Kind, Next, Turn, Work};
use crate::access::{Area, Right};
use crate::app::addresses::{self, Addressing, Scheme, SchemeInput};
use crate::app::{App, UserChange};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zaiseki_model::UserId;
use zaiseki_store::{AddressRow, Job, JobLine, JobProgress, JobStep, JobWork};
use zaiseki_xmpp::jid;

/// Users of one step. A renaming touches the contact lists of many.
const BATCH: usize = 100;

pub struct SetScheme;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Kept {
    scheme: Scheme,
}

/// What became of the users so far.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Summary {
    changed: u64,
    unchanged: u64,
    /// Somebody else goes by the name; each stands in the log.
    refused: u64,
}

impl Kind for SetScheme {
    fn name(&self) -> &'static str {
        addresses::JOB
    }

    fn title(&self) -> Text {
        Text::new("Switch the address scheme", "アドレス形式の切り替え")
    }

    fn right(&self) -> Right {
        Right::write(Area::Settings)
    }

    fn check(&self, app: &App, input: Value) -> Result<Checked> {
        let input: SchemeInput = serde_json::from_value(input).map_err(|error| {
            let en = format!("the input does not fit the job: {error}");
            ControlError::invalid("input", en, format!("入力がこのジョブに合いません: {error}"))
        })?;
        let preview = addresses::preview(app, input.scheme)?;
        if addresses::scheme(app)? == input.scheme && preview.changed == 0 {
            let en = "addresses are made so already";
            return Err(ControlError::invalid("scheme", en, "すでにこのアドレス形式です"));
        }
        if preview.in_the_way > 0 && !input.accept {
            let count = preview.in_the_way;
            let users = if count == 1 { "user" } else { "users" };
            let en = format!("{count} {users} would keep an address by the user id: look at the preview, then mend or accept it");
            let ja =
                format!("{count} 人はユーザー ID のアドレスのままになります。プレビューを確認し、修正するか承諾してください");
            return Err(ControlError::invalid("accept", en, ja));
        }
        Ok(Checked { input: serde_json::json!(Kept { scheme: input.scheme }), total: Some(preview.users) })
    }

    fn start(&self, input: &str) -> Result<Box<dyn Work>> {
        let kept: Kept = serde_json::from_str(input).map_err(|error| {
            let en = format!("the kept input cannot be read: {error}");
            ControlError::invalid("input", en, format!("保存された入力を読めません: {error}"))
        })?;
        Ok(Box::new(Switching(kept.scheme)))
    }
}

/// The work. Its cursor is the last name; who got a later one is looked at again, and is right already.
struct Switching(Scheme);

/// Whose address changed: from, to.
type Changed = (UserId, String, String);

impl Work for Switching {
    fn step(&mut self, turn: &Turn) -> Result<Next> {
        let addressing = Addressing::new(self.0, turn.app.domain());
        let step = turn.commit(move |work, job| {
            // From the first step on, so that synchronisations and changes by hand pull the same way.
            work.set_address_scheme(addressing.scheme.as_str(), Scheme::default().as_str())?;
            let rows = work.database().address_rows(&job.cursor, BATCH)?;
            let (mut changed, mut log, mut summary) = (Vec::new(), Vec::new(), summary(job));
            for row in &rows {
                match give(work, &addressing, row)? {
                    Given::Same => summary.unchanged += 1,
                    Given::Changed(name) => {
                        summary.changed += 1;
                        changed.push((row.user, row.name.clone(), name));
                    }
                    Given::Refused(name) => {
                        summary.refused += 1;
                        log.push(refused(row, &name));
                    }
                }
            }
            let finished = rows.len() < BATCH;
            let cursor = rows.last().map_or_else(|| job.cursor.clone(), |row| row.name.clone());
            let done = summary.changed + summary.unchanged + summary.refused;
            let summary = serde_json::json!(summary).to_string();
            Ok((JobProgress { done, total: job.total, cursor, summary, log, finished }, (changed, finished)))
        })?;
        let JobStep::Went((changed, last)) = step else { return Ok(Next::Over) };
        changed.into_iter().for_each(|changed| tell(&turn.app, changed));
        Ok(if last { Next::Over } else { Next::More })
    }
}

enum Given {
    Same,
    Changed(String),
    Refused(String),
}

fn give(work: &JobWork<'_>, addressing: &Addressing, row: &AddressRow) -> zaiseki_store::Result<Given> {
    let id = row.user_id.as_deref().unwrap_or(&row.name);
    // None of those who share one gets it, whoever comes first.
    let shared = !row.directory_uri.is_empty() && work.database().shares_directory_uri(&row.directory_uri)?;
    let (name, user_id) = addressing.place(id, if shared { "" } else { &row.directory_uri });
    if (&name, &user_id) == (&row.name, &row.user_id) {
        return Ok(Given::Same);
    }
    Ok(if work.rename(row.user, &name, user_id.as_deref())? { Given::Changed(name) } else { Given::Refused(name) })
}

fn tell(app: &App, (user, from, to): Changed) {
    let change = if from == to { UserChange::Details } else { UserChange::Renamed { to } };
    app.user_changed(user, &from, change);
}

fn summary(job: &Job) -> Summary {
    serde_json::from_str(&job.summary).unwrap_or_default()
}

fn refused(row: &AddressRow, name: &str) -> JobLine {
    let (user, name) = (jid::unescape_local(row.user_id.as_deref().unwrap_or(&row.name)), jid::unescape_local(name));
    JobLine {
        en: format!("\"{user}\" keeps its address: somebody else goes by \"{name}\""),
        ja: format!("\"{user}\" のアドレスは変わりません。\"{name}\" はほかのユーザーが使っています"),
    }
}
