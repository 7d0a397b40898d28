//! STARTTLS and SASL on the stream (RFC 6120 §5, §6).

use super::{C2s, State, Step};
use crate::sasl::scram::{Challenge, ClientFirst, keys_or_fake};
use crate::sasl::{Authenticated, Failure, Hash, Mechanism, Passwords, Secret, bearer, check_authzid, decode, encode, plain};
use zaiseki_model::sign_in::{Proof, Verdict};
use zaiseki_model::{Credentials, UserId};
use zaiseki_xmpp::jid::{BareJid, prepare_local};
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::StreamErrorCondition;
use zaiseki_xmpp::xml::framer::Stanza;

/// Where a sign-in stands.
pub(super) enum Auth {
    Idle,
    /// `<auth/>` came without an initial response; an empty challenge asked for it.
    Initial(Mechanism),
    /// The shell looks for the user's keys.
    FindForScram {
        who: Who,
        hash: Hash,
        first: ClientFirst,
        binding: Vec<u8>,
    },
    FindForPlain {
        who: Who,
        password: Secret,
    },
    /// The challenge is out; the client's proof is due.
    Proof {
        account: Account,
        challenge: Challenge,
    },
    /// The shell checks the password.
    Check(Account),
    /// The shell has the proof judged elsewhere.
    Verify(Claim),
    /// The client's token was not taken; it has been told why, and its answer is due (RFC 7628 §3.2.3).
    Dismissed,
}

impl Auth {
    pub(super) fn is_waiting(&self) -> bool {
        match self {
            Auth::FindForScram { .. } | Auth::FindForPlain { .. } | Auth::Check(_) | Auth::Verify(_) => true,
            Auth::Idle | Auth::Initial(_) | Auth::Proof { .. } | Auth::Dismissed => false,
        }
    }
}

/// Who the client says it is, and how it will show that.
pub(super) struct Who {
    jid: BareJid,
    mechanism: Mechanism,
}

impl Who {
    /// With the address of the account, where it is another one than the client's name for it.
    fn at(mut self, local: Option<&str>) -> Who {
        if let Some(Ok(jid)) =
            local.filter(|local| *local != self.local()).map(|local| BareJid::new(Some(local), self.jid.domain()))
        {
            self.jid = jid;
        }
        self
    }

    fn local(&self) -> &str {
        self.jid.local().unwrap_or_default()
    }
}

/// What somebody claims who is judged elsewhere.
pub(super) enum Claim {
    /// To be this user.
    Name(Who),
    /// To be the token's user, whose address has to be this one where it is given.
    Token { authzid: Option<String> },
}

/// [`Who`], looked up.
pub(super) struct Account {
    /// As the client said it: failed tries count against that.
    who: Who,
    /// The localpart of the address, which is another one when the client gave the user id.
    address: Option<String>,
    /// `None`: there is no such user, which only the last step shows.
    user: Option<UserId>,
    enabled: bool,
}

impl Account {
    fn new(who: Who, found: Option<&Credentials>) -> Self {
        let address = found.map(|c| c.name.clone());
        Account { who, address, user: found.map(|c| c.user), enabled: found.is_some_and(|c| c.enabled) }
    }
}

impl C2s {
    /// TLS, or the exception for loopback peers.
    pub(super) fn may_sign_in(&self) -> bool {
        self.secure || (self.cfg.clear_text_auth && self.loopback)
    }

    pub(super) fn can_start_tls(&self) -> bool {
        self.cfg.starttls && !self.secure && self.framing == super::Framing::Tcp
    }

    pub(super) fn offers(&self, mechanism: Mechanism) -> bool {
        let plus = matches!(mechanism, Mechanism::Scram { plus: true, .. });
        self.may_sign_in() && self.offers.hold(mechanism) && (!plus || self.tls.as_deref().is_some_and(|tls| tls.can_bind()))
    }

    /// A frame before sign-in: only STARTTLS and SASL are allowed (RFC 6120 §4.9.3.12).
    pub(super) fn negotiate(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        let State::Negotiating(auth) = &mut self.state else { return Step::More };
        if auth.is_waiting() {
            return self.fail(StreamErrorCondition::PolicyViolation, Some("wait for the answer"), out);
        }
        match (stanza.ns(), stanza.name()) {
            (ns::TLS, "starttls") => self.start_tls(out),
            (ns::SASL, "auth") => self.auth(stanza, out),
            (ns::SASL, "response") => self.response(stanza, out),
            (ns::SASL, "abort") => self.refuse(Failure::Aborted, out),
            (ns::SASL, _) => self.refuse(Failure::MalformedRequest, out),
            _ => self.fail(StreamErrorCondition::NotAuthorized, None, out),
        }
    }

