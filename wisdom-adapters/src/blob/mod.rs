//! Blob stores.

#[cfg(feature = "blob-local")]
mod folder;
#[cfg(feature = "blob-local")]
mod local;

mod memory;

#[cfg(feature = "blob-local")]
pub use self::local::LocalBlobs;
pub use self::memory::MemoryBlobs;
