//! Passkeys: public-key credentials of authenticators, by Web Authentication Level 3
//! (<https://www.w3.org/TR/webauthn-3/>).
//!
//! Each ceremony is begun and completed. What was begun is a row of its own ([`ceremony`]), known to the client by a token:
//! it lives for minutes, is for one purpose and, where there is one, for one user, and works once. What the authenticator
//! answers is verified outside of any unit of work; the ceremony and the signature counter are used up in the one that
//! begins the session.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wisdom_core::id::{PasskeyId, UserId};
use wisdom_core::policy::Policy;
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

#[cfg(feature = "passkeys")]
pub mod begin;
pub mod ceremony;
#[cfg(feature = "passkeys")]
mod client_data;
pub mod error;
pub mod event;
#[cfg(all(any(test, fuzzing), feature = "passkeys"))]
pub(crate) mod fuzzing;
#[cfg(feature = "passkeys")]
pub mod log_in;
pub mod manage;
#[cfg(feature = "passkeys")]
pub(crate) mod proof;
#[cfg(feature = "passkeys")]
pub mod register;
#[cfg(feature = "passkeys")]
pub mod relying_party;
#[cfg(feature = "passkeys")]
pub mod second_factor;
#[cfg(feature = "passkeys")]
pub mod step_up;

pub use error::PasskeyError;
#[cfg(feature = "passkeys")]
pub use relying_party::{RelyingParty, RelyingPartyError, RelyingPartySettings};

/// Most passkeys of a user, whatever the policy says.
pub const MOST: u32 = 20;

/// Whether authenticators must verify the user (by PIN or body) or only ask for their presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// They must, always.
    #[default]
    Required,
    /// They should. One that cannot is a second factor behind a password, and never signs in alone.
    Preferred,
}

/// Whether passkeys are kept where they can be found without knowing whose they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResidentKey {
    /// Where the authenticator can.
    #[default]
    Preferred,
    /// Others are not made.
    Required,
}

/// A figure of the passkey policy is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasskeyPolicyError {
    /// 30 to 300 seconds.
    #[error("a ceremony must end after 30 to 300 seconds")]
    CeremonyLife,
    /// 1 to 20.
    #[error("a user must have at most 1 to 20 passkeys")]
    Most,
}

/// Figures of passkeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyPolicy {
    ceremony_life: Duration,
    most: u32,
}

impl Default for PasskeyPolicy {
    fn default() -> Self {
        Self {
            ceremony_life: Duration::from_secs(300),
            most: MOST,
        }
    }
}

impl Policy for PasskeyPolicy {}

impl PasskeyPolicy {
    /// How long a ceremony can be completed (default and most 5 minutes).
    ///
    /// # Errors
    /// [`PasskeyPolicyError::CeremonyLife`].
    pub fn lives(mut self, life: Duration) -> Result<Self, PasskeyPolicyError> {
        if !(Duration::from_secs(30)..=Duration::from_secs(300)).contains(&life) {
            return Err(PasskeyPolicyError::CeremonyLife);
        }
        self.ceremony_life = life;
        Ok(self)
    }

    /// How many passkeys a user can have (default and most 20).
    ///
    /// # Errors
    /// [`PasskeyPolicyError::Most`].
    pub fn at_most(mut self, most: u32) -> Result<Self, PasskeyPolicyError> {
        if !(1..=MOST).contains(&most) {
            return Err(PasskeyPolicyError::Most);
        }
        self.most = most;
        Ok(self)
    }

    /// How long a ceremony can be completed.
    #[must_use]
    pub const fn ceremony_life(&self) -> Duration {
        self.ceremony_life
    }

    /// How many passkeys a user can have.
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.most
    }
}

/// A passkey as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Passkey {
    /// Id.
    pub id: PasskeyId,
    /// Whom it lets in.
    pub user: UserId,
    /// The authenticator's id of it, 16 to 1023 bytes, unique over all users.
    pub credential_id: Vec<u8>,
    /// The credential as it was registered, in JSON. It never changes.
    pub credential: String,
    /// What its user calls it.
    pub name: DisplayName,
    /// The signature counter of its last use; 0 as long as the authenticator does not count.
    pub counter: u32,
    /// Whether it was backed up when it was last used.
    pub backed_up: bool,
    /// Whether the authenticator verified the user when it was registered.
    pub user_verified: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A passkey as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyInfo {
    /// Id.
    pub id: PasskeyId,
    /// What its user calls it.
    pub name: DisplayName,
    /// Whether there is a copy of it in the authenticator's cloud.
    pub backed_up: bool,
    /// Whether it can sign in alone: the authenticator verified the user.
    pub signs_in_alone: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

impl From<&Passkey> for PasskeyInfo {
    fn from(passkey: &Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name.clone(),
            backed_up: passkey.backed_up,
            signs_in_alone: passkey.user_verified,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

/// Whether a counter may follow another (Web Authentication Level 3, section 7.2, step 22): it grows, or neither counts.
#[must_use]
pub const fn may_follow(stored: u32, presented: u32) -> bool {
    presented > stored || (presented == 0 && stored == 0)
}

/// The relying party, where passkeys are set up.
#[derive(Debug, Default)]
pub struct PasskeyService {
    #[cfg(feature = "passkeys")]
    relying_party: Option<RelyingParty>,
}

#[cfg(feature = "passkeys")]
impl PasskeyService {
    /// With a relying party.
    #[must_use]
    pub const fn new(relying_party: RelyingParty) -> Self {
        Self {
            relying_party: Some(relying_party),
        }
    }

    /// The relying party.
    ///
    /// # Errors
    /// [`PasskeyError::Unavailable`] where none is set up.
    pub fn relying_party(&self) -> Result<&RelyingParty, PasskeyError> {
        self.relying_party.as_ref().ok_or(PasskeyError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_out_of_bounds_are_refused() {
        let policy = PasskeyPolicy::default;
        for seconds in [29, 301] {
            let refused = policy().lives(Duration::from_secs(seconds));
            assert_eq!(refused, Err(PasskeyPolicyError::CeremonyLife));
        }
        for most in [0, 21] {
            assert_eq!(policy().at_most(most), Err(PasskeyPolicyError::Most));
        }
    }

    proptest! {
        #[test]
        fn a_counter_that_counts_never_comes_twice(stored in any::<u32>(), presented in any::<u32>()) {
            let follows = may_follow(stored, presented);
            prop_assert_eq!(follows, presented > stored || (stored == 0 && presented == 0));
            if follows && presented > 0 {
                prop_assert!(!may_follow(presented, presented));
                prop_assert!(!may_follow(presented, stored));
            }
        }
    }
}
