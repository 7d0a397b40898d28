//! One thing alone on the terminal: a line for each of its fields, with a label, and what is within it below, indented.

use super::{cell, in_language, padded, width};
use crate::i18n::Lang;
use serde_json::{Map, Value};

/// Things of a list within a thing that are shown.
const SHOWN: usize = 20;

/// The labels of the API's fields: key, English, Japanese. Lines come in this order.
const LABELS: &[(&str, &str, &str)] = &[
    ("new_password", "new password", "新しいパスワード"),
    ("secret", "secret", "シークレット"),
    ("token", "token", "トークン"),
    ("name", "name", "名前"),
    ("alarm", "alarm", "アラーム"),
    ("user", "user", "ユーザー"),
    ("id", "ID", "ID"),
    ("actor", "asked by", "操作者"),
    ("account", "account", "アカウント"),
    ("role", "role", "役割"),
    ("title", "title", "名称"),
    ("kind", "kind", "種類"),
    ("display_name", "display name", "表示名"),
    ("address", "address", "アドレス"),
    ("mail", "mail", "メール"),
    ("telephone", "telephone", "電話番号"),
    ("given_name", "given name", "名"),
    ("family_name", "family name", "姓"),
    ("phonetic_name", "phonetic name", "ふりがな"),
    ("directory_uri", "directory URI", "ディレクトリー URI"),
    ("department", "department", "部署"),
    ("numbers", "numbers", "電話番号"),
    ("number", "number", "番号"),
    ("devices", "devices", "デバイス"),
    ("line", "line", "回線"),
    ("home_cluster", "home cluster", "ホームクラスター"),
    ("node", "node", "ノード"),
    ("language", "language", "言語"),
    ("does", "what it does", "働き"),
    ("stop_means", "when stopped", "停止の影響"),
    ("active", "active", "有効"),
    ("enabled", "enabled", "有効"),
    ("calendar", "calendar", "予定表"),
    ("im", "IM and presence", "IM とプレゼンス"),
    ("archive", "archive", "アーカイブ"),
    ("unlisted", "unlisted", "検索に表示しない"),
    ("held", "kept by hand", "手動で維持する項目"),
    ("origin", "origin", "取得元"),
    ("admin", "administrator", "管理者"),
    ("rights", "rights", "権限"),
    ("scopes", "scopes", "スコープ"),
    ("password", "password", "パスワード"),
    ("second_factor", "second factor", "2 段階認証"),
    ("recovery_codes", "recovery codes", "回復コード"),
    ("domain", "domain", "ドメイン"),
    ("version", "version", "バージョン"),
    ("started", "started", "開始日時"),
    ("database_healthy", "database works", "データベースは正常"),
    ("severity", "severity", "重大度"),
    ("state", "state", "状態"),
    ("open", "still open", "発生中"),
    ("subject", "about", "対象"),
    ("detail", "seen", "検出内容"),
    ("remedy", "what to do", "対処"),
    ("page", "page", "ページ"),
    ("raised", "raised", "発生"),
    ("last", "last", "前回"),
    ("count", "count", "回数"),
    ("acknowledged", "acknowledged", "確認"),
    ("cleared", "cleared", "解消"),
    ("purpose", "for", "用途"),
    ("source", "source", "出所"),
    ("directory", "directory", "ディレクトリー"),
    ("key", "key", "鍵"),
    ("place", "entry", "エントリー"),
    ("missing_since", "missing since", "消失日時"),
    ("scheme", "address scheme", "アドレス形式"),
    ("other_scheme", "other scheme", "もう一方の形式"),
    ("resource", "resource", "リソース"),
    ("client", "client", "クライアント"),
    ("client_version", "client version", "クライアントのバージョン"),
    ("show", "presence", "在席"),
    ("priority", "priority", "優先度"),
    ("transport", "transport", "接続方式"),
    ("tls", "TLS", "TLS"),
    ("mechanism", "mechanism", "認証方式"),
    ("peer", "from address", "接続元"),
    ("agent", "browser", "ブラウザー"),
    ("since", "since", "開始"),
    ("until", "until", "終了"),
    ("level", "log level", "ログレベル"),
    ("usual", "usual level", "通常のログレベル"),
    ("by", "by", "操作者"),
    ("inactive", "inactive", "非アクティブ"),
    ("management", "resumption", "再開"),
    ("queued", "unacknowledged", "未確認"),
    ("detached_since", "cut off since", "切断日時"),
    ("resumable_until", "can resume until", "再開の期限"),
    ("config", "settings", "設定"),
    ("issuer", "issuer", "発行者"),
    ("client_id", "client ID", "クライアント ID"),
    ("redirect_uri", "redirect URI", "リダイレクト URI"),
    ("scope", "scope", "検索範囲"),
    ("base", "search base", "検索の起点"),
    ("filter", "filter", "フィルター"),
    ("schema", "schema", "スキーマ"),
    ("servers", "servers", "サーバー"),
    ("server", "server", "サーバー"),
    ("host", "host", "ホスト"),
    ("port", "port", "ポート"),
    ("url", "URL", "URL"),
    ("username", "user name", "ユーザー名"),
    ("bind_dn", "bind DN", "バインド DN"),
    ("security", "security", "保護方式"),
    ("auth", "authentication", "認証方式"),
    ("mode", "mode", "方式"),
    ("mailbox", "mailbox", "メールボックス"),
    ("impersonation", "impersonation", "偽装"),
    ("channel_binding", "channel binding", "チャネルバインディング"),
    ("default_zone", "default time zone", "既定のタイムゾーン"),
    ("ignore_declined", "leave out declined", "辞退した予定を除く"),
    ("from", "from", "差出人"),
    ("to", "to", "宛先"),
    ("connect_to", "connect to", "接続先"),
    ("allow_clear_text", "allow clear text", "平文を許可"),
    ("timeout_secs", "timeout (s)", "タイムアウト (秒)"),
    ("page_size", "page size", "1 回の取得件数"),
    ("attributes", "attributes", "属性"),
    ("country_code", "country code", "国番号"),
    ("follow_referrals", "follow referrals", "参照を追う"),
    ("certificate", "certificate", "証明書"),
    ("ca", "certificate authorities", "認証局"),
    ("ca_pem", "certificate authorities", "認証局"),
    ("local_sign_in", "sign-in by password", "パスワードでのサインイン"),
    ("name_claim", "name claim", "名前の項目"),
    ("match_existing", "match existing", "既存の管理者と照合"),
    ("role_claim", "role claim", "グループの項目"),
    ("roles", "roles", "グループと役割"),
    ("value", "group", "グループ"),
    ("leeway_secs", "leeway (s)", "時計のずれの許容 (秒)"),
    ("contact", "contacts", "連絡先"),
    ("names", "names", "名前"),
    ("purposes", "for", "用途"),
    ("terms_agreed", "terms agreed", "利用規約に同意"),
    ("key_id", "key ID", "キー ID"),
    ("poll_secs", "poll interval (s)", "問い合わせ間隔 (秒)"),
    ("sync", "synchronisation", "同期"),
    ("every_minutes", "every (min)", "間隔 (分)"),
    ("at", "at", "時刻"),
    ("changes_minutes", "changes every (min)", "変更の問い合わせ間隔 (分)"),
    ("grace_hours", "grace period (h)", "猶予時間 (時間)"),
    ("enable_new", "enable new users", "新しいユーザーを有効にする"),
    ("adopt", "take over existing users", "既存のユーザーを引き継ぐ"),
    ("brake_percent", "brake (%)", "ブレーキ (%)"),
    ("identity", "provider account", "プロバイダーのアカウント"),
    ("managed", "managed by groups", "グループによる管理"),
    ("linked", "linked", "関連付け日時"),
    ("status", "status", "状況"),
    ("running", "running", "実行中の同期"),
    ("last_good", "last success", "前回の成功"),
    ("dry_run", "dry run", "試行"),
    ("ended", "ended", "終了日時"),
    ("took_ms", "took (ms)", "所要時間 (ミリ秒)"),
    ("read_ms", "reading (ms)", "取得時間 (ミリ秒)"),
    ("passed_over", "servers passed over", "使わなかったサーバー"),
    ("entries", "entries read", "取得したエントリー"),
    ("read", "read", "取得"),
    ("applied", "applied", "適用"),
    ("steps", "steps", "処理数"),
    ("users", "users", "ユーザー"),
    ("users_enabled", "enabled users", "有効なユーザー"),
    ("created", "created", "作成"),
    ("updated", "updated", "更新"),
    ("adopted", "taken over", "引き継ぎ"),
    ("renamed", "renamed", "改名"),
    ("missing", "gone from the directory", "ディレクトリーから消失"),
    ("returned", "there again", "復帰"),
    ("removed", "removed", "削除"),
    ("unchanged", "unchanged", "変更なし"),
    ("waiting", "waiting", "削除待ち"),
    ("left_out", "left out", "除外"),
    ("referrals", "referrals", "参照"),
    ("gone", "gone from the directory", "ディレクトリーから消失"),
    ("polls", "polls", "問い合わせ回数"),
    ("last_poll", "last poll", "前回の問い合わせ"),
    ("next_poll", "next poll", "次回の問い合わせ"),
    ("failed", "failed", "失敗"),
    ("unknown", "unknown", "該当なし"),
    ("skipped_events", "skipped events", "読み飛ばした予定"),
    ("sent", "sent", "送信済み"),
    ("lost", "lost", "消失"),
    ("refused", "refused", "拒否"),
    ("last_sent", "last sent", "最終送信"),
    ("failing_since", "failing since", "失敗の開始"),
    ("last_error", "last error", "最後のエラー"),
    ("busy", "busy", "処理中"),
    ("listening", "listens on", "待ち受け"),
    ("last_success", "last success", "前回の成功"),
    ("failures", "failures", "連続失敗回数"),
    ("done", "done", "完了"),
    ("total", "total", "合計"),
    ("due", "due", "開始予定"),
    ("changed", "changed", "変更"),
    ("in_the_way", "in the way", "支障あり"),
    ("preview", "preview", "プレビュー"),
    ("fault", "in the way", "支障"),
    ("summary", "summary", "結果"),
    ("log_dropped", "log lines dropped", "記録できなかった行"),
    ("restarts", "restarts", "再開回数"),
    ("last_failure", "last failure", "前回の異常"),
    ("next_try", "next try", "次回の試み"),
    ("reason", "reason", "理由"),
    ("error", "error", "エラー"),
    ("hold", "held back", "保留"),
    ("cursor", "cursor", "変更の読み取り位置"),
    ("problems", "problems", "問題"),
    ("difference", "changes", "変更内容"),
    ("action", "action", "変更"),
    ("field", "field", "項目"),
    ("before", "before", "変更前"),
    ("after", "after", "変更後"),
    ("fields", "fields", "項目"),
    ("next", "next", "次回"),
    ("gateways", "gateways", "ゲートウェイ"),
    ("renews_itself", "renews itself", "自動更新"),
    ("covers_domain", "covers domain", "ドメインに対応"),
    ("covers_node", "covers node", "ノードに対応"),
    ("serial", "serial no.", "シリアル番号"),
    ("fingerprint", "fingerprint", "SHA-256"),
    ("not_before", "valid from", "有効期間の開始"),
    ("not_after", "valid until", "有効期間の終了"),
    ("days_left", "days left", "残り日数"),
    ("authority", "is authority", "認証局か"),
    ("warnings", "warnings", "警告"),
    ("request", "request", "証明書要求"),
    ("details", "certificate", "証明書"),
    ("chain", "chain", "証明書チェーン"),
    ("pem", "PEM", "PEM"),
    ("added", "added", "追加日時"),
    ("signed_in", "signed in", "最終サインイン"),
    ("expires", "expires", "有効期限"),
    ("used", "used", "最終使用"),
];

