//! How operations on API keys refuse.

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError, PublicMessage};
use wisdom_core::page::PageError;
use wisdom_core::random::RandomError;
use wisdom_core::storage::StorageError;

/// Why an operation on API keys does not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller may not run the operation.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The cursor is none of this list. `400 cursor.invalid`.
    #[error(transparent)]
    Page(#[from] PageError),
    /// There is no such key, or the caller may not see it: never told apart. `404 not_found`.
    #[error("no such API key")]
    NotFound,
    /// An input breaks a rule. `400 input.invalid`.
    #[error("{field}: {message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        rule: &'static str,
        /// What it says.
        message: &'static str,
    },
    /// The tenant has as many keys as it may. `402 api_key.limit`.
    #[error("a tenant has at most {limit} API keys")]
    Limit {
        /// The limit.
        limit: u32,
    },
    /// The key was revoked, or has ended. `409 api_key.ended`.
    #[error("the API key has ended")]
    Ended,
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl OperationError for ApiKeyError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Page(error) => error.into(),
            Self::NotFound => Failure::not_found(),
            Self::Invalid { field, rule, message } => Failure::field(field, rule, message),
            Self::Limit { limit } => Failure::new(
                FailureKind::Quota,
                "api_key.limit",
                PublicMessage::composed(format!(
                    "A tenant has at most {limit} API keys; revoke one first."
                )),
            ),
            Self::Ended => Failure::new(
                FailureKind::Conflict,
                "api_key.ended",
                "The key was revoked or has ended; make a new one.",
            ),
            Self::Random(error) => Failure::internal(error),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}
