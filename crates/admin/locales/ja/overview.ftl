dashboard-version = バージョン
dashboard-database-bad = データベースに書き込めません。データフォルダーのディスクを確認してください。復旧するまでメッセージを受け付けません。
dashboard-users = ユーザー
dashboard-users-enabled = サインイン可能 { $number } 人
dashboard-gateways = プレゼンスゲートウェイ
dashboard-gateways-note = { $all } 台中 { $up } 台が応答
dashboard-started = 稼働開始
