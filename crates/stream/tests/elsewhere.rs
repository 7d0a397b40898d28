//! Sign-in by others' word: passwords of a directory, tokens of a provider (RFC 7628).

mod talk;

use talk::*;
use zaiseki_model::UserId;
use zaiseki_model::sign_in::Verdict;
use zaiseki_stream::c2s::Phase;
use zaiseki_stream::sasl::{Offers, Passwords};

const CONFIGURATION: &str = "https://id.example.org/.well-known/openid-configuration";

fn directory(scram: bool) -> Talk {
    Talk::offering(Offers { scram, plain: Passwords::Elsewhere, bearer: None })
}

fn provider() -> Talk {
    Talk::offering(Offers { scram: false, plain: Passwords::No, bearer: Some(CONFIGURATION.into()) })
}

fn anna(enabled: bool) -> Verdict {
    Verdict::User { user: UserId([1; 16]), claimed: "anna".to_owned(), local: "anna".to_owned(), enabled }
}

fn bearer(authzid: &str, token: &str) -> String {
    auth("OAUTHBEARER", format!("n,{authzid},\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

#[test]
fn only_what_can_be_checked_is_offered() {
    let talk = directory(false);
    assert!(talk.said.contains("<mechanism>PLAIN</mechanism>"), "{}", talk.said);
    assert!(!talk.said.contains("SCRAM") && !talk.said.contains("sasl-channel-binding"), "{}", talk.said);
    assert!(directory(true).said.contains("SCRAM-SHA-256-PLUS"));
    let talk = provider();
    assert!(talk.said.contains("<mechanism>OAUTHBEARER</mechanism>"), "{}", talk.said);
    assert_eq!(talk.said.matches("<mechanism>").count(), 1);
    for (mut talk, mechanism) in [(directory(false), "SCRAM-SHA-1"), (directory(true), "OAUTHBEARER"), (provider(), "PLAIN")] {
        assert_eq!(talk.say(&auth(mechanism, "n,,n=anna,r=x")), failure("invalid-mechanism"), "{mechanism}");
    }
}

#[test]
fn a_password_is_judged_elsewhere() {
    let mut talk = directory(false);
    assert_eq!(talk.say(&plain("anna", "wrong")), failure("not-authorized"));
    assert_eq!(talk.steps(), "verify(anna,wrong) failed(anna)");
    talk.verdict = Verdict::Unavailable;
    assert_eq!(talk.say(&plain("anna", "secret")), failure("temporary-auth-failure"));
    assert_eq!(talk.steps(), "verify(anna,secret)", "nobody guessed");
    talk.verdict = anna(true);
    assert!(talk.say(&plain("Anna", "secret")).starts_with("<success"));
    assert_eq!(talk.steps(), "verify(anna,secret) authenticated");
    assert_eq!((talk.c2s.user().unwrap().user(), talk.c2s.phase()), (UserId([1; 16]), Phase::Authenticated));
}

#[test]
fn a_disabled_user_hears_so_after_the_right_password_only() {
    let mut talk = directory(false);
    talk.verdict = anna(false);
    assert_eq!(talk.say(&plain("anna", "secret")), failure("account-disabled"));
    // The address is another one than the name that was judged, when that is the user id.
    let (claimed, local) = ("anna".to_owned(), "a.smith".to_owned());
    let mut by_id = directory(false);
    by_id.verdict = Verdict::User { user: UserId([1; 16]), claimed, local, enabled: true };
    assert!(by_id.say(&plain("anna", "secret")).starts_with("<success"));
    assert_eq!(by_id.c2s.user().unwrap().local(), "a.smith");
    // A verdict about somebody else is none.
    talk.verdict = anna(true);
    assert_eq!(talk.say(&plain("ben", "secret")), failure("not-authorized"));
}

#[test]
fn a_password_that_is_empty_is_never_asked_about() {
    // RFC 4513 §5.1.2: a bind without a password succeeds, and proves nothing.
    let mut talk = directory(false);
    talk.verdict = anna(true);
    assert_eq!(talk.say(&plain("anna", "")), failure("malformed-request"));
    assert_eq!(talk.steps(), "");
}

#[test]
fn a_token_says_itself_whose_it_is() {
    for authzid in ["", "a=anna@example.org"] {
        let mut talk = provider();
        talk.verdict = anna(true);
        assert!(talk.say(&bearer(authzid, "x.y.z")).starts_with("<success"), "{authzid}");
        assert_eq!(talk.steps(), "verify(x.y.z) authenticated");
        assert_eq!(talk.c2s.user().unwrap().jid().as_str(), "anna@example.org");
    }
    let mut talk = provider();
    talk.verdict = anna(true);
    assert_eq!(talk.say(&bearer("a=ben@example.org", "x.y.z")), failure("invalid-authzid"));
}

#[test]
fn a_refused_token_is_answered_in_two_steps() {
    let mut talk = provider();
    let why = format!(r#"{{"status":"invalid_token","scope":"openid","openid-configuration":"{CONFIGURATION}"}}"#);
    let told = format!("<challenge xmlns='{SASL}'>{}</challenge>", base64(&why));
    assert_eq!(talk.say(&bearer("", "x.y.z")), told);
    assert_eq!(talk.say(&response("\u{1}")), failure("not-authorized"));
    assert_eq!(talk.steps(), "verify(x.y.z)", "it counts against nobody");
    // Without a token the client asks where to get one.
    assert_eq!(talk.say(&auth("OAUTHBEARER", "n,,\u{1}auth=\u{1}\u{1}")), told);
    assert_eq!(talk.say(&format!("<abort xmlns='{SASL}'/>")), failure("aborted"));
    assert_eq!(talk.steps(), "");
}
