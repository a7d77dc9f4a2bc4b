//! The bounds of what a client can make the server hold or wait for.

use std::time::Duration;

/// Bytes of a request body at most; more is 413.
pub const BODY_BYTES: usize = 1024 * 1024;

/// Bytes of a request body at most where no credential is asked for (sign-up, log-in and the like); more is 413.
pub const PUBLIC_BODY_BYTES: usize = 4 * 1024;

/// Bytes of request target and headers at most; more is 431.
pub const HEADER_BYTES: usize = 16 * 1024;

/// Header lines of a request at most; more is 431.
pub const HEADER_LINES: usize = 100;

/// Query parameters at most; more is 400.
pub const QUERY_PARAMETERS: usize = 64;

/// Time from connecting, or from the answer before, until a request's headers are complete.
pub const HEADER_TIME: Duration = Duration::from_secs(10);

/// Time in which a client must take at least one byte of an answer that waits for it.
pub const WRITE_TIME: Duration = Duration::from_secs(30);

/// What hyper buffers of a request's head before it gives up by itself. Larger than [`HEADER_BYTES`], so that the
/// answer can be a problem document of ours.
pub(crate) const HTTP1_BUFFER_BYTES: usize = 64 * 1024;

/// Header lines that hyper reads before it gives up by itself.
pub(crate) const HTTP1_HEADER_LINES: usize = 256;

/// HTTP/2: requests of one connection at the same time.
pub(crate) const HTTP2_STREAMS: u32 = 100;

/// HTTP/2: bytes of a header list after decompression.
pub(crate) const HTTP2_HEADER_LIST_BYTES: u32 = 16 * 1024;

/// HTTP/2: streams that the client reset before they were taken up; more ends the connection (CVE-2023-44487).
pub(crate) const HTTP2_PENDING_RESETS: usize = 20;

/// HTTP/2: streams that the client made us reset; more ends the connection (CVE-2025-8671).
pub(crate) const HTTP2_LOCAL_RESETS: usize = 64;

/// HTTP/2: bytes of bodies in flight, of a stream and of a connection.
pub(crate) const HTTP2_STREAM_WINDOW: u32 = 64 * 1024;
pub(crate) const HTTP2_CONNECTION_WINDOW: u32 = 1024 * 1024;

/// HTTP/2: silence after which a ping is sent, and time in which it must be answered.
pub(crate) const HTTP2_PING_AFTER: Duration = Duration::from_secs(20);
pub(crate) const HTTP2_PING_TIME: Duration = Duration::from_secs(10);

/// HTTP/2: a connection on which nothing was asked for this long is closed.
pub(crate) const HTTP2_IDLE_TIME: Duration = Duration::from_secs(60);
