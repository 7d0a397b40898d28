//! Reading what changed.

use crate::support::{config, control, count, crowd, read, source};
use serde_json::json;
use zaiseki_axl::AxlConfig;
use zaiseki_model::directory::{Delta, UserSource, UserSourceError};
use zaiseki_model::limits::AXL_CHANGES;
use zaiseki_testkit::axl::{AxlServer, Options, person};

async fn changes(config: &AxlConfig, cursor: &str) -> Result<Option<Delta>, UserSourceError> {
    source(config).changes(cursor).await
}

fn names(delta: &Delta) -> Vec<&str> {
    let mut names: Vec<&str> = delta.users.iter().map(|user| user.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read() {
    let server = AxlServer::start(&Options { page_changes: 2, ..crowd(20) }).unwrap();
    let config = AxlConfig { version: "14.0".to_owned(), ..config(&server) };
    let sweep = read(&config).await.unwrap();
    let key = |name: &str| sweep.users.iter().find(|user| user.name == name).unwrap().key.clone();
    let cursor = sweep.cursor.clone().unwrap();
    let nothing = changes(&config, &cursor).await.unwrap().unwrap();
    assert_eq!(nothing, Delta { cursor: cursor.clone(), server: server.address(), ..Delta::default() });

    let mut moved = person("user001", "Changed", "Name");
    control(&server, json!({ "put": moved })).await;
    control(&server, json!({ "put": person("zoe", "New", "Comer") })).await;
    control(&server, json!({"remove": "user002"})).await;
    moved["imAndPresenceEnable"] = json!("false");
    moved["userid"] = json!("user003");
    control(&server, json!({ "put": moved })).await;
    control(&server, json!({ "put": person("short", "Came", "Went") })).await;
    control(&server, json!({"remove": "short"})).await;

    let (lists, gets) = (count(&server, "listUser").await, count(&server, "getUser").await);
    let delta = changes(&config, &cursor).await.unwrap().unwrap();
    assert_eq!(names(&delta), ["user001", "zoe"]);
    // One user knows all fields in every version.
    let changed = delta.users.iter().find(|user| user.name == "user001").unwrap();
    assert_eq!((changed.key.as_str(), changed.profile.display_name.as_str()), (key("user001").as_str(), "Name Changed"));
    assert!(delta.gone.contains(&key("user002")) && delta.gone.contains(&key("user003")) && delta.gone.len() == 3, "{delta:?}");
    assert_eq!((count(&server, "listUser").await, count(&server, "getUser").await - gets), (lists, 3));
    let after = changes(&config, &delta.cursor).await.unwrap().unwrap();
    assert_eq!((after.users.len(), after.gone.len(), &after.cursor), (0, 0, &delta.cursor));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_queue_means_reading_everybody() {
    let server = AxlServer::start(&crowd(2)).unwrap();
    let config = config(&server);
    let cursor = read(&config).await.unwrap().cursor.unwrap();
    control(&server, json!({"restart": true})).await;
    assert_eq!(changes(&config, &cursor).await, Ok(None));
    for nonsense in ["", "@", "x@y", "1", "99999999999999999999@q", "7@"] {
        assert_eq!(changes(&config, nonsense).await, Ok(None), "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_changes_are_read_as_a_whole() {
    let server = AxlServer::start(&Options { page_changes: 10_000, ..crowd(0) }).unwrap();
    let config = config(&server);
    let cursor = read(&config).await.unwrap().cursor.unwrap();
    for i in 0..AXL_CHANGES {
        control(&server, json!({ "put": person(&format!("user{i}"), "A", "B") })).await;
    }
    let delta = changes(&config, &cursor).await.unwrap().unwrap();
    assert_eq!(delta.users.len(), AXL_CHANGES);
    control(&server, json!({ "put": person("one-more", "A", "B") })).await;
    assert_eq!(changes(&config, &cursor).await, Ok(None));
}
