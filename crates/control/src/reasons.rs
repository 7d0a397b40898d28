//! Reasons that lower layers and libraries give in English, in Japanese.

/// The English with `*` for what differs, and the Japanese with `{0}`, `{1}` for it.
const REASONS: &[(&str, &str)] = &[
    // Addresses of servers.
    ("it must begin with https:// and name a server", "https:// で始まり、サーバー名を含む URL を指定してください"),
    ("http would send the password in clear text; use https", "http ではパスワードが暗号化されません。https を使ってください"),
    ("{user} and {mail} may stand in the path only", "{user} と {mail} はパスの部分にだけ使えます"),
    ("it may hold neither a user name and password nor a query", "ユーザー名、パスワード、? 以降は含められません"),
    (
        "http or https, without a name or password in it",
        "ユーザー名とパスワードを含まない http または https の URL を指定してください",
    ),
    (
        "* is asked only if outbound.allow of the configuration file names it: it is link-local, or gives out credentials of the machine",
        "{0} はリンクローカルか、認証情報を配布するアドレスです。設定ファイルの outbound.allow で許可しない限り接続しません",
    ),
    ("* is not a server, such as *", "{0} はサーバー名ではありません (例: {1})"),
    ("* is not a server", "{0} はサーバー名ではありません"),
    ("empty host", "ホスト名がありません"),
    ("invalid international domain name", "ドメイン名が正しくありません"),
    ("invalid port number", "ポート番号が正しくありません"),
    ("invalid IPv4 address", "IPv4 アドレスが正しくありません"),
    ("invalid IPv6 address", "IPv6 アドレスが正しくありません"),
    ("invalid domain character", "ホスト名に使えない文字があります"),
    ("relative URL without a base", "https:// で始まる URL を指定してください"),
    // Gateways.
    (
        "it must hold {user} or {mail}, unless username does: whose calendar is it?",
        "だれの予定表か区別できるよう、{user} か {mail} を含めてください (ユーザー名に含まれる場合は不要)",
    ),
    (
        "an EWS address is the same for all users; {user} and {mail} belong into mailbox",
        "EWS の URL は全ユーザー共通です。{user} と {mail} はメールボックスに指定してください",
    ),
    ("it must hold {mail} or {user}", "{mail} か {user} を含めてください"),
    ("it may not hold a colon", "コロンは使えません"),
    ("it must be * to *", "{0}～{1} の値を指定してください"),
    ("* is not a known time zone", "{0} というタイムゾーンはありません"),
    // Directories.
    ("name * to * servers", "サーバーを {0}～{1} 台指定してください"),
    ("where the users stand must be said, such as *", "ユーザーのある場所を指定してください (例: {0})"),
    ("not a filter of RFC 4515, such as *", "RFC 4515 のフィルターではありません (例: {0})"),
    ("must be * to *", "{0}～{1} の値を指定してください"),
    (
        "an account needs a name and a password; anonymous access has neither",
        "アカウントには名前とパスワードの両方が必要です。匿名アクセスではどちらも指定しません",
    ),
    ("1 to 3 digits, such as *", "1～3 桁の数字で指定してください (例: {0})"),
    ("there is no field *; the fields are *", "{0} という項目はありません。項目: {1}"),
    ("* is not the name of an attribute", "{0} は属性名ではありません"),
    ("* cannot be left out", "{0} は省略できません"),
    ("an application user's name, without a colon", "コロンを含まないアプリケーションユーザー名を指定してください"),
    ("the account needs a password", "アカウントのパスワードが必要です"),
    ("give ca or certificate, not both", "ca と certificate はどちらか一方だけを指定してください"),
    ("one of *", "次のいずれかを指定してください: {0}"),
    ("name and password must be ones that HTTP can carry", "名前とパスワードに HTTP で送れない文字があります"),
    // Addresses of people.
    ("the localpart is empty", "@ より前が空です"),
    ("the domainpart is empty", "ドメインが空です"),
    ("a part of the address is longer than * bytes", "{0} バイトを超えています"),
    ("the localpart holds a character that is not allowed", "使えない文字があります"),
    ("the domainpart is not a domain name or IP address", "ドメイン名か IP アドレスではありません"),
    // What is not understood of JSON, as serde says it.
    ("missing field `*`", "項目 {0} がありません"),
    ("unknown field `*`, expected *", "{0} という項目はありません (使える項目: {1})"),
    ("unknown field `*`, there are no fields", "{0} という項目はありません"),
    ("unknown variant `*`, expected *", "{0} という値は使えません (使える値: {1})"),
    ("invalid type: *, expected *", "値の型が違います: {0} ではなく {1} を指定してください"),
    ("invalid value: *, expected *", "使えない値です: {0} ではなく {1} を指定してください"),
    ("duplicate field `*`", "項目 {0} が重複しています"),
    // Connections.
    ("name could not be resolved", "名前を解決できません"),
    ("its address * may not be reached (blocked by policy)", "アドレス {0} への接続は許可されていません"),
    ("no connection", "接続できません"),
    ("TLS failed", "TLS で失敗しました"),
    ("the trusted certificates could not be used", "信頼する証明書を使えません"),
    ("no answer within * s", "{0} 秒以内に応答がありません"),
    ("the connection broke", "接続が切れました"),
    ("answer longer than * bytes", "応答が {0} バイトを超えています"),
    ("redirects to another server (*), which is not followed", "別のサーバー ({0}) へのリダイレクトには従いません"),
    ("too many redirects", "リダイレクトが多すぎます"),
    ("Connection refused (os error *)", "接続が拒否されました (os error {0})"),
    ("Connection reset by peer (os error *)", "相手が接続を切りました (os error {0})"),
    ("Connection timed out (os error *)", "接続がタイムアウトしました (os error {0})"),
    ("No route to host (os error *)", "ホストへの経路がありません (os error {0})"),
    ("Network is unreachable (os error *)", "ネットワークに到達できません (os error {0})"),
    ("invalid peer certificate", "サーバーの証明書を信頼できません"),
    ("UnknownIssuer", "信頼する認証局が発行したものではありません (UnknownIssuer)"),
    ("certificate not valid for name *", "証明書の対象ではない名前です {0}"),
    ("failed to lookup address information", "名前を解決できません"),
    ("Name or service not known", "その名前はありません"),
    ("Temporary failure in name resolution", "一時的に名前を解決できません"),
];

