//! What can go wrong before a test has its database.

/// A service a test needs cannot be had on this machine. The text ends with a one-line remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} is not available: {reason}; remedy: {remedy}")]
pub struct Unavailable {
    /// The service by its usual name, such as `PostgreSQL`.
    pub service: &'static str,
    /// What was looked for and not found.
    pub reason: String,
    /// One command or setting that makes the service available.
    pub remedy: &'static str,
}

/// Why a test database could not be made.
///
/// Only [`TestkitError::Unavailable`] can be a reason to leave a test out; every other kind is a fault that
/// [`present`](super::present) turns into a failed test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestkitError {
    /// There is no server and none can be started.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// `WISDOM_TEST_DATABASE_URL` is not a URL this kit can use.
    #[error("WISDOM_TEST_DATABASE_URL cannot be used: {0}")]
    Address(&'static str),
    /// The server answered with an error, or did not answer within ten seconds.
    #[error("test database server: {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the server or the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The role for tests has rights that would hide isolation faults.
    #[error("role {role} is superuser or has BYPASSRLS, so tests run by it prove nothing about isolation")]
    TooMighty {
        /// The role's name.
        role: String,
    },
    /// The caller's preparation of a template database failed.
    #[error("preparing the template database {key:?} failed: {reason}")]
    Prepare {
        /// The template's key as given by the caller.
        key: String,
        /// What the preparation said.
        reason: String,
    },
    /// The private server did not start; the text holds the end of its log.
    #[error("the private PostgreSQL did not start: {0}")]
    Start(String),
    /// The authenticator in software was asked for something that it cannot do.
    #[error("the authenticator: {0}")]
    Authenticator(&'static str),
    /// A file or process of the private server could not be handled.
    #[error("private PostgreSQL: {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

impl TestkitError {
    pub(super) fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    pub(super) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source }
    }
}
