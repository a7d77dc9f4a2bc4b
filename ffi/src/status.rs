//! Statuses: frozen numbers, 0 is success.

use wisdom_core::failure::FailureKind;

/// What every fallible function returns. Treat a value you do not know as `WISDOM_INTERNAL`.
#[expect(non_camel_case_types, reason = "the C name")]
pub type wisdom_status = i32;

/// It worked.
pub const WISDOM_OK: i32 = 0;
/// The input breaks a rule; the error's JSON names field and rule.
pub const WISDOM_INVALID_ARGUMENT: i32 = 1;
/// The configuration cannot be used.
pub const WISDOM_CONFIG: i32 = 2;
/// The header is newer than the library.
pub const WISDOM_VERSION: i32 = 3;
/// No valid credential came with the call.
pub const WISDOM_UNAUTHENTICATED: i32 = 4;
/// The caller is known and may not do this.
pub const WISDOM_FORBIDDEN: i32 = 5;
/// It does not exist, or the caller may not know that it does.
pub const WISDOM_NOT_FOUND: i32 = 6;
/// It contradicts the present state.
pub const WISDOM_CONFLICT: i32 = 7;
/// The expected version is not the present one.
pub const WISDOM_PRECONDITION: i32 = 8;
/// Too many calls.
pub const WISDOM_RATE_LIMITED: i32 = 9;
/// The plan's limit is reached.
pub const WISDOM_QUOTA: i32 = 10;
/// It took longer than allowed; whether it took effect is unknown.
pub const WISDOM_TIMEOUT: i32 = 11;
/// The call was cancelled.
pub const WISDOM_CANCELLED: i32 = 12;
/// Something it needs is out of order for now.
pub const WISDOM_UNAVAILABLE: i32 = 13;
/// The client is closed, or was never open.
pub const WISDOM_CLOSED: i32 = 14;
/// The client was opened by another process: open one after `fork`, not before.
pub const WISDOM_FORKED: i32 = 15;
/// The library was built without this.
pub const WISDOM_UNSUPPORTED: i32 = 16;
/// Too many calls are under way at once.
pub const WISDOM_BUSY: i32 = 17;
/// There is nothing to read.
pub const WISDOM_EMPTY: i32 = 18;
/// The input is larger than allowed.
pub const WISDOM_TOO_LARGE: i32 = 20;
/// The body is of a media type that is not taken. Only over HTTP.
pub const WISDOM_MEDIA_TYPE: i32 = 21;
/// The same idempotency key came with another request before.
pub const WISDOM_MISMATCH: i32 = 22;
/// The headers are larger than allowed. Only over HTTP.
pub const WISDOM_HEADERS_TOO_LARGE: i32 = 23;
/// The route knows no such method. Only over HTTP.
pub const WISDOM_METHOD_NOT_ALLOWED: i32 = 24;
/// A fault of ours.
pub const WISDOM_INTERNAL: i32 = 98;
/// A fault of ours that may have left the client half-done: close it and open another.
pub const WISDOM_PANIC: i32 = 99;

/// The status of a refusal.
pub(crate) fn of(kind: FailureKind) -> wisdom_status {
    kind.abi_status()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_refusal_has_its_named_status() {
        let named = [
            (FailureKind::InvalidArgument, WISDOM_INVALID_ARGUMENT),
            (FailureKind::Unauthenticated, WISDOM_UNAUTHENTICATED),
            (FailureKind::Forbidden, WISDOM_FORBIDDEN),
            (FailureKind::NotFound, WISDOM_NOT_FOUND),
            (FailureKind::Conflict, WISDOM_CONFLICT),
            (FailureKind::Precondition, WISDOM_PRECONDITION),
            (FailureKind::TooLarge, WISDOM_TOO_LARGE),
            (FailureKind::MediaType, WISDOM_MEDIA_TYPE),
            (FailureKind::Mismatch, WISDOM_MISMATCH),
            (FailureKind::RateLimited, WISDOM_RATE_LIMITED),
            (FailureKind::HeadersTooLarge, WISDOM_HEADERS_TOO_LARGE),
            (FailureKind::Quota, WISDOM_QUOTA),
            (FailureKind::Timeout, WISDOM_TIMEOUT),
            (FailureKind::Unavailable, WISDOM_UNAVAILABLE),
            (FailureKind::MethodNotAllowed, WISDOM_METHOD_NOT_ALLOWED),
            (FailureKind::Internal, WISDOM_INTERNAL),
        ];
        assert_eq!(named.len(), FailureKind::ALL.len());
        for (kind, status) in named {
            assert_eq!(of(kind), status, "{kind:?}");
        }
    }
}
