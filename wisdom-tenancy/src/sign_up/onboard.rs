//! The one unit of work of sign-up.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_auth::one_time_token::{TokenPurpose, issue};
use wisdom_auth::user::{NewUser, created, register};
use wisdom_core::access::Access;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::{DisplayName, EmailAddress, Slug};

use super::SignUp;
use crate::error::{TenancyError, rerun};
use crate::kit::SignUpPolicy;
use crate::store::OnboardingTx;
use crate::tenant::found;

/// The mail to a new person. Parameter: `token`. Not the names: anybody could send their words to any address with them.
const VERIFY: &str = "auth.sign_up.verify";
/// The mail to a person who has an account. No parameters: what the caller typed is none of theirs.
const EXISTING: &str = "auth.sign_up.existing";

/// User, tenant, ownership, token and mail, or the mail to whom the address belongs already.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Onboard {
    pub(super) email: EmailAddress,
    pub(super) phc: SecretText,
    pub(super) display_name: DisplayName,
    pub(super) tenant_name: DisplayName,
    pub(super) tenant_slug: Option<Slug>,
    /// Whether the owner of a known address is mailed, or was mailed often enough.
    pub(super) may_tell_known: bool,
}

impl Operation for Onboard {
    const NAME: &'static str = SignUp::NAME;
    const SUMMARY: &'static str = SignUp::SUMMARY;
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for Onboard {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        // Before anything is known of the address, so that a taken slug says nothing about it.
        if let Some(slug) = &self.tenant_slug
            && tx.tenants().find_by_slug(slug).await?.is_some()
        {
            return Err(TenancyError::SlugTaken);
        }
        if let Some(known) = tx.users().find_by_email(&self.email).await? {
            return Ok(self.tell(tx, known.email)?);
        }
        let new = NewUser {
            email: self.email.clone(),
            display_name: self.display_name.clone(),
            phc: self.phc.expose().to_owned(),
            verified: false,
        };
        // Taken a moment ago by a unit of work that was faster: the next run finds the address known.
        let user = register(tx, new).await.map_err(|error| {
            if error.violates(Constraint::USER_EMAIL) {
                rerun(error)
            } else {
                error
            }
        })?;
        let founded = found(tx, &self.tenant_name, self.tenant_slug.as_ref(), user.id).await?;
        let ttl = frame.kit().policies.get::<SignUpPolicy>().verification_ttl;
        let token = issue(tx, user.id, &user.email, TokenPurpose::VerifyEmail, ttl).await?;
        let mail = MailRequest::new(user.email.clone(), MailCategory::Security, VERIFY)
            .with("token", token.expose())
            .event(&frame, None)?;
        let entry = founded.audit();
        Ok(Outcome::audited((), entry)
            .emit(created(&user))
            .emit_all(founded.events)
            .emit(mail))
    }
}

impl Onboard {
    /// Mails the owner of a known address: to the address as the account has it, which need not be letter by letter
    /// what was typed.
    fn tell<Tx: OnboardingTx + ?Sized>(
        &self,
        tx: &Tx,
        owner: EmailAddress,
    ) -> Result<Outcome<()>, StorageError> {
        let outcome = Outcome::unaudited(
            (),
            "nothing is changed, and a log of it would tell who has an account",
        );
        if !self.may_tell_known {
            return Ok(outcome);
        }
        let mail = MailRequest::new(owner, MailCategory::Security, EXISTING);
        Ok(outcome.emit(mail.event(tx.frame(), None)?))
    }
}
