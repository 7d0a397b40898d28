//! Judging what users show where the database's keys do not decide: passwords by a bind to the LDAP directory that a user
//! comes from, access tokens by the keys of an OpenID provider.
//!
//! **Nothing tells whether a user exists.** Whatever the name, a refusal has asked a directory: for a name that none knows,
//! or an account of no LDAP directory, about an entry that does not exist. So it takes as long, and while the directory is
//! down it is as unavailable.

mod ldap;
mod token;

pub(crate) use token::{Providers, try_provider};

use crate::app::App;
use crate::error::{ControlError, Result};
use ldap::Binders;
use std::sync::Arc;
use tokio::sync::Semaphore;
use zaiseki_model::directory::BoxFuture;
use zaiseki_model::limits::{LDAP_BINDS, SIGN_IN_WAIT};
use zaiseki_model::sign_in::{Proof, SignInMode, Verdict, Verifier};

/// The control plane as a judge of sign-ins.
#[derive(Clone)]
pub struct SignInAgent(Arc<Inner>);

struct Inner {
    app: App,
    /// The server's own: salts of kept keys come from it, as those of unknown users do.
    server_secret: [u8; 32],
    binders: Binders,
    turns: Semaphore,
    providers: Providers,
}

impl SignInAgent {
    pub fn new(app: &App, server_secret: [u8; 32]) -> Self {
        SignInAgent(Arc::new(Inner {
            app: app.clone(),
            server_secret,
            binders: Binders::default(),
            turns: Semaphore::new(LDAP_BINDS),
            providers: Providers::default(),
        }))
    }

    async fn judge(self, proof: Proof) -> Verdict {
        let mode = self.0.app.settings().borrow().sign_in.mode;
        let judged = match (proof, mode) {
            (Proof::Password { local, password }, SignInMode::Ldap) => self.password(local, password).await,
            (Proof::Token(token), SignInMode::Oidc) => self.token(token).await,
            // The mode changed while the client was speaking.
            _ => Ok(Verdict::Unavailable),
        };
        judged.unwrap_or_else(|error| {
            tracing::error!(error = %error.text(), "a sign-in could not be judged");
            Verdict::Unavailable
        })
    }

    async fn blocking<R: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<R> + Send + 'static) -> Result<R> {
        let inner = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
    }
}

impl Verifier for SignInAgent {
    fn verify(&self, proof: Proof) -> BoxFuture<'static, Verdict> {
        let judging = self.clone().judge(proof);
        Box::pin(async move { tokio::time::timeout(SIGN_IN_WAIT, judging).await.unwrap_or(Verdict::Unavailable) })
    }
}
