use super::*;
use proptest::prelude::*;

fn parts(text: &str) -> (Option<String>, String, Option<String>) {
    let jid = Jid::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    (jid.local().map(str::to_owned), jid.domain().to_owned(), jid.resource().map(str::to_owned))
}

fn some(s: &str) -> Option<String> {
    Some(s.to_owned())
}

/// RFC 7622 §3.5, table 1.
#[test]
fn examples_of_the_specification() {
    let valid = [
        ("juliet@example.com", some("juliet"), "example.com", None),
        ("juliet@example.com/foo", some("juliet"), "example.com", some("foo")),
        ("juliet@example.com/foo bar", some("juliet"), "example.com", some("foo bar")),
        ("juliet@example.com/foo@bar", some("juliet"), "example.com", some("foo@bar")),
        ("foo\\20bar@example.com", some("foo\\20bar"), "example.com", None),
        ("fussball@example.com", some("fussball"), "example.com", None),
        ("fu\u{DF}ball@example.com", some("fu\u{DF}ball"), "example.com", None),
        ("\u{3C0}@example.com", some("\u{3C0}"), "example.com", None),
        ("\u{3A3}@example.com/foo", some("\u{3C3}"), "example.com", some("foo")),
        ("\u{3C3}@example.com/foo", some("\u{3C3}"), "example.com", some("foo")),
        ("\u{3C2}@example.com/foo", some("\u{3C2}"), "example.com", some("foo")),
        ("king@example.com/\u{265A}", some("king"), "example.com", some("\u{265A}")),
        ("example.com", None, "example.com", None),
        ("example.com/foobar", None, "example.com", some("foobar")),
        ("a.example.com/b@example.net", None, "a.example.com", some("b@example.net")),
    ];
    for (text, local, domain, resource) in valid {
        assert_eq!(parts(text), (local, domain.to_owned(), resource), "{text}");
    }
}

