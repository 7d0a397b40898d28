//! The doors for people with a browser and for administrators.
//!
//! - [`api`]: the REST API, JSON under `/api/v1/`; every handler calls one function of [`zaiseki_control::app`].
//! - [`challenge`]: what ACME asks for.
//! - [`console`]: the web console under `/console/`.
//! - [`door`]: who comes to the HTTPS addresses with which cookie or token.
//! - [`socket`]: serves the API on a Unix socket in the data folder, for the command line.
//! - [`site`]: the chat page, host-meta (XEP-0156) and health.
//! - [`server`]: the HTTPS listener, with limits.
//! - [`web`]: WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206).

mod allow;
pub mod api;
pub mod assets;
mod body;
pub mod challenge;
pub mod console;
pub mod door;
pub mod metrics;
mod reply;
pub mod server;
pub mod site;
pub mod socket;
pub mod spans;
mod stranger;
pub mod web;
