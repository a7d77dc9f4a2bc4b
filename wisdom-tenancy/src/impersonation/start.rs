//! The beginning: an operator, a reason, a fresh second factor, and the tenant's owners told.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_auth::api_key::{ApiKeyPolicy, text};
use wisdom_auth::impersonation::{Impersonation, ImpersonationPolicy};
use wisdom_auth::session::freshness::require_fresh;
use wisdom_auth::user::UserState;
use wisdom_core::access::{Access, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{IdSourceExt as _, TenantId, UserId, kind};
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::PageRequest;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::{ImpersonationError, ImpersonationView, operator};
use crate::store::OnboardingTx;
use crate::tenant::TenantState;

/// Members of one page while owners are looked for.
const PAGE: u32 = 100;

/// Begins to act for a member of a tenant, for at most 30 minutes. For operators, who are named by the configuration,
/// right after they have proven a second factor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartImpersonation {
    /// Where.
    pub tenant: TenantId,
    /// For whom.
    pub user: UserId,
    /// Why: 10 to 500 characters. The tenant's owners read it.
    pub reason: String,
    /// Whether to change things, and not only see them.
    #[serde(default)]
    pub write: bool,
}

/// What has begun, with the token, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StartedImpersonation {
    /// What has begun.
    #[serde(flatten)]
    pub view: ImpersonationView,
    /// The token to send as bearer token. It cannot be renewed.
    pub access_token: SecretText,
    /// Its life in seconds.
    pub expires_in: u64,
}

impl Operation for StartImpersonation {
    const NAME: &'static str = "auth.impersonation.start";
    const SUMMARY: &'static str = "Begins to act for a member of a tenant, for operators.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = StartedImpersonation;
    type Error = ImpersonationError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for StartImpersonation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<StartedImpersonation>, ImpersonationError> {
        let frame = Arc::clone(tx.frame());
        let (operator, may_write) = operator(tx, &frame).await?;
        let reason = self.reason.trim();
        if !(10..=500).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
            return Err(ImpersonationError::Reason);
        }
        let session = require_fresh(tx).await?;
        if session.second_factor_at.is_none() {
            return Err(ImpersonationError::MfaRequired);
        }
        if self.write && !may_write {
            return Err(ImpersonationError::ReadsOnly);
        }
        let (kit, now) = (frame.kit(), frame.now());
        let policy = kit.policies.get::<ImpersonationPolicy>();
        let standing = tx.tenants().standing(self.tenant, self.user).await?;
        let standing = standing
            .filter(|standing| standing.tenant.state == TenantState::Active)
            .ok_or(ImpersonationError::NotFound)?;
        let subject = tx.users().find(self.user).await?;
        let subject = subject
            .filter(|user| user.state == UserState::Active)
            .ok_or(ImpersonationError::NotFound)?;
        if policy.grant(&subject).is_some() {
            return Err(ImpersonationError::OfOperator);
        }
        let prefix = kit.policies.get::<ApiKeyPolicy>().prefix.of_impersonations();
        let new = text::mint(&prefix, None, &*kit.random)?;
        let begun = Impersonation {
            id: kit.ids.id::<kind::Impersonation>(),
            public_id: new.public_id,
            hash: new.hash,
            operator,
            session: session.id,
            subject: subject.id,
            tenant: self.tenant,
            reason: reason.to_owned(),
            may_write: self.write,
            started_at: now,
            expires_at: now.saturating_add(policy.life()),
            ended_at: None,
        };
        tx.impersonations().insert(&begun).await?;
        let mut mails = Vec::new();
        for owner in owners(tx, self.tenant).await? {
            let mail = MailRequest::new(owner, MailCategory::Security, "auth.impersonation.started")
                .with("tenant_name", standing.tenant.name.as_str())
                .with("user_name", subject.display_name.as_str())
                .with("reason", reason)
                .with("at", now.to_string());
            mails.push(mail.event(&frame, Some(self.tenant))?);
        }
        let details = json!({
            "operator": operator, "user": begun.subject, "reason": begun.reason, "write": begun.may_write,
            "expires_at": begun.expires_at,
        });
        let entry = AuditEntry::on("impersonation", begun.id)
            .in_tenant(self.tenant)
            .with(details.clone());
        let event = NewEvent::new("auth.impersonation.started", begun.id, details).of_tenant(self.tenant);
        let started = StartedImpersonation {
            view: begun.into(),
            access_token: new.text,
            expires_in: policy.life().as_secs(),
        };
        Ok(Outcome::audited(started, entry).emit(event).emit_all(mails))
    }
}

/// The addresses of the tenant's owners.
async fn owners<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<Vec<EmailAddress>, ImpersonationError> {
    let mut found = Vec::new();
    let mut page = PageRequest::first(PAGE);
    loop {
        // Whom the service acts for is theirs to know: that is what lets one enter.
        let members = tx.enter(tenant).memberships().list(&page).await?;
        let owners = members
            .items
            .into_iter()
            .filter(|member| member.membership.role == Role::Owner);
        found.extend(owners.map(|member| member.email));
        match members.next {
            Some(after) => page.after = Some(after),
            None => return Ok(found),
        }
    }
}
