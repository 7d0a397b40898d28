//! What the operations do, in Japanese. The document itself is English; a test finds an operation without a row.

use super::document::{Operation, Tag};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use zaiseki_control::Lang;

/// Descriptions of operations, parameters, answers and fields: the document's text, and the same in Japanese.
static DESCRIPTIONS: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../locales/ja/api.json")).unwrap_or_default());

const SUMMARIES: &[(&str, &str)] = &[
    ("session.show", "自分が誰で、何ができるかを表示する"),
    ("session.sign-in", "サインインする"),
    ("session.sign-out", "サインアウトする"),
    ("session.set-up", "最初の管理者を作る"),
    ("account.set-password", "自分のパスワードを変更する"),
    ("account.enrol", "2 段階認証の登録を始める"),
    ("account.confirm", "最初のコードで 2 段階認証の登録を確定する"),
    ("account.remove-second-factor", "2 段階認証を外す"),
    ("status.show", "ノードの状態を表示する"),
    ("users.list", "ユーザーを一覧する"),
    ("users.add", "ユーザーを追加する"),
    ("users.show", "ユーザーを表示する"),
    ("users.update", "ユーザーを変更する"),
    ("users.remove", "ユーザーを削除する"),
    ("users.set-password", "ユーザーのパスワードを設定する"),
    ("users.rename", "ユーザー ID を変更する"),
    ("users.set-enabled", "ユーザーのサインインを許可または禁止する"),
    ("users.show-archive", "メッセージを保存するかどうかを表示する"),
    ("users.set-archive", "メッセージを保存するかどうかを設定する"),
    ("users.profile", "ユーザーのプロフィールを表示する"),
    ("users.update_profile", "ユーザーのプロフィールを変更する"),
    ("users.set_im", "複数のユーザーの IM とプレゼンスを有効または無効にする"),
    ("users.duplicates", "重複するユーザー ID、メールアドレス、ディレクトリー URI をすべて探す"),
    ("users.resolve_duplicate", "重複する値を誰が使うかを決める"),
    ("users.import", "CSV ファイルからユーザーを取り込む"),
    ("directories.list", "ディレクトリーとその状態を一覧する"),
    ("directories.add", "ディレクトリーを追加する"),
    ("directories.show", "ディレクトリーを表示する"),
    ("directories.update", "ディレクトリーの設定を置き換える"),
    ("directories.change", "ディレクトリーを変更する"),
    ("directories.remove", "ディレクトリーを削除する"),
    ("directories.test", "ディレクトリーを検査する"),
    ("directories.sync", "今すぐ完全同期を行う"),
    ("directories.problems", "ユーザーにならなかったエントリーを一覧する"),
    ("directories.left_out", "除外したエントリーを一覧する"),
    ("directories.take_again", "エントリーの除外を取り消す"),
    ("gateways.list", "ゲートウェイとその状態を一覧する"),
    ("gateways.add", "ゲートウェイを追加する"),
    ("gateways.show", "ゲートウェイを表示する"),
    ("gateways.update", "ゲートウェイの設定を置き換える"),
    ("gateways.change", "ゲートウェイを変更する"),
    ("gateways.remove", "ゲートウェイを削除する"),
    ("gateways.refresh", "ゲートウェイに今すぐ問い合わせる"),
    ("gateways.test", "ゲートウェイを検査する"),
    ("jobs.list", "ジョブを一覧する"),
    ("jobs.create", "ジョブを依頼する"),
    ("jobs.show", "ジョブを表示する"),
    ("jobs.cancel", "ジョブを中止する"),
    ("jobs.log", "ジョブの記録を読む"),
    ("certificates.list", "ノードが提示する証明書を一覧する"),
    ("certificates.authority", "ノード独自の認証局を表示する"),
    ("certificates.show", "証明書を表示する"),
    ("certificates.remove", "証明書を取り除き、ノード独自のものに戻す"),
    ("certificates.reissue", "ノード独自の認証局で新しい証明書を作る"),
    ("certificates.request", "証明書要求を作成する"),
    ("certificates.withdraw", "証明書要求とその鍵を破棄する"),
    ("certificates.import", "証明書とその連鎖を取り込む"),
    ("trust.list", "信頼する認証局を一覧する"),
    ("trust.add", "認証局を信頼する"),
    ("trust.show", "信頼する認証局を表示する"),
    ("trust.remove", "認証局の信頼をやめる"),
    ("acme.show", "ACME の設定と状態を表示する"),
    ("acme.set", "ACME を使う"),
    ("acme.remove", "ACME の使用をやめる"),
    ("acme.order", "今すぐ証明書を注文する"),
    ("address-scheme.show", "ユーザーのアドレス形式と、切り替えた場合の影響を表示する"),
    ("address-scheme.switch", "ユーザーのアドレス形式を切り替える"),
    ("settings.list", "設定とその値を一覧する"),
    ("settings.put", "設定をまとめて変更する (すべて、または何も変更しない)"),
    ("admins.provider", "管理者のサインイン方法を表示する"),
    ("admins.change-provider", "管理者のサインイン方法を変更する"),
    ("admins.test-provider", "プロバイダーの情報と鍵を問い合わせる"),
    ("admins.unlink", "管理者とプロバイダーの関連付けを解除する"),
    ("admins.list", "管理者を一覧する"),
    ("admins.add", "管理者を追加する"),
    ("admins.show", "管理者を表示する"),
    ("admins.update", "管理者の名前、役割、サインインの可否を変更する"),
    ("admins.remove", "管理者を削除する"),
    ("admins.set-password", "管理者のパスワードを設定する"),
    ("admins.reset", "管理者が再びサインインできるようにする (緊急時の復旧)"),
    ("admins.list-sessions", "管理者のセッションを一覧する"),
    ("admins.revoke-session", "管理者のセッションを終了する"),
    ("tokens.list", "API トークンを一覧する"),
    ("tokens.add", "API トークンを作る"),
    ("tokens.remove", "API トークンを削除する"),
    ("diagnostics.checks", "トラブルシューターの検査を一覧する"),
    ("diagnostics.run", "検査を実行する (読み取りのみ)"),
    ("diagnostics.last", "前回の検査の結果を表示する"),
    ("diagnostics.bundle", "サポートバンドルを作成する"),
    ("audit.list", "監査ログを読む"),
    ("nodes.list", "ノードを一覧する"),
    ("nodes.restart", "ノードを再起動する"),
    ("notifications.list", "管理者の対応を待っているものを一覧する"),
    ("services.list", "このノードのサービスを一覧する"),
    ("services.show", "サービスを表示する"),
    ("services.start", "サービスを開始する"),
    ("services.stop", "サービスを停止する"),
    ("services.restart", "サービスを再起動する"),
    ("services.activate", "このノードでサービスを有効化する"),
    ("services.deactivate", "このノードでサービスを無効化する"),
    ("users.sessions", "ユーザーの現在のセッションを一覧する"),
    ("users.end-session", "ユーザーのセッションを終了する"),
    ("users.presence", "ユーザーの現在の在席情報を表示する"),
    ("users.contacts", "ユーザーの連絡先リストを表示する"),
    ("diagnostics.presence", "あるユーザーに別のユーザーがどう見えるかと、その理由を調べる"),
    ("diagnostics.log-level", "ログレベルを表示する"),
    ("diagnostics.set-log-level", "ログレベルを一定時間変更する"),
    ("diagnostics.traces", "ユーザーのスタンザのトレースを一覧する"),
    ("diagnostics.start-trace", "ユーザーのスタンザを一定時間トレースする"),
    ("diagnostics.read-trace", "トレースを読む"),
    ("diagnostics.stop-trace", "トレースを終了する"),
    ("alarms.list", "アラームを一覧する"),
    ("alarms.catalogue", "起こりうるアラームを一覧する"),
    ("alarms.show", "アラームを表示する"),
    ("alarms.acknowledge", "アラームを確認済みにする"),
    ("alarm-targets.list", "アラームの送信先とその状態を一覧する"),
    ("alarm-targets.add", "アラームの送信先を追加する"),
    ("alarm-targets.show", "アラームの送信先を表示する"),
    ("alarm-targets.change", "アラームの送信先を変更する"),
    ("alarm-targets.remove", "アラームの送信先を削除する"),
    ("alarm-targets.test", "アラームの送信先にテストを送る"),
    ("directories.start", "完全同期をバックグラウンドで始める"),
    ("directories.preview", "直近の試行の結果を表示する"),
    ("directories.leftovers", "ディレクトリーに残されたユーザーを一覧する"),
];

