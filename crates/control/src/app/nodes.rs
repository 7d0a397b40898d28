//! The nodes of the cluster, as far as this one knows: itself.

use super::App;
use super::status::time;
use crate::error::Result;
use crate::node::Door;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_store::UserFilter;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// Of the configuration file.
    pub name: String,
    pub domain: String,
    pub version: String,
    /// Whether the node runs; else these are the words of the command line on its host.
    pub running: bool,
    /// When the process started (XEP-0082 form of time); `null` when it does not run.
    pub started: Option<String>,
    /// The cluster's first node.
    pub publisher: bool,
    /// Users whose rosters, presence and messages are kept here.
    pub users: u64,
    /// The ways in that are open or were opened since the node started.
    pub doors: Vec<Door>,
}

/// Every node, the publisher first.
pub fn list(app: &App) -> Result<Vec<NodeView>> {
    let users = app.store().query(|db| db.count_users(&UserFilter::default()))?;
    let (doors, running) = (app.node().doors(), app.is_ready());
    Ok(vec![NodeView {
        name: app.node().name().to_owned(),
        domain: app.domain().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        running,
        started: running.then(|| time(app.started())),
        publisher: true,
        users,
        doors,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use crate::text::Text;

    #[test]
    fn the_node_tells_of_itself() {
        let fixture = Fixture::new();
        fixture.user("anna");
        let app = &fixture.app;
        app.node().set_name("im1.example.com");
        let door = |addresses: &[&str]| Door {
            name: "web".to_owned(),
            title: Text::plain("web"),
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            allow: Vec::new(),
            service: None,
        };
        app.node().set_door(door(&[]));
        app.node().set_door(door(&["127.0.0.1:8443"]));
        let [node] = &list(app).unwrap()[..] else { panic!("one node") };
        assert_eq!((node.name.as_str(), node.users, node.started.as_deref()), ("im1.example.com", 1, None));
        assert_eq!(node.doors, [door(&["127.0.0.1:8443"])]);
        app.set_ready(true);
        assert!(list(app).unwrap()[0].started.is_some());
    }
}
