//! Administrators.

use super::{Check, Finding, alone};
use crate::access::Role;
use crate::app::App;
use crate::app::admins::{self, AdminView};
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
        return Finding::passed(Text::new("no administrator is without one", "2 要素認証のない管理者はいません"));
    }
    let names = without.join(", ");
    let seen = Text::new(format!("without a second factor: {names}"), format!("2 要素認証なし: {names}"));
    Finding::warning(seen, Text::new("let them set one up in their account", "各自のアカウントで設定してもらってください"))
}