const TAGS: &[(&str, &str)] = &[
    ("session", "サインイン、サインアウト、最初の管理者"),
    ("account", "自分のアカウント"),
    ("status", "ノードの状態"),
    ("users", "内蔵ディレクトリーのユーザー"),
    ("directories", "ユーザーの取得元ディレクトリー"),
    ("gateways", "プレゼンスゲートウェイ (予定表サービス)"),
    ("jobs", "バックグラウンドの長い作業"),
    ("settings", "稼働中に変えられる設定"),
    ("address-scheme", "ユーザーのアドレス形式"),
    ("certificates", "ノードが提示する証明書"),
    ("acme", "公開認証局の証明書の自動取得"),
    ("trust", "ノードがクライアントとして信頼する認証局"),
    ("admins", "管理者とそのセッション"),
    ("tokens", "プログラム用の API トークン"),
    ("diagnostics", "トラブルシューター (読み取りのみの検査)"),
    ("audit", "誰が何を変更したか"),
    ("nodes", "クラスターのノード"),
    ("notifications", "管理者の対応を待っているもの (再起動待ち)"),
    ("services", "このノードのサービス (コントロールセンター)"),
    ("alarms", "起きていること、起きたこと、対処"),
    ("alarm-targets", "アラームの外部送信先: syslog、メール、Webhook"),
];