    fn start_tls(&mut self, out: &mut Vec<u8>) -> Step {
        if !self.can_start_tls() {
            // RFC 6120 §5.4.2.2
            self.write_element(&format!("<failure xmlns='{}'/>", ns::TLS), out);
            self.close(out);
            return Step::Close;
        }
        self.write_element(&format!("<proceed xmlns='{}'/>", ns::TLS), out);
        self.state = State::StartingTls;
        Step::StartTls
    }

    fn auth(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        if !self.may_sign_in() {
            return self.refuse(Failure::EncryptionRequired, out);
        }
        if !matches!(&self.state, State::Negotiating(auth) if matches!(**auth, Auth::Idle)) {
            return self.refuse(Failure::MalformedRequest, out);
        }
        let mechanism = stanza.attr("mechanism").and_then(|name| Mechanism::parse(&name));
        let Some(mechanism) = mechanism.filter(|m| self.offers(*m)) else {
            return self.refuse(Failure::InvalidMechanism, out);
        };
        match text_of(stanza) {
            Ok(text) if text.is_empty() => {
                self.state = State::Negotiating(Box::new(Auth::Initial(mechanism)));
                self.write_element(&format!("<challenge xmlns='{}'/>", ns::SASL), out);
                Step::More
            }
            Ok(text) => self.initial(mechanism, decode(&text), out),
            Err(failure) => self.refuse(failure, out),
        }
    }

    fn response(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        let data = text_of(stanza).and_then(|text| decode(&text));
        match self.take_auth() {
            Auth::Initial(mechanism) => self.initial(mechanism, data, out),
            Auth::Proof { account, challenge } => match data.and_then(|data| challenge.verify(&data)) {
                Ok(last) => self.finish(account, Some(&last), out),
                Err(Failure::NotAuthorized) => self.refuse_user(Failure::NotAuthorized, account.who.local(), out),
                Err(failure) => self.refuse(failure, out),
            },
            Auth::Dismissed => self.refuse(Failure::NotAuthorized, out),
            _ => self.refuse(Failure::MalformedRequest, out),
        }
    }

    /// The client's first message.
    fn initial(&mut self, mechanism: Mechanism, data: Result<Vec<u8>, Failure>, out: &mut Vec<u8>) -> Step {
        let next = data.and_then(|data| match mechanism {
            Mechanism::Scram { hash, plus } => self.first_of_scram(mechanism, hash, plus, &data),
            Mechanism::Plain => self.first_of_plain(&data),
            Mechanism::OAuthBearer => first_of_bearer(&data),
        });
        match next {
            // The client has no token and asks where to get one.
            Ok((Step::Verify(Proof::Token(token)), _)) if token.is_empty() => self.dismiss(out),
            Ok((step, auth)) => {
                self.state = State::Negotiating(Box::new(auth));
                step
            }
            Err(failure @ (Failure::NotAuthorized | Failure::InvalidAuthzid)) if mechanism == Mechanism::Plain => {
                self.refuse_user(failure, "", out)
            }
            // SCRAM's first message guesses no password: a binding that can't be checked, as from clients that know only
            // tls-unique, must not count against an office's address.
            Err(failure) => self.refuse(failure, out),
        }
    }

    fn first_of_scram(&self, mechanism: Mechanism, hash: Hash, plus: bool, data: &[u8]) -> Result<(Step, Auth), Failure> {
        let first = ClientFirst::parse(data)?;
        let binding = first.check_binding(plus, self.tls.as_deref())?;
        let who = self.who(mechanism, &first.username, first.authzid.as_deref())?;
        Ok((Step::FindCredentials { local: who.local().to_owned() }, Auth::FindForScram { who, hash, first, binding }))
    }

