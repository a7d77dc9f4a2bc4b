//! What ends with the tenant's leave.

use serde_json::json;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{ImpersonationId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::store::TenancyTx;

/// An impersonation that was ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedImpersonation {
    /// Which.
    pub id: ImpersonationId,
    /// Who acted.
    pub operator: UserId,
    /// For whom.
    pub subject: UserId,
}

/// Ends whatever operators have going on in the tenant; answers what there is to tell about it.
pub(super) async fn end_all<Tx: TenancyTx + ?Sized>(
    tx: &mut Tx,
    at: Timestamp,
) -> Result<Vec<NewEvent>, StorageError> {
    let ended = tx.own_tenant().end_impersonations(at).await?;
    let told = ended.into_iter().map(|it| {
        let details = json!({ "operator": it.operator, "user": it.subject });
        NewEvent::new("auth.impersonation.ended", it.id, details)
    });
    Ok(told.collect())
}
