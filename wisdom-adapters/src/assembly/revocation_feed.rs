//! Which sessions ended on other nodes: read from storage twice a second, and doubted when that does not work.
//!
//! Storage is asked rather than told of, so that nothing can be missed: a gap, a restart or a lost message only means
//! that the next reading finds more. `PostgreSQL` tells when it is worth reading before the half second is over. While the
//! last reading lies too far back, every request asks for its session's row; operations that are closed to some kinds of
//! callers ask always.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wisdom_auth::error::AuthError;
use wisdom_auth::session::feed::{IsOpen, ReadRevoked, RevokedSession};
use wisdom_core::access::Callers;
use wisdom_core::context::{Principal, SystemContext, SystemReason};
use wisdom_core::failure::{Failure, OperationError as _};
use wisdom_core::id::SessionId;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

use super::Wisdom;
#[cfg(feature = "postgres")]
use crate::storage::postgres::RevocationHints;

/// Between two readings.
const EVERY: Duration = Duration::from_millis(500);
/// After a hint, so that many of them are one reading.
const AFTER_HINT: Duration = Duration::from_millis(10);
/// Until listening is tried again after it failed.
#[cfg(feature = "postgres")]
const LISTEN_AGAIN: Duration = Duration::from_secs(5);
/// An end is dated when its unit of work begins and seen when it has committed; nodes' clocks differ. A reading looks
/// this far back behind the one before.
const OVERLAP: Duration = Duration::from_secs(15);
/// Every so many readings one looks as far back as the slowest unit of work could lie.
const DEEP_EVERY: u32 = 20;
const DEEP_OVERLAP: Duration = Duration::from_secs(120);
/// With a reading older than this, the feed is not trusted.
const TRUSTED: Duration = Duration::from_secs(60);
const FEED: SystemReason = SystemReason("auth.session.feed");

/// How far this node knows what other nodes ended.
#[derive(Debug)]
pub(super) struct RevocationFeed {
    /// When the last reading that succeeded began, in microseconds.
    read_at: AtomicI64,
    /// Nobody but this process can end a session: there is nothing to read.
    alone: bool,
    /// Whether the loss of the feed was logged.
    told: AtomicBool,
    /// Where storage is, if it may tell that sessions ended.
    #[cfg(feature = "postgres")]
    teller: Option<SecretText>,
    /// It did.
    hint: Notify,
}

impl RevocationFeed {
    /// A feed of the store at this address that has read nothing yet. Memory is a store that no other process can reach.
    pub(super) fn new(storage: &SecretText) -> Self {
        let alone = storage.expose().starts_with("memory:");
        #[cfg(feature = "postgres")]
        let tells = storage.expose().starts_with("postgres");
        Self {
            read_at: AtomicI64::new(i64::MIN),
            alone,
            told: AtomicBool::new(false),
            #[cfg(feature = "postgres")]
            teller: tells.then(|| storage.clone()),
            hint: Notify::new(),
        }
    }

