//! A kit whose parts a test holds in its hand.

use std::sync::Arc;
use std::time::Duration;

use super::ManualSealer;
use crate::access::{Grants, Role};
use crate::clock::{Clock as _, ManualClock};
use crate::context::{
    Credential, Principal, SystemContext, SystemReason, TenantContext, UserSession, VerifiedMembership,
};
use crate::id::{Id, IdSourceExt as _, Kind, ManualIds, TenantId, UserId};
use crate::policy::Policies;
use crate::random::ManualRandom;
use crate::time::Timestamp;
use crate::trace::{RequestInfo, TraceContext};
use crate::unit_of_work::Kit;

/// Why cases work outside of any tenant.
pub const REASON: SystemReason = SystemReason("conformance");

/// A [`Kit`] that stands still and repeats itself: time moves when told, ids and randomness come from a seed, sealing
/// is [`ManualSealer`]'s. **For tests only.**
#[derive(Debug, Clone)]
pub struct TestKit {
    clock: ManualClock,
    ids: ManualIds,
    kit: Arc<Kit>,
}

impl Default for TestKit {
    fn default() -> Self {
        Self::new()
    }
}

impl TestKit {
    /// A kit at 2026-03-01T00:00:00Z with default policies.
    #[must_use]
    pub fn new() -> Self {
        Self::with_policies(Policies::new())
    }

    /// The same, with these policies.
    #[must_use]
    pub fn with_policies(policies: Policies) -> Self {
        let clock = ManualClock::at(Timestamp::from_micros_saturating(1_772_323_200_000_000));
        let ids = ManualIds::new(7);
        let kit = Arc::new(Kit {
            clock: Arc::new(clock.clone()),
            ids: Arc::new(ids.clone()),
            random: Arc::new(ManualRandom::new(7)),
            sealer: Arc::new(ManualSealer::new(7)),
            policies,
        });
        Self { clock, ids, kit }
    }

    /// The kit that the store is opened with.
    #[must_use]
    pub const fn kit(&self) -> &Arc<Kit> {
        &self.kit
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The time on the clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock, and answers the time it shows then.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn advance(&self, by: Duration) -> Timestamp {
        self.clock.advance(by);
        self.clock.now()
    }

    /// A new id.
    #[must_use]
    pub fn id<K: Kind>(&self) -> Id<K> {
        self.ids.id()
    }

    /// A new request.
    #[must_use]
    pub fn request(&self) -> RequestInfo {
        let trace = TraceContext {
            trace_id: [0x4b; 16],
            span_id: [0xf0; 8],
            flags: 1,
        };
        RequestInfo {
            id: self.id(),
            trace,
            source: None,
            certificate: None,
        }
    }

    /// A context outside of any tenant.
    #[must_use]
    pub fn system(&self) -> SystemContext {
        SystemContext::worker(REASON, self.request())
    }

    /// A context of the tenant in which the service itself acts.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> TenantContext {
        TenantContext::for_claimed_row(tenant, self.request())
    }

    /// The signed-in user, in a session of their own.
    #[must_use]
    pub fn principal(&self, user: UserId) -> Principal {
        let session = UserSession {
            user,
            session: self.id(),
            generation: 1,
        };
        Principal::of_session(session, None, self.now())
    }

    /// A context of the tenant in which a credential that is not a session stands for the user, with a role.
    #[must_use]
    pub fn standing_for(
        &self,
        tenant: TenantId,
        user: UserId,
        role: Role,
        credential: Credential,
    ) -> TenantContext {
        let principal = Principal {
            credential,
            tenant: Some(tenant),
            ceiling: Some(Grants::of_role(Role::Owner)),
            authenticated_at: self.now(),
        };
        let membership = VerifiedMembership::attested(tenant, user, Grants::of_role(role));
        TenantContext::from_membership(membership, principal, self.request())
            .expect("a credential of the user")
    }

    /// A context of the tenant in which the user acts with a role, whatever storage knows of them.
    #[must_use]
    pub fn member(&self, tenant: TenantId, user: UserId, role: Role) -> TenantContext {
        let membership = VerifiedMembership::attested(tenant, user, Grants::of_role(role));
        TenantContext::from_membership(membership, self.principal(user), self.request())
            .expect("an unbound credential of the same user")
    }
}
