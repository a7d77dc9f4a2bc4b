//! Devices that need no second factor.

use async_trait::async_trait;
use wisdom_auth::second_factor::device::RememberedDevice;
use wisdom_auth::store::RememberedDevices;
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::tables::remove_rows;
use super::unit_of_work::MemoryTx;

#[async_trait]
impl RememberedDevices for MemoryTx {
    async fn insert(&mut self, device: &RememberedDevice) -> Result<(), StorageError> {
        const OPERATION: &str = "remembered_devices.insert";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&device.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        let (user, now) = (device.user, device.created_at);
        remove_rows(&mut tables.remembered_devices, |kept| {
            kept.user == user && kept.expires_at <= now
        });
        tables.remembered_devices.insert(device.hash, device.clone());
        Ok(())
    }

    async fn find(
        &mut self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<RememberedDevice>, StorageError> {
        let found = self.read().remembered_devices.get(hash);
        Ok(found.filter(|device| now < device.expires_at).cloned())
    }

    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError> {
        let tables = self.write("remembered_devices.delete_all")?;
        remove_rows(&mut tables.remembered_devices, |kept| kept.user == user);
        Ok(())
    }
}
