use super::*;
use crate::app::tests::Fixture;
use crate::app::{UserChange, profiles, users};
use crate::jobs::kind;
use serde_json::json;

fn uri(fixture: &Fixture, user: &str, uri: &str) {
    let update = serde_json::from_value(json!({ "directory_uri": uri })).unwrap();
    profiles::update(&fixture.app, "tester", user, &update).unwrap();
}

/// As after the job.
fn by_uri(fixture: &Fixture) {
    fixture.app.store().call(|db| db.meta_put("address_scheme", Scheme::DirectoryUri.as_str().as_bytes())).unwrap();
}

#[test]
fn an_address_is_made_of_what_the_scheme_says() {
    let by_id = Addressing::new(Scheme::UserId, "example.com");
    assert_eq!(by_id.place("taro", "t.yamada@example.com"), ("taro".to_owned(), None));
    let by_uri = Addressing::new(Scheme::DirectoryUri, "example.com");
    let placed = |uri: &str| by_uri.place("taro", uri);
    assert_eq!(placed("T.Yamada@Example.com"), ("t.yamada".to_owned(), Some("taro".to_owned())));
    for none in ["", "taro@example.com", "t.yamada@other.example", "nonsense", "@example.com"] {
        assert_eq!(placed(none), ("taro".to_owned(), None), "{none}");
    }
}

#[test]
fn a_preview_tells_who_is_in_the_way_and_why() {
    let fixture = Fixture::new();
    let (domain, people) = (fixture.app.domain().to_owned(), ["anna", "ben", "carl", "dora", "eve", "fred"]);
    people.iter().for_each(|name| drop(fixture.user(name)));
    uri(&fixture, "anna", &format!("a.smith@{domain}"));
    uri(&fixture, "ben", &format!("team@{domain}"));
    uri(&fixture, "carl", &format!("team@{domain}"));
    uri(&fixture, "dora", &format!("anna@{domain}"));
    uri(&fixture, "eve", "eve@other.example");
    let view = show(&fixture.app).unwrap();
    assert_eq!((view.scheme, view.preview.scheme), (Scheme::UserId, Scheme::DirectoryUri));
    assert_eq!((view.preview.users, view.preview.changed, view.preview.in_the_way), (6, 1, 5));
    let faults: Vec<_> = view.preview.problems.iter().map(|problem| (problem.user.as_str(), problem.fault)).collect();
    let expected = [
        ("ben", AddressFault::Shared),
        ("carl", AddressFault::Shared),
        ("dora", AddressFault::Taken),
        ("eve", AddressFault::OtherDomain),
        ("fred", AddressFault::NoUri),
    ];
    assert_eq!(faults, expected);
    let check = |accept| {
        let input = json!({ "scheme": "directory-uri", "accept": accept });
        kind(JOB).unwrap().check(&fixture.app, input).map(|checked| checked.total).map_err(|error| error.field())
    };
    assert_eq!((check(false), check(true)), (Err(Some("accept")), Ok(Some(6))));
    let same = kind(JOB).unwrap().check(&fixture.app, json!({ "scheme": "user-id" }));
    assert_eq!(same.map(|_| ()).map_err(|error| error.field()), Err(Some("scheme")));
}

#[test]
fn under_the_directory_uri_the_address_follows_it_and_the_user_id_stays() {
    let fixture = Fixture::new();
    let domain = fixture.app.domain().to_owned();
    ["anna", "ben"].iter().for_each(|name| drop(fixture.user(name)));
    by_uri(&fixture);
    fixture.changes();
    uri(&fixture, "anna", &format!("a.smith@{domain}"));
    let anna = users::show(&fixture.app, "anna").unwrap();
    assert_eq!((anna.name.as_str(), anna.address.clone()), ("anna", format!("a.smith@{domain}")));
    assert_eq!(users::show(&fixture.app, "a.smith").unwrap(), anna, "known by either name");
    assert_eq!(fixture.changes(), [("anna".to_owned(), UserChange::Renamed { to: "a.smith".to_owned() })]);
    users::rename(&fixture.app, "tester", "anna", "anne").unwrap();
    let anne = users::show(&fixture.app, "anne").unwrap();
    assert_eq!((anne.id, anne.address), (anna.id, format!("a.smith@{domain}")));
    assert_eq!(fixture.changes(), [("a.smith".to_owned(), UserChange::Details)], "the address stays");
    let update = |uri: String| serde_json::from_value(json!({ "directory_uri": uri })).unwrap();
    let taken = profiles::update(&fixture.app, "tester", "ben", &update(format!("anne@{domain}")));
    assert_eq!(taken.unwrap_err().code(), "conflict", "somebody's user id");
    let error = users::rename(&fixture.app, "tester", "ben", "a.smith").unwrap_err();
    assert_eq!(error.code(), "conflict", "somebody's address");
    uri(&fixture, "anne", "");
    assert_eq!(users::show(&fixture.app, "anne").unwrap().address, format!("anne@{domain}"));
}
