//! What the edge asks of storage when an operator's token is presented: each time, so that every end counts at once.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_auth::impersonation::{Impersonation, ImpersonationPolicy};
use wisdom_auth::user::UserState;
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::ImpersonationError;
use crate::store::OnboardingTx;

/// Looks an impersonation up by the public part of its token. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindImpersonation {
    /// The public part.
    pub public_id: String,
}

/// The impersonation, if there is one that goes on, whose operator still is one in the session it was begun in, and whom the
/// tenant still admits. Never leaves the process.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FoundImpersonation {
    /// The impersonation.
    #[serde(skip)]
    pub impersonation: Option<Impersonation>,
}

impl Operation for FindImpersonation {
    const NAME: &'static str = "auth.impersonation.find";
    const SUMMARY: &'static str = "Looks an impersonation up by the public part of its token.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundImpersonation;
    type Error = ImpersonationError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for FindImpersonation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundImpersonation>, ImpersonationError> {
        let frame = Arc::clone(tx.frame());
        let now = frame.now();
        let found = tx.impersonations().find_presented(&self.public_id).await?;
        let mut impersonation = found.filter(|it| it.is_live(now));
        if let Some(it) = &impersonation {
            let session = tx.sessions().find(it.session).await?;
            let operator = tx.users().find(it.operator).await?;
            let subject = tx.users().find(it.subject).await?;
            let tenant = tx.tenants().find(it.tenant).await?;
            let policy = frame.kit().policies.get::<ImpersonationPolicy>();
            let grant = operator.as_ref().and_then(|user| policy.grant(user));
            let stands = session.is_some_and(|session| session.end(now).is_none())
                && tenant.is_some_and(|tenant| tenant.support_access.admit(now).is_ok())
                && grant.is_some_and(|may_write| may_write || !it.may_write)
                && subject.is_some_and(|user| user.state == UserState::Active);
            if !stands {
                impersonation = None;
            }
        }
        Ok(Outcome::unaudited(
            FoundImpersonation { impersonation },
            "read for requests with a token",
        ))
    }
}
