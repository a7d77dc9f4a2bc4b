//! Building blocks for operations that make users. They are called inside the caller's unit of work.

use std::fmt;
use std::sync::Arc;

use serde_json::json;
use wisdom_core::event::NewEvent;
use wisdom_core::id::IdSourceExt as _;
use wisdom_core::storage::StorageError;
use wisdom_core::value::{DisplayName, EmailAddress};

use super::{User, UserState};
use crate::attempts;
use crate::store::IdentityTx;

/// The kind of the event that a user was made: once in the life of each.
pub const CREATED: &str = "auth.user.created";

/// A user to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The address.
    pub email: EmailAddress,
    /// The name shown to others.
    pub display_name: DisplayName,
    /// The PHC string of [`Passwords::hash`](crate::password::Passwords::hash).
    pub phc: String,
    /// Whether the address is proven already, by a token that was mailed to it.
    pub verified: bool,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// Adds a user with a password. The caller's outcome emits [`created`].
///
/// # Errors
/// A conflict with `Constraint::USER_EMAIL` when the address is taken, which leaves the unit of work usable.
pub async fn register(tx: &mut (impl IdentityTx + ?Sized), new: NewUser) -> Result<User, StorageError> {
    let frame = Arc::clone(tx.frame());
    let now = frame.now();
    let user = User {
        id: frame.kit().ids.id(),
        email: new.email,
        email_verified_at: new.verified.then_some(now),
        display_name: new.display_name,
        state: UserState::Active,
        created_at: now,
        version: 1,
    };
    tx.users().insert(&user).await?;
    tx.users().set_password_hash(user.id, &new.phc, now).await?;
    Ok(user)
}

/// Adds a user without a password, whose address is proven already: somebody a provider vouches for. The caller's outcome
/// emits [`created`].
///
/// # Errors
/// A conflict with `Constraint::USER_EMAIL` when the address is taken, which leaves the unit of work usable.
pub async fn register_verified(
    tx: &mut (impl IdentityTx + ?Sized),
    email: EmailAddress,
    display_name: DisplayName,
) -> Result<User, StorageError> {
    let frame = Arc::clone(tx.frame());
    let now = frame.now();
    let user = User {
        id: frame.kit().ids.id(),
        email,
        email_verified_at: Some(now),
        display_name,
        state: UserState::Active,
        created_at: now,
        version: 1,
    };
    tx.users().insert(&user).await?;
    Ok(user)
}

/// The event that a user was made. For the service's own consumers: users belong to no tenant.
#[must_use]
pub fn created(user: &User) -> NewEvent {
    NewEvent::new(CREATED, user.id, json!({ "user": user.id })).internal()
}

/// Replaces a user's password hash, and counts the user's version up with it, so that of two changes at the same
/// moment one is stale. What failed before is forgotten. Every change of a password goes through here.
///
/// # Errors
/// `StorageErrorKind::Stale` when the user has changed since it was read.
pub async fn replace_password_hash(
    tx: &mut (impl IdentityTx + ?Sized),
    user: &User,
    phc: &str,
) -> Result<(), StorageError> {
    let now = tx.frame().now();
    tx.users().update(user, user.version).await?;
    tx.users().set_password_hash(user.id, phc, now).await?;
    attempts::record_success(tx, user.id).await
}
