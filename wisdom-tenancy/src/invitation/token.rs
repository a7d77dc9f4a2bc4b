//! The token that is mailed: shown to nobody else, stored as a hash.

use aws_lc_rs::digest::{SHA256, digest};
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretText;

/// Before the random part, for secret scanners and for people who paste. Not that of an invitation's id, which is
/// another thing.
const PREFIX: &str = "invt_";
/// 43 characters of base 62 are 256 random bits.
const RANDOM: usize = 43;

/// A new token, and the hash to store.
///
/// # Errors
/// When the source of randomness fails.
pub fn generate(random: &dyn SecureRandom) -> Result<(SecretText, [u8; 32]), RandomError> {
    let part = SecretText::from(random.token_base62(RANDOM)?);
    let mut text = String::with_capacity(PREFIX.len() + RANDOM);
    text.push_str(PREFIX);
    text.push_str(part.expose());
    let token = SecretText::from(text);
    let hash = sha256(token.expose());
    Ok((token, hash))
}

/// The hash under which a token would be stored. `None` for what cannot be a token, which so costs no query.
#[must_use]
pub fn hash(token: &SecretText) -> Option<[u8; 32]> {
    let part = token.expose().strip_prefix(PREFIX)?;
    let shaped = part.len() == RANDOM && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    shaped.then(|| sha256(token.expose()))
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use wisdom_core::random::SystemRandom;

    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_and_no_two_are_alike() {
        let (one, stored) = generate(&SystemRandom).unwrap();
        let (other, _) = generate(&SystemRandom).unwrap();
        assert_eq!(hash(&one), Some(stored));
        assert_ne!(hash(&other), Some(stored));
        assert_eq!(one.expose().len(), 48);
    }

    #[test]
    fn the_hash_is_sha_256() {
        let abc = sha256("abc");
        assert_eq!(
            abc[..4],
            [0xba, 0x78, 0x16, 0xbf],
            "FIPS 180-4, example of one block"
        );
    }

    #[test]
    fn what_cannot_be_a_token_has_no_hash() {
        let (good, _) = generate(&SystemRandom).unwrap();
        let good = good.expose();
        let padded = format!("{good}=");
        for bad in [
            "",
            "invt_",
            &good[..47],
            &padded,
            &good.replace("invt_", "inv__"),
            &good.replacen(&good[9..10], " ", 1),
        ] {
            assert_eq!(hash(&SecretText::from(bad.to_owned())), None, "{bad:?}");
        }
    }
}
