//! What a node counts of its own work: words that the data plane fills and the control plane shows.

/// The data plane. Names ending in `_total` only grow, from 0 at the start of the process; the others say what is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Stanzas that signed-in clients sent.
    pub messages_total: u64,
    pub presences_total: u64,
    pub iqs_total: u64,
    /// Messages written to the database, for the archive or an absent reader.
    pub kept_total: u64,
    /// XML bytes before encryption and compression of the carrier.
    pub received_bytes_total: u64,
    pub sent_bytes_total: u64,
    /// Connections accepted at the XMPP addresses, and those open now.
    pub connections_total: u64,
    pub connections: u64,
    /// Finished TLS handshakes at the XMPP addresses.
    pub tls_handshakes_total: u64,
    pub sign_ins_total: u64,
    pub sign_ins_refused_total: u64,
    /// Bound resources, those with a cut connection that may come back included.
    pub sessions: u64,
    /// Of the sessions: those whose client has said that it is available.
    pub available_sessions: u64,
    /// Users with an available session.
    pub people_online: u64,
    /// Users whose state is in memory.
    pub homes: u64,
    /// Presence facts of the gateways that wait for the engine.
    pub facts_waiting: u64,
}
