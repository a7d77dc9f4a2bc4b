//! Accepting as a new person.

use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_auth::user::{NewUser, created, register};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::{DisplayName, EmailAddress};

use super::joining::{Joined, by_token, join};
use super::rules::InvitationStatus;
use crate::error::TenancyError;
use crate::kit::TenancyHost;
use crate::sign_up::{Chosen, hash_chosen, throttle_source};
use crate::store::OnboardingTx;

/// Makes an account with the invited address and accepts, in one step.
///
/// The token was mailed to that address and to nobody else, so holding it proves the mailbox: the new account's address
/// is verified from the start.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptAndRegister {
    /// The token from the mail.
    pub token: SecretText,
    /// The new account's password.
    pub password: SecretText,
    /// The new account's name.
    pub display_name: DisplayName,
}

impl Operation for AcceptAndRegister {
    const NAME: &'static str = "tenancy.invitation.accept_and_register";
    const SUMMARY: &'static str = "Accept an invitation as a new person, with a new account.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = Joined;
    type Error = TenancyError;
}

impl<H: TenancyHost + ?Sized> Flow<H> for AcceptAndRegister {
    async fn run(&self, host: &H, caller: &Caller) -> Result<Joined, TenancyError> {
        throttle_source(host, caller).await?;
        // Looked at twice: now, so that nobody has passwords hashed without an invitation, and in the commit again.
        let peek = PeekInvitation {
            token: self.token.clone(),
        };
        let email = host.runner().on_behalf(caller, &peek).await?;
        let chosen = Chosen {
            password: &self.password,
            email: &email,
            display_name: &self.display_name,
        };
        let phc = hash_chosen(host, chosen).await?;
        let join = RegisterAndJoin {
            token: self.token.clone(),
            phc,
            display_name: self.display_name.clone(),
        };
        host.runner().on_behalf(caller, &join).await
    }
}

/// The address of an invitation that a new person may accept.
async fn open_to_new_person<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    token: &SecretText,
) -> Result<EmailAddress, TenancyError> {
    let now = tx.frame().now();
    let (_, invitation) = by_token(tx, token).await?;
    match invitation.status(now) {
        InvitationStatus::Pending | InvitationStatus::Accepted => {}
        InvitationStatus::Expired => return Err(TenancyError::InvitationExpired),
        InvitationStatus::Declined | InvitationStatus::Revoked => return Err(TenancyError::InvitationGone),
    }
    // May be told: whoever holds the token reads the mail of this address.
    if tx.users().find_by_email(&invitation.email).await?.is_some() {
        return Err(TenancyError::SignInFirst);
    }
    if invitation.status(now) == InvitationStatus::Accepted {
        return Err(TenancyError::InvitationGone);
    }
    Ok(invitation.email)
}

/// First unit of work: whether there is anything to accept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PeekInvitation {
    token: SecretText,
}

impl Operation for PeekInvitation {
    const NAME: &'static str = "tenancy.invitation.peek";
    const SUMMARY: &'static str = "Look at an invitation before accepting it.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = EmailAddress;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for PeekInvitation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<EmailAddress>, TenancyError> {
        Ok(Outcome::unaudited(
            open_to_new_person(tx, &self.token).await?,
            "reads only",
        ))
    }
}

/// Second unit of work: account and membership in one commit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RegisterAndJoin {
    token: SecretText,
    phc: SecretText,
    display_name: DisplayName,
}

impl Operation for RegisterAndJoin {
    const NAME: &'static str = AcceptAndRegister::NAME;
    const SUMMARY: &'static str = AcceptAndRegister::SUMMARY;
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Joined;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for RegisterAndJoin {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Joined>, TenancyError> {
        let email = open_to_new_person(tx, &self.token).await?;
        let new = NewUser {
            email,
            display_name: self.display_name.clone(),
            phc: self.phc.expose().to_owned(),
            verified: true,
        };
        let user = register(tx, new).await.map_err(|error| {
            if error.violates(Constraint::USER_EMAIL) {
                TenancyError::SignInFirst
            } else {
                error.into()
            }
        })?;
        let (tenant, invitation) = by_token(tx, &self.token).await?;
        let told = created(&user);
        Ok(join(tx, tenant, &invitation, user.id).await?.emit(told))
    }
}
