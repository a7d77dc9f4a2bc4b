//! Unlinking an identity.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::ExternalIdentityId;
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::FederationError;
use super::identity::unlinked;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;

/// Unlinks one of the caller's identities at providers, unless it is the only way in. The caller must have proven who they
/// are just now.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkIdentity {
    /// The identity.
    pub identity: ExternalIdentityId,
}

impl Operation for UnlinkIdentity {
    const NAME: &'static str = "auth.identity.unlink";
    const SUMMARY: &'static str = "Unlinks one of the caller's identities at providers.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for UnlinkIdentity {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, FederationError> {
        let frame = Arc::clone(tx.frame());
        let caller = require_fresh(tx).await?.user;
        let user = tx
            .users()
            .find(caller)
            .await?
            .ok_or(FederationError::IdentityNotFound)?;
        let all = tx.external_identities().list_of_user(user.id).await?;
        let identity = all
            .iter()
            .find(|one| one.id == self.identity)
            .ok_or(FederationError::IdentityNotFound)?;
        if all.len() == 1 && tx.users().password_hash(user.id).await?.is_none() {
            return Err(FederationError::LastWayIn);
        }
        // Two that unlink at the same moment must not each count on the other's: the user's version lets one through.
        match tx.users().update(&user, user.version).await {
            Err(error) if error.kind() == StorageErrorKind::Stale => {
                return Err(
                    StorageError::new(StorageErrorKind::Contention, "external_identities.delete").into(),
                );
            }
            result => result?,
        }
        if !tx.external_identities().delete(identity.id, user.id).await? {
            return Err(FederationError::IdentityNotFound);
        }
        let details = json!({ "identity": identity.id, "provider": identity.provider });
        let outcome = Outcome::audited((), AuditEntry::on("user", user.id).with(details));
        Ok(outcome.emit_all(unlinked(&frame, &user, identity)?))
    }
}
