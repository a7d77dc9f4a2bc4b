//! The outside world, one trait a file.
//!
//! Every port is object-safe, `Send + Sync + Debug` and minimal. Feature `mock` adds a mockall mock of each
//! (`MockCache`, …), feature `conformance` a suite that certifies an adapter with one named test a case.

use std::fmt;
use std::time::Duration;

pub mod blob;
pub mod cache;
pub mod crm;
pub mod email;
pub mod event_stream;
pub mod http_client;
pub mod payments;
pub mod rate_limit;
pub mod sms;

/// What went wrong at a port, in words that do not depend on the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// The other side refused our input: trying again with the same input is pointless.
    Invalid,
    /// Our credentials or rights were refused.
    Unauthorized,
    /// What was named does not exist.
    NotFound,
    /// What was to be made exists already, or changed under us.
    Conflict,
    /// The other side asks us to slow down.
    RateLimited,
    /// No answer within the time allowed. Whether it took effect is unknown.
    Timeout,
    /// The other side cannot be reached, or says that it is out of order.
    Unavailable,
    /// The address or the answer is one that policy forbids (private network, too large, redirect).
    Refused,
    /// The other side answered something that its contract does not describe.
    Protocol,
    /// A fault of the adapter itself.
    Internal,
}

/// Whether the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Repeating cannot help.
    Never,
    /// Repeat with backoff.
    Backoff,
    /// Repeat, but not before this much time has passed.
    After(Duration),
}

/// The one error of all ports.
///
/// `Display` names port, operation and kind and is safe to log; the source may hold the vendor's words and is for
/// operators only. Nothing of it is ever shown to a client.
#[derive(Debug)]
pub struct PortError {
    /// Name of the port, for example `crm`.
    pub port: &'static str,
    /// What was asked of it, for example `upsert_contact`.
    pub operation: &'static str,
    /// What went wrong.
    pub kind: PortErrorKind,
    /// Whether trying again can help.
    pub retry: Retry,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// An error without a source, with the retry hint that its kind suggests.
    #[must_use]
    pub fn new(port: &'static str, operation: &'static str, kind: PortErrorKind) -> Self {
        let retry = match kind {
            PortErrorKind::RateLimited | PortErrorKind::Timeout | PortErrorKind::Unavailable => {
                Retry::Backoff
            }
            _ => Retry::Never,
        };
        Self {
            port,
            operation,
            kind,
            retry,
            source: None,
        }
    }

    /// The same error with another retry hint.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether repeating the call can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.retry != Retry::Never
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} failed: {:?}", self.port, self.operation, self.kind)
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|s| s as &(dyn std::error::Error + 'static))
    }
}
