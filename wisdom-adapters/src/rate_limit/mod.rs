//! Rate limiters.

#[cfg(feature = "rate-limit-local")]
mod bounded;
#[cfg(feature = "rate-limit-local")]
mod local;

#[cfg(feature = "rate-limit-local")]
pub use self::local::LocalRateLimit;
