//! The unit of work: one transaction, seen as an object that every repository borrows in turn.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::access::Grants;
use crate::clock::Clock;
use crate::context::{Actor, Principal, SystemContext, SystemReason, TenantContext, UserSession};
use crate::id::{IdSource, TenantId, UserId};
use crate::idempotency::IdempotencyRecords;
use crate::outcome::Record;
use crate::policy::Policies;
use crate::random::SecureRandom;
use crate::seal::Sealer;
use crate::storage::StorageError;
use crate::time::Timestamp;
use crate::trace::RequestInfo;

/// The sources of time, ids, randomness and sealing that every unit of work shares.
#[derive(Debug, Clone)]
pub struct Kit {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdSource>,
    /// Secrets.
    pub random: Arc<dyn SecureRandom>,
    /// Sealing.
    pub sealer: Arc<dyn Sealer>,
    /// Configured figures.
    pub policies: Policies,
}

/// What is fixed for the life of one unit of work: its scope, who acts, one `now`.
#[derive(Debug, Clone)]
pub struct Frame {
    scope: Scope,
    now: Timestamp,
    kit: Arc<Kit>,
}

#[derive(Debug, Clone)]
enum Scope {
    Tenant(TenantContext),
    System(SystemContext),
}

impl Frame {
    /// The frame of a tenant's unit of work. For store adapters.
    #[must_use]
    pub fn of_tenant(context: &TenantContext, kit: &Arc<Kit>) -> Self {
        Self {
            scope: Scope::Tenant(context.clone()),
            now: kit.clock.now(),
            kit: Arc::clone(kit),
        }
    }

    /// The frame of a unit of work outside of any tenant. For store adapters.
    #[must_use]
    pub fn of_system(context: &SystemContext, kit: &Arc<Kit>) -> Self {
        Self {
            scope: Scope::System(context.clone()),
            now: kit.clock.now(),
            kit: Arc::clone(kit),
        }
    }

    /// The tenant, in a tenant's unit of work.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantId> {
        match &self.scope {
            Scope::Tenant(context) => Some(context.tenant()),
            Scope::System(_) => None,
        }
    }

    /// The reason, in a unit of work outside of any tenant.
    #[must_use]
    pub const fn reason(&self) -> Option<SystemReason> {
        match &self.scope {
            Scope::Tenant(_) => None,
            Scope::System(context) => Some(context.reason()),
        }
    }

    /// What the caller may do, in a tenant's unit of work.
    #[must_use]
    pub const fn grants(&self) -> Option<&Grants> {
        match &self.scope {
            Scope::Tenant(context) => Some(context.grants()),
            Scope::System(_) => None,
        }
    }

    /// Whom audit blames.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match &self.scope {
            Scope::Tenant(context) => context.actor(),
            Scope::System(context) => context.actor(),
        }
    }

    /// For which user the [actor](Self::actor) acts, when that is somebody else.
    #[must_use]
    pub fn on_behalf_of(&self) -> Option<UserId> {
        self.principal().and_then(Principal::on_behalf_of)
    }

    /// The user who is there in a session of their own, if so.
    #[must_use]
    pub fn session(&self) -> Option<&UserSession> {
        self.principal().and_then(Principal::session)
    }

    /// The authenticated caller, if any.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        match &self.scope {
            Scope::Tenant(context) => context.principal(),
            Scope::System(context) => context.principal(),
        }
    }

    /// The request it belongs to.
    #[must_use]
    pub const fn request(&self) -> &RequestInfo {
        match &self.scope {
            Scope::Tenant(context) => context.request(),
            Scope::System(context) => context.request(),
        }
    }

    /// The one time of this unit of work.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Time, ids, randomness, sealing.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        &self.kit
    }
}

/// Whether a unit of work changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It only reads: it may run beside others, on a reader or a replica, and commits an empty record.
    Read,
    /// It may write.
    Write,
}

/// One transaction. Each crate adds its repositories as a supertrait of its own (`TenancyTx`, `EventsTx`).
///
/// Dropping it without [`commit`](Self::commit) rolls back.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a unit of work of a store")]
#[async_trait]
pub trait UnitOfWork: Send {
    /// What is fixed for its life. Clone the `Arc` to keep it beside a borrowed repository.
    fn frame(&self) -> &Arc<Frame>;

    /// Idempotency rows.
    fn idempotency(&mut self) -> &mut dyn IdempotencyRecords;

    /// Makes state, outbox, audit and idempotency rows permanent, all or none.
    async fn commit(self: Box<Self>, record: Record) -> Result<(), StorageError>;

    /// Undoes everything.
    async fn rollback(self: Box<Self>) -> Result<(), StorageError>;
}

/// A storage adapter: hands out units of work and nothing else.
#[async_trait]
pub trait Store: Send + Sync + Debug + 'static {
    /// The unit of work of a tenant.
    type TenantTx: UnitOfWork + ?Sized + 'static;
    /// The unit of work outside of any tenant.
    type SystemTx: UnitOfWork + ?Sized + 'static;

    /// Begins a unit of work that sees and touches one tenant.
    ///
    /// Safe to cancel: a future dropped at any point leaves no open transaction behind.
    async fn begin(
        &self,
        context: &TenantContext,
        effect: Effect,
    ) -> Result<Box<Self::TenantTx>, StorageError>;

    /// Begins a unit of work outside of any tenant. Safe to cancel as well.
    async fn begin_system(
        &self,
        context: &SystemContext,
        effect: Effect,
    ) -> Result<Box<Self::SystemTx>, StorageError>;

    /// Whether storage answers, for readiness checks.
    async fn ping(&self) -> Result<(), StorageError>;
}