pub fn summary(lang: Lang, operation: &Operation) -> String {
    in_japanese(lang, SUMMARIES, &operation.id).unwrap_or(&operation.summary).to_owned()
}

pub fn tag(lang: Lang, tag: &Tag) -> String {
    let words = in_japanese(lang, TAGS, &tag.name).unwrap_or(tag.description.trim_end_matches('.'));
    format!("{}: {words}", tag.name)
}

/// A description of the document in the reader's language.
pub fn description(lang: Lang, text: &str) -> String {
    let japanese = if lang == Lang::Ja { DESCRIPTIONS.get(text) } else { None };
    japanese.map_or(text, String::as_str).to_owned()
}

fn in_japanese(lang: Lang, all: &'static [(&str, &str)], key: &str) -> Option<&'static str> {
    let found = all.iter().find(|(known, _)| *known == key).filter(|_| lang == Lang::Ja);
    found.map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::super::document::{operations, tags};
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_told_in_japanese() {
        let none: Vec<&str> = operations().iter().map(|one| one.id.as_str()).filter(|id| !known(SUMMARIES, id)).collect();
        assert!(none.is_empty(), "no Japanese for {none:?}: add a row to SUMMARIES in {}", file!());
        let none: Vec<&str> = tags().iter().map(|one| one.name.as_str()).filter(|name| !known(TAGS, name)).collect();
        assert!(none.is_empty(), "no Japanese for {none:?}: add a row to TAGS in {}", file!());
    }

    #[test]
    fn every_description_is_told_in_japanese() {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        for operation in operations() {
            all.insert(&operation.description);
            all.extend(operation.parameters.iter().map(|one| one.description.as_str()));
            all.extend(operation.answers.iter().map(|one| one.description.as_str()));
            all.extend(operation.schemas.iter().flat_map(|one| &one.fields).map(|field| field.description.as_str()));
        }
        all.remove("");
        let known: BTreeSet<&str> = DESCRIPTIONS.keys().map(String::as_str).collect();
        let none: Vec<&&str> = all.difference(&known).collect();
        assert!(none.is_empty(), "no Japanese for {none:?}: add it to locales/ja/api.json");
        let left: Vec<&&str> = known.difference(&all).collect();
        assert!(left.is_empty(), "nothing says {left:?} any more: take it out of locales/ja/api.json");
        assert!(all.iter().all(|text| !text.contains("[`")), "a link of the source code in a description");
    }

    fn known(all: &[(&str, &str)], key: &str) -> bool {
        all.iter().any(|(known, _)| *known == key)
    }
}