/// Labels of fields that mean something else beside another field: that field, then as in [`LABELS`].
const BESIDE: &[(&str, &str, &str, &str)] = &[
    ("telephone", "name", "user ID", "ユーザー ID"),
    ("department", "title", "job title", "役職"),
    ("client_id", "address", "console's address", "コンソールのアドレス"),
    ("directory", "key", "key of the entry", "エントリーのキー"),
    ("fingerprint", "subject", "subject", "サブジェクト"),
    ("linked", "subject", "subject", "サブジェクト"),
    ("linked", "issuer", "provider", "プロバイダー"),
    ("client_id", "issuer", "provider's address", "プロバイダーのアドレス"),
    ("raised", "last", "last seen", "最終検出"),
    ("listening", "failed", "last failure", "前回の失敗"),
    ("page_size", "users", "users to read", "取得するユーザー"),
];

/// Words of the API that tables write in Japanese: the key they stand at, the word, Japanese. Sections keep the word too:
/// `doctor --section` takes it. States are told apart by whose they are: see [`state`].
const WORDS: &[(&str, &str, &str)] = &[
    ("severity", "info", "情報"),
    ("severity", "warning", "警告"),
    ("severity", "error", "エラー"),
    ("severity", "critical", "重大"),
    ("unit", "seconds", "秒"),
    ("unit", "minutes", "分"),
    ("unit", "hours", "時間"),
    ("unit", "days", "日"),
    ("unit", "percent", "パーセント"),
    ("unit", "characters", "文字"),
    ("source", "file", "設定のファイル"),
    ("source", "own-authority", "独自の認証局"),
    ("source", "imported", "取り込み"),
    ("source", "acme", "ACME で取得"),
    ("section", "system", "システム (system)"),
    ("section", "domain", "ドメインと名前 (domain)"),
    ("section", "dns", "DNS (dns)"),
    ("section", "certificates", "証明書 (certificates)"),
    ("section", "database", "データベース (database)"),
    ("section", "directories", "ディレクトリー (directories)"),
    ("section", "sign-in", "ユーザーのサインイン (sign-in)"),
    ("section", "gateways", "プレゼンスゲートウェイ (gateways)"),
    ("section", "clients", "クライアントの接続 (clients)"),
    ("section", "disk", "ディスク (disk)"),
    ("section", "clock", "時計 (clock)"),
    ("section", "administrators", "管理者 (administrators)"),
    ("state of a job", "scheduled", "予定"),
    ("state of a job", "queued", "待機中"),
    ("state of a job", "running", "実行中"),
    ("state of a job", "cancelling", "取り消し中"),
    ("state of a job", "done", "完了"),
    ("state of a job", "failed", "失敗"),
    ("state of a job", "cancelled", "取り消し済み"),
    ("state of a service", "deactivated", "無効"),
    ("state of a service", "stopped", "停止"),
    ("state of a service", "starting", "開始中"),
    ("state of a service", "running", "稼働中"),
    ("state of a service", "stopping", "停止処理中"),
    ("state of a service", "failed", "異常終了"),
    ("state of a trace", "running", "実行中"),
    ("state of a trace", "over", "終了"),
    ("state of a trace", "full", "満杯"),
    ("state of a trace", "stopped", "停止"),
    ("state of a gateway", "starting", "開始中"),
    ("state of a gateway", "up", "稼働中"),
    ("state of a gateway", "down", "停止"),
];

