//! Storage: the units of work that every repository of the kernel is part of.
//!
//! [`memory`] is the reference, `sqlite` the embedded default, `postgres` for when one machine is too small. [`open()`]
//! makes any of them from a URL.

use wisdom_core::unit_of_work::Store;
use wisdom_events::store::{EventsTx, RelayTx};
use wisdom_tenancy::store::{OnboardingTx, TenancyTx};

pub mod memory;
mod open;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use open::{OpenError, StoreOptions, open, open_with};

/// The unit of work of a tenant, over every store.
pub trait TenantTx: TenancyTx + EventsTx {
    /// The SQL transaction itself, for an embedder's own tables. `None` when the store is not an SQL one.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn sql(&mut self) -> Option<&mut sql::SqlTx> {
        None
    }
}

/// The unit of work outside of any tenant, over every store.
pub trait SystemTx: OnboardingTx + RelayTx {}

/// Any store, whatever it is made of.
pub type DynStore = dyn Store<TenantTx = dyn TenantTx, SystemTx = dyn SystemTx>;
