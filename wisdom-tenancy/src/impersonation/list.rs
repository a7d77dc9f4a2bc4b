//! What an operator has begun lately.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{ImpersonationError, ImpersonationView, operator};
use crate::store::OnboardingTx;

/// Lists the caller's own impersonations, newest first: the last 100. The audit log has them all.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListImpersonations {}

/// Impersonations of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImpersonationList {
    /// Newest first.
    pub items: Vec<ImpersonationView>,
}

impl Operation for ListImpersonations {
    const NAME: &'static str = "auth.impersonation.list";
    const SUMMARY: &'static str = "Lists your own impersonations, for operators.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = ImpersonationList;
    type Error = ImpersonationError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for ListImpersonations {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ImpersonationList>, ImpersonationError> {
        let frame = Arc::clone(tx.frame());
        let (operator, _) = operator(tx, &frame).await?;
        let found = tx.impersonations().list_of(operator, 100).await?;
        let items = found.into_iter().map(Into::into).collect();
        Ok(Outcome::unaudited(ImpersonationList { items }, "reads only"))
    }
}