/// Where a field's line stands.
pub fn place(key: &str) -> Option<usize> {
    LABELS.iter().position(|(known, ..)| *known == key)
}

/// One of [`WORDS`] in Japanese, for who reads that.
pub fn word(key: &str, value: &Value, lang: Lang) -> Option<&'static str> {
    let text = value.as_str().filter(|_| lang == Lang::Ja)?;
    WORDS.iter().find(|(at, word, _)| *at == key && *word == text).map(|(.., ja)| *ja)
}

/// A value in the reader's language.
pub fn worded(key: &str, value: &Value, lang: Lang) -> String {
    word(key, value, lang).map_or_else(|| cell(value, lang), str::to_owned)
}

/// Whose state it is, for [`WORDS`].
fn state(object: &Map<String, Value>) -> &'static str {
    match ["log_dropped", "restarts", "count"].map(|key| object.contains_key(key)) {
        [true, ..] => "state of a job",
        [_, true, _] => "state of a service",
        [.., true] => "state of a trace",
        _ => "state of a gateway",
    }
}

fn label(object: &Map<String, Value>, key: &str, lang: Lang) -> String {
    let pick = |en: &str, ja: &str| if lang == Lang::Ja { ja.to_owned() } else { en.to_owned() };
    if let Some((.., en, ja)) = BESIDE.iter().find(|(other, at, ..)| *at == key && object.contains_key(*other)) {
        return pick(en, ja);
    }
    let found = LABELS.iter().find(|(known, ..)| *known == key);
    found.map_or_else(|| key.replace('_', " "), |(_, en, ja)| pick(en, ja))
}

