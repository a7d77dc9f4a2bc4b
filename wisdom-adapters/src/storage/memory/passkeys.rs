//! Passkeys.

use async_trait::async_trait;
use wisdom_auth::passkey::{Passkey, may_follow};
use wisdom_auth::store::Passkeys;
use wisdom_core::id::{PasskeyId, UserId};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

use super::tables::under;
use super::unit_of_work::MemoryTx;

#[async_trait]
impl Passkeys for MemoryTx {
    async fn insert(&mut self, passkey: &Passkey, most: u32) -> Result<bool, StorageError> {
        const OPERATION: &str = "passkeys.insert";
        let tables = self.write(OPERATION)?;
        let own = tables.passkeys_of_user.range(under(passkey.user)).count();
        if own >= most as usize {
            return Ok(false);
        }
        if tables.passkeys_by_credential.contains_key(&passkey.credential_id) {
            return Err(StorageError::conflict(OPERATION, Constraint::PASSKEY));
        }
        if !tables.users.contains_key(&passkey.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.passkeys.contains_key(&passkey.id) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables
            .passkeys_by_credential
            .insert(passkey.credential_id.clone(), passkey.id);
        tables.passkeys_of_user.insert((passkey.user, passkey.id));
        tables.passkeys.insert(passkey.id, passkey.clone());
        Ok(true)
    }

    async fn find(&mut self, credential_id: &[u8]) -> Result<Option<Passkey>, StorageError> {
        let tables = self.read();
        let id = tables.passkeys_by_credential.get(credential_id);
        Ok(id.and_then(|id| tables.passkeys.get(id)).cloned())
    }

    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<Passkey>, StorageError> {
        let tables = self.read();
        let ids = tables.passkeys_of_user.range(under(user));
        let mut own: Vec<Passkey> = ids
            .filter_map(|(_, id)| tables.passkeys.get(id))
            .cloned()
            .collect();
        own.sort_by_key(|one| (one.created_at, one.id));
        Ok(own)
    }

    async fn count(&mut self, user: UserId) -> Result<i64, StorageError> {
        let own = self.read().passkeys_of_user.range(under(user)).count();
        Ok(i64::try_from(own).unwrap_or(i64::MAX))
    }

    async fn note_use(
        &mut self,
        id: PasskeyId,
        counter: u32,
        backed_up: bool,
        at: Timestamp,
    ) -> Result<bool, StorageError> {
        let tables = self.write("passkeys.note_use")?;
        let Some(passkey) = tables.passkeys.get_mut(&id) else {
            return Ok(false);
        };
        if !may_follow(passkey.counter, counter) {
            return Ok(false);
        }
        passkey.counter = counter;
        passkey.backed_up = backed_up;
        passkey.last_used_at = Some(at);
        Ok(true)
    }

    async fn rename(
        &mut self,
        id: PasskeyId,
        user: UserId,
        name: &DisplayName,
    ) -> Result<bool, StorageError> {
        let tables = self.write("passkeys.rename")?;
        match tables.passkeys.get_mut(&id) {
            Some(passkey) if passkey.user == user => {
                passkey.name = name.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn delete(&mut self, id: PasskeyId, user: UserId) -> Result<bool, StorageError> {
        let tables = self.write("passkeys.delete")?;
        let found = tables.passkeys.get(&id).filter(|one| one.user == user);
        let Some(passkey) = found.cloned() else {
            return Ok(false);
        };
        tables.passkeys.remove(&id);
        tables.passkeys_of_user.remove(&(user, id));
        tables.passkeys_by_credential.remove(&passkey.credential_id);
        Ok(true)
    }
}
