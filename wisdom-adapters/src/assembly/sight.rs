//! Noting that access tokens are in use, off the request's path.

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use wisdom_auth::authenticate::confirm_sight;
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
        if let Some(confirm) = confirm_sight(&self.auth, principal)
            && let Err(full) = self.sights.try_send(confirm)
        {
            let ConfirmGeneration { session, generation } = full.into_inner();
            self.auth.confirmations.forget(session, generation);
        }
    }

    pub(super) async fn confirm_sights(
        &self,
        mut sights: Receiver<ConfirmGeneration>,
        stop: CancellationToken,
    ) {
        loop {
            let confirm = tokio::select! {
                biased;
                confirm = sights.recv() => confirm,
                () = stop.cancelled() => None,
            };
            let Some(confirm) = confirm else { return };
            let context = SystemContext::worker(CONFIRM, self.request(None, None));
            let ConfirmGeneration { session, generation } = confirm;
            if let Err(error) = self.runner.system(&context, &confirm).await {
                tracing::debug!(%session, %error, "a sight could not be written");
                self.auth.confirmations.forget(session, generation);
            }
        }
    }
}
