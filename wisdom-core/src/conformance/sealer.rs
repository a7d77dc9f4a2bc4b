//! A sealer for tests.

use crate::random::split_mix;
use crate::seal::{Context, Purpose, SealError, Sealer};

const TAG: usize = 16;

/// **No encryption. For tests only.** Deterministic, refuses what was changed, moved or sealed for something else, and
/// does not contain the plain text: enough to notice whoever forgets to seal, or opens with another context.
///
/// Whoever reads this source can open and forge everything it seals. Clones and all instances of one seed agree.
#[derive(Debug, Clone, Copy)]
pub struct ManualSealer {
    seed: u64,
}

impl ManualSealer {
    /// The sealer that belongs to the seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn tag(self, purpose: Purpose, context: &[u8], plain: &[u8]) -> [u8; TAG] {
        let message = Context::new().part(purpose.0).part(context).part(plain);
        let sum = |start: u64| {
            message
                .as_bytes()
                .iter()
                .fold(split_mix(start), |sum, byte| split_mix(sum ^ u64::from(*byte)))
        };
        let mut tag = [0; TAG];
        tag[..8].copy_from_slice(&sum(self.seed).to_be_bytes());
        tag[8..].copy_from_slice(&sum(!self.seed).to_be_bytes());
        tag
    }

    /// Hides and shows: the same call does both.
    fn veil(self, tag: [u8; TAG], text: &[u8]) -> Vec<u8> {
        let start = u64::from_be_bytes([tag[0], tag[1], tag[2], tag[3], tag[4], tag[5], tag[6], tag[7]]);
        (1_u64..)
            .flat_map(|block| split_mix(self.seed ^ start.wrapping_add(block)).to_be_bytes())
            .zip(text)
            .map(|(veil, byte)| veil ^ byte)
            .collect()
    }
}

impl Sealer for ManualSealer {
    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let tag = self.tag(purpose, context, plain);
        let mut sealed = tag.to_vec();
        sealed.extend(self.veil(tag, plain));
        Ok(sealed)
    }

    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (tag, text) = sealed.split_first_chunk::<TAG>().ok_or(SealError::Refused)?;
        let plain = self.veil(*tag, text);
        if self.tag(purpose, context, &plain) == *tag {
            Ok(plain)
        } else {
            Err(SealError::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Purpose = Purpose("mine");

    #[test]
    fn opens_only_what_was_sealed_so() {
        let sealer = ManualSealer::new(1);
        let sealed = sealer.seal(MINE, b"a", b"a secret of 21 bytes!").unwrap();
        assert_eq!(
            sealer.open(MINE, b"a", &sealed).unwrap(),
            b"a secret of 21 bytes!"
        );
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert!(sealer.open(Purpose("other"), b"a", &sealed).is_err());
        assert!(sealer.open(MINE, b"b", &sealed).is_err());
        assert!(ManualSealer::new(2).open(MINE, b"a", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(sealer.open(MINE, b"a", &changed).is_err(), "byte {place}");
        }
        assert!(sealer.open(MINE, b"a", &sealed[..sealed.len() - 1]).is_err());
        assert!(sealer.open(MINE, b"a", b"").is_err());
    }
}
