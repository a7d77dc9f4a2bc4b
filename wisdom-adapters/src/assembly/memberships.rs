//! What users are in tenants, remembered for seconds.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use wisdom_core::access::Role;
use wisdom_core::id::{TenantId, UserId};
use wisdom_tenancy::tenant::TenantState;

use super::remembered::Remembered;

/// How long another node's change may go unseen by reads. Writes never use the cache.
pub(super) const LIFE: Duration = Duration::from_secs(5);

/// What a tenant context is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Known {
    pub(crate) role: Role,
    pub(crate) state: TenantState,
    /// Whether the tenant asks for a second factor and the user has none.
    pub(crate) lacks_second_factor: bool,
}

/// What is known of a user, or of a credential that is no user's, in a tenant.
pub(super) type Memberships = Remembered<(TenantId, Option<UserId>), Known>;
