//! Background task: certificates from a public authority by ACME (RFC 8555, HTTP-01): ordered, renewed when a third of their life is
//! left, tried again with growing pauses.

use super::{Purpose, Source, now_secs};
use crate::alarms::catalogue::ACME_FAILED;
use crate::app::{App, certificates};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use utoipa::ToSchema;
use zaiseki_net::acme::{Acme, AcmeError, Binding};
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, Url};
use zaiseki_net::tls::{CertificateFacts, Issued};

/// Seconds from a failure to the next try, the last of them again and again. Public authorities bear five failures an hour.
const PAUSES: [i64; 5] = [60, 900, 3_600, 14_400, 86_400];
/// Between two looks, when nothing is due.
const LOOK: Duration = Duration::from_secs(3_600);
/// Bytes of an answer of the authority.
const ANSWER_BYTES: usize = 1024 * 1024;
/// The subject of the alarm.
const SUBJECT: &str = "acme";

pub(crate) const ACTOR: &str = "system:acme";

/// What an account is kept sealed with.
pub(crate) const CONTEXT: &str = "acme:account";
/// And the key of the authority's own account.
pub(crate) const BINDING: &str = "acme:binding";

/// From whom, for which names, for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeConfig {
    /// The authority's directory: `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// Mail addresses that the authority may write to.
    #[serde(default)]
    pub contact: Vec<String>,
    /// The terms of the authority are agreed to.
    pub terms_agreed: bool,
    /// Domain names that lead to this node.
    pub names: Vec<String>,
    /// Where the certificate is shown.
    pub purposes: Vec<Purpose>,
    /// The key identifier that the authority gave for an account of its own (external account binding, RFC 8555 §7.3.4); empty: none.
    #[serde(default)]
    pub key_id: String,
}

/// How it went. Times in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AcmeState {
    pub last_success: Option<i64>,
    /// Of the last try, when it failed.
    pub failed_at: Option<i64>,
    pub failures: u32,
    pub error: Option<Text>,
    /// Somebody wants a certificate at once.
    #[serde(default)]
    pub asked: bool,
}

/// What the listener, the task and the functions share.
#[derive(Default)]
pub struct AcmeDesk {
    /// Token and what is answered for it.
    challenges: Mutex<BTreeMap<String, String>>,
    changed: Notify,
    listening: OnceLock<Vec<String>>,
    busy: AtomicBool,
}

impl AcmeDesk {
    /// What `/.well-known/acme-challenge/TOKEN` answers (RFC 8555 §8.3).
    pub fn answer(&self, token: &str) -> Option<String> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// The addresses that answer challenges.
    pub fn set_listening(&self, addresses: Vec<String>) {
        let _ = self.listening.set(addresses);
    }

    pub fn listening(&self) -> &[String] {
        self.listening.get().map_or(&[], Vec::as_slice)
    }

    /// An order is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    fn publish(&self, token: String, answer: String) {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).insert(token, answer);
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.busy.store(true, Ordering::Relaxed);
        Busy(self.clone())
    }
}

/// Ends with the order, however that ends.
struct Busy(Arc<AcmeDesk>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.challenges.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.0.busy.store(false, Ordering::Relaxed);
    }
}

/// What is kept of it.
pub(crate) struct Kept {
    pub config: AcmeConfig,
    /// The account of the authority, opened.
    pub account: Option<String>,
    /// The key of the authority's own account, opened.
    pub binding: Option<Vec<u8>>,
    pub state: AcmeState,
}

/// `None`: ACME is not used.
pub(crate) fn kept(app: &App) -> Result<Option<Kept>> {
    let Some(row) = app.store().query(|db| db.acme())? else { return Ok(None) };
    let unreadable = |why: serde_json::Error| {
        let en = format!("the stored settings of ACME are not understood: {why}");
        ControlError::invalid("directory", en, format!("保存された ACME の設定を読み取れません: {why}"))
    };
    let account = row.account.map(|sealed| app.key().open(CONTEXT, &sealed)).transpose()?;
    let binding = row.binding.map(|sealed| app.key().open(BINDING, &sealed)).transpose()?;
    Ok(Some(Kept {
        binding,
        config: serde_json::from_str(&row.config).map_err(unreadable)?,
        account: account.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        state: serde_json::from_str(&row.state).map_err(unreadable)?,
    }))
}

/// When the next order is due, in seconds since 1970.
pub(crate) fn next_order(app: &App, config: &AcmeConfig, state: &AcmeState) -> i64 {
    if state.asked {
        return 0;
    }
    if let Some(at) = state.failed_at {
        let index = usize::try_from(state.failures.saturating_sub(1)).unwrap_or(0).min(PAUSES.len() - 1);
        return at + PAUSES[index];
    }
    config.purposes.iter().map(|purpose| renewal(app, config, *purpose)).min().unwrap_or(i64::MAX)
}

