//! What directories and their self-tests say, in the administrator's languages: what was seen, and what to do. What the system
//! or the other side said stays in its own words.

use crate::reasons;
use crate::text::Text;
use zaiseki_model::directory::{Cause, NotReached, SourceSeen, Unfit, UserSourceError};

/// What a step of the self-test saw.
pub fn seen(seen: &SourceSeen) -> Text {
    match seen {
        SourceSeen::Connected => Text::new("it answers", "応答しています"),
        SourceSeen::Trusted => Text::new("the certificate is trusted", "証明書は信頼できます"),
        SourceSeen::Account(name) if name.is_empty() => Text::new("anonymous access", "匿名アクセス"),
        SourceSeen::Account(name) => Text::new(format!("signed in as {name}"), format!("{name} としてサインインしました")),
        SourceSeen::Product(name) => Text::plain(name),
        SourceSeen::Base(base) => Text::plain(base),
        SourceSeen::Users(names) => {
            let names = names.join(", ");
            Text::new(format!("the first are {names}"), format!("先頭のユーザー: {names}"))
        }
        SourceSeen::Others(read) => Text::new(
            format!("none of the first {read} is one whom this directory reads"),
            format!("先頭の {read} 人の中に、このディレクトリーの対象となるユーザーはいません"),
        ),
        SourceSeen::NobodyMatches => Text::new("no entry matches", "条件に合うエントリーがありません"),
        SourceSeen::NobodyVisible => Text::new(
            "the cluster has no users, or the account may not see them",
            "クラスターにユーザーがいないか、アカウントに参照権限がありません",
        ),
        SourceSeen::Unusable(entry) => {
            let why = unfit(&entry.why);
            Text::new(format!("{}: {}", entry.place, why.en), format!("{}: {}", entry.place, why.ja))
        }
        SourceSeen::NotReached(why) => not_reached(why),
        SourceSeen::Failed(error) => source(error),
    }
}

/// A step of the self-test, by its name.
pub fn step(name: &str) -> Text {
    match name {
        "connect" => Text::new("Connection", "接続"),
        "tls" => Text::plain("TLS"),
        "sign-in" => Text::new("Sign-in", "サインイン"),
        "base" => Text::new("Search base", "検索ベース"),
        "users" => Text::new("Users", "ユーザー"),
        other => Text::plain(other),
    }
}

/// What to do when this step of the self-test failed.
pub fn advice(name: &str) -> Text {
    match name {
        "connect" => Text::new(
            "check the server's name and port, and that this machine may reach it",
            "サーバー名とポート、このマシンから接続できることを確認してください",
        ),
        "tls" => Text::new(
            "give the certificate authority of the server (ca), and name the server as its certificate does; for Unified CM, its certificate will do (certificate)",
            "サーバーの認証局 (ca) を設定し、証明書と同じサーバー名を使ってください。Unified CM では証明書そのもの (certificate) も使えます",
        ),
        "sign-in" => Text::new(
            "check the account (LDAP: the bind DN; Unified CM: an application user who may use AXL) and its password",
            "アカウント (LDAP はバインド DN、Unified CM は AXL を使えるアプリケーションユーザー) とパスワードを確認してください",
        ),
        "base" => Text::new(
            "check the search base and filter, and that the account may read there",
            "検索ベースとフィルター、アカウントの読み取り権限を確認してください",
        ),
        _ => Text::new(
            "check which users are read (LDAP: the filter and the attributes for key and user id; Unified CM: users)",
            "取得するユーザーの条件 (LDAP はフィルターとキー・ユーザー ID の属性、Unified CM は users) を確認してください",
        ),
    }
}

/// Why there is no answer, and what to do.
pub fn failure(error: &UserSourceError) -> Text {
    let advice = match error {
        UserSourceError::Config { .. } => return source(error),
        UserSourceError::Unreachable(_) => Text::new(
            "Check names, ports and certificates; it is tried again later",
            "サーバー名、ポート、証明書を確認してください。次回の同期で再試行します",
        ),
        UserSourceError::Auth { .. } => {
            Text::new("Check the bind DN and its password", "バインド DN とパスワードを確認してください")
        }
        UserSourceError::Refused { .. } => {
            Text::new("Check search base, filter and permissions", "検索ベース、フィルター、権限を確認してください")
        }
        UserSourceError::Incomplete { .. } => {
            Text::new("Nothing was changed; it is tried again later", "何も変更していません。次回の同期で再試行します")
        }
        UserSourceError::Malformed { .. } => Text::new("Nothing was changed", "何も変更していません"),
        UserSourceError::TooMany { .. } => {
            Text::new("Divide it by search base or filter", "検索ベースかフィルターで分けてください")
        }
    };
    let what = source(error);
    Text::new(format!("{}. {}", what.en, advice.en), format!("{}。{}", what.ja, advice.ja))
}

