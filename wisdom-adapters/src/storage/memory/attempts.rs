//! Failed tries at credentials, and known devices.

use async_trait::async_trait;
use wisdom_auth::attempts::device::KnownDevice;
use wisdom_auth::attempts::{AttemptKey, Counter, KeyKind};
use wisdom_auth::store::{AttemptCounters, KnownDevices};
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl AttemptCounters for MemoryTx {
    async fn find(&mut self, key: &AttemptKey) -> Result<Option<Counter>, StorageError> {
        Ok(self
            .read()
            .failed_tries
            .get(key.hash())
            .map(|(_, counter)| *counter))
    }

    // Writers are serial, so every counter is locked.
    async fn lock(&mut self, key: &AttemptKey, now: Timestamp) -> Result<Counter, StorageError> {
        let tables = self.write("attempt_counters.lock")?;
        if let Some((_, counter)) = tables.failed_tries.get(key.hash()) {
            return Ok(*counter);
        }
        let counter = Counter::none(now);
        tables.failed_tries.insert(*key.hash(), (key.kind(), counter));
        Ok(counter)
    }

    async fn save(&mut self, key: &AttemptKey, counter: Counter) -> Result<(), StorageError> {
        let tables = self.write("attempt_counters.save")?;
        if let Some(stored) = tables.failed_tries.get_mut(key.hash()) {
            stored.1 = counter;
        }
        Ok(())
    }

    async fn clear(&mut self, key: &AttemptKey) -> Result<(), StorageError> {
        self.write("attempt_counters.clear")?
            .failed_tries
            .remove(key.hash());
        Ok(())
    }

    async fn sweep(
        &mut self,
        sources: Timestamp,
        unknown: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let tables = self.write("attempt_counters.sweep")?;
        let mut rows = 0;
        for (kind, before) in [(KeyKind::Source, sources), (KeyKind::Unknown, unknown)] {
            let old: Vec<[u8; 32]> = tables
                .failed_tries
                .iter()
                .filter(|(_, (of, counter))| *of == kind && counter.at < before)
                .map(|(hash, _)| *hash)
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .collect();
            for hash in old {
                tables.failed_tries.remove(&hash);
                rows += 1;
            }
        }
        Ok(rows)
    }
}

#[async_trait]
impl KnownDevices for MemoryTx {
    async fn insert(&mut self, device: &KnownDevice, most: u32) -> Result<(), StorageError> {
        const OPERATION: &str = "known_devices.insert";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&device.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        tables.devices.insert(device.hash, device.clone());
        let mut all: Vec<KnownDevice> = tables
            .devices
            .values()
            .filter(|other| other.user == device.user)
            .cloned()
            .collect();
        all.sort_by(|a, b| b.seen_at.cmp(&a.seen_at).then(a.hash.cmp(&b.hash)));
        for forgotten in all.iter().skip(usize::try_from(most).unwrap_or(usize::MAX)) {
            tables.devices.remove(&forgotten.hash);
        }
        Ok(())
    }

    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<KnownDevice>, StorageError> {
        Ok(self.read().devices.get(hash).cloned())
    }

    async fn count(&mut self, user: UserId, since: Timestamp) -> Result<u32, StorageError> {
        let live = |device: &&KnownDevice| device.user == user && device.seen_at > since;
        let count = self.read().devices.values().filter(live).count();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn touch(&mut self, hash: &[u8; 32], at: Timestamp) -> Result<(), StorageError> {
        if let Some(device) = self.write("known_devices.touch")?.devices.get_mut(hash) {
            device.seen_at = at;
        }
        Ok(())
    }

    async fn forget(&mut self, user: UserId) -> Result<(), StorageError> {
        let tables = self.write("known_devices.delete")?;
        let theirs: Vec<[u8; 32]> = tables
            .devices
            .values()
            .filter(|device| device.user == user)
            .map(|device| device.hash)
            .collect();
        for hash in theirs {
            tables.devices.remove(&hash);
        }
        Ok(())
    }
}
