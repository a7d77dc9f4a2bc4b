//! The schema and its migrations, inside the crate.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, SqlSafeStr as _};

use super::address::Address;
use super::roles;
use crate::storage::OpenError;

const MIGRATIONS: [(i64, &str, &str); 18] = [
    (
        1,
        "identity",
        include_str!("../../../migrations/postgres/0001_identity.sql"),
    ),
    (
        2,
        "tenancy",
        include_str!("../../../migrations/postgres/0002_tenancy.sql"),
    ),
    (
        3,
        "events",
        include_str!("../../../migrations/postgres/0003_events.sql"),
    ),
    (
        4,
        "isolation",
        include_str!("../../../migrations/postgres/0004_isolation.sql"),
    ),
    (
        5,
        "old passwords",
        include_str!("../../../migrations/postgres/0005_old_passwords.sql"),
    ),
    (
        6,
        "attempts",
        include_str!("../../../migrations/postgres/0006_attempts.sql"),
    ),
    (
        7,
        "second_factors",
        include_str!("../../../migrations/postgres/0007_second_factors.sql"),
    ),
    (
        9,
        "revocations",
        include_str!("../../../migrations/postgres/0009_revocations.sql"),
    ),
    (
        11,
        "actors",
        include_str!("../../../migrations/postgres/0011_actors.sql"),
    ),
    (
        12,
        "api_keys",
        include_str!("../../../migrations/postgres/0012_api_keys.sql"),
    ),
    (
        13,
        "external identities",
        include_str!("../../../migrations/postgres/0013_external_identities.sql"),
    ),
    (
        14,
        "passkeys",
        include_str!("../../../migrations/postgres/0014_passkeys.sql"),
    ),
    (
        15,
        "service clients",
        include_str!("../../../migrations/postgres/0015_service_clients.sql"),
    ),
    (
        16,
        "impersonations",
        include_str!("../../../migrations/postgres/0016_impersonations.sql"),
    ),
    (
        18,
        "revocation hints",
        include_str!("../../../migrations/postgres/0018_revocation_hints.sql"),
    ),
    (
        19,
        "client certificates",
        include_str!("../../../migrations/postgres/0019_client_certificates.sql"),
    ),
    (
        20,
        "support access",
        include_str!("../../../migrations/postgres/0020_support_access.sql"),
    ),
    (
        21,
        "session origins",
        include_str!("../../../migrations/postgres/0021_session_origins.sql"),
    ),
];
/// Apart from an embedder's own migrations, which have sqlx's usual table for themselves.
const MIGRATIONS_TABLE: &str = "_wisdom_migrations";

/// Brings the schema of the database up to date: roles, tables, policies, rights.
///
/// The login owns what is made. It needs the right to create tables, and to create roles unless they exist; else the
/// error holds the statements for somebody who may. Several may run at once: they queue. It needs a direct connection,
/// not a transaction pooler.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate(url: &str) -> Result<(), OpenError> {
    run(&Address::parse(url)?).await
}

pub(super) async fn connect(address: &Address) -> Result<PgConnection, OpenError> {
    PgConnection::connect_with(&address.connect)
        .await
        .map_err(|source| OpenError::Database {
            doing: "connecting",
            source,
        })
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS
        .map(|(version, name, sql)| {
            Migration::new(
                version,
                name.into(),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .to_vec();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

pub(super) async fn run(address: &Address) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database {
        doing: "migrating",
        source,
    };
    // "IF NOT EXISTS" says so each time otherwise.
    let quiet = address
        .connect
        .clone()
        .options([("client_min_messages", "warning")]);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(quiet)
        .await
        .map_err(failed)?;
    let outcome = async {
        roles::ensure(&mut *pool.acquire().await.map_err(failed)?).await?;
        migrator().run(&pool).await.map_err(OpenError::Migrate)?;
        // So that a login that does not own the schema can tell that it is up to date.
        sqlx::query("GRANT SELECT ON _wisdom_migrations TO wisdom_system")
            .execute(&pool)
            .await
            .map_err(failed)
    }
    .await;
    // Closing also lets go of the migration's lock, which a failed one leaves behind.
    pool.close().await;
    outcome.map(drop)
}

/// Whether every migration of this build was applied as it is now.
pub(super) async fn is_current(connection: &mut PgConnection) -> Result<bool, OpenError> {
    let failed = |source| OpenError::Database {
        doing: "reading the schema's version",
        source,
    };
    let exists: bool = sqlx::query_scalar(
        "SELECT to_regclass('_wisdom_migrations') IS NOT NULL
         AND (SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('wisdom_app', 'wisdom_system'))",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if !exists {
        return Ok(false);
    }
    let mut transaction = connection.begin().await.map_err(failed)?;
    // Taking the role needs the right to, which a login that has yet to migrate lacks.
    let applied = async {
        sqlx::raw_sql("SET LOCAL ROLE wisdom_system")
            .execute(&mut *transaction)
            .await?;
        sqlx::query_as::<_, (i64, Vec<u8>)>(
            "SELECT version, checksum FROM _wisdom_migrations WHERE success ORDER BY version",
        )
        .fetch_all(&mut *transaction)
        .await
    }
    .await;
    transaction.rollback().await.map_err(failed)?;
    let Ok(applied) = applied else {
        return Ok(false);
    };
    let own = migrator();
    // A newer build's further migrations are no reason to stop an older one while a deployment rolls over.
    Ok(own.iter().all(|m| {
        applied
            .iter()
            .any(|(version, sum)| *version == m.version && **sum == *m.checksum)
    }))
}
