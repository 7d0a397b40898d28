//! Signing people in by a provider: the authorization code flow (OpenID Connect Core 1.0 §3.1) with PKCE (RFC 7636, S256), `state`,
//! `nonce` and the issuer in the answer (RFC 9207).

use super::jwt::Token;
use super::{ANSWER_BYTES, Claims, Discovery, Expected, Fault, Provider, chain, checked};
use crate::http::{HeaderValue, Method, Request, StatusCode, Url, header};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Who asks a provider.
#[derive(Clone, Copy)]
pub struct ClientOf<'a> {
    pub id: &'a str,
    /// Empty for a public client.
    pub secret: &'a str,
    /// Where browsers come back to, exactly as it is registered.
    pub redirect_uri: &'a str,
}

/// What a browser takes along, each used for one sign-in.
#[derive(Clone, Copy)]
pub struct Once<'a> {
    pub state: &'a str,
    pub nonce: &'a str,
    /// Of PKCE, 43 to 128 characters.
    pub verifier: &'a str,
}

/// The tokens that a code was exchanged for.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

/// The challenge of a verifier (RFC 7636 §4.2).
fn challenge(verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}

fn endpoint(address: Option<&String>, what: &str) -> Result<Url, Fault> {
    let address = address.ok_or_else(|| Fault::provider(format!("it does not say where its {what} is")))?;
    checked(address)
}

