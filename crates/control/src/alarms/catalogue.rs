//! Every alarm there is: what it means, how bad it is, and what to do.

use crate::text::Text;
use std::time::Duration;
use zaiseki_model::Severity;

/// One entry of the catalogue.
#[derive(Debug)]
pub struct AlarmKind {
    /// For programs, and for ever: `gateway.down`.
    pub id: &'static str,
    /// How bad it is, unless the part that raises it knows better ([`super::Alarms::raise_at`]).
    pub severity: Severity,
    title: (&'static str, &'static str),
    meaning: (&'static str, &'static str),
    remedy: (&'static str, &'static str),
    /// The page of the console where it is mended; `{}` stands for the subject.
    page: &'static str,
    /// For what has happened and is not going on: it is over after this long, or when somebody has seen it.
    pub lasts: Option<Duration>,
}

impl AlarmKind {
    pub fn title(&self) -> Text {
        Text::new(self.title.0, self.title.1)
    }

    pub fn meaning(&self) -> Text {
        Text::new(self.meaning.0, self.meaning.1)
    }

    pub fn remedy(&self) -> Text {
        Text::new(self.remedy.0, self.remedy.1)
    }

    /// The page of the console where it is mended.
    pub fn page_of(&self, subject: &str) -> Option<String> {
        (!self.page.is_empty()).then(|| self.page.replace("{}", &escaped(subject)))
    }
}

/// As one part of a path (RFC 3986 §2.1).
pub(crate) fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

const DAY: Duration = Duration::from_secs(86_400);

/// Subject: the gateway's name.
pub static GATEWAY_DOWN: AlarmKind = AlarmKind {
    id: "gateway.down",
    severity: Severity::Error,
    title: ("A calendar server does not answer", "予定表サーバーが応答しません"),
    meaning: (
        "The presence gateway gets no answers. Meetings that are known go on for a while (setting calendar.outage); new ones do not show.",
        "プレゼンスゲートウェイが応答を得られません。取得済みの会議はしばらく表示されますが (設定 calendar.outage)、新しい会議は表示されません。",
    ),
    remedy: (
        "Run the test of the gateway: it names the step that fails and what to do.",
        "ゲートウェイの検査を実行してください。失敗した段階と対処が表示されます。",
    ),
    page: "/console/gateways/{}",
    lasts: None,
};

/// Subject: the directory's name.
pub static DIRECTORY_SYNC_FAILED: AlarmKind = AlarmKind {
    id: "directory.sync-failed",
    severity: Severity::Error,
    title: ("A directory cannot be synchronised", "ディレクトリーを同期できません"),
    meaning: (
        "The last synchronisation failed. Nobody was removed; newcomers and changes are missing until one succeeds.",
        "前回の同期が失敗しました。削除されたユーザーはいませんが、成功するまで追加や変更が反映されません。",
    ),
    remedy: (
        "Test the servers of the directory, mend what the test names, and synchronise now.",
        "ディレクトリーのサーバーを検査し、指摘された点を直してから、今すぐ同期してください。",
    ),
    page: "/console/directories/{}",
    lasts: None,
};

/// Subject: `user-id`, `mail` or `directory-uri`.
pub static DIRECTORY_DUPLICATES: AlarmKind = AlarmKind {
    id: "directory.duplicates",
    severity: Severity::Warning,
    title: ("Several users claim the same value", "同じ値を持つユーザーが複数います"),
    meaning: (
        "A user id, mail address or directory URI belongs to several users or entries. Calendars and searches may name the wrong person, and an entry may have no account.",
        "ユーザー ID、メールアドレスまたはディレクトリー URI が重複しています。予定表や検索が別の人を示すおそれがあり、アカウントを作れないエントリーもあります。",
    ),
    remedy: (
        "List them (zaiseki user duplicates) and say who keeps each value (zaiseki user resolve).",
        "重複を一覧し (zaiseki user duplicates)、それぞれ誰のものかを決めてください (zaiseki user resolve)。",
    ),
    page: "/console/users:duplicates",
    lasts: None,
};

/// Subject: the job's id.
pub static JOB_FAILED: AlarmKind = AlarmKind {
    id: "job.failed",
    severity: Severity::Warning,
    title: ("A job has failed", "ジョブが失敗しました"),
    meaning: (
        "A job ended before its work was done. What it did until then stays.",
        "ジョブが途中で終了しました。それまでに済んだ分は残ります。",
    ),
    remedy: (
        "Read the log of the job; mend the cause and ask for the job again.",
        "ジョブのログを確認し、原因を直してから、もう一度実行してください。",
    ),
    page: "/console/jobs/{}",
    lasts: Some(DAY),
};

