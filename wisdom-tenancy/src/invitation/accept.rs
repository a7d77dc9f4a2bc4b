//! Accepting with an account.

use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_auth::user::UserState;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::joining::{Joined, by_token, join};
use crate::error::TenancyError;
use crate::store::OnboardingTx;

/// Accepts an invitation as the signed-in user, whose **verified** address must be the invited one.
///
/// Holding the token proves the mailbox. It does not prove who made the account: somebody else may have signed up with
/// the invited address before, and waits for its owner to click. So an unverified address is refused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The token from the mail.
    pub token: SecretText,
}

impl Operation for AcceptInvitation {
    const NAME: &'static str = "tenancy.invitation.accept";
    const SUMMARY: &'static str = "Accept an invitation with your account.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = Joined;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for AcceptInvitation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Joined>, TenancyError> {
        let caller = tx
            .frame()
            .session()
            .map(|session| session.user)
            .ok_or(AccessError::Unauthenticated)?;
        let user = tx
            .users()
            .find(caller)
            .await?
            .filter(|user| user.state == UserState::Active);
        let user = user.ok_or(AccessError::Unauthenticated)?;
        let (tenant, invitation) = by_token(tx, &self.token).await?;
        if user.email != invitation.email {
            return Err(TenancyError::OtherAccount {
                invited: invitation.email.masked(),
            });
        }
        if user.email_verified_at.is_none() {
            return Err(TenancyError::EmailUnverified);
        }
        join(tx, tenant, &invitation, user.id).await
    }
}
