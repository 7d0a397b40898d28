//! The certificates that this node shows, one for each purpose, and where each comes from.
//!
//! Listeners hold a [`ReloadableCert`] of their purpose; what [`crate::app::certificates`] changes is in it before the change is
//! answered, so that the next handshake shows it. [`keeper`] renews what renews by itself and warns of what ends.

pub mod acme;
pub mod keeper;
mod unfit;

use crate::app::App;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_net::tls::{Identity, Paths, ReloadableCert, TlsError, ensure_self_signed};
use zaiseki_store::CertificateRow;

pub(crate) use unfit::refused;

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Connections of XMPP clients.
    Xmpp,
    /// HTTPS: web clients, console, API, metrics.
    Web,
}

impl Purpose {
    pub const ALL: [Purpose; 2] = [Purpose::Xmpp, Purpose::Web];

    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Xmpp => "xmpp",
            Purpose::Web => "web",
        }
    }

    pub fn title(self) -> Text {
        match self {
            Purpose::Xmpp => Text::new("XMPP clients", "XMPP クライアント"),
            Purpose::Web => Text::new("HTTPS", "HTTPS"),
        }
    }

    /// # Errors
    /// `not-found` for any other word.
    pub fn parse(word: &str) -> Result<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == word).ok_or_else(|| ControlError::NotFound {
            text: Text::new(format!("there is no certificate \"{word}\""), format!("証明書 \"{word}\" はありません")),
        })
    }
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Files that the configuration file names; they are changed there and nowhere else.
    File,
    /// The node's own authority; renews by itself.
    OwnAuthority,
    /// An administrator's.
    Imported,
    /// A public authority's, by ACME; renews by itself.
    Acme,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Source::File => "file",
            Source::OwnAuthority => "own-authority",
            Source::Imported => "imported",
            Source::Acme => "acme",
        }
    }

    /// As the database has it.
    fn stored(word: &str) -> Option<Source> {
        [Source::OwnAuthority, Source::Imported, Source::Acme].into_iter().find(|source| source.as_str() == word)
    }
}

/// What is shown where nobody chose otherwise.
#[derive(Clone, Debug)]
pub enum Base {
    /// `[tls]` of the configuration file.
    Files(Paths),
    /// Made by the node's own authority in `folder`, for these names.
    OwnAuthority { folder: PathBuf, names: Vec<String> },
}

impl Base {
    pub fn paths(&self) -> Paths {
        match self {
            Base::Files(paths) => paths.clone(),
            Base::OwnAuthority { folder, .. } => Paths::of(folder),
        }
    }

    /// Reads it; the own one is made or renewed when that is needed.
    pub fn load(&self) -> Result<Identity, TlsError> {
        if let Base::OwnAuthority { folder, names } = self {
            ensure_self_signed(folder, names)?;
        }
        self.look()
    }

    /// Reads it if it is there; nothing is made.
    pub fn look(&self) -> Result<Identity, TlsError> {
        let paths = self.paths();
        Identity::load(&paths.certificate, &paths.key)
    }

    pub fn source(&self) -> Source {
        match self {
            Base::Files(_) => Source::File,
            Base::OwnAuthority { .. } => Source::OwnAuthority,
        }
    }
}

/// The certificates in use.
pub struct Served {
    base: Base,
    xmpp: Slot,
    web: Slot,
    turn: Mutex<()>,
}

struct Slot {
    live: Arc<ReloadableCert>,
    now: RwLock<Now>,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    source: Source,
    /// When an administrator or a renewal put it in the place of the base; `None`: it is the base.
    changed_at: Option<Timestamp>,
}

impl Served {
    /// With what the database holds in place of the base, which has been read already. Files of the configuration go before that.
    pub fn open(app: &App, base: Base, identity: &Identity) -> Result<Served> {
        let slot = |purpose| Slot::open(app, purpose, &base, identity);
        let (xmpp, web) = (slot(Purpose::Xmpp)?, slot(Purpose::Web)?);
        Ok(Served { base, xmpp, web, turn: Mutex::default() })
    }

    fn slot(&self, purpose: Purpose) -> &Slot {
        match purpose {
            Purpose::Xmpp => &self.xmpp,
            Purpose::Web => &self.web,
        }
    }

    /// For listeners: what they show changes behind it.
    pub fn live(&self, purpose: Purpose) -> Arc<ReloadableCert> {
        self.slot(purpose).live.clone()
    }

