//! The reference store: everything in memory, gone with the process.
//!
//! It is what the conformance suites were written against and what tests, examples and a first try run on. Snapshots
//! are real: a unit of work holds its own version of every table (persistent maps, so that a version costs next to
//! nothing), and commit makes that version the current one. Writers are serial: a writing unit of work holds the one
//! permit from begin to end, and waiting writers get it in the order they came.

mod api_keys;
mod attempts;
mod audit_log;
mod client_tokens;
mod deliveries;
mod delivery_queue;
mod endpoints;
mod events;
mod external_identities;
mod idempotency;
mod impersonations;
mod inbox;
mod invitations;
mod memberships;
mod one_time_tokens;
mod outbox;
mod own_tenant;
mod paging;
mod passkey_ceremonies;
mod passkeys;
mod provider_attempts;
mod record;
mod remembered_devices;
mod second_factors;
mod sessions;
mod sign_in_challenges;
mod tables;
mod tenants;
mod unit_of_work;
mod users;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;
use wisdom_core::context::{SystemContext, TenantContext};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::{Effect, Frame, Kit, Store};

use self::tables::Tables;
use self::unit_of_work::MemoryTx;
use super::{SystemTx, TenantTx};

/// The longest wait of a writing unit of work for those before it.
const ACQUIRE: Duration = Duration::from_secs(3);

/// A store in memory.
pub struct MemoryStore {
    published: Arc<Published>,
    writer: Arc<tokio::sync::Mutex<()>>,
    kit: Arc<Kit>,
}

/// The version of the tables that the next unit of work begins with.
#[derive(Default)]
struct Published(Mutex<Tables>);

impl Published {
    // A panic can't happen between the two halves of a change here, so a poisoned lock holds good tables.
    fn snapshot(&self) -> Tables {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, tables: Tables) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tables;
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// A store with empty tables.
    #[must_use]
    pub fn new(kit: Arc<Kit>) -> Self {
        Self {
            published: Arc::default(),
            writer: Arc::default(),
            kit,
        }
    }

    async fn permit(&self, effect: Effect) -> Result<Option<OwnedMutexGuard<()>>, StorageError> {
        if effect == Effect::Read {
            return Ok(None);
        }
        tokio::time::timeout(ACQUIRE, Arc::clone(&self.writer).lock_owned())
            .await
            .map(Some)
            .map_err(|late| StorageError::new(StorageErrorKind::Unavailable, "begin").caused_by(late))
    }

    // The frame is made once the permit is there, so that its `now` is not older than what earlier writers wrote.
    async fn open(
        &self,
        effect: Effect,
        frame: impl FnOnce() -> Frame + Send,
    ) -> Result<Box<MemoryTx>, StorageError> {
        let permit = self.permit(effect).await?;
        let published = Arc::clone(&self.published);
        let tables = published.snapshot();
        Ok(Box::new(MemoryTx::new(
            Arc::new(frame()),
            published,
            permit,
            tables,
        )))
    }
}

#[async_trait]
impl Store for MemoryStore {
    type TenantTx = dyn TenantTx;
    type SystemTx = dyn SystemTx;

    async fn begin(
        &self,
        context: &TenantContext,
        effect: Effect,
    ) -> Result<Box<dyn TenantTx>, StorageError> {
        let tx = self.open(effect, || Frame::of_tenant(context, &self.kit)).await?;
        Ok(tx)
    }

    async fn begin_system(
        &self,
        context: &SystemContext,
        effect: Effect,
    ) -> Result<Box<dyn SystemTx>, StorageError> {
        let tx = self.open(effect, || Frame::of_system(context, &self.kit)).await?;
        Ok(tx)
    }

    async fn ping(&self) -> Result<(), StorageError> {
        Ok(())
    }
}
