//! A store under test.

use std::any::Any;
use std::sync::Arc;

use super::TestKit;
use crate::audit::AuditEntry;
use crate::event::NewEvent;
use crate::id::TenantId;
use crate::outcome::{Outcome, Record};
use crate::storage::StorageError;
use crate::unit_of_work::{Effect, Frame, Store, UnitOfWork};

/// The action that [`record`] names in the audit log.
const ACTION: &str = "conformance.case.run";

/// A store with empty tables, the kit it was opened with, and whatever must live as long.
#[derive(Debug)]
pub struct Harness<S: ?Sized> {
    store: Arc<S>,
    test: TestKit,
    tenants: Vec<TenantId>,
    guard: Arc<dyn Guard>,
}

trait Guard: Any + Send + Sync + std::fmt::Debug {}

#[derive(Debug)]
struct Nothing;
impl Guard for Nothing {}

/// Keeps a folder or a server alive; shows nothing of it.
struct Kept<G>(G);
impl<G: Any + Send + Sync> Guard for Kept<G> {}

impl<G> std::fmt::Debug for Kept<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl<S: ?Sized> Clone for Harness<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            test: self.test.clone(),
            tenants: self.tenants.clone(),
            guard: Arc::clone(&self.guard),
        }
    }
}

impl<S: Store + ?Sized> Harness<S> {
    /// A harness around a store with empty tables that was opened with the kit of `test`.
    #[must_use]
    pub fn new(store: Arc<S>, test: TestKit) -> Self {
        Self {
            store,
            test,
            tenants: Vec::new(),
            guard: Arc::new(Nothing),
        }
    }

    /// The same, keeping something alive as long as the harness: a folder, a database.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guard = Arc::new(Kept(guard));
        self
    }

    /// The same, with tenants that exist in the store.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.tenants.extend(tenants);
        self
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Time, ids and contexts.
    #[must_use]
    pub const fn test(&self) -> &TestKit {
        &self.test
    }

    /// The tenant of this number, counted from 0.
    ///
    /// # Panics
    /// When the harness has fewer.
    #[must_use]
    pub fn tenant(&self, number: usize) -> TenantId {
        *self
            .tenants
            .get(number)
            .expect("the harness was given that many tenants")
    }

    /// Begins a unit of work outside of any tenant.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin_system(&self, effect: Effect) -> Result<Box<S::SystemTx>, StorageError> {
        self.store.begin_system(&self.test.system(), effect).await
    }

    /// Begins a unit of work of the tenant.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(&self, tenant: TenantId, effect: Effect) -> Result<Box<S::TenantTx>, StorageError> {
        self.store.begin(&self.test.tenant(tenant), effect).await
    }

    /// A writing unit of work outside of any tenant.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn system(&self) -> Box<S::SystemTx> {
        self.begin_system(Effect::Write).await.expect("begin_system")
    }

    /// A reading unit of work outside of any tenant.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn system_read(&self) -> Box<S::SystemTx> {
        self.begin_system(Effect::Read).await.expect("begin_system")
    }

    /// A writing unit of work of the tenant.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn of(&self, tenant: TenantId) -> Box<S::TenantTx> {
        self.begin(tenant, Effect::Write).await.expect("begin")
    }

    /// A reading unit of work of the tenant.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn read_of(&self, tenant: TenantId) -> Box<S::TenantTx> {
        self.begin(tenant, Effect::Read).await.expect("begin")
    }
}

/// Commits without events, audit or idempotency row.
///
/// # Errors
/// The store's.
pub async fn try_save<Tx: UnitOfWork + ?Sized>(tx: Box<Tx>) -> Result<(), StorageError> {
    let record = record(tx.frame(), Vec::new(), None);
    tx.commit(record).await
}

/// Commits without events, audit or idempotency row.
///
/// # Panics
/// When the store refuses.
pub async fn save<Tx: UnitOfWork + ?Sized>(tx: Box<Tx>) {
    try_save(tx).await.expect("commit");
}

/// What commit writes for these events and this entry, in the unit of work of the frame.
///
/// # Panics
/// When they name another tenant than the frame's.
#[must_use]
pub fn record(frame: &Frame, events: Vec<NewEvent>, entry: Option<AuditEntry>) -> Record {
    let outcome = match entry {
        Some(entry) => Outcome::audited((), entry),
        None => Outcome::unaudited((), "a case that is not about audit"),
    };
    let ((), record) = outcome
        .emit_all(events)
        .into_record(frame, ACTION)
        .expect("a record of the frame's tenant");
    record
}