/// RFC 7622 §3.5, table 2.
#[test]
fn counter_examples_of_the_specification() {
    for text in [
        "\"juliet\"@example.com",
        "foo bar@example.com",
        "juliet@example.com/",
        "@example.com/",
        "henry\u{2163}@example.com",
        "\u{265A}@example.com",
        "juliet@",
        "/foobar",
    ] {
        assert!(Jid::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_canonical() {
    for (raw, canonical) in [
        ("Juliet@Example.COM/Balcony", "juliet@example.com/Balcony"),
        ("a@b.", "a@b"),
        ("a@xn--r8jz45g.jp", "a@例え.jp"),
        ("a@XN--R8JZ45G.jp/x", "a@例え.jp/x"),
        ("a@例え。jp。", "a@例え.jp"),
        ("a@BÜCHER.example", "a@bücher.example"),
        ("a@faß.example", "a@faß.example"),
        ("ｆｕｌｌ@ｅｘａｍｐｌｅ.com", "full@example.com"),
        ("e\u{301}@x/e\u{301}", "é@x/é"),
        ("a@x/a\u{A0}b", "a@x/a b"),
        ("田中@例え.jp/携帯", "田中@例え.jp/携帯"),
        ("a@127.0.0.1", "a@127.0.0.1"),
        ("a@[2001:DB8::0:1]/r", "a@[2001:db8::1]/r"),
        ("a@localhost", "a@localhost"),
        ("a@a-b.c--d.e", "a@a-b.c--d.e"),
    ] {
        assert_eq!(Jid::parse(raw).map(|j| j.as_str().to_owned()).as_deref(), Ok(canonical), "{raw}");
    }
}

#[test]
fn what_is_refused() {
    use JidError::*;
    for (text, error) in [
        ("", EmptyDomain),
        (".", EmptyDomain),
        ("a@.", EmptyDomain),
        ("@x", EmptyLocal),
        ("a@x/", EmptyResource),
        ("a@b@c", BadDomain),
        ("a@b..", BadDomain),
        ("a@b。.", BadDomain),
        ("a@b.。", BadDomain),
        ("a@b..c", BadDomain),
        ("a@.b", BadDomain),
        ("a@-b.c", BadDomain),
        ("a@b-.c", BadDomain),
        ("a@ab--c.d", BadDomain),
        ("a@b c", BadDomain),
        ("a@xn--.x", BadDomain),
        ("a@xn--a.x", BadDomain),
        ("a@[::1", BadDomain),
        ("a@[1.2.3.4]", BadDomain),
        ("a@::1", BadDomain),
        ("a:b@x", BadLocal),
        ("a\u{7F}@x", BadLocal),
        ("a\n@x", BadLocal),
        ("＠@x", BadLocal),
        ("＜@x", BadLocal),
        ("u\u{200D}x@x", BadLocal),
        ("\u{FE0F}@x", BadLocal),
        ("a@x/\u{0}", BadResource),
        ("a@x/\t", BadResource),
        ("a@x/\u{E000}", BadResource),
    ] {
        assert_eq!(Jid::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn each_part_has_1_to_1023_bytes() {
    let at = "a".repeat(1023);
    let past = "a".repeat(1024);
    assert_eq!(Jid::parse(&format!("{at}@{at}/{at}")).unwrap().as_str().len(), 3 * 1023 + 2);
    for text in [format!("{past}@b/c"), format!("a@{past}/c"), format!("a@b/{past}"), format!("a@b/é{}", "a".repeat(1022))] {
        assert_eq!(Jid::parse(&text), Err(JidError::TooLong));
    }
    assert!(Jid::parse(&format!("a@b/é{}", "a".repeat(1021))).is_ok());
    // 3 bytes each before, 1 after the mapping of widths.
    assert_eq!(Jid::parse(&format!("{}@b", "ａ".repeat(1023))).unwrap().local().unwrap().len(), 1023);
    assert_eq!(Jid::parse(&format!("{}@b", "ａ".repeat(1024))), Err(JidError::TooLong));
}

#[test]
fn kinds_and_parts() {
    let full: FullJid = "Ann@Example.com/Desk".parse().unwrap();
    assert_eq!((full.local(), full.domain(), full.resource()), (Some("ann"), "example.com", "Desk"));
    let bare = full.bare();
    assert_eq!((bare.local(), bare.domain(), bare.as_str()), (Some("ann"), "example.com", "ann@example.com"));
    assert_eq!(bare, BareJid::new(Some("ANN"), "EXAMPLE.com.").unwrap());
    assert_eq!(bare.with_resource("Desk").unwrap(), full);
    assert_eq!("ann@example.com/x".parse::<BareJid>(), Err(JidError::UnwantedResource));
    assert_eq!("ann@example.com".parse::<FullJid>(), Err(JidError::MissingResource));
    assert_eq!(BareJid::new(None, "example.com").unwrap().local(), None);
    let map = std::collections::HashMap::from([(bare, 1)]);
    assert_eq!(map.get("ann@example.com"), Some(&1));
}

/// XEP-0106 §5.
#[test]
fn escaping_of_localparts() {
    for (plain, escaped) in [
        ("space cadet", "space\\20cadet"),
        ("call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"),
        ("at&t guy", "at\\26t\\20guy"),
        ("d'artagnan", "d\\27artagnan"),
        ("/.fanboy", "\\2f.fanboy"),
        ("::foo::", "\\3a\\3afoo\\3a\\3a"),
        ("<foo>", "\\3cfoo\\3e"),
        ("user@host", "user\\40host"),
        ("c:\\net", "c\\3a\\net"),
        ("c:\\\\net", "c\\3a\\\\net"),
        ("c:\\cool stuff", "c\\3a\\cool\\20stuff"),
        ("c:\\5commas", "c\\3a\\5c5commas"),
        ("\\3and\\2is\\5cool", "\\5c3and\\2is\\5c5cool"),
    ] {
        assert_eq!(escape_local(plain), escaped);
        assert_eq!(unescape_local(escaped), plain);
    }
    assert_eq!(escape_local(" a "), "a");
    assert_eq!(unescape_local("\\20a\\20"), "\\20a\\20");
    assert_eq!(unescape_local("a\\2Fb\\"), "a\\2Fb\\");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,12}",
        "\\PC{1,8}",
        "[a-zA-ZßΣςσİı\u{300}-\u{320}ａ-ｚ０-９＠．。・가-낗א-ת٠-٩-]{1,10}",
        "(xn--)?[a-z0-9-]{1,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn preparation_comes_to_rest(t in text()) {
        for prepare in [prepare_local, prepare_domain, prepare_resource] {
            if let Ok(once) = prepare(&t) {
                prop_assert!((1..=MAX_PART_BYTES).contains(&once.len()));
                let twice = prepare(&once);
                prop_assert_eq!(twice.as_deref(), Ok(&*once));
            }
        }
    }

    #[test]
    fn a_jid_reads_back_as_itself(local in text(), domain in text(), resource in text()) {
        for t in [format!("{local}@{domain}/{resource}"), format!("{local}@{domain}"), format!("{domain}/{resource}"), domain] {
            if let Ok(jid) = Jid::parse(&t) {
                let again = Jid::parse(jid.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&jid));
                let bare = BareJid::new(jid.local(), jid.domain());
                prop_assert_eq!(bare.as_ref(), Ok(&jid.bare()));
                if let Some(resource) = jid.resource() {
                    prop_assert_eq!(Jid::from(bare.unwrap().with_resource(resource).unwrap()), jid);
                }
            }
        }
    }

    #[test]
    fn ascii_goes_the_same_way_by_table_and_by_profile(t in "[!-~]{1,8}") {
        use precis_profiles::precis_core::profile::PrecisFastInvocation;
        let by_profile = precis_profiles::UsernameCaseMapped::enforce(t.as_str()).ok()
            .filter(|s| !s.contains(['"', '&', '\'', '/', ':', '<', '>', '@']));
        prop_assert_eq!(prepare_local(&t).ok(), by_profile);
        let by_profile = precis_profiles::OpaqueString::enforce(t.as_str()).ok();
        prop_assert_eq!(prepare_resource(&t).ok(), by_profile);
    }

    #[test]
    fn escaped_text_reads_back(t in "[ -~]{0,20}") {
        let t = t.trim_matches(' ');
        prop_assert_eq!(unescape_local(&escape_local(t)), t);
    }
}