    /// Whether ends on other nodes are known here but for the last moments.
    fn is_trusted(&self, now: Timestamp) -> bool {
        let read_at = self.read_at.load(Ordering::Acquire);
        self.alone || read_at.saturating_add(micros(TRUSTED)) >= now.as_micros()
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Wisdom {
    /// Reads which sessions ended elsewhere since the last reading. The workers do this twice a second; who runs none and
    /// shares storage with other processes calls it as often, or pays with a read of the session for every request.
    ///
    /// # Errors
    /// [`AuthError`] when storage does not answer; what was known stays known.
    pub async fn read_revocations(&self) -> Result<(), AuthError> {
        self.read_revocations_behind(OVERLAP).await
    }

    async fn read_revocations_behind(&self, overlap: Duration) -> Result<(), AuthError> {
        let feed = &self.revocation_feed;
        if feed.alone {
            return Ok(());
        }
        let began = self.kit().clock.now();
        let longest = self.auth.tokens.policy().longest_use();
        let last = feed.read_at.load(Ordering::Acquire);
        // Nothing that ended before the oldest token can be needed; after a gap, or at the start, that is all there is.
        let oldest = began.saturating_sub(longest.saturating_add(DEEP_OVERLAP));
        let from =
            Timestamp::from_micros(last).map_or(oldest, |last| last.saturating_sub(overlap).max(oldest));
        let mut after = RevokedSession {
            at: from,
            session: SessionId::from_uuid(Uuid::nil()),
        };
        let context = SystemContext::worker(FEED, self.request(None, None));
        loop {
            let page = self.runner.system(&context, &ReadRevoked { after }).await?;
            let now = self.kit().clock.now();
            for ended in &page.items {
                if self.auth.revocations.learn(ended.session, now) && last != i64::MIN {
                    metrics::histogram!("wisdom_session_revocation_seconds")
                        .record(now.since(ended.at).as_secs_f64());
                }
            }
            match page.items.last() {
                Some(last) if page.full => after = *last,
                _ => break,
            }
        }
        feed.read_at.fetch_max(began.as_micros(), Ordering::AcqRel);
        if feed.told.swap(false, Ordering::AcqRel) {
            tracing::info!("which sessions ended elsewhere is known again");
        }
        Ok(())
    }

    pub(super) async fn follow_revocations(self: Arc<Self>, stop: CancellationToken) {
        if self.revocation_feed.alone {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.listen() => {}
            () = self.read_on() => {}
        }
    }

    /// Passes on the hints of storage that can give some; never returns.
    #[cfg(feature = "postgres")]
    async fn listen(&self) {
        let Some(storage) = &self.revocation_feed.teller else {
            return pending().await;
        };
        loop {
            match RevocationHints::open(storage.expose()).await {
                Ok(None) => return pending().await,
                Ok(Some(mut hints)) => {
                    while hints.heard().await.is_ok() {
                        self.revocation_feed.hint.notify_one();
                    }
                }
                Err(error) => tracing::debug!(%error, "ended sessions are heard of at the next reading"),
            }
            sleep(LISTEN_AGAIN).await;
        }
    }

    #[cfg(not(feature = "postgres"))]
    async fn listen(&self) {
        pending().await
    }

    /// Reads again and again; never returns.
    async fn read_on(&self) {
        let mut readings = 0_u32;
        loop {
            tokio::select! {
                () = self.revocation_feed.hint.notified() => sleep(AFTER_HINT).await,
                () = sleep(EVERY) => {}
            }
            let deep = readings.is_multiple_of(DEEP_EVERY);
            readings = readings.wrapping_add(1);
            let overlap = if deep { DEEP_OVERLAP } else { OVERLAP };
            if let Err(error) = self.read_revocations_behind(overlap).await
                && !self.revocation_feed.told.swap(true, Ordering::AcqRel)
            {
                tracing::warn!(%error, "which sessions ended elsewhere cannot be read; after a minute every request asks");
            }
        }
    }

    /// Asks storage whether the principal's session was ended, if what this node knows is not fresh enough to tell. On the
    /// usual way this is one comparison. For operations that are closed to some kinds of callers (roles, keys, secrets), no
    /// moment in which another node knows more is short enough: they ask always. Other credentials than sessions have
    /// nothing to ask here.
    ///
    /// # Errors
    /// A refusal when the session has ended, or when nobody can tell.
    pub async fn ensure_open(&self, principal: &Principal, callers: Callers) -> Result<(), Failure> {
        let Some(own) = principal.session() else {
            return Ok(());
        };
        let feed = &self.revocation_feed;
        if feed.alone || callers == Callers::Any && feed.is_trusted(self.kit().clock.now()) {
            return Ok(());
        }
        // Boxed, so that the usual way does not carry the room for a unit of work.
        Box::pin(self.ask_storage(own.session)).await
    }

    async fn ask_storage(&self, session: SessionId) -> Result<(), Failure> {
        let context = SystemContext::worker(FEED, self.request(None, None));
        match self.runner.system(&context, &IsOpen { session }).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.auth.revocations.revoke([session], self.kit().clock.now());
                Err(AuthError::TokenInvalid.into_failure())
            }
            Err(error) => Err(error.into_failure()),
        }
    }
}
