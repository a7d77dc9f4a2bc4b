//! What must hold for any input, one function for each kind of text that strangers send.
//!
//! The fuzz targets in `wisdom-auth/fuzz` call them with inputs they look for, the tests here with the stored ones.
//! No part of a build that is used: they exist under `cfg(test)` and cargo-fuzz's own `cfg(fuzzing)`.

use std::sync::Arc;

use wisdom_core::clock::ManualClock;
use wisdom_core::id::ManualIds;
use wisdom_core::policy::Policies;
use wisdom_core::random::ManualRandom;
use wisdom_core::seal::{Purpose, SealError, Sealer};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Kit;

pub use crate::api_key::fuzzing::api_key;
pub use crate::federation::fuzzing::{id_token, key_set};
#[cfg(feature = "passkeys")]
pub use crate::passkey::fuzzing::passkey;
pub use crate::password::fuzzing::stored_password;
pub use crate::second_factor::fuzzing::totp;
pub use crate::token::fuzzing::access_token;

/// Keys of the properties seal nothing.
#[derive(Debug)]
struct NoSealer;

impl Sealer for NoSealer {
    fn seal(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Failed)
    }

    fn open(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Failed)
    }
}

/// The same keys, ids and time in every run, so that a stored input means the same for ever.
pub(crate) fn kit() -> Kit {
    Kit {
        clock: Arc::new(ManualClock::at(now())),
        ids: Arc::new(ManualIds::new(1)),
        random: Arc::new(ManualRandom::new(1)),
        sealer: Arc::new(NoSealer),
        policies: Policies::new(),
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::EPOCH.saturating_add(std::time::Duration::from_secs(1_800_000_000))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Each stored input, every beginning of it, and every one that differs from it in a bit of a byte.
    fn holds_for_the_seeds_of(target: &str, property: fn(&[u8]) -> bool) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/seeds")
            .join(target);
        let mut accepted = 0;
        let mut seeds = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let seed = std::fs::read(&path).unwrap();
            let good = property(&seed);
            let named_good = path.file_name().unwrap().to_str().unwrap().starts_with("good");
            assert_eq!(good, named_good, "{}", path.display());
            accepted += u32::from(good);
            seeds += 1;
            for cut in 0..seed.len() {
                property(&seed[..cut]);
            }
            for at in 0..seed.len() {
                let mut changed = seed.clone();
                changed[at] ^= 1 << (at % 8);
                property(&changed);
            }
        }
        assert!(accepted >= 1 && seeds >= 3, "{target}: {accepted} of {seeds}");
    }

    #[test]
    fn access_tokens() {
        holds_for_the_seeds_of("access_token", access_token);
    }

    #[test]
    fn id_tokens() {
        holds_for_the_seeds_of("id_token", id_token);
    }

    #[test]
    fn key_sets() {
        holds_for_the_seeds_of("key_set", key_set);
    }

    #[test]
    fn api_keys() {
        holds_for_the_seeds_of("api_key", api_key);
    }

    #[test]
    fn stored_passwords() {
        holds_for_the_seeds_of("stored_password", stored_password);
    }

    #[cfg(feature = "passkeys")]
    #[test]
    fn passkeys() {
        holds_for_the_seeds_of("passkey", passkey);
    }

    #[test]
    fn time_based_codes() {
        holds_for_the_seeds_of("totp", totp);
    }
}