/// Why there is no answer.
pub fn source(error: &UserSourceError) -> Text {
    let ja = match error {
        UserSourceError::Config { key, why } => format!("設定 {key} を使えません: {}", reasons::ja(why)),
        UserSourceError::Unreachable(servers) => {
            let servers: Vec<String> = servers.iter().map(|server| not_reached(server).ja).collect();
            format!("どのサーバーにも接続できません: {}", servers.join("; "))
        }
        UserSourceError::Auth { server, why } => format!("{server} がアカウントを拒否しました: {why}"),
        UserSourceError::Refused { server, why } => format!("{server} が要求を拒否しました: {why}"),
        UserSourceError::Incomplete { server, why } => format!("{server} からの応答が不完全です: {why}"),
        UserSourceError::Malformed { server, why } => format!("{server} からの応答を理解できません: {why}"),
        UserSourceError::TooMany { server, limit } => {
            format!("{server} にはこのディレクトリーのエントリーが {limit} 件を超えてあります")
        }
    };
    Text::new(error.to_string(), ja)
}

/// Why an entry cannot be a user.
pub fn unfit(why: &Unfit) -> Text {
    let ja = match why {
        Unfit::Without(it) => format!("{it} がありません"),
        Unfit::NotOne(it) => format!("{it} の値が 1 つではありません"),
        Unfit::Silent(it) => format!("{it} の値が返されませんでした"),
        Unfit::Unclear(it) => format!("{it} の値を理解できません"),
        Unfit::Twice(it) => format!("{it} が別のエントリーと重複しています"),
        Unfit::UserId(it) => format!("ユーザー ID をアドレスに使えません: {it}"),
    };
    Text::new(why.to_string(), ja)
}

/// Why one server was not reached.
fn not_reached(one: &NotReached) -> Text {
    let cause = match one.cause {
        Cause::Address => "使えるアドレスではありません",
        Cause::Name => "名前を解決できません",
        Cause::Blocked => "このアドレスへの接続は禁止されています",
        Cause::NoConnection => "接続できません",
        Cause::Silent => "時間内に応答がありません",
        Cause::StartTls => "サーバーが StartTLS を拒否しました",
        Cause::Tls => "TLS に失敗しました",
        Cause::Trust => "信頼する証明書を使えません",
        Cause::Broken => "接続が切れました",
        Cause::Busy => "サーバーが混み合っています",
        Cause::Answer => "応答を使えません",
    };
    let why = if one.why.is_empty() { String::new() } else { format!(" ({})", reasons::ja(&one.why)) };
    Text::new(one.to_string(), format!("{}: {cause}{why}", one.server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_are_not_reached_are_told_in_both_languages() {
        let one = |server: &str, cause, why: &str| NotReached { server: server.to_owned(), cause, why: why.to_owned() };
        let away = vec![one("a:389", Cause::NoConnection, "refused by 192.0.2.1"), one("b:389", Cause::Silent, "")];
        let text = failure(&UserSourceError::Unreachable(away));
        for said in [&text.en, &text.ja] {
            assert!(said.contains("a:389") && said.contains("192.0.2.1") && said.contains("b:389"), "{said}");
        }
        assert!(text.en.contains("no connection") && text.en.contains("no answer in time. Check"), "{}", text.en);
        assert!(text.ja.contains("接続できません") && text.ja.contains("応答がありません") && text.ja.contains("確認"));
    }

    #[test]
    fn a_reason_survives_the_database() {
        let kinds = [Unfit::Without, Unfit::NotOne, Unfit::Silent, Unfit::Unclear, Unfit::Twice, Unfit::UserId];
        for why in kinds.map(|kind| kind("the \"user id\": x".to_owned())) {
            assert_eq!(Unfit::parse(&why.to_line()), Some(why.clone()));
            let text = unfit(&why);
            assert!(text.ja != text.en && text.ja.contains("x") && text.en.contains("x"), "{text:?}");
        }
        assert_eq!(Unfit::parse("nonsense"), None);
    }

    #[test]
    fn what_is_seen_is_told_in_both_languages() {
        for (step, en, ja) in [
            (SourceSeen::Connected, "answers", "応答"),
            (SourceSeen::Account(String::new()), "anonymous", "匿名"),
            (SourceSeen::Users(vec!["anna".to_owned(), "ben".to_owned()]), "first are anna, ben", "anna, ben"),
            (SourceSeen::NobodyMatches, "no entry", "ありません"),
            (
                SourceSeen::Failed(UserSourceError::Auth { server: "a".to_owned(), why: "rc=49".to_owned() }),
                "refused the account: rc=49",
                "拒否しました: rc=49",
            ),
        ] {
            let text = seen(&step);
            assert!(text.en.contains(en) && text.ja.contains(ja), "{text:?}");
        }
    }
}
