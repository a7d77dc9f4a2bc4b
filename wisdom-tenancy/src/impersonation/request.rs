//! What is left of a refusal: the owners know that somebody asked, and why.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::owners::owners;
use super::wish::wish;
use super::{ImpersonationError, StartImpersonation};
use crate::store::OnboardingTx;

/// One operator asks the owners of one tenant once in this time; what they ask in between is not told.
const PAUSE: Duration = Duration::from_secs(3600);

/// Asks the owners of a tenant to open it to operators. Internal: what follows from a start that was not granted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestSupportAccess {
    pub(super) wanted: StartImpersonation,
}

impl Operation for RequestSupportAccess {
    const NAME: &'static str = "auth.impersonation.request";
    const SUMMARY: &'static str = "Asks the owners of a tenant to open it to operators.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = ImpersonationError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for RequestSupportAccess {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, ImpersonationError> {
        let wish = wish(tx, &self.wanted).await?;
        let frame = Arc::clone(tx.frame());
        let (tenant, now) = (wish.tenant.id, frame.now());
        let since = now.saturating_sub(PAUSE);
        let noted = tx
            .impersonations()
            .note_request(tenant, wish.operator, now, since);
        if !noted.await? {
            return Ok(Outcome::unaudited((), "the owners were asked within the hour"));
        }
        let mut mails = Vec::new();
        for owner in owners(tx, tenant).await? {
            let mail = MailRequest::new(owner, MailCategory::Security, "auth.impersonation.requested")
                .with("tenant_name", wish.tenant.name.as_str())
                .with("user_name", wish.subject.display_name.as_str())
                .with("reason", wish.reason)
                .with("at", now.to_string());
            mails.push(mail.event(&frame, Some(tenant))?);
        }
        let details = json!({
            "operator": wish.operator, "user": wish.subject.id, "reason": wish.reason, "write": self.wanted.write,
        });
        let entry = AuditEntry::on("tenant", tenant)
            .in_tenant(tenant)
            .with(details.clone());
        let event = NewEvent::new("auth.impersonation.requested", tenant, details).of_tenant(tenant);
        Ok(Outcome::audited((), entry).emit(event).emit_all(mails))
    }
}
