//! When a changed value is used: each live setting and each key of the configuration file declares it.

use crate::services::Service;
use crate::text::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once, or with the next connection.
    Live,
    /// When this service starts again.
    Restart(Service),
    /// When the node starts again.
    RestartNode,
}

impl Effect {
    /// What has to be restarted: `node`, or a service's name.
    pub fn restarted(self) -> Option<&'static str> {
        match self {
            Effect::Live => None,
            Effect::Restart(service) => Some(service.as_str()),
            Effect::RestartNode => Some("node"),
        }
    }

    /// For people.
    pub fn text(self) -> Text {
        match self {
            Effect::Live => Text::new("live", "即時"),
            Effect::Restart(service) => {
                let title = service.title();
                Text::new(format!("restart of {}", title.en), format!("{}の再起動後", title.ja))
            }
            Effect::RestartNode => Text::new("restart of the node", "ノードの再起動後"),
        }
    }
}
