//! Access tokens of an OpenID provider.

use super::SignInAgent;
use crate::app::users;
use crate::error::{ControlError, Result};
use std::sync::{Arc, Mutex, PoisonError};
use zaiseki_model::Timestamp;
use zaiseki_model::sign_in::{TokenSettings, Verdict};
use zaiseki_net::oidc::{Claims, Fault, Provider};

/// The provider of the settings, with its keys.
#[derive(Default)]
pub(crate) struct Providers(Mutex<Option<(String, Arc<Provider>)>>);

impl Providers {
    /// The provider with this issuer and these certificate authorities, made anew when they change.
    pub(crate) fn of(&self, issuer: &str, ca: &str) -> std::result::Result<Arc<Provider>, Fault> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, provider)) = made.as_ref().filter(|(of, provider)| of == ca && provider.issuer() == issuer) {
            return Ok(provider.clone());
        }
        let provider = Arc::new(Provider::new(issuer, ca)?);
        *made = Some((ca.to_owned(), provider.clone()));
        Ok(provider)
    }
}

impl SignInAgent {
    pub(super) async fn token(&self, token: String) -> Result<Verdict> {
        let settings = self.0.app.settings().borrow().sign_in.oidc.clone();
        let judged = match self.0.providers.of(&settings.issuer, &settings.ca) {
            Ok(provider) => provider.claims(&token, &settings.audience, seconds_now(), settings.leeway).await,
            Err(fault) => Err(fault),
        };
        let claims = match judged {
            Ok(claims) => claims,
            Err(Fault::Token(why)) => {
                tracing::debug!(why, "an access token is refused");
                return Ok(Verdict::Refused);
            }
            Err(Fault::Expired) => return Ok(Verdict::Expired),
            Err(Fault::Provider(why)) => {
                tracing::warn!(issuer = settings.issuer, error = why, "the OpenID provider cannot be asked");
                return Ok(Verdict::Unavailable);
            }
        };
        self.blocking(move |inner| {
            let Some(local) = local_of(&claims, &settings, inner.app.domain()) else { return Ok(Verdict::Refused) };
            match inner.app.store().query(move |db| db.sign_in_account(&local))? {
                Some(found) => {
                    let (user, enabled) = (found.credentials.user, found.credentials.enabled);
                    let local = found.credentials.name;
                    Ok(Verdict::User { user, claimed: local.clone(), local, enabled })
                }
                None => Ok(Verdict::Refused),
            }
        })
        .await
    }
}

fn seconds_now() -> i64 {
    Timestamp::now().0.div_euclid(1_000_000)
}

/// The localpart of the user that a token is about.
fn local_of(claims: &Claims, settings: &TokenSettings, domain: &str) -> Option<String> {
    let text = claims.get(&settings.claim)?.as_str()?;
    if settings.claim != "email" {
        return users::localpart(text).ok();
    }
    // An address that the provider has not checked is whatever somebody typed.
    let verified = claims.get("email_verified").is_some_and(|v| v.as_bool() == Some(true));
    let (name, of) = text.rsplit_once('@')?;
    let ours = verified && of.eq_ignore_ascii_case(domain);
    if ours { users::localpart(name).ok() } else { None }
}

/// Asks the provider of the settings for its keys; how many there are.
///
/// # Errors
/// What is wrong, in English, with the provider's address.
pub(crate) async fn try_provider(settings: &TokenSettings) -> Result<usize> {
    let asked = async { Provider::new(&settings.issuer, &settings.ca)?.refresh().await };
    asked.await.map_err(|fault: Fault| ControlError::invalid("sign_in.oidc_issuer", fault.to_string(), fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn local(claim: &str, claims: Value) -> Option<String> {
        let settings = TokenSettings { claim: claim.to_owned(), ..TokenSettings::default() };
        local_of(claims.as_object().unwrap(), &settings, "example.com")
    }

    #[test]
    fn the_configured_claim_names_the_user() {
        let claims = json!({"sub": "4711", "preferred_username": "Hanako", "email": "h@example.com"});
        assert_eq!(local("sub", claims.clone()).as_deref(), Some("4711"));
        assert_eq!(local("preferred_username", claims.clone()).as_deref(), Some("hanako"));
        assert_eq!(local("preferred_username", json!({"preferred_username": "b@c"})).as_deref(), Some("b\\40c"));
        for none in [json!({}), json!({"sub": 4711}), json!({"sub": ""}), json!({"sub": null}), json!({"sub": ["a"]})] {
            assert_eq!(local("sub", none.clone()), None, "{none}");
        }
    }

    #[test]
    fn a_mail_address_is_ours_and_verified() {
        let mail = |address: &str, verified: Value| local("email", json!({"email": address, "email_verified": verified}));
        assert_eq!(mail("Hanako@Example.com", json!(true)).as_deref(), Some("hanako"));
        assert_eq!(mail("hanako@example.com", json!(false)), None);
        assert_eq!(mail("hanako@example.com", json!("true")), None);
        assert_eq!(mail("hanako@evil.example", json!(true)), None);
        assert_eq!(mail("@example.com", json!(true)), None);
        assert_eq!(local("email", json!({"email": "hanako@example.com"})), None, "nothing says that it is verified");
    }
}
