//! The running server against raw dialogues: RFC 6120, RFC 6121, the XEPs, and input that means harm.
//!
//! What a test demands comes from the specifications, never from what the server happens to do.

mod archive;
mod backlog;
mod blocking;
mod carbons;
mod certificates;
mod closer;
mod commands;
mod console;
mod crash;
mod csi;
mod doctor;
mod doors;
mod front_door;
mod half_open;
mod hostile;
mod meeting;
mod message;
mod nbxmpp;
mod observability;
mod openapi;
mod people;
mod pep;
mod presence;
mod raw;
mod rename;
mod revocation;
mod roster;
mod sasl;
mod services;
mod sign_in;
mod simple;
mod slixmpp;
mod sm;
mod stream;
mod strophe;
mod subscription;
mod support;
mod tokio_xmpp;
mod vcard;
mod web;
mod web_door;
mod web_hostile;
mod xml;
mod xmppjs;
