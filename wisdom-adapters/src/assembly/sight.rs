//! Noting that access tokens are in use, off the request's path.

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use wisdom_auth::session::confirmation::ConfirmGeneration;
use wisdom_core::context::{Principal, SystemContext, SystemReason};

use super::Wisdom;

/// Sights that wait to be written; beyond, the next request of the session tries again.
pub(super) const WAITING: usize = 1024;
const CONFIRM: SystemReason = SystemReason("auth.session.confirm");

impl Wisdom {
    /// Notes that a principal's access token arrived, so that the refresh token before it is worth nothing from now on.
    ///
    /// Cheap and without waiting: the first sight of a generation is queued for the workers, later ones do nothing.
    pub fn note_sight(&self, principal: &Principal) {
        let confirmations = &self.auth.confirmations;
        if confirmations.first_sight(principal.session, principal.generation)
            && self.sights.try_send(principal.clone()).is_err()
        {
            confirmations.forget(principal.session, principal.generation);
        }
    }

    pub(super) async fn confirm_sights(&self, mut sights: Receiver<Principal>, stop: CancellationToken) {
        loop {
            let principal = tokio::select! {
                biased;
                principal = sights.recv() => principal,
                () = stop.cancelled() => None,
            };
            let Some(Principal {
                session, generation, ..
            }) = principal
            else {
                return;
            };
            let context = SystemContext::worker(CONFIRM, self.request(None, None));
            let confirm = ConfirmGeneration { session, generation };
            if let Err(error) = self.runner.system(&context, &confirm).await {
                tracing::debug!(%session, %error, "a sight could not be written");
                self.auth.confirmations.forget(session, generation);
            }
        }
    }
}
