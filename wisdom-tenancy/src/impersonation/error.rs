//! How operations of operators refuse.

use thiserror::Error;
use wisdom_auth::error::AuthError;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError};
use wisdom_core::random::RandomError;
use wisdom_core::storage::StorageError;

use crate::support_access::NotAdmitted;

/// Why an operation of operators does not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImpersonationError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller may not run the operation.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Identity refused: the proof is too old.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The caller is no operator, or there is no such member or impersonation: never told apart. `404 not_found`.
    #[error("no operator, or nothing there")]
    NotFound,
    /// The operator has not proven a second factor. `403 mfa.required`.
    #[error("the operator has no second factor")]
    MfaRequired,
    /// The operator may only read. `403 impersonation.read_only`.
    #[error("the operator may only read")]
    ReadsOnly,
    /// Nobody acts for an operator. `403 impersonation.of_operator`.
    #[error("nobody acts for an operator")]
    OfOperator,
    /// The tenant is closed to operators. `403 impersonation.closed`.
    #[error("the tenant is closed to operators")]
    Closed,
    /// No owner of the tenant has opened it; they were asked to, unless the same operator did within the hour.
    /// `403 impersonation.not_granted`.
    #[error("no owner of the tenant has opened it")]
    NotGranted,
    /// The reason has not 10 to 500 characters. `400 input.invalid`.
    #[error("the reason has not 10 to 500 characters")]
    Reason,
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<NotAdmitted> for ImpersonationError {
    fn from(refusal: NotAdmitted) -> Self {
        match refusal {
            NotAdmitted::Closed => Self::Closed,
            NotAdmitted::NotGranted => Self::NotGranted,
        }
    }
}

impl OperationError for ImpersonationError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Auth(error) => error.into_failure(),
            Self::NotFound => Failure::not_found(),
            Self::MfaRequired => Failure::new(
                FailureKind::Forbidden,
                "mfa.required",
                "Acting for a user needs a second factor: set one up first.",
            ),
            Self::ReadsOnly => Failure::new(
                FailureKind::Forbidden,
                "impersonation.read_only",
                "You may see what a user sees, and change nothing.",
            ),
            Self::OfOperator => Failure::new(
                FailureKind::Forbidden,
                "impersonation.of_operator",
                "Nobody acts for an operator.",
            ),
            Self::Closed => Failure::new(
                FailureKind::Forbidden,
                "impersonation.closed",
                "This tenant is closed to operators.",
            ),
            Self::NotGranted => Failure::new(
                FailureKind::Forbidden,
                "impersonation.not_granted",
                "An owner of this tenant has to open it first; they have been asked.",
            ),
            Self::Reason => Failure::field("reason", "length", "must have 10 to 500 characters"),
            Self::Random(error) => Failure::internal(error),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            Self::Auth(error) => error.storage(),
            _ => None,
        }
    }
}
