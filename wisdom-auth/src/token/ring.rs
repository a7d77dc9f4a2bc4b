//! The ring of signing keys: one signs, all that have not ended verify.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wisdom_core::id::SigningKeyId;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Kit;

use super::key::{KeyError, SigningAlgorithm, SigningKey, StoredSigningKey};

const VERSION: u32 = 1;
/// Most keys of a ring: a lookup reads them one by one.
const MAX_KEYS: usize = 16;

/// A key ring as a key file keeps it. Serialising shows the secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKeyRing {
    /// Version of the format: 1.
    pub version: u32,
    /// The keys, in any order.
    pub keys: Vec<StoredSigningKey>,
}

/// Signing keys as they are at one moment. It never changes: rotation makes another one.
#[derive(Debug, Clone)]
pub struct KeyRing {
    keys: Vec<SigningKey>,
}

impl KeyRing {
    /// A ring with one new key that signs at once. `kit` gives id, time and randomness.
    ///
    /// # Errors
    /// [`KeyError::Random`] or [`KeyError::Library`].
    pub fn generate(algorithm: SigningAlgorithm, kit: &Kit) -> Result<Self, KeyError> {
        Self::new(vec![SigningKey::generate(algorithm, kit.clock.now(), kit)?])
    }

    /// A ring of these keys.
    ///
    /// # Errors
    /// [`KeyError::TooMany`] above 16, [`KeyError::Twice`] when two have one id, [`KeyError::NoneSigns`] for none.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, KeyError> {
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        if keys.is_empty() {
            return Err(KeyError::NoneSigns);
        }
        for (at, key) in keys.iter().enumerate() {
            if keys.iter().skip(at + 1).any(|other| other.id() == key.id()) {
                return Err(KeyError::Twice(key.id()));
            }
        }
        Ok(Self { keys })
    }

    /// Reads a stored ring.
    ///
    /// # Errors
    /// [`KeyError::Version`], and those of the keys and of [`KeyRing::new`].
    pub fn from_stored(stored: &StoredKeyRing) -> Result<Self, KeyError> {
        if stored.version != VERSION {
            return Err(KeyError::Version(stored.version));
        }
        Self::new(
            stored
                .keys
                .iter()
                .map(SigningKey::from_stored)
                .collect::<Result<_, _>>()?,
        )
    }

    /// The ring for a key file. Shows the secrets.
    #[must_use]
    pub fn to_stored(&self) -> StoredKeyRing {
        StoredKeyRing {
            version: VERSION,
            keys: self.keys.iter().map(SigningKey::to_stored).collect(),
        }
    }

    /// The ring with a new key of this algorithm, without the keys that have ended.
    ///
    /// The new key verifies at once and signs `announce` later, so that every node and every reader of the public keys
    /// knows it by then. The others stop verifying `overlap` after that: at least the life of an access token and its
    /// leeway, or tokens end early (which is what one wants when a key got out: `announce` and `overlap` of zero).
    ///
    /// # Errors
    /// Those of [`KeyRing::generate`] and [`KeyRing::new`].
    pub fn rotate(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
        announce: Duration,
        overlap: Duration,
        kit: &Kit,
    ) -> Result<Self, KeyError> {
        let signs_from = now.saturating_add(announce);
        let until = signs_from.saturating_add(overlap);
        let mut keys: Vec<_> = self
            .keys
            .iter()
            .filter(|key| key.verifies_at(now))
            .map(|key| key.clone().ending(until))
            .collect();
        // A key that was announced and would begin to sign after its end is not needed any more.
        keys.retain(|key| key.signs_from() <= until);
        keys.push(SigningKey::generate(algorithm, signs_from, kit)?);
        Self::new(keys)
    }

    /// Whether the newest key is this old, so that another one should follow it. One that was announced and does not
    /// sign yet counts: of two processes that ask one after the other, the second has nothing to do.
    #[must_use]
    pub fn is_due(&self, every: Duration, now: Timestamp) -> bool {
        let newest = self.keys.iter().map(SigningKey::created_at).max();
        newest.is_none_or(|made| now >= made.saturating_add(every))
    }

    /// The key that signs at this time: the one that began last and has not ended.
    ///
    /// # Errors
    /// [`KeyError::NoneSigns`].
    pub fn signing_key(&self, now: Timestamp) -> Result<&SigningKey, KeyError> {
        let begun = self
            .keys
            .iter()
            .filter(|key| key.signs_from() <= now && key.verifies_at(now));
        begun
            .max_by_key(|key| (key.signs_from(), key.created_at(), key.id()))
            .ok_or(KeyError::NoneSigns)
    }

    /// The key whose tokens begin with this text, which then says what we always say and need not be read.
    pub(super) fn key_of_header(&self, header: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.header() == header)
    }

    /// The key with this id, if its signatures count at this time.
    #[must_use]
    pub fn verifying_key(&self, id: SigningKeyId, now: Timestamp) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|key| key.id() == id)
            .filter(|key| key.verifies_at(now))
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, section 5): those that have not ended, never a symmetric
    /// key.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Value {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .filter(|key| key.verifies_at(now))
            .filter_map(SigningKey::jwk)
            .collect();
        json!({ "keys": keys })
    }

    /// The keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter()
    }
}
