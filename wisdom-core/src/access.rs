//! Who may run an operation: roles, permissions and an operation's access rule.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::context::{Credential, Principal};
use crate::unit_of_work::Effect;

/// The built-in roles, from the least to the most powerful.
///
/// The order is the rank: a member of a lower rank never edits, invites or removes one of a higher rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read.
    Viewer,
    /// May do the everyday work.
    Member,
    /// May manage members, invitations, webhooks and see the audit log.
    Admin,
    /// May do everything, and is the last one that cannot be removed.
    Owner,
}

impl Role {
    /// Every role, by rank.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The name in storage, tokens and APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role's name that is none of the built-in ones.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no such role")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// A right, named `area.thing.verb`, with the lowest built-in role that holds it.
///
/// So the table of roles and permissions needs no place of its own: a permission says where it belongs when it is
/// declared, beside the operations it guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    name: &'static str,
    floor: Role,
}

impl Permission {
    /// Declares a permission.
    #[must_use]
    pub const fn new(name: &'static str, floor: Role) -> Self {
        Self { name, floor }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The lowest built-in role that holds it.
    #[must_use]
    pub const fn floor(&self) -> Role {
        self.floor
    }
}

/// What one caller may do in one tenant: a built-in role, what custom roles add, and what a credential's scopes leave.
///
/// Cloning is cheap. A name in storage that no permission has grants nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    role: Role,
    extra: Option<Arc<[String]>>,
    only: Option<Arc<[String]>>,
}

impl Grants {
    /// All that the role holds.
    #[must_use]
    pub const fn of_role(role: Role) -> Self {
        Self {
            role,
            extra: None,
            only: None,
        }
    }

    /// The same, and permissions by name.
    #[must_use]
    pub fn with(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.extra = Some(names.into_iter().collect());
        self
    }

    /// The same, cut down to these names: a credential's scopes.
    #[must_use]
    pub fn restricted_to(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.only = Some(names.into_iter().collect());
        self
    }

    /// The built-in role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What both grant: the lower role, and the names that both leave. Names added by custom roles are kept only where
    /// the ceiling's role is that of an owner, whose hand they came from.
    #[must_use]
    pub fn within(self, ceiling: &Self) -> Self {
        let only = match (self.only, &ceiling.only) {
            (None, None) => None,
            (Some(names), None) => Some(names),
            (None, Some(names)) => Some(Arc::clone(names)),
            (Some(own), Some(names)) => Some(own.iter().filter(|n| names.contains(n)).cloned().collect()),
        };
        Self {
            role: self.role.min(ceiling.role),
            extra: self.extra.filter(|_| ceiling.role == Role::Owner),
            only,
        }
    }

    /// Whether everything the other grants is granted here, whatever permissions there are. When it cannot be told
    /// from the names, it is not.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let within = |names: &Option<Arc<[String]>>, all: &[String]| {
            names
                .as_ref()
                .is_some_and(|names| names.iter().all(|n| all.contains(n)))
        };
        let extra = other
            .extra
            .as_ref()
            .is_none_or(|_| self.extra.as_ref().is_some_and(|all| within(&other.extra, all)));
        let only = self.only.as_ref().is_none_or(|all| within(&other.only, all));
        self.role >= other.role && extra && only
    }

    /// Whether the permission is held. Does not allocate.
    #[must_use]
    pub fn allows(&self, permission: Permission) -> bool {
        let held = self.role >= permission.floor
            || self
                .extra
                .as_ref()
                .is_some_and(|names| names.iter().any(|n| n == permission.name));
        held && self
            .only
            .as_ref()
            .is_none_or(|names| names.iter().any(|n| n == permission.name))
    }
}

/// Who may run an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever is signed in: a user in a session of their own, never a key, a service or an operator.
    Authenticated,
    /// Whoever holds the permission in the tenant: members, and credentials it was granted to.
    Tenant(Permission),
    /// The service itself: workers and operators, never a client.
    System,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Authenticated => f.write_str("authenticated"),
            Self::Tenant(permission) => write!(f, "tenant:{}", permission.name),
            Self::System => f.write_str("system"),
        }
    }
}

/// Which kinds of callers an operation is open to, of those whom [`Access`] admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// All kinds. An operator who acts for a user without the right to write only reads all the same.
    Any,
    /// All but operators who act for a user: for what an impersonation must never touch, such as roles.
    NotOperators,
    /// A user in a session of their own only: for what a key or a service must not do either, such as making keys.
    InPerson,
}

