# どのページにもある枠
frame-skip = 本文へ移動
frame-menu = メニュー
frame-navigation = ページ
frame-sign-out = サインアウト
frame-cancel = キャンセル
frame-first = 最初のページ
frame-previous = 前のページ
frame-next = 次のページ
frame-required = （必須）
frame-save = 保存
frame-edit = 編集
frame-remove = 削除
frame-search = 検索
frame-help = ヘルプ
frame-refreshes = { $seconds } 秒ごとに自動更新

nav-overview = 概要
nav-dashboard = ダッシュボード
nav-audit = 監査ログ

nav-system = システム
nav-topology = トポロジー
nav-notifications = 通知
nav-parameters = パラメーター
nav-security = セキュリティ
nav-user-sign-in = ユーザーのサインイン
nav-admin-sign-in = 管理者のサインイン
nav-administrators = 管理者
nav-tokens = API トークン
nav-certificates = 証明書
nav-trust = 信頼する認証局
nav-targets = アラーム送信先

nav-presence = プレゼンス
nav-presence-settings = 設定
nav-gateways = ゲートウェイ

nav-messaging = メッセージング
nav-messaging-settings = 設定

nav-people = ユーザー管理
nav-users = ユーザー
nav-directories = ディレクトリー
nav-duplicates = 重複
nav-addresses = アドレス形式
nav-people-settings = ユーザー検索の設定

nav-diagnostics = 診断
nav-troubleshooter = トラブルシューター
nav-presence-viewer = 在席ビューアー

nav-bulk = 一括管理
nav-jobs = ジョブ

nav-serviceability = 保守
nav-control-center = コントロールセンター

nav-alarms = アラーム
nav-traces = スタンザトレース
nav-log-level = ログレベル
error-title = 処理できませんでした
error-forbidden = この操作はできません。権限 { $right } が必要です。権限のある管理者に依頼してください。
error-not-found-title = ページがありません
error-not-found = アドレスが誤っているか、対象がすでに削除されています。
error-form = フォームにトークンがないか、期限が切れています。何も変更していません。もう一度送信してください。
error-large = 送信された内容が大きすぎます。何も変更していません。
frame-waiting = (対応待ち: { $number } 件)
frame-open-alarms = (発生中のアラーム: { $number } 件)
frame-overtaken = ほかの人が同じ項目を先に変更したため、まだ保存していません。印の付いた項目を確認してから、もう一度保存してください。
frame-meanwhile = ほかの人が次の内容で保存しました: { $value }
frame-stale = { $at } から更新されていません。ノードが応答しないか、サインアウトしています。
