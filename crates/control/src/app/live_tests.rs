use super::*;
use crate::app::tests::Fixture;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use zaiseki_model::Timestamp;
use zaiseki_model::live::{LiveUser, SightDone, TlsVersion, Transport};

/// A data plane that has what it is told to have.
#[derive(Default)]
pub(in crate::app) struct FakePlane {
    pub user: Mutex<LiveUser>,
    pub sight: Mutex<Option<zaiseki_model::live::Sight>>,
    ended: Mutex<Vec<(String, String)>>,
}

impl DataPlane for FakePlane {
    fn user(&self, _: &str) -> LiveUser {
        self.user.lock().unwrap().clone()
    }

    fn end_session(&self, name: &str, session: &str) -> bool {
        self.ended.lock().unwrap().push((name.to_owned(), session.to_owned()));
        self.user.lock().unwrap().sessions.iter().any(|s| s.id == session)
    }

    fn sight(&self, _: &str, _: &str, done: SightDone) {
        done(self.sight.lock().unwrap().clone());
    }
}

pub(in crate::app) fn session(id: &str) -> LiveSession {
    let carrier = Carrier {
        transport: Transport::WebSocket,
        tls: Some(TlsVersion::Tls13),
        peer: Ipv4Addr::LOCALHOST.into(),
        mechanism: "SCRAM-SHA-256",
    };
    LiveSession {
        id: id.to_owned(),
        resource: "desk".to_owned(),
        carrier,
        since: Timestamp::from_secs(1),
        management: Management::Detached { since: Timestamp::from_secs(2), until: Timestamp::from_secs(3) },
        software: None,
        presence: None,
        inactive: false,
        queued: 4,
    }
}

#[test]
fn a_session_is_ended_by_its_id_and_the_audit_log_says_so() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    fixture.user("b@c");
    assert_eq!(sessions(app, "b@c").unwrap_err().code(), "unavailable");
    let plane = Arc::new(FakePlane::default());
    plane.user.lock().unwrap().sessions = vec![session("1-0")];
    app.attach_data_plane(plane.clone());
    let seen = sessions(app, "b@c").unwrap().sessions.remove(0);
    assert_eq!((seen.transport.as_str(), seen.management.as_str(), seen.queued), ("websocket", "detached", 4));
    assert_eq!((seen.tls.as_deref(), seen.show.as_str()), (Some("TLS 1.3"), "unavailable"));
    assert_eq!(end_session(app, "tester", "b@c", "2-0").unwrap_err().code(), "not-found");
    assert_eq!(end_session(app, "tester", "b@c", "1-0").unwrap(), seen);
    assert_eq!(*plane.ended.lock().unwrap(), [("b\\40c".to_owned(), "1-0".to_owned())]);
    let trail = app.store().query(|db| db.audit_list(Some("user:b\\40c"), None, 9)).unwrap();
    assert_eq!(trail.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["user.end_session", "user.create"]);
    assert_eq!(sessions(app, "nobody").unwrap_err().code(), "not-found");
}
