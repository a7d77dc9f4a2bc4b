//! Noting that a generation of refresh tokens arrived: the first use of its access token proves it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// A place that no generation has taken.
const EMPTY: u64 = 0;
/// 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The generations whose access tokens this node has seen, so that each is written down once and not at each request.
///
/// Asked at every request, so it is one array without locks, in which each generation has one place. One that takes
/// the place of another makes this node forget the other, which costs one write that changes nothing. Two are taken for
/// one only when 64 bits, mostly random ones of the session's id, are equal.
pub struct Confirmations {
    places: Box<[AtomicU64]>,
}

impl fmt::Debug for Confirmations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmations")
            .field("places", &self.places.len())
            .finish()
    }
}

impl Default for Confirmations {
    fn default() -> Self {
        Self::new(1 << 17)
    }
}

impl Confirmations {
    /// Remembers up to this many generations, at least one and at most 16 million; 8 bytes each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let places = capacity.clamp(1, 1 << 24);
        Self {
            places: (0..places).map(|_| AtomicU64::new(EMPTY)).collect(),
        }
    }

    /// Whether the generation was seen on this node before. Changes nothing.
    #[must_use]
    pub fn is_known(&self, session: SessionId, generation: i64) -> bool {
        let (place, mark) = self.place(session, generation);
        place.load(Ordering::Relaxed) == mark
    }

    /// Whether this is the first sight of the generation on this node. Of parallel calls one is told yes.
    #[must_use]
    pub fn first_sight(&self, session: SessionId, generation: i64) -> bool {
        let (place, mark) = self.place(session, generation);
        // Nearly always it is there: a look leaves the line of memory with all processors, a swap would not.
        place.load(Ordering::Relaxed) != mark && place.swap(mark, Ordering::Relaxed) != mark
    }

    /// Forgets a generation, because writing it down failed: the next sight is a first one again.
    pub fn forget(&self, session: SessionId, generation: i64) {
        let (place, mark) = self.place(session, generation);
        let _ = place.compare_exchange(mark, EMPTY, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn place(&self, session: SessionId, generation: i64) -> (&AtomicU64, u64) {
        // The lower half of a UUIDv7 is random; the generation is spread over all bits by the golden ratio.
        let (_, random) = session.as_uuid().as_u64_pair();
        let mark = random ^ generation.cast_unsigned().wrapping_mul(SPREAD);
        let mark = if mark == EMPTY { SPREAD } else { mark };
        let spread = u128::from(mark.wrapping_mul(SPREAD)) * self.places.len() as u128;
        // Multiplying and keeping the upper half maps all values evenly to places, and always to one that exists.
        let index = usize::try_from(spread >> 64).unwrap_or_default();
        (&self.places[index], mark)
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
        assert!(!seen.is_known(session, 1));
        assert!(seen.first_sight(session, 1));
        assert!(seen.is_known(session, 1));
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
