//! The calendar clients against real servers on loopback: our EWS test server (proved by exchangelib), Radicale, and bad ones.

#[path = "it/discovery.rs"]
mod discovery;
#[path = "it/ews.rs"]
mod ews;
#[path = "it/hostile.rs"]
mod hostile;
#[path = "it/radicale.rs"]
mod radicale;
#[path = "it/scripted.rs"]
mod scripted;
#[path = "it/support.rs"]
mod support;
