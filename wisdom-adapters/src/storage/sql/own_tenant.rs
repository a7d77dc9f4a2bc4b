//! The tenant itself.

use async_trait::async_trait;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_core::value::{DisplayName, Slug};
use wisdom_tenancy::store::OwnTenant;
use wisdom_tenancy::support_access::{EndedImpersonation, SupportAccess, SupportMode};
use wisdom_tenancy::tenant::{Tenant, TenantState};

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, current};

pub(super) const CURRENT: Statement = Statement::new(
    "own_tenant.current",
    "SELECT id, slug, name, state, region, epoch, owner_count, created_at, version,
     mfa_required, support_mode, support_open_until FROM tenants WHERE id = $1",
);
const UPDATE: Statement = Statement::new(
    "own_tenant.update",
    "UPDATE tenants SET slug = $2, name = $3, state = $4, region = $5, epoch = $6, mfa_required = $8,
     support_mode = $9, support_open_until = $10, version = $7 + 1
     WHERE id = $1 AND version = $7",
);

pub(super) const END_IMPERSONATIONS: Statement = Statement::new(
    "own_tenant.end_impersonations",
    "UPDATE impersonations SET ended_at = $2 WHERE tenant_id = $1 AND ended_at IS NULL AND expires_at > $2
     RETURNING id, operator_id, subject_id",
);

/// Reads the twelve columns of a tenant.
pub(super) fn tenant(row: &Row) -> Result<Tenant, StorageError> {
    Ok(Tenant {
        id: row.id(0)?,
        slug: row.read(1, |text| Slug::parse(text).ok())?,
        name: row.read(2, |text| DisplayName::parse(text).ok())?,
        state: row.read(3, TenantState::from_name)?,
        region: row.text(4)?,
        epoch: row.int(5)?,
        owner_count: row.int(6)?,
        created_at: row.time(7)?,
        version: row.int(8)?,
        mfa_required: row.bool(9)?,
        support_access: SupportAccess {
            mode: row.read(10, SupportMode::from_name)?,
            open_until: row.opt_time(11)?,
        },
    })
}

#[async_trait]
impl OwnTenant for Unit {
    async fn current(&mut self) -> Result<Tenant, StorageError> {
        match self.tenant_optional(&CURRENT, &[]).await? {
            Some(row) => tenant(&row),
            None => Err(StorageError::conflict(CURRENT.name(), Constraint::REFERENCE)),
        }
    }

    async fn update(&mut self, tenant: &Tenant, expected: i64) -> Result<(), StorageError> {
        let values = [
            tenant.slug.as_str().into(),
            tenant.name.as_str().into(),
            tenant.state.as_str().into(),
            tenant.region.as_str().into(),
            tenant.epoch.into(),
            expected.into(),
            tenant.mfa_required.into(),
            tenant.support_access.mode.as_str().into(),
            tenant.support_access.open_until.into(),
        ];
        current(self.tenant_execute(&UPDATE, &values).await?, &UPDATE)
    }

    async fn end_impersonations(&mut self, at: Timestamp) -> Result<Vec<EndedImpersonation>, StorageError> {
        let rows = self.tenant_all(&END_IMPERSONATIONS, &[at.into()]).await?;
        let ended = rows.iter().map(|row| {
            Ok(EndedImpersonation {
                id: row.id(0)?,
                operator: row.id(1)?,
                subject: row.id(2)?,
            })
        });
        ended.collect()
    }
}