    fn first_of_plain(&self, data: &[u8]) -> Result<(Step, Auth), Failure> {
        let message = plain::Message::parse(data)?;
        let who = self.who(Mechanism::Plain, &message.authcid, Some(&message.authzid))?;
        let local = who.local().to_owned();
        if self.offers.plain == Passwords::Elsewhere {
            let proof = Proof::Password { local, password: message.password.expose().to_owned() };
            return Ok((Step::Verify(proof), Auth::Verify(Claim::Name(who))));
        }
        Ok((Step::FindCredentials { local }, Auth::FindForPlain { who, password: message.password }))
    }

    /// The simple user name is the localpart (RFC 6120 §6.3.7). One that can't be a localpart belongs to nobody.
    fn who(&self, mechanism: Mechanism, username: &str, authzid: Option<&str>) -> Result<Who, Failure> {
        let local = prepare_local(username).map_err(|_| Failure::NotAuthorized)?;
        let jid = BareJid::new(Some(&local), self.cfg.domain.as_str()).map_err(|_| Failure::NotAuthorized)?;
        check_authzid(authzid, &jid)?;
        Ok(Who { jid, mechanism })
    }

    /// The answer to [`Step::FindCredentials`]. `None`: there is no such user; the exchange goes on all the same.
    pub fn credentials(&mut self, found: Option<Credentials>, out: &mut Vec<u8>) -> Step {
        match self.take_auth() {
            Auth::FindForScram { who, hash, first, binding } => {
                let keys = keys_or_fake(found.as_ref(), hash, who.local(), &self.cfg.server_secret);
                let (challenge, message) = Challenge::new(first, &binding, hash, keys, &self.server_nonce());
                let account = Account::new(who, found.as_ref());
                self.state = State::Negotiating(Box::new(Auth::Proof { account, challenge }));
                self.write_element(&format!("<challenge xmlns='{}'>{}</challenge>", ns::SASL, encode(message)), out);
                Step::More
            }
            Auth::FindForPlain { who, password } => {
                let account = Account::new(who, found.as_ref());
                let credentials = self.checkable(found, account.who.local());
                self.state = State::Negotiating(Box::new(Auth::Check(account)));
                Step::CheckPassword { credentials, password }
            }
            other => self.put_back(other),
        }
    }

    /// Credentials that take as long to check for nobody as for a user.
    fn checkable(&self, found: Option<Credentials>, local: &str) -> Credentials {
        let mut credentials =
            found.unwrap_or(Credentials { user: UserId([0; 16]), name: String::new(), enabled: false, sha256: None, sha1: None });
        if credentials.sha256.is_none() && credentials.sha1.is_none() {
            credentials.sha256 = Some(keys_or_fake(None, Hash::Sha256, local, &self.cfg.server_secret));
        }
        credentials
    }

    /// The answer to [`Step::CheckPassword`].
    pub fn password_checked(&mut self, ok: bool, out: &mut Vec<u8>) -> Step {
        match self.take_auth() {
            Auth::Check(account) if ok => self.finish(account, None, out),
            Auth::Check(account) => self.refuse_user(Failure::NotAuthorized, account.who.local(), out),
            other => self.put_back(other),
        }
    }

    /// The answer to [`Step::Verify`].
    pub fn verified(&mut self, verdict: Verdict, out: &mut Vec<u8>) -> Step {
        match (self.take_auth(), verdict) {
            (Auth::Verify(claim), Verdict::User { user, claimed, local, enabled }) => match self.claimant(claim, &claimed) {
                Ok(who) => self.finish(Account { who, address: Some(local), user: Some(user), enabled }, None, out),
                Err(failure) => self.refuse(failure, out),
            },
            (Auth::Verify(Claim::Name(who)), Verdict::Refused | Verdict::Expired) => {
                self.refuse_user(Failure::NotAuthorized, who.local(), out)
            }
            (Auth::Verify(Claim::Token { .. }), Verdict::Refused | Verdict::Expired) => self.dismiss(out),
            (Auth::Verify(_), Verdict::Unavailable) => self.refuse(Failure::TemporaryAuthFailure, out),
            (other, _) => self.put_back(other),
        }
    }

    /// Whose the claim is, now that it is proven to be that of `claimed`.
    fn claimant(&self, claim: Claim, claimed: &str) -> Result<Who, Failure> {
        match claim {
            Claim::Name(who) if who.local() == claimed => Ok(who),
            Claim::Name(_) => Err(Failure::NotAuthorized),
            Claim::Token { authzid } => self.who(Mechanism::OAuthBearer, claimed, authzid.as_deref()),
        }
    }

