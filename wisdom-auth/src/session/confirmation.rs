//! Noting that a generation of refresh tokens arrived: the first use of its access token proves it.

use std::time::Duration;

use moka::sync::Cache;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::SessionId;
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::MAX_RACES;
use crate::error::AuthError;
use crate::store::IdentityTx;
use crate::token::MAX_LIFETIME;

/// The generations whose access tokens this node has seen, so that each is written down once and not at each request.
///
/// Bounded; forgetting one costs one write that changes nothing.
#[derive(Debug, Clone)]
pub struct Confirmations {
    seen: Cache<(SessionId, i64), ()>,
}

impl Default for Confirmations {
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Confirmations {
    /// Remembers up to this many generations, each for as long as an access token can live.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        let keep = MAX_LIFETIME + Duration::from_secs(60);
        Self {
            seen: Cache::builder().max_capacity(capacity).time_to_live(keep).build(),
        }
    }

    /// Whether this is the first sight of the generation on this node. Of parallel calls one is told yes.
    #[must_use]
    pub fn first_sight(&self, session: SessionId, generation: i64) -> bool {
        let key = (session, generation);
        // `or_insert` alone looks and inserts in two steps; the initialiser runs for one caller.
        !self.seen.contains_key(&key) && self.seen.entry(key).or_insert_with(|| ()).is_fresh()
    }

    /// Forgets a generation, because writing it down failed: the next sight is a first one again.
    pub fn forget(&self, session: SessionId, generation: i64) {
        self.seen.invalidate(&(session, generation));
    }
}

/// Writes down that a generation was seen in use, after which the token before it is worth nothing.
///
/// Internal: run by the edge through the runner, which does not ask for its access rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmGeneration {
    /// The session.
    pub session: SessionId,
    /// The generation that was seen.
    pub generation: i64,
}

impl Operation for ConfirmGeneration {
    const NAME: &'static str = "auth.session.confirm";
    const SUMMARY: &'static str = "Notes that a generation of a session's tokens was seen in use.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// Whether that was news.
    type Output = bool;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ConfirmGeneration {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<bool>, AuthError> {
        const WHY: &str = "bookkeeping of tokens; the session's start and end are audited";
        let now = tx.frame().now();
        for _ in 0..MAX_RACES {
            let Some(mut session) = tx.sessions().find(self.session).await? else {
                return Ok(Outcome::unaudited(false, WHY));
            };
            if session.confirmed || session.generation != self.generation || !session.is_live(now) {
                return Ok(Outcome::unaudited(false, WHY));
            }
            session.confirmed = true;
            match tx.sessions().update(&session, session.version).await {
                Ok(()) => return Ok(Outcome::unaudited(true, WHY)),
                Err(error) if error.kind() == StorageErrorKind::Stale => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::new(StorageErrorKind::Contention, "sessions.confirm").into())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_generation_is_new_once() {
        let seen = Confirmations::default();
        let session = SessionId::from_uuid(Uuid::from_u128(1));
        assert!(seen.first_sight(session, 1));
        assert!(!seen.first_sight(session, 1));
        assert!(seen.first_sight(session, 2));
        assert!(seen.first_sight(SessionId::from_uuid(Uuid::from_u128(2)), 1));
        seen.forget(session, 1);
        assert!(seen.first_sight(session, 1));
    }

    #[test]
    fn of_parallel_sights_one_is_first() {
        let seen = Confirmations::default();
        let session = SessionId::from_uuid(Uuid::from_u128(1));
        for generation in 0..200 {
            let firsts: usize = std::thread::scope(|scope| {
                let calls: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| usize::from(seen.first_sight(session, generation))))
                    .collect();
                calls.into_iter().map(|call| call.join().unwrap()).sum()
            });
            assert_eq!(firsts, 1);
        }
    }
}
