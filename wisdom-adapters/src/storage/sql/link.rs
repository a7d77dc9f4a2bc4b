//! A pooled connection with a transaction open on it, of either database.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, SqlStr};
use sqlx_core::transaction::TransactionManager as _;
use wisdom_core::storage::{StorageError, StorageErrorKind};

use super::row::Row;
use super::statement::Statement;
use super::value::{self, Value};

/// How long undoing may take before the connection is closed instead.
const UNDO_PATIENCE: Duration = Duration::from_secs(5);

pub(in crate::storage) enum Link {
    #[cfg(feature = "sqlite")]
    Sqlite(PoolConnection<sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres {
        connection: PoolConnection<sqlx::Postgres>,
        /// Whether statements are prepared once and kept, which a transaction pooler does not bear.
        persistent: bool,
    },
}

/// Opens a transaction by a statement of our own, in a way sqlx counts: an embedder's nested `begin` on the connection
/// then makes a savepoint instead of committing ours.
pub(in crate::storage) async fn begin<DB: Database>(
    connection: &mut DB::Connection,
    statement: SqlStr,
) -> Result<(), sqlx::Error> {
    <DB::TransactionManager>::begin(connection, Some(statement)).await
}

/// Ends the transaction, which must be the outermost one.
async fn commit<DB: Database>(connection: &mut DB::Connection) -> Result<(), sqlx::Error> {
    if <DB::TransactionManager>::get_transaction_depth(connection) != 1 {
        return Err(sqlx::Error::Protocol(
            "a nested transaction was left open".to_owned(),
        ));
    }
    <DB::TransactionManager>::commit(connection).await
}

async fn rollback<DB: Database>(connection: &mut DB::Connection) -> Result<(), sqlx::Error> {
    while <DB::TransactionManager>::get_transaction_depth(connection) > 0 {
        <DB::TransactionManager>::rollback(connection).await?;
    }
    Ok(())
}

impl Link {
    pub(super) fn fault(&self, error: sqlx::Error, operation: &'static str) -> StorageError {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => crate::storage::sqlite::fault(error, operation),
            #[cfg(feature = "postgres")]
            Self::Postgres { .. } => crate::storage::postgres::fault(error, operation),
        }
    }

    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => {
                let arguments = value::sqlite_arguments(values).map_err(sqlx::Error::Encode)?;
                let done = sqlx::query_with(statement.sqlite(), arguments)
                    .execute(&mut **connection)
                    .await?;
                Ok(done.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres {
                connection,
                persistent,
            } => {
                let arguments = value::postgres_arguments(values).map_err(sqlx::Error::Encode)?;
                let query = sqlx::query_with(statement.postgres(), arguments).persistent(*persistent);
                Ok(query.execute(&mut **connection).await?.rows_affected())
            }
        }
    }

    pub(super) async fn fetch_all(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => {
                let arguments = value::sqlite_arguments(values).map_err(sqlx::Error::Encode)?;
                let rows = sqlx::query_with(statement.sqlite(), arguments)
                    .fetch_all(&mut **connection)
                    .await?;
                Ok(rows
                    .into_iter()
                    .map(|row| Row::of_sqlite(row, statement.name()))
                    .collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres {
                connection,
                persistent,
            } => {
                let arguments = value::postgres_arguments(values).map_err(sqlx::Error::Encode)?;
                let query = sqlx::query_with(statement.postgres(), arguments).persistent(*persistent);
                let rows = query.fetch_all(&mut **connection).await?;
                Ok(rows
                    .into_iter()
                    .map(|row| Row::of_postgres(row, statement.name()))
                    .collect())
            }
        }
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => commit::<sqlx::Sqlite>(connection).await,
            #[cfg(feature = "postgres")]
            Self::Postgres { connection, .. } => commit::<sqlx::Postgres>(connection).await,
        }
    }

    pub(super) async fn rollback(&mut self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => rollback::<sqlx::Sqlite>(connection).await,
            #[cfg(feature = "postgres")]
            Self::Postgres { connection, .. } => rollback::<sqlx::Postgres>(connection).await,
        }
    }

    /// Undoes the transaction and gives the connection back, or closes it when that does not work or `close` says so.
    /// Its place in the pool is held until then.
    pub(super) async fn abandon(mut self, close: bool) {
        let undone = !close
            && matches!(
                tokio::time::timeout(UNDO_PATIENCE, self.rollback()).await,
                Ok(Ok(()))
            );
        if !undone {
            self.close().await;
        }
    }

    async fn close(self) {
        // Nothing waits for an answer; a connection that cannot even say good-bye is gone as well.
        let _ = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => tokio::time::timeout(UNDO_PATIENCE, connection.close()).await,
            #[cfg(feature = "postgres")]
            Self::Postgres { connection, .. } => {
                tokio::time::timeout(UNDO_PATIENCE, connection.close()).await
            }
        };
    }
}

/// A unit of work that met an error, or was lost, goes on no further.
pub(super) fn broken(kind: StorageErrorKind, operation: &'static str) -> StorageError {
    StorageError::new(kind, operation).caused_by("an earlier statement of this unit of work failed")
}
