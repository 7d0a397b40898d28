//! The navigation: one table of areas and pages. A page stands here when it is there.

use zaiseki_control::access::{Area, Right};

pub struct Entry {
    /// Key of the page's name.
    pub name: &'static str,
    pub href: &'static str,
    /// Who may not see the page does not see the entry.
    pub right: Right,
}

pub struct Group {
    /// Key of the area's name.
    pub name: &'static str,
    pub entries: &'static [Entry],
}

const fn entry(name: &'static str, href: &'static str, area: Area) -> Entry {
    Entry { name, href, right: Right::read(area) }
}

pub static NAVIGATION: &[Group] = &[
    Group {
        name: "nav-overview",
        entries: &[entry("nav-dashboard", "/console/", Area::Status), entry("nav-audit", "/console/audit", Area::Audit)],
    },
    Group {
        name: "nav-system",
        entries: &[
            entry("nav-topology", "/console/topology", Area::Status),
            entry("nav-notifications", "/console/notifications", Area::Services),
            entry("nav-parameters", "/console/parameters", Area::Settings),
            entry("nav-security", "/console/security", Area::Security),
            entry("nav-certificates", "/console/certificates", Area::Certificates),
            entry("nav-trust", "/console/trust", Area::Certificates),
            entry("nav-user-sign-in", "/console/user-sign-in", Area::Security),
            entry("nav-admin-sign-in", "/console/admin-sign-in", Area::Security),
            entry("nav-administrators", "/console/administrators", Area::Admins),
            entry("nav-tokens", "/console/tokens", Area::Admins),
            entry("nav-targets", "/console/alarm-targets", Area::Alarms),
        ],
    },
    Group {
        name: "nav-presence",
        entries: &[
            entry("nav-presence-settings", "/console/presence-settings", Area::Settings),
            entry("nav-gateways", "/console/gateways", Area::Gateways),
        ],
    },
    Group { name: "nav-messaging", entries: &[entry("nav-messaging-settings", "/console/messaging", Area::Settings)] },
    Group {
        name: "nav-people",
        entries: &[
            entry("nav-users", "/console/users", Area::Users),
            entry("nav-directories", "/console/directories", Area::Directories),
            entry("nav-duplicates", "/console/users:duplicates", Area::Users),
            entry("nav-addresses", "/console/address-scheme", Area::Settings),
            entry("nav-people-settings", "/console/people-settings", Area::Settings),
        ],
    },
    Group { name: "nav-bulk", entries: &[entry("nav-jobs", "/console/jobs", Area::Jobs)] },
    Group {
        name: "nav-diagnostics",
        entries: &[
            entry("nav-troubleshooter", "/console/troubleshooter", Area::Diagnostics),
            entry("nav-alarms", "/console/alarms", Area::Alarms),
            entry("nav-presence-viewer", "/console/presence-viewer", Area::Diagnostics),
            entry("nav-traces", "/console/traces", Area::Diagnostics),
            entry("nav-log-level", "/console/log-level", Area::Diagnostics),
        ],
    },
    Group { name: "nav-serviceability", entries: &[entry("nav-control-center", "/console/services", Area::Services)] },
    Group { name: "nav-developers", entries: &[entry("nav-api", "/console/api", Area::Own)] },
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