/// The reason, each of its parts between colons that is known in Japanese. What another program said stays as it is.
pub(crate) fn ja(reason: &str) -> String {
    let known = |part: &str| REASONS.iter().find_map(|(en, ja)| Some(filled(ja, &matched(en, part)?)));
    known(reason).unwrap_or_else(|| {
        let parts = reason.split(": ").map(|part| known(part).unwrap_or_else(|| part.to_owned()));
        parts.collect::<Vec<_>>().join(": ")
    })
}

/// What stands for each `*` of the pattern.
fn matched<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split('*');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        let at = if last { rest.strip_suffix(part)?.len() } else { rest.find(part)? };
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

fn filled(ja: &str, found: &[&str]) -> String {
    found.iter().enumerate().fold(ja.to_owned(), |ja, (index, found)| ja.replace(&format!("{{{index}}}"), found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts_are_told_in_japanese() {
        assert_eq!(ja("must be 1 to 300"), "1～300 の値を指定してください");
        assert_eq!(
            ja("h:443: its address 169.254.0.1 may not be reached (blocked by policy)"),
            "h:443: アドレス 169.254.0.1 への接続は許可されていません"
        );
        assert_eq!(ja("ho st: invalid domain character"), "ho st: ホスト名に使えない文字があります");
        assert_eq!(
            ja("mail.example: no connection: Connection refused (os error 111)"),
            "mail.example: 接続できません: 接続が拒否されました (os error 111)"
        );
        assert_eq!(ja("x is not a server, such as a or a:1"), "x はサーバー名ではありません (例: a or a:1)");
        assert_eq!(ja("something that nobody knows"), "something that nobody knows");
    }

    #[test]
    fn every_row_is_found_by_itself_and_fills_its_gaps() {
        for (en, expected) in REASONS {
            let said = en.replace('*', "7");
            let told = ja(&said);
            assert!(!told.contains("{0}") && !told.contains("{1}"), "{told}");
            let stars = en.matches('*').count();
            assert_eq!(expected.matches("{0}").count() + expected.matches("{1}").count(), stars, "{en}");
            assert_ne!(told, said);
        }
    }

    /// Reasons of the places that refuse what an administrator typed.
    #[test]
    fn what_a_form_refuses_is_told_in_japanese() {
        let calendar = include_str!("../../calendar/src/config.rs");
        let directory = include_str!("../../directory/src/config.rs");
        let axl = include_str!("../../axl/src/config.rs");
        for source in [calendar, directory, axl] {
            let source = source.split("#[cfg(test)]").next().unwrap();
            for call in source.split("bad(").skip(1) {
                // The last text of the call, with what differs left open.
                let call = call.split(");").next().unwrap();
                let texts = call.split('"').skip(1).step_by(2).filter(|text| text.contains(' '));
                let Some(text) = texts.max_by_key(|text| text.len()) else { continue };
                let gaps = opened(text);
                assert_ne!(ja(&gaps), gaps, "no Japanese for {text:?}");
            }
        }
    }

    /// `{name}` of a format string becomes a number; `{user}` and `{mail}` are words of ours.
    fn opened(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').unwrap_or((after, ""));
            let word = if ["user", "mail"].contains(&inside) { format!("{{{inside}}}") } else { "7".to_owned() };
            out.push_str(before);
            out.push_str(&word);
            rest = after;
        }
        out + rest
    }
}
