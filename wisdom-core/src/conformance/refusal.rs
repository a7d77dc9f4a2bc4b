//! The error of the operations that cases make up.

use thiserror::Error;

use crate::access::AccessError;
use crate::failure::{Failure, FailureKind, OperationError};
use crate::storage::StorageError;

/// How a made-up operation refuses.
#[derive(Debug, Error)]
pub enum CaseError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The case wanted it so.
    #[error("refused by the case")]
    Refused,
}

impl OperationError for CaseError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Refused => Failure::new(FailureKind::Conflict, "case.refused", "Refused by the case."),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            Self::Access(_) | Self::Refused => None,
        }
    }
}
