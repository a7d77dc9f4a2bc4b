//! Idempotency keys: the same request twice has one effect and one answer.
//!
//! After the IETF draft `draft-ietf-httpapi-idempotency-key-header`, with the row written in the mutation's own
//! transaction.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

use crate::id::TenantId;
use crate::storage::StorageError;
use crate::time::Timestamp;

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A client's key: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The key is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Reads a key.
    ///
    /// # Errors
    /// When it is empty, longer than 255, or holds anything but visible ASCII.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        let good = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdempotencyKeyError)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a request claims before it does its work: the key in its scope, and what exactly is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// The tenant the call is for.
    pub tenant: Option<TenantId>,
    /// Who calls, by [`Principal::caller_id`](crate::context::Principal::caller_id).
    pub caller: Uuid,
    /// The client's key.
    pub key: IdempotencyKey,
    /// SHA-256 over operation and canonical input.
    pub fingerprint: [u8; 32],
}

/// What storage knows of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyState {
    /// Never seen: do the work, and write the answer at commit.
    Fresh,
    /// Another request with the key is at work right now.
    InFlight,
    /// Done before with the same fingerprint: the sealed answer.
    Replay(Vec<u8>),
    /// Done before with another fingerprint.
    Mismatch,
}

/// The row that commit writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The claim it answers.
    pub claim: IdempotencyClaim,
    /// The answer, sealed: bodies may hold secrets that are shown once.
    pub answer: Vec<u8>,
    /// When the row may be deleted.
    pub expires_at: Timestamp,
}

/// Idempotency rows of a unit of work. Rows are written by commit only.
#[async_trait]
pub trait IdempotencyRecords: Send {
    /// Looks a claim up and holds its key until the unit of work ends, so that of two parallel claims one sees
    /// [`IdempotencyState::InFlight`], or the other's answer, and never [`IdempotencyState::Fresh`] as well.
    /// Expired rows count as never seen.
    async fn claim(&mut self, claim: &IdempotencyClaim) -> Result<IdempotencyState, StorageError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_of_bounded_length() {
        assert!(IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324").is_ok());
        for bad in ["", " ", "a b", "a\u{7f}", "ä", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