    /// Tells the client why its token is not taken; the failure itself follows its answer (RFC 7628 §3.2.2, §3.2.3).
    /// Whoever judged the token has counted the failure already; a question where to get one is none.
    fn dismiss(&mut self, out: &mut Vec<u8>) -> Step {
        let Some(configuration) = self.offers.bearer.as_deref() else { return self.refuse(Failure::NotAuthorized, out) };
        let why = encode(bearer::refusal(configuration));
        self.state = State::Negotiating(Box::new(Auth::Dismissed));
        self.write_element(&format!("<challenge xmlns='{}'>{why}</challenge>", ns::SASL), out);
        Step::More
    }

    /// The other answer to [`Step::FindCredentials`], [`Step::Verify`] and [`Step::CheckPassword`]: it can't be told just now, or the
    /// account or the peer's address is throttled. Nothing tells whether the user exists.
    pub fn auth_unavailable(&mut self, out: &mut Vec<u8>) -> Step {
        match self.take_auth() {
            auth if auth.is_waiting() => self.refuse(Failure::TemporaryAuthFailure, out),
            other => self.put_back(other),
        }
    }

    /// The client proved that it knows the password. `last`: additional data with success (RFC 6120 §6.3.10).
    fn finish(&mut self, account: Account, last: Option<&str>, out: &mut Vec<u8>) -> Step {
        let Account { who, address, user, enabled } = account;
        let Some(user) = user else { return self.refuse_user(Failure::NotAuthorized, who.local(), out) };
        if !enabled {
            return self.refuse_user(Failure::AccountDisabled, who.local(), out);
        }
        let who = who.at(address.as_deref());
        self.user = Some(Box::new(Authenticated::new(user, who.jid, who.mechanism)));
        self.tls = None;
        self.restart();
        let data = last.map(encode).unwrap_or_default();
        self.write_element(&format!("<success xmlns='{}'>{data}</success>", ns::SASL), out);
        Step::Authenticated
    }

    /// Ends the exchange with a failure; the last try allowed ends the stream too.
    fn refuse(&mut self, failure: Failure, out: &mut Vec<u8>) -> Step {
        self.state = State::Negotiating(Box::new(Auth::Idle));
        self.write_sasl_failure(failure, out);
        self.tries = self.tries.saturating_add(1);
        if self.tries >= self.cfg.max_auth_tries {
            return self.fail(StreamErrorCondition::PolicyViolation, Some("too many failed sign-ins"), out);
        }
        Step::More
    }

    /// [`C2s::refuse`] for wrong credentials.
    fn refuse_user(&mut self, failure: Failure, local: &str, out: &mut Vec<u8>) -> Step {
        self.refuse(failure, out);
        Step::AuthFailed { local: local.to_owned() }
    }

    /// Another one for each try on the stream, so that an earlier exchange proves nothing later.
    fn server_nonce(&self) -> String {
        let mut data = self.nonce.to_vec();
        data.push(self.tries);
        encode(&Hash::Sha256.hmac(&self.cfg.server_secret, &data).as_ref()[..18])
    }

    fn take_auth(&mut self) -> Auth {
        match &mut self.state {
            State::Negotiating(auth) => std::mem::replace(&mut **auth, Auth::Idle),
            _ => Auth::Idle,
        }
    }

    /// An answer that nobody asked for changes nothing.
    fn put_back(&mut self, auth: Auth) -> Step {
        match &mut self.state {
            State::Negotiating(slot) => **slot = auth,
            State::Closed => return Step::Close,
            _ => {}
        }
        Step::More
    }
}

fn first_of_bearer(data: &[u8]) -> Result<(Step, Auth), Failure> {
    let bearer::Message { authzid, token } = bearer::Message::parse(data)?;
    Ok((Step::Verify(Proof::Token(token)), Auth::Verify(Claim::Token { authzid })))
}

/// The character data of an `<auth/>` or `<response/>`; children have no place there.
fn text_of(stanza: &Stanza) -> Result<String, Failure> {
    let element = stanza.element().map_err(|_| Failure::MalformedRequest)?;
    match element.children().next() {
        None => Ok(element.text()),
        Some(_) => Err(Failure::MalformedRequest),
    }
}
