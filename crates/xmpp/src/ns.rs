//! Namespace names and service feature strings, with the document that defines each.

/// RFC 6120 §4.8.3: content namespace of client streams.
pub const CLIENT: &str = "jabber:client";
/// RFC 6120 §4.8.3: content namespace of server streams.
pub const SERVER: &str = "jabber:server";
/// XEP-0220: server dialback.
pub const DIALBACK: &str = "jabber:server:dialback";
/// XEP-0220: dialback as a stream feature.
pub const DIALBACK_FEATURE: &str = "urn:xmpp:features:dialback";
/// XEP-0114: components.
pub const COMPONENT: &str = "jabber:component:accept";
/// RFC 6120 §4.8.1.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// RFC 6120 §4.9.
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// RFC 6120 §5.
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// RFC 6120 §6.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// XEP-0388.
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// XEP-0440: SASL channel-binding type capability.
pub const SASL_CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";
/// RFC 6120 §7.
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// RFC 3921 §3, kept as a no-op for old clients.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// RFC 6120 §8.3.
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// RFC 6121 §2.
pub const ROSTER: &str = "jabber:iq:roster";
/// RFC 6121 §2.6.1: the stream feature of roster versioning.
pub const ROSTER_VERSIONING: &str = "urn:xmpp:features:rosterver";
/// RFC 6121 §3.4: the stream feature of subscription pre-approval.
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// RFC 7395.
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// XEP-0124.
pub const HTTP_BIND: &str = "http://jabber.org/protocol/httpbind";
/// XEP-0206.
pub const XBOSH: &str = "urn:xmpp:xbosh";
/// XEP-0198.
pub const SM: &str = "urn:xmpp:sm:3";
/// XEP-0352.
pub const CSI: &str = "urn:xmpp:csi:0";
/// XEP-0280.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0280 §6.1: the rules of what is copied.
pub const CARBONS_RULES: &str = "urn:xmpp:carbons:rules:0";
/// XEP-0297.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0203.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0091, the legacy form of a delay stamp.
pub const LEGACY_DELAY: &str = "jabber:x:delay";
/// XEP-0359.
pub const SID: &str = "urn:xmpp:sid:0";
/// XEP-0313.
pub const MAM: &str = "urn:xmpp:mam:2";
/// XEP-0313 §7: extended archive queries.
pub const MAM_EXTENDED: &str = "urn:xmpp:mam:2#extended";
/// XEP-0059.
pub const RSM: &str = "http://jabber.org/protocol/rsm";
/// XEP-0004.
pub const DATA_FORMS: &str = "jabber:x:data";
/// XEP-0030.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0115.
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// XEP-0199.
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0092.
pub const VERSION: &str = "jabber:iq:version";
/// XEP-0202.
pub const TIME: &str = "urn:xmpp:time";
/// XEP-0012.
pub const LAST: &str = "jabber:iq:last";
/// XEP-0191.
pub const BLOCKING: &str = "urn:xmpp:blocking";
/// XEP-0191 §3.5: the application condition of a blocked stanza.
pub const BLOCKING_ERRORS: &str = "urn:xmpp:blocking:errors";
/// XEP-0060.
pub const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
/// XEP-0060.
pub const PUBSUB_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// XEP-0060.
pub const PUBSUB_OWNER: &str = "http://jabber.org/protocol/pubsub#owner";
/// XEP-0060.
pub const PUBSUB_ERRORS: &str = "http://jabber.org/protocol/pubsub#errors";
/// XEP-0060 §7.1.5: FORM_TYPE of publish options.
pub const PUBSUB_PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";
/// XEP-0060 §8.2: FORM_TYPE of a node's configuration.
pub const PUBSUB_NODE_CONFIG: &str = "http://jabber.org/protocol/pubsub#node_config";
/// XEP-0060 §16.4.3: FORM_TYPE of a node's meta-data.
pub const PUBSUB_META_DATA: &str = "http://jabber.org/protocol/pubsub#meta-data";
/// XEP-0033: addresses of the original publisher's items.
pub const ADDRESS: &str = "http://jabber.org/protocol/address";
/// XEP-0131: headers of event notifications.
pub const SHIM: &str = "http://jabber.org/protocol/shim";
/// XEP-0054.
pub const VCARD_TEMP: &str = "vcard-temp";
/// XEP-0153.
pub const VCARD_UPDATE: &str = "vcard-temp:x:update";
/// XEP-0398.
pub const PEP_VCARD_CONVERSION: &str = "urn:xmpp:pep-vcard-conversion:0";
/// XEP-0292.
pub const VCARD4: &str = "urn:ietf:params:xml:ns:vcard-4.0";
/// XEP-0049.
pub const PRIVATE: &str = "jabber:iq:private";
/// XEP-0048.
pub const BOOKMARKS: &str = "storage:bookmarks";
/// XEP-0402.
pub const BOOKMARKS2: &str = "urn:xmpp:bookmarks:1";
/// XEP-0402 §5: conversion between both forms of bookmarks.
pub const BOOKMARKS2_COMPAT: &str = "urn:xmpp:bookmarks:1#compat";
/// XEP-0108.
pub const ACTIVITY: &str = "http://jabber.org/protocol/activity";
/// XEP-0107.
pub const MOOD: &str = "http://jabber.org/protocol/mood";
/// XEP-0172.
pub const NICK: &str = "http://jabber.org/protocol/nick";
/// XEP-0118.
pub const TUNE: &str = "http://jabber.org/protocol/tune";
/// XEP-0080.
pub const GEOLOC: &str = "http://jabber.org/protocol/geoloc";
/// XEP-0084.
pub const AVATAR_DATA: &str = "urn:xmpp:avatar:data";
/// XEP-0084.
pub const AVATAR_METADATA: &str = "urn:xmpp:avatar:metadata";
/// XEP-0085.
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0184.
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0333.
pub const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0308.
pub const CORRECT: &str = "urn:xmpp:message-correct:0";
/// XEP-0334.
pub const HINTS: &str = "urn:xmpp:hints";
/// XEP-0319.
pub const IDLE: &str = "urn:xmpp:idle:1";
/// XEP-0421.
pub const OCCUPANT_ID: &str = "urn:xmpp:occupant-id:0";
/// XEP-0160: the disco feature of offline storage.
pub const OFFLINE: &str = "msgoffline";
/// XEP-0045.
pub const MUC: &str = "http://jabber.org/protocol/muc";
/// XEP-0045.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0050.
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// XEP-0133: prefix of the service administration nodes.
pub const ADMIN: &str = "http://jabber.org/protocol/admin";
/// XEP-0157: FORM_TYPE of contact addresses in disco.
pub const SERVER_INFO: &str = "http://jabber.org/network/serverinfo";
/// XEP-0055.
pub const SEARCH: &str = "jabber:iq:search";
/// XEP-0077.
pub const REGISTER: &str = "jabber:iq:register";
/// XEP-0386.
pub const BIND2: &str = "urn:xmpp:bind:0";
/// XEP-0424 and XEP-0425 tombstones live here.
pub const RETRACT: &str = "urn:xmpp:message-retract:1";
/// Namespaces in XML 1.0 §3: the `xml` prefix.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Namespaces in XML 1.0 §3: the `xmlns` prefix.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// XHTML, as carried by XEP-0071.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";
