//! Users: the people behind principals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::id::UserId;
use wisdom_core::time::Timestamp;
use wisdom_core::value::{DisplayName, EmailAddress};

pub mod me;
mod register;
pub mod transfer;
pub mod verify_email;

pub use register::{CREATED, NewUser, created, register, register_verified, replace_password_hash};

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserState {
    /// May sign in.
    Active,
    /// May not, and has no live session.
    Disabled,
}

impl UserState {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// A person who can sign in, known to all tenants they are a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Address; unique by its lookup key.
    pub email: EmailAddress,
    /// When the address was proven, if it was.
    pub email_verified_at: Option<Timestamp>,
    /// Name shown to others.
    pub display_name: DisplayName,
    /// Whether they may sign in.
    pub state: UserState,
    /// When the user was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}
