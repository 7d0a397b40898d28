//! What a directory holds, and what becomes of it.

use crate::support::{config, names, read, read_with, test, without_tls};
use anyhow::Result;
use std::sync::Mutex;
use zaiseki_directory::{Scope, Security};
use zaiseki_model::directory::{Cause, NumberKind, UserSourceError};
use zaiseki_testkit::slapd::{Person, READER_PASSWORD, SUFFIX, Slapd, referral, unit};

fn people() -> Vec<Person> {
    vec![
        Person::new("hanako", "ou=tokyo")
            .with("displayName:: 5bGx55SwIOiKseWtkA==")
            .with("displayName;lang-ja;phonetic:: 44KE44G+44GgIOOBr+OBquOBkw==")
            .with("mail: hanako@example.com")
            .with("telephoneNumber: 03-1234-5678")
            .with("telephoneNumber: 5123")
            .with("mobile: +81 90 1234 5678")
            .with("preferredLanguage: ja"),
        Person::new("taro", "ou=tokyo"),
        Person::new("jones", "ou=usa").with("mail: jones@example.com"),
    ]
}

fn tree() -> String {
    unit("tokyo") + &unit("usa") + &people().iter().map(Person::ldif).collect::<String>()
}

#[test]
fn a_person_is_read_with_everything_known() -> Result<()> {
    let slapd = Slapd::start(&tree())?;
    let mut config = config(&slapd)?;
    config.country_code = Some("81".to_owned());
    let sweep = read(&config)?;
    assert_eq!(names(&sweep), ["hanako", "jones", "taro"]);
    assert_eq!((sweep.skipped.len(), sweep.referrals, sweep.server.as_str()), (0, 0, slapd.address().as_str()));
    let hanako = sweep.users.iter().find(|user| user.name == "hanako").unwrap();
    let profile = &hanako.profile;
    assert_eq!(hanako.place, format!("uid=hanako,ou=tokyo,{SUFFIX}"));
    assert_eq!(hanako.key.len(), 36, "an entryUUID: {}", hanako.key);
    assert_eq!((profile.display_name.as_str(), profile.phonetic_name.as_str()), ("山田 花子", "やまだ はなこ"));
    assert_eq!((profile.mail.as_str(), profile.language.as_deref()), ("hanako@example.com", Some("ja")));
    let numbers: Vec<(NumberKind, &str)> = profile.numbers.iter().map(|n| (n.kind, n.number.as_str())).collect();
    assert_eq!(numbers, [(NumberKind::Work, "+81312345678"), (NumberKind::Mobile, "+819012345678")]);
    Ok(())
}

#[test]
fn units_and_filters_choose_who_is_read_and_moves_keep_the_key() -> Result<()> {
    let slapd = Slapd::start(&tree())?;
    let whole = config(&slapd)?;
    let mut tokyo = whole.clone();
    tokyo.base = format!("ou=tokyo,{SUFFIX}");
    assert_eq!(names(&read(&tokyo)?), ["hanako", "taro"]);
    tokyo.scope = Scope::OneLevel;
    assert_eq!(names(&read(&tokyo)?), ["hanako", "taro"]);
    let mut flat = whole.clone();
    flat.scope = Scope::OneLevel;
    assert_eq!(names(&read(&flat)?), [""; 0]);
    let mut with_mail = whole.clone();
    with_mail.filter = "(&(objectClass=inetOrgPerson)(mail=*))".to_owned();
    assert_eq!(names(&read(&with_mail)?), ["hanako", "jones"]);

    let mut hanako = Person::new("hanako", "ou=tokyo");
    let before = read(&whole)?.users.into_iter().find(|user| user.name == "hanako").unwrap();
    slapd.relocate(&mut hanako, "ou=usa")?;
    slapd.delete(&Person::new("taro", "ou=tokyo"))?;
    assert_eq!(names(&read(&tokyo)?), [""; 0]);
    let after = read(&whole)?.users.into_iter().find(|user| user.name == "hanako").unwrap();
    assert_eq!((before.key, format!("uid=hanako,ou=usa,{SUFFIX}")), (after.key, after.place));
    Ok(())
}

