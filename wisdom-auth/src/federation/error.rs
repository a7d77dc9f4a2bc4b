//! How signing in with a provider refuses, each refusal with a stable code.

use std::time::Duration;

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, FieldProblem, OperationError};
use wisdom_core::random::RandomError;
use wisdom_core::storage::StorageError;

use super::assertion::AssertionFault;
use crate::error::AuthError;

/// Why signing in with a provider, or linking an identity, does not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FederationError {
    /// What identity refuses anyway.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// No provider of this name is configured. `404 provider.unknown`.
    #[error("no such provider")]
    ProviderUnknown,
    /// The attempt is unknown, used up, expired, another provider's, another browser's or another user's: never told
    /// apart. `400 provider.attempt_invalid`.
    #[error("the attempt is not valid")]
    AttemptInvalid,
    /// The address to return to is not one of the allowed. `400 provider.return_to`, a problem of the field `return_to`.
    #[error("the address to return to is not allowed")]
    ReturnTo,
    /// The provider says that the person, or the provider itself, declined. `401 provider.denied`.
    #[error("the provider denied the sign-in")]
    Denied,
    /// What the provider answered does not hold. `401 provider.refused`; the fault is for logs and metrics.
    #[error("what the provider answered does not hold: {0}")]
    Refused(AssertionFault),
    /// The provider cannot be reached, or is out of order. `503 provider.unavailable`.
    #[error("the provider cannot be reached")]
    Unavailable {
        /// When trying again can help.
        retry_after: Duration,
    },
    /// The provider does not vouch for the e-mail address, or gives none. `403 provider.email_unverified`.
    #[error("the provider does not vouch for an e-mail address")]
    EmailUnverified,
    /// There is an account with this address, and joining the two takes its owner's proof. `409 identity.link_required`.
    #[error("the account has to be linked by its owner")]
    LinkRequired,
    /// Nobody without an account may come in through this provider. `403 provider.sign_up_closed`.
    #[error("the provider does not make new accounts")]
    SignUpClosed,
    /// The identity belongs to another account. `409 identity.taken`.
    #[error("the identity belongs to another account")]
    IdentityTaken,
    /// The user has no such identity. `404 not_found`.
    #[error("no such identity")]
    IdentityNotFound,
    /// It is the only way in. `409 identity.last`.
    #[error("the identity is the only way to sign in")]
    LastWayIn,
}

impl From<StorageError> for FederationError {
    fn from(error: StorageError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<AccessError> for FederationError {
    fn from(error: AccessError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<RandomError> for FederationError {
    fn from(error: RandomError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<AssertionFault> for FederationError {
    fn from(fault: AssertionFault) -> Self {
        Self::Refused(fault)
    }
}

impl OperationError for FederationError {
    fn into_failure(self) -> Failure {
        let of = Failure::new;
        match self {
            Self::Auth(error) => error.into_failure(),
            Self::ProviderUnknown => of(
                FailureKind::NotFound,
                "provider.unknown",
                "There is no sign-in provider of this name.",
            ),
            Self::AttemptInvalid => of(
                FailureKind::InvalidArgument,
                "provider.attempt_invalid",
                "This sign-in was used, has expired, or was begun elsewhere; begin again.",
            ),
            Self::ReturnTo => {
                let mut failure = of(
                    FailureKind::InvalidArgument,
                    "provider.return_to",
                    "The application may not be returned to this address.",
                );
                failure.fields.push(FieldProblem {
                    field: "return_to".to_owned(),
                    rule: "allowed".into(),
                    message: "must be one of the configured addresses, in canonical form".into(),
                });
                failure
            }
            Self::Denied => of(
                FailureKind::Unauthenticated,
                "provider.denied",
                "The provider did not let you in.",
            ),
            Self::Refused(fault) => of(
                FailureKind::Unauthenticated,
                "provider.refused",
                "What the provider answered could not be verified; begin again.",
            )
            .caused_by(fault),
            Self::Unavailable { retry_after } => of(
                FailureKind::Unavailable,
                "provider.unavailable",
                "The provider does not answer at the moment; try again soon.",
            )
            .retry_after(retry_after),
            Self::EmailUnverified => of(
                FailureKind::Forbidden,
                "provider.email_unverified",
                "The provider has not verified your e-mail address; verify it there first.",
            ),
            Self::LinkRequired => of(
                FailureKind::Conflict,
                "identity.link_required",
                "There is an account with this e-mail address. Sign in to it in another way, then link this provider.",
            ),
            Self::SignUpClosed => of(
                FailureKind::Forbidden,
                "provider.sign_up_closed",
                "There is no account for you yet, and this provider does not make new ones.",
            ),
            Self::IdentityTaken => of(
                FailureKind::Conflict,
                "identity.taken",
                "This account at the provider is linked to another user.",
            ),
            Self::IdentityNotFound => Failure::not_found(),
            Self::LastWayIn => of(
                FailureKind::Conflict,
                "identity.last",
                "Set a password or link another provider first: this is the only one of the account.",
            ),
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
        let retry_after = Duration::from_secs(1);
        for (error, status, code) in [
            (FederationError::ProviderUnknown, 404, "provider.unknown"),
            (FederationError::AttemptInvalid, 400, "provider.attempt_invalid"),
            (FederationError::ReturnTo, 400, "provider.return_to"),
            (FederationError::Denied, 401, "provider.denied"),
            (
                FederationError::Refused(AssertionFault::Nonce),
                401,
                "provider.refused",
            ),
            (
                FederationError::Unavailable { retry_after },
                503,
                "provider.unavailable",
            ),
            (FederationError::EmailUnverified, 403, "provider.email_unverified"),
            (FederationError::LinkRequired, 409, "identity.link_required"),
            (FederationError::SignUpClosed, 403, "provider.sign_up_closed"),
            (FederationError::IdentityTaken, 409, "identity.taken"),
            (FederationError::IdentityNotFound, 404, "not_found"),
            (FederationError::LastWayIn, 409, "identity.last"),
        ] {
            let failure = error.into_failure();
            assert_eq!((failure.kind.http_status(), failure.code), (status, code));
        }
    }
}
