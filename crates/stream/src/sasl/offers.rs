//! Which mechanisms a stream offers. They follow from the domain's settings alone: nothing in them depends on a user, whose
//! name is not known yet and whose existence they must not tell.

use super::Mechanism;
use std::sync::Arc;
use zaiseki_model::sign_in::{SignInMode, SignInSettings};

/// What is offered to everybody, where mechanisms may be offered at all (TLS).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offers {
    /// The database holds keys to prove a password by.
    pub scram: bool,
    pub plain: Passwords,
    /// Access tokens (RFC 7628); the address of the provider's configuration, which is told to clients without a token.
    pub bearer: Option<Arc<str>>,
}

/// Where the password of PLAIN is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passwords {
    /// Nowhere: PLAIN is not offered.
    No,
    /// By the keys of the database.
    Here,
    /// By somebody the shell asks.
    Elsewhere,
}

impl Default for Offers {
    fn default() -> Self {
        Offers { scram: true, plain: Passwords::Here, bearer: None }
    }
}

impl Offers {
    pub fn of(settings: &SignInSettings) -> Offers {
        match settings.mode {
            SignInMode::Local => Offers::default(),
            SignInMode::Ldap => Offers { scram: !settings.keep_keys.is_zero(), plain: Passwords::Elsewhere, bearer: None },
            SignInMode::Oidc => {
                let issuer = settings.oidc.issuer.trim_end_matches('/');
                let configuration = format!("{issuer}/.well-known/openid-configuration");
                Offers { scram: false, plain: Passwords::No, bearer: Some(configuration.into()) }
            }
        }
    }

    pub(crate) fn hold(&self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Scram { .. } => self.scram,
            Mechanism::Plain => self.plain != Passwords::No,
            Mechanism::OAuthBearer => self.bearer.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn held(settings: &SignInSettings) -> Vec<&'static str> {
        let offers = Offers::of(settings);
        Mechanism::ALL.into_iter().filter(|mechanism| offers.hold(*mechanism)).map(Mechanism::as_str).collect()
    }

    #[test]
    fn each_mode_offers_what_it_can_check() {
        let mut settings = SignInSettings::default();
        assert_eq!(held(&settings).len(), 5, "all but tokens");
        settings.mode = SignInMode::Ldap;
        assert_eq!(held(&settings), ["PLAIN"]);
        settings.keep_keys = Duration::from_secs(3_600);
        assert_eq!(held(&settings).len(), 5);
        settings.mode = SignInMode::Oidc;
        settings.oidc.issuer = "https://id.example.com/".to_owned();
        assert_eq!(held(&settings), ["OAUTHBEARER"]);
        let configuration = Offers::of(&settings).bearer;
        assert_eq!(configuration.as_deref(), Some("https://id.example.com/.well-known/openid-configuration"));
    }
}
