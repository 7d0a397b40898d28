//! Why a certificate or key is not taken, for administrators.

use crate::error::ControlError;
use crate::text::Text;
use zaiseki_net::tls::{CHAIN_CERTIFICATES, PEM_BYTES, Unfit};

/// With the field that it is about: `certificate` or `key`.
pub(crate) fn refused(why: &Unfit) -> ControlError {
    let field = if why.is_about_key() { "key" } else { "certificate" };
    ControlError::Invalid { field, text: Text::new(why.to_string(), japanese(why)) }
}

fn japanese(why: &Unfit) -> String {
    match why {
        Unfit::TooLong => format!("{PEM_BYTES} バイトを超えています"),
        Unfit::NotPem(why) => format!("PEM として読み取れません: {why}"),
        Unfit::NoCertificate => "証明書がありません (\"-----BEGIN CERTIFICATE-----\")".to_owned(),
        Unfit::TooMany => format!("証明書が {CHAIN_CERTIFICATES} 枚を超えています"),
        Unfit::Unreadable(number) => format!("{number} 枚目の証明書を読み取れません"),
        Unfit::NoKey => "秘密鍵がありません (\"-----BEGIN PRIVATE KEY-----\")".to_owned(),
        Unfit::EncryptedKey => {
            "秘密鍵が暗号化されています。先に復号してください (openssl pkey -in key.pem -out clear.pem)".to_owned()
        }
        Unfit::KeyKind => "この種類の秘密鍵には対応していません".to_owned(),
        Unfit::OtherKey => "秘密鍵が最初の証明書に対応していません".to_owned(),
        Unfit::Order { number, subject } => format!(
            "{number} 枚目の証明書 {subject} は、次の証明書が発行したものではありません。ノードの証明書から認証局の証明書の順に並べてください"
        ),
        Unfit::Ended { number, subject } => format!("{number} 枚目の証明書 {subject} は期限切れです"),
        Unfit::NotYet { number, subject } => format!("{number} 枚目の証明書 {subject} はまだ有効ではありません"),
        Unfit::WeakKey { number, subject, key } => format!("{number} 枚目の証明書 {subject} の鍵が弱すぎます ({key})"),
        Unfit::Authority => "最初の証明書は認証局のもので、サーバーのものではありません".to_owned(),
        Unfit::NoNames => "最初の証明書に名前 (subjectAltName) がないため、クライアントに拒否されます".to_owned(),
        Unfit::Chain(why) => format!("証明書の連鎖が成り立ちません: {why}"),
        Unfit::NoAuthority => "認証局 (CA) の証明書ではありません".to_owned(),
        Unfit::Several => "証明書が 2 枚以上あります。1 枚ずつ追加してください".to_owned(),
    }
}
