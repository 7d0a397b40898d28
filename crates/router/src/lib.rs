//! The data plane: listeners, connections, sessions, routing, and one handler file per feature.
//!
//! `listener` accepts, `connection` owns a socket, `client` runs its stream, [`engine`] does everything that has to do
//! with users, and [`node`] joins it with the database and the clock. `docs/route-of-a-stanza.md` walks the way.

pub mod client;
pub mod connection;
pub mod engine;
pub mod handlers;
pub mod listener;
pub mod node;
pub mod outbox;
pub mod outlet;
mod phases;
mod presence_host;
pub mod random;
pub mod route;
pub mod streams;
pub mod throttle;
pub mod tls;
mod tls_io;
mod trace;
pub mod traffic;
