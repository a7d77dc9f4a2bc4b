//! Memberships: who belongs to a tenant, in which role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Role;
use wisdom_core::id::{MembershipId, UserId};
use wisdom_core::time::Timestamp;
use wisdom_core::value::{DisplayName, EmailAddress};

mod acting;
mod change_role;
mod facts;
mod get;
mod leave;
mod list;
pub mod rank;
mod remove;
mod search;

pub(crate) use acting::acting;
pub use change_role::ChangeRole;
pub(crate) use facts::{created, removed, role_changed};
pub use get::GetMember;
pub use leave::{LeaveTenant, Left};
pub use list::ListMembers;
pub use remove::{RemoveMember, Removed};
pub(crate) use search::has_address;

/// A user's place in the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// Id.
    pub id: MembershipId,
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

/// A membership with what the tenant may see of its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The membership.
    #[serde(flatten)]
    pub membership: Membership,
    /// The user's address.
    pub email: EmailAddress,
    /// The user's name.
    pub display_name: DisplayName,
}
