//! Passkeys and their ceremonies.

use async_trait::async_trait;
use wisdom_core::id::{PasskeyId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

use crate::passkey::Passkey;
use crate::passkey::ceremony::Ceremony;

/// Passkeys.
#[async_trait]
pub trait Passkeys: Send {
    /// Adds a passkey, if its user has fewer than `most`; answers whether it did.
    ///
    /// The caller has locked the user's credentials, which keeps others of the user away. A credential id that is there
    /// already, whoever has it, is a conflict with `Constraint::PASSKEY`, which leaves the unit of work usable.
    async fn insert(&mut self, passkey: &Passkey, most: u32) -> Result<bool, StorageError>;

    /// The passkey with this credential id.
    async fn find(&mut self, credential_id: &[u8]) -> Result<Option<Passkey>, StorageError>;

    /// The user's passkeys, the oldest first.
    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<Passkey>, StorageError>;

    /// How many passkeys the user has.
    async fn count(&mut self, user: UserId) -> Result<i64, StorageError>;

    /// Notes a use: signature counter, whether it is backed up, and when. Answers whether it did; it does not when the
    /// passkey is gone, or when either counter is not 0 and the new one is not above the stored one. One statement: of
    /// parallel calls with one counter above 0, one is told yes.
    async fn note_use(
        &mut self,
        id: PasskeyId,
        counter: u32,
        backed_up: bool,
        at: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Names a passkey of this user; answers whether there is one.
    async fn rename(&mut self, id: PasskeyId, user: UserId, name: &DisplayName)
    -> Result<bool, StorageError>;

    /// Removes a passkey of this user; answers whether there was one.
    async fn delete(&mut self, id: PasskeyId, user: UserId) -> Result<bool, StorageError>;
}

/// Ceremonies with passkeys that were begun and not completed. Only hashes of their tokens are stored.
#[async_trait]
pub trait PasskeyCeremonies: Send {
    /// Stores a ceremony, and removes some of those that have expired.
    async fn insert(&mut self, ceremony: &Ceremony) -> Result<(), StorageError>;

    /// The ceremony with this hash, if it has not expired at `now`. It stays.
    async fn find(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Ceremony>, StorageError>;

    /// Uses a ceremony up; answers whether it was there and had not expired at `now`. One statement: of parallel calls
    /// one is told yes.
    async fn consume(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<bool, StorageError>;

    /// Drops all ceremonies of a user.
    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError>;
}
