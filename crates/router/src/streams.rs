//! Background task: forgets how far resumable streams got (XEP-0198 §5) when nobody can ask for it any more.

use crate::node::Node;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::StreamToken;
use zaiseki_store::Result;

/// A stream that was not used for longer than this is forgotten.
const KEEP: Duration = Duration::from_secs(7 * 86_400);

/// A round at once and then one every `every`; ends with its caller.
pub async fn purge_old(node: Arc<Node>, every: Duration) {
    loop {
        let worker = node.clone();
        match tokio::task::spawn_blocking(move || round(&worker)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::debug!(count, "old resumable streams removed"),
            Ok(Err(error)) => tracing::error!(error = %error.full_text(), "old streams could not be removed; trying again later"),
            Err(error) => tracing::error!(%error, "old streams could not be removed; trying again later"),
        }
        tokio::time::sleep(every).await;
    }
}

/// One round; twice is the same as once. A stream opened after the living ones were listed is too new to be removed.
fn round(node: &Arc<Node>) -> Result<u64> {
    let (alive, now) = node.with(|engine, now| (engine.resumable_streams().collect::<HashSet<StreamToken>>(), now));
    node.store().call(move |database| database.purge_streams(&alive, now, KEEP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{BindRequest, EngineConfig};
    use crate::node::StoreEvents;
    use crate::outbox::Outbox;
    use tokio::sync::oneshot;
    use zaiseki_model::{MessageIds, Timestamp, User, UserId};
    use zaiseki_store::{Audit, NewUser, Options, Read, Reply, Store, Write};
    use zaiseki_stream::c2s::C2sConfig;

    const ANN: UserId = UserId([1; 16]);

    fn node(dir: &std::path::Path) -> Arc<Node> {
        let events = StoreEvents::default();
        let store = Store::open(dir, "here.example", Options::default(), Box::new(events.on_durable())).expect("a database");
        let user = User {
            id: ANN,
            name: "ann".to_owned(),
            display_name: String::new(),
            mail: String::new(),
            telephone: String::new(),
            language: None,
            enabled: true,
            calendar: true,
            im: true,
            user_id: None,
        };
        let audit = Audit { actor: "tester".to_owned(), at: Timestamp::ZERO };
        store.call(move |db| db.create_user(&NewUser { user, sha256: None, sha1: None, profile: None }, &audit)).expect("a user");
        let engine = EngineConfig {
            domain: "here.example".parse().expect("a domain"),
            ids: MessageIds::new(0, None),
            settings: Arc::default(),
            random: Box::new(crate::random::fill),
        };
        let c2s = C2sConfig {
            domain: "here.example".parse().expect("a domain"),
            server_secret: [0; 32],
            clear_text_auth: true,
            starttls: false,
            sm: true,
            extra_features: Vec::new(),
            max_auth_tries: 1,
        };
        Node::new(engine, c2s, store, &events)
    }

    /// A session of Ann's with a stream that can be resumed.
    async fn living(node: &Arc<Node>) -> StreamToken {
        let (done, bound) = oneshot::channel();
        let request = BindRequest {
            user: ANN,
            name: "ann".to_owned(),
            resource: None,
            lang: None,
            carrier: zaiseki_model::live::Carrier::local(),
            outlet: Arc::new(Outbox::new(false)),
            done: Box::new(move |result| drop(done.send(result))),
        };
        node.with(|engine, now| engine.bind(now, request));
        let (session, _) = bound.await.expect("an answer").expect("bound");
        node.with(|engine, now| engine.enable_management(now, session, true, None));
        node.with(|engine, _| engine.resumable_streams().next()).expect("a stream")
    }

    fn known(node: &Node, token: StreamToken) -> bool {
        node.store().query(move |db| db.read(&Read::Stream { token })).expect("an answer") != Reply::Stream(None)
    }

    /// A stream of an earlier run.
    fn leave_behind(node: &Node, token: StreamToken) {
        let open = Write::StreamOpen { token, user: ANN, resource: "old".to_owned(), at: Timestamp::ZERO };
        node.store().call(move |db| db.commit(&[open])).expect("written");
    }

    async fn until_gone(node: &Node, token: StreamToken) {
        let gone = async {
            while known(node, token) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the old stream stays");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn old_streams_go_again_and_again_and_living_ones_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        let node = node(dir.path());
        let living = living(&node).await;
        let silent = Write::StreamHandled { token: living, h: 0, at: Timestamp::ZERO };
        node.store().call(move |db| db.commit(&[silent])).expect("written");
        leave_behind(&node, StreamToken([1; 16]));
        let task = tokio::spawn(purge_old(node.clone(), Duration::from_millis(20)));
        until_gone(&node, StreamToken([1; 16])).await;
        // A later round finds what was not there at the first one.
        leave_behind(&node, StreamToken([2; 16]));
        until_gone(&node, StreamToken([2; 16])).await;
        task.abort();
        assert!(known(&node, living));
    }
}
