//! What is prepared stays as it is, and an address reads back as itself.
#![no_main]

use zaiseki_xmpp::jid::{BareJid, Jid, MAX_PART_BYTES, escape_local, prepare_domain, prepare_local, prepare_resource, unescape_local};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for prepare in [prepare_local, prepare_domain, prepare_resource] {
        if let Ok(once) = prepare(text) {
            assert!((1..=MAX_PART_BYTES).contains(&once.len()));
            assert_eq!(prepare(&once).as_deref(), Ok(&*once));
        }
    }
    if let Ok(jid) = Jid::parse(text) {
        assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid));
        assert_eq!(BareJid::new(jid.local(), jid.domain()).as_ref(), Ok(&jid.bare()));
    }
    let trimmed = text.trim_matches(' ');
    assert_eq!(unescape_local(&escape_local(trimmed)), trimmed);
});
