//! Failed tries at credentials, and known devices.

use async_trait::async_trait;
use wisdom_auth::attempts::device::KnownDevice;
use wisdom_auth::attempts::{AttemptKey, Counter, KeyKind};
use wisdom_auth::store::{AttemptCounters, KnownDevices};
use wisdom_core::id::UserId;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;

use super::row::Row;
use super::statement::Statement;
use super::unit::Unit;

pub(super) const FIND: Statement = Statement::new(
    "attempt_counters.find",
    "SELECT failures, at FROM attempt_counters WHERE hash = $1",
);
// The update changes nothing and locks the row, also one that another unit of work is inserting.
const LOCK: Statement = Statement::new(
    "attempt_counters.lock",
    "INSERT INTO attempt_counters (hash, kind, failures, at) VALUES ($1, $2, 0, $3)
     ON CONFLICT (hash) DO UPDATE SET kind = excluded.kind RETURNING failures, at",
);
const SAVE: Statement = Statement::new(
    "attempt_counters.save",
    "UPDATE attempt_counters SET failures = $2, at = $3 WHERE hash = $1",
);
const CLEAR: Statement = Statement::new(
    "attempt_counters.clear",
    "DELETE FROM attempt_counters WHERE hash = $1",
);
// Rows that are locked are in use, so they are not old.
pub(super) const SWEEP: Statement = Statement::split(
    "attempt_counters.sweep",
    "DELETE FROM attempt_counters WHERE hash IN
     (SELECT hash FROM attempt_counters WHERE kind = $1 AND at < $2 LIMIT $3)",
    "DELETE FROM attempt_counters WHERE hash IN
     (SELECT hash FROM attempt_counters WHERE kind = $1 AND at < $2 LIMIT $3 FOR UPDATE SKIP LOCKED)",
);

const INSERT_DEVICE: Statement = Statement::new(
    "known_devices.insert",
    "INSERT INTO known_devices (hash, user_id, created_at, seen_at) VALUES ($1, $2, $3, $4)",
);
pub(super) const FIND_DEVICE: Statement = Statement::new(
    "known_devices.find",
    "SELECT hash, user_id, created_at, seen_at FROM known_devices WHERE hash = $1",
);
pub(super) const COUNT_DEVICES: Statement = Statement::new(
    "known_devices.count",
    "SELECT COUNT(*) FROM known_devices WHERE user_id = $1 AND seen_at > $2",
);
const TOUCH_DEVICE: Statement = Statement::new(
    "known_devices.touch",
    "UPDATE known_devices SET seen_at = $2 WHERE hash = $1",
);
const FORGET_DEVICES: Statement = Statement::new(
    "known_devices.delete",
    "DELETE FROM known_devices WHERE user_id = $1",
);
const PRUNE_DEVICES: Statement = Statement::split(
    "known_devices.prune",
    "DELETE FROM known_devices WHERE hash IN
     (SELECT hash FROM known_devices WHERE user_id = $1 ORDER BY seen_at DESC, hash LIMIT -1 OFFSET $2)",
    "DELETE FROM known_devices WHERE hash IN
     (SELECT hash FROM known_devices WHERE user_id = $1 ORDER BY seen_at DESC, hash OFFSET $2)",
);

fn counter(row: &Row, statement: &Statement) -> Result<Counter, StorageError> {
    let failures = u32::try_from(row.int(0)?)
        .map_err(|e| StorageError::new(StorageErrorKind::Internal, statement.name()).caused_by(e))?;
    Ok(Counter {
        failures,
        at: row.time(1)?,
    })
}

#[async_trait]
impl AttemptCounters for Unit {
    async fn find(&mut self, key: &AttemptKey) -> Result<Option<Counter>, StorageError> {
        self.sql_tx()
            .fetch_optional(&FIND, &[key.hash().into()])
            .await?
            .map(|row| counter(&row, &FIND))
            .transpose()
    }

    async fn lock(&mut self, key: &AttemptKey, now: Timestamp) -> Result<Counter, StorageError> {
        let values = [key.hash().into(), key.kind().as_str().into(), now.into()];
        let row = self.sql_tx().fetch_optional(&LOCK, &values).await?;
        row.map_or_else(|| Ok(Counter::none(now)), |row| counter(&row, &LOCK))
    }

    async fn save(&mut self, key: &AttemptKey, saved: Counter) -> Result<(), StorageError> {
        let values = [
            key.hash().into(),
            i64::from(saved.failures).into(),
            saved.at.into(),
        ];
        self.sql_tx().execute(&SAVE, &values).await?;
        Ok(())
    }

    async fn clear(&mut self, key: &AttemptKey) -> Result<(), StorageError> {
        self.sql_tx().execute(&CLEAR, &[key.hash().into()]).await?;
        Ok(())
    }

    async fn sweep(
        &mut self,
        sources: Timestamp,
        unknown: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let mut rows = 0;
        for (kind, before) in [(KeyKind::Source, sources), (KeyKind::Unknown, unknown)] {
            let values = [kind.as_str().into(), before.into(), i64::from(limit).into()];
            rows += self.sql_tx().execute(&SWEEP, &values).await?;
        }
        Ok(rows)
    }
}

#[async_trait]
impl KnownDevices for Unit {
    async fn insert(&mut self, device: &KnownDevice, most: u32) -> Result<(), StorageError> {
        let values = [
            (&device.hash).into(),
            device.user.into(),
            device.created_at.into(),
            device.seen_at.into(),
        ];
        self.sql_tx().execute(&INSERT_DEVICE, &values).await?;
        let values = [device.user.into(), i64::from(most).into()];
        self.sql_tx().execute(&PRUNE_DEVICES, &values).await?;
        Ok(())
    }

    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<KnownDevice>, StorageError> {
        let Some(row) = self.sql_tx().fetch_optional(&FIND_DEVICE, &[hash.into()]).await? else {
            return Ok(None);
        };
        Ok(Some(KnownDevice {
            hash: row.array(0)?,
            user: row.id(1)?,
            created_at: row.time(2)?,
            seen_at: row.time(3)?,
        }))
    }

    async fn count(&mut self, user: UserId, since: Timestamp) -> Result<u32, StorageError> {
        let values = [user.into(), since.into()];
        let row = self.sql_tx().fetch_optional(&COUNT_DEVICES, &values).await?;
        let count = row.map_or(Ok(0), |row| row.int(0))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn touch(&mut self, hash: &[u8; 32], at: Timestamp) -> Result<(), StorageError> {
        self.sql_tx()
            .execute(&TOUCH_DEVICE, &[hash.into(), at.into()])
            .await?;
        Ok(())
    }

    async fn forget(&mut self, user: UserId) -> Result<(), StorageError> {
        self.sql_tx().execute(&FORGET_DEVICES, &[user.into()]).await?;
        Ok(())
    }
}