    pub fn source(&self, purpose: Purpose) -> Source {
        self.slot(purpose).now().source
    }

    /// When it was put in the place of the node's own; `None`: it is that.
    pub fn changed_at(&self, purpose: Purpose) -> Option<Timestamp> {
        self.slot(purpose).now().changed_at
    }

    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Held while certificates change.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder of the node's own authority, for whoever may use it.
    ///
    /// # Errors
    /// `conflict`: the certificate is that of the configuration file.
    pub(crate) fn authority_folder(&self) -> Result<&Path> {
        match &self.base {
            Base::OwnAuthority { folder, .. } => Ok(folder),
            Base::Files(paths) => {
                let path = paths.certificate.display();
                let en = format!(
                    "the certificate is the file {path}, named in [tls] of the configuration file: change the file, or take [tls] out and restart"
                );
                let ja = format!(
                    "証明書は設定ファイルの [tls] が指すファイル {path} です。ファイルを変更するか、[tls] を削除して再起動してください"
                );
                Err(ControlError::Conflict { text: Text::new(en, ja) })
            }
        }
    }

    pub(crate) fn show(&self, purpose: Purpose, identity: Identity, source: Source, at: Timestamp) {
        self.slot(purpose).set(identity, Now { source, changed_at: Some(at) });
        self.say(purpose);
    }

    /// The base again.
    pub(crate) fn show_base(&self, purpose: Purpose, identity: Identity) {
        self.slot(purpose).set(identity, Now { source: self.base.source(), changed_at: None });
        self.say(purpose);
    }

    /// Reads the base again, making the own one if that is needed, and shows it where it is in use. On an error what is shown stays.
    pub fn reload_base(&self) {
        let _turn = self.turn();
        let identity = match self.base.load() {
            Ok(identity) => identity,
            Err(error) => {
                let why = chain(&error);
                tracing::error!(error = why, "the certificate in use stays");
                return;
            }
        };
        for purpose in Purpose::ALL {
            let slot = self.slot(purpose);
            if slot.now().changed_at.is_none() && slot.live.chain() != identity.chain() {
                self.show_base(purpose, identity.clone());
            }
        }
    }

    fn say(&self, purpose: Purpose) {
        let (live, source) = (self.live(purpose), self.source(purpose).as_str());
        tracing::info!(purpose = purpose.as_str(), source, fingerprint = live.fingerprint(), "certificate (SHA-256)");
    }
}

impl Slot {
    fn open(app: &App, purpose: Purpose, base: &Base, identity: &Identity) -> Result<Slot> {
        let own = Now { source: base.source(), changed_at: None };
        let row = app.store().query(move |db| db.certificate(purpose.as_str()))?;
        let row = row.filter(|_| matches!(base, Base::OwnAuthority { .. }));
        let (identity, now) = match row.map(|row| opened(app, purpose, &row)) {
            None => (identity.clone(), own),
            Some(Ok((identity, now))) => (identity, now),
            Some(Err(error)) => {
                let error = error.text().en;
                tracing::error!(
                    purpose = purpose.as_str(),
                    error,
                    "the stored certificate cannot be used: the node shows its own"
                );
                (identity.clone(), own)
            }
        };
        Ok(Slot { live: ReloadableCert::new(identity), now: RwLock::new(now) })
    }

    fn now(&self) -> Now {
        *self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, identity: Identity, now: Now) {
        self.live.replace(identity);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

fn opened(app: &App, purpose: Purpose, row: &CertificateRow) -> Result<(Identity, Now)> {
    let key = app.key().open(&context(purpose), &row.key)?;
    let unusable = |why: String| ControlError::invalid("certificate", why.clone(), why);
    let identity = Identity::from_pem(row.chain.as_bytes(), &key).map_err(|error| unusable(chain(&error)))?;
    let source = Source::stored(&row.source).ok_or_else(|| unusable(format!("unknown source {}", row.source)))?;
    Ok((identity, Now { source, changed_at: Some(row.changed_at) }))
}

/// What keys of a purpose are sealed with; those of signing requests too, since one becomes the other.
pub(crate) fn context(purpose: Purpose) -> String {
    format!("certificate:{}", purpose.as_str())
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// Seconds since 1970.
pub(crate) fn now_secs() -> i64 {
    Timestamp::now().0.div_euclid(1_000_000)
}
