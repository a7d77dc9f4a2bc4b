//! How long mailed proofs can be used.

use std::time::Duration;

use thiserror::Error;
use wisdom_core::policy::Policy;

use crate::one_time_token::TokenPurpose;

/// A figure of the policy of mailed proofs is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofPolicyError {
    /// The life of a proof of this purpose.
    #[error("a mailed proof for {purpose} must live {least} to {most} seconds")]
    Life {
        /// The purpose.
        purpose: &'static str,
        /// Seconds at least.
        least: u64,
        /// Seconds at most.
        most: u64,
    },
    /// 1 to 5.
    #[error("a mailed code must allow 1 to 5 tries")]
    Tries,
}

/// How long mailed proofs can be used, and how often a code may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofPolicy {
    verify_email: Duration,
    reset_password: Duration,
    change_email: Duration,
    magic_link: Duration,
    email_code: Duration,
    code_tries: u16,
}

impl Default for ProofPolicy {
    fn default() -> Self {
        Self {
            verify_email: Duration::from_secs(24 * 60 * 60),
            reset_password: Duration::from_secs(30 * 60),
            change_email: Duration::from_secs(60 * 60),
            magic_link: Duration::from_secs(10 * 60),
            email_code: Duration::from_secs(10 * 60),
            code_tries: 5,
        }
    }
}

impl Policy for ProofPolicy {}

impl ProofPolicy {
    /// Seconds that a proof of this purpose lives at least and at most.
    const fn bounds(purpose: TokenPurpose) -> (u64, u64) {
        match purpose {
            TokenPurpose::VerifyEmail => (300, 7 * 86_400),
            TokenPurpose::ResetPassword | TokenPurpose::ChangeEmail => (300, 3600),
            TokenPurpose::MagicLink | TokenPurpose::EmailCode => (60, 600),
        }
    }

    /// Another life of proofs of one purpose. Defaults and bounds: address 24 hours, 5 minutes to 7 days; reset 30 minutes,
    /// 5 to 60; change of address 60 minutes, 5 to 60; link and code 10 minutes, 1 to 10.
    ///
    /// # Errors
    /// [`ProofPolicyError::Life`].
    pub fn with_life(mut self, purpose: TokenPurpose, life: Duration) -> Result<Self, ProofPolicyError> {
        let (least, most) = Self::bounds(purpose);
        if !(Duration::from_secs(least)..=Duration::from_secs(most)).contains(&life) {
            return Err(ProofPolicyError::Life {
                purpose: purpose.as_str(),
                least,
                most,
            });
        }
        *match purpose {
            TokenPurpose::VerifyEmail => &mut self.verify_email,
            TokenPurpose::ResetPassword => &mut self.reset_password,
            TokenPurpose::ChangeEmail => &mut self.change_email,
            TokenPurpose::MagicLink => &mut self.magic_link,
            TokenPurpose::EmailCode => &mut self.email_code,
        } = life;
        Ok(self)
    }

    /// Another number of wrong tries that burn a code. Default 5, which is the most.
    ///
    /// # Errors
    /// [`ProofPolicyError::Tries`].
    pub fn with_tries(mut self, tries: u16) -> Result<Self, ProofPolicyError> {
        if !(1..=5).contains(&tries) {
            return Err(ProofPolicyError::Tries);
        }
        self.code_tries = tries;
        Ok(self)
    }

    /// How long a proof of this purpose lives.
    #[must_use]
    pub const fn life(&self, purpose: TokenPurpose) -> Duration {
        match purpose {
            TokenPurpose::VerifyEmail => self.verify_email,
            TokenPurpose::ResetPassword => self.reset_password,
            TokenPurpose::ChangeEmail => self.change_email,
            TokenPurpose::MagicLink => self.magic_link,
            TokenPurpose::EmailCode => self.email_code,
        }
    }

    /// Wrong tries that burn a code.
    #[must_use]
    pub const fn tries(&self) -> u16 {
        self.code_tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_out_of_bounds_are_refused() {
        for purpose in TokenPurpose::ALL {
            let (least, most) = ProofPolicy::bounds(purpose);
            for good in [least, most] {
                let life = Duration::from_secs(good);
                let policy = ProofPolicy::default().with_life(purpose, life).unwrap();
                assert_eq!(policy.life(purpose), life);
            }
            for bad in [0, least - 1, most + 1] {
                let refused = ProofPolicy::default().with_life(purpose, Duration::from_secs(bad));
                assert!(
                    matches!(refused, Err(ProofPolicyError::Life { .. })),
                    "{purpose:?} {bad}"
                );
            }
            let default = ProofPolicy::default().life(purpose).as_secs();
            assert!((least..=most).contains(&default), "{purpose:?}");
        }
        for bad in [0, 6] {
            assert_eq!(
                ProofPolicy::default().with_tries(bad),
                Err(ProofPolicyError::Tries)
            );
        }
    }
}
