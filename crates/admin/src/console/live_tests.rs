//! A user's page with a data plane behind it, and the presence viewer.

use super::tests::{caller, fixture, post};
use axum::http::{StatusCode, header};
use std::net::Ipv4Addr;
use std::sync::Arc;
use zaiseki_control::access::Role;
use zaiseki_model::Timestamp;
use zaiseki_model::live::{
    Access, Carrier, DataPlane, LivePresence, LiveSession, LiveUser, Management, Said, Sight, SightDone, Transport,
};
use zaiseki_model::precedence::{Level, Step, Verdict};
use zaiseki_model::settings::Show;

/// Everybody has one session, and sees everybody.
struct Plane;

fn live() -> LiveUser {
    let said = Said { show: Some(Show::Dnd), statuses: vec![(Some("ja".to_owned()), "<会議中>".to_owned())] };
    let steps = vec![Step { level: Level::InMeeting, verdict: Verdict::Wins, since: Some(Timestamp::from_secs(9)) }];
    let presence = LivePresence { priority: 1, own: Said::default(), seen: said, chosen_at: None, steps };
    let session = LiveSession {
        id: "7-1".to_owned(),
        resource: "<desk>".to_owned(),
        carrier: Carrier::new(Transport::Bosh, Ipv4Addr::new(192, 0, 2, 7).into()),
        since: Timestamp::from_secs(1),
        management: Management::Off,
        software: None,
        presence: Some(presence),
        inactive: false,
        queued: 0,
    };
    LiveUser { sessions: vec![session], ..LiveUser::default() }
}

impl DataPlane for Plane {
    fn user(&self, _: &str) -> LiveUser {
        live()
    }

    fn end_session(&self, _: &str, session: &str) -> bool {
        session == "7-1"
    }

    fn sight(&self, _: &str, _: &str, done: SightDone) {
        let (access, other) = (Access::Granted, live());
        done(Some(Sight { access, viewers_side: None, others_side: None, viewer_online: false, other, directed: Vec::new() }));
    }
}

#[tokio::test]
async fn a_user_s_page_shows_sessions_and_ends_them() {
    let fixture = fixture();
    let token = super::routes::csrf_of(&caller(Role::Administrator));
    let admin = Some(Role::Administrator);
    fixture.ask(post("/console/users:new"), admin, &format!("csrf={token}&name=hanako")).await;
    let (status, _, html) = fixture.get("/console/users/hanako", admin, "en").await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("does not run") && html.contains("The contact list is empty."), "{html}");
    fixture.app.attach_data_plane(Arc::new(Plane));
    for (language, word) in [("en", "do not disturb"), ("ja", "取り込み中")] {
        let (_, _, html) = fixture.get("/console/users/hanako", admin, language).await;
        assert!(html.contains("192.0.2.7") && html.contains(word) && html.contains("value=\"7-1\""), "{html}");
        assert!(html.contains("&#60;desk&#62;") && !html.contains("<desk>"), "{html}");
    }
    let (_, _, html) = fixture.get("/console/users/hanako", Some(Role::ReadOnly), "en").await;
    assert!(html.contains("192.0.2.7") && !html.contains("value=\"7-1\""), "{html}");
    let end = |id: &str| format!("csrf={token}&session={id}");
    let (status, headers, _) = fixture.ask(post("/console/users/hanako/sessions"), admin, &end("7-1")).await;
    assert_eq!((status, headers[header::LOCATION].as_bytes()), (StatusCode::SEE_OTHER, b"/console/users/hanako".as_slice()));
    assert_eq!(fixture.ask(post("/console/users/hanako/sessions"), admin, &end("7-2")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.get("/console/users/hanako/contacts", admin, "ja").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_presence_viewer_asks_and_explains() {
    let fixture = fixture();
    let token = super::routes::csrf_of(&caller(Role::Administrator));
    let admin = Some(Role::Administrator);
    for name in ["hanako", "taro"] {
        fixture.ask(post("/console/users:new"), admin, &format!("csrf={token}&name={name}&enabled=on")).await;
    }
    let page = async |query: &str| fixture.get(&format!("/console/presence-viewer{query}"), admin, "en").await.2;
    assert!(page("").await.contains("name=\"viewer\""));
    assert!(page("?viewer=hanako&of=taro").await.contains("does not run"));
    fixture.app.attach_data_plane(Arc::new(Plane));
    let html = page("?viewer=hanako&of=nobody").await;
    assert!(html.contains("id=\"of-error\"") && html.contains("value=\"hanako\""), "{html}");
    let html = page("?viewer=hanako&of=taro").await;
    assert!(html.contains("In a meeting") && html.contains("the calendar says so since"), "{html}");
    assert!(html.contains("The viewer has no available resource now") && html.contains("&#60;会議中&#62;"), "{html}");
}
