//! Noting that access tokens are in use, off the request's path.

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use wisdom_auth::session::confirmation::ConfirmGeneration;
use wisdom_core::context::{Principal, SystemContext, SystemReason, UserSession};

use super::Wisdom;

/// Sights that wait to be written; beyond, the next request of the session tries again.
pub(super) const WAITING: usize = 1024;
const CONFIRM: SystemReason = SystemReason("auth.session.confirm");

impl Wisdom {
    /// Notes that a principal's access token arrived, so that the refresh token before it is worth nothing from now on.
    ///
    /// Cheap and without waiting: the first sight of a generation is queued for the workers, later ones do nothing.
    pub fn note_sight(&self, principal: &Principal) {
        let Some(own) = principal.session() else { return };
        let confirmations = &self.auth.confirmations;
        if confirmations.first_sight(own.session, own.generation) && self.sights.try_send(*own).is_err() {
            confirmations.forget(own.session, own.generation);
        }
    }

    pub(super) async fn confirm_sights(&self, mut sights: Receiver<UserSession>, stop: CancellationToken) {
        loop {
            let sight = tokio::select! {
                biased;
                sight = sights.recv() => sight,
                () = stop.cancelled() => None,
            };
            let Some(UserSession {
                session, generation, ..
            }) = sight
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
