//! Which spans are kept, and how many.

use super::*;
use crate::app::settings;
use crate::app::tests::Fixture;
use serde_json::json;
use std::collections::BTreeMap;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn recording(percent: u32) -> Fixture {
    let fixture = Fixture::new();
    let change = BTreeMap::from([("telemetry.traces_percent".to_owned(), json!(percent))]);
    settings::put(&fixture.app, "tester", &change).unwrap();
    fixture.app.spans().switch(true);
    fixture
}

#[test]
fn a_traceparent_is_read_as_the_specification_has_it() {
    let parent = Parent::parse(PARENT).unwrap();
    assert_eq!(hex(&parent.trace), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((hex(&parent.span).as_str(), parent.sampled), ("b7ad6b7169203331", true));
    assert!(!Parent::parse(&PARENT.replace("-01", "-00")).unwrap().sampled);
    assert!(Parent::parse(&format!("cc{}-what-comes-later", &PARENT[2..])).is_some(), "a later version");
    let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    let longer = format!("{PARENT}-x");
    let upper = PARENT.to_ascii_uppercase();
    for bad in [
        "",
        "00",
        zeros,
        &longer,
        &upper,
        &format!("ff{}", &PARENT[2..]),
        &PARENT.replace("b7ad6b7169203331", "0000000000000000"),
    ] {
        assert_eq!(Parent::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_span_belongs_to_the_trace_that_it_came_with_and_parts_to_it() {
    let fixture = recording(100);
    let app = &fixture.app;
    let mut open = begin(app, "GET /api/v1/users/{name}", SpanKind::Server, Parent::parse(PARENT)).unwrap();
    open.number("http.response.status_code", 200);
    drop(begin(app, "part", SpanKind::Client, Some(open.context())));
    drop(open);
    let [part, whole] = &app.spans().take(9)[..] else { panic!("two spans") };
    assert_eq!(
        (hex(&whole.trace), hex(&whole.parent.unwrap())),
        ("0af7651916cd43dd8448eb211c80319c".to_owned(), "b7ad6b7169203331".to_owned())
    );
    assert_eq!((part.trace, part.parent, part.kind), (whole.trace, Some(whole.id), SpanKind::Client));
    assert!(whole.end >= whole.start && whole.attributes == [("http.response.status_code", Attribute::Number(200))]);
    let unsampled = Parent::parse(&PARENT.replace("-01", "-00"));
    assert!(begin(app, "x", SpanKind::Server, unsampled).is_none(), "whoever began the trace does not keep it");
}

#[test]
fn the_setting_says_how_many_are_kept_at_both_ends_and_between() {
    let kept = |percent| {
        let fixture = recording(percent);
        (0..1_000).filter(|_| begin(&fixture.app, "x", SpanKind::Internal, None).is_some()).count()
    };
    assert_eq!((kept(0), kept(100)), (0, 1_000));
    // 500 ± 15.8; a fair coin is further off than ten times that never in a lifetime.
    assert!((350..650).contains(&kept(50)));
    let none = recording(0);
    assert!(begin(&none.app, "x", SpanKind::Server, Parent::parse(PARENT)).is_none(), "nobody outside switches it on");
    assert!(chosen([0; 16], 1) && !chosen([0; 16], 0) && chosen([255; 16], 100) && !chosen([255; 16], 99));
}

#[test]
fn the_queue_holds_its_limit_and_one_past_it_is_dropped_and_counted() {
    let fixture = recording(100);
    let app = &fixture.app;
    (0..SPANS_WAITING).for_each(|_| drop(begin(app, "x", SpanKind::Internal, None)));
    assert_eq!(app.spans().counts(), (0, 0));
    drop(begin(app, "one past", SpanKind::Internal, None));
    assert_eq!(app.spans().counts(), (0, 1));
    assert_eq!(app.spans().take(SPANS_WAITING + 1).len(), SPANS_WAITING);
    drop(begin(app, "x", SpanKind::Internal, None));
    app.spans().switch(false);
    assert!(app.spans().take(1).is_empty() && begin(app, "x", SpanKind::Internal, None).is_none());
}
