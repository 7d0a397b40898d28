//! Signed JSON Web Tokens (RFC 7519, RFC 7515 compact form) and the keys that prove them (RFC 7517): RS256 and ES256, the
//! algorithms that every provider has. Which one is decided by the key, never by the token alone.

use super::{Fault, ISSUED_AHEAD};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// Bytes of a token.
pub const TOKEN_BYTES: usize = 64 * 1024;
/// Keys of one provider; further ones are not looked at.
pub const KEYS: usize = 64;

/// What a token says.
pub type Claims = Map<String, Value>;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// A token taken apart; nothing of it is proven yet.
pub(super) struct Token<'a> {
    alg: String,
    pub kid: Option<String>,
    /// By its type (RFC 9068 §2.1).
    pub is_access_token: bool,
    signed: &'a str,
    claims: Claims,
    signature: Vec<u8>,
}

impl Token<'_> {
    pub fn parse(text: &str) -> Result<Token<'_>, Fault> {
        if text.len() > TOKEN_BYTES {
            return Err(Fault::token("it is too long"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(shape)?;
        let (header, payload) = signed.split_once('.').filter(|(_, payload)| !payload.contains('.')).ok_or_else(shape)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| shape())?;
        let claims = serde_json::from_slice(&decode(payload)?).map_err(|_| shape())?;
        // RFC 7515 §4.1.11: what has to be understood and is not.
        if header.crit.is_some() {
            return Err(Fault::token("it has critical extensions"));
        }
        let usual = |typ: &str| ["jwt", "at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known));
        if !header.typ.as_deref().is_none_or(usual) {
            return Err(Fault::token("it is of another type"));
        }
        let is_access_token = header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt"));
        Ok(Token { alg: header.alg, is_access_token, kid: header.kid, signed, claims, signature: decode(signature)? })
    }

    /// The claims, when one of the keys signed them.
    pub fn proven(self, keys: &[Key]) -> Result<Claims, Fault> {
        let fits = |key: &&Key| key.proof.alg() == self.alg && (self.kid.is_none() || key.kid == self.kid);
        let good = keys.iter().filter(fits).any(|key| key.proof.verify(self.signed.as_bytes(), &self.signature));
        if good { Ok(self.claims) } else { Err(Fault::token("no key of the provider signed it")) }
    }
}

fn shape() -> Fault {
    Fault::token("it is not a signed JSON Web Token")
}

fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    BASE64.decode(text).map_err(|_| shape())
}

/// Who a token must come from and be for, and when.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    /// Seconds since the epoch.
    pub now: i64,
    pub leeway: Duration,
}

impl Expected<'_> {
    /// RFC 7519 §4.1: issuer, audience and time. A token that never expires is none.
    pub fn check(&self, claims: &Claims) -> Result<(), Fault> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer) {
            return Err(Fault::token("another issuer made it"));
        }
        let for_us = match claims.get("aud") {
            Some(Value::String(audience)) => audience == self.audience,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(self.audience)),
            _ => false,
        };
        if !for_us {
            return Err(Fault::token("it is made for another audience"));
        }
        let leeway = i64::try_from(self.leeway.as_secs()).unwrap_or_default();
        let time = |name: &str| claims.get(name).map(|value| value.as_f64().map(|seconds| seconds as i64));
        match time("exp") {
            Some(Some(at)) if self.now.saturating_sub(leeway) < at => {}
            Some(Some(_)) => return Err(Fault::Expired),
            _ => return Err(Fault::token("it does not say when it expires")),
        }
        let begun =
            |at: Option<Option<i64>>, ahead: i64| at.is_none_or(|at| at.is_some_and(|at| at <= self.now.saturating_add(ahead)));
        if !begun(time("nbf"), leeway) || !begun(time("iat"), leeway.max(ISSUED_AHEAD)) {
            return Err(Fault::token("it is from the future"));
        }
        Ok(())
    }
}

/// A public key for signatures.
pub(super) struct Key {
    kid: Option<String>,
    proof: Proof,
}

enum Proof {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
}

impl Proof {
    fn alg(&self) -> &'static str {
        match self {
            Proof::Rsa { .. } => "RS256",
            Proof::P256(_) => "ES256",
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Proof::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
            Proof::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok(),
        }
    }
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl Jwk {
    fn key(self) -> Option<Key> {
        if self.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let part = |text: Option<String>| BASE64.decode(text?.trim_end_matches('=')).ok();
        let proof = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Proof::Rsa { n: part(self.n)?, e: part(self.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (part(self.x)?, part(self.y)?);
                (x.len() == 32 && y.len() == 32).then(|| Proof::P256([&[4][..], &x, &y].concat()))?
            }
            _ => return None,
        };
        self.alg.is_none_or(|alg| alg == proof.alg()).then_some(Key { kid: self.kid, proof })
    }
}

