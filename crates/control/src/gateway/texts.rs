//! What calendar services and their self-tests say, in the administrator's languages: what was seen, and what to do.

use crate::reasons;
use crate::text::Text;
use std::error::Error;
use zaiseki_calendar::{Finding, HttpError, Seen, SourceError, UserError};

/// What a step of the self-test saw.
pub fn seen(finding: &Finding) -> Text {
    match &finding.seen {
        Seen::Answers { host } => Text::new(format!("{host} answers"), format!("{host} は応答しています")),
        Seen::Trusted { fingerprint } => Text::new(
            format!("certificate trusted, SHA-256 {fingerprint}"),
            format!("証明書は信頼できます。SHA-256 {fingerprint}"),
        ),
        Seen::Accepted => Text::new("accepted", "受け入れられました"),
        Seen::Read { busy_times } => Text::new(
            format!("calendar read, {busy_times} busy times"),
            format!("予定表を読み取りました。予定ありの時間帯: {busy_times} 件"),
        ),
        Seen::NotTried => Text::new("not tried", "試していません"),
        Seen::NoConnection(error) => http(error),
        Seen::NoAnswer(error) => source(error),
        Seen::NoCalendar(error) => user(error),
    }
}

/// What to do about it; `None` when the step passed.
pub fn advice(finding: &Finding) -> Option<Text> {
    let text = match &finding.seen {
        Seen::Answers { .. } | Seen::Trusted { .. } | Seen::Accepted | Seen::Read { .. } => return None,
        Seen::NotTried => Text::new("Name a user to try it with.", "試すユーザーを指定してください。"),
        Seen::NoConnection(error) => connection_advice(error),
        Seen::NoAnswer(SourceError::Auth { .. }) => Text::new(
            "Check user name and password, and which ways to sign in the server allows (Basic, NTLM, Extended Protection).",
            "ユーザー名とパスワード、およびサーバーが許可する認証方式 (Basic、NTLM、拡張保護) を確認してください。",
        ),
        Seen::NoAnswer(_) => Text::new(
            "Check that the address leads to the calendar service itself.",
            "アドレスが予定表サービスそのものを指しているか確認してください。",
        ),
        Seen::NoCalendar(error) => user_advice(error),
    };
    Some(text)
}

fn connection_advice(error: &HttpError) -> Text {
    match error {
        HttpError::Tls { .. } => Text::new(
            "Give the gateway the certificate authority of this server, and check that the server's certificate holds the name \
             used in the address.",
            "このサーバーの認証局をゲートウェイに設定し、サーバーの証明書にアドレスの名前が含まれているか確認してください。",
        ),
        HttpError::Resolve { .. } => Text::new(
            "Check the name in the address and this node's name server.",
            "アドレスの名前と、このノードのネームサーバーを確認してください。",
        ),
        HttpError::Trust(_) => Text::new(
            "Install the system's certificate authorities, or give the gateway its own.",
            "システムの認証局をインストールするか、ゲートウェイに認証局を設定してください。",
        ),
        HttpError::Blocked { .. } => Text::new(
            "Use an address that is neither link-local nor a metadata service, or allow it by outbound.allow in the configuration file.",
            "リンクローカルでもメタデータサービスでもないアドレスを使うか、設定ファイルの outbound.allow で許可してください。",
        ),
        _ => Text::new(
            "Check address and port, that the server runs, and firewalls between.",
            "アドレスとポート、サーバーが動いていること、間にあるファイアウォールを確認してください。",
        ),
    }
}

/// What to do about a user whose calendar could not be read.
fn user_advice(error: &UserError) -> Text {
    match error {
        UserError::NotFound => Text::new(
            "Check the user's id and mail address, the gateway's address, and that the user has a calendar there.",
            "ユーザー ID とメールアドレス、ゲートウェイのアドレス、そのユーザーの予定表がそこにあることを確認してください。",
        ),
        UserError::NoAccess(_) => Text::new(
            "Grant the service account access to the users' free/busy times.",
            "サービスアカウントに、ユーザーの空き時間情報へのアクセスを許可してください。",
        ),
        UserError::NoData | UserError::Server(_) => Text::new(
            "Look into the calendar server's own log; the gateway asks again by itself.",
            "予定表サーバーのログを確認してください。ゲートウェイは自動的に再照会します。",
        ),
        UserError::Malformed(_) => Text::new(
            "Check that the address leads to the calendar service itself, and not to a page about it.",
            "アドレスが説明ページではなく、予定表サービスそのものを指しているか確認してください。",
        ),
    }
}

