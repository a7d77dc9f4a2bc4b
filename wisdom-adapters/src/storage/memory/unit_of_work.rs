//! The transaction: a version of the tables of its own, and the permit to publish it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;
use wisdom_auth::store::{
    ApiKeyRepositories, ApiKeys, AttemptCounters, ClientTokens, ExternalIdentities, IdentityTx,
    Impersonations, KnownDevices, OneTimeTokens, PasskeyCeremonies, Passkeys, PresentedKeys,
    ProviderAttempts, RememberedDevices, SecondFactors, Sessions, SignInChallenges, Users,
};
use wisdom_core::id::TenantId;
use wisdom_core::idempotency::IdempotencyRecords;
use wisdom_core::outcome::Record;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::{Frame, UnitOfWork};
use wisdom_events::store::{
    AuditLog, Deliveries, DeliveryQueue, Endpoints, Events, EventsRepositories, Inbox, Outbox, RelayTx,
};
use wisdom_tenancy::store::{
    Invitations, Memberships, OnboardingTx, OwnTenant, TenancyRepositories, Tenants,
};

use super::tables::Tables;
use super::{Published, record};
use crate::storage::{SystemTx, TenantTx};

/// A unit of work. Without permit it only reads.
///
/// Repositories reach the tables through four doors: [`read`](Self::read) and [`write`](Self::write) for what belongs
/// to no tenant, [`own`](Self::own) and [`own_mut`](Self::own_mut) for what does, which hand out the tenant with them.
pub(super) struct MemoryTx {
    frame: Arc<Frame>,
    published: Arc<Published>,
    permit: Option<OwnedMutexGuard<()>>,
    tables: Tables,
    /// The context's tenant, or the one that was entered.
    scope: Option<TenantId>,
}

impl MemoryTx {
    pub(super) fn new(
        frame: Arc<Frame>,
        published: Arc<Published>,
        permit: Option<OwnedMutexGuard<()>>,
        tables: Tables,
    ) -> Self {
        let scope = frame.tenant();
        Self {
            frame,
            published,
            permit,
            tables,
            scope,
        }
    }

    /// All tables, for reading.
    pub(super) fn read(&self) -> &Tables {
        &self.tables
    }

    /// All tables, for writing.
    pub(super) fn write(&mut self, operation: &'static str) -> Result<&mut Tables, StorageError> {
        if self.permit.is_some() {
            Ok(&mut self.tables)
        } else {
            Err(invalid(operation, READS_ONLY))
        }
    }

    /// The tenant in whose tables a repository may read.
    pub(super) fn own(&self, operation: &'static str) -> Result<(TenantId, &Tables), StorageError> {
        let tenant = self
            .scope
            .ok_or_else(|| invalid(operation, "no tenant was entered"))?;
        Ok((tenant, &self.tables))
    }

    /// The tenant in whose tables a repository may write.
    pub(super) fn own_mut(
        &mut self,
        operation: &'static str,
    ) -> Result<(TenantId, &mut Tables), StorageError> {
        let (tenant, _) = self.own(operation)?;
        Ok((tenant, self.write(operation)?))
    }
}

const READS_ONLY: &str = "the unit of work only reads";

/// A call that breaks the port's contract.
pub(super) fn invalid(operation: &'static str, why: &'static str) -> StorageError {
    StorageError::new(StorageErrorKind::Invalid, operation).caused_by(why)
}

#[async_trait]
impl UnitOfWork for MemoryTx {
    fn frame(&self) -> &Arc<Frame> {
        &self.frame
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRecords {
        self
    }

    async fn commit(mut self: Box<Self>, record: Record) -> Result<(), StorageError> {
        if self.permit.is_none() {
            return if record.is_empty() {
                Ok(())
            } else {
                Err(invalid(record::COMMIT, READS_ONLY))
            };
        }
        let tenant = self.frame.tenant();
        let now = self.frame.now();
        record::write(&mut self.tables, tenant, now, &record)?;
        // The permit is still held, so nobody has published in between.
        self.published.publish(self.tables);
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }
}

impl IdentityTx for MemoryTx {
    fn users(&mut self) -> &mut dyn Users {
        self
    }

    fn sessions(&mut self) -> &mut dyn Sessions {
        self
    }

    fn one_time_tokens(&mut self) -> &mut dyn OneTimeTokens {
        self
    }

    fn sign_in_challenges(&mut self) -> &mut dyn SignInChallenges {
        self
    }

    fn second_factors(&mut self) -> &mut dyn SecondFactors {
        self
    }

    fn remembered_devices(&mut self) -> &mut dyn RememberedDevices {
        self
    }

    fn attempts(&mut self) -> &mut dyn AttemptCounters {
        self
    }

    fn devices(&mut self) -> &mut dyn KnownDevices {
        self
    }

    fn external_identities(&mut self) -> &mut dyn ExternalIdentities {
        self
    }

    fn provider_attempts(&mut self) -> &mut dyn ProviderAttempts {
        self
    }

    fn passkeys(&mut self) -> &mut dyn Passkeys {
        self
    }

    fn passkey_ceremonies(&mut self) -> &mut dyn PasskeyCeremonies {
        self
    }

    fn presented_keys(&mut self) -> &mut dyn PresentedKeys {
        self
    }

    fn client_tokens(&mut self) -> &mut dyn ClientTokens {
        self
    }

    fn impersonations(&mut self) -> &mut dyn Impersonations {
        self
    }
}

impl ApiKeyRepositories for MemoryTx {
    fn api_keys(&mut self) -> &mut dyn ApiKeys {
        self
    }
}

impl TenancyRepositories for MemoryTx {
    fn own_tenant(&mut self) -> &mut dyn OwnTenant {
        self
    }

    fn memberships(&mut self) -> &mut dyn Memberships {
        self
    }

    fn invitations(&mut self) -> &mut dyn Invitations {
        self
    }
}

impl OnboardingTx for MemoryTx {
    fn tenants(&mut self) -> &mut dyn Tenants {
        self
    }

    fn enter(&mut self, tenant: TenantId) -> &mut dyn TenancyRepositories {
        self.scope = Some(tenant);
        self
    }
}

impl EventsRepositories for MemoryTx {
    fn inbox(&mut self) -> &mut dyn Inbox {
        self
    }

    fn events(&mut self) -> &mut dyn Events {
        self
    }

    fn endpoints(&mut self) -> &mut dyn Endpoints {
        self
    }

    fn deliveries(&mut self) -> &mut dyn Deliveries {
        self
    }

    fn audit_log(&mut self) -> &mut dyn AuditLog {
        self
    }
}

impl RelayTx for MemoryTx {
    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn delivery_queue(&mut self) -> &mut dyn DeliveryQueue {
        self
    }
}

impl TenantTx for MemoryTx {}

impl SystemTx for MemoryTx {}
