//! Ways for browsers into the XMPP service: WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206).

mod bosh;
mod carrier;
pub(crate) mod gate;
pub(crate) mod origin;
mod websocket;

pub use bosh::bosh_routes;
pub use gate::WebGate;
pub use websocket::websocket_routes;
