//! The panic boundary at every entry.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::buffer::wisdom_buf;
use crate::client::Client;
use crate::error::{Refusal, wisdom_error};
use crate::status::{WISDOM_OK, WISDOM_PANIC, wisdom_status};

/// Runs the body of a function that cannot fail; a panic gives `fallback`.
pub(crate) fn guard_value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    // What the body touches is either local or behind locks that recover from poisoning.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// Runs the body of a fallible function: turns a refusal or panic into a status, and into an error object if wanted.
///
/// # Safety
/// `err` must be NULL or writable.
pub(crate) unsafe fn guard(
    err: *mut *mut wisdom_error,
    body: impl FnOnce() -> Result<(), Refusal>,
) -> wisdom_status {
    // SAFETY: by this function's contract.
    if let Some(slot) = unsafe { err.as_mut() } {
        *slot = std::ptr::null_mut();
    }
    let refusal = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return WISDOM_OK,
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::panicked(),
    };
    let status = refusal.status();
    // SAFETY: by this function's contract.
    if let Some(slot) = unsafe { err.as_mut() } {
        *slot = guard_value(std::ptr::null_mut(), || {
            Box::into_raw(Box::new(wisdom_error::new(refusal)))
        });
    }
    status
}

/// Runs a call on a client. A panic inside marks the client: its state may be half-done.
pub(crate) fn on_client<T>(client: &Client, body: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    if let Ok(result) = catch_unwind(AssertUnwindSafe(body)) {
        result
    } else {
        client.mark_broken();
        Err(Refusal::panicked())
    }
}

/// Empties an output before the work starts.
///
/// # Safety
/// `out` must be NULL or writable.
pub(crate) unsafe fn emptied<'a>(out: *mut wisdom_buf) -> Result<&'a mut wisdom_buf, Refusal> {
    // SAFETY: by this function's contract.
    let out = unsafe { out.as_mut() }.ok_or_else(|| Refusal::argument("out", "must not be NULL"))?;
    *out = wisdom_buf::EMPTY;
    Ok(out)
}

const _: () = assert!(WISDOM_PANIC == 99);
