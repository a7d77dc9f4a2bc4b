//! Known devices: where a user signed in before, and asked to be remembered.
//!
//! A device is a random token that its client keeps and presents at each log-in. It proves nothing by itself: it only keeps
//! strangers' failures out of its way, and its absence is what the new-device notice is about.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use wisdom_core::id::UserId;
use wisdom_core::policy::Policy;
use wisdom_core::random::SecureRandomExt as _;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;

use crate::store::IdentityTx;

/// What the text of a device's token begins with.
pub const PREFIX: &str = "wdv_";
/// Characters behind it: 43 of base62 are 256 random bits.
const LENGTH: usize = 43;
/// Between two times that its use is noted.
const TOUCH_AFTER: Duration = Duration::from_hours(24);

/// How devices are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicePolicy {
    /// A device is forgotten when it was not used for so long. Default 180 days.
    pub idle: Duration,
    /// Devices of one user at most; the one that was used least recently makes room. Default 20.
    pub per_user: u32,
}

impl Default for DevicePolicy {
    fn default() -> Self {
        Self {
            idle: Duration::from_hours(180 * 24),
            per_user: 20,
        }
    }
}

impl Policy for DevicePolicy {}

/// A device as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// When it was first used.
    pub created_at: Timestamp,
    /// When it was used last, to the day.
    pub seen_at: Timestamp,
}

/// The hash that a device is found by; `None` when the text is no device's token.
#[must_use]
pub fn hash(token: &SecretText) -> Option<[u8; 32]> {
    let body = token.expose().strip_prefix(PREFIX)?;
    if body.len() != LENGTH || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.expose().as_bytes()).as_ref());
    Some(hash)
}

/// The device behind a token, if it is this user's and not forgotten. Reads the same for every token.
///
/// # Errors
/// When storage fails.
pub async fn find(
    tx: &mut (impl IdentityTx + ?Sized),
    token: &SecretText,
    user: Option<UserId>,
) -> Result<Option<KnownDevice>, StorageError> {
    let frame = Arc::clone(tx.frame());
    let idle = frame.kit().policies.get::<DevicePolicy>().idle;
    // No token has the hash of zeros; the read takes its time nevertheless.
    let found = tx.devices().find(&hash(token).unwrap_or_default()).await?;
    Ok(found.filter(|device| Some(device.user) == user && frame.now() < device.seen_at.saturating_add(idle)))
}

/// How many devices a user has that are not forgotten.
///
/// # Errors
/// When storage fails.
pub async fn count(tx: &mut (impl IdentityTx + ?Sized), user: UserId) -> Result<u32, StorageError> {
    let frame = Arc::clone(tx.frame());
    let idle = frame.kit().policies.get::<DevicePolicy>().idle;
    tx.devices().count(user, frame.now().saturating_sub(idle)).await
}

/// Makes a device for a user who has proven who they are; answers its token.
///
/// # Errors
/// When storage or randomness fails.
pub async fn remember(tx: &mut (impl IdentityTx + ?Sized), user: UserId) -> Result<SecretText, StorageError> {
    let internal = || StorageError::new(StorageErrorKind::Internal, "known_devices.remember");
    let frame = Arc::clone(tx.frame());
    let random = frame
        .kit()
        .random
        .token_base62(LENGTH)
        .map_err(|e| internal().caused_by(e))?;
    let token = SecretText::from(format!("{PREFIX}{random}"));
    let device = KnownDevice {
        hash: hash(&token).ok_or_else(internal)?,
        user,
        created_at: frame.now(),
        seen_at: frame.now(),
    };
    let per_user = frame.kit().policies.get::<DevicePolicy>().per_user;
    tx.devices().insert(&device, per_user).await?;
    Ok(token)
}

/// Whether its use is due to be noted again.
#[must_use]
pub fn is_touch_due(device: &KnownDevice, now: Timestamp) -> bool {
    now >= device.seen_at.saturating_add(TOUCH_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_token_is_looked_up() {
        let token = |text: &str| hash(&SecretText::from(text.to_owned()));
        let good = format!("{PREFIX}{}", "a".repeat(LENGTH));
        assert!(token(&good).is_some());
        for bad in [
            "",
            PREFIX,
            &good[1..],
            &format!("{good}a"),
            &good.replace("aa", "é"),
        ] {
            assert!(token(bad).is_none(), "{bad}");
        }
    }
}
