//! The client against a server that speaks AXL, and against others that do not.
//!
//! The server is `crates/testkit/axl/axl_server.py`; zeep, a foreign client made from the WSDL alone, proves that it is one.

#[path = "it/change.rs"]
mod change;
#[path = "it/cluster.rs"]
mod cluster;
#[path = "it/hostile.rs"]
mod hostile;
#[path = "it/support.rs"]
mod support;
