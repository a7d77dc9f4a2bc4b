//! Operators acting for users.

use async_trait::async_trait;
use wisdom_auth::impersonation::Impersonation;
use wisdom_auth::store::Impersonations;
use wisdom_core::id::{ImpersonationId, TenantId, UserId};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl Impersonations for MemoryTx {
    async fn insert(&mut self, it: &Impersonation) -> Result<(), StorageError> {
        const OPERATION: &str = "impersonations.insert";
        let tables = self.write(OPERATION)?;
        let known = tables.users.contains_key(&it.operator)
            && tables.users.contains_key(&it.subject)
            && tables.tenants.contains_key(&it.tenant);
        if !known {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        tables.impersonations.insert(it.id, it.clone());
        Ok(())
    }

    async fn find(&mut self, id: ImpersonationId) -> Result<Option<Impersonation>, StorageError> {
        Ok(self.read().impersonations.get(&id).cloned())
    }

    async fn find_presented(&mut self, public_id: &str) -> Result<Option<Impersonation>, StorageError> {
        let mut all = self.read().impersonations.iter().map(|(_, it)| it);
        Ok(all.find(|it| it.public_id == public_id).cloned())
    }

    async fn list_of(&mut self, operator: UserId, limit: u32) -> Result<Vec<Impersonation>, StorageError> {
        let all = self.read().impersonations.iter().map(|(_, it)| it);
        let mut theirs: Vec<Impersonation> = all.filter(|it| it.operator == operator).cloned().collect();
        theirs.sort_by_key(|it| std::cmp::Reverse((it.started_at, it.id)));
        theirs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(theirs)
    }

    async fn end(&mut self, id: ImpersonationId, at: Timestamp) -> Result<bool, StorageError> {
        let tables = self.write("impersonations.end")?;
        match tables.impersonations.get_mut(&id) {
            Some(it) if it.is_live(at) => {
                it.ended_at = Some(at);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn note_request(
        &mut self,
        tenant: TenantId,
        operator: UserId,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StorageError> {
        const OPERATION: &str = "impersonations.note_request";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&operator) || !tables.tenants.contains_key(&tenant) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        let asked = tables.impersonation_requests.get(&(tenant, operator));
        if asked.is_some_and(|asked| *asked > since) {
            return Ok(false);
        }
        tables.impersonation_requests.insert((tenant, operator), at);
        Ok(true)
    }
}
