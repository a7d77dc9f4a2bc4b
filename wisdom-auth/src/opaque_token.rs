//! Tokens that are nothing but 256 random bits behind a prefix, stored as hashes.

use aws_lc_rs::digest;
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::Context;
use wisdom_core::secret::SecretText;

use crate::error::AuthError;

/// Characters behind the prefix: 43 of base62 are 256 random bits.
const LENGTH: usize = 43;

/// A kind of token. One of another kind never has the hash of this one, whatever its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpaqueToken {
    prefix: &'static str,
}

impl OpaqueToken {
    /// Tokens that begin with `prefix`, so that secret scanners know them.
    pub(crate) const fn new(prefix: &'static str) -> Self {
        Self { prefix }
    }

    /// A new token and its hash.
    pub(crate) fn mint(self, random: &dyn SecureRandom) -> Result<(SecretText, [u8; 32]), AuthError> {
        let random = random.token_base62(LENGTH)?;
        let hash = self.digest(&random);
        Ok((SecretText::from(format!("{}{random}", self.prefix)), hash))
    }

    /// What a token is looked up by; `None` for a text that no token of the kind has.
    pub(crate) fn hash(self, text: &SecretText) -> Option<[u8; 32]> {
        let random = text.expose().strip_prefix(self.prefix)?;
        let form = random.len() == LENGTH && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        form.then(|| self.digest(random))
    }

    fn digest(self, random: &str) -> [u8; 32] {
        let input = Context::new().part(self.prefix).part(random);
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, input.as_bytes()).as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use wisdom_core::random::{ManualRandom, SystemRandom};

    use super::*;

    #[test]
    fn a_token_has_its_hash_and_no_other_text_one() {
        let kind = OpaqueToken::new("wsc_");
        let (token, hash) = kind.mint(&ManualRandom::new(1)).unwrap();
        assert_eq!(kind.hash(&token), Some(hash));
        let text = token.expose();
        for bad in [
            "",
            "wsc_",
            &text[4..],
            &text[..46],
            &format!("{text}x"),
            &text.replace("wsc_", "wrd_"),
        ] {
            assert_eq!(kind.hash(&SecretText::from(bad.to_owned())), None, "{bad}");
        }
        let other = SecretText::from(text.replace("wsc_", "wrd_"));
        assert_ne!(OpaqueToken::new("wrd_").hash(&other), Some(hash));
    }

    const MANY: usize = 200_000;

    #[test]
    fn of_many_tokens_none_comes_twice() {
        let kind = OpaqueToken::new("wsc_");
        let mut hashes = HashSet::with_capacity(MANY);
        for _ in 0..MANY {
            let (token, hash) = kind.mint(&SystemRandom).unwrap();
            assert_eq!(token.expose().len(), 4 + LENGTH);
            assert!(hashes.insert(hash));
        }
    }
}
