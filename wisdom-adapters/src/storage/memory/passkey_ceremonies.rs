//! Ceremonies with passkeys that were begun and not completed.

use async_trait::async_trait;
use wisdom_auth::passkey::ceremony::Ceremony;
use wisdom_auth::store::PasskeyCeremonies;
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::tables::Tables;
use super::unit_of_work::MemoryTx;

/// Expired ones removed with each new one.
const CLEARED: usize = 20;

fn remove(tables: &mut Tables, (end, hash): (Timestamp, [u8; 32])) {
    tables.passkey_ceremonies.remove(&hash);
    tables.passkey_ceremonies_by_end.remove(&(end, hash));
}

#[async_trait]
impl PasskeyCeremonies for MemoryTx {
    async fn insert(&mut self, ceremony: &Ceremony) -> Result<(), StorageError> {
        const OPERATION: &str = "passkey_ceremonies.insert";
        let tables = self.write(OPERATION)?;
        let over = tables.passkey_ceremonies_by_end.iter();
        let over: Vec<_> = over
            .take_while(|(end, _)| *end <= ceremony.created_at)
            .take(CLEARED)
            .copied()
            .collect();
        for key in over {
            remove(tables, key);
        }
        if ceremony
            .user
            .is_some_and(|user| !tables.users.contains_key(&user))
        {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.passkey_ceremonies.contains_key(&ceremony.hash) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables
            .passkey_ceremonies_by_end
            .insert((ceremony.expires_at, ceremony.hash));
        tables.passkey_ceremonies.insert(ceremony.hash, ceremony.clone());
        Ok(())
    }

    async fn find(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Ceremony>, StorageError> {
        let found = self.read().passkey_ceremonies.get(hash);
        Ok(found.filter(|one| now < one.expires_at).cloned())
    }

    async fn consume(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<bool, StorageError> {
        let tables = self.write("passkey_ceremonies.consume")?;
        let found = tables
            .passkey_ceremonies
            .get(hash)
            .filter(|one| now < one.expires_at);
        let Some(end) = found.map(|one| one.expires_at) else {
            return Ok(false);
        };
        remove(tables, (end, *hash));
        Ok(true)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError> {
        let tables = self.write("passkey_ceremonies.delete_all")?;
        let own: Vec<_> = tables
            .passkey_ceremonies
            .values()
            .filter(|one| one.user == Some(user))
            .map(|one| (one.expires_at, one.hash))
            .collect();
        for key in own {
            remove(tables, key);
        }
        Ok(())
    }
}
