//! Hints from the database that sessions ended, so that a node need not wait for its next reading.
//!
//! A hint may be lost or come twice: the reading is the truth, and goes on without any.

use std::fmt;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::address::Address;
use crate::storage::OpenError;

/// The channel of the trigger on `sessions` (migration 18).
const CHANNEL: &str = "wisdom_revocations";

/// Listens for sessions that end, on a connection of its own.
pub struct RevocationHints(PgListener);

impl fmt::Debug for RevocationHints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RevocationHints").finish_non_exhaustive()
    }
}

impl RevocationHints {
    /// Begins to listen at the database of a URL. `None` behind a transaction pooler, where nobody can listen.
    ///
    /// # Errors
    /// [`OpenError`] when the URL is none or the database does not answer.
    pub async fn open(url: &str) -> Result<Option<Self>, OpenError> {
        let address = Address::parse(url)?;
        if !address.persistent {
            return Ok(None);
        }
        let failed = |source| OpenError::Database {
            doing: "listening for sessions that end",
            source,
        };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(address.connect);
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Some(Self(listener)))
    }

    /// Waits until sessions may have ended: some did, or the connection was lost and hints with it. Dropping the future
    /// loses nothing but a hint.
    ///
    /// # Errors
    /// [`OpenError`] when the connection cannot be made again; open another one later.
    pub async fn heard(&mut self) -> Result<(), OpenError> {
        self.0
            .try_recv()
            .await
            .map(drop)
            .map_err(|source| OpenError::Database {
                doing: "listening for sessions that end",
                source,
            })
    }
}