impl Callers {
    /// Whether a credential of this kind may run an operation with this effect. Says nothing of its permissions.
    ///
    /// # Errors
    /// [`AccessError::InPerson`], [`AccessError::NoOperators`] or [`AccessError::OperatorReadsOnly`].
    pub fn admit(self, principal: &Principal, effect: Effect) -> Result<(), AccessError> {
        let (operator, may_write) = match principal.credential {
            Credential::Session(_) => return Ok(()),
            Credential::ApiKey { .. } | Credential::Client(_) => (false, true),
            Credential::Operator { may_write, .. } => (true, may_write),
        };
        match self {
            Self::InPerson => Err(AccessError::InPerson),
            Self::NotOperators if operator => Err(AccessError::NoOperators),
            _ if effect == Effect::Write && !may_write => Err(AccessError::OperatorReadsOnly),
            Self::Any | Self::NotOperators => Ok(()),
        }
    }
}

/// The caller may not run the operation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No credential.
    #[error("the operation needs a signed-in caller")]
    Unauthenticated,
    /// A member without the permission.
    #[error("the caller lacks the permission {permission}")]
    Forbidden {
        /// The permission's name.
        permission: &'static str,
    },
    /// A key, a service or an operator, where only the user in a session of their own will do.
    #[error("the operation needs a user in a session of their own")]
    InPerson,
    /// An operator who acts for a user, where none may.
    #[error("the operation is closed to operators who act for a user")]
    NoOperators,
    /// An operator who acts for a user and may only read.
    #[error("the operator may only read")]
    OperatorReadsOnly,
    /// Not a member of the tenant, or no tenant named: told as "not found".
    #[error("the caller has no context of a tenant")]
    NotTenant,
    /// An operation of the service itself, asked for by a client: told as "not found".
    #[error("the operation is the service's own")]
    SystemOnly,
}

#[cfg(test)]
mod generated;

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Permission = Permission::new("thing.read", Role::Viewer);
    const MANAGE: Permission = Permission::new("thing.manage", Role::Admin);

    #[test]
    fn a_role_holds_what_its_rank_reaches() {
        assert!(Grants::of_role(Role::Viewer).allows(READ));
        assert!(!Grants::of_role(Role::Member).allows(MANAGE));
        assert!(Grants::of_role(Role::Owner).allows(MANAGE));
    }

    #[test]
    fn scopes_cut_and_custom_roles_add() {
        let scoped = Grants::of_role(Role::Owner).restricted_to(["thing.read".to_owned()]);
        assert!(scoped.allows(READ) && !scoped.allows(MANAGE));
        let added = Grants::of_role(Role::Viewer).with(["thing.manage".to_owned(), "unknown".to_owned()]);
        assert!(added.allows(MANAGE));
    }

    #[test]
    fn role_names_round_trip() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }

    fn credentials() -> [(Credential, [bool; 3]); 4] {
        use crate::context::UserSession;
        use crate::id::{Id, UserId};

        let id = uuid::Uuid::from_u128(1);
        let user: UserId = Id::from_uuid(id);
        let session = UserSession {
            user,
            session: Id::from_uuid(id),
            generation: 1,
        };
        let key = Credential::ApiKey {
            key: Id::from_uuid(id),
            owner: Some(user),
        };
        let operator = Credential::Operator {
            impersonation: Id::from_uuid(id),
            operator: user,
            subject: user,
            may_write: true,
        };
        [
            (Credential::Session(session), [true, true, true]),
            (key, [true, true, false]),
            (Credential::Client(Id::from_uuid(id)), [true, true, false]),
            (operator, [true, false, false]),
        ]
    }

    #[test]
    fn operations_are_open_to_the_kinds_they_name() {
        for (credential, admitted) in credentials() {
            let principal = Principal {
                credential,
                tenant: None,
                ceiling: None,
                authenticated_at: crate::time::Timestamp::MIN,
            };
            let kinds = [Callers::Any, Callers::NotOperators, Callers::InPerson];
            for effect in [Effect::Read, Effect::Write] {
                let told = kinds.map(|callers| callers.admit(&principal, effect).is_ok());
                assert_eq!(told, admitted, "{credential:?}");
            }
            if let Credential::Operator {
                impersonation,
                operator,
                subject,
                ..
            } = credential
            {
                let principal = Principal {
                    credential: Credential::Operator {
                        impersonation,
                        operator,
                        subject,
                        may_write: false,
                    },
                    ..principal
                };
                assert_eq!(Callers::Any.admit(&principal, Effect::Read), Ok(()));
                assert_eq!(
                    Callers::Any.admit(&principal, Effect::Write),
                    Err(AccessError::OperatorReadsOnly)
                );
            }
        }
    }
}
