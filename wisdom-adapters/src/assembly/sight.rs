//! Noting that access tokens and API keys are in use, off the request's path.

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use wisdom_auth::api_key::verify::NoteKeyUse;
use wisdom_auth::authenticate::{confirm_sight, unconfirmed};
use wisdom_auth::session::confirmation::ConfirmGeneration;
use wisdom_auth::session::refresh::RefreshPolicy;
use wisdom_core::context::{Principal, SystemContext, SystemReason};
use wisdom_core::failure::{Failure, OperationError};

use super::Wisdom;

/// Sights that wait to be written; beyond, the next request of the session tries again.
pub(super) const WAITING: usize = 1024;
const CONFIRM: SystemReason = SystemReason("auth.session.confirm");
const NOTE_KEY: SystemReason = SystemReason("auth.api_key.note_use");

/// What was seen.
#[derive(Debug)]
pub(super) enum Sight {
    /// A generation of a session, for the first time.
    Session(ConfirmGeneration),
    /// A key, for the first time in a while.
    Key(NoteKeyUse),
}

impl Wisdom {
    /// Notes that a principal's access token arrived, so that the refresh token before it is worth nothing from now on.
    ///
    /// Cheap and without waiting: the first sight of a generation is queued for the workers, later ones do nothing. Where
    /// refresh tokens have no window, the first sight waits until it is written down.
    ///
    /// # Errors
    /// A refusal when it must be written down and cannot.
    pub async fn note_sight(&self, principal: &Principal) -> Result<(), Failure> {
        let Some(unconfirmed) = unconfirmed(&self.auth, principal) else {
            return Ok(());
        };
        if self.kit().policies.get::<RefreshPolicy>().window().is_zero() {
            // Boxed, so that the usual way does not carry the room for a unit of work.
            return Box::pin(self.confirm_now(unconfirmed)).await;
        }
        if let Some(confirm) = confirm_sight(&self.auth, principal) {
            self.see(Sight::Session(confirm));
        }
        Ok(())
    }

    async fn confirm_now(&self, confirm: ConfirmGeneration) -> Result<(), Failure> {
        let context = SystemContext::worker(CONFIRM, self.request(None, None));
        let written = self.runner.system(&context, &confirm).await;
        written.map_err(OperationError::into_failure)?;
        // Whether another request was faster does not matter: all of them waited.
        let _ = self
            .auth
            .confirmations
            .first_sight(confirm.session, confirm.generation);
        Ok(())
    }

    /// Queues what was seen for the workers, or forgets it when too much waits.
    pub(super) fn see(&self, sight: Sight) {
        if let Err(full) = self.sights.try_send(sight) {
            self.unsee(&full.into_inner());
        }
    }

    fn unsee(&self, sight: &Sight) {
        match sight {
            Sight::Session(seen) => self.auth.confirmations.forget(seen.session, seen.generation),
            Sight::Key(note) => self.known_keys.note_again(note.key),
        }
    }

    pub(super) async fn write_sights(&self, mut sights: Receiver<Sight>, stop: CancellationToken) {
        loop {
            let sight = tokio::select! {
                biased;
                sight = sights.recv() => sight,
                () = stop.cancelled() => None,
            };
            let Some(sight) = sight else { return };
            let request = self.request(None, None);
            let written = match &sight {
                Sight::Session(confirm) => {
                    let context = SystemContext::worker(CONFIRM, request);
                    self.runner.system(&context, confirm).await.map(|_| ())
                }
                Sight::Key(note) => {
                    let context = SystemContext::worker(NOTE_KEY, request);
                    self.runner.system(&context, note).await
                }
            };
            if let Err(error) = written {
                tracing::debug!(?sight, %error, "a sight could not be written");
                self.unsee(&sight);
            }
        }
    }
}
