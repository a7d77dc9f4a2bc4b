//! Outgoing HTTP: the one door through which anything of ours calls somebody else's machine.
//!
//! Retry, circuit breaker and trace headers are decorators over the same trait.

use std::fmt::Debug;

use async_trait::async_trait;

mod address;
#[cfg(feature = "conformance")]
pub mod conformance;
mod message;

pub use address::{AddressPolicy, AddressRefusal, is_public};
pub use message::{DEFAULT_MAX_RESPONSE_BYTES, DEFAULT_TIMEOUT, IncomingResponse, OutgoingRequest};

use super::PortError;

/// Sends one request and reads its answer within the limits that the request names.
///
/// An adapter never follows redirects, never honours proxy settings of the environment, keeps no cookies, and never
/// decompresses. It checks addresses written in the URL and every address that a name resolves to, and connects only
/// to an address it has checked, so that a name can't change its meaning between check and connection.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait HttpClient: Send + Sync + Debug {
    /// Sends the request. Every status is an `Ok`.
    ///
    /// # Errors
    /// * [`Timeout`](super::PortErrorKind::Timeout): no complete answer in time; whether it took effect is unknown.
    /// * [`Unavailable`](super::PortErrorKind::Unavailable): no look-up result, no connection, or cut off.
    /// * [`Refused`](super::PortErrorKind::Refused): scheme, userinfo, address, or size of the answer.
    /// * [`Protocol`](super::PortErrorKind::Protocol): the answer is not HTTP.
    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError>;
}
