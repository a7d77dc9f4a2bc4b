//! How orders refuse.

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError, PublicMessage};
use wisdom_core::page::PageError;
use wisdom_core::storage::StorageError;

/// Why an operation on orders was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Cursor or limit break a rule.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Orders live in SQL tables, and the store has none.
    #[error("the store is not an SQL one")]
    NoSql,
    /// An input field breaks a rule.
    #[error("{field} {message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule in words.
        message: &'static str,
    },
    /// The tenant has as many orders as it may.
    #[error("a tenant has at most {limit} orders")]
    TooMany {
        /// How many that is.
        limit: u32,
    },
}

impl OperationError for OrderError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Page(error) => error.into(),
            Self::NoSql => Failure::internal(self),
            Self::Invalid { field, message } => Failure::field(field, "range", message).caused_by(self),
            Self::TooMany { limit } => Failure::new(
                FailureKind::Quota,
                "orders.too_many",
                PublicMessage::composed(format!("There are {limit} orders already.")),
            )
            .caused_by(self),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}
