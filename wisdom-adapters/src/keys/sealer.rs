//! Sealing with AES-256-GCM, keys by id.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use wisdom_core::random::SecureRandom;
use wisdom_core::seal::{Context, Purpose, SealError, Sealer};

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
const KEY_ID_LEN: usize = 4;

/// [`Sealer`] over AES-256-GCM (NIST SP 800-38D).
///
/// A sealed value is the key's id (4 bytes), a random nonce (12 bytes) and the ciphertext with its tag. Purpose and
/// context are the associated data. With random nonces one key is good for 2^32 values, so keys are rotated; old keys
/// open what they sealed.
pub struct AesSealer {
    current: u32,
    keys: BTreeMap<u32, LessSafeKey>,
    random: Arc<dyn SecureRandom>,
}

impl fmt::Debug for AesSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesSealer")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl AesSealer {
    /// A sealer over keys by id; the highest id seals.
    ///
    /// # Errors
    /// [`SealError::Failed`] without a key.
    pub fn new(
        keys: &BTreeMap<u32, [u8; KEY_LEN]>,
        random: Arc<dyn SecureRandom>,
    ) -> Result<Self, SealError> {
        let current = *keys.keys().next_back().ok_or(SealError::Failed)?;
        let keys = keys
            .iter()
            .map(|(id, key)| UnboundKey::new(&AES_256_GCM, key).map(|key| (*id, LessSafeKey::new(key))))
            .collect::<Result<_, _>>()
            .map_err(|_| SealError::Failed)?;
        Ok(Self {
            current,
            keys,
            random,
        })
    }
}

fn associated(purpose: Purpose, context: &[u8]) -> Vec<u8> {
    Context::new().part(purpose.0).part(context).as_bytes().to_vec()
}

impl Sealer for AesSealer {
    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.keys.get(&self.current).ok_or(SealError::Failed)?;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SealError::Failed)?;
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated(purpose, context)),
            &mut body,
        )
        .map_err(|_| SealError::Failed)?;
        let mut sealed = Vec::with_capacity(KEY_ID_LEN + NONCE_LEN + body.len());
        sealed.extend_from_slice(&self.current.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, rest) = sealed
            .split_first_chunk::<KEY_ID_LEN>()
            .ok_or(SealError::Refused)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Refused)?;
        let key = self
            .keys
            .get(&u32::from_be_bytes(*id))
            .ok_or(SealError::Refused)?;
        let mut body = body.to_vec();
        let plain = key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(associated(purpose, context)),
                &mut body,
            )
            .map_err(|_| SealError::Refused)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use wisdom_core::random::SystemRandom;

    use super::*;

    const A: Purpose = Purpose("a");

    fn sealer(ids: &[u32]) -> AesSealer {
        let keys = ids
            .iter()
            .map(|id| (*id, [u8::try_from(*id).unwrap(); KEY_LEN]))
            .collect();
        AesSealer::new(&keys, Arc::new(SystemRandom)).unwrap()
    }

    #[test]
    fn opens_only_for_its_purpose_and_context() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal(A, b"x", b"plain").unwrap();
        assert_eq!(sealer.open(A, b"x", &sealed).unwrap(), b"plain");
        assert_eq!(sealer.open(Purpose("b"), b"x", &sealed), Err(SealError::Refused));
        assert_eq!(sealer.open(A, b"y", &sealed), Err(SealError::Refused));
        assert_ne!(sealer.seal(A, b"x", b"plain").unwrap(), sealed);
    }

    #[test]
    fn every_changed_or_missing_byte_is_refused() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal(A, b"", b"plain").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                sealer.open(A, b"", &changed),
                Err(SealError::Refused),
                "byte {at}"
            );
            assert_eq!(
                sealer.open(A, b"", &sealed[..at]),
                Err(SealError::Refused),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn old_keys_open_and_the_newest_seals() {
        let old = sealer(&[1]).seal(A, b"", b"plain").unwrap();
        let both = sealer(&[1, 2]);
        assert_eq!(both.open(A, b"", &old).unwrap(), b"plain");
        assert_eq!(both.seal(A, b"", b"plain").unwrap()[..4], 2_u32.to_be_bytes());
        assert_eq!(sealer(&[2]).open(A, b"", &old), Err(SealError::Refused));
    }
}
