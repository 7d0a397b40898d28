use std::net::IpAddr;
use std::time::Duration;

/// Why a request got no usable answer. Every message names the server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{url}: not a usable address: {why}")]
    Url { url: String, why: &'static str },
    #[error("{host}: name could not be resolved")]
    Resolve { host: String, source: std::io::Error },
    #[error("{host}: its address {address} may not be reached (blocked by policy)")]
    Blocked { host: String, address: IpAddr },
    #[error("{host}: no connection")]
    Connect { host: String, source: std::io::Error },
    #[error("{host}: TLS failed")]
    Tls { host: String, source: std::io::Error },
    #[error("the trusted certificates could not be used")]
    Trust(#[source] Box<crate::tls::TlsError>),
    #[error("{host}: no answer within {} s", after.as_secs())]
    Timeout { host: String, after: Duration },
    #[error("{host}: the connection broke")]
    Broken { host: String, source: hyper::Error },
    #[error("{host}: answer longer than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    #[error("{host}: redirects to another server ({to}), which is not followed")]
    RedirectElsewhere { host: String, to: String },
    #[error("{host}: too many redirects")]
    TooManyRedirects { host: String },
    #[error("the request could not be built")]
    Request(#[from] hyper::http::Error),
}
