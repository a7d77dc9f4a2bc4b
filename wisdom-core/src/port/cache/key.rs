//! The key of a cache entry.

use thiserror::Error;

use super::BytesKey;
use crate::id::TenantId;
use crate::port::{PortError, PortErrorKind};

const SYSTEM: u8 = 0;
const TENANT: u8 = 1;

/// The parts of a key take more room than [`CacheKey::MAX_BYTES`] allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the parts of the key are too long together")]
pub struct KeyTooLong;

/// Names a cache entry: a space (what kind of thing) and parts (which one).
///
/// Built injectively: each part carries its length, so `("a", "bc")` and `("ab", "c")` are different keys, and the
/// key of a tenant can't equal one of another tenant or of the system. Never build a part by joining texts.
/// Short keys need no allocation.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CacheKey(BytesKey);

impl CacheKey {
    /// Most bytes of a key, with its lengths and scopes.
    pub const MAX_BYTES: usize = 512;
    /// Most bytes of a key before it gets a scope: 4 scopes fit around it.
    pub const MAX_OWN_BYTES: usize = Self::MAX_BYTES - 4 * 17;

    /// The key of the thing that `parts` name in `space`, for example `("session", [session id])`.
    ///
    /// # Errors
    /// When all together, with two bytes for each part and one for the scope, take more than
    /// [`CacheKey::MAX_OWN_BYTES`].
    pub fn new(space: &str, parts: &[&[u8]]) -> Result<Self, KeyTooLong> {
        let space_len = u16::try_from(space.len()).map_err(|_| KeyTooLong)?.to_be_bytes();
        // The space is the first part; most keys have few parts, so the list is put together on the stack.
        let mut all: [&[u8]; 8] = [&[]; 8];
        if let Some(room) = all.get_mut(1..=parts.len()) {
            room.copy_from_slice(parts);
            all[0] = space.as_bytes();
            let used = all.get(..=parts.len()).unwrap_or(&all);
            return BytesKey::build(&[SYSTEM], used, Self::MAX_OWN_BYTES)
                .map(Self)
                .ok_or(KeyTooLong);
        }
        let head = [&[SYSTEM], &space_len[..], space.as_bytes()].concat();
        BytesKey::build(&head, parts, Self::MAX_OWN_BYTES)
            .map(Self)
            .ok_or(KeyTooLong)
    }

    /// The same key inside the scope of a tenant.
    ///
    /// # Errors
    /// `Invalid` when the key has too many scopes already.
    pub fn scoped(&self, tenant: TenantId) -> Result<Self, PortError> {
        let mut head = [TENANT; 17];
        head[1..].copy_from_slice(tenant.as_uuid().as_bytes());
        self.0.behind(&head, Self::MAX_BYTES).map(Self).ok_or_else(|| {
            PortError::new(super::PORT, "scope", PortErrorKind::Invalid).with_source(KeyTooLong)
        })
    }

    /// The bytes that stand for this key in a store outside the process. Different keys have different bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn space_parts_and_scopes_all_tell_keys_apart() {
        let plain = CacheKey::new("session", &[b"a", b"bc"]).unwrap();
        let keys = [
            plain.scoped(tenant(1)).unwrap(),
            plain.scoped(tenant(2)).unwrap(),
            plain.scoped(tenant(1)).unwrap().scoped(tenant(2)).unwrap(),
            plain.scoped(tenant(2)).unwrap().scoped(tenant(1)).unwrap(),
            CacheKey::new("session", &[b"ab", b"c"]).unwrap(),
            CacheKey::new("sessio", &[b"na", b"bc"]).unwrap(),
            CacheKey::new("session", &[b"a", b"bc", b""]).unwrap(),
            plain,
        ];
        let bytes: HashSet<Vec<u8>> = keys.iter().map(|k| k.as_bytes().to_vec()).collect();
        assert_eq!(bytes.len(), keys.len());
    }

    #[test]
    fn few_and_many_parts_are_written_alike() {
        let parts: Vec<&[u8]> = vec![b"p"; 9];
        let many = CacheKey::new("s", &parts).unwrap();
        let few = CacheKey::new("s", &parts[..7]).unwrap();
        assert!(many.as_bytes().starts_with(few.as_bytes()));
        assert_eq!(many.as_bytes().len(), 1 + 3 + 9 * 3);
    }

    #[test]
    fn the_bound_leaves_room_for_scopes() {
        let fits = vec![b'x'; CacheKey::MAX_OWN_BYTES - 1 - 2 - 3];
        let mut key = CacheKey::new("s", &[&fits]).unwrap();
        for n in 0..4 {
            key = key.scoped(tenant(n)).unwrap();
        }
        assert_eq!(key.as_bytes().len(), CacheKey::MAX_BYTES);
        assert!(key.scoped(tenant(9)).is_err());
        let long = vec![b'x'; CacheKey::MAX_OWN_BYTES - 1 - 2 - 2];
        assert_eq!(CacheKey::new("s", &[&long]), Err(KeyTooLong));
    }
}