/// Why one user's calendar could not be read.
pub fn user(error: &UserError) -> Text {
    let ja = match error {
        UserError::NotFound => "予定表サーバーにこのメールボックスまたは予定表がありません".to_owned(),
        UserError::NoAccess(why) => format!("サービスアカウントはこの予定表を参照できません ({why})"),
        UserError::NoData => "予定表サーバーには現在このユーザーのデータがありません".to_owned(),
        UserError::Malformed(why) => format!("このユーザーについての応答を理解できません ({why})"),
        UserError::Server(why) => format!("予定表サーバーはこのユーザーについて応答できませんでした ({why})"),
    };
    Text::new(error.to_string(), ja)
}

/// Why a calendar service as a whole gave no answer.
pub fn source(error: &SourceError) -> Text {
    let ja = match error {
        SourceError::Config { key, why } => format!("ゲートウェイの設定 {key} は使えません: {why}"),
        SourceError::Http { operation, source } => format!("{operation} に失敗しました: {}", http(source).ja),
        SourceError::Auth { why } => format!("予定表サーバーがアカウントを拒否しました: {why}"),
        SourceError::Busy { retry_after } => {
            format!("予定表サーバーが混み合っています。{} 秒後に再照会します", retry_after.as_secs())
        }
        SourceError::Refused { operation, code, message } => {
            format!("{operation}: 予定表サーバーが拒否しました ({code}): {message}")
        }
        SourceError::Malformed { operation, why } => format!("{operation}: 応答を理解できません: {why}"),
    };
    Text::new(chain(error), ja)
}

/// Why no connection came about, or why it broke.
pub fn http(error: &HttpError) -> Text {
    let because = |source: &dyn Error| reasons::ja(&chain(source));
    let ja = match error {
        HttpError::Url { url, why } => format!("{url}: 使えるアドレスではありません: {why}"),
        HttpError::Resolve { host, source } => format!("{host}: 名前を解決できません: {}", because(source)),
        HttpError::Blocked { host, address } => format!("{host}: アドレス {address} への接続は禁止されています"),
        HttpError::Connect { host, source } => format!("{host}: 接続できません: {}", because(source)),
        HttpError::Tls { host, source } => format!("{host}: TLS に失敗しました: {}", because(source)),
        HttpError::Trust(source) => format!("信頼する証明書を使えません: {}", because(source)),
        HttpError::Timeout { host, after } => format!("{host}: {} 秒以内に応答がありません", after.as_secs()),
        HttpError::Broken { host, source } => format!("{host}: 接続が切れました: {}", because(source)),
        HttpError::TooLarge { host, limit } => format!("{host}: 応答が {limit} バイトを超えています"),
        HttpError::RedirectElsewhere { host, to } => format!("{host}: 別のサーバー ({to}) への転送には従いません"),
        HttpError::TooManyRedirects { host } => format!("{host}: 転送が多すぎます"),
        HttpError::Request(source) => format!("要求を作れません: {source}"),
    };
    Text::new(chain(error), ja)
}

/// An error with all its causes, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(seen: Seen) -> Text {
        advice(&Finding { name: "permission", seen }).expect("it did not pass")
    }

    #[test]
    fn the_advice_fits_what_was_seen() {
        let refused = advised(Seen::NoCalendar(UserError::NoAccess("403".to_owned())));
        assert!(refused.en.contains("Grant") && refused.ja.contains("許可"));
        for (error, en, ja) in [
            (UserError::NotFound, "mail address", "メールアドレス"),
            (UserError::Server("status 500".to_owned()), "log", "ログ"),
            (UserError::Malformed("html".to_owned()), "address", "アドレス"),
        ] {
            let advice = advised(Seen::NoCalendar(error));
            assert!(advice.en.contains(en) && advice.ja.contains(ja) && !advice.en.contains("Grant"), "{advice:?}");
        }
        assert!(advice(&Finding { name: "sign-in", seen: Seen::Accepted }).is_none());
    }

    #[test]
    fn causes_are_told_in_both_languages() {
        let source = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused by 192.0.2.1");
        let error = SourceError::Http {
            operation: "GetUserAvailability",
            source: HttpError::Connect { host: "mail.example.com".to_owned(), source },
        };
        let text = super::source(&error);
        for said in [&text.en, &text.ja] {
            assert!(said.contains("mail.example.com") && said.contains("192.0.2.1"), "{said}");
        }
        assert!(text.ja.contains("接続できません"));
    }
}
