//! Caches.

#[cfg(feature = "cache-moka")]
mod moka;

#[cfg(feature = "cache-moka")]
pub use self::moka::MokaCache;
