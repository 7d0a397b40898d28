use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

const JOBS: Service = Service::JobScheduler;
const PATIENCE: Duration = Duration::from_secs(20);

fn settles(services: &Services, wanted: impl Fn(&Machine) -> bool) -> impl Future<Output = Machine> {
    let seen = async move {
        loop {
            if let Some(machine) = services.get(JOBS).filter(|machine| wanted(machine)) {
                return machine;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    async move { timeout(PATIENCE, seen).await.expect("the service arrives") }
}

/// On a thread that may wait, as the doors do it.
async fn tell(services: &Arc<Services>, word: fn(&mut Machine, Timestamp) -> Result<(), NotActive>) -> Machine {
    let services = services.clone();
    let told = tokio::task::spawn_blocking(move || services.tell(JOBS, word)).await.unwrap();
    told.expect("kept").expect("active")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_started_again_and_reported_and_others_go_on() {
    let services = Arc::new(Services::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let report = seen.clone();
    services.on_change(move |service, machine| report.lock().unwrap().push((service, machine.state())));
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let part = droppable(move || {
        let run = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_ne!(run, 0, "the first run is broken");
            std::future::pending().await
        }
    });
    let end = CancellationToken::new();
    let other = tokio::spawn(services.supervise(Service::Retention, true, droppable(std::future::pending), end.clone()));
    let keeper = tokio::spawn(services.supervise(JOBS, true, part, end.clone()));
    let failed = settles(&services, |machine| machine.state() == State::Failed).await;
    assert!(failed.why().en.contains("the first run is broken"), "{}", failed.why());
    let again = settles(&services, |machine| machine.state() == State::Running).await;
    assert_eq!((again.restarts(), runs.load(Ordering::Relaxed)), (1, 2));
    assert_eq!(services.get(Service::Retention).unwrap().restarts(), 0);
    end.cancel();
    keeper.await.unwrap();
    other.await.unwrap();
    let seen: Vec<State> = seen.lock().unwrap().iter().filter(|(service, _)| *service == JOBS).map(|(_, state)| *state).collect();
    assert_eq!(seen[..3], [State::Running, State::Failed, State::Running], "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_the_part_and_a_start_runs_it_anew() {
    let services = Arc::new(Services::default());
    let alive = Arc::new(AtomicU32::new(0));
    let counted = alive.clone();
    let part: Part = Arc::new(move |stop| {
        let alive = counted.clone();
        Box::pin(async move {
            assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "two runs meet");
            stop.cancelled().await;
            sleep(Duration::from_millis(50)).await;
            alive.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    });
    let end = CancellationToken::new();
    let keeper = tokio::spawn(services.supervise(JOBS, true, part, end.clone()));
    settles(&services, |machine| machine.state() == State::Running).await;
    while alive.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let stopped = tell(&services, |machine, now| {
        machine.stop("admin:anna", now);
        Ok(())
    })
    .await;
    assert_eq!((stopped.state(), alive.load(Ordering::SeqCst)), (State::Stopped, 0));
    assert_eq!(tell(&services, |machine, now| machine.start("admin:anna", now)).await.state(), State::Running);
    let restarted = tell(&services, |machine, now| machine.restart("admin:ben", now)).await;
    assert_eq!((restarted.state(), restarted.why().en.as_str()), (State::Running, "restarted by admin:ben"));
    end.cancel();
    keeper.await.unwrap();
    assert_eq!(alive.load(Ordering::SeqCst), 0, "the end of the node waits for its parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_active_does_not_run_until_it_is_activated() {
    let services = Arc::new(Services::default());
    let end = CancellationToken::new();
    let keeper = tokio::spawn(services.supervise(JOBS, false, droppable(std::future::pending), end.clone()));
    assert_eq!(services.get(JOBS).unwrap().state(), State::Deactivated);
    assert!(services.tell(JOBS, |machine, now| machine.start("x", now)).unwrap().is_err());
    let active = tell(&services, |machine, now| {
        machine.activate("x", now);
        Ok(())
    })
    .await;
    assert_eq!(active.state(), State::Running);
    assert!(services.tell(Service::Retention, |_, _| Ok(())).is_none(), "nobody keeps that");
    end.cancel();
    keeper.await.unwrap();
}

/// As the gateways do when the presence engine that takes their facts is gone before them.
#[tokio::test]
async fn a_part_that_ends_with_the_node_has_not_failed() {
    for _ in 0..64 {
        let services = Arc::new(Services::default());
        let failed = Arc::new(AtomicU32::new(0));
        let counted = failed.clone();
        services.on_change(move |_, machine| {
            counted.fetch_add(u32::from(machine.state() == State::Failed), Ordering::Relaxed);
        });
        let (end, other) = (CancellationToken::new(), CancellationToken::new());
        let gone = other.clone();
        let part = droppable(move || gone.clone().cancelled_owned());
        let keeper = tokio::spawn(services.supervise(JOBS, true, part, end.clone()));
        settles(&services, |machine| machine.state() == State::Running).await;
        tokio::task::yield_now().await;
        other.cancel();
        end.cancel();
        keeper.await.unwrap();
        assert_eq!(failed.load(Ordering::Relaxed), 0);
    }
}
