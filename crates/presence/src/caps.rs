//! Entity capabilities (XEP-0115 1.5 and later): what a client can do, told by a hash in its presence.
//!
//! The server needs of it which PEP nodes a client wants to hear of (`+notify`, XEP-0163 §4.2). A hash is believed only
//! when the disco#info it stands for was seen and hashes to it, so nobody can speak for another client's software.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use zaiseki_model::live::Software;
use zaiseki_xmpp::Element;
use zaiseki_xmpp::ns::{CAPS, DATA_FORMS, DISCO_INFO};

/// PEP nodes of one client that are looked at; a client names some dozens.
pub const NOTIFY_NODES: usize = 256;
/// Bytes of those names in sum.
pub const NOTIFY_BYTES: usize = 16 * 1024;

/// The content of `<c xmlns='http://jabber.org/protocol/caps'/>` in a presence stanza.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Caps {
    /// The software, a URI.
    pub node: String,
    /// Name of the hash function.
    pub hash: String,
    /// The verification string, Base64.
    pub ver: String,
}

impl Caps {
    /// `None` for the legacy format without `hash` (§13) and for elements that lack an attribute.
    pub fn parse(c: &Element) -> Option<Self> {
        let attr = |name| c.attr(name).filter(|value| !value.is_empty()).map(str::to_owned);
        if !c.is("c", CAPS) {
            return None;
        }
        Some(Caps { node: attr("node")?, hash: attr("hash")?, ver: attr("ver")? })
    }

    /// The disco#info node to ask for (§6.2).
    pub fn disco_node(&self) -> String {
        format!("{}#{}", self.node, self.ver)
    }

    /// The element to put into a stream feature or presence.
    pub fn element(&self) -> Element {
        Element::new("c", CAPS).with_attr("hash", &*self.hash).with_attr("node", &*self.node).with_attr("ver", &*self.ver)
    }
}

/// The hash of `info`, a disco#info `<query/>`, as Base64 (§5.1). `hash` is a name of the IANA registry of textual
/// names: `sha-1`, which every client uses, `sha-256` or `sha-512`. `None` when the hash is unknown or `info` ill-formed.
pub fn ver(info: &Element, hash: &str) -> Option<String> {
    let algorithm = match hash {
        "sha-1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha-256" => &digest::SHA256,
        "sha-512" => &digest::SHA512,
        _ => return None,
    };
    Some(STANDARD.encode(digest::digest(algorithm, verification_input(info)?.as_bytes())))
}

/// Whether `ver` stands for `info` (§5.4).
pub fn verify(info: &Element, hash: &str, ver_claimed: &str) -> bool {
    ver(info, hash).is_some_and(|ver| ver == ver_claimed)
}

/// The string S of §5.1; `None` when `info` is ill-formed by §5.4.
pub fn verification_input(info: &Element) -> Option<String> {
    let identities = identities(info)?;
    let mut features: Vec<String> = children(info, "feature").map(|f| attr(f, "var")).collect();
    features.sort_unstable();
    if !all_different(&features) {
        return None;
    }
    let forms = forms(info)?;
    let mut s = String::new();
    for part in identities.iter().chain(&features).chain(forms.iter().flatten()) {
        // A '<' inside a value must not look like the end of the value; the specification keeps it as an entity.
        s.push_str(&part.replace('<', "&lt;"));
        s.push('<');
    }
    Some(s)
}

fn identities(info: &Element) -> Option<Vec<String>> {
    let mut keys: Vec<[String; 4]> = children(info, "identity")
        .map(|i| [attr(i, "category"), attr(i, "type"), i.lang().unwrap_or_default().to_owned(), attr(i, "name")])
        .collect();
    keys.sort_unstable();
    all_different(&keys).then(|| keys.iter().map(|key| key.join("/")).collect())
}

/// Each form as the parts to append, sorted by FORM_TYPE; forms without a hidden FORM_TYPE count for nothing.
fn forms(info: &Element) -> Option<Vec<Vec<String>>> {
    let mut forms: Vec<Vec<String>> = Vec::new();
    for form in info.children().filter(|x| x.is("x", DATA_FORMS)) {
        let mut types = fields(form).filter(|f| f.attr("var") == Some("FORM_TYPE") && f.attr("type") == Some("hidden"));
        let Some(form_type) = types.next() else { continue };
        let mut values = values(form_type);
        values.dedup();
        match <[String; 1]>::try_from(values) {
            Ok([name]) => forms.push(form_parts(form, name)),
            Err(values) if values.is_empty() => {}
            Err(_) => return None,
        }
    }
    forms.sort_unstable_by(|a, b| a[0].cmp(&b[0]));
    all_different_by(&forms, |form| &form[0]).then_some(forms)
}

