//! Users and their password hashes.

use async_trait::async_trait;
use wisdom_auth::store::Users;
use wisdom_auth::user::User;
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl Users for MemoryTx {
    async fn insert(&mut self, user: &User) -> Result<(), StorageError> {
        const OPERATION: &str = "users.insert";
        let tables = self.write(OPERATION)?;
        let key = user.email.lookup_key().to_owned();
        if tables.users_by_email.contains_key(&key) {
            return Err(StorageError::conflict(OPERATION, Constraint::USER_EMAIL));
        }
        if tables.users.contains_key(&user.id) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables.users_by_email.insert(key, user.id);
        tables.users.insert(user.id, user.clone());
        Ok(())
    }

    async fn find(&mut self, id: UserId) -> Result<Option<User>, StorageError> {
        Ok(self.read().users.get(&id).cloned())
    }

    async fn find_by_email(&mut self, email: &EmailAddress) -> Result<Option<User>, StorageError> {
        let tables = self.read();
        let id = tables.users_by_email.get(email.lookup_key());
        Ok(id.and_then(|id| tables.users.get(id)).cloned())
    }

    async fn update(&mut self, user: &User, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "users.update";
        let tables = self.write(OPERATION)?;
        let key = user.email.lookup_key().to_owned();
        let stored = tables
            .users
            .get(&user.id)
            .filter(|stored| stored.version == expected);
        let old_key = stored
            .ok_or_else(|| StorageError::stale(OPERATION))?
            .email
            .lookup_key()
            .to_owned();
        if tables
            .users_by_email
            .get(&key)
            .is_some_and(|holder| *holder != user.id)
        {
            return Err(StorageError::conflict(OPERATION, Constraint::USER_EMAIL));
        }
        tables.users_by_email.remove(&old_key);
        tables.users_by_email.insert(key, user.id);
        tables.users.insert(
            user.id,
            User {
                version: expected + 1,
                ..user.clone()
            },
        );
        Ok(())
    }

    async fn page(&mut self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StorageError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let behind = |user: &&User| after.is_none_or(|after| user.id > after);
        Ok(self
            .read()
            .users
            .values()
            .filter(behind)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn password_hash(&mut self, id: UserId) -> Result<Option<String>, StorageError> {
        Ok(self.read().passwords.get(&id).cloned())
    }

    async fn set_password_hash(&mut self, id: UserId, phc: &str, _at: Timestamp) -> Result<(), StorageError> {
        const OPERATION: &str = "users.set_password_hash";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&id) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        tables.passwords.insert(id, phc.to_owned());
        Ok(())
    }

    async fn lock_credentials(&mut self, id: UserId) -> Result<Option<i64>, StorageError> {
        // Writers take turns, so nobody changes it before this unit of work ends.
        let tables = self.write("users.lock_credentials")?;
        let known = tables.users.contains_key(&id);
        Ok(known.then(|| tables.credentials.get(&id).copied().unwrap_or(1)))
    }

    async fn next_credentials(&mut self, id: UserId) -> Result<(), StorageError> {
        const OPERATION: &str = "users.next_credentials";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&id) {
            return Err(StorageError::stale(OPERATION));
        }
        let next = tables.credentials.get(&id).copied().unwrap_or(1) + 1;
        tables.credentials.insert(id, next);
        Ok(())
    }

    async fn old_password_hashes(&mut self, id: UserId, limit: u32) -> Result<Vec<String>, StorageError> {
        let old = self.read().old_passwords.get(&id).cloned().unwrap_or_default();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(old.into_iter().take(limit).collect())
    }

    async fn add_old_password_hash(&mut self, id: UserId, phc: &str, limit: u32) -> Result<(), StorageError> {
        const OPERATION: &str = "old_passwords.insert";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&id) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        let mut old = tables.old_passwords.get(&id).cloned().unwrap_or_default();
        old.insert(0, phc.to_owned());
        old.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        tables.old_passwords.insert(id, old);
        Ok(())
    }
}
