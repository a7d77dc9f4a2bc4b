//! API keys: the tenant's, and the one that was presented.

use async_trait::async_trait;
use wisdom_auth::api_key::{ApiKey, KeyKind};
use wisdom_auth::store::{ApiKeys, PresentedKeys};
use wisdom_core::access::Role;
use wisdom_core::id::{ApiKeyId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::paging::{Order, page};
use super::tables::{Tables, under};
use super::unit_of_work::MemoryTx;

fn place(key: &ApiKey) -> Position {
    Position {
        at: key.created_at,
        id: key.id.as_uuid(),
    }
}

#[async_trait]
impl ApiKeys for MemoryTx {
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        const OPERATION: &str = "api_keys.insert";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let users = [Some(key.creator), key.owner];
        if users
            .into_iter()
            .flatten()
            .any(|user| !tables.users.contains_key(&user))
        {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        let slot = (tenant, key.id);
        if tables.api_keys_by_id.contains_key(&key.id)
            || tables.api_keys_by_public_id.contains_key(&key.public_id)
        {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables.api_keys_by_id.insert(key.id, slot);
        tables.api_keys_by_public_id.insert(key.public_id.clone(), slot);
        tables.api_keys.insert(
            slot,
            ApiKey {
                tenant,
                ..key.clone()
            },
        );
        Ok(())
    }

    async fn count(&mut self, now: Timestamp) -> Result<i64, StorageError> {
        let (tenant, tables) = self.own("api_keys.count")?;
        let keys = tables.api_keys.range(under(tenant));
        let live = keys.filter(|(_, key)| key.is_live(now)).count();
        Ok(i64::try_from(live).unwrap_or(i64::MAX))
    }

    async fn find(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        let (tenant, tables) = self.own("api_keys.find")?;
        Ok(tables.api_keys.get(&(tenant, id)).cloned())
    }

    async fn list(
        &mut self,
        kind: KeyKind,
        owner: Option<UserId>,
        request: &PageRequest,
    ) -> Result<Slice<ApiKey>, StorageError> {
        let (tenant, tables) = self.own("api_keys.list")?;
        let keys = tables.api_keys.range(under(tenant)).map(|(_, key)| key);
        let keys = keys
            .filter(|key| key.kind == kind && (owner.is_none() || key.owner == owner))
            .cloned();
        Ok(page(keys, Order::OldestFirst, request, place))
    }

    async fn update(&mut self, key: &ApiKey, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "api_keys.update";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let slot = (tenant, key.id);
        let stored = tables.api_keys.get(&slot).cloned();
        let stored = stored.filter(|stored| stored.version == expected);
        let stored = stored.ok_or_else(|| StorageError::stale(OPERATION))?;
        let changed = ApiKey {
            name: key.name.clone(),
            secret: key.secret,
            previous: key.previous,
            certificates: key.certificates.clone(),
            needs_review: key.needs_review,
            revoked_at: key.revoked_at,
            version: expected + 1,
            ..stored
        };
        tables.api_keys.insert(slot, changed);
        Ok(())
    }

    async fn flag_creator(&mut self, creator: UserId) -> Result<Vec<ApiKeyId>, StorageError> {
        let (tenant, tables) = self.own_mut("api_keys.flag_creator")?;
        let theirs: Vec<ApiKey> = tables
            .api_keys
            .range(under(tenant))
            .map(|(_, key)| key)
            .filter(|key| {
                key.creator == creator && key.owner.is_none() && key.revoked_at.is_none() && !key.needs_review
            })
            .cloned()
            .collect();
        let ids = theirs.iter().map(|key| key.id).collect();
        for key in theirs {
            let flagged = ApiKey {
                needs_review: true,
                version: key.version + 1,
                ..key
            };
            tables.api_keys.insert((tenant, flagged.id), flagged);
        }
        Ok(ids)
    }

    async fn role_of(&mut self, user: UserId) -> Result<Option<Role>, StorageError> {
        let (tenant, tables) = self.own("api_keys.role_of")?;
        Ok(role(tables, tenant, user))
    }
}

fn role(tables: &Tables, tenant: TenantId, user: UserId) -> Option<Role> {
    let membership = tables.memberships_of_user.get(&(user, tenant))?;
    let membership = tables.memberships.get(&(tenant, *membership))?;
    Some(membership.role)
}

#[async_trait]
impl PresentedKeys for MemoryTx {
    async fn find(&mut self, public_id: &str) -> Result<Option<ApiKey>, StorageError> {
        let tables = self.read();
        let slot = tables.api_keys_by_public_id.get(public_id);
        Ok(slot.and_then(|slot| tables.api_keys.get(slot)).cloned())
    }

    async fn find_by_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        let tables = self.read();
        let slot = tables.api_keys_by_id.get(&id);
        Ok(slot.and_then(|slot| tables.api_keys.get(slot)).cloned())
    }

    async fn note_use(&mut self, tenant: TenantId, key: ApiKeyId, at: Timestamp) -> Result<(), StorageError> {
        let tables = self.write("api_keys.note_use")?;
        if let Some(key) = tables.api_keys.get_mut(&(tenant, key))
            && key.last_used_at.is_none_or(|last| last < at)
        {
            key.last_used_at = Some(at);
        }
        Ok(())
    }

    async fn role_in(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Role>, StorageError> {
        Ok(role(self.read(), tenant, user))
    }
}
