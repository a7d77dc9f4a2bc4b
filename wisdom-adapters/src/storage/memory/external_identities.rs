//! External identities.

use async_trait::async_trait;
use wisdom_auth::federation::identity::ExternalIdentity;
use wisdom_auth::store::ExternalIdentities;
use wisdom_core::id::{ExternalIdentityId, UserId};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use super::tables::under;
use super::unit_of_work::MemoryTx;

fn key(identity: &ExternalIdentity) -> (String, String) {
    (identity.issuer.clone(), identity.subject.clone())
}

#[async_trait]
impl ExternalIdentities for MemoryTx {
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), StorageError> {
        const OPERATION: &str = "external_identities.insert";
        let tables = self.write(OPERATION)?;
        if tables.external_identities_by_subject.contains_key(&key(identity)) {
            return Err(StorageError::conflict(OPERATION, Constraint::EXTERNAL_IDENTITY));
        }
        if !tables.users.contains_key(&identity.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.external_identities.contains_key(&identity.id) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables
            .external_identities_by_subject
            .insert(key(identity), identity.id);
        tables
            .external_identities_of_user
            .insert((identity.user, identity.id));
        tables.external_identities.insert(identity.id, identity.clone());
        Ok(())
    }

    async fn find_by_subject(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StorageError> {
        let tables = self.read();
        let key = (issuer.to_owned(), subject.to_owned());
        let id = tables.external_identities_by_subject.get(&key);
        Ok(id.and_then(|id| tables.external_identities.get(id)).cloned())
    }

    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<ExternalIdentity>, StorageError> {
        let tables = self.read();
        let ids = tables.external_identities_of_user.range(under(user));
        let own = ids.filter_map(|(_, id)| tables.external_identities.get(id));
        let mut own: Vec<ExternalIdentity> = own.cloned().collect();
        own.sort_by_key(|one| (one.created_at, one.id));
        Ok(own)
    }

    async fn touch(
        &mut self,
        id: ExternalIdentityId,
        email: Option<&EmailAddress>,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        let tables = self.write("external_identities.touch")?;
        if let Some(identity) = tables.external_identities.get_mut(&id) {
            identity.last_used_at = at;
            if let Some(email) = email {
                identity.email = Some(email.clone());
            }
        }
        Ok(())
    }

    async fn delete(&mut self, id: ExternalIdentityId, user: UserId) -> Result<bool, StorageError> {
        let tables = self.write("external_identities.delete")?;
        let Some(identity) = tables
            .external_identities
            .get(&id)
            .filter(|one| one.user == user)
            .cloned()
        else {
            return Ok(false);
        };
        tables.external_identities.remove(&id);
        tables.external_identities_of_user.remove(&(user, id));
        tables.external_identities_by_subject.remove(&key(&identity));
        Ok(true)
    }
}