/// The fields in the order of their labels; what nobody knows comes last.
fn ordered(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<(&String, &Value)> = object.iter().collect();
    fields.sort_by_key(|(key, _)| place(key).unwrap_or(usize::MAX));
    fields
}

fn is_text(object: &Map<String, Value>) -> bool {
    object.len() == 2 && object.contains_key("en") && object.contains_key("ja")
}

fn is_thing(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !object.is_empty() && !is_text(object))
}

/// Has lines of its own.
fn is_block(value: &Value) -> bool {
    is_thing(value) || value.as_array().is_some_and(|all| all.iter().any(is_thing))
}

/// The lines of a thing, each behind so many blanks.
pub fn block(object: &Map<String, Value>, lang: Lang, indent: usize) -> String {
    let fields = ordered(object);
    let short = fields.iter().filter(|(_, value)| !is_block(value));
    let wide = short.map(|(key, _)| width(&label(object, key, lang))).max().unwrap_or(0);
    let margin = " ".repeat(indent);
    let mut text = String::new();
    for (key, value) in fields {
        let label = label(object, key, lang);
        match value {
            Value::Object(inner) if is_thing(value) => {
                text.push_str(&format!("{margin}{label}\n{}", block(inner, lang, indent + 2)));
            }
            Value::Array(all) if is_block(value) => {
                text.push_str(&format!("{margin}{label}\n"));
                all.iter().take(SHOWN).for_each(|one| text.push_str(&format!("{margin}  {}\n", inline("", one, lang))));
                if all.len() > SHOWN {
                    text.push_str(&format!("{margin}  … +{}\n", all.len() - SHOWN));
                }
            }
            _ => {
                let at = if key == "state" { state(object) } else { key.as_str() };
                text.push_str(&format!("{margin}{}  {}\n", padded(&label, wide), inline(at, value, lang)));
            }
        }
    }
    text
}

