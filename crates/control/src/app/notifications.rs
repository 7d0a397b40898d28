//! What waits for an administrator: changes of the configuration file that only a restart brings into use, and a file with
//! which no node would start.

use super::{App, audit, nodes};
use crate::access::Caller;
use crate::app::nodes::NodeView;
use crate::bootstrap::{self, Bootstrap, Entries, Key};
use crate::effect::Effect;
use crate::error::{ControlError, Result};
use crate::services::Service;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use zaiseki_model::Severity;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Nobody but administrators notices.
    Info,
    /// People notice, or security is not what it is meant to be.
    Warning,
    /// The next start fails, or comes up without the users.
    Critical,
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Weight {
        match severity {
            Severity::Info => Weight::Info,
            Severity::Warning => Weight::Warning,
            Severity::Error | Severity::Critical => Weight::Critical,
        }
    }
}

/// Something that waits for an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    pub severity: Weight,
    /// The key of the configuration file; `null`: it is about the file as a whole, with which no node would start.
    pub key: Option<String>,
    pub in_use: Option<String>,
    /// What the file says now.
    pub in_file: Option<String>,
    /// What has to be restarted: `node`, or a service's name; `null`: the file has to be mended first.
    pub restart: Option<String>,
    /// What is to be done.
    pub todo: Text,
    /// What holds until then, and why it matters.
    pub why: Text,
    /// What people notice of that restart.
    pub restart_means: Option<Text>,
}

/// What a restart of the node means.
pub fn restart_means() -> Text {
    Text::new(
        "All sessions end, of users and of the API: the node says goodbye to every client, writes what is under way, and starts \
         again within seconds. Clients come back by themselves, what was sent meanwhile is kept, jobs go on where they were, and \
         administrators stay signed in.",
        "すべてのセッションが終了します。ノードは各クライアントに終了を伝え、処理中のデータを書き込み、数秒で再び起動します。\
         クライアントは自動で再接続し、その間のメッセージは保存され、ジョブは続きから再開し、管理者はサインインしたままです。",
    )
}

/// What waits, the worst first.
pub fn list(app: &App) -> Vec<Notification> {
    let Some(bootstrap) = app.node().bootstrap() else { return Vec::new() };
    let mut all: Vec<Notification> = match bootstrap.now() {
        Err(problems) => problems.into_iter().map(unusable).collect(),
        Ok(now) => {
            let in_use = bootstrap.in_use();
            bootstrap::changed(&in_use, &now).into_iter().map(|key| pending(key, &in_use, &now)).collect()
        }
    };
    all.sort_by_key(|one| std::cmp::Reverse(one.severity));
    all
}

fn unusable(problem: Text) -> Notification {
    Notification {
        severity: Weight::Critical,
        key: None,
        in_use: None,
        in_file: None,
        restart: None,
        todo: Text::new(
            format!("mend the configuration file: {}", problem.en),
            format!("設定ファイルを修正してください: {}", problem.ja),
        ),
        why: Text::new(
            "with the file as it is the node would not start again after a stop or a failure of the machine",
            "このままでは、停止やマシンの障害のあとにノードを起動できません",
        ),
        restart_means: None,
    }
}

fn pending(key: &Key, in_use: &Entries, now: &Entries) -> Notification {
    let value = |entries: &Entries| entries.get(key.key).cloned().unwrap_or_default();
    let (todo, means) = match key.effect {
        Effect::Restart(service) => {
            let (en, ja) = (service.title().en, service.title().ja);
            (
                Text::new(format!("restart the service {en}"), format!("サービス「{ja}」を再起動してください")),
                service.stop_means(),
            )
        }
        _ => (Text::new("restart the node", "ノードを再起動してください"), restart_means()),
    };
    Notification {
        severity: key.severity.into(),
        key: Some(key.key.to_owned()),
        in_use: Some(value(in_use)),
        in_file: Some(value(now)),
        restart: key.effect.restarted().map(str::to_owned),
        todo,
        why: key.meanwhile(),
        restart_means: Some(means),
    }
}

/// Before a service starts that takes keys of the file: whether it could.
///
/// # Errors
/// `conflict` when it could not listen where the file says. A file that cannot be used keeps nothing from starting as it was.
pub(super) fn must_fit(app: &App, service: Service) -> Result<()> {
    let Some(bootstrap) = app.node().bootstrap() else { return Ok(()) };
    let Ok(now) = bootstrap.now() else { return Ok(()) };
    let keys: Vec<&str> = bootstrap::of(Effect::Restart(service)).collect();
    match bootstrap::unfree(&bootstrap.in_use(), &now, &keys).as_slice() {
        [] => Ok(()),
        problems => Err(refused(problems)),
    }
}

/// Restarts the node of this process: it drains as at a stop and starts again, in place, with the configuration file as it
/// is. Returns before anything has ended.
///
/// # Errors
/// `not-found` for another node; `conflict` when no node runs here, and, with all reasons, when it would not come back.
pub fn restart_node(app: &App, caller: &Caller, name: &str) -> Result<NodeView> {
    if name != app.node().name() {
        let text = Text::new(format!("there is no node \"{name}\""), format!("ノード \"{name}\" はありません"));
        return Err(ControlError::NotFound { text });
    }
    let (Some(bootstrap), Some(restarter)) = (app.node().bootstrap(), app.node().restarter()) else {
        return Err(not_running());
    };
    let now = comes_back(bootstrap).map_err(|problems| refused(&problems))?;
    restarter.ready().map_err(|problem| refused(&[problem]))?;
    let (audit, object, in_use) = (audit(&caller.actor), format!("node:{name}"), bootstrap.in_use());
    let values = |entries: &Entries| -> Value {
        let keys = bootstrap::changed(&in_use, &now).into_iter();
        Value::Object(keys.map(|key| (key.key.to_owned(), json!(entries.get(key.key)))).collect::<Map<_, _>>())
    };
    let (before, after) = (values(&in_use), values(&now));
    // Before it happens: whoever restarts the node stands in the audit log whatever comes of it.
    app.store().call(move |db| db.audit_append(&audit, "node.restart", &object, Some(&before), Some(&after)))?;
    let node = nodes::list(app)?.into_iter().next().ok_or_else(not_running)?;
    tracing::info!(by = caller.actor, "the node restarts");
    restarter.restart();
    Ok(node)
}

fn not_running() -> ControlError {
    let text =
        Text::new("the node does not run: there is nothing to restart", "ノードが稼働していないため、再起動するものがありません");
    ControlError::Conflict { text }
}

/// The file as it is, if a node would start with it.
fn comes_back(bootstrap: &Bootstrap) -> std::result::Result<Entries, Vec<Text>> {
    let now = bootstrap.now()?;
    let problems = bootstrap::unfree(&bootstrap.in_use(), &now, &bootstrap::listening());
    if problems.is_empty() { Ok(now) } else { Err(problems) }
}

fn refused(problems: &[Text]) -> ControlError {
    let join = |pick: fn(&Text) -> &String| problems.iter().map(|one| pick(one).as_str()).collect::<Vec<_>>().join("; ");
    let (en, ja) = (join(|text| &text.en), join(|text| &text.ja));
    let text = Text::new(
        format!("not restarted, since it would not start with the configuration file as it is: {en}"),
        format!("現在の設定ファイルでは起動できないため、再起動しませんでした: {ja}"),
    );
    ControlError::Conflict { text }
}

#[cfg(test)]
#[path = "notifications_tests.rs"]
mod tests;