fn form_parts(form: &Element, name: String) -> Vec<String> {
    let mut rest: Vec<&Element> = fields(form).filter(|f| f.attr("var") != Some("FORM_TYPE")).collect();
    rest.sort_by_key(|f| attr(f, "var"));
    let mut parts = vec![name];
    for field in rest {
        parts.push(attr(field, "var"));
        parts.extend(values(field));
    }
    parts
}

fn children<'a>(info: &'a Element, name: &'static str) -> impl Iterator<Item = &'a Element> {
    info.children().filter(move |c| c.is(name, DISCO_INFO))
}

fn fields(form: &Element) -> impl Iterator<Item = &Element> {
    form.children().filter(|f| f.is("field", DATA_FORMS))
}

fn values(field: &Element) -> Vec<String> {
    let mut values: Vec<String> = field.children().filter(|v| v.is("value", DATA_FORMS)).map(Element::text).collect();
    values.sort_unstable();
    values
}

fn attr(element: &Element, name: &str) -> String {
    element.attr(name).unwrap_or_default().to_owned()
}

fn all_different<T: PartialEq>(sorted: &[T]) -> bool {
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

fn all_different_by<T, K: PartialEq + ?Sized>(sorted: &[T], key: impl Fn(&T) -> &K) -> bool {
    sorted.windows(2).all(|pair| key(&pair[0]) != key(&pair[1]))
}

/// The PEP nodes a client wants to hear of: its disco features that end in `+notify`, without that ending, each once
/// and within [`NOTIFY_NODES`] and [`NOTIFY_BYTES`]; what is beyond is left out.
pub fn notify_nodes(info: &Element) -> Vec<String> {
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    children(info, "feature")
        .filter_map(|f| f.attr("var")?.strip_suffix("+notify"))
        .filter(|node| !node.is_empty() && seen.insert(*node))
        .take(NOTIFY_NODES)
        .take_while(|node| {
            bytes += node.len();
            bytes <= NOTIFY_BYTES
        })
        .map(str::to_owned)
        .collect()
}

/// Characters of a client's name, and of its version, that are kept.
pub const SOFTWARE_CHARS: usize = 64;
/// FORM_TYPE of XEP-0232.
const SOFTWARE_INFO: &str = "urn:xmpp:dataforms:softwareinfo";

/// What the client says it is: the form of XEP-0232, else the name of its identity.
pub fn software(info: &Element) -> Option<Software> {
    let form = info
        .children()
        .filter(|x| x.is("x", DATA_FORMS))
        .find(|x| fields(x).any(|f| f.attr("var") == Some("FORM_TYPE") && values(f).iter().any(|value| value == SOFTWARE_INFO)));
    let value = |name: &str| {
        let field = form.and_then(|form| fields(form).find(|f| f.attr("var") == Some(name)));
        field.and_then(|field| values(field).into_iter().next()).map(|text| clipped(&text)).filter(|text| !text.is_empty())
    };
    let identity = children(info, "identity").find(|i| i.attr("category") == Some("client"));
    let name = value("software").or_else(|| identity.map(|i| clipped(&attr(i, "name"))).filter(|name| !name.is_empty()))?;
    Some(Software { name, version: value("software_version").unwrap_or_default() })
}

fn clipped(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(SOFTWARE_CHARS).collect()
}

/// What a disco#info answer taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// PEP nodes the client wants to hear of.
    pub nodes: Arc<[String]>,
    pub software: Option<Arc<Software>>,
}

impl Learned {
    fn from(info: &Element) -> Self {
        Learned { nodes: notify_nodes(info).into(), software: software(info).map(Arc::new) }
    }
}

/// Which `(hash, ver)` stands for which software with which `+notify` nodes. Only verified entries get in. The oldest entry leaves when
/// the cache is full, so it holds at most `capacity` × [`NOTIFY_BYTES`].
#[derive(Debug)]
pub struct CapsCache {
    capacity: usize,
    known: HashMap<Key, Learned>,
    order: VecDeque<Key>,
}

