//! Who somebody is with us, whom a provider vouches for.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::{IdSourceExt as _, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::{DisplayName, EmailAddress};

use super::FederationError;
use super::identity::{ExternalIdentity, linked};
use crate::store::IdentityTx;
use crate::user::{self, User};

/// What is to be done about somebody whose identity is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Join,
    Create,
    EmailUnverified,
    LinkRequired,
    SignUpClosed,
}

/// The rule. An account is joined only when the provider has verified the address **and** we have: with only one of the
/// two, whoever typed the address first would own what the other makes of it.
pub(super) const fn decide(
    provider_verified: bool,
    account: Option<bool>,
    link_by_email: bool,
    sign_up: bool,
) -> Unknown {
    match (provider_verified, account) {
        (false, _) => Unknown::EmailUnverified,
        (true, Some(true)) if link_by_email => Unknown::Join,
        (true, Some(_)) => Unknown::LinkRequired,
        (true, None) if sign_up => Unknown::Create,
        (true, None) => Unknown::SignUpClosed,
    }
}

/// Finds or makes the user of an identity that was proven. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveIdentity {
    pub(super) provider: String,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) verified_email: Option<EmailAddress>,
    pub(super) name: Option<DisplayName>,
    pub(super) sign_up: bool,
    pub(super) link_by_email: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resolution {
    /// The identity was linked before.
    Known(UserId),
    /// It was linked to the account with the same address.
    Joined(UserId),
    /// An account was made.
    Created(UserId),
    /// Another sign-in made the account or the link just now.
    Raced,
    EmailUnverified,
    LinkRequired,
    SignUpClosed,
}

impl Operation for ResolveIdentity {
    const NAME: &'static str = "auth.identity.resolve";
    const SUMMARY: &'static str = "Finds or makes the user of an identity that was proven.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Resolution;
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ResolveIdentity {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Resolution>, FederationError> {
        let now = tx.frame().now();
        let known = tx
            .external_identities()
            .find_by_subject(&self.issuer, &self.subject)
            .await?;
        if let Some(identity) = known {
            let email = self.verified_email.as_ref();
            tx.external_identities().touch(identity.id, email, now).await?;
            let entry = AuditEntry::on("user", identity.user).with(json!({ "identity": identity.id }));
            return Ok(Outcome::audited(Resolution::Known(identity.user), entry));
        }
        let account = match &self.verified_email {
            Some(email) => tx.users().find_by_email(email).await?,
            None => None,
        };
        let verified = account.as_ref().map(|user| user.email_verified_at.is_some());
        let refused = |resolution| {
            let entry = AuditEntry::on("provider", &self.provider)
                .with(json!({ "refused": resolution }))
                .refused();
            Ok(Outcome::audited(resolution, entry))
        };
        match (
            decide(
                self.verified_email.is_some(),
                verified,
                self.link_by_email,
                self.sign_up,
            ),
            account,
        ) {
            (Unknown::Join, Some(user)) => self.join(tx, &user).await,
            (Unknown::Create, _) => self.create(tx).await,
            (Unknown::EmailUnverified, _) => refused(Resolution::EmailUnverified),
            (Unknown::LinkRequired | Unknown::Join, _) => refused(Resolution::LinkRequired),
            (Unknown::SignUpClosed, _) => refused(Resolution::SignUpClosed),
        }
    }
}

impl ResolveIdentity {
    async fn join<Tx: IdentityTx + ?Sized>(
        &self,
        tx: &mut Tx,
        user: &User,
    ) -> Result<Outcome<Resolution>, FederationError> {
        let frame = Arc::clone(tx.frame());
        // The address that was looked up must still be this user's and verified when the link is there.
        match tx.users().update(user, user.version).await {
            Err(error) if error.kind() == wisdom_core::storage::StorageErrorKind::Stale => return Ok(raced()),
            result => result?,
        }
        let Some(identity) = attach(tx, self, user.id).await? else {
            return Ok(raced());
        };
        let details = json!({ "identity": identity.id, "provider": self.provider, "by": "verified_email" });
        let entry = AuditEntry::on("user", user.id).with(details);
        let outcome = Outcome::audited(Resolution::Joined(user.id), entry);
        Ok(outcome.emit_all(linked(&frame, user, &identity)?))
    }

    async fn create<Tx: IdentityTx + ?Sized>(
        &self,
        tx: &mut Tx,
    ) -> Result<Outcome<Resolution>, FederationError> {
        let Some(email) = &self.verified_email else {
            return Ok(Outcome::unaudited(Resolution::EmailUnverified, "decided before"));
        };
        let display_name = self.name.clone().or_else(|| {
            let local = email.as_str().split('@').next().unwrap_or_default();
            DisplayName::parse(local).ok()
        });
        let display_name = display_name
            .or_else(|| DisplayName::parse("New member").ok())
            .ok_or(super::assertion::AssertionFault::Claims)?;
        let user = match user::register_verified(tx, email.clone(), display_name).await {
            Err(error) if error.violates(Constraint::USER_EMAIL) => return Ok(raced()),
            result => result?,
        };
        let Some(identity) = attach(tx, self, user.id).await? else {
            // The user that was just made must not stay.
            return Err(StorageError::new(
                wisdom_core::storage::StorageErrorKind::Contention,
                "external_identities.insert",
            )
            .into());
        };
        let details = json!({ "identity": identity.id, "provider": self.provider });
        let entry = AuditEntry::on("user", user.id).with(details);
        Ok(Outcome::audited(Resolution::Created(user.id), entry).emit(user::created(&user)))
    }
}

fn raced() -> Outcome<Resolution> {
    Outcome::unaudited(Resolution::Raced, "nothing was done; it is decided again")
}

/// Links the identity to the user; `None` when somebody else has it since.
async fn attach<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    of: &ResolveIdentity,
    user: UserId,
) -> Result<Option<ExternalIdentity>, StorageError> {
    let frame = Arc::clone(tx.frame());
    let identity = ExternalIdentity {
        id: frame.kit().ids.id(),
        user,
        provider: of.provider.clone(),
        issuer: of.issuer.clone(),
        subject: of.subject.clone(),
        email: of.verified_email.clone(),
        created_at: frame.now(),
        last_used_at: frame.now(),
    };
    match tx.external_identities().insert(&identity).await {
        Ok(()) => Ok(Some(identity)),
        Err(error) if error.violates(Constraint::EXTERNAL_IDENTITY) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_joined_only_when_both_sides_have_verified_the_address() {
        let all = [false, true];
        for provider_verified in all {
            for account in [None, Some(false), Some(true)] {
                for link_by_email in all {
                    for sign_up in all {
                        let decision = decide(provider_verified, account, link_by_email, sign_up);
                        let joins = provider_verified && account == Some(true) && link_by_email;
                        assert_eq!(decision == Unknown::Join, joins);
                        let creates = provider_verified && account.is_none() && sign_up;
                        assert_eq!(decision == Unknown::Create, creates);
                        // Who has not proven the address is not told whether anybody has it.
                        assert_eq!(decision == Unknown::EmailUnverified, !provider_verified);
                    }
                }
            }
        }
    }
}
