//! Memberships of the tenant.

use async_trait::async_trait;
use wisdom_core::access::Role;
use wisdom_core::id::{MembershipId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_tenancy::membership::{Member, Membership};
use wisdom_tenancy::store::Memberships;

use super::paging::{Order, page};
use super::tables::{Tables, under};
use super::unit_of_work::MemoryTx;

/// Adds a membership whose tenant exists; owners are the caller's to count.
pub(super) fn add(
    tables: &mut Tables,
    tenant: TenantId,
    membership: &Membership,
    operation: &'static str,
) -> Result<(), StorageError> {
    let key = (tenant, membership.id);
    let slot = (membership.user, tenant);
    if tables.memberships_of_user.contains_key(&slot) {
        return Err(StorageError::conflict(operation, Constraint::MEMBERSHIP_USER));
    }
    if tables.memberships.contains_key(&key) {
        return Err(StorageError::conflict(operation, Constraint::IDENTITY));
    }
    if !tables.users.contains_key(&membership.user) || !tables.tenants.contains_key(&tenant) {
        return Err(StorageError::conflict(operation, Constraint::REFERENCE));
    }
    tables.memberships_of_user.insert(slot, membership.id);
    tables.memberships.insert(key, membership.clone());
    Ok(())
}

/// Changes the tenant's number of owners, which never falls below one.
fn count_owners(
    tables: &mut Tables,
    tenant: TenantId,
    change: i64,
    operation: &'static str,
) -> Result<(), StorageError> {
    let Some(row) = tables.tenants.get_mut(&tenant) else {
        return Err(StorageError::conflict(operation, Constraint::REFERENCE));
    };
    if row.owner_count + change < 1 {
        return Err(StorageError::conflict(operation, Constraint::TENANT_OWNER));
    }
    row.owner_count += change;
    Ok(())
}

fn owners(role: Role) -> i64 {
    i64::from(role == Role::Owner)
}

fn at_version(
    tables: &Tables,
    key: (TenantId, MembershipId),
    expected: i64,
    operation: &'static str,
) -> Result<Membership, StorageError> {
    let stored = tables
        .memberships
        .get(&key)
        .filter(|stored| stored.version == expected);
    stored.cloned().ok_or_else(|| StorageError::stale(operation))
}

fn member(tables: &Tables, membership: &Membership) -> Option<Member> {
    let user = tables.users.get(&membership.user)?;
    Some(Member {
        membership: membership.clone(),
        email: user.email.clone(),
        display_name: user.display_name.clone(),
    })
}

#[async_trait]
impl Memberships for MemoryTx {
    async fn insert(&mut self, membership: &Membership) -> Result<(), StorageError> {
        const OPERATION: &str = "memberships.insert";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        add(tables, tenant, membership, OPERATION)?;
        count_owners(tables, tenant, owners(membership.role), OPERATION)
    }

    async fn find(&mut self, id: MembershipId) -> Result<Option<Member>, StorageError> {
        let (tenant, tables) = self.own("memberships.find")?;
        Ok(tables
            .memberships
            .get(&(tenant, id))
            .and_then(|found| member(tables, found)))
    }

    async fn find_by_user(&mut self, user: UserId) -> Result<Option<Member>, StorageError> {
        let (tenant, tables) = self.own("memberships.find_by_user")?;
        let id = tables.memberships_of_user.get(&(user, tenant));
        Ok(id
            .and_then(|id| tables.memberships.get(&(tenant, *id)))
            .and_then(|found| member(tables, found)))
    }

    async fn list(&mut self, request: &PageRequest) -> Result<Slice<Member>, StorageError> {
        let (tenant, tables) = self.own("memberships.list")?;
        let rows = tables
            .memberships
            .range(under(tenant))
            .filter_map(|(_, found)| member(tables, found));
        Ok(page(rows, Order::OldestFirst, request, |member| Position {
            at: member.membership.created_at,
            id: member.membership.id.as_uuid(),
        }))
    }

    async fn update(&mut self, membership: &Membership, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "memberships.update";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, membership.id);
        let stored = at_version(tables, key, expected, OPERATION)?;
        count_owners(
            tables,
            tenant,
            owners(membership.role) - owners(stored.role),
            OPERATION,
        )?;
        tables.memberships.insert(
            key,
            Membership {
                role: membership.role,
                version: expected + 1,
                ..stored
            },
        );
        Ok(())
    }

    async fn delete(&mut self, id: MembershipId, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "memberships.delete";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, id);
        let stored = at_version(tables, key, expected, OPERATION)?;
        count_owners(tables, tenant, -owners(stored.role), OPERATION)?;
        tables.memberships.remove(&key);
        tables.memberships_of_user.remove(&(stored.user, tenant));
        Ok(())
    }
}