/// Subject: `data`, the folder of the database. Warning, error or critical by how full it is.
pub static DISK_SPACE: AlarmKind = AlarmKind {
    id: "disk.space",
    severity: Severity::Warning,
    title: ("The disk is filling up", "ディスクの空きが少なくなっています"),
    meaning: (
        "The file system of the data folder is nearly full. When it is full, no message is accepted any more.",
        "データフォルダーのあるファイルシステムの空きが残りわずかです。いっぱいになると、メッセージを受け付けられなくなります。",
    ),
    remedy: (
        "Make room on the file system, enlarge it, or let the archive keep messages for fewer days (setting archive_days).",
        "空きを増やすか、ファイルシステムを広げるか、アーカイブの保存日数 (設定 archive_days) を短くしてください。",
    ),
    page: "/console/messaging",
    lasts: None,
};

/// Subject: `database`.
pub static DATABASE_BACKLOG: AlarmKind = AlarmKind {
    id: "database.backlog",
    severity: Severity::Critical,
    title: ("The database does not keep up", "データベースへの書き込みが追いついていません"),
    meaning: (
        "More waits to be written than may wait: the disk refuses or is too slow. Messages that would have to be kept are turned away.",
        "書き込み待ちが上限を超えています。ディスクが書き込みを拒否しているか、遅すぎます。保存が必要なメッセージは受け付けられません。",
    ),
    remedy: (
        "Look at the log of the node for what the disk says; make room, or find out what slows it down. Nothing that was acknowledged is lost.",
        "ノードのログでディスクのエラーを確認し、空きを増やすか、遅い原因を取り除いてください。受領を通知したメッセージは失われません。",
    ),
    page: "/console/",
    lasts: None,
};

/// Subject: the service's name.
pub static SERVICE_FAILED: AlarmKind = AlarmKind {
    id: "service.failed",
    severity: Severity::Error,
    title: ("A service has failed", "サービスが異常終了しました"),
    meaning: (
        "A part of the node ended by a fault. It is started again by itself after a pause that grows; the other parts go on.",
        "ノードの一部が不具合で停止しました。間隔を空けて自動的に再開します。ほかのサービスは動き続けます。",
    ),
    remedy: (
        "Read why on the page of the services and in the log of the node. If it does not stay up, report the fault with the log.",
        "サービスのページとノードのログで原因を確認してください。再開しても止まる場合は、ログを添えて不具合を報告してください。",
    ),
    page: "/console/services",
    lasts: None,
};

/// Subject: the target's name.
pub static ALARM_TARGET_FAILED: AlarmKind = AlarmKind {
    id: "alarm-target.failed",
    severity: Severity::Warning,
    title: ("Alarms do not reach a target", "アラームが送信先に届きません"),
    meaning: (
        "A syslog server, mail server or webhook does not take alarms. They stand in the console; the target gets those that still wait when it works again.",
        "syslog サーバー、メールサーバーまたは Webhook がアラームを受け取りません。アラームはコンソールで確認できます。復旧すると、待っている分が送られます。",
    ),
    remedy: (
        "Send a test from the page of the target: it says why it does not arrive.",
        "送信先のページからテストを送信してください。届かない理由が表示されます。",
    ),
    page: "/console/alarm-targets/{}",
    lasts: None,
};

/// Sent by an administrator to see whether it arrives; never raised.
pub static TEST: AlarmKind = AlarmKind {
    id: "alarm-target.test",
    severity: Severity::Info,
    title: ("A test: alarms arrive here", "テスト: アラームはここに届きます"),
    meaning: ("Nothing is wrong.", "問題はありません。"),
    remedy: ("Nothing has to be done.", "対処は不要です。"),
    page: "",
    lasts: None,
};

/// Subject: `acme`.
pub static ACME_FAILED: AlarmKind = AlarmKind {
    id: "certificate.acme-failed",
    severity: Severity::Warning,
    title: ("No certificate by ACME", "ACME で証明書を取得できません"),
    meaning: (
        "The public authority did not give a certificate. The one in use stays until it ends; it is tried again with growing pauses, at least once a day.",
        "公開認証局から証明書を取得できませんでした。使用中の証明書は期限まで有効です。間隔を広げながら、少なくとも 1 日 1 回再試行します。",
    ),
    remedy: (
        "Read what the authority said. Usually a name does not lead to this node in the public DNS, or port 80 does not reach it.",
        "認証局の返答を確認してください。多くの場合、公開 DNS の名前がこのノードを指していないか、ポート 80 がノードに届いていません。",
    ),
    page: "/console/certificates:acme",
    lasts: None,
};

