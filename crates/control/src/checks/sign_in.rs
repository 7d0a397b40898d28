//! Sign-in of users: who is asked about them.

use super::run::block_on as waited;
use super::{Check, Finding, alone};
use crate::app::App;
use crate::app::directories;
use crate::error::Result;
use crate::sign_in::try_provider;
use crate::text::Text;
use zaiseki_model::sign_in::SignInMode;

pub(super) const LDAP: Check = Check {
    section: "sign-in",
    id: "sign-in.ldap",
    title: || Text::new("Passwords in directories", "ディレクトリーのパスワード"),
    why: || {
        Text::new(
            "users whose passwords are in a directory sign in only while it answers",
            "パスワードがディレクトリーにあるユーザーは、ディレクトリーが応答する間だけサインインできます",
        )
    },
    link: Some("/console/user-sign-in"),
    subjects: alone,
    run: |app, _| Ok(vec![ldap(app)?]),
};

pub(super) const OIDC: Check = Check {
    section: "sign-in",
    id: "sign-in.oidc",
    title: || Text::new("OpenID provider", "OpenID プロバイダー"),
    why: || {
        Text::new(
            "without the provider's keys nobody's token can be believed",
            "プロバイダーの鍵がなければトークンを検証できません",
        )
    },
    link: Some("/console/user-sign-in"),
    subjects: alone,
    run: |app, _| Ok(vec![oidc(app)?]),
};

/// Not this way of signing in.
fn unused() -> Finding {
    Finding::passed(Text::new("not used", "使われていません"))
}

fn ldap(app: &App) -> Result<Finding> {
    if app.settings().borrow().sign_in.mode != SignInMode::Ldap {
        return Ok(unused());
    }
    let names: Vec<String> = directories::list(app)?.into_iter().filter(|one| one.kind == "ldap").map(|one| one.name).collect();
    if names.is_empty() {
        let seen = Text::new("there is no LDAP directory", "LDAP ディレクトリーがありません");
        return Ok(Finding::failed(seen, Text::new("add one, or choose another mode", "追加するか、別の方式を選んでください")));
    }
    let mut wrong = Vec::new();
    for name in &names {
        let test = directories::prepare_test(app, name)?;
        let findings = waited(test.run())?;
        // Whoever reads users has signed in; what they may read is the directory's own check.
        let bad = findings.into_iter().filter(|f| !f.passed && matches!(f.name.as_str(), "connect" | "tls" | "sign-in"));
        wrong.extend(bad.map(|finding| format!("{name}: {}: {}", finding.server, finding.seen)));
    }
    if wrong.is_empty() {
        let names = names.join(", ");
        return Ok(Finding::passed(Text::new(
            format!("every server answers: {names}"),
            format!("すべてのサーバーが応答: {names}"),
        )));
    }
    let todo = Text::new("test the directory on its page", "ディレクトリーのページでテストしてください");
    Ok(Finding::failed(Text::plain(wrong.join("; ")), todo))
}

fn oidc(app: &App) -> Result<Finding> {
    let settings = app.settings().borrow().sign_in.clone();
    if settings.mode != SignInMode::Oidc {
        return Ok(unused());
    }
    let issuer = &settings.oidc.issuer;
    Ok(match waited(try_provider(&settings.oidc))? {
        Ok(count) => Finding::passed(Text::new(format!("{issuer}: {count} keys"), format!("{issuer}: 鍵 {count} 個"))),
        Err(error) => {
            let todo = Text::new(
                "check the issuer's address and certificate authority, and that this machine may reach it",
                "プロバイダーのアドレスと認証局、このマシンから接続できることを確認してください",
            );
            Finding::failed(error.text(), todo)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::settings;
    use crate::app::tests::Fixture;
    use crate::checks::Outcome;
    use serde_json::{Value, json};

    fn set(fixture: &Fixture, changes: Value) {
        settings::put(&fixture.app, "tester", &serde_json::from_value(changes).unwrap()).unwrap();
    }

    #[test]
    fn only_the_mode_in_use_is_checked() {
        let fixture = Fixture::new();
        let outcomes = |fixture: &Fixture| (ldap(&fixture.app).unwrap().outcome, oidc(&fixture.app).unwrap().outcome);
        assert_eq!(outcomes(&fixture), (Outcome::Passed, Outcome::Passed));
        set(&fixture, json!({"sign_in.mode": "ldap"}));
        assert_eq!(outcomes(&fixture), (Outcome::Failed, Outcome::Passed), "no directory");
        let nowhere = json!({"sign_in.mode": "oidc", "sign_in.oidc_issuer": "http://127.0.0.1:1", "sign_in.oidc_audience": "x"});
        set(&fixture, nowhere);
        assert_eq!(outcomes(&fixture), (Outcome::Passed, Outcome::Failed), "nobody answers");
    }
}
