//! Tokens that prove a mailbox: single use, one live per user and purpose, stored as hashes.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use wisdom_core::id::UserId;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::Context;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use crate::store::IdentityTx;

/// What the text of a token begins with, so that secret scanners know it.
pub const PREFIX: &str = "wot_";

/// Characters behind the prefix: 43 of base62 are 256 random bits.
const LENGTH: usize = 43;

/// What a token proves. A token of one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// The address belongs to the user.
    VerifyEmail,
    /// Whoever holds it reads the user's mailbox, and may choose a new password.
    ResetPassword,
    /// The new address belongs to the user, who asked for the change.
    ChangeEmail,
    /// Whoever holds it reads the user's mailbox, and may sign in.
    MagicLink,
    /// As the link, but a code that is typed in beside the address.
    EmailCode,
}

impl TokenPurpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::MagicLink,
        Self::EmailCode,
    ];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it proves.
    pub purpose: TokenPurpose,
    /// For whom.
    pub user: UserId,
    /// The mailbox it was sent to.
    pub email: EmailAddress,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}

/// Makes a token for a mailbox and stores its hash; any other of the user and purpose is void from now on. The text goes
/// into a mail to `email` and nowhere else.
///
/// # Errors
/// When storage or randomness fails.
pub async fn issue(
    tx: &mut (impl IdentityTx + ?Sized),
    user: UserId,
    email: &EmailAddress,
    purpose: TokenPurpose,
    ttl: Duration,
) -> Result<SecretText, StorageError> {
    let internal = || StorageError::new(StorageErrorKind::Internal, "one_time_tokens.issue");
    let frame = Arc::clone(tx.frame());
    let random = frame
        .kit()
        .random
        .token_base62(LENGTH)
        .map_err(|e| internal().caused_by(e))?;
    let text = SecretText::from(format!("{PREFIX}{random}"));
    let token = OneTimeToken {
        hash: hash(purpose, &text).ok_or_else(internal)?,
        purpose,
        user,
        email: email.clone(),
        created_at: frame.now(),
        expires_at: frame.now().saturating_add(ttl),
    };
    tx.one_time_tokens().replace(&token).await?;
    Ok(text)
}

/// What a token is stored and looked up by: SHA-256 over purpose and text. `None` for a text that no token has.
#[must_use]
pub fn hash(purpose: TokenPurpose, text: &SecretText) -> Option<[u8; 32]> {
    let random = text.expose().strip_prefix(PREFIX)?;
    if random.len() != LENGTH || !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let input = Context::new().part(purpose.as_str()).part(random);
    digest::digest(&digest::SHA256, input.as_bytes())
        .as_ref()
        .try_into()
        .ok()
}

/// As [`issue`], for a code of six digits that is typed in: it proves the mailbox together with the address, within a
/// bounded number of tries (see [`OneTimeTokens::attempt`](crate::store::OneTimeTokens::attempt)).
///
/// # Errors
/// When storage or randomness fails.
pub async fn issue_code(
    tx: &mut (impl IdentityTx + ?Sized),
    user: UserId,
    email: &EmailAddress,
    purpose: TokenPurpose,
    ttl: Duration,
) -> Result<SecretText, StorageError> {
    let frame = Arc::clone(tx.frame());
    let code = six_digits(&*frame.kit().random).map_err(|e| {
        StorageError::new(StorageErrorKind::Internal, "one_time_tokens.issue_code").caused_by(e)
    })?;
    let code = SecretText::from(code);
    let token = OneTimeToken {
        hash: hash_code(user, purpose, &code),
        purpose,
        user,
        email: email.clone(),
        created_at: frame.now(),
        expires_at: frame.now().saturating_add(ttl),
    };
    tx.one_time_tokens().replace(&token).await?;
    Ok(code)
}

/// Six digits, each code equally likely.
fn six_digits(random: &dyn SecureRandom) -> Result<String, RandomError> {
    const CODES: u32 = 1_000_000;
    /// The largest multiple of it that fits: numbers from here on would favour the first codes and are drawn again.
    const LIMIT: u32 = u32::MAX - u32::MAX % CODES;
    // One number in 4,400 is drawn again, so 16 in a row are beyond any luck.
    for _ in 0..16 {
        let number = u32::from_be_bytes(random.bytes()?);
        if number < LIMIT {
            return Ok(format!("{:06}", number % CODES));
        }
    }
    Err(RandomError::new("the source repeats numbers that cannot be used"))
}

/// What a user's code is compared by: SHA-256 over purpose, user and code, so that no two users' codes have one hash.
#[must_use]
pub fn hash_code(user: UserId, purpose: TokenPurpose, code: &SecretText) -> [u8; 32] {
    let input = Context::new()
        .part("code")
        .part(purpose.as_str())
        .part(user.as_uuid().as_bytes())
        .part(code.expose().trim());
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, input.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_the_form_have_a_hash() {
        let hash_of = |text: &str| hash(TokenPurpose::VerifyEmail, &SecretText::from(text.to_owned()));
        let good = format!("{PREFIX}{}", "aB3".repeat(15).split_at(43).0);
        assert!(hash_of(&good).is_some());
        assert_ne!(hash_of(&good), hash_of(&good.replace("aB3", "aB4")));
        for bad in [
            "",
            PREFIX,
            &good[4..],
            &format!("{good}x"),
            &good[..46],
            &good.replace('3', "-"),
        ] {
            assert!(hash_of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn codes_have_six_digits_and_belong_to_one_user_and_purpose() {
        let random = wisdom_core::random::ManualRandom::new(7);
        let mut firsts = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let code = six_digits(&random).unwrap();
            assert!(
                code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
                "{code}"
            );
            firsts.insert(code.as_bytes()[0]);
        }
        assert_eq!(firsts.len(), 10, "no digit is left out");
        let [ada, bob] = [1, 2].map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n)));
        let code = SecretText::from("123456".to_owned());
        let hash = hash_code(ada, TokenPurpose::EmailCode, &code);
        assert_eq!(
            hash,
            hash_code(
                ada,
                TokenPurpose::EmailCode,
                &SecretText::from(" 123456\n".to_owned())
            )
        );
        assert_ne!(hash, hash_code(bob, TokenPurpose::EmailCode, &code));
        assert_ne!(hash, hash_code(ada, TokenPurpose::MagicLink, &code));
    }
}
