//! All tenants.

use async_trait::async_trait;
use wisdom_core::access::Role;
use wisdom_core::id::{InvitationId, MembershipId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::value::Slug;
use wisdom_tenancy::membership::Membership;
use wisdom_tenancy::store::Tenants;
use wisdom_tenancy::tenant::{Standing, Tenant};

use super::memberships;
use super::paging::{Order, page};
use super::tables::{Tables, under};
use super::unit_of_work::{MemoryTx, invalid};

fn standing(tables: &Tables, tenant: TenantId, membership: MembershipId) -> Option<Standing> {
    let membership = tables.memberships.get(&(tenant, membership))?;
    Some(Standing {
        tenant: tables.tenants.get(&tenant)?.clone(),
        membership: membership.id,
        role: membership.role,
        since: membership.created_at,
    })
}

#[async_trait]
impl Tenants for MemoryTx {
    async fn insert(&mut self, tenant: &Tenant, owner: &Membership) -> Result<(), StorageError> {
        const OPERATION: &str = "tenants.insert";
        let tables = self.write(OPERATION)?;
        if owner.role != Role::Owner {
            return Err(invalid(OPERATION, "the first member must be an owner"));
        }
        let slug = tenant.slug.as_str().to_owned();
        if tables.tenants_by_slug.contains_key(&slug) {
            return Err(StorageError::conflict(OPERATION, Constraint::TENANT_SLUG));
        }
        if tables.tenants.contains_key(&tenant.id) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        if !tables.users.contains_key(&owner.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        tables.tenants_by_slug.insert(slug, tenant.id);
        tables.tenants.insert(
            tenant.id,
            Tenant {
                owner_count: 1,
                ..tenant.clone()
            },
        );
        memberships::add(tables, tenant.id, owner, OPERATION)
    }

    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StorageError> {
        Ok(self.read().tenants.get(&id).cloned())
    }

    async fn find_by_slug(&mut self, slug: &Slug) -> Result<Option<Tenant>, StorageError> {
        let tables = self.read();
        let id = tables.tenants_by_slug.get(slug.as_str());
        Ok(id.and_then(|id| tables.tenants.get(id)).cloned())
    }

    async fn list_of_user(
        &mut self,
        user: UserId,
        request: &PageRequest,
    ) -> Result<Slice<Standing>, StorageError> {
        let tables = self.read();
        let slots = tables.memberships_of_user.range(under(user));
        let rows = slots.filter_map(|((_, tenant), membership)| standing(tables, *tenant, *membership));
        Ok(page(rows, Order::OldestFirst, request, |standing| Position {
            at: standing.since,
            id: standing.membership.as_uuid(),
        }))
    }

    async fn standing(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Standing>, StorageError> {
        let tables = self.read();
        let membership = tables.memberships_of_user.get(&(user, tenant));
        Ok(membership.and_then(|membership| standing(tables, tenant, *membership)))
    }

    async fn find_invitation_by_token(
        &mut self,
        hash: &[u8; 32],
    ) -> Result<Option<(TenantId, InvitationId)>, StorageError> {
        Ok(self.read().invitations_by_token.get(hash).copied())
    }
}
