//! The tenant of the unit of work.

use async_trait::async_trait;
use wisdom_auth::impersonation::Impersonation;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_tenancy::store::OwnTenant;
use wisdom_tenancy::support_access::EndedImpersonation;
use wisdom_tenancy::tenant::Tenant;

use super::unit_of_work::{MemoryTx, invalid};

#[async_trait]
impl OwnTenant for MemoryTx {
    async fn current(&mut self) -> Result<Tenant, StorageError> {
        const OPERATION: &str = "own_tenant.current";
        let (own, tables) = self.own(OPERATION)?;
        tables
            .tenants
            .get(&own)
            .cloned()
            .ok_or_else(|| invalid(OPERATION, "the tenant does not exist"))
    }

    async fn update(&mut self, tenant: &Tenant, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "own_tenant.update";
        let (own, tables) = self.own_mut(OPERATION)?;
        if tenant.id != own {
            return Err(invalid(OPERATION, "another tenant"));
        }
        let Some(stored) = tables
            .tenants
            .get(&own)
            .filter(|stored| stored.version == expected)
            .cloned()
        else {
            return Err(StorageError::stale(OPERATION));
        };
        let slug = tenant.slug.as_str().to_owned();
        if tables
            .tenants_by_slug
            .get(&slug)
            .is_some_and(|holder| *holder != own)
        {
            return Err(StorageError::conflict(OPERATION, Constraint::TENANT_SLUG));
        }
        tables.tenants_by_slug.remove(stored.slug.as_str());
        tables.tenants_by_slug.insert(slug, own);
        let changed = Tenant {
            owner_count: stored.owner_count,
            created_at: stored.created_at,
            version: expected + 1,
            ..tenant.clone()
        };
        tables.tenants.insert(own, changed);
        Ok(())
    }

    async fn end_impersonations(&mut self, at: Timestamp) -> Result<Vec<EndedImpersonation>, StorageError> {
        let (own, tables) = self.own_mut("own_tenant.end_impersonations")?;
        let all = tables.impersonations.iter().map(|(_, it)| it);
        let live: Vec<Impersonation> = all
            .filter(|it| it.tenant == own && it.is_live(at))
            .cloned()
            .collect();
        let mut ended = Vec::with_capacity(live.len());
        for it in live {
            ended.push(EndedImpersonation {
                id: it.id,
                operator: it.operator,
                subject: it.subject,
            });
            let it = Impersonation {
                ended_at: Some(at),
                ..it
            };
            tables.impersonations.insert(it.id, it);
        }
        Ok(ended)
    }
}