/// Subject: what the certificate is for: `web`, `gateway NAME`. Warning 30 days before its end, critical from 7 days on.
pub static CERTIFICATE_EXPIRING: AlarmKind = AlarmKind {
    id: "certificate.expiring",
    severity: Severity::Warning,
    title: ("A certificate expires", "証明書の有効期限が近づいています"),
    meaning: (
        "A certificate ends within 30 days, or has ended. Clients refuse to connect to a node whose certificate has ended.",
        "証明書の有効期限が 30 日以内、または期限切れです。期限が切れると、クライアントは接続を拒否します。",
    ),
    remedy: (
        "Renew the certificate and import it, or find out why its automatic renewal fails. No restart is needed.",
        "証明書を更新して取り込むか、自動更新が失敗する原因を調べてください。再起動は不要です。",
    ),
    page: "/console/certificates",
    lasts: None,
};

/// Subject: the administrator's name.
pub static ADMINISTRATOR_LOCKED_OUT: AlarmKind = AlarmKind {
    id: "administrator.locked-out",
    severity: Severity::Warning,
    title: ("Repeated wrong sign-ins of an administrator", "管理者のサインインが繰り返し失敗しています"),
    meaning: (
        "Somebody gave wrong passwords or codes for this account so often that it must wait between tries. It may be its owner, or somebody who guesses.",
        "このアカウントでパスワードまたはコードの誤りが続いたため、試行に待ち時間を設けています。本人の誤りか、第三者による推測の可能性があります。",
    ),
    remedy: (
        "Ask the owner. If it was not them: look at the addresses in the audit log, block them, and set a new password and a second factor.",
        "本人に確認してください。本人でない場合は、監査ログのアドレスを確認して遮断し、パスワードの変更と 2 段階認証の設定を行ってください。",
    ),
    page: "/console/administrators/{}",
    lasts: Some(DAY),
};

/// Subject: `clock`.
pub static CLOCK_JUMP: AlarmKind = AlarmKind {
    id: "clock.jump",
    severity: Severity::Warning,
    title: ("The clock has jumped", "時計が飛びました"),
    meaning: (
        "The time of the machine changed by more than a few seconds at once. Times of messages may be wrong, and codes of second factors may be refused.",
        "マシンの時刻が一度に大きく変わりました。メッセージの時刻が正しくない、または 2 段階認証のコードが拒否されるおそれがあります。",
    ),
    remedy: (
        "See to it that time synchronisation (NTP) runs on the machine and reaches its servers.",
        "時刻同期 (NTP) が動作し、サーバーに到達できることを確認してください。",
    ),
    page: "",
    lasts: Some(DAY),
};

/// Subject: `otlp`.
pub static TELEMETRY_FAILED: AlarmKind = AlarmKind {
    id: "telemetry.failed",
    severity: Severity::Warning,
    title: ("Metrics do not reach the collector", "メトリクスがコレクターに届きません"),
    meaning: (
        "The OpenTelemetry collector does not take the metrics; its graphs have a gap. The node itself is not affected.",
        "OpenTelemetry コレクターがメトリクスを受け取らず、グラフが途切れています。ノードの動作に影響はありません。",
    ),
    remedy: (
        "See whether the collector runs and whether the setting telemetry.otlp_url names it, with /v1/metrics at its end.",
        "コレクターが動いているか、設定 telemetry.otlp_url が正しいか (末尾は /v1/metrics) を確認してください。",
    ),
    page: "/console/parameters",
    lasts: None,
};

/// Every entry, by id.
pub static CATALOGUE: &[&AlarmKind] = &[
    &ADMINISTRATOR_LOCKED_OUT,
    &ALARM_TARGET_FAILED,
    &ACME_FAILED,
    &CERTIFICATE_EXPIRING,
    &CLOCK_JUMP,
    &DATABASE_BACKLOG,
    &DIRECTORY_DUPLICATES,
    &DIRECTORY_SYNC_FAILED,
    &DISK_SPACE,
    &GATEWAY_DOWN,
    &JOB_FAILED,
    &SERVICE_FAILED,
    &TELEMETRY_FAILED,
];

pub fn find(id: &str) -> Option<&'static AlarmKind> {
    CATALOGUE.iter().find(|kind| kind.id == id).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_says_what_to_do_in_both_languages() {
        assert!(CATALOGUE.is_sorted_by(|a, b| a.id < b.id));
        for kind in CATALOGUE {
            for text in [kind.title(), kind.meaning(), kind.remedy()] {
                assert!(text.en.is_ascii() && text.en.len() > 10, "{}: {}", kind.id, text.en);
                assert!(!text.ja.is_ascii(), "{}: {}", kind.id, text.ja);
            }
            assert!(kind.id.split_once('.').is_some_and(|(part, what)| !part.is_empty() && !what.is_empty()));
            assert!(std::ptr::eq(find(kind.id).unwrap(), *kind));
        }
        assert!(find("gateway.up").is_none());
    }
}
