//! The PostgreSQL store passes every storage suite.
#![cfg(all(feature = "postgres", feature = "testkit"))]

mod postgres_database;

use postgres_database::opened as make;

mod identity {
    use super::make;
    wisdom_auth::identity_storage_conformance!(make);
}
mod tenancy {
    use super::make;
    wisdom_tenancy::tenancy_storage_conformance!(make);
}