/// When a purpose needs another certificate; 0: at once.
fn renewal(app: &App, config: &AcmeConfig, purpose: Purpose) -> i64 {
    let Some(served) = app.served().filter(|served| served.source(purpose) == Source::Acme) else { return 0 };
    match CertificateFacts::of(&served.live(purpose).leaf()) {
        Some(leaf) if config.names.iter().all(|name| leaf.covers(name)) => {
            leaf.not_after - (leaf.not_after - leaf.not_before) / 3
        }
        _ => 0,
    }
}

/// Runs until the future is dropped.
pub async fn run(app: App) {
    loop {
        let wait = match step(&app).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(error = %error.text(), "ACME could not be looked at");
                LOOK
            }
        };
        tokio::select! {
            () = app.acme().changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One look; how long to wait for the next.
async fn step(app: &App) -> Result<Duration> {
    let worker = app.clone();
    let Some(kept) = blocking(move || kept(&worker)).await? else {
        app.alarms().clear(&ACME_FAILED, SUBJECT);
        return Ok(LOOK);
    };
    let due = next_order(app, &kept.config, &kept.state) - now_secs();
    if due > 0 {
        return Ok(Duration::from_secs(due.unsigned_abs()).min(LOOK));
    }
    let (state, failed) = (kept.state.clone(), order(app, kept).await.err());
    let state = match failed {
        None => AcmeState { last_success: Some(now_secs()), ..AcmeState::default() },
        Some(why) => {
            tracing::warn!(error = why.en, "no certificate by ACME");
            app.alarms().raise(&ACME_FAILED, SUBJECT, why.clone());
            AcmeState {
                failed_at: Some(now_secs()),
                failures: state.failures.saturating_add(1),
                error: Some(why),
                asked: false,
                ..state
            }
        }
    };
    if state.error.is_none() {
        app.alarms().clear(&ACME_FAILED, SUBJECT);
    }
    let worker = app.clone();
    blocking(move || put_state(&worker, &state)).await?;
    // An authority whose certificates are never good enough is not asked without a pause.
    Ok(Duration::from_secs(PAUSES[0].unsigned_abs()))
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> Result<R> + Send + 'static) -> Result<R> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ControlError::Unavailable { text: Text::plain(error.to_string()) }),
    }
}

fn put_state(app: &App, state: &AcmeState) -> Result<()> {
    let state = serde_json::to_string(state).unwrap_or_default();
    Ok(app.store().call(move |db| db.put_acme_state(&state))?)
}

/// What to do where the authority could not look whether the names are ours.
pub fn no_listener() -> Text {
    Text::new(
        "no address answers the authority's challenges: set listen.acme_http in the configuration file and restart",
        "認証局の確認に応答するアドレスがありません。設定ファイルの listen.acme_http を設定して再起動してください",
    )
}

/// From the account to the certificate that is shown; an error is what to say of it.
async fn order(app: &App, kept: Kept) -> Result<(), Text> {
    if app.acme().listening().is_empty() {
        return Err(no_listener());
    }
    let busy = app.acme().begin();
    let Kept { config, account, binding, .. } = kept;
    let said = |error: AcmeError| Text::reason(super::chain(&error));
    let acme = account_of(app, &config, account, binding).await?;
    let desk = busy.0.clone();
    let issued = acme.obtain(&config.names, move |token, answer| desk.publish(token, answer)).await.map_err(said)?;
    drop(busy);
    let worker = app.clone();
    let Issued { chain, key } = issued;
    let put = move || {
        still(&worker, &config)?;
        certificates::put_ordered(&worker, &config, &chain, &key)
    };
    blocking(put).await.map_err(|error| error.text())
}

/// Whether what was begun for these settings is still wanted.
fn still(app: &App, config: &AcmeConfig) -> Result<()> {
    if kept(app)?.is_some_and(|now| now.config == *config) {
        return Ok(());
    }
    let text = Text::new("the settings of ACME changed meanwhile", "その間に ACME の設定が変更されました");
    Err(ControlError::Conflict { text })
}

/// The account that is kept, or a new one.
async fn account_of(app: &App, config: &AcmeConfig, kept: Option<String>, binding: Option<Vec<u8>>) -> Result<Acme, Text> {
    let said = |error: AcmeError| Text::reason(super::chain(&error));
    let client =
        Client::new(ClientConfig { policy: AddressPolicy::CONFIGURED, max_body: ANSWER_BYTES, ..ClientConfig::default() });
    let client = Arc::new(client.map_err(|error| Text::reason(super::chain(&error)))?);
    if let Some(kept) = kept {
        return Acme::open(client, &kept).await.map_err(said);
    }
    let directory = Url::parse(&config.directory).map_err(|error| Text::reason(error.to_string()))?;
    let binding = binding.as_deref().map(|key| Binding { id: &config.key_id, key });
    let (acme, account) = Acme::register(client, &directory, &config.contact, binding).await.map_err(said)?;
    let (worker, config) = (app.clone(), config.clone());
    let put = move || {
        still(&worker, &config)?;
        let sealed = worker.key().seal(CONTEXT, account.as_bytes())?;
        Ok(worker.store().call(move |db| db.put_acme_account(&sealed))?)
    };
    blocking(put).await.map_err(|error: ControlError| error.text())?;
    Ok(acme)
}
