//! Which second factors a user has set up.

use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;

use super::SecondFactorMethod;
use crate::store::IdentityTx;

/// What is set up. Recovery codes stand in for what is set up, and are none themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetUp {
    /// Whether an authenticator's codes are.
    pub totp: bool,
    /// How many passkeys are.
    pub passkeys: i64,
}

impl SetUp {
    /// What this user has set up.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn of<Tx: IdentityTx + ?Sized>(tx: &mut Tx, user: UserId) -> Result<Self, StorageError> {
        let totp = tx.second_factors().totp(user).await?;
        Ok(Self {
            totp: totp.is_some_and(|totp| totp.confirmed_at.is_some()),
            passkeys: tx.passkeys().count(user).await?,
        })
    }

    /// Whether anything is.
    #[must_use]
    pub const fn any(self) -> bool {
        self.totp || self.passkeys > 0
    }

    /// The ways to prove a second factor; none as long as nothing is set up.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn methods<Tx: IdentityTx + ?Sized>(
        self,
        tx: &mut Tx,
        user: UserId,
    ) -> Result<Vec<SecondFactorMethod>, StorageError> {
        let mut methods = Vec::with_capacity(3);
        if self.totp {
            methods.push(SecondFactorMethod::Totp);
        }
        if self.passkeys > 0 {
            methods.push(SecondFactorMethod::Passkey);
        }
        if self.any() && tx.second_factors().count_recovery_codes(user).await? > 0 {
            methods.push(SecondFactorMethod::RecoveryCode);
        }
        Ok(methods)
    }
}
