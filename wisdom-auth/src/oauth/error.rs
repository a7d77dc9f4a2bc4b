//! How the OAuth endpoints refuse: with the codes of RFC 6749, section 5.2, behind `oauth.`.

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError};
use wisdom_core::random::RandomError;
use wisdom_core::storage::StorageError;

use crate::error::AuthError;

/// Why an OAuth endpoint refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OauthError {
    /// What identity refuses: storage, limits.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The client is unknown, its secret is wrong, it has ended, or it may not be used from there: never told apart.
    /// `401 oauth.invalid_client`.
    #[error("the client could not be authenticated")]
    InvalidClient,
    /// The only grant there is is `client_credentials`. `400 oauth.unsupported_grant_type`.
    #[error("the grant type is not supported")]
    UnsupportedGrantType,
    /// A scope that the client does not hold, or that there is not. `400 oauth.invalid_scope`.
    #[error("the scope is not the client's")]
    InvalidScope,
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<StorageError> for OauthError {
    fn from(error: StorageError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<AccessError> for OauthError {
    fn from(error: AccessError) -> Self {
        Self::Auth(error.into())
    }
}

impl OperationError for OauthError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Auth(error) => error.into_failure(),
            Self::InvalidClient => Failure::new(
                FailureKind::Unauthenticated,
                "oauth.invalid_client",
                "The client could not be authenticated.",
            ),
            Self::UnsupportedGrantType => Failure::new(
                FailureKind::InvalidArgument,
                "oauth.unsupported_grant_type",
                "The only grant type is client_credentials.",
            ),
            Self::InvalidScope => Failure::new(
                FailureKind::InvalidArgument,
                "oauth.invalid_scope",
                "The client does not hold all of this scope.",
            ),
            Self::Random(error) => Failure::internal(error),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Auth(error) => error.storage(),
            _ => None,
        }
    }
}
