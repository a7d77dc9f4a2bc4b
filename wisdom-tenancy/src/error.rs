//! How tenancy refuses.

use std::time::Duration;

use thiserror::Error;
use wisdom_auth::error::AuthError;
use wisdom_auth::federation::FederationError;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError, PublicMessage};
use wisdom_core::page::PageError;
use wisdom_core::port::rate_limit::RatePolicyError;
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};

/// Why an operation of tenancy was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// Storage failed, or the expected version is not the present one.
    #[error(transparent)]
    Storage(StorageError),
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Identity refused: a weak password, hashing out of capacity, too many sign-ups.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Signing in with a provider refused.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// The cursor or limit of a list is wrong.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The configured figures are no rate policy.
    #[error("the sign-up policy is unusable: {0}")]
    Policy(#[from] RatePolicyError),
    /// Another tenant has the slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// The tenant was closed by the operator.
    #[error("the tenant is suspended")]
    TenantSuspended,
    /// The tenant was closed by its owners.
    #[error("the tenant is being deleted")]
    TenantDeleting,
    /// The tenant asks for a second factor, and the caller has none. `403 mfa.required`.
    #[error("the tenant asks for a second factor")]
    MfaRequired,
    /// The tenant has no such member.
    #[error("no such member")]
    NoSuchMember,
    /// Not 1 to 72 hours. `400 input.invalid`.
    #[error("not 1 to 72 hours")]
    SupportHours,
    /// The tenant is closed to operators, or open to them anyway. `409 support_access.not_asked`.
    #[error("only a tenant that is asked is opened to operators")]
    SupportNotAsked,
    /// The address belongs to a member.
    #[error("already a member")]
    MemberExists,
    /// A tenant keeps at least one owner.
    #[error("the last owner stays")]
    LastOwner,
    /// Above the caller's own rank.
    #[error("above the caller's own rank")]
    Rank,
    /// No invitation has this id, or this token.
    #[error("no such invitation")]
    NoSuchInvitation,
    /// Answered or taken back.
    #[error("the invitation was answered or taken back")]
    InvitationGone,
    /// Its time is over.
    #[error("the invitation has expired")]
    InvitationExpired,
    /// Mailed as often as a day allows.
    #[error("the invitation was sent too often")]
    InvitationTooMany {
        /// When the next mail may be sent.
        retry_after: Duration,
    },
    /// Whoever invited may not any more.
    #[error("the inviter is gone or may not invite any more")]
    InviterGone,
    /// It was sent to another address than the caller's.
    #[error("the invitation is another account's")]
    OtherAccount {
        /// The invited address, masked.
        invited: String,
    },
    /// The caller's address is unproven: whoever made the account need not be whom the invitation is for.
    #[error("the caller's address is not verified")]
    EmailUnverified,
    /// The invited address has an account.
    #[error("the invited address has an account")]
    SignInFirst,
}

/// The one table from storage's domain constraints to tenancy's refusals.
impl From<StorageError> for TenancyError {
    fn from(error: StorageError) -> Self {
        match error.constraint() {
            Some(Constraint::TENANT_OWNER) => Self::LastOwner,
            Some(Constraint::TENANT_SLUG) => Self::SlugTaken,
            Some(Constraint::MEMBERSHIP_USER) => Self::MemberExists,
            _ => Self::Storage(error),
        }
    }
}

