//! Recovery codes: for whoever lost their authenticator. Each works once.

use aws_lc_rs::digest;
use wisdom_core::id::UserId;
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::Context;
use wisdom_core::secret::SecretText;

use super::totp::base32;
use crate::error::AuthError;

/// Codes a user gets at a time.
pub const COUNT: usize = 10;
/// Random bytes of a code: 120 bits, beyond any guessing, so that a fast hash suffices.
const BYTES: usize = 15;
/// Characters of a code without its hyphens.
const LENGTH: usize = 24;
/// Characters between two hyphens.
const GROUP: usize = 4;

/// A recovery code as it is shown once, and its hash.
///
/// # Errors
/// When randomness fails.
pub fn generate(user: UserId, random: &dyn SecureRandom) -> Result<(SecretText, [u8; 32]), AuthError> {
    let bytes: [u8; BYTES] = random.bytes()?;
    let plain = base32(&bytes).to_ascii_lowercase();
    let mut shown = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (index, character) in plain.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            shown.push('-');
        }
        shown.push(character);
    }
    Ok((SecretText::from(shown), digest_of(user, &plain)))
}

/// What a code is looked up by; `None` for a text that no code has. Letter case, blanks and hyphens do not matter.
pub(crate) fn hash(user: UserId, text: &str) -> Option<[u8; 32]> {
    if text.len() > 4 * LENGTH {
        return None;
    }
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let form = plain.len() == LENGTH && plain.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    form.then(|| digest_of(user, &plain))
}

fn digest_of(user: UserId, plain: &str) -> [u8; 32] {
    let input = Context::new()
        .part("recovery_code")
        .part(user.as_uuid().as_bytes())
        .part(plain);
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, input.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wisdom_core::random::ManualRandom;

    use super::*;

    #[test]
    fn codes_are_read_however_they_are_typed_and_belong_to_one_user() {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let (code, stored) = generate(user, &ManualRandom::new(5)).unwrap();
        let shown = code.expose();
        assert_eq!(shown.len(), 29);
        for typed in [
            shown.to_owned(),
            shown.to_uppercase(),
            shown.replace('-', " "),
            shown.replace('-', ""),
        ] {
            assert_eq!(hash(user, &typed), Some(stored), "{typed}");
        }
        assert_ne!(hash(UserId::from_uuid(Uuid::from_u128(2)), shown), Some(stored));
        for bad in [
            "",
            "123456",
            &shown[1..],
            &format!("{shown}a"),
            &shown.replace('-', "_"),
            &"-".repeat(500),
        ] {
            assert_eq!(hash(user, bad), None, "{bad}");
        }
    }
}
