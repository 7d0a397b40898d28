//! Notifications: the `<event/>` element of a message (XEP-0060 §7.1.2.1, §7.2.2.1, §8.2, §8.4, §8.5).

use zaiseki_xmpp::Element;
use zaiseki_xmpp::ns::PUBSUB_EVENT;
use zaiseki_xmpp::xml::escape::push_attr;

/// Items were published. `items`: id, and the payload as XML that declares its own namespaces; `None` leaves the payload
/// out (`deliver_payloads` is off).
pub fn event_items<'a>(node: &str, items: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>) -> Vec<u8> {
    event(|out| {
        open(out, "items", node, ">");
        for (id, payload) in items {
            out.extend_from_slice(b"<item id='");
            push_attr(out, id);
            match payload {
                Some(payload) => {
                    out.extend_from_slice(b"'>");
                    out.extend_from_slice(payload);
                    out.extend_from_slice(b"</item>");
                }
                None => out.extend_from_slice(b"'/>"),
            }
        }
        out.extend_from_slice(b"</items>");
    })
}

/// Items were removed.
pub fn event_retract<'a>(node: &str, ids: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    event(|out| {
        open(out, "items", node, ">");
        for id in ids {
            out.extend_from_slice(b"<retract id='");
            push_attr(out, id);
            out.extend_from_slice(b"'/>");
        }
        out.extend_from_slice(b"</items>");
    })
}

/// All items were removed.
pub fn event_purge(node: &str) -> Vec<u8> {
    event(|out| open(out, "purge", node, "/>"))
}

/// The node is gone.
pub fn event_delete(node: &str) -> Vec<u8> {
    event(|out| open(out, "delete", node, "/>"))
}

/// The configuration changed. `form`: the new one ([`super::NodeConfig::form`] of type "result"), left out when
/// payloads are not delivered.
pub fn event_configuration(node: &str, form: Option<&Element>) -> Vec<u8> {
    event(|out| {
        open(out, "configuration", node, ">");
        if let Some(form) = form {
            form.write(out, PUBSUB_EVENT);
        }
        out.extend_from_slice(b"</configuration>");
    })
}

fn event(content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = format!("<event xmlns='{PUBSUB_EVENT}'>").into_bytes();
    content(&mut out);
    out.extend_from_slice(b"</event>");
    out
}

fn open(out: &mut Vec<u8>, name: &str, node: &str, end: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b" node='");
    push_attr(out, node);
    out.push(b'\'');
    out.extend_from_slice(end.as_bytes());
}
