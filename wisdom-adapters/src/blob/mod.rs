//! Blob stores.

#[cfg(feature = "blob-local")]
mod folder;
#[cfg(feature = "blob-local")]
mod local;

#[cfg(feature = "blob-local")]
pub use self::local::LocalBlobs;
