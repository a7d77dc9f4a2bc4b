//! The tenant itself.

use async_trait::async_trait;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::value::{DisplayName, Slug};
use wisdom_tenancy::store::OwnTenant;
use wisdom_tenancy::tenant::{Tenant, TenantState};

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, current};

pub(super) const CURRENT: Statement = Statement::new(
    "own_tenant.current",
    "SELECT id, slug, name, state, region, epoch, owner_count, created_at, version,
     mfa_required FROM tenants WHERE id = $1",
);
const UPDATE: Statement = Statement::new(
    "own_tenant.update",
    "UPDATE tenants SET slug = $2, name = $3, state = $4, region = $5, epoch = $6, mfa_required = $8, version = $7 + 1
     WHERE id = $1 AND version = $7",
);

/// Reads the ten columns of a tenant.
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
        ];
        current(self.tenant_execute(&UPDATE, &values).await?, &UPDATE)
    }
}
