//! What users are in tenants, remembered for seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use schemars::JsonSchema;
use serde::Serialize;
use wisdom_core::access::Role;
use wisdom_core::id::{TenantId, UserId};
use wisdom_tenancy::tenant::TenantState;

/// How long another node's change may go unseen by reads. Writes never use the cache.
const LIFE: Duration = Duration::from_secs(5);

/// What a tenant context is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Known {
    pub(crate) role: Role,
    pub(crate) state: TenantState,
    /// Whether the tenant asks for a second factor and the user has none.
    pub(crate) lacks_second_factor: bool,
}

/// A bounded cache that never writes back what was read before a change.
///
/// A reader takes a [`Reading`] before it asks storage; what it read is kept only if nothing was forgotten since.
#[derive(Debug)]
pub(crate) struct Memberships {
    known: Cache<(TenantId, Option<UserId>), Known>,
    changes: AtomicU64,
}

/// The state of the cache when a read of storage began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading(u64);

impl Memberships {
    pub(crate) fn new(capacity: u64) -> Self {
        let known = Cache::builder().max_capacity(capacity).time_to_live(LIFE).build();
        Self {
            known,
            changes: AtomicU64::new(0),
        }
    }

    pub(crate) fn get(&self, tenant: TenantId, user: Option<UserId>) -> Option<Known> {
        self.known.get(&(tenant, user))
    }

    pub(crate) fn begin(&self) -> Reading {
        Reading(self.changes.load(Ordering::Acquire))
    }

    pub(crate) fn keep(&self, reading: Reading, tenant: TenantId, user: Option<UserId>, known: Known) {
        if self.changes.load(Ordering::Acquire) != reading.0 {
            return;
        }
        self.known.insert((tenant, user), known);
        // A change between the check and the insert: what was just put in may be old.
        if self.changes.load(Ordering::Acquire) != reading.0 {
            self.known.invalidate(&(tenant, user));
        }
    }

    /// Forgets everything: changes of memberships are rare, reads are not.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = Memberships::new(10);
        let (tenant, user) = (
            TenantId::from_uuid(Uuid::from_u128(1)),
            Some(UserId::from_uuid(Uuid::from_u128(2))),
        );
        let known = Known {
            role: Role::Owner,
            state: TenantState::Active,
            lacks_second_factor: false,
        };
        let reading = cache.begin();
        cache.forget();
        cache.keep(reading, tenant, user, known);
        assert_eq!(cache.get(tenant, user), None);
        cache.keep(cache.begin(), tenant, user, known);
        assert_eq!(cache.get(tenant, user), Some(known));
        cache.forget();
        assert_eq!(cache.get(tenant, user), None);
    }
}
