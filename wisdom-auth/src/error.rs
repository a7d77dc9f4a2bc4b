//! How identity refuses, each refusal with a stable code.

use std::time::Duration;

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, FieldProblem, OperationError};
use wisdom_core::port::PortError;
use wisdom_core::random::RandomError;
use wisdom_core::seal::SealError;
use wisdom_core::storage::StorageError;

use crate::password::{HashingError, WeakPassword};
use crate::session::SessionEnd;
use crate::token::{KeyError, TokenError};

/// Why an operation of identity does not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller may not run the operation.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The access or refresh token is none of ours, is damaged, or has expired. `401 token.invalid`.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The session a token belongs to has ended. `401`, with a code that says how.
    #[error("the session has ended: {0}")]
    SessionEnded(SessionEnd),
    /// Wrong address or wrong password, or the user may not sign in: never told apart.
    /// `401 credentials.invalid`.
    #[error("the credentials are not valid")]
    CredentialsInvalid,
    /// The current password, asked for as a proof, is wrong. `400 password.wrong`: who asks is signed in and stays so.
    #[error("the current password is wrong")]
    PasswordWrong,
    /// The password breaks the policy. `400 password.weak`, with the rule as a problem of the field `password`.
    #[error(transparent)]
    PasswordWeak(#[from] WeakPassword),
    /// Hashing a password did not work, or its queue is full (`503 hashing.busy`).
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Too many attempts. `429 rate_limited`.
    #[error("too many attempts under the policy {policy}")]
    RateLimited {
        /// The policy that was exhausted.
        policy: &'static str,
        /// When the next attempt may pass.
        retry_after: Option<Duration>,
    },
    /// The limiter cannot answer; sign-in never opens because of that. `503 rate_limit.unavailable`.
    #[error("attempts cannot be counted")]
    LimiterUnavailable(#[source] PortError),
    /// The one-time token is unknown, used, expired, or for another address. `400 verification.invalid`.
    #[error("the verification token is not valid")]
    VerificationInvalid,
    /// The caller proved who they are too long ago for what they want. `403 step_up.required`.
    #[error("the caller has to prove again who they are")]
    StepUpRequired,
    /// The half-finished sign-in is unknown, over, or used up. `401 challenge.invalid`.
    #[error("the sign-in has to begin again")]
    ChallengeInvalid,
    /// What an authenticator answered does not hold, or is not of a passkey that we know: never told apart.
    /// `401 passkey.invalid`.
    #[error("the passkey is not valid")]
    PasskeyInvalid,
    /// The second factor is wrong, or was used before. `401 second_factor.invalid`.
    #[error("the second factor is not valid")]
    SecondFactorInvalid,
    /// A second factor is set up already. `409 second_factor.exists`.
    #[error("a second factor is set up already")]
    SecondFactorExists,
    /// No second factor is set up. `409 second_factor.missing`.
    #[error("no second factor is set up")]
    SecondFactorMissing,
    /// There is no such session, or it is another user's: never told apart. `404 not_found`.
    #[error("no such session")]
    SessionNotFound,
    /// Signing keys are not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Sealing or opening a secret failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Passkeys do not work as they should.
    #[error("passkeys failed")]
    Passkeys(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<TokenError> for AuthError {
    /// The fault inside stays behind: a client learns that the token is not valid and nothing else.
    fn from(_: TokenError) -> Self {
        Self::TokenInvalid
    }
}

fn unproven(code: &'static str, message: &'static str) -> Failure {
    Failure::new(FailureKind::Unauthenticated, code, message)
}

fn conflict(code: &'static str, message: &'static str) -> Failure {
    Failure::new(FailureKind::Conflict, code, message)
}

impl OperationError for AuthError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::TokenInvalid => Failure::new(
                FailureKind::Unauthenticated,
                "token.invalid",
                "The token is not valid.",
            ),
            Self::SessionEnded(end) => Failure::new(FailureKind::Unauthenticated, end.code(), end.message()),
            Self::CredentialsInvalid => Failure::new(
                FailureKind::Unauthenticated,
                "credentials.invalid",
                "The e-mail address or the password is wrong.",
            ),
            Self::PasswordWrong => {
                let mut failure = Failure::new(
                    FailureKind::InvalidArgument,
                    "password.wrong",
                    "The current password is wrong.",
                );
                failure.fields.push(FieldProblem {
                    field: "current_password".to_owned(),
                    rule: "wrong".into(),
                    message: "is not the current password".into(),
                });
                failure
            }
            Self::PasswordWeak(weak) => {
                let mut failure = Failure::new(
                    FailureKind::InvalidArgument,
                    "password.weak",
                    "The password does not follow the rules.",
                );
                failure.fields.push(FieldProblem {
                    field: "password".to_owned(),
                    rule: weak.rule().into(),
                    message: weak.message(),
                });
                failure
            }
            Self::Hashing(HashingError::Busy { retry_after }) => Failure::new(
                FailureKind::Unavailable,
                "hashing.busy",
                "Too many sign-ins at the same moment; try again soon.",
            )
            .retry_after(retry_after),
            Self::RateLimited { retry_after, .. } => {
                let failure = Failure::new(
                    FailureKind::RateLimited,
                    "rate_limited",
                    "Too many attempts; wait before the next one.",
                );
                match retry_after {
                    Some(after) => failure.retry_after(after),
                    None => failure,
                }
            }
            Self::LimiterUnavailable(error) => Failure::new(
                FailureKind::Unavailable,
                "rate_limit.unavailable",
                "Sign-in is not available for the moment; try again soon.",
            )
            .retry_after(Duration::from_secs(1))
            .caused_by(error),
            Self::VerificationInvalid => Failure::new(
                FailureKind::InvalidArgument,
                "verification.invalid",
                "The link is not valid any more: it was used, has expired, or a newer one was sent.",
            ),
            Self::StepUpRequired => Failure::new(
                FailureKind::Forbidden,
                "step_up.required",
                "Prove again who you are, then repeat the request.",
            ),
            Self::ChallengeInvalid => Failure::new(
                FailureKind::Unauthenticated,
                "challenge.invalid",
                "The sign-in took too long or was tried too often; begin again.",
            ),
            Self::PasskeyInvalid => unproven("passkey.invalid", "The passkey could not be verified."),
            Self::SecondFactorInvalid => {
                unproven("second_factor.invalid", "The code is wrong, or was used before.")
            }
            Self::SecondFactorExists => conflict(
                "second_factor.exists",
                "An authenticator is set up already; remove it first.",
            ),
            Self::SecondFactorMissing => conflict("second_factor.missing", "No second factor is set up."),
            Self::SessionNotFound => Failure::not_found(),
            error @ (Self::Hashing(_)
            | Self::Key(_)
            | Self::Seal(_)
            | Self::Passkeys(_)
            | Self::Random(_)) => Failure::internal(error),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::RevokeReason;

    #[test]
    fn codes_and_statuses_are_as_documented() {
        let busy = HashingError::Busy {
            retry_after: Duration::from_secs(1),
        };
        let limited = AuthError::RateLimited {
            policy: "login",
            retry_after: Some(Duration::from_secs(9)),
        };
        for (error, status, code) in [
            (AuthError::TokenInvalid, 401, "token.invalid"),
            (
                AuthError::SessionEnded(SessionEnd::Expired),
                401,
                "session.expired",
            ),
            (
                AuthError::SessionEnded(SessionEnd::Revoked(RevokeReason::Reuse)),
                401,
                "session.reuse",
            ),
            (
                AuthError::SessionEnded(SessionEnd::Revoked(RevokeReason::Ahead)),
                401,
                "session.ahead",
            ),
            (
                AuthError::SessionEnded(SessionEnd::Revoked(RevokeReason::Revoked)),
                401,
                "session.revoked",
            ),
            (AuthError::CredentialsInvalid, 401, "credentials.invalid"),
            (
                AuthError::PasswordWeak(WeakPassword::TooShort { minimum: 15 }),
                400,
                "password.weak",
            ),
            (AuthError::PasswordWrong, 400, "password.wrong"),
            (AuthError::Hashing(busy), 503, "hashing.busy"),
            (limited, 429, "rate_limited"),
            (AuthError::VerificationInvalid, 400, "verification.invalid"),
            (AuthError::StepUpRequired, 403, "step_up.required"),
            (AuthError::ChallengeInvalid, 401, "challenge.invalid"),
            (AuthError::PasskeyInvalid, 401, "passkey.invalid"),
            (AuthError::SecondFactorInvalid, 401, "second_factor.invalid"),
            (AuthError::SecondFactorExists, 409, "second_factor.exists"),
            (AuthError::SecondFactorMissing, 409, "second_factor.missing"),
            (AuthError::SessionNotFound, 404, "not_found"),
        ] {
            let failure = error.into_failure();
            assert_eq!((failure.kind.http_status(), failure.code), (status, code));
        }
    }

    #[test]
    fn a_weak_password_is_a_problem_of_its_field() {
        let failure = AuthError::from(WeakPassword::Blocked).into_failure();
        assert_eq!(failure.fields[0].field, "password");
        assert_eq!(failure.fields[0].rule, "blocked");
    }
}
