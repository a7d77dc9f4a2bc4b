//! The text of a key: `prefix_id_secret_checksum`, which secret scanners can find and typing errors cannot pass.

use std::fmt;

use aws_lc_rs::digest;
use thiserror::Error;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::Context;
use wisdom_core::secret::SecretText;

/// Characters of the public part.
pub const ID_LENGTH: usize = 12;
/// Characters of the secret: 190 random bits.
pub const SECRET_LENGTH: usize = 32;
/// Characters of the checksum: 62⁶ is more than 2³².
const CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What the texts of all keys of a service begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

/// The prefix is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 2 to 20 characters of a to z, 0 to 9 and _, and begin and end with a letter or digit")]
pub struct KeyPrefixError;

impl KeyPrefix {
    /// A prefix.
    ///
    /// # Errors
    /// [`KeyPrefixError`].
    pub fn parse(text: &str) -> Result<Self, KeyPrefixError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [text.bytes().next(), text.bytes().last()];
        let good = (2..=20).contains(&text.len())
            && text.bytes().all(|byte| plain(byte) || byte == b'_')
            && ends.into_iter().flatten().all(plain);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyPrefixError)
        }
    }

    /// Whether a text may be that of a key: cheap, and enough to tell it from an access token.
    #[must_use]
    pub fn begins(&self, text: &[u8]) -> bool {
        text.strip_prefix(self.0.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&b'_'))
    }

    /// What the secrets of service clients begin with.
    #[must_use]
    pub fn of_client_secrets(&self) -> Self {
        Self(format!("{}_cs", self.0))
    }

    /// What the access tokens of service clients begin with.
    #[must_use]
    pub fn of_client_tokens(&self) -> Self {
        Self(format!("{}_ct", self.0))
    }

    /// What the tokens of operators who act for a user begin with.
    #[must_use]
    pub fn of_impersonations(&self) -> Self {
        Self(format!("{}_op", self.0))
    }

    /// What the text of the key with this public part begins with.
    #[must_use]
    pub fn begin(&self, public_id: &str) -> String {
        format!("{}_{public_id}", self.0)
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("wk_live".to_owned())
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A new text: shown once.
#[derive(Debug)]
pub struct NewText {
    /// The public part.
    pub public_id: String,
    /// What is stored of the secret.
    pub hash: [u8; 32],
    /// The whole text.
    pub text: SecretText,
}

/// Makes a text with a new secret, and a new public part unless one is given.
///
/// # Errors
/// [`RandomError`].
pub fn mint(
    prefix: &KeyPrefix,
    public_id: Option<&str>,
    random: &dyn SecureRandom,
) -> Result<NewText, RandomError> {
    let public_id = match public_id {
        Some(id) => id.to_owned(),
        None => random.token_base62(ID_LENGTH)?,
    };
    let secret = SecretText::from(random.token_base62(SECRET_LENGTH)?);
    let body = format!("{}_{}", prefix.begin(&public_id), secret.expose());
    let sum = checksum(body.as_bytes());
    let sum: String = sum.iter().map(|byte| char::from(*byte)).collect();
    Ok(NewText {
        hash: hash(&public_id, secret.expose()),
        text: SecretText::from(format!("{body}_{sum}")),
        public_id,
    })
}

/// What of a presented text names a key and proves it. Nothing is proven yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The public part.
    pub public_id: &'a str,
    /// The hash of the secret.
    pub hash: [u8; 32],
}

/// Takes a text apart. `None` for whatever is no text of ours, such as one with a typing error: no query is made for it.
#[must_use]
pub fn parse<'a>(prefix: &KeyPrefix, text: &'a str) -> Option<Presented<'a>> {
    let rest = text.strip_prefix(prefix.0.as_str())?.strip_prefix('_')?;
    let (body, sum) = text.rsplit_once('_')?;
    let (public_id, rest) = rest.split_once('_')?;
    let (secret, last) = rest.split_once('_')?;
    let base62 = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let formed = base62(public_id, ID_LENGTH) && base62(secret, SECRET_LENGTH) && last == sum;
    (formed && sum.as_bytes() == checksum(body.as_bytes())).then(|| Presented {
        public_id,
        hash: hash(public_id, secret),
    })
}

fn hash(public_id: &str, secret: &str) -> [u8; 32] {
    let input = Context::new().part("api_key").part(public_id).part(secret);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, input.as_bytes()).as_ref());
    hash
}

/// CRC-32 (ISO 3309) in base62. It finds errors and proves nothing.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum = (sum >> 1) ^ (carry * 0xedb8_8320);
        }
    }
    sum = !sum;
    let mut text = [b'0'; CHECKSUM_LENGTH];
    for place in text.iter_mut().rev() {
        *place = BASE62[(sum % 62) as usize];
        sum /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use wisdom_core::random::SystemRandom;

    use super::*;

    #[test]
    fn a_text_has_the_form_that_scanners_look_for() {
        let prefix = KeyPrefix::default();
        let new = mint(&prefix, None, &SystemRandom).unwrap();
        let text = new.text.expose();
        assert!(text.starts_with(&format!("wk_live_{}_", new.public_id)));
        assert_eq!(text.len(), "wk_live_".len() + 12 + 1 + 32 + 1 + 6);
        let presented = parse(&prefix, text).unwrap();
        assert_eq!(
            (presented.public_id, presented.hash),
            (new.public_id.as_str(), new.hash)
        );
        let again = mint(&prefix, Some(&new.public_id), &SystemRandom).unwrap();
        assert_eq!(again.public_id, new.public_id);
        assert_ne!(again.hash, new.hash);
        // The check value of CRC-32 for "123456789" is 0xcbf43926.
        assert_eq!(&checksum(b"123456789"), b"3jZRME");
    }

    #[test]
    fn every_single_typing_error_is_found() {
        let prefix = KeyPrefix::default();
        let text = mint(&prefix, None, &SystemRandom).unwrap().text;
        let text = text.expose();
        for at in 0..text.len() {
            for other in ["0", "Z", "q", "_", "-"] {
                if &text[at..=at] != other {
                    let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    assert_eq!(parse(&prefix, &wrong), None, "{at}");
                }
            }
            assert_eq!(parse(&prefix, &text[..at]), None);
        }
        assert_eq!(parse(&KeyPrefix::parse("wk_test").unwrap(), text), None);
    }

    #[test]
    fn a_million_keys_are_a_million_keys() {
        let mut ids = HashSet::with_capacity(1_000_000);
        let mut secrets = HashSet::with_capacity(1_000_000);
        for _ in 0..1_000_000 {
            assert!(ids.insert(SystemRandom.token_base62(ID_LENGTH).unwrap()));
            assert!(secrets.insert(SystemRandom.token_base62(SECRET_LENGTH).unwrap()));
        }
    }

    #[test]
    fn prefixes_are_plain() {
        for good in ["wk_live", "ab", "acme_test_2"] {
            assert!(KeyPrefix::parse(good).is_ok());
        }
        for bad in ["", "a", "_ab", "ab_", "Ab", "a-b", "a.b", "abcdefghijklmnopqrstu"] {
            assert_eq!(KeyPrefix::parse(bad), Err(KeyPrefixError), "{bad}");
        }
    }
}
