//! Ceremonies that were begun and not completed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::id::UserId;
use wisdom_core::time::Timestamp;

/// What a ceremony is for. One of another purpose is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CeremonyPurpose {
    /// A new passkey for a user.
    Register,
    /// A sign-in by whoever it turns out to be.
    LogIn,
    /// The second factor of a half-finished sign-in.
    SecondFactor,
    /// A fresh proof within a session.
    StepUp,
}

impl CeremonyPurpose {
    const ALL: [Self; 4] = [Self::Register, Self::LogIn, Self::SecondFactor, Self::StepUp];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::LogIn => "log_in",
            Self::SecondFactor => "second_factor",
            Self::StepUp => "step_up",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// A ceremony as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ceremony {
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// What it is for.
    pub purpose: CeremonyPurpose,
    /// Whom it is for; nobody as long as it is not known who signs in.
    pub user: Option<UserId>,
    /// The half-finished sign-in that it is for, by the hash of its token.
    pub sign_in: Option<[u8; 32]>,
    /// The challenge and what else the answer is verified against, in JSON.
    pub state: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}

impl Ceremony {
    /// Whether it is for this purpose, user and half-finished sign-in.
    #[must_use]
    pub fn is_for(&self, purpose: CeremonyPurpose, user: Option<UserId>, sign_in: Option<[u8; 32]>) -> bool {
        self.purpose == purpose && self.user == user && self.sign_in == sign_in
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_ceremony_is_for_one_purpose_user_and_sign_in() {
        let user = |number| Some(UserId::from_uuid(Uuid::from_u128(number)));
        let ceremony = Ceremony {
            hash: [1; 32],
            purpose: CeremonyPurpose::SecondFactor,
            user: user(7),
            sign_in: Some([2; 32]),
            state: String::new(),
            created_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
        };
        for purpose in CeremonyPurpose::ALL {
            assert_eq!(CeremonyPurpose::from_name(purpose.as_str()), Some(purpose));
            for who in [None, user(7), user(8)] {
                for sign_in in [None, Some([2; 32]), Some([3; 32])] {
                    let expected =
                        purpose == ceremony.purpose && who == ceremony.user && sign_in == ceremony.sign_in;
                    assert_eq!(ceremony.is_for(purpose, who, sign_in), expected);
                }
            }
        }
    }
}
