//! The store: a bounded pool, and `BEGIN` with role, tenant and limits in one round trip.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Postgres, SqlSafeStr as _, SqlStr};
use tokio::runtime::Handle;
use wisdom_core::context::{SystemContext, TenantContext};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::{Effect, Frame, Kit, Store};

use super::address::Address;
use super::fault::{fault, is_lost};
use super::{isolation, migrate, roles};
use crate::storage::sql::{Link, Unit, begin, uncancelled};
use crate::storage::{OpenError, StoreOptions, SystemTx, TenantTx};

/// How long `BEGIN` may take on a connection before the connection is taken for lost.
const BEGIN_PATIENCE: Duration = Duration::from_secs(5);
/// Limits the server keeps for each transaction: waiting for a lock, running a statement, sitting idle; and how often
/// it looks whether the client of a running statement is still there. A unit of work waits for nothing outside.
const LIMITS: &str = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'; \
     SET LOCAL idle_in_transaction_session_timeout = '15s'; SET LOCAL client_connection_check_interval = '1s'";

/// Storage in PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    kit: Arc<Kit>,
    pool: PgPool,
    persistent: bool,
    runtime: Handle,
}

impl PostgresStore {
    /// Opens the database a URL names, migrating it first if the options say so and it is needed, and refuses one whose
    /// tenant isolation is not whole. Call it within a Tokio runtime, which the store goes on using.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(url: &str, kit: Arc<Kit>, options: StoreOptions) -> Result<Self, OpenError> {
        let address = Address::parse(url)?;
        let mut connection = migrate::connect(&address).await?;
        if !migrate::is_current(&mut connection).await? {
            if !options.migrate {
                return Err(OpenError::Outdated);
            }
            migrate::run(&address).await?;
        }
        roles::ensure(&mut connection).await?;
        isolation::verify(&mut connection).await?;
        // It served its purpose; a failing good-bye changes nothing.
        let _ = connection.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(options.acquire_timeout)
            // BEGIN itself tells whether a connection is still good.
            .test_before_acquire(false)
            .connect_lazy_with(address.connect);
        Ok(Self {
            kit,
            pool,
            persistent: address.persistent,
            runtime: Handle::current(),
        })
    }

    /// Waits for the units of work under way, and closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn start(&self, frame: Frame, effect: Effect) -> Result<Box<Unit>, StorageError> {
        let statement = opening(&frame, effect);
        let (pool, persistent) = (self.pool.clone(), self.persistent);
        // Connections that died while idle: at most all of them, and then a new one.
        let spare = pool.options().get_max_connections();
        let acquire = {
            let pool = pool.clone();
            async move { pool.acquire().await.map_err(|e| fault(e, "begin")) }
        };
        let open = move |mut connection: PoolConnection<Postgres>| async move {
            let mut spare = spare;
            loop {
                let begun = tokio::time::timeout(
                    BEGIN_PATIENCE,
                    begin::<Postgres>(&mut connection, statement.clone()),
                );
                let error = match begun.await {
                    Ok(Ok(())) => {
                        return Ok(Link::Postgres {
                            connection,
                            persistent,
                        });
                    }
                    Ok(Err(error)) => error,
                    Err(elapsed) => {
                        connection.close_on_drop();
                        return Err(
                            StorageError::new(StorageErrorKind::Unavailable, "begin").caused_by(elapsed)
                        );
                    }
                };
                connection.close_on_drop();
                drop(connection);
                if !is_lost(&error) || spare == 0 {
                    return Err(fault(error, "begin"));
                }
                spare -= 1;
                connection = pool.acquire().await.map_err(|e| fault(e, "begin"))?;
            }
        };
        let sql = uncancelled(&self.runtime, Arc::new(frame), effect, acquire, open).await?;
        Ok(Box::new(Unit::new(sql)))
    }
}

/// The statements that open a unit of work, sent as one message. A role and a setting made `LOCAL` end with the
/// transaction, whatever becomes of it.
///
/// The one place where SQL is put together: from constants and a UUID as its type prints it.
fn opening(frame: &Frame, effect: Effect) -> SqlStr {
    let mut sql = String::with_capacity(512);
    sql.push_str(match effect {
        // All its statements see the same snapshot.
        Effect::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ",
        Effect::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ",
    });
    // Writing to a String does not fail.
    let _ = match frame.tenant() {
        Some(tenant) => write!(
            sql,
            "SET LOCAL ROLE {}; SET LOCAL wisdom.tenant_id = '{}'; ",
            roles::APP_ROLE,
            tenant.as_uuid().hyphenated()
        ),
        None => write!(
            sql,
            "SET LOCAL ROLE {}; SET LOCAL wisdom.tenant_id = ''; ",
            roles::SYSTEM_ROLE
        ),
    };
    sql.push_str(LIMITS);
    AssertSqlSafe(sql).into_sql_str()
}

#[async_trait]
impl Store for PostgresStore {
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
        let pool = self.pool.clone();
        // In a task of its own, so that a check given up half-way leaves no answer behind on the connection.
        let asked = self.runtime.spawn(async move {
            let mut connection = pool.acquire().await?;
            let answer = tokio::time::timeout(BEGIN_PATIENCE, connection.ping()).await;
            match answer {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    connection.close_on_drop();
                    Err(error)
                }
                Err(_) => {
                    connection.close_on_drop();
                    Err(sqlx::Error::PoolTimedOut)
                }
            }
        });
        match asked.await {
            Ok(answer) => answer.map_err(|e| fault(e, "ping")),
            Err(error) => Err(StorageError::new(StorageErrorKind::Unavailable, "ping").caused_by(error)),
        }
    }
}