/// A value on one line.
fn inline(key: &str, value: &Value, lang: Lang) -> String {
    match value {
        Value::Object(object) if is_text(object) => in_language(value, lang),
        Value::Object(object) => {
            let told = ordered(object).into_iter().filter(|(_, value)| !value.is_null() && *value != "");
            let told = told.map(|(key, value)| format!("{} {}", label(object, key, lang), inline(key, value, lang)));
            some(&told.collect::<Vec<_>>().join(", "))
        }
        Value::Array(all) => {
            let join = if all.iter().any(Value::is_object) { "; " } else { ", " };
            some(&all.iter().map(|one| inline(key, one, lang)).collect::<Vec<_>>().join(join))
        }
        Value::String(text) if text.starts_with("-----BEGIN ") => format!("{} …", text.lines().next().unwrap_or_default()),
        Value::String(text) if text.is_empty() => "–".to_owned(),
        other => worded(key, other, lang),
    }
}

fn some(text: &str) -> String {
    if text.is_empty() { "–" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(value: &Value, lang: Lang) -> String {
        block(value.as_object().unwrap(), lang, 0)
    }

    #[test]
    fn things_within_things_stand_below_them() {
        let gateway = json!({"kind": "ews", "name": "mail", "status": null, "secret": true,
            "config": {"url": "https://a/", "server": {"timeout_secs": 5, "ca_pem": "-----BEGIN CERTIFICATE-----\nAA\n"}}});
        let expected = "secret  yes\nname    mail\nkind    ews\nsettings\n  server\n    timeout (s)              5\n    \
                        certificate authorities  -----BEGIN CERTIFICATE----- …\n  URL  https://a/\nstatus  –\n";
        assert_eq!(shown(&gateway, Lang::En), expected);
        let profile =
            json!({"department": "", "title": "部長", "numbers": [{"kind": "work", "number": "+81"}], "held": ["mail", "title"]});
        let expected = "役職                  部長\n部署                  –\n電話番号\n  種類 work, 番号 +81\n手動で維持する項目    mail, title\n";
        assert_eq!(shown(&profile, Lang::Ja).replace(' ', ""), expected.replace(' ', ""));
        let many = json!({"problems": vec![json!({"user": "a", "reason": {"en": "x", "ja": "y"}}); SHOWN + 3]});
        let text = shown(&many, Lang::En);
        assert!(text.starts_with("problems\n  user a, reason x\n") && text.ends_with("  … +3\n"), "{text}");
    }

    #[test]
    fn words_are_told_in_japanese_where_they_stand() {
        assert_eq!(worded("severity", &json!("info"), Lang::Ja), "情報");
        assert_eq!(worded("severity", &json!("info"), Lang::En), "info");
        assert_eq!(worded("name", &json!("info"), Lang::Ja), "info");
        let trace = json!({"user": "a", "state": "running", "count": 1});
        assert_eq!(shown(&trace, Lang::Ja), "ユーザー  a\n状態      実行中\n回数      1\n");
    }

    #[test]
    fn every_label_stands_once() {
        let mut keys: Vec<&str> = LABELS.iter().map(|(key, ..)| *key).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|two| two[0] != two[1]));
        assert!(LABELS.iter().all(|(_, en, ja)| !en.contains('_') && !ja.contains('_')));
    }
}
