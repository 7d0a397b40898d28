//! Who may do what: the roles of administrators, the areas of administration, and the right each operation asks for.
//!
//! A [`Caller`] is what a door knows of the one who asks. It may use a right when its role has it and, for an API token,
//! when the token's scopes hold it too. To write an area includes to read it.

use crate::error::ControlError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use zaiseki_model::{AdminId, Timestamp};

/// What an administrator is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Administrator,
    /// Reads everything; changes users, directories, gateways, jobs, services and settings.
    Operator,
    /// Reads everything.
    ReadOnly,
    /// An application that uses the AXL service, and nothing else.
    Axl,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Administrator, Role::Operator, Role::ReadOnly, Role::Axl];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Operator => "operator",
            Role::ReadOnly => "read-only",
            Role::Axl => "axl",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The matrix of roles and rights.
    pub fn allows(self, right: Right) -> bool {
        match (self, right.level) {
            (Role::Administrator, _) => true,
            (Role::Axl, _) => right.area == Area::Axl,
            (_, Level::Read) => true,
            (Role::Operator, Level::Write) => OPERATOR_WRITES.contains(&right.area),
            (Role::ReadOnly, Level::Write) => right.area == Area::Own,
        }
    }
}

const OPERATOR_WRITES: [Area; 7] =
    [Area::Own, Area::Users, Area::Directories, Area::Gateways, Area::Jobs, Area::Services, Area::Settings];

/// A part of the administration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// One's own account: password, second factor, sessions, tokens.
    Own,
    Status,
    Users,
    Directories,
    Gateways,
    Jobs,
    Services,
    Settings,
    Diagnostics,
    Alarms,
    Certificates,
    /// Settings that guard the administration itself.
    Security,
    /// Administrators, their sessions and tokens.
    Admins,
    Audit,
    Backup,
    Axl,
}

impl Area {
    pub const ALL: [Area; 16] = [
        Area::Own,
        Area::Status,
        Area::Users,
        Area::Directories,
        Area::Gateways,
        Area::Jobs,
        Area::Services,
        Area::Settings,
        Area::Diagnostics,
        Area::Alarms,
        Area::Certificates,
        Area::Security,
        Area::Admins,
        Area::Audit,
        Area::Backup,
        Area::Axl,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Area::Own => "own",
            Area::Status => "status",
            Area::Users => "users",
            Area::Directories => "directories",
            Area::Gateways => "gateways",
            Area::Jobs => "jobs",
            Area::Services => "services",
            Area::Settings => "settings",
            Area::Diagnostics => "diagnostics",
            Area::Alarms => "alarms",
            Area::Certificates => "certificates",
            Area::Security => "security",
            Area::Admins => "admins",
            Area::Audit => "audit",
            Area::Backup => "backup",
            Area::Axl => "axl",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    Read,
    Write,
}

/// What an operation asks for, and what a scope of a token grants: `users:read`, `settings:write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Right {
    pub area: Area,
    pub level: Level,
}

impl Right {
    pub const fn read(area: Area) -> Right {
        Right { area, level: Level::Read }
    }

    pub const fn write(area: Area) -> Right {
        Right { area, level: Level::Write }
    }

    /// Every right there is.
    pub fn all() -> impl Iterator<Item = Right> {
        Area::ALL.into_iter().flat_map(|area| [Right::read(area), Right::write(area)])
    }

    /// Whether holding this right is enough for `wanted`.
    pub fn covers(self, wanted: Right) -> bool {
        self.area == wanted.area && self.level >= wanted.level
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.level == Level::Read { "read" } else { "write" };
        write!(f, "{}:{level}", self.area.as_str())
    }
}

impl utoipa::PartialSchema for Right {
    fn schema() -> RefOr<Schema> {
        let values = Right::all().map(String::from);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).into()
    }
}

impl ToSchema for Right {}

/// The text names no right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a right such as \"users:read\"")]
pub struct NoSuchRight(String);

