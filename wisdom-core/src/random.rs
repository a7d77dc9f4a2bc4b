//! Randomness that nobody can guess.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

/// A source of random bytes that gave none.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes could be had")]
pub struct RandomError {
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl RandomError {
    /// Wraps what the source said.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// Gives random bytes fit for keys and tokens.
pub trait SecureRandom: Send + Sync + Debug {
    /// Overwrites all of `out` with random bytes.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the source fails; `out` must not be used then.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError>;
}

impl<R: SecureRandom + ?Sized> SecureRandom for Arc<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        (**self).fill(out)
    }
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Largest multiple of 62 a byte can reach; bytes from here on would favour the first characters and are drawn again.
const BASE62_LIMIT: u8 = 248;
/// Bytes drawn at a time.
const DRAW: usize = 64;

/// Ready forms of randomness from any [`SecureRandom`].
pub trait SecureRandomExt {
    /// `N` random bytes.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the source fails.
    fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomError>;

    /// `length` characters of `0-9A-Za-z`, each equally likely: about 5.95 bits a character, 190 bits in 32.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the source fails, or repeats unusable bytes for so long that it must be broken.
    fn token_base62(&self, length: usize) -> Result<String, RandomError>;
}

impl<R: SecureRandom + ?Sized> SecureRandomExt for R {
    fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn token_base62(&self, length: usize) -> Result<String, RandomError> {
        let mut token = Zeroizing::new(String::with_capacity(length));
        let mut drawn = Zeroizing::new([0_u8; DRAW]);
        // One byte in 32 is drawn again, so twice the need and some more is beyond any luck.
        for _ in 0..(length / DRAW * 2 + 4) {
            if token.len() == length {
                break;
            }
            self.fill(drawn.as_mut_slice())?;
            let missing = length - token.len();
            let usable = drawn.iter().filter(|byte| **byte < BASE62_LIMIT);
            token.extend(
                usable
                    .take(missing)
                    .map(|byte| char::from(BASE62[usize::from(byte % 62)])),
            );
        }
        if token.len() < length {
            return Err(RandomError::new("the source repeats bytes that can't be used"));
        }
        Ok(std::mem::take(&mut *token))
    }
}

/// The operating system's source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(out).map_err(RandomError::new)
    }
}

/// **Not random. For tests only.** The same seed gives the same bytes in the same order.
///
/// Whoever knows the seed, or sees eight bytes in a row, knows every token, key and code made from this: a service
/// that runs on it can be entered by anyone. Clones share the sequence.
#[derive(Debug, Clone)]
pub struct ManualRandom {
    state: Arc<AtomicU64>,
}

/// The odd constant of the `SplitMix64` generator.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl ManualRandom {
    /// Starts the sequence that belongs to the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: Arc::new(AtomicU64::new(seed)),
        }
    }
}

impl SecureRandom for ManualRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(8) {
            let state = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed);
            chunk.copy_from_slice(&split_mix(state).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// The `SplitMix64` step (Steele, Lea, Flood 2014): a bijection on 64 bits that looks random and is not secret.
pub(crate) fn split_mix(state: u64) -> u64 {
    let mixed = state.wrapping_add(GOLDEN_GAMMA);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_agrees_with_the_published_sequence() {
        // First outputs of `SplitMix64` for seed 1234567, as in the reference implementation.
        assert_eq!(split_mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(
            split_mix(1_234_567_u64.wrapping_add(GOLDEN_GAMMA)),
            3_203_168_211_198_807_973
        );
    }

    #[test]
    fn the_system_source_fills_and_differs() {
        let random: &dyn SecureRandom = &SystemRandom;
        let (one, other): ([u8; 32], [u8; 32]) = (random.bytes().unwrap(), random.bytes().unwrap());
        assert_ne!(one, other);
        assert_ne!(one, [0; 32]);
    }

    #[test]
    fn the_manual_source_follows_its_seed() {
        let random = ManualRandom::new(3);
        let first: [u8; 13] = random.bytes().unwrap();
        assert_eq!(first, ManualRandom::new(3).bytes().unwrap());
        assert_ne!(first, ManualRandom::new(4).bytes().unwrap());
        assert_ne!(
            first,
            random.clone().bytes().unwrap(),
            "clones share the sequence"
        );
    }

    #[test]
    fn tokens_have_the_length_and_the_alphabet() {
        for length in [0, 1, 32, 63, 64, 65, 1000] {
            let token = SystemRandom.token_base62(length).unwrap();
            assert_eq!(token.len(), length);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn every_character_is_about_equally_likely() {
        let token = ManualRandom::new(11).token_base62(62_000).unwrap();
        for character in BASE62 {
            let count = token.bytes().filter(|byte| byte == character).count();
            // 1000 expected, standard deviation 31.4; without rejection the first eight would have 1211.
            assert!(
                (840..=1160).contains(&count),
                "{} came {count} times",
                char::from(*character)
            );
        }
    }

    #[derive(Debug)]
    struct Stuck(u8);

    impl SecureRandom for Stuck {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(self.0);
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Broken;

    impl SecureRandom for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError::new("gone"))
        }
    }

    #[test]
    fn a_broken_source_is_an_error_and_no_endless_loop() {
        assert!(Stuck(BASE62_LIMIT).token_base62(32).is_err());
        assert_eq!(Stuck(BASE62_LIMIT - 1).token_base62(3).unwrap(), "zzz");
        assert!(Broken.token_base62(32).is_err());
        let error = Broken.bytes::<4>().unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "gone");
    }
}