impl Provider {
    /// Where to send the browser.
    pub async fn authorization(&self, client: ClientOf<'_>, once: Once<'_>, scope: &str) -> Result<Url, Fault> {
        let discovery = self.discovery().await?;
        let mut url = endpoint(discovery.authorization_endpoint.as_ref(), "authorization endpoint")?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client.id)
            .append_pair("redirect_uri", client.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", once.state)
            .append_pair("nonce", once.nonce)
            .append_pair("code_challenge", &challenge(once.verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Whether an answer that names this issuer, or none, may be this provider's (RFC 9207 §2.4).
    pub async fn answers_as(&self, issuer: Option<&str>) -> Result<bool, Fault> {
        match issuer {
            Some(issuer) => Ok(issuer == self.issuer),
            None => Ok(!self.discovery().await?.authorization_response_iss_parameter_supported),
        }
    }

    /// Exchanges a code for what the provider says of the person. `wanted`: claims for which the user info is asked when the token
    /// does not hold them.
    pub async fn redeem(
        &self,
        code: &str,
        client: ClientOf<'_>,
        once: Once<'_>,
        wanted: &[&str],
        (now, leeway): (i64, Duration),
    ) -> Result<Claims, Fault> {
        let discovery = self.discovery().await?;
        let tokens = self.exchange(&discovery, code, client, once.verifier).await?;
        let token = Token::parse(&tokens.id_token)?;
        if token.is_access_token {
            return Err(Fault::token("it is an access token"));
        }
        let keys = self.keys_for(token.kid.as_deref()).await?;
        let mut claims = token.proven(&keys)?;
        Expected { issuer: &self.issuer, audience: client.id, now, leeway }.check(&claims)?;
        is_for(&claims, client.id, once.nonce)?;
        if let (Some(access), true) = (&tokens.access_token, wanted.iter().any(|name| !claims.contains_key(*name))) {
            self.add_user_info(&discovery, access, &mut claims).await?;
        }
        Ok(claims)
    }

    async fn exchange(&self, discovery: &Discovery, code: &str, client: ClientOf<'_>, verifier: &str) -> Result<Tokens, Fault> {
        let url = endpoint(discovery.token_endpoint.as_ref(), "token endpoint")?;
        let basic = by_basic(discovery, client.secret);
        let form = exchange_form(code, client, verifier, basic);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = Request::new(Method::POST, url, form).header(header::CONTENT_TYPE, kind);
        if basic {
            request = request.header(header::AUTHORIZATION, basic_of(client)?);
        }
        let response = self.client.send(request).await.map_err(|why| Fault::provider(chain(&why)))?;
        match response.status {
            StatusCode::OK => serde_json::from_slice(&response.body)
                .map_err(|_| Fault::provider("its token endpoint's answer is not understood")),
            // RFC 6749 §5.2: the code is wrong, was used, or is too old; the fault is the browser's.
            StatusCode::BAD_REQUEST if error_of(&response.body) == "invalid_grant" => {
                Err(Fault::token("its code is not good (any more)"))
            }
            status => Err(Fault::provider(format!("its token endpoint answers {status} {}", error_of(&response.body)))),
        }
    }

    /// What the provider says elsewhere about the same person (OpenID Connect Core 1.0 §5.3.2).
    async fn add_user_info(&self, discovery: &Discovery, access: &str, claims: &mut Claims) -> Result<(), Fault> {
        let Some(address) = &discovery.userinfo_endpoint else { return Ok(()) };
        let bearer = HeaderValue::from_str(&format!("Bearer {access}")).map_err(|_| Fault::token("its access token is odd"))?;
        let request = Request::new(Method::GET, checked(address)?, "").header(header::AUTHORIZATION, bearer);
        let response = self.client.send(request).await.map_err(|why| Fault::provider(chain(&why)))?;
        let said: Option<Claims> = serde_json::from_slice(&response.body).ok();
        let Some(said) = said.filter(|_| response.status == StatusCode::OK && response.body.len() <= ANSWER_BYTES) else {
            return Err(Fault::provider(format!("{address}: it answers {}", response.status)));
        };
        if said.get("sub").is_none() || said.get("sub") != claims.get("sub") {
            return Err(Fault::token("its user info is about somebody else"));
        }
        for (name, value) in said {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }
}

/// What the token endpoint is sent (RFC 6749 §4.1.3, RFC 7636 §4.5).
fn exchange_form(code: &str, client: ClientOf<'_>, verifier: &str, basic: bool) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code").append_pair("code", code);
    form.append_pair("redirect_uri", client.redirect_uri).append_pair("code_verifier", verifier);
    if !basic {
        form.append_pair("client_id", client.id);
        if !client.secret.is_empty() {
            form.append_pair("client_secret", client.secret);
        }
    }
    form.finish()
}

/// What an ID token says besides (OpenID Connect Core 1.0 §3.1.3.7).
fn is_for(claims: &Claims, client: &str, nonce: &str) -> Result<(), Fault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("nonce") != Some(nonce) {
        return Err(Fault::token("it belongs to another sign-in"));
    }
    let several = matches!(claims.get("aud"), Some(Value::Array(list)) if list.len() > 1);
    match claims.get("azp") {
        None if several => return Err(Fault::token("it does not say whom it was made for")),
        Some(azp) if azp.as_str() != Some(client) => return Err(Fault::token("it was made for another client")),
        _ => {}
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(Fault::token("it names nobody"));
    }
    Ok(())
}

/// The secret goes into the head unless the provider takes it in the body only (OpenID Connect Discovery 1.0 §3: `basic` is the default).
fn by_basic(discovery: &Discovery, secret: &str) -> bool {
    let methods = discovery.token_endpoint_auth_methods_supported.as_deref();
    !secret.is_empty() && methods.is_none_or(|list| list.iter().any(|method| method == "client_secret_basic"))
}

/// RFC 6749 §2.3.1: both parts in the form of a query.
fn basic_of(client: ClientOf<'_>) -> Result<HeaderValue, Fault> {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client.id), encoded(client.secret));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
        .map_err(|_| Fault::provider("the client's secret cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The word of an error (RFC 6749 §5.2), for the log.
fn error_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    let said = serde_json::from_slice::<Said>(body).map(|said| said.error).unwrap_or_default();
    said.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_challenge_is_that_of_the_specification() {
        // RFC 7636 appendix B
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_token_is_for_this_client_and_this_sign_in() {
        let good = |claims: Value| is_for(claims.as_object().unwrap(), "console", "n").is_ok();
        assert!(good(json!({"aud": "console", "nonce": "n", "sub": "1"})));
        assert!(good(json!({"aud": ["console", "x"], "azp": "console", "nonce": "n", "sub": "1"})));
        for wrong in [
            json!({"aud": "console", "sub": "1"}),
            json!({"aud": "console", "nonce": "m", "sub": "1"}),
            json!({"aud": "console", "nonce": 1, "sub": "1"}),
            json!({"aud": ["console", "x"], "nonce": "n", "sub": "1"}),
            json!({"aud": "console", "azp": "x", "nonce": "n", "sub": "1"}),
            json!({"aud": "console", "nonce": "n", "sub": ""}),
            json!({"aud": "console", "nonce": "n"}),
        ] {
            assert!(!good(wrong.clone()), "{wrong}");
        }
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let said = |methods: Value| -> Discovery {
            let mut all = json!({"issuer": "i", "jwks_uri": "j"});
            if !methods.is_null() {
                all["token_endpoint_auth_methods_supported"] = methods;
            }
            serde_json::from_value(all).unwrap()
        };
        assert!(by_basic(&said(Value::Null), "s") && by_basic(&said(json!(["client_secret_basic"])), "s"));
        assert!(!by_basic(&said(json!(["client_secret_post"])), "s") && !by_basic(&said(Value::Null), ""));
        let client = ClientOf { id: "a:b", secret: "c d", redirect_uri: "" };
        assert_eq!(basic_of(client).unwrap(), format!("Basic {}", BASE64_STANDARD.encode("a%3Ab:c+d")));
    }
}
