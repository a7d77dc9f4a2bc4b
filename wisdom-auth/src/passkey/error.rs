//! How passkeys refuse, each refusal with a stable code.

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError};
use wisdom_core::storage::StorageError;

use crate::error::AuthError;

/// Why an operation with passkeys does not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// What identity refuses anyway; among it [`AuthError::PasskeyInvalid`].
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The ceremony is unknown, used up, expired, for another purpose or for another user: never told apart.
    /// `400 passkey.ceremony_invalid`.
    #[error("the ceremony is not valid")]
    CeremonyInvalid,
    /// Passkeys are not set up here. `404 passkey.unavailable`.
    #[error("passkeys are not set up")]
    Unavailable,
    /// The user has as many as allowed. `409 passkey.limit`.
    #[error("the user has too many passkeys")]
    Limit,
    /// The authenticator has one for this service already. `409 passkey.exists`.
    #[error("the passkey exists already")]
    Exists,
    /// The user has no such passkey. `404 not_found`.
    #[error("no such passkey")]
    NotFound,
}

impl From<StorageError> for PasskeyError {
    fn from(error: StorageError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<AccessError> for PasskeyError {
    fn from(error: AccessError) -> Self {
        Self::Auth(error.into())
    }
}

impl OperationError for PasskeyError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Auth(error) => error.into_failure(),
            Self::CeremonyInvalid => Failure::new(
                FailureKind::InvalidArgument,
                "passkey.ceremony_invalid",
                "This took too long, was done already, or was begun elsewhere; begin again.",
            ),
            Self::Unavailable => Failure::new(
                FailureKind::NotFound,
                "passkey.unavailable",
                "Passkeys are not set up here.",
            ),
            Self::Limit => Failure::new(
                FailureKind::Conflict,
                "passkey.limit",
                "You have as many passkeys as allowed; remove one first.",
            ),
            Self::Exists => Failure::new(
                FailureKind::Conflict,
                "passkey.exists",
                "This passkey is registered already.",
            ),
            Self::NotFound => Failure::not_found(),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Auth(error) => error.storage(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_are_as_documented() {
        for (error, status, code) in [
            (
                PasskeyError::Auth(AuthError::PasskeyInvalid),
                401,
                "passkey.invalid",
            ),
            (PasskeyError::CeremonyInvalid, 400, "passkey.ceremony_invalid"),
            (PasskeyError::Unavailable, 404, "passkey.unavailable"),
            (PasskeyError::Limit, 409, "passkey.limit"),
            (PasskeyError::Exists, 409, "passkey.exists"),
            (PasskeyError::NotFound, 404, "not_found"),
        ] {
            let failure = error.into_failure();
            assert_eq!((failure.kind.http_status(), failure.code), (status, code));
        }
    }
}