type Key = (Box<str>, Box<str>);

impl CapsCache {
    /// `capacity`: entries, at least one.
    pub fn new(capacity: usize) -> Self {
        CapsCache { capacity: capacity.max(1), known: HashMap::new(), order: VecDeque::new() }
    }

    /// The client that announces `hash` and `ver`, if it is known.
    pub fn get(&self, hash: &str, ver: &str) -> Option<Learned> {
        self.known.get(&(hash.into(), ver.into())).cloned()
    }

    /// Takes what a client answered when asked about `(hash, ver)`. The answer holds for that client in any
    /// case, and for every client with that `ver` only if it was the truth.
    pub fn learn(&mut self, hash: &str, ver: &str, info: &Element) -> Learned {
        let learned = Learned::from(info);
        if !verify(info, hash, ver) {
            return learned;
        }
        let key: Key = (hash.into(), ver.into());
        if self.known.insert(key.clone(), learned.clone()).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        learned
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inner: &str) -> Element {
        Element::parse(format!("<query xmlns='{DISCO_INFO}'>{inner}</query>").as_bytes()).unwrap()
    }

    const MUC: &str = "<feature var='http://jabber.org/protocol/muc'/>";
    const EXODUS: &str = "<identity category='client' name='Exodus 0.9.1' type='pc'/>\
        <feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#items'/>\
        <feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/muc'/>";
    const PSI: &str = "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
        <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>\
        <feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>\
        <feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>\
        <x xmlns='jabber:x:data' type='result'>\
        <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>\
        <field var='ip_version'><value>ipv6</value><value>ipv4</value></field><field var='os'><value>Mac</value></field>\
        <field var='software'><value>Psi</value></field><field var='os_version'><value>10.5.1</value></field>\
        <field var='software_version'><value>0.11</value></field></x>";

