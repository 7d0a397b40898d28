use crate::cli::door::Door;
use crate::cli::tests::Bench;
use crate::i18n::Lang;
use hyper::Method;
use serde_json::json;
use std::path::Path;

/// Asks for `users.im` of these people; its id.
async fn create(bench: &Bench, users: &[&str]) -> String {
    let body = json!({"kind": "users.im", "input": {"im": true, "users": users}}).to_string();
    let door = Door::open(&bench.config, Some(Path::new("node.toml"))).await.unwrap();
    let made = door.request(Method::POST, "jobs", body.into_bytes(), Lang::En).await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}

async fn every_command(bench: &Bench) {
    let (first, second) = (create(bench, &["anna"]).await, create(bench, &["anna", "ben"]).await);
    let list = bench.ok("job list --state waiting --kind users.im", "").await;
    let rows: Vec<&str> = list.lines().collect();
    assert!(rows.len() == 3 && rows[1].starts_with(&second) && rows[2].starts_with(&first), "{list}");
    assert!(rows[0].starts_with("ID") && rows[1].contains("queued") && rows[1].contains("0/2"), "{list}");
    assert_eq!(bench.json(&format!("job show {first}")).await["total"], 1);
    let (_, shown) = bench.try_in(Lang::Ja, &format!("job show {first}"), "").await;
    assert!(shown.contains("users.im") && !shown.contains("{\"en\""), "{shown}");
    let log = bench.ok(&format!("job log {first}"), "").await;
    assert_eq!(log, "TIME  TEXT\n");
    let cancelled = bench.ok(&format!("job cancel {second}"), "").await;
    assert!(cancelled.contains("cancelled"), "{cancelled}");
    assert!(!bench.fails(&format!("job cancel {second}"), "").await.is_empty());
    assert!(bench.fails("job show nobody", "").await.contains("nobody"));
    assert!(bench.fails("job list --state odd", "").await.contains("waiting"));
    assert_eq!(bench.ok("job list --state waiting", "").await.lines().count(), 2);
    assert_eq!(bench.ok("job list --state queued", "").await.lines().count(), 2);
    assert_eq!(bench.ok("job list --state scheduled", "").await.lines().count(), 1);
    bench.ok(&format!("job cancel {first}"), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_seen_without_a_node_and_through_one() {
    let bench = Bench::new();
    every_command(&bench).await;
    let (_lock, node) = bench.node();
    every_command(&bench).await;
    node.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_jobs_than_a_page_come_whole() {
    let bench = Bench::new();
    let (_lock, node) = bench.node();
    let body = json!({"kind": "users.im", "input": {"im": true, "users": ["anna"]}}).to_string();
    let door = Door::open(&bench.config, Some(Path::new("node.toml"))).await.unwrap();
    for _ in 0..=super::PAGE {
        let made = door.request(Method::POST, "jobs", body.clone().into_bytes(), Lang::En).await.unwrap();
        let cancel = format!("jobs/{}/cancel", made["id"].as_str().unwrap());
        door.request(Method::POST, &cancel, Vec::new(), Lang::En).await.unwrap();
    }
    let all = bench.json("job list").await;
    assert_eq!((all["jobs"].as_array().unwrap().len(), &all["next"]), (super::PAGE + 1, &json!(null)));
    node.abort();
}
