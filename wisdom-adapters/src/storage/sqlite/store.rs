//! The store: one writer, some readers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Connection as _, SqlSafeStr as _, Sqlite, SqlitePool};
use tokio::runtime::Handle;
use wisdom_core::context::{SystemContext, TenantContext};
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::{Effect, Frame, Kit, Store};

use super::fault;
use super::file::{self, Address};
use crate::storage::sql::{Link, SqlTx, Unit, begin, uncancelled};
use crate::storage::{OpenError, StoreOptions, SystemTx, TenantTx};

const MIGRATIONS: [(i64, &str, &str); 16] = [
    (
        1,
        "identity",
        include_str!("../../../migrations/sqlite/0001_identity.sql"),
    ),
    (
        2,
        "tenancy",
        include_str!("../../../migrations/sqlite/0002_tenancy.sql"),
    ),
    (
        3,
        "events",
        include_str!("../../../migrations/sqlite/0003_events.sql"),
    ),
    (
        5,
        "old passwords",
        include_str!("../../../migrations/sqlite/0005_old_passwords.sql"),
    ),
    (
        6,
        "attempts",
        include_str!("../../../migrations/sqlite/0006_attempts.sql"),
    ),
    (
        7,
        "second_factors",
        include_str!("../../../migrations/sqlite/0007_second_factors.sql"),
    ),
    (
        9,
        "revocations",
        include_str!("../../../migrations/sqlite/0009_revocations.sql"),
    ),
    (
        11,
        "actors",
        include_str!("../../../migrations/sqlite/0011_actors.sql"),
    ),
    (
        12,
        "api_keys",
        include_str!("../../../migrations/sqlite/0012_api_keys.sql"),
    ),
    (
        13,
        "external identities",
        include_str!("../../../migrations/sqlite/0013_external_identities.sql"),
    ),
    (
        14,
        "passkeys",
        include_str!("../../../migrations/sqlite/0014_passkeys.sql"),
    ),
    (
        15,
        "service clients",
        include_str!("../../../migrations/sqlite/0015_service_clients.sql"),
    ),
    (
        16,
        "impersonations",
        include_str!("../../../migrations/sqlite/0016_impersonations.sql"),
    ),
    (
        19,
        "client certificates",
        include_str!("../../../migrations/sqlite/0019_client_certificates.sql"),
    ),
    (
        20,
        "support access",
        include_str!("../../../migrations/sqlite/0020_support_access.sql"),
    ),
    (
        21,
        "session origins",
        include_str!("../../../migrations/sqlite/0021_session_origins.sql"),
    ),
];
/// Apart from an embedder's own migrations, which have sqlx's usual table for themselves.
const MIGRATIONS_TABLE: &str = "_wisdom_migrations";
/// How often and after which pause a migration that met another process's is tried again.
const MIGRATE_ROUNDS: u32 = 5;
const MIGRATE_PAUSE: Duration = Duration::from_millis(200);
/// How long a writer of another process may hold up ours.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// Storage in an SQLite file, in WAL mode.
///
/// Units of work that may write take turns on one connection, in the order they came, each `BEGIN IMMEDIATE`; those that
/// only read run beside them on connections that refuse to write, each on the snapshot of its first read. Tenants are
/// kept apart by the tenant's id in every statement, bound in one place.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    kit: Arc<Kit>,
    writer: SqlitePool,
    readers: SqlitePool,
    runtime: Handle,
}

impl SqliteStore {
    /// Opens, and if need be makes, the file a URL `sqlite:PATH` names. Call it within a Tokio runtime, which the store
    /// goes on using.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(url: &str, kit: Arc<Kit>, options: StoreOptions) -> Result<Self, OpenError> {
        let address = Address::parse(url)?;
        file::make(&address.path)?;
        let connect = SqliteConnectOptions::new()
            .filename(&address.path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(address.synchronous.into())
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool()
            .max_connections(1)
            .connect_with(connect.clone())
            .await
            .map_err(|source| OpenError::Database {
                doing: "opening the file",
                source,
            })?;
        migrate(&writer, options.migrate).await?;
        let readers = pool()
            .max_connections(options.max_connections.max(1))
            .connect_lazy_with(connect.pragma("query_only", "ON"));
        Ok(Self {
            kit,
            writer,
            readers,
            runtime: Handle::current(),
        })
    }

    /// Waits for the units of work under way, and closes all connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn start(&self, frame: Frame, effect: Effect) -> Result<Box<Unit>, StorageError> {
        let (pool, statement) = match effect {
            Effect::Read => (&self.readers, "BEGIN"),
            Effect::Write => (&self.writer, "BEGIN IMMEDIATE"),
        };
        let pool = pool.clone();
        let acquire = async move { pool.acquire().await.map_err(|e| fault(e, "begin")) };
        let open = move |mut connection: sqlx::pool::PoolConnection<Sqlite>| async move {
            match begin::<Sqlite>(&mut connection, statement.into_sql_str()).await {
                Ok(()) => Ok(Link::Sqlite(connection)),
                Err(error) => {
                    connection.close_on_drop();
                    Err(fault(error, "begin"))
                }
            }
        };
        let sql: SqlTx = uncancelled(&self.runtime, Arc::new(frame), effect, acquire, open).await?;
        Ok(Box::new(Unit::new(sql)))
    }
}

#[async_trait]
impl Store for SqliteStore {
    type TenantTx = dyn TenantTx;
    type SystemTx = dyn SystemTx;

    async fn begin(
        &self,
        context: &TenantContext,
        effect: Effect,
    ) -> Result<Box<dyn TenantTx>, StorageError> {
        let unit: Box<dyn TenantTx> = self.start(Frame::of_tenant(context, &self.kit), effect).await?;
        Ok(unit)
    }

    async fn begin_system(
        &self,
        context: &SystemContext,
        effect: Effect,
    ) -> Result<Box<dyn SystemTx>, StorageError> {
        let unit: Box<dyn SystemTx> = self.start(Frame::of_system(context, &self.kit), effect).await?;
        Ok(unit)
    }

    async fn ping(&self) -> Result<(), StorageError> {
        let mut connection = self.readers.acquire().await.map_err(|e| fault(e, "ping"))?;
        connection.ping().await.map_err(|e| fault(e, "ping"))
    }
}

/// Brings the schema up to date, or checks that it is.
async fn migrate(pool: &SqlitePool, allowed: bool) -> Result<(), OpenError> {
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
    if !allowed {
        let applied = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM _wisdom_migrations WHERE success");
        let applied = applied.fetch_one(pool).await.unwrap_or_default();
        return if usize::try_from(applied) == Ok(MIGRATIONS.len()) {
            Ok(())
        } else {
            Err(OpenError::Outdated)
        };
    }
    let mut round = 1;
    loop {
        match migrator.run(pool).await {
            Ok(()) => return Ok(()),
            // Another process may be migrating the same new file; once it is done there is nothing left to do.
            Err(error) if round == MIGRATE_ROUNDS => return Err(OpenError::Migrate(error)),
            Err(_) => {
                round += 1;
                tokio::time::sleep(MIGRATE_PAUSE).await;
            }
        }
    }
}
