//! Storage in PostgreSQL (14 or newer), with row-level security as the second wall between tenants.
//!
//! Units of work run as roles that own nothing and are bound by row-level security, taken at `BEGIN` and for the
//! transaction only: so isolation holds whoever the URL's login is, a superuser too, and behind a transaction pooler
//! (add `?pooler=transaction`, and migrate over a direct connection).
//!
//! TLS is the URL's `sslmode` and `sslrootcert`; give `sslmode=verify-full` wherever the network is not your own.

mod address;
mod fault;
mod hints;
mod isolation;
mod migrate;
mod roles;
mod store;
mod tenant_table;

pub(in crate::storage) use fault::fault;
pub use hints::RevocationHints;
pub use migrate::migrate;
pub use roles::{APP_ROLE, SYSTEM_ROLE};
pub use store::PostgresStore;
pub use tenant_table::{TableNameError, tenant_table_sql};