impl FromStr for Right {
    type Err = NoSuchRight;

    fn from_str(text: &str) -> Result<Right, NoSuchRight> {
        Right::all().find(|right| right.to_string() == text).ok_or_else(|| NoSuchRight(text.to_owned()))
    }
}

impl TryFrom<String> for Right {
    type Error = NoSuchRight;

    fn try_from(text: String) -> Result<Right, NoSuchRight> {
        text.parse()
    }
}

impl From<Right> for String {
    fn from(right: Right) -> String {
        right.to_string()
    }
}

/// The one who asks, as the door saw them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Stands in the audit trail: `local:root`, `admin:hanako`, `token:hanako/nightly`.
    pub actor: String,
    pub role: Role,
    /// The administrator's account; `None` for whoever uses the socket of the host.
    pub account: Option<AdminId>,
    /// What a token is limited to; `None`: to nothing.
    pub scopes: Option<Vec<Right>>,
    /// The key of the session that asks, when it is one; never the token itself.
    pub session: Option<[u8; 32]>,
    /// When the token that asks expires.
    pub until: Option<Timestamp>,
}

impl Caller {
    /// Someone on the host who may use the node's folder: an administrator.
    pub fn local(uid: u32) -> Caller {
        let actor = if uid == 0 { "local:root".to_owned() } else { format!("local:uid-{uid}") };
        Caller { actor, role: Role::Administrator, account: None, scopes: None, session: None, until: None }
    }

    pub fn may(&self, right: Right) -> bool {
        let scoped = self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.covers(right)));
        scoped && self.role.allows(right)
    }

    /// # Errors
    /// `forbidden`, naming the right.
    pub fn must(&self, right: Right) -> Result<(), ControlError> {
        if self.may(right) { Ok(()) } else { Err(ControlError::Forbidden { right }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for right in Right::all() {
            assert_eq!(right.to_string().parse(), Ok(right));
        }
        for wrong in ["", "users", "users:", "users:delete", "Users:read", "users:read:write", "nothing:read"] {
            assert!(wrong.parse::<Right>().is_err(), "{wrong}");
        }
        assert!(Role::ALL.iter().all(|role| Role::parse(role.as_str()) == Some(*role)));
        assert_eq!(serde_json::json!(Role::ReadOnly), "read-only");
    }

    #[test]
    fn roles_have_what_they_are_there_for() {
        let writes = |role: Role| -> Vec<&str> {
            let areas = Area::ALL.into_iter().filter(|area| role.allows(Right::write(*area)));
            areas.map(Area::as_str).collect()
        };
        assert_eq!(writes(Role::Administrator).len(), Area::ALL.len());
        let operator = ["own", "users", "directories", "gateways", "jobs", "services", "settings"];
        assert_eq!(writes(Role::Operator), operator);
        assert_eq!(writes(Role::ReadOnly), ["own"]);
        assert_eq!(writes(Role::Axl), ["axl"]);
        assert!(Area::ALL.iter().all(|area| Role::ReadOnly.allows(Right::read(*area))));
        assert!(!Role::Axl.allows(Right::read(Area::Users)));
    }

    #[test]
    fn a_token_has_no_more_than_its_scopes_and_its_owner_s_role() {
        let token = |role, scopes: &[Right]| Caller { role, scopes: Some(scopes.to_vec()), ..Caller::local(0) };
        let users = Right::write(Area::Users);
        assert!(token(Role::Operator, &[users]).may(users));
        assert!(token(Role::Operator, &[users]).may(Right::read(Area::Users)), "to write includes to read");
        assert!(!token(Role::Operator, &[Right::read(Area::Users)]).may(users));
        assert!(!token(Role::ReadOnly, &[users]).may(users));
        assert!(!token(Role::Administrator, &[]).may(Right::read(Area::Status)));
        assert!(Caller::local(0).may(users));
    }
}
