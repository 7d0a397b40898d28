//! How users sign in.

use super::{Effect, Kind, Setting, number, seconds, text};
use crate::error::{ControlError, Result};
use serde_json::json;
use std::time::Duration;
use zaiseki_model::settings::Settings;
use zaiseki_model::sign_in::{SignInMode, SignInSettings};
use zaiseki_net::http::{AddressPolicy, Url};

/// Bytes of certificates.
const CA_CHARS: usize = 64 * 1024;
/// Characters of an issuer, an audience, a claim.
const TEXT_CHARS: usize = 500;

pub(super) const MODE: Setting = Setting {
    key: "sign_in.mode",
    kind: Kind::Choice(&SignInMode::NAMES),
    unit: "",
    effect: Effect::Live,
    help: (
        "How users sign in: by passwords kept here (local), by the password of their LDAP directory (ldap), or by an access token of an OpenID provider (oidc). New connections; sessions that run go on.",
        "ユーザーのサインイン方法: ここに保存されたパスワード (local)、LDAP ディレクトリーのパスワード (ldap)、OpenID プロバイダーのアクセストークン (oidc)。新しい接続から適用され、実行中のセッションは続きます。",
    ),
    get: |s| json!(s.sign_in.mode.as_str()),
    set: |s, v| s.sign_in.mode = v.as_str().and_then(SignInMode::parse).unwrap_or_default(),
};

pub(super) const KEEP_KEYS: Setting = Setting {
    key: "sign_in.keep_keys_hours",
    kind: Kind::Number { min: 0, max: 720, or_none: false },
    unit: "hours",
    effect: Effect::Live,
    help: (
        "LDAP: how long keys made of a right password are kept, so that clients may sign in without sending it (SCRAM) and while the directory is down; 0: never.",
        "LDAP: 正しいパスワードから作った鍵を残す時間。残っている間はパスワードを送らずに (SCRAM)、ディレクトリーの停止中もサインインできます。0 は残しません。",
    ),
    get: |s| json!(s.sign_in.keep_keys.as_secs() / 3600),
    set: |s, v| s.sign_in.keep_keys = Duration::from_secs(u64::from(number(v).unwrap_or_default()) * 3600),
};

pub(super) const PASSWORD_CHARS: Setting = Setting {
    key: "sign_in.password_chars",
    kind: Kind::Number { min: 8, max: 64, or_none: false },
    unit: "characters",
    effect: Effect::Live,
    help: (
        "The least length of a user's new password, where passwords are kept here. Those of an imported file are taken as they are.",
        "ここに保存するユーザーの新しいパスワードの最小の長さ。インポートするファイルのパスワードには適用されません。",
    ),
    get: |s| json!(s.sign_in.password_chars),
    set: |s, v| s.sign_in.password_chars = number(v).unwrap_or(64),
};

pub(super) const ISSUER: Setting = Setting {
    key: "sign_in.oidc_issuer",
    kind: Kind::Text { chars: TEXT_CHARS, lines: false },
    unit: "",
    effect: Effect::Live,
    help: (
        "OpenID: the provider's address, exactly as its tokens name it (iss), such as https://id.example.com/realms/staff.",
        "OpenID: プロバイダーのアドレス。トークンの iss と同じ表記にします（例: https://id.example.com/realms/staff）。",
    ),
    get: |s| json!(s.sign_in.oidc.issuer),
    set: |s, v| s.sign_in.oidc.issuer = text(v),
};

pub(super) const AUDIENCE: Setting = Setting {
    key: "sign_in.oidc_audience",
    kind: Kind::Text { chars: TEXT_CHARS, lines: false },
    unit: "",
    effect: Effect::Live,
    help: (
        "OpenID: who access tokens must be made for (aud), as it is registered with the provider.",
        "OpenID: アクセストークンの対象 (aud)。プロバイダーに登録した値です。",
    ),
    get: |s| json!(s.sign_in.oidc.audience),
    set: |s, v| s.sign_in.oidc.audience = text(v),
};

pub(super) const CLAIM: Setting = Setting {
    key: "sign_in.oidc_claim",
    kind: Kind::Choice(&["preferred_username", "sub", "email"]),
    unit: "",
    effect: Effect::Live,
    help: (
        "OpenID: which claim of a token holds the user id; of email, the part before this domain's @, and only when it is verified.",
        "OpenID: ユーザー ID を表すトークンの項目。email は確認済みのものに限り、このドメインの @ より前の部分を使います。",
    ),
    get: |s| json!(s.sign_in.oidc.claim),
    set: |s, v| s.sign_in.oidc.claim = text(v),
};

pub(super) const LEEWAY: Setting = Setting {
    key: "sign_in.oidc_leeway",
    kind: Kind::Number { min: 0, max: 300, or_none: false },
    unit: "seconds",
    effect: Effect::Live,
    help: ("OpenID: how much the provider's clock may differ from this one.", "OpenID: プロバイダーの時計とのずれの許容範囲。"),
    get: |s| json!(s.sign_in.oidc.leeway.as_secs()),
    set: |s, v| s.sign_in.oidc.leeway = seconds(v),
};

