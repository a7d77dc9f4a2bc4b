//! Signing keys follow each other by themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use wisdom_auth::token::KeyRing;
use wisdom_core::id::SigningKeyId;
use wisdom_core::time::Timestamp;

use super::Wisdom;
use crate::keys::{KeyError, KeySchedule};

impl Wisdom {
    /// Takes up signing keys that another process made, and makes one where one is due. The workers do this every ten
    /// seconds; who runs none calls it as often.
    ///
    /// # Errors
    /// [`KeyError`]; the keys in use stay in use then.
    pub async fn tend_keys(self: &Arc<Self>) -> Result<(), KeyError> {
        let wisdom = Arc::clone(self);
        let work = move || {
            let schedule = KeySchedule::of(&wisdom.config);
            wisdom
                .keys
                .tend_signing(&wisdom.auth.tokens.ring(), schedule, wisdom.kit())
        };
        let ring = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| KeyError::Failed)??;
        if facts(&ring) != facts(&self.auth.tokens.ring()) {
            tracing::info!(keys = ring.keys().count(), "signing keys were rotated");
            self.auth.tokens.set_ring(ring);
        }
        Ok(())
    }
}

/// What of a ring can change.
fn facts(ring: &KeyRing) -> BTreeSet<(SigningKeyId, Timestamp, Option<Timestamp>)> {
    ring.keys()
        .map(|key| (key.id(), key.signs_from(), key.verifies_until()))
        .collect()
}
