//! What follows whenever a user's password, address or second factor changes.

use wisdom_core::event::NewEvent;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::storage::StorageError;

use super::{RevokeReason, event};
use crate::one_time_token::TokenPurpose;
use crate::store::IdentityTx;

/// Tokens that a change of credentials voids: all but the one that proves the address, which says nothing about who may
/// sign in.
pub const VOIDED: [TokenPurpose; 4] = [
    TokenPurpose::ResetPassword,
    TokenPurpose::ChangeEmail,
    TokenPurpose::MagicLink,
    TokenPurpose::EmailCode,
];

/// What a change of credentials ended.
#[derive(Debug)]
#[must_use = "nodes have to be told of the sessions that ended"]
pub struct CredentialsChanged {
    /// Sessions that ended. The flow tells [`Revocations`](super::revocation::Revocations) after the commit.
    pub ended: Vec<SessionId>,
    /// The event that says so, unless there was none to end.
    pub event: Option<NewEvent>,
}

/// Begins a new generation of the user's credentials: all other sessions end, half-finished sign-ins and mailed proofs
/// are void, and no device is remembered any more. `except` is the session that made the change.
///
/// Every change of a password, address or second factor calls it, in its own unit of work.
///
/// # Errors
/// When storage fails.
pub async fn credentials_changed<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    user: UserId,
    except: Option<SessionId>,
) -> Result<CredentialsChanged, StorageError> {
    let now = tx.frame().now();
    tx.users().next_credentials(user).await?;
    tx.sign_in_challenges().delete_all(user).await?;
    tx.one_time_tokens().void(user, &VOIDED).await?;
    tx.remembered_devices().delete_all(user).await?;
    tx.passkey_ceremonies().delete_all(user).await?;
    tx.devices().forget(user).await?;
    let reason = RevokeReason::CredentialChange;
    let ended = tx.sessions().revoke_all(user, except, reason, now).await?;
    let event = (!ended.is_empty()).then(|| event::revoked(user, &ended, reason));
    Ok(CredentialsChanged { ended, event })
}