pub(super) const CA: Setting = Setting {
    key: "sign_in.oidc_ca",
    kind: Kind::Text { chars: CA_CHARS, lines: true },
    unit: "",
    effect: Effect::Live,
    help: (
        "OpenID: certificate authorities of the provider (PEM); empty: those of the operating system.",
        "OpenID: プロバイダーの認証局 (PEM)。空の場合は OS の認証局を使います。",
    ),
    get: |s| json!(s.sign_in.oidc.ca),
    set: |s, v| s.sign_in.oidc.ca = text(v),
};

/// What must be true of several settings together.
///
/// # Errors
/// `invalid` naming the key to mend.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let oidc = &settings.sign_in.oidc;
    check_address(ISSUER.key, &oidc.issuer)?;
    check_authorities(CA.key, &oidc.ca)?;
    if settings.sign_in.mode != SignInMode::Oidc {
        return Ok(());
    }
    let needed = |field, value: &str| match value {
        "" => Err(ControlError::invalid(field, "is needed for sign-in by OpenID", "OpenID によるサインインに必要です")),
        _ => Ok(()),
    };
    needed(ISSUER.key, &oidc.issuer)?;
    needed(AUDIENCE.key, &oidc.audience)
}

/// Of an address that the node does not connect to by itself.
pub(super) const NOT_ALLOWED: (&str, &str) = (
    "is an address that is asked only if outbound.allow of the configuration file names it: it is link-local, or gives out credentials of the machine",
    "リンクローカルか、認証情報を配布するアドレスです。設定ファイルの outbound.allow で許可しない限り接続しません",
);

/// Tokens and keys in clear text would be anybody's: only this machine is spoken to so.
pub(crate) fn check_address(field: &'static str, issuer: &str) -> Result<()> {
    if issuer.is_empty() {
        return Ok(());
    }
    let plain =
        |url: &Url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let url = Url::parse(issuer).ok().filter(plain);
    let here = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url {
        Some(url) if AddressPolicy::CONFIGURED.refuses(&url).is_some() => {
            Err(ControlError::invalid(field, NOT_ALLOWED.0, NOT_ALLOWED.1))
        }
        Some(url) if url.scheme() == "https" || (url.scheme() == "http" && here(&url)) => Ok(()),
        _ => {
            let en = "must be an https address without a query, such as https://id.example.com";
            let ja = "https://id.example.com のような、クエリーのない https アドレスを指定してください";
            Err(ControlError::invalid(field, en, ja))
        }
    }
}

pub(crate) fn check_authorities(field: &'static str, pem: &str) -> Result<()> {
    if pem.is_empty() || zaiseki_net::tls::client_config_trusting(pem).is_ok() {
        return Ok(());
    }
    Err(ControlError::invalid(field, "must hold certificates in PEM", "PEM 形式の証明書を指定してください"))
}

/// Whether keys of passwords may be kept.
pub(super) fn keeps_keys(settings: &SignInSettings) -> bool {
    settings.mode == SignInMode::Ldap && !settings.keep_keys.is_zero()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::settings::put;
    use crate::app::tests::Fixture;
    use serde_json::Value;

    fn refused(changes: Value) -> Option<&'static str> {
        let fixture = Fixture::new();
        put(&fixture.app, "tester", &serde_json::from_value(changes).unwrap()).map_err(|error| error.field()).err().flatten()
    }

    #[test]
    fn a_mode_that_cannot_work_is_refused() {
        assert_eq!(refused(json!({"sign_in.mode": "oidc"})), Some("sign_in.oidc_issuer"));
        let issuer = json!({"sign_in.mode": "oidc", "sign_in.oidc_issuer": "https://id.example.com"});
        assert_eq!(refused(issuer), Some("sign_in.oidc_audience"));
        let all =
            json!({"sign_in.mode": "oidc", "sign_in.oidc_issuer": "https://id.example.com", "sign_in.oidc_audience": "chat"});
        assert_eq!(refused(all), None);
        assert_eq!(refused(json!({"sign_in.mode": "kerberos"})), Some("sign_in.mode"));
        assert_eq!(refused(json!({"sign_in.mode": "ldap", "sign_in.keep_keys_hours": 8})), None);
    }

    #[test]
    fn a_provider_in_clear_text_is_on_this_machine() {
        for good in ["https://id.example.com/realms/staff", "http://localhost:9400", "http://127.0.0.1:1", "http://[::1]:1", ""] {
            assert_eq!(refused(json!({"sign_in.oidc_issuer": good})), None, "{good}");
        }
        for bad in ["http://id.example.com", "id.example.com", "https://a/?b", "https://u@a/", "ftp://localhost", "https://"] {
            assert_eq!(refused(json!({"sign_in.oidc_issuer": bad})), Some("sign_in.oidc_issuer"), "{bad}");
        }
        assert_eq!(refused(json!({"sign_in.oidc_ca": "no certificate"})), Some("sign_in.oidc_ca"));
    }
}
