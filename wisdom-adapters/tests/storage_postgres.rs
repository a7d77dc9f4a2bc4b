//! The PostgreSQL store passes every storage suite, keeps tenants apart by itself, and leaves nothing behind when its
//! callers go away.
#![cfg(all(feature = "postgres", feature = "testkit"))]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[macro_use]
mod storage_suite;
mod postgres_cancellation;
mod postgres_database;
mod postgres_isolation;
mod postgres_opening;

use postgres_database::opened as make;

storage_conformance!(make);
