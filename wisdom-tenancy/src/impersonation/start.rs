//! The beginning: an operator, a reason, a fresh second factor, the tenant's leave, and its owners told.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_auth::api_key::{ApiKeyPolicy, text};
use wisdom_auth::impersonation::{Impersonation, ImpersonationPolicy};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{IdSourceExt as _, TenantId, UserId, kind};
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::owners::owners;
use super::request::RequestSupportAccess;
use super::wish::wish;
use super::{ImpersonationError, ImpersonationView};
use crate::kit::TenancyHost;
use crate::store::OnboardingTx;
use crate::support_access::Admitted;

/// Begins to act for a member of a tenant, for at most 30 minutes. For operators, who are named by the configuration,
/// right after they have proven a second factor, in tenants that admit them. Where an owner has to open the tenant first,
/// the refusal asks its owners, at most once an hour.
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

impl<H: TenancyHost + ?Sized> Flow<H> for StartImpersonation {
    async fn run(&self, host: &H, caller: &Caller) -> Result<StartedImpersonation, ImpersonationError> {
        let begin = BeginImpersonation { wanted: self.clone() };
        match host.runner().on_behalf(caller, &begin).await {
            Err(ImpersonationError::NotGranted) => {
                // That somebody asked has to last, so it cannot be part of what the refusal rolls back.
                let request = RequestSupportAccess { wanted: self.clone() };
                host.runner().on_behalf(caller, &request).await?;
                Err(ImpersonationError::NotGranted)
            }
            begun => begun,
        }
    }
}

/// The one unit of work of what is granted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginImpersonation {
    wanted: StartImpersonation,
}

impl Operation for BeginImpersonation {
    const NAME: &'static str = StartImpersonation::NAME;
    const SUMMARY: &'static str = StartImpersonation::SUMMARY;
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = StartedImpersonation;
    type Error = ImpersonationError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for BeginImpersonation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<StartedImpersonation>, ImpersonationError> {
        let wish = wish(tx, &self.wanted).await?;
        let frame = Arc::clone(tx.frame());
        let (kit, now, tenant) = (frame.kit(), frame.now(), wish.tenant.id);
        let policy = kit.policies.get::<ImpersonationPolicy>();
        let longest = now.saturating_add(policy.life());
        let expires_at = match wish.tenant.support_access.admit(now)? {
            Admitted::Unbounded => longest,
            Admitted::Until(until) => longest.min(until),
        };
        let prefix = kit.policies.get::<ApiKeyPolicy>().prefix.of_impersonations();
        let new = text::mint(&prefix, None, &*kit.random)?;
        let begun = Impersonation {
            id: kit.ids.id::<kind::Impersonation>(),
            public_id: new.public_id,
            hash: new.hash,
            operator: wish.operator,
            session: wish.session,
            subject: wish.subject.id,
            tenant,
            reason: wish.reason.to_owned(),
            may_write: self.wanted.write,
            started_at: now,
            expires_at,
            ended_at: None,
        };
        tx.impersonations().insert(&begun).await?;
        let mut mails = Vec::new();
        for owner in owners(tx, tenant).await? {
            let mail = MailRequest::new(owner, MailCategory::Security, "auth.impersonation.started")
                .with("tenant_name", wish.tenant.name.as_str())
                .with("user_name", wish.subject.display_name.as_str())
                .with("reason", wish.reason)
                .with("at", now.to_string());
            mails.push(mail.event(&frame, Some(tenant))?);
        }
        let details = json!({
            "operator": begun.operator, "user": begun.subject, "reason": begun.reason, "write": begun.may_write,
            "expires_at": begun.expires_at,
        });
        let entry = AuditEntry::on("impersonation", begun.id)
            .in_tenant(tenant)
            .with(details.clone());
        let event = NewEvent::new("auth.impersonation.started", begun.id, details).of_tenant(tenant);
        let started = StartedImpersonation {
            expires_in: begun.expires_at.since(now).as_secs(),
            view: begun.into(),
            access_token: new.text,
        };
        Ok(Outcome::audited(started, entry).emit(event).emit_all(mails))
    }
}
