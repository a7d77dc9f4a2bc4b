//! Second factors: what a user proves beside the first factor before a sign-in is one.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wisdom_core::policy::Policy;

pub mod device;
pub mod enrolment;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod proof;
pub mod recovery;
pub mod set_up;
pub mod totp;

/// A way to prove a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorMethod {
    /// A time-based code of an authenticator (RFC 6238).
    Totp,
    /// A passkey.
    Passkey,
    /// A recovery code, once.
    RecoveryCode,
}

/// A figure of the second-factor policy is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecondFactorPolicyError {
    /// 30 to 300 seconds.
    #[error("a half-finished sign-in must end after 30 to 300 seconds")]
    ChallengeLife,
    /// 1 to 5.
    #[error("a half-finished sign-in must allow 1 to 5 tries")]
    Tries,
    /// 0 to 90 days.
    #[error("a device must be remembered for at most 90 days")]
    Remembered,
    /// 60 to 600 seconds.
    #[error("a proof must stay fresh for 60 to 600 seconds")]
    Fresh,
    /// 1 to 50 characters, without a colon.
    #[error("the name shown in authenticators must have 1 to 50 characters and no colon")]
    Issuer,
}

/// How second factors are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactorPolicy {
    required: bool,
    challenge_life: Duration,
    tries: u16,
    remembered: Duration,
    fresh: Duration,
    issuer: String,
}

impl Default for SecondFactorPolicy {
    fn default() -> Self {
        Self {
            required: false,
            challenge_life: Duration::from_secs(300),
            tries: 5,
            remembered: Duration::from_secs(30 * 24 * 60 * 60),
            fresh: Duration::from_secs(600),
            issuer: "Wisdom".to_owned(),
        }
    }
}

impl Policy for SecondFactorPolicy {}

impl SecondFactorPolicy {
    /// Whether every tenant asks its members for a second factor, whatever its own setting says (default no).
    #[must_use]
    pub const fn require(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// Other bounds of a half-finished sign-in: it ends after `life` (default 5 minutes) and allows `tries` (default 5).
    ///
    /// # Errors
    /// [`SecondFactorPolicyError::ChallengeLife`] or [`SecondFactorPolicyError::Tries`].
    pub fn challenge(mut self, life: Duration, tries: u16) -> Result<Self, SecondFactorPolicyError> {
        if !(Duration::from_secs(30)..=Duration::from_secs(300)).contains(&life) {
            return Err(SecondFactorPolicyError::ChallengeLife);
        }
        if !(1..=5).contains(&tries) {
            return Err(SecondFactorPolicyError::Tries);
        }
        (self.challenge_life, self.tries) = (life, tries);
        Ok(self)
    }

    /// How long a device that the user asked to remember needs no second factor (default 30 days; 0 remembers none).
    ///
    /// # Errors
    /// [`SecondFactorPolicyError::Remembered`].
    pub fn remember(mut self, time: Duration) -> Result<Self, SecondFactorPolicyError> {
        if time > Duration::from_secs(90 * 24 * 60 * 60) {
            return Err(SecondFactorPolicyError::Remembered);
        }
        self.remembered = time;
        Ok(self)
    }

    /// How long ago a user may have proven who they are when they change what protects the account (default 10 minutes).
    ///
    /// # Errors
    /// [`SecondFactorPolicyError::Fresh`].
    pub fn fresh(mut self, time: Duration) -> Result<Self, SecondFactorPolicyError> {
        if !(Duration::from_secs(60)..=Duration::from_secs(600)).contains(&time) {
            return Err(SecondFactorPolicyError::Fresh);
        }
        self.fresh = time;
        Ok(self)
    }

    /// What authenticators show beside the user's address (default `Wisdom`).
    ///
    /// # Errors
    /// [`SecondFactorPolicyError::Issuer`].
    pub fn issuer(mut self, name: &str) -> Result<Self, SecondFactorPolicyError> {
        let length = name.chars().count();
        if !(1..=50).contains(&length) || name.contains(':') || name.chars().any(char::is_control) {
            return Err(SecondFactorPolicyError::Issuer);
        }
        name.clone_into(&mut self.issuer);
        Ok(self)
    }

    /// Whether every tenant asks its members for a second factor.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// How long a half-finished sign-in lives.
    #[must_use]
    pub const fn challenge_life(&self) -> Duration {
        self.challenge_life
    }

    /// How many tries a half-finished sign-in allows.
    #[must_use]
    pub const fn tries(&self) -> u16 {
        self.tries
    }

    /// How long a device is remembered; zero when none is.
    #[must_use]
    pub const fn remembered(&self) -> Duration {
        self.remembered
    }

    /// How old the proof of a caller may be for sensitive changes.
    #[must_use]
    pub const fn freshness(&self) -> Duration {
        self.fresh
    }

    /// What authenticators show.
    #[must_use]
    pub fn issuer_name(&self) -> &str {
        &self.issuer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_out_of_bounds_are_refused() {
        let policy = SecondFactorPolicy::default;
        let seconds = Duration::from_secs;
        assert_eq!(
            policy().challenge(seconds(301), 5),
            Err(SecondFactorPolicyError::ChallengeLife)
        );
        assert_eq!(
            policy().challenge(seconds(300), 6),
            Err(SecondFactorPolicyError::Tries)
        );
        assert_eq!(
            policy().challenge(seconds(300), 0),
            Err(SecondFactorPolicyError::Tries)
        );
        assert_eq!(
            policy().remember(seconds(91 * 86_400)),
            Err(SecondFactorPolicyError::Remembered)
        );
        assert_eq!(policy().fresh(seconds(601)), Err(SecondFactorPolicyError::Fresh));
        for bad in ["", "A:b", "a\nb", &"x".repeat(51)] {
            assert_eq!(
                policy().issuer(bad),
                Err(SecondFactorPolicyError::Issuer),
                "{bad}"
            );
        }
    }
}
