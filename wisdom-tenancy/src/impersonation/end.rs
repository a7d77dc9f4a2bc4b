//! The end before its time.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::ImpersonationId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::ImpersonationError;
use crate::store::OnboardingTx;

/// Ends an impersonation of the caller's own. Its token is refused from then on, on every node. Ending twice is no error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndImpersonation {
    /// Which.
    pub impersonation: ImpersonationId,
}

impl Operation for EndImpersonation {
    const NAME: &'static str = "auth.impersonation.end";
    const SUMMARY: &'static str = "Ends an impersonation of your own.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = ImpersonationError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for EndImpersonation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, ImpersonationError> {
        let frame = Arc::clone(tx.frame());
        // Who is no operator any more still ends what they began.
        let own = frame.session().ok_or(AccessError::InPerson)?.user;
        let found = tx.impersonations().find(self.impersonation).await?;
        let it = found
            .filter(|it| it.operator == own)
            .ok_or(ImpersonationError::NotFound)?;
        if !tx.impersonations().end(it.id, frame.now()).await? {
            return Ok(Outcome::unaudited((), "it had ended before"));
        }
        let details = json!({ "operator": it.operator, "user": it.subject });
        let entry = AuditEntry::on("impersonation", it.id)
            .in_tenant(it.tenant)
            .with(details.clone());
        let event = NewEvent::new("auth.impersonation.ended", it.id, details).of_tenant(it.tenant);
        Ok(Outcome::audited((), entry).emit(event))
    }
}
