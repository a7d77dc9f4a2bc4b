//! Second factors, and devices that need none for a while.

use async_trait::async_trait;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::second_factor::device::RememberedDevice;
use crate::second_factor::totp::TotpCredential;

/// Second factors: time-based codes and recovery codes.
#[async_trait]
pub trait SecondFactors: Send {
    /// The user's time-based codes, confirmed or not.
    async fn totp(&mut self, user: UserId) -> Result<Option<TotpCredential>, StorageError>;

    /// Stores the user's time-based codes in place of any that are not confirmed; answers whether it did, which confirmed
    /// ones prevent.
    async fn offer_totp(&mut self, totp: &TotpCredential) -> Result<bool, StorageError>;

    /// Confirms time-based codes that are not confirmed, by the code of a step, which is used up with that; answers
    /// whether there were any.
    async fn confirm_totp(&mut self, user: UserId, step: i64, at: Timestamp) -> Result<bool, StorageError>;

    /// Uses up all steps up to this one of the user's confirmed codes; answers whether it was unused. One statement: of
    /// parallel calls one is told yes.
    async fn use_totp_step(&mut self, user: UserId, step: i64) -> Result<bool, StorageError>;

    /// Drops the user's time-based codes; answers whether there were any.
    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StorageError>;

    /// Replaces all recovery codes of the user by these hashes.
    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        hashes: &[[u8; 32]],
        at: Timestamp,
    ) -> Result<(), StorageError>;

    /// Uses up a recovery code; answers whether it was there. One statement: of parallel calls one is told yes.
    async fn use_recovery_code(&mut self, user: UserId, hash: &[u8; 32]) -> Result<bool, StorageError>;

    /// How many recovery codes are left.
    async fn count_recovery_codes(&mut self, user: UserId) -> Result<i64, StorageError>;
}

/// Devices on which a user need not prove the second factor again. Only hashes of their tokens are stored.
#[async_trait]
pub trait RememberedDevices: Send {
    /// Adds a device, and drops those of the same user that have expired at its beginning.
    async fn insert(&mut self, device: &RememberedDevice) -> Result<(), StorageError>;

    /// The device with this hash, if it has not expired at `now`.
    async fn find(
        &mut self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<RememberedDevice>, StorageError>;

    /// Forgets all devices of a user.
    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError>;
}
