//! PostgreSQL for tests, with nothing to set up, and an authenticator in software ([`authenticator`]).
//!
//! Every test gets a fresh database of its own, owned by a role that is neither superuser nor exempt
//! from row-level security: a test that runs as superuser proves nothing about tenant isolation.
//!
//! Where the server comes from:
//!
//! 1. `WISDOM_TEST_DATABASE_URL`, when set: a server with a login that may create roles. It is used only to
//!    make the role `wisdom_test_owner`; databases are then made and dropped as that role.
//! 2. Otherwise a private server is started from the PostgreSQL programs of this machine (`WISDOM_PG_BIN`,
//!    then `PATH`, then the newest below `/usr/lib/postgresql`), on a free loopback port, with its data below
//!    the temporary folder. All test processes of one user share it; when the last of them has ended, even by
//!    a kill, it stops and its data is deleted.
//!
//! ```no_run
//! use wisdom_adapters::testkit;
//!
//! async fn invitations_survive_a_restart() {
//!     let database = testkit::require_or_skip!(testkit::postgres().await);
//!     testkit::assert_not_superuser(database.url()).await;
//!     // connect to `database.url()`; the database is dropped together with `database`
//! }
//! ```
//!
//! With `WISDOM_TEST_REQUIRE_SERVICES=1` a machine without PostgreSQL fails the tests; without it they are
//! left out and say so in one line on standard error.

pub mod authenticator;
mod database;
mod error;
mod presence;
#[cfg(unix)]
mod private;
mod server;
mod settings;

pub use database::{TestDatabase, assert_not_superuser, postgres, postgres_with};
pub use error::{TestkitError, Unavailable};
pub use presence::present;

#[doc(inline)]
pub use crate::__testkit_require_or_skip as require_or_skip;
