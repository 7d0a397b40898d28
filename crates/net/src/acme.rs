//! Certificates from a public authority by ACME (RFC 8555), over the guarded HTTP client.

use crate::http::{Client, HttpError, Request, Url};
use crate::tls::{Issued, TlsError, request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy,
};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// For the authority to look at the challenges, and then to make the certificate; each.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority said no, or something that is not ACME.
    #[error("{0}")]
    Protocol(#[from] Error),
    #[error("the connection to the authority: {0}")]
    Http(#[from] HttpError),
    #[error("the kept account cannot be read: {0}")]
    Account(serde_json::Error),
    #[error("{name}: the authority offers no challenge over HTTP (HTTP-01)")]
    NoChallenge { name: String },
    /// What the authority saw when it looked.
    #[error("{name}: {why}")]
    Refused { name: String, why: String },
    #[error("the order ended as {0}")]
    Ended(String),
    #[error("the certificate could not be asked for")]
    Request(#[from] TlsError),
    #[error("the certificate could not be asked for: {0}")]
    Csr(#[from] rustls::pki_types::pem::Error),
}

/// To whom an account belongs in the authority's own books (external account binding, RFC 8555 §7.3.4).
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    pub id: &'a str,
    /// The HMAC key, decoded.
    pub key: &'a [u8],
}

/// An account with an authority.
pub struct Acme {
    account: Account,
}

impl Acme {
    /// Makes an account; the second value is what [`Acme::open`] takes, and is secret. `contact`: mail addresses. Calling it says that
    /// the terms of the authority are agreed to.
    pub async fn register(
        client: Arc<Client>,
        directory: &Url,
        contact: &[String],
        binding: Option<Binding<'_>>,
    ) -> Result<(Acme, String), AcmeError> {
        let contact: Vec<String> = contact.iter().map(|address| format!("mailto:{address}")).collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let builder = Account::builder_with_http(Box::new(Http(client)));
        let binding = binding.map(|binding| ExternalAccountKey::new(binding.id.to_owned(), binding.key));
        let (account, credentials) = builder.create(&new, directory.to_string(), binding.as_ref()).await?;
        Ok((Acme { account }, serde_json::to_string(&credentials).map_err(AcmeError::Account)?))
    }

    /// The account of an earlier [`Acme::register`].
    pub async fn open(client: Arc<Client>, kept: &str) -> Result<Acme, AcmeError> {
        let credentials: AccountCredentials = serde_json::from_str(kept).map_err(AcmeError::Account)?;
        let account = Account::builder_with_http(Box::new(Http(client))).from_credentials(credentials).await?;
        Ok(Acme { account })
    }

    /// Orders a certificate for `names`, with a new key. `publish` is called with each token and what must be answered at
    /// `http://name/.well-known/acme-challenge/TOKEN` from then on (RFC 8555 §8.3).
    pub async fn obtain(&self, names: &[String], publish: impl Fn(String, String) + Send) -> Result<Issued, AcmeError> {
        let identifiers: Vec<Identifier> = names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = self.account.new_order(&NewOrder::new(&identifiers)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().to_string();
            let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
                return Err(AcmeError::NoChallenge { name });
            };
            publish(challenge.token.clone(), challenge.key_authorization().as_str().to_owned());
            challenge.set_ready().await?;
        }
        let patience = RetryPolicy::new().timeout(PATIENCE);
        match order.poll_ready(&patience).await? {
            OrderStatus::Ready => {}
            status => return Err(refusal(&mut order).await.unwrap_or_else(|| AcmeError::Ended(format!("{status:?}")))),
        }
        let Issued { chain: csr, key } = request(names)?;
        order.finalize_csr(&CertificateSigningRequestDer::from_pem_slice(csr.as_bytes())?).await?;
        Ok(Issued { chain: order.poll_certificate(&patience).await?, key })
    }
}

/// Which name was refused, and why.
async fn refusal(order: &mut instant_acme::Order) -> Option<AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        // What is known of it is from before the challenge.
        let Ok(state) = authorization.refresh().await else { continue };
        let name = state.identifier().to_string();
        if let Some(error) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Some(AcmeError::Refused { name, why: error.to_string() });
        }
    }
    None
}

/// The library's requests, sent by our client.
struct Http(Arc<Client>);

impl instant_acme::HttpClient for Http {
    fn request(
        &self,
        request: hyper::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let other = |error: Box<dyn std::error::Error + Send + Sync>| Error::Other(error);
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let url = Url::parse(&head.uri.to_string()).map_err(|error| other(Box::new(error)))?;
            let mut request = Request::new(head.method, url, body.to_bytes());
            request.headers = head.headers;
            let answer = client.send(request).await.map_err(|error| other(Box::new(error)))?;
            let mut response = hyper::Response::new(Full::new(answer.body));
            (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
            Ok(BytesResponse::from(response))
        })
    }
}
