//! The navigation: one table of areas and pages. A page stands here when it is there.

use zaiseki_control::access::{Area, Right};

pub struct Entry {
    /// Key of the page's name.
    pub name: &'static str,
    pub href: &'static str,
    /// Who may not see the page does not see the entry.
    pub right: Right,
    /// Key of the help, of this page and of those below it without help of their own; see `locales/*/help.ftl`.
    pub help: &'static str,
}

pub struct Group {
    /// Key of the area's name.
    pub name: &'static str,
    pub entries: &'static [Entry],
}

const fn entry(name: &'static str, href: &'static str, area: Area, help: &'static str) -> Entry {
    Entry { name, href, right: Right::read(area), help }
}

pub static NAVIGATION: &[Group] = &[
    Group {
        name: "nav-overview",
        entries: &[
            entry("nav-dashboard", "/console/", Area::Status, "help-dashboard"),
            entry("nav-audit", "/console/audit", Area::Audit, "help-audit"),
        ],
    },
    Group {
        name: "nav-system",
        entries: &[
            entry("nav-topology", "/console/topology", Area::Status, "help-topology"),
            entry("nav-notifications", "/console/notifications", Area::Services, "help-notifications"),
            entry("nav-parameters", "/console/parameters", Area::Settings, "help-parameters"),
            entry("nav-security", "/console/security", Area::Security, "help-security"),
            entry("nav-certificates", "/console/certificates", Area::Certificates, "help-certificates"),
            entry("nav-trust", "/console/trust", Area::Certificates, "help-trust"),
            entry("nav-user-sign-in", "/console/user-sign-in", Area::Security, "help-user-sign-in"),
            entry("nav-admin-sign-in", "/console/admin-sign-in", Area::Security, "help-admin-sign-in"),
            entry("nav-administrators", "/console/administrators", Area::Admins, "help-administrators"),
            entry("nav-tokens", "/console/tokens", Area::Admins, "help-tokens"),
            entry("nav-targets", "/console/alarm-targets", Area::Alarms, "help-targets"),
        ],
    },
    Group {
        name: "nav-presence",
        entries: &[
            entry("nav-presence-settings", "/console/presence-settings", Area::Settings, "help-presence-settings"),
            entry("nav-gateways", "/console/gateways", Area::Gateways, "help-gateways"),
        ],
    },
    Group {
        name: "nav-messaging",
        entries: &[entry("nav-messaging-settings", "/console/messaging", Area::Settings, "help-messaging-settings")],
    },
    Group {
        name: "nav-people",
        entries: &[
            entry("nav-users", "/console/users", Area::Users, "help-users"),
            entry("nav-directories", "/console/directories", Area::Directories, "help-directories"),
            entry("nav-duplicates", "/console/users:duplicates", Area::Users, "help-duplicates"),
            entry("nav-addresses", "/console/address-scheme", Area::Settings, "help-addresses"),
            entry("nav-people-settings", "/console/people-settings", Area::Settings, "help-people-settings"),
        ],
    },
    Group { name: "nav-bulk", entries: &[entry("nav-jobs", "/console/jobs", Area::Jobs, "help-jobs")] },
    Group {
        name: "nav-diagnostics",
        entries: &[
            entry("nav-troubleshooter", "/console/troubleshooter", Area::Diagnostics, "help-troubleshooter"),
            entry("nav-alarms", "/console/alarms", Area::Alarms, "help-alarms"),
            entry("nav-presence-viewer", "/console/presence-viewer", Area::Diagnostics, "help-presence-viewer"),
            entry("nav-traces", "/console/traces", Area::Diagnostics, "help-traces"),
            entry("nav-log-level", "/console/log-level", Area::Diagnostics, "help-log-level"),
        ],
    },
    Group {
        name: "nav-serviceability",
        entries: &[entry("nav-control-center", "/console/services", Area::Services, "help-services")],
    },
    Group { name: "nav-developers", entries: &[entry("nav-api", "/console/api", Area::Own, "help-api")] },
];

/// The entry that a path belongs to: the one with the longest beginning in common.
pub fn current(path: &str) -> Option<(&'static Group, &'static Entry)> {
    let all = NAVIGATION.iter().flat_map(|group| group.entries.iter().map(move |entry| (group, entry)));
    all.filter(|(_, entry)| belongs(path, entry.href)).max_by_key(|(_, entry)| entry.href.len())
}

fn belongs(path: &str, href: &str) -> bool {
    path == href || (href != "/console/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with(['/', ':'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_belongs_to_the_entry_that_it_is_below() {
        let entry = |path: &str| current(path).map(|(_, entry)| entry.href);
        for path in ["/console/users", "/console/users/hanako/remove", "/console/users:new"] {
            assert_eq!(entry(path), Some("/console/users"), "{path}");
        }
        assert_eq!(entry("/console/"), Some("/console/"));
        assert_eq!((entry("/console/usersx"), entry("/console/account")), (None, None));
    }
}
