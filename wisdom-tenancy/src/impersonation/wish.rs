//! What an operator wants, and whether anything but the tenant stands in the way.

use std::sync::Arc;

use wisdom_auth::impersonation::ImpersonationPolicy;
use wisdom_auth::session::freshness::require_fresh;
use wisdom_auth::user::{User, UserState};
use wisdom_core::id::{SessionId, UserId};

use super::{ImpersonationError, StartImpersonation, operator};
use crate::store::OnboardingTx;
use crate::tenant::{Tenant, TenantState};

/// A wish that only the tenant can still refuse.
pub(super) struct Wish<'a> {
    pub(super) operator: UserId,
    /// The operator's.
    pub(super) session: SessionId,
    pub(super) reason: &'a str,
    pub(super) subject: User,
    pub(super) tenant: Tenant,
}

/// Refuses whoever is no operator, gives no reason, has not just proven a second factor, wants more than they hold, or
/// names somebody whom nobody acts for.
pub(super) async fn wish<'a, Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    asked: &'a StartImpersonation,
) -> Result<Wish<'a>, ImpersonationError> {
    let frame = Arc::clone(tx.frame());
    let (operator, may_write) = operator(tx, &frame).await?;
    let reason = asked.reason.trim();
    if !(10..=500).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        return Err(ImpersonationError::Reason);
    }
    let session = require_fresh(tx).await?;
    if session.second_factor_at.is_none() {
        return Err(ImpersonationError::MfaRequired);
    }
    if asked.write && !may_write {
        return Err(ImpersonationError::ReadsOnly);
    }
    let standing = tx.tenants().standing(asked.tenant, asked.user).await?;
    let standing = standing
        .filter(|standing| standing.tenant.state == TenantState::Active)
        .ok_or(ImpersonationError::NotFound)?;
    let subject = tx.users().find(asked.user).await?;
    let subject = subject
        .filter(|user| user.state == UserState::Active)
        .ok_or(ImpersonationError::NotFound)?;
    let policy = frame.kit().policies.get::<ImpersonationPolicy>();
    if policy.grant(&subject).is_some() {
        return Err(ImpersonationError::OfOperator);
    }
    Ok(Wish {
        operator,
        session: session.id,
        reason,
        subject,
        tenant: standing.tenant,
    })
}
