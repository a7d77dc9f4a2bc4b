//! The repositories over SQL, written once for SQLite and PostgreSQL.
//!
//! [`SqlTx`] runs statements; each repository is a file of constant statements and what is made of their rows. Where
//! the dialects differ a [`Statement`] holds both texts. Statements of a tenant get the tenant's id as `$1` in one place
//! (`Unit::tenant_…`), from the scope of the unit of work and from nowhere else.

mod api_keys;
mod attempts;
mod audit_log;
mod client_tokens;
mod deliveries;
mod delivery_queue;
mod endpoints;
mod events;
mod external_identities;
mod idempotency;
mod impersonations;
mod inbox;
mod invitations;
mod link;
mod memberships;
mod one_time_tokens;
mod outbox;
mod own_tenant;
mod passkey_ceremonies;
mod passkeys;
#[cfg(test)]
mod plans;
mod provider_attempts;
mod record;
mod remembered_devices;
mod row;
mod second_factors;
mod sessions;
mod sign_in_challenges;
mod start;
mod statement;
mod tenants;
mod transaction;
mod unit;
mod users;
mod value;

pub use row::Row;
pub use statement::Statement;
pub use transaction::SqlTx;
pub use value::{Type, Value};

pub(in crate::storage) use link::{Link, begin};
pub(in crate::storage) use start::uncancelled;
pub(in crate::storage) use unit::Unit;