impl OperationError for TenancyError {
    fn into_failure(self) -> Failure {
        use FailureKind::{Conflict, Forbidden, RateLimited};
        let plain = |kind, code, message: &'static str| Failure::new(kind, code, message);
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Auth(error) => error.into_failure(),
            Self::Federation(error) => error.into_failure(),
            Self::Page(error) => error.into(),
            Self::Policy(error) => Failure::internal(error),
            Self::SlugTaken => plain(Conflict, "tenant.slug_taken", "Another tenant has this slug."),
            Self::TenantSuspended => plain(Forbidden, "tenant.suspended", "This tenant is suspended."),
            Self::TenantDeleting => plain(Forbidden, "tenant.deleting", "This tenant is being deleted."),
            Self::MfaRequired => plain(
                Forbidden,
                "mfa.required",
                "This tenant asks for a second factor: set one up first.",
            ),
            Self::NoSuchMember | Self::NoSuchInvitation => Failure::not_found(),
            Self::SupportHours => Failure::field("hours", "range", "must be 1 to 72"),
            Self::SupportNotAsked => plain(
                Conflict,
                "support_access.not_asked",
                "Only a tenant whose setting is \"ask\" is opened for some hours.",
            ),
            Self::MemberExists => plain(Conflict, "member.exists", "This person is a member already."),
            Self::LastOwner => plain(
                Conflict,
                "member.last_owner",
                "A tenant keeps at least one owner: name another one first.",
            ),
            Self::Rank => plain(
                Forbidden,
                "member.rank",
                "Only roles up to your own can be given, changed or taken away.",
            ),
            Self::InvitationGone => plain(
                Conflict,
                "invitation.gone",
                "This invitation was answered or taken back.",
            ),
            Self::InvitationExpired => plain(
                Conflict,
                "invitation.expired",
                "This invitation has expired: ask for a new one.",
            ),
            Self::InvitationTooMany { retry_after } => plain(
                RateLimited,
                "invitation.too_many",
                "This invitation was sent as often as a day allows.",
            )
            .retry_after(retry_after),
            Self::InviterGone => plain(
                Conflict,
                "invitation.inviter_gone",
                "Whoever invited you may not do so any more: ask an administrator to invite you again.",
            ),
            Self::OtherAccount { invited } => Failure::new(
                Forbidden,
                "invitation.other_account",
                PublicMessage::composed(format!(
                    "This invitation is for {invited}: sign in with that account."
                )),
            ),
            Self::EmailUnverified => plain(
                Forbidden,
                "invitation.email_unverified",
                "Verify your address first, then accept.",
            ),
            Self::SignInFirst => plain(
                Conflict,
                "invitation.sign_in_first",
                "There is an account with this address: sign in, then accept.",
            ),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            Self::Auth(error) => error.storage(),
            Self::Federation(error) => error.storage(),
            _ => None,
        }
    }
}

/// For changes the caller named no version for: another unit of work was faster, so this one runs again on what that
/// one left, instead of bothering the caller.
pub(crate) fn rerun_if_stale(error: StorageError) -> TenancyError {
    if error.kind() == StorageErrorKind::Stale {
        return rerun(error).into();
    }
    error.into()
}

/// A conflict with a unit of work that was faster, made into a reason to run again.
pub(crate) fn rerun(error: StorageError) -> StorageError {
    StorageError::new(StorageErrorKind::Contention, error.operation()).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: TenancyError) -> (u16, &'static str) {
        let failure = error.into_failure();
        (failure.kind.http_status(), failure.code)
    }

    #[test]
    fn constraints_become_refusals() {
        let conflict = |constraint| TenancyError::from(StorageError::conflict("x", constraint));
        assert_eq!(
            code(conflict(Constraint::TENANT_OWNER)),
            (409, "member.last_owner")
        );
        assert_eq!(
            code(conflict(Constraint::TENANT_SLUG)),
            (409, "tenant.slug_taken")
        );
        assert_eq!(
            code(conflict(Constraint::MEMBERSHIP_USER)),
            (409, "member.exists")
        );
        assert_eq!(code(conflict(Constraint::REFERENCE)), (409, "conflict"));
    }

    #[test]
    fn a_stale_version_is_run_again_only_where_the_caller_named_none() {
        let again = rerun_if_stale(StorageError::stale("memberships.update"));
        assert!(again.storage().is_some_and(StorageError::is_contention));
        let told = TenancyError::from(StorageError::stale("memberships.update"));
        assert_eq!(code(told), (412, "stale"));
        let owner = rerun_if_stale(StorageError::conflict(
            "memberships.delete",
            Constraint::TENANT_OWNER,
        ));
        assert!(matches!(owner, TenancyError::LastOwner));
    }

    #[test]
    fn refusals_have_their_status() {
        assert_eq!(code(TenancyError::Rank), (403, "member.rank"));
        assert_eq!(code(TenancyError::NoSuchInvitation), (404, "not_found"));
        assert_eq!(
            code(TenancyError::EmailUnverified),
            (403, "invitation.email_unverified")
        );
        let too_many = TenancyError::InvitationTooMany {
            retry_after: Duration::from_secs(9),
        }
        .into_failure();
        assert_eq!(too_many.retry_after, Some(Duration::from_secs(9)));
        assert_eq!(too_many.kind.http_status(), 429);
    }
}