#[test]
fn twelve_thousand_entries_come_page_by_page() -> Result<()> {
    let people: String = (0..12_000).map(|i| Person::new(&format!("user{i:05}"), "ou=tokyo").ldif()).collect();
    let slapd = Slapd::start(&(unit("tokyo") + &people))?;
    let told = Mutex::new(Vec::new());
    let sweep = read_with(&config(&slapd)?, READER_PASSWORD, &|count| told.lock().unwrap().push(count))?;
    let names = names(&sweep);
    assert_eq!((names.len(), names[0], names[11_999]), (12_000, "user00000", "user11999"));
    let told = told.into_inner()?;
    assert_eq!((told.len(), told[0], told[told.len() - 1]), (24, 500, 12_000));
    Ok(())
}

#[test]
fn the_server_gone_in_the_middle_gives_no_answer_at_all() -> Result<()> {
    let people: String = (0..10_000).map(|i| Person::new(&format!("user{i:05}"), "ou=tokyo").ldif()).collect();
    let slapd = Mutex::new(Slapd::start(&(unit("tokyo") + &people))?);
    let config = config(&slapd.lock().unwrap())?;
    let kill = |count| {
        if count >= 4_000 {
            slapd.lock().unwrap().stop();
        }
    };
    let error = read_with(&config, READER_PASSWORD, &kill).unwrap_err();
    assert!(matches!(&error, UserSourceError::Incomplete { .. }), "{error}");
    // The next server of the directory gives the whole answer.
    let other = Slapd::start(&(unit("tokyo") + &Person::new("anna", "ou=tokyo").ldif()))?;
    slapd.lock().unwrap().restart()?;
    let mut both = config;
    both.ca = Some(both.ca.unwrap_or_default() + &other.ca()?);
    both.servers.push(other.address());
    let sweep = read_with(&both, READER_PASSWORD, &kill)?;
    assert_eq!((names(&sweep), &sweep.server, sweep.passed_over.len()), (vec!["anna"], &other.address(), 1));
    Ok(())
}

#[test]
fn referrals_are_counted_and_followed_only_where_allowed() -> Result<()> {
    let there = Slapd::start(&(unit("osaka") + &Person::new("ken", "ou=osaka").ldif()))?;
    let url = format!("ldap://{}/ou=osaka,{SUFFIX}??sub", there.address());
    let dead = format!("ldap://127.0.0.1:1/{SUFFIX}");
    let here = Slapd::start(&(tree() + &referral("osaka", &url)))?;
    let mut config = config(&here)?;
    let sweep = read(&config)?;
    assert_eq!((sweep.users.len(), sweep.referrals), (3, 1));
    config.follow_referrals = true;
    config.ca = Some(here.ca()? + &there.ca()?);
    let sweep = read(&config)?;
    assert_eq!((names(&sweep), sweep.referrals), (vec!["hanako", "jones", "ken", "taro"], 0));
    // A base that is itself elsewhere gives nothing by itself, and everything when it is followed.
    config.base = format!("ou=osaka,{SUFFIX}");
    assert_eq!(names(&read(&config)?), ["ken"]);
    config.follow_referrals = false;
    let error = read(&config).unwrap_err();
    assert!(matches!(&error, UserSourceError::Refused { why, .. } if why.contains(&there.address())), "{error}");
    (config.base, config.follow_referrals) = (SUFFIX.to_owned(), true);
    // A part that cannot be had makes the answer incomplete: its users must not pass for deleted.
    let here = Slapd::start(&(tree() + &referral("osaka", &dead)))?;
    config.servers = vec![here.address()];
    config.ca = Some(here.ca()?);
    let error = read(&config).unwrap_err();
    assert!(matches!(&error, UserSourceError::Incomplete { .. }), "{error}");
    Ok(())
}

