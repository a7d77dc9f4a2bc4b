//! The executor: one transaction of either database, and the only way statements reach it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::{Effect, Frame};

use super::link::{Link, broken};
use super::row::Row;
use super::statement::Statement;
use super::value::Value;

/// How long one statement may take. The server's own limit is shorter; this one is for a server that went away.
const STATEMENT_PATIENCE: Duration = Duration::from_secs(15);

/// The SQL transaction of a unit of work, for an embedder's own tables.
///
/// A tenant's own tables have a column `tenant_id`; bind [`SqlTx::frame`]'s tenant to it in every statement. On
/// PostgreSQL row-level security holds all the same (see [`tenant_table_sql`](crate::storage::postgres::tenant_table_sql)).
///
/// Any error ends the unit of work: later statements and the commit are refused with an error of the same kind, on both
/// databases alike. What may fail without harm is written as `INSERT … ON CONFLICT DO NOTHING`, and the row count asked.
///
/// Dropped without commit it undoes everything before its connection is lent again; dropped within a statement, the
/// connection is closed instead.
pub struct SqlTx {
    link: Option<Link>,
    frame: Arc<Frame>,
    effect: Effect,
    runtime: Handle,
    /// A statement was begun and its end was not seen.
    under_way: bool,
    /// The raw connection was lent out, so what is under way on it cannot be known.
    lent: bool,
    failed: Option<StorageErrorKind>,
}

impl fmt::Debug for SqlTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlTx")
            .field("tenant", &self.frame.tenant())
            .field("effect", &self.effect)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl SqlTx {
    /// Takes over a connection on which a transaction was just opened.
    pub(in crate::storage) fn opened(link: Link, frame: Arc<Frame>, effect: Effect, runtime: Handle) -> Self {
        Self {
            link: Some(link),
            frame,
            effect,
            runtime,
            under_way: false,
            lent: false,
            failed: None,
        }
    }

    /// What is fixed for the unit of work: tenant, actor, time.
    #[must_use]
    pub fn frame(&self) -> &Arc<Frame> {
        &self.frame
    }

    pub(super) fn effect(&self) -> Effect {
        self.effect
    }

    /// Runs a statement; answers how many rows it changed.
    ///
    /// # Errors
    /// A [`StorageError`] named after the statement.
    pub async fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        let link = start(&mut self.link, &mut self.under_way, self.failed, statement.name())?;
        let ended = tokio::time::timeout(STATEMENT_PATIENCE, link.execute(statement, values)).await;
        self.end(ended, statement.name())
    }

    /// Runs a statement; answers all its rows.
    ///
    /// # Errors
    /// A [`StorageError`] named after the statement.
    pub async fn fetch_all(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StorageError> {
        let link = start(&mut self.link, &mut self.under_way, self.failed, statement.name())?;
        let ended = tokio::time::timeout(STATEMENT_PATIENCE, link.fetch_all(statement, values)).await;
        self.end(ended, statement.name())
    }

    /// Runs a statement; answers its first row, if it has one.
    ///
    /// # Errors
    /// A [`StorageError`] named after the statement.
    pub async fn fetch_optional(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StorageError> {
        Ok(self.fetch_all(statement, values).await?.into_iter().next())
    }

    /// The connection itself, on SQLite. Neither end the transaction nor change settings of the session on it; `begin`
    /// makes a savepoint.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn sqlite(&mut self) -> Option<&mut sqlx::SqliteConnection> {
        match &mut self.link {
            Some(Link::Sqlite(connection)) => {
                self.lent = true;
                Some(connection)
            }
            _ => None,
        }
    }

    /// The connection itself, on PostgreSQL. Neither end the transaction nor change its role or the settings of the
    /// session on it; `begin` makes a savepoint.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(&mut self) -> Option<&mut sqlx::PgConnection> {
        match &mut self.link {
            Some(Link::Postgres { connection, .. }) => {
                self.lent = true;
                Some(connection)
            }
            _ => None,
        }
    }

    fn end<T>(
        &mut self,
        ended: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
        operation: &'static str,
    ) -> Result<T, StorageError> {
        let error = match ended {
            Ok(answer) => {
                self.under_way = false;
                match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => match &self.link {
                        Some(link) => link.fault(error, operation),
                        None => StorageError::new(StorageErrorKind::Internal, operation).caused_by(error),
                    },
                }
            }
            Err(elapsed) => StorageError::new(StorageErrorKind::Timeout, operation).caused_by(elapsed),
        };
        self.failed = Some(error.kind());
        Err(error)
    }

    pub(super) async fn commit(mut self) -> Result<(), StorageError> {
        const COMMIT: &str = "commit";
        // Of an aborted transaction PostgreSQL makes a rollback without saying so; a statement makes it speak.
        if self.lent {
            self.execute(&Statement::new(COMMIT, "SELECT 1"), &[]).await?;
        }
        let link = start(&mut self.link, &mut self.under_way, self.failed, COMMIT)?;
        let ended = tokio::time::timeout(STATEMENT_PATIENCE, link.commit()).await;
        // Until it is known to have ended well, the connection is not fit to be lent again.
        let fine = matches!(ended, Ok(Ok(())));
        let answer = self.end(ended, COMMIT);
        self.under_way = !fine;
        if fine {
            self.link = None;
        }
        answer
    }

    pub(super) async fn rollback(mut self) -> Result<(), StorageError> {
        if self.under_way {
            // Dropping closes the connection, which rolls back as well.
            return Ok(());
        }
        let Some(link) = self.link.as_mut() else {
            return Ok(());
        };
        self.under_way = true;
        let ended = tokio::time::timeout(STATEMENT_PATIENCE, link.rollback()).await;
        let fine = matches!(ended, Ok(Ok(())));
        let answer = self.end(ended, "rollback");
        self.under_way = !fine;
        if fine {
            self.link = None;
        }
        answer
    }
}

/// Notes that a statement is under way, unless the unit of work met an error before.
fn start<'a>(
    link: &'a mut Option<Link>,
    under_way: &mut bool,
    failed: Option<StorageErrorKind>,
    operation: &'static str,
) -> Result<&'a mut Link, StorageError> {
    if let Some(kind) = failed {
        return Err(broken(kind, operation));
    }
    // Set, it means that the future of an earlier statement was dropped half-way.
    if *under_way {
        return Err(broken(StorageErrorKind::Internal, operation));
    }
    let link = link
        .as_mut()
        .ok_or_else(|| StorageError::new(StorageErrorKind::Internal, operation))?;
    *under_way = true;
    Ok(link)
}

impl Drop for SqlTx {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            let close = self.under_way || self.lent;
            // Entered, so that connections can go back to their pool even while the runtime ends.
            let _runtime = self.runtime.enter();
            self.runtime.spawn(link.abandon(close));
        }
    }
}
