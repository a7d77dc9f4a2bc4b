//! Devices on which a user need not prove the second factor again for a while.

use wisdom_core::id::UserId;
use wisdom_core::random::SecureRandom;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

use crate::error::AuthError;
use crate::opaque_token::OpaqueToken;
use crate::store::IdentityTx;

/// The tokens of remembered devices.
pub(crate) const TOKEN: OpaqueToken = OpaqueToken::new("wrd_");

/// A device that proved the second factor, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedDevice {
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// Whose; for anybody else it is no device.
    pub user: UserId,
    /// What the session on it was called.
    pub label: String,
    /// Since when.
    pub created_at: Timestamp,
    /// From when on the second factor is asked for again.
    pub expires_at: Timestamp,
}

/// A new device's token and its hash.
pub(crate) fn mint(random: &dyn SecureRandom) -> Result<(SecretText, [u8; 32]), AuthError> {
    TOKEN.mint(random)
}

/// Whether the token is that of a device on which this very user proved the second factor.
pub(crate) async fn is_of<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    token: Option<&SecretText>,
    user: UserId,
) -> Result<bool, AuthError> {
    let Some(hash) = token.and_then(|token| TOKEN.hash(token)) else {
        return Ok(false);
    };
    let now = tx.frame().now();
    let found = tx.remembered_devices().find(&hash, now).await?;
    Ok(found.is_some_and(|device| device.user == user))
}
