//! Tenants: the customers whose data must never meet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Role;
use wisdom_core::id::{MembershipId, TenantId};
use wisdom_core::time::Timestamp;
use wisdom_core::value::{DisplayName, Slug};

use crate::support_access::SupportAccess;

mod admission;
mod create;
mod get;
mod list;
mod naming;
mod update;

pub use create::CreateTenant;
pub(crate) use create::found;
pub use get::GetTenant;
pub use list::ListTenants;
pub use update::UpdateTenant;

/// Where a tenant is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// In use.
    Active,
    /// Closed by the operator; data untouched.
    Suspended,
    /// Closed by its owners; data untouched until the purge.
    DeletionPending,
}

impl TenantState {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::DeletionPending => "deletion_pending",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::DeletionPending]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tenant {
    /// Id.
    pub id: TenantId,
    /// Short name in addresses, unique.
    pub slug: Slug,
    /// Name for people.
    pub name: DisplayName,
    /// Where it is in its life.
    pub state: TenantState,
    /// Where its data lives; `default` until it is placed.
    pub region: String,
    /// Raised to end everything that was cached for the tenant at once.
    #[serde(skip_serializing, default)]
    pub epoch: i64,
    /// Whether members need a second factor to work in it.
    pub mfa_required: bool,
    /// Whether operators may act for its members.
    pub support_access: SupportAccess,
    /// Owners, 1 or more; kept by storage.
    pub owner_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

/// What a user is in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The tenant.
    pub tenant: Tenant,
    /// The membership.
    pub membership: MembershipId,
    /// The role in it.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}