/// Reads a key set (RFC 7517 §5). Keys that are not for such signatures are left out.
pub(super) fn keys(json: &[u8]) -> Result<Vec<Key>, Fault> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(json).map_err(|_| Fault::provider("its keys are not understood"))?;
    let keys = set.keys.into_iter().take(KEYS).filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.key());
    let keys: Vec<Key> = keys.collect();
    if keys.is_empty() { Err(Fault::provider("it has no key for RS256 or ES256")) } else { Ok(keys) }
}

/// Whether a token that names this key can be judged by these.
pub(super) fn holds(keys: &[Key], kid: Option<&str>) -> bool {
    kid.is_none() || keys.iter().any(|key| key.kid.as_deref() == kid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // RFC 7515 appendix A.2 (RS256) and A.3 (ES256): keys and tokens.
    const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn set() -> Vec<Key> {
        let ec = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
        let set = json!({"keys": [
            {"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "use": "enc", "n": RSA_N, "e": "AQAB"}, 7,
            {"kty": "RSA", "kid": "a", "n": RSA_N, "e": "AQAB"}, ec,
        ]});
        keys(set.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_examples_of_the_specification_are_proven() {
        let keys = set();
        assert_eq!(keys.len(), 2, "only those for signatures");
        for text in [RS256, ES256] {
            let claims = Token::parse(text).unwrap().proven(&keys).unwrap();
            assert_eq!(claims["iss"], "joe");
        }
    }

    #[test]
    fn a_token_that_was_touched_is_not() {
        let keys = set();
        let proven = |text: &str| Token::parse(text).and_then(|token| token.proven(&keys)).is_ok();
        let [header, payload, signature] = *RS256.split('.').collect::<Vec<_>>() else { panic!() };
        let none = BASE64.encode(r#"{"alg":"none"}"#);
        let other = BASE64.encode(r#"{"iss":"joe","exp":1}"#);
        let hmac = BASE64.encode(r#"{"alg":"HS256"}"#);
        let es = BASE64.encode(r#"{"alg":"ES256"}"#);
        let unknown = BASE64.encode(r#"{"alg":"RS256","kid":"b"}"#);
        let critical = BASE64.encode(r#"{"alg":"RS256","crit":["x"]}"#);
        let logout = BASE64.encode(r#"{"alg":"RS256","typ":"logout+jwt"}"#);
        for head in [none.as_str(), &hmac, &es, &unknown, &critical, &logout] {
            assert!(!proven(&format!("{head}.{payload}.{signature}")), "{head}");
        }
        for bad in [
            format!("{header}.{other}.{signature}"),
            format!("{header}.{payload}."),
            format!("{header}.{payload}"),
            format!("{header}.{payload}.{signature}.{signature}"),
            format!("{header}.{payload}.{signature}="),
            String::new(),
            "a.b.c".to_owned(),
            "x".repeat(TOKEN_BYTES + 1),
        ] {
            assert!(!proven(&bad), "{bad}");
        }
    }

    #[test]
    fn issuer_audience_and_time_have_to_be_right() {
        let good = json!({"iss": "https://id", "aud": ["x", "chat"], "exp": 1_100, "nbf": 900, "iat": 900});
        let check = |change: Value, now: i64| {
            let mut claims = good.as_object().unwrap().clone();
            for (key, value) in change.as_object().unwrap() {
                if value.is_null() {
                    claims.remove(key)
                } else {
                    claims.insert(key.clone(), value.clone())
                };
            }
            let leeway = Duration::from_secs(30);
            Expected { issuer: "https://id", audience: "chat", now, leeway }.check(&claims).is_ok()
        };
        assert!(check(json!({}), 1_000) && check(json!({"aud": "chat"}), 1_000) && check(json!({"exp": 1100.5}), 1_000));
        assert!(check(json!({}), 1_129) && !check(json!({}), 1_130), "the leeway, and one past it");
        assert!(check(json!({"iat": null}), 870) && !check(json!({"iat": null}), 869));
        for bad in [
            json!({"iss": "https://id/"}),
            json!({"iss": null}),
            json!({"aud": "chatter"}),
            json!({"aud": null}),
            json!({"aud": {"chat": 1}}),
            json!({"exp": null}),
            json!({"exp": "1100"}),
            json!({"nbf": "soon"}),
            json!({"iat": 5_000}),
        ] {
            assert!(!check(bad.clone(), 1_000), "{bad}");
        }
    }

    #[test]
    fn a_key_set_has_a_greatest_size_and_needs_a_key() {
        let set = |count: usize| {
            let other = std::iter::repeat_n(json!({"kty": "oct", "k": "AA"}), count);
            let keys: Vec<Value> = other.chain([json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"})]).collect();
            super::keys(json!({"keys": keys}).to_string().as_bytes())
        };
        assert!(set(KEYS - 1).is_ok() && set(KEYS).is_err());
        assert!(super::keys(b"{}").is_err() && super::keys(b"[").is_err());
    }
}