#[test]
fn each_kind_of_tls_is_checked_against_the_private_ca() -> Result<()> {
    let slapd = Slapd::start(&tree())?;
    let (other, start_tls) = (Slapd::start("")?, config(&slapd)?);
    let mut tls = start_tls.clone();
    tls.security = Security::Tls;
    tls.servers = vec![slapd.tls_address()];
    assert_eq!(read(&tls)?.users.len(), 3);
    assert_eq!(read(&without_tls(start_tls.clone()))?.users.len(), 3);
    let all = [("connect", true), ("tls", true), ("sign-in", true), ("base", true), ("users", true)];
    assert_eq!(test(&tls, READER_PASSWORD)?, all);
    for mut distrusting in [start_tls.clone(), tls.clone()] {
        distrusting.ca = Some(other.ca()?);
        let error = read(&distrusting).unwrap_err();
        assert!(matches!(&error, UserSourceError::Unreachable(servers) if servers[0].cause == Cause::Tls), "{error}");
        assert_eq!(test(&distrusting, READER_PASSWORD)?, [("tls", false)]);
    }
    // The certificate is for localhost, and for no address.
    for mut elsewhere in [start_tls, tls] {
        elsewhere.servers[0] = elsewhere.servers[0].replace("localhost", "127.0.0.1");
        let error = read(&elsewhere).unwrap_err();
        let refused = matches!(&error, UserSourceError::Unreachable(servers) if servers[0].cause == Cause::Tls);
        assert!(refused && error.to_string().contains("not valid for name"), "{error}");
        assert_eq!(test(&elsewhere, READER_PASSWORD)?, [("tls", false)]);
    }
    Ok(())
}

#[test]
fn the_next_server_takes_over_but_not_with_a_refused_account() -> Result<()> {
    let (first, second) = (Slapd::start(&tree())?, Slapd::start(&tree())?);
    let mut config = without_tls(config(&first)?);
    config.servers = vec!["127.0.0.1:1".to_owned(), second.address()];
    let sweep = read(&config)?;
    assert_eq!((sweep.users.len(), sweep.server, sweep.passed_over.len()), (3, second.address(), 1));
    assert_eq!(test(&config, READER_PASSWORD)?[0], ("connect", false));
    config.servers = vec![first.address(), second.address()];
    let error = read_with(&config, "wrong", &|_| {}).unwrap_err();
    assert!(matches!(&error, UserSourceError::Auth { server, .. } if *server == first.address()), "{error}");
    assert_eq!(test(&config, "wrong")?[..2], [("connect", true), ("sign-in", false)]);
    config.servers = vec!["127.0.0.1:1".to_owned(), "127.0.0.1:2".to_owned()];
    let error = read(&config).unwrap_err();
    let UserSourceError::Unreachable(servers) = &error else { panic!("{error}") };
    let each: Vec<_> = servers.iter().map(|one| (one.server.as_str(), one.cause)).collect();
    assert_eq!(each, [("127.0.0.1:1", Cause::NoConnection), ("127.0.0.1:2", Cause::NoConnection)]);
    Ok(())
}

#[test]
fn a_wrong_base_or_a_server_that_gives_only_a_part_is_an_error() -> Result<()> {
    let people: String = (0..150).map(|i| Person::new(&format!("user{i:03}"), "ou=tokyo").ldif()).collect();
    let slapd = Slapd::start(&(unit("tokyo") + &people))?;
    let mut config = config(&slapd)?;
    config.page_size = 5_000;
    // More than size.pr of one page: the server stops at its limit, and says so.
    let error = read(&config).unwrap_err();
    assert!(matches!(&error, UserSourceError::Incomplete { .. } | UserSourceError::Refused { .. }), "{error}");
    config.page_size = 100;
    assert_eq!(read(&config)?.users.len(), 150);
    config.base = format!("ou=nowhere,{SUFFIX}");
    let error = read(&config).unwrap_err();
    assert!(matches!(&error, UserSourceError::Refused { .. }), "{error}");
    assert_eq!(test(&config, READER_PASSWORD)?.last(), Some(&("base", false)));
    Ok(())
}
