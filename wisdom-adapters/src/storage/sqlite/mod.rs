//! Storage in one SQLite file: nothing to install, one process's worth of machine.

mod fault;
mod file;
mod store;

pub(in crate::storage) use fault::fault;
pub use store::SqliteStore;
