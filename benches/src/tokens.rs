//! Access tokens without a service around them.

use std::sync::Arc;

use wisdom_auth::token::{AccessTokenPolicy, AccessTokens, KeyRing, SigningAlgorithm};
use wisdom_core::clock::ManualClock;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{IdSourceExt as _, ManualIds};
use wisdom_core::policy::Policies;
use wisdom_core::random::SystemRandom;
use wisdom_core::seal::{Purpose, SealError, Sealer};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Kit;

use crate::Trouble;

/// Issues tokens of one principal, at a time that stands still.
#[derive(Debug)]
pub struct Issuer {
    /// What issues and verifies.
    pub tokens: AccessTokens,
    principal: Principal,
    kit: Kit,
}

/// Keys of tokens seal nothing.
#[derive(Debug)]
struct NoSealer;

impl Sealer for NoSealer {
    fn seal(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Failed)
    }

    fn open(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Failed)
    }
}

impl Issuer {
    /// An issuer with a new key of this algorithm.
    ///
    /// # Errors
    /// When there is no randomness for the key.
    pub fn new(algorithm: SigningAlgorithm) -> Result<Self, Trouble> {
        let now = Timestamp::from_unix_seconds(1_800_000_000).ok_or("no time")?;
        let kit = Kit {
            clock: Arc::new(ManualClock::at(now)),
            ids: Arc::new(ManualIds::new(1)),
            random: Arc::new(SystemRandom),
            sealer: Arc::new(NoSealer),
            policies: Policies::new(),
        };
        let session = UserSession {
            user: kit.ids.id(),
            session: kit.ids.id(),
            generation: 1,
        };
        let policy = AccessTokenPolicy::new("http://localhost:8080", "wisdom")?;
        Ok(Self {
            tokens: AccessTokens::new(KeyRing::generate(algorithm, &kit)?, policy, Arc::clone(&kit.ids)),
            principal: Principal::of_session(session, None, now),
            kit,
        })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.kit.clock.now()
    }

    /// A token that nobody has seen.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn issue(&self) -> Result<String, Trouble> {
        let token = self.tokens.issue_for(&self.principal, self.now())?;
        Ok(token.expose().to_owned())
    }
}
