//! Consumers of events that only the assembly can build, because they join ports and caches.

use std::sync::Arc;

use async_trait::async_trait;
use wisdom_auth::error::AuthError;
use wisdom_auth::mailed_proof::{IssueProof, ProofWish, WISHED};
use wisdom_core::context::{SystemContext, SystemReason};
use wisdom_core::event::StoredEvent;
use wisdom_core::id::{IdSourceExt as _, kind};
use wisdom_core::port::Retry;
use wisdom_core::runner::Runner;
use wisdom_core::seal::SealError;
use wisdom_core::trace::RequestInfo;
use wisdom_events::bus::{Consumer, ConsumerError};

use super::memberships::Memberships;
use crate::storage::DynStore;

/// Forgets what is known of memberships when an event says that one changed, on whichever node it did.
#[derive(Debug)]
pub(super) struct ForgetMemberships(pub(super) Arc<Memberships>);

#[async_trait]
impl Consumer for ForgetMemberships {
    fn name(&self) -> &'static str {
        "assembly.memberships"
    }

    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("tenancy.membership.") || kind.starts_with("tenancy.tenant.")
    }

    async fn handle(&self, _: &StoredEvent) -> Result<(), ConsumerError> {
        self.0.forget();
        Ok(())
    }
}

const ISSUING: SystemReason = SystemReason("auth.mailed_proof.issue");

/// Issues the mailed proofs that somebody wished for. It is the relay's work, so that the answer to a wish takes as long
/// for an unknown address as for a known one.
#[derive(Debug)]
pub(super) struct IssueProofs(pub(super) Runner<DynStore>);

#[async_trait]
impl Consumer for IssueProofs {
    fn name(&self) -> &'static str {
        "assembly.mailed_proofs"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == WISHED
    }

    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError> {
        let kit = self.0.kit();
        let wish = ProofWish::from_event(event, &*kit.sealer).map_err(|error| {
            // A value that does not open will not open later either; a sealer that fails is another matter.
            let retry = if error == SealError::Refused {
                Retry::Never
            } else {
                Retry::Backoff
            };
            ConsumerError::new(retry, error.to_string())
        })?;
        let request = RequestInfo {
            id: kit.ids.id::<kind::Request>(),
            trace: event.trace,
            source: None,
            certificate: None,
        };
        let context = SystemContext::worker(ISSUING, request);
        let issued = self.0.system(&context, &IssueProof { wish }).await;
        issued.map_err(|error| match error {
            AuthError::Storage(error) => error.into(),
            error => ConsumerError::new(Retry::Backoff, error.to_string()),
        })
    }
}
