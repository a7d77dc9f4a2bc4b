//! The unit of work: one object that is every repository in turn.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;
use wisdom_auth::store::{
    ApiKeyRepositories, ApiKeys, AttemptCounters, ClientTokens, ExternalIdentities, IdentityTx,
    Impersonations, KnownDevices, OneTimeTokens, PasskeyCeremonies, Passkeys, PresentedKeys,
    ProviderAttempts, RememberedDevices, SecondFactors, Sessions, SignInChallenges, Users,
};
use wisdom_core::id::TenantId;
use wisdom_core::idempotency::IdempotencyRecords;
use wisdom_core::outcome::Record;
use wisdom_core::page::{PageRequest, Position};
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::{Effect, Frame, UnitOfWork};
use wisdom_events::store::{
    AuditLog, Deliveries, DeliveryQueue, Endpoints, Events, EventsRepositories, Inbox, Outbox, RelayTx,
};
use wisdom_tenancy::store::{
    Invitations, Memberships, OnboardingTx, OwnTenant, TenancyRepositories, Tenants,
};

use super::row::Row;
use super::statement::Statement;
use super::transaction::SqlTx;
use super::value::Value;
use crate::storage::{SystemTx, TenantTx};

/// A transaction and the tenant its tenant statements are for.
#[derive(Debug)]
pub(in crate::storage) struct Unit {
    sql: SqlTx,
    /// The tenant entered from a unit of work outside of any tenant.
    entered: Option<TenantId>,
}

impl Unit {
    pub(in crate::storage) fn new(sql: SqlTx) -> Self {
        Self { sql, entered: None }
    }

    pub(super) fn sql_tx(&mut self) -> &mut SqlTx {
        &mut self.sql
    }

    pub(super) fn tenant(&self) -> Option<TenantId> {
        self.sql.frame().tenant().or(self.entered)
    }

    /// The tenant's id followed by the values: the one place where tenant statements get their tenant.
    fn scoped<'a>(
        &self,
        statement: &Statement,
        values: &[Value<'a>],
    ) -> Result<Vec<Value<'a>>, StorageError> {
        let tenant = self.tenant().ok_or_else(|| {
            StorageError::new(StorageErrorKind::Invalid, statement.name()).caused_by("no tenant was entered")
        })?;
        let mut all = Vec::with_capacity(values.len() + 1);
        all.push(Value::from(tenant));
        all.extend_from_slice(values);
        Ok(all)
    }

    /// Runs a statement of the tenant: `$1` is its id, the values begin at `$2`.
    pub(super) async fn tenant_execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        let values = self.scoped(statement, values)?;
        self.sql.execute(statement, &values).await
    }

    /// As [`Unit::tenant_execute`], for rows.
    pub(super) async fn tenant_all(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StorageError> {
        let values = self.scoped(statement, values)?;
        self.sql.fetch_all(statement, &values).await
    }

    /// As [`Unit::tenant_execute`], for one row or none.
    pub(super) async fn tenant_optional(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StorageError> {
        let values = self.scoped(statement, values)?;
        self.sql.fetch_optional(statement, &values).await
    }
}

/// What a statement that guards by version changed: one row, or the version was another.
pub(super) fn current(changed: u64, statement: &Statement) -> Result<(), StorageError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StorageError::stale(statement.name()))
    }
}

/// What an `INSERT … ON CONFLICT DO NOTHING` added: one row, or the constraint stood in the way.
pub(super) fn added(changed: u64, statement: &Statement, constraint: Constraint) -> Result<(), StorageError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StorageError::conflict(statement.name(), constraint))
    }
}

/// Where a page of a list in rising order begins: before everything unless it says otherwise.
pub(super) fn rising(page: &PageRequest) -> Position {
    page.after.unwrap_or(Position {
        at: Timestamp::MIN,
        id: Uuid::nil(),
    })
}

/// Where a page of a list in falling order begins: behind everything unless it says otherwise.
pub(super) fn falling(page: &PageRequest) -> Position {
    page.after.unwrap_or(Position {
        at: Timestamp::MAX,
        id: Uuid::max(),
    })
}

/// Rows to ask for: one more than the page holds tells whether another follows.
pub(super) fn one_more(page: &PageRequest) -> i64 {
    i64::from(page.limit) + 1
}

#[async_trait]
impl UnitOfWork for Unit {
    fn frame(&self) -> &Arc<Frame> {
        self.sql.frame()
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRecords {
        self
    }

    async fn commit(mut self: Box<Self>, record: Record) -> Result<(), StorageError> {
        if self.sql.effect() == Effect::Read && !record.is_empty() {
            return Err(StorageError::new(StorageErrorKind::Invalid, "commit")
                .caused_by("a unit of work that only reads has nothing to record"));
        }
        self.write(&record).await?;
        self.sql.commit().await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        self.sql.rollback().await
    }
}

impl IdentityTx for Unit {
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

impl ApiKeyRepositories for Unit {
    fn api_keys(&mut self) -> &mut dyn ApiKeys {
        self
    }
}

impl TenancyRepositories for Unit {
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

impl OnboardingTx for Unit {
    fn tenants(&mut self) -> &mut dyn Tenants {
        self
    }

    fn enter(&mut self, tenant: TenantId) -> &mut dyn TenancyRepositories {
        self.entered = Some(tenant);
        self
    }
}

impl RelayTx for Unit {
    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn delivery_queue(&mut self) -> &mut dyn DeliveryQueue {
        self
    }
}

impl EventsRepositories for Unit {
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

impl TenantTx for Unit {
    fn sql(&mut self) -> Option<&mut SqlTx> {
        Some(&mut self.sql)
    }
}

impl SystemTx for Unit {}
