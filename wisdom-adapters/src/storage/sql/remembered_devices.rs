//! Devices that need no second factor.

use async_trait::async_trait;
use wisdom_auth::second_factor::device::RememberedDevice;
use wisdom_auth::store::RememberedDevices;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use super::statement::Statement;
use super::unit::Unit;

const INSERT: Statement = Statement::new(
    "remembered_devices.insert",
    "INSERT INTO remembered_devices (hash, user_id, label, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
);
const DROP_EXPIRED: Statement = Statement::new(
    "remembered_devices.drop_expired",
    "DELETE FROM remembered_devices WHERE user_id = $1 AND expires_at <= $2",
);
pub(super) const FIND: Statement = Statement::new(
    "remembered_devices.find",
    "SELECT hash, user_id, label, created_at, expires_at FROM remembered_devices
     WHERE hash = $1 AND expires_at > $2",
);
const DELETE_ALL: Statement = Statement::new(
    "remembered_devices.delete_all",
    "DELETE FROM remembered_devices WHERE user_id = $1",
);

#[async_trait]
impl RememberedDevices for Unit {
    async fn insert(&mut self, device: &RememberedDevice) -> Result<(), StorageError> {
        let expired = [device.user.into(), device.created_at.into()];
        self.sql_tx().execute(&DROP_EXPIRED, &expired).await?;
        let values = [
            (&device.hash).into(),
            device.user.into(),
            device.label.as_str().into(),
            device.created_at.into(),
            device.expires_at.into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn find(
        &mut self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<RememberedDevice>, StorageError> {
        let values = [hash.into(), now.into()];
        let Some(row) = self.sql_tx().fetch_optional(&FIND, &values).await? else {
            return Ok(None);
        };
        Ok(Some(RememberedDevice {
            hash: row.array(0)?,
            user: row.id(1)?,
            label: row.text(2)?,
            created_at: row.time(3)?,
            expires_at: row.time(4)?,
        }))
    }

    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError> {
        self.sql_tx().execute(&DELETE_ALL, &[user.into()]).await?;
        Ok(())
    }
}
