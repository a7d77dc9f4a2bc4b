//! The factory: a store from a URL.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use wisdom_core::unit_of_work::Kit;

use super::DynStore;

/// Why a store could not be opened. The text says what to do; it never holds the URL, which may hold a password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is of no store this build knows.
    #[error("storage URL: {0}; use sqlite:PATH, postgres://USER@HOST/DATABASE or memory:")]
    Address(&'static str),
    /// The kind of store was left out of this build.
    #[error("storage: this build has no {0}; build with the feature of that name")]
    NotBuilt(&'static str),
    /// A file or folder could not be made.
    #[error("storage: {path} cannot be made; check that the folder exists and may be written: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be reached, or refused.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    #[error("storage: {doing} failed; check that the database runs and the URL's login may use it: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    #[error("storage: migrating the schema failed; run the migration with a login that owns it: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The schema is not the one of this build, and the store was opened without leave to migrate.
    #[error("storage: the schema is not up to date; migrate it first")]
    Outdated,
    /// The roles that units of work run as are missing, and the login may not create or take them.
    #[error(
        "storage: the login may not set up the roles of tenant isolation; let an administrator run:\n{sql}"
    )]
    Roles {
        /// The statements to run.
        sql: String,
    },
    /// Tenant isolation is not as it must be, so the store does not open.
    #[error("storage: tenant isolation is not whole, refusing to open:\n{}", findings.join("\n"))]
    Isolation {
        /// What is wrong, a line each: the table or role, the fault, and the remedy.
        findings: Vec<String>,
    },
}

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Connections at most: to PostgreSQL, or readers of an SQLite file (which has one writer besides). 1 or more.
    pub max_connections: u32,
    /// How long a unit of work waits for a connection before it is refused as unavailable.
    pub acquire_timeout: Duration,
    /// Whether opening brings the schema up to date. Without, an outdated schema is an error.
    pub migrate: bool,
}

impl StoreOptions {
    /// The defaults for PostgreSQL: 16 connections, 3 s, migrating.
    pub const POSTGRES: Self = Self {
        max_connections: 16,
        acquire_timeout: Duration::from_secs(3),
        migrate: true,
    };
    /// The defaults for SQLite: 4 readers, 3 s, migrating.
    pub const SQLITE: Self = Self {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(3),
        migrate: true,
    };
}

/// Opens the store a URL names, with the defaults of its kind: `sqlite:PATH`, `postgres://…` or `memory:`.
///
/// # Errors
/// [`OpenError`].
pub async fn open(url: &str, kit: Arc<Kit>) -> Result<Arc<DynStore>, OpenError> {
    open_with(url, kit, None).await
}

/// As [`open`], with options instead of the defaults.
///
/// # Errors
/// [`OpenError`].
pub async fn open_with(
    url: &str,
    kit: Arc<Kit>,
    options: Option<StoreOptions>,
) -> Result<Arc<DynStore>, OpenError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("memory") => Ok(Arc::new(super::memory::MemoryStore::new(kit))),
        #[cfg(feature = "sqlite")]
        Some("sqlite") => {
            let options = options.unwrap_or(StoreOptions::SQLITE);
            Ok(Arc::new(
                super::sqlite::SqliteStore::open(url, kit, options).await?,
            ))
        }
        #[cfg(not(feature = "sqlite"))]
        Some("sqlite") => Err(not_built("sqlite", options)),
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => {
            let options = options.unwrap_or(StoreOptions::POSTGRES);
            Ok(Arc::new(
                super::postgres::PostgresStore::open(url, kit, options).await?,
            ))
        }
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => Err(not_built("postgres", options)),
        _ => Err(OpenError::Address("unknown kind of store")),
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn not_built(feature: &'static str, _options: Option<StoreOptions>) -> OpenError {
    OpenError::NotBuilt(feature)
}