    /// The two worked examples of XEP-0115 §5.2 and §5.3.
    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(ver(&parse(EXODUS), "sha-1").unwrap(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
        assert_eq!(ver(&parse(PSI), "sha-1").unwrap(), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
        assert!(verify(&parse(PSI), "sha-1", "q07IKJEyjvHSyhy//CH0CxmKi8w="));
        assert!(!verify(&parse(EXODUS), "sha-1", "q07IKJEyjvHSyhy//CH0CxmKi8w="));
        assert!(!verify(&parse(EXODUS), "md5", "QgayPKawpkPSDYmwT/WM94uAlu0="));
    }

    #[test]
    fn identities_sort_by_their_parts_not_by_the_joined_text() {
        let info = parse("<identity category='a-b' type='x'/><identity category='a' type='y'/>");
        assert_eq!(verification_input(&info).unwrap(), "a/y//<a-b/x//<");
    }

    #[test]
    fn a_less_than_sign_in_a_value_stays_an_entity() {
        let forged = parse("<identity category='client' type='pc' name='X&lt;http://jabber.org/protocol/muc'/>");
        let honest = parse(&format!("<identity category='client' type='pc' name='X'/>{MUC}"));
        assert_eq!(verification_input(&forged).unwrap(), "client/pc//X&lt;http://jabber.org/protocol/muc<");
        assert_ne!(ver(&forged, "sha-1"), ver(&honest, "sha-1"));
    }

    fn form(form_type: &str, rest: &str) -> String {
        format!("<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' {form_type}</field>{rest}</x>")
    }

    /// The rules of §5.4, step 3.
    #[test]
    fn ill_formed_answers() {
        let twice = "<identity category='client' type='pc' name='A'/>";
        let a = form("type='hidden'><value>a</value>", "");
        let ill = [
            format!("{twice}{twice}"),
            format!("{MUC}{MUC}"),
            format!("{a}{a}"),
            form("type='hidden'><value>a</value><value>b</value>", ""),
        ];
        for inner in ill {
            assert_eq!(verification_input(&parse(&inner)), None, "{inner}");
        }
        let fine = [
            (form("type='hidden'><value>a</value><value>a</value>", ""), "a<"),
            (form("type='text-single'><value>a</value>", ""), ""),
            (form("><value>a</value>", ""), ""),
            ("<x xmlns='jabber:x:data' type='result'><field var='f'><value>v</value></field></x>".to_owned(), ""),
            (form("type='hidden'><value>a</value>", "<field var='f'/>"), "a<f<"),
        ];
        for (inner, expected) in fine {
            assert_eq!(verification_input(&parse(&inner)).as_deref(), Some(expected), "{inner}");
        }
    }

    #[test]
    fn clients_say_what_they_are() {
        let said = |inner: &str| software(&parse(inner)).map(|software| (software.name, software.version));
        assert_eq!(said(EXODUS), Some(("Exodus 0.9.1".to_owned(), String::new())));
        assert_eq!(said(PSI), Some(("Psi".to_owned(), "0.11".to_owned())));
        assert_eq!(said(MUC), None);
        let named = |chars: usize| said(&format!("<identity category='client' name='{}'/>", "ü".repeat(chars)));
        for chars in [SOFTWARE_CHARS, SOFTWARE_CHARS + 1] {
            assert_eq!(named(chars).map(|(name, _)| name.chars().count()), Some(SOFTWARE_CHARS));
        }
    }

    #[test]
    fn notify_features_name_nodes() {
        let info = parse(&format!("{MUC}<feature var='urn:a+notify'/><feature var='+notify'/><feature var='urn:a+notify'/>"));
        assert_eq!(notify_nodes(&info), ["urn:a"]);
    }

    #[test]
    fn notify_nodes_are_bounded() {
        let feature = |i: usize, width: usize| format!("<feature var='{i:0width$}+notify'/>");
        let many = |n: usize, width: usize| parse(&(0..n).map(|i| feature(i, width)).collect::<String>());
        assert_eq!(notify_nodes(&many(NOTIFY_NODES, 4)).len(), NOTIFY_NODES);
        assert_eq!(notify_nodes(&many(NOTIFY_NODES + 1, 4)).len(), NOTIFY_NODES);
        assert_eq!(notify_nodes(&many(16, NOTIFY_BYTES / 16)).len(), 16);
        assert_eq!(notify_nodes(&many(17, NOTIFY_BYTES / 16)).len(), 16);
    }

    #[test]
    fn a_liar_does_not_poison_the_cache() {
        let mut cache = CapsCache::new(8);
        let honest = parse(&format!("{EXODUS}<feature var='urn:a+notify'/>"));
        let lie = parse("<identity category='client' type='pc'/><feature var='urn:b+notify'/>");
        let ver = ver(&honest, "sha-1").unwrap();

        assert_eq!(*cache.learn("sha-1", &ver, &lie).nodes, ["urn:b"]);
        assert_eq!(cache.get("sha-1", &ver), None);
        assert_eq!(*cache.learn("sha-1", &ver, &honest).nodes, ["urn:a"]);
        assert_eq!(*cache.learn("sha-1", &ver, &lie).nodes, ["urn:b"], "the liar gets what it asked for");
        assert_eq!(*cache.get("sha-1", &ver).unwrap().nodes, ["urn:a"], "and nobody else does");
        assert_eq!(cache.get("sha-256", &ver), None);
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = CapsCache::new(3);
        let infos: Vec<Element> = (0..4).map(|i| parse(&format!("<feature var='urn:{i}+notify'/>"))).collect();
        let vers: Vec<String> = infos.iter().map(|info| ver(info, "sha-1").unwrap()).collect();
        for i in [0, 1, 2, 2] {
            cache.learn("sha-1", &vers[i], &infos[i]);
        }
        assert_eq!(cache.len(), 3);
        assert!(cache.get("sha-1", &vers[0]).is_some());
        cache.learn("sha-1", &vers[3], &infos[3]);
        assert_eq!(cache.len(), 3);
        assert_eq!(cache.get("sha-1", &vers[0]), None);
        assert!(cache.get("sha-1", &vers[3]).is_some());
    }

    #[test]
    fn the_element_of_presence() {
        let c = Element::parse(b"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='v='/>").unwrap();
        let caps = Caps::parse(&c).unwrap();
        assert_eq!(caps.disco_node(), "urn:n#v=");
        assert_eq!(Caps::parse(&caps.element()), Some(caps));
        let legacy = Element::parse(b"<c xmlns='http://jabber.org/protocol/caps' node='urn:n' ver='0.9'/>").unwrap();
        assert_eq!(Caps::parse(&legacy), None);
    }
}
