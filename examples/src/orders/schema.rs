//! The tables' migrations: a text for each database, run by sqlx beside Wisdom's own.

use std::path::PathBuf;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqlSafeStr as _};
use thiserror::Error;

const SQLITE: [(i64, &str, &str); 1] = [(
    1,
    "orders",
    include_str!("../../migrations/sqlite/0001_orders.sql"),
)];
const POSTGRES: [(i64, &str, &str); 1] = [(
    1,
    "orders",
    include_str!("../../migrations/postgres/0001_orders.sql"),
)];

/// The tables could not be brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The database could not be reached.
    #[error("orders: the database cannot be reached: {0}")]
    Connect(#[from] sqlx::Error),
    /// A migration failed.
    #[error("orders: migrating failed: {0}")]
    Migrate(#[from] MigrateError),
    /// Neither `sqlite:` nor `postgres:`.
    #[error("orders: the storage is neither SQLite nor PostgreSQL")]
    Storage,
}

/// Brings the tables of orders up to date. Call it after `build`, which migrates Wisdom's tables, and before workers or
/// requests: our tables refer to Wisdom's, and on PostgreSQL to its roles.
///
/// `url` is `sqlite:` and an absolute path, or `postgres://…`.
///
/// # Errors
/// [`SchemaError`].
pub async fn migrate(url: &str) -> Result<(), SchemaError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = SqliteConnectOptions::new()
            .filename(PathBuf::from(path))
            .foreign_keys(true);
        let mut connection = options.connect().await?;
        migrator(SQLITE).run(&mut connection).await?;
        Ok(connection.close().await?)
    } else if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await?;
        migrator(POSTGRES).run(&mut connection).await?;
        Ok(connection.close().await?)
    } else {
        Err(SchemaError::Storage)
    }
}

fn migrator<const N: usize>(migrations: [(i64, &'static str, &'static str); N]) -> Migrator {
    let migrations = migrations.map(|(version, name, sql)| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.to_vec())
}

#[cfg(test)]
mod tests {
    use wisdom_adapters::storage::postgres::tenant_table_sql;

    use super::*;

    /// The policies stand in the file as text, because a migration that was applied must never change. When the helper
    /// prints something new, that goes into a new migration.
    #[test]
    fn every_table_has_wisdoms_policies() {
        let (_, _, sql) = POSTGRES[0];
        for table in ["orders", "order_totals"] {
            assert!(sql.contains(&tenant_table_sql(table).unwrap()), "{table}");
        }
    }
}
