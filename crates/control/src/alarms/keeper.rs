//! Background task: writes what changed of the alarms, and ends those that only told of something that happened.

use super::flush;
use crate::app::App;
use std::time::Duration;
use zaiseki_model::Timestamp;

/// Between two looks, when nothing changed.
const LOOK: Duration = Duration::from_secs(60);
/// Between two writes: alarms raised again and again cost one of them.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the future is dropped.
pub async fn run(app: App) {
    loop {
        app.alarms().expire(Timestamp::now());
        let worker = app.clone();
        match tokio::task::spawn_blocking(move || flush(&worker)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error.text(), "alarms cannot be written; trying again"),
            Err(error) => tracing::error!(%error, "alarms cannot be written; trying again"),
        }
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = app.alarms().changed.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{GATEWAY_DOWN, JOB_FAILED};
    use super::*;
    use crate::app::tests::Fixture;
    use crate::text::Text;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_restart_forgets_no_open_alarm() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        app.alarms().raise(&GATEWAY_DOWN, "mail", Text::plain("no answer"));
        app.alarms().raise(&JOB_FAILED, "1", Text::plain("x"));
        app.alarms().clear(&JOB_FAILED, "1");
        let reopened = || App::open(app.store().clone(), "example.com", fixture.dir.path(), |_| {}).unwrap();
        let written = async {
            while reopened().alarms().open().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = run(app.clone()) => unreachable!("the keeper ends with its caller"),
            done = tokio::time::timeout(Duration::from_secs(20), written) => done.expect("written"),
        }
        assert_eq!(reopened().alarms().open(), app.alarms().open());
        app.alarms().clear_others(&GATEWAY_DOWN, |subject| subject != "mail");
        flush(app).unwrap();
        assert!(reopened().alarms().open().is_empty());
    }

    #[test]
    fn who_listens_hears_each_change_once() {
        let fixture = Fixture::new();
        let alarms = fixture.app.alarms();
        let mut heard = alarms.subscribe();
        for _ in 0..3 {
            alarms.raise(&GATEWAY_DOWN, "mail", Text::plain("x"));
        }
        alarms.clear(&GATEWAY_DOWN, "mail");
        alarms.clear(&GATEWAY_DOWN, "mail");
        let changes: Vec<&str> = std::iter::from_fn(|| heard.try_recv().ok()).map(|event| event.change.as_str()).collect();
        assert_eq!(changes, ["raised", "cleared"]);
    }
}
