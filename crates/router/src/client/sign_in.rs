//! What the shell does for a sign-in: looks keys up, checks passwords, has proofs judged, slows down guessing.

use super::Client;
use std::sync::PoisonError;
use tokio::sync::oneshot;
use zaiseki_model::sign_in::{Proof, SignInMode, Verdict};
use zaiseki_model::{Credentials, Timestamp, limits};
use zaiseki_store::{Read, Reply};
use zaiseki_stream::c2s::Step;
use zaiseki_stream::sasl::{self, Offers, Secret};

impl Client {
    pub(super) async fn find_credentials(&mut self, local: String, out: &mut Vec<u8>) -> Step {
        if !self.may_prove(&local) {
            return self.c2s.auth_unavailable(out);
        }
        match self.lookup(local).await {
            // The user id and the address of one user have one count.
            Ok(Some(found)) if found.name != self.proving && !self.may_prove(&found.name) => self.c2s.auth_unavailable(out),
            Ok(found) => self.c2s.credentials(found, out),
            Err(()) => self.c2s.auth_unavailable(out),
        }
    }

    async fn lookup(&self, name: String) -> Result<Option<Credentials>, ()> {
        let settings = self.node.settings();
        let settings = &settings.sign_in;
        let read = match settings.mode {
            SignInMode::Local => Read::Credentials { name },
            SignInMode::Ldap => Read::KeptCredentials { name, since: Timestamp::now() - settings.keep_keys },
            SignInMode::Oidc => return Err(()),
        };
        let (tx, rx) = oneshot::channel();
        self.node.store().read(0, read, move |reply| {
            let _ = tx.send(reply);
        });
        match rx.await {
            Ok(Ok(Reply::Credentials(found))) => Ok(found),
            _ => Err(()),
        }
    }

    pub(super) async fn check_password(&mut self, credentials: Credentials, password: Secret, out: &mut Vec<u8>) -> Step {
        let checked = tokio::task::spawn_blocking(move || sasl::verify_password(&credentials, password.expose())).await;
        self.c2s.password_checked(checked.unwrap_or(false), out)
    }

    pub(super) async fn verify(&mut self, proof: Proof, out: &mut Vec<u8>) -> Step {
        let (account, token) = match &proof {
            Proof::Password { local, .. } => (local.as_str(), false),
            Proof::Token(_) => ("", true),
        };
        if !self.may_prove(account) {
            return self.c2s.auth_unavailable(out);
        }
        let judged = tokio::time::timeout(limits::SIGN_IN_WAIT, self.node.judge(proof)).await;
        let verdict = judged.unwrap_or(Verdict::Unavailable);
        if verdict == Verdict::Unavailable {
            tracing::debug!(peer = %self.carrier.peer, "nobody can tell just now whether a sign-in is right");
        }
        // Nothing tells whose a refused token is: it counts for the address alone. The stream goes on with the reason for the
        // client before the failure, so it does not come back as a failure to count.
        if token && verdict == Verdict::Refused {
            self.count_failure("");
        }
        self.c2s.verified(verdict, out)
    }

    /// Not while the account or the address is slowed down, nor by a mechanism that is no longer offered. From now on a
    /// revocation counts against this sign-in.
    fn may_prove(&mut self, account: &str) -> bool {
        self.proving_since = Timestamp::now();
        account.clone_into(&mut self.proving);
        let throttle = self.node.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        !throttle.blocked(self.proving_since, account, self.carrier.peer) && *self.c2s.offered() == self.node.offers()
    }

    /// `local`: as the client said it; empty when it said none.
    pub(super) fn count_failure(&mut self, local: &str) {
        self.node.traffic.sign_ins_refused.add(1);
        let proving = std::mem::take(&mut self.proving);
        let local = if proving.is_empty() { local } else { &proving };
        let mut throttle = self.node.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.failed(Timestamp::now(), local, self.carrier.peer);
    }
}

impl crate::node::Node {
    /// The mechanisms of a stream that begins now.
    pub(crate) fn offers(&self) -> Offers {
        Offers::of(&self.settings().sign_in)
    }
}
