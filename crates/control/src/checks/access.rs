//! Administrators.

use super::run::block_on;
use super::{Check, Finding, alone};
use crate::access::Role;
use crate::app::App;
use crate::app::admins::{self, AdminView};
use crate::app::provider::{self, ProviderConfig};
use crate::error::Result;
use crate::text::Text;

pub(super) const ADMINISTRATOR: Check = Check {
    section: "administrators",
    id: "administrators.exist",
    title: || Text::new("Somebody who administers", "管理者の有無"),
    why: || Text::new("somebody must be able to change everything", "すべてを変更できる人が必要です"),
    link: Some("/console/administrators"),
    subjects: alone,
    run: |app, _| Ok(vec![administrator(&able(app)?)]),
};

pub(super) const SECOND_FACTOR: Check = Check {
    section: "administrators",
    id: "administrators.second-factor",
    title: || Text::new("Second factor", "2 段階認証"),
    why: || {
        Text::new(
            "a stolen password alone must not open the administration",
            "パスワードが盗まれただけで管理画面に入れてはなりません",
        )
    },
    link: Some("/console/administrators"),
    subjects: alone,
    run: |app, _| Ok(vec![second_factor(&able(app)?)]),
};

pub(super) const PROVIDER: Check = Check {
    section: "administrators",
    id: "administrators.provider",
    title: || Text::new("OpenID provider of administrators", "管理者の OpenID プロバイダー"),
    why: || {
        Text::new(
            "administrators who sign in by the provider cannot while it does not answer",
            "プロバイダーが応答しない間、プロバイダーでサインインする管理者はサインインできません",
        )
    },
    link: Some("/console/admin-sign-in"),
    subjects: alone,
    run: |app, _| Ok(vec![asked(app)?]),
};

/// Asks the provider, when there is one.
fn asked(app: &App) -> Result<Finding> {
    let config = provider::show(app)?.config;
    if config.issuer.is_empty() {
        return Ok(Finding::passed(Text::new("not used", "使われていません")));
    }
    let found = block_on(provider::prepare_test(app)?.run())?;
    if found.passed {
        return Ok(Finding::passed(found.seen));
    }
    let named = |seen: &str| if seen.contains(&config.issuer) { seen.to_owned() } else { format!("{}: {seen}", config.issuer) };
    Ok(silent(&config, Text::new(named(&found.seen.en), named(&found.seen.ja))))
}

/// How bad it is that the provider does not do its part.
fn silent(config: &ProviderConfig, seen: Text) -> Finding {
    let look = Text::new(
        "check the issuer's address and certificate authority, and that this machine may reach it",
        "プロバイダーのアドレスと認証局、このマシンから接続できることを確認してください",
    );
    if !config.enabled {
        return Finding::warning(seen, look);
    }
    if config.local_sign_in {
        let en = format!("{}; until then administrators with a password sign in by it", look.en);
        return Finding::failed(
            seen,
            Text::new(en, format!("{}。それまではパスワードのある管理者だけがサインインできます", look.ja)),
        );
    }
    let en = format!("{}; nobody can sign in until then, but for `zaiseki admin reset NAME` on the host", look.en);
    let ja = format!("{}。それまでは誰もサインインできません (ホストでの zaiseki admin reset NAME を除く)", look.ja);
    Finding::failed(seen, Text::new(en, ja))
}

/// Those who may sign in and change everything.
fn able(app: &App) -> Result<Vec<AdminView>> {
    let mut all = admins::list(app)?;
    all.retain(|admin| admin.enabled && admin.password && admin.role == Role::Administrator);
    Ok(all)
}

fn administrator(able: &[AdminView]) -> Finding {
    let count = able.len();
    let seen = Text::new(format!("administrators who can sign in: {count}"), format!("サインインできる管理者: {count}"));
    match count {
        0 => Finding::failed(seen, make_one()),
        _ => Finding::passed(seen),
    }
}

fn make_one() -> Text {
    Text::new(
        "if there is none at all, use the set-up link in the log; else enable one and give a password",
        "1 人もいなければログの初期設定リンクを使い、いれば有効にしてパスワードを設定してください",
    )
}

fn second_factor(able: &[AdminView]) -> Finding {
    let without: Vec<_> = able.iter().filter(|admin| !admin.second_factor).map(|admin| admin.name.as_str()).collect();
    if without.is_empty() {
        return Finding::passed(Text::new("no administrator is without one", "2 段階認証のない管理者はいません"));
    }
    let names = without.join(", ");
    let seen = Text::new(format!("without a second factor: {names}"), format!("2 段階認証なし: {names}"));
    Finding::warning(seen, Text::new("let them set one up in their account", "各自のアカウントで設定してもらってください"))
}
