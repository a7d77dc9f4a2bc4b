//! Wisdom.

pub mod crm;
pub mod http;
pub mod payments;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod cache;
pub mod event_stream;
pub mod rate_limit;
pub mod sms;
pub mod blob;
pub mod email;
