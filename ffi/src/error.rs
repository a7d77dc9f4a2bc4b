//! Errors: what a refusal says beyond its status.

use serde_json::json;
use wisdom_core::failure::{Failure, FailureKind};

use crate::buffer::wisdom_str;
use crate::guard::guard_value;
use crate::status::{
    WISDOM_BUSY, WISDOM_CLOSED, WISDOM_CONFIG, WISDOM_FORKED, WISDOM_INTERNAL, WISDOM_INVALID_ARGUMENT,
    WISDOM_OK, WISDOM_PANIC, WISDOM_TIMEOUT, WISDOM_TOO_LARGE, WISDOM_VERSION, of, wisdom_status,
};

/// Why a function refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The operation refused.
    Failure(Box<Failure>),
    /// The boundary refused: status, code, message.
    Boundary(wisdom_status, &'static str, String),
}

impl Refusal {
    pub(crate) fn argument(name: &str, rule: &str) -> Self {
        Self::Boundary(
            WISDOM_INVALID_ARGUMENT,
            "argument.invalid",
            format!("{name} {rule}"),
        )
    }

    pub(crate) fn too_large(name: &str, max: usize) -> Self {
        Self::Boundary(
            WISDOM_TOO_LARGE,
            "argument.too_large",
            format!("{name} must not exceed {max} bytes"),
        )
    }

    pub(crate) fn config(message: impl ToString) -> Self {
        Self::Boundary(WISDOM_CONFIG, "config.invalid", message.to_string())
    }

    pub(crate) fn version(asked: u32, own: u32) -> Self {
        let text = format!("the header's ABI version is {asked}, the library's {own}");
        Self::Boundary(WISDOM_VERSION, "abi.version", text)
    }

    pub(crate) fn closed() -> Self {
        Self::Boundary(
            WISDOM_CLOSED,
            "client.closed",
            "the client is closed, or was never open".to_owned(),
        )
    }

    pub(crate) fn forked() -> Self {
        let text = "the client was opened before fork: open one in this process";
        Self::Boundary(WISDOM_FORKED, "client.forked", text.to_owned())
    }

    pub(crate) fn busy() -> Self {
        Self::Boundary(
            WISDOM_BUSY,
            "client.busy",
            "too many calls are under way".to_owned(),
        )
    }

    pub(crate) fn timeout() -> Self {
        let text = "the call took longer than allowed; whether it took effect is unknown";
        Self::Boundary(WISDOM_TIMEOUT, "call.timeout", text.to_owned())
    }

    pub(crate) fn internal(message: &str) -> Self {
        Self::Boundary(WISDOM_INTERNAL, "internal", message.to_owned())
    }

    pub(crate) fn panicked() -> Self {
        let text = "a fault inside the library; close the client and open another";
        Self::Boundary(WISDOM_PANIC, "panic", text.to_owned())
    }

    pub(crate) fn status(&self) -> wisdom_status {
        match self {
            Self::Failure(failure) => of(failure.kind),
            Self::Boundary(status, ..) => *status,
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// What went wrong. Made by a failing function, ended by `wisdom_error_free`.
///
/// `const` functions may be called from any number of threads at once.
#[expect(non_camel_case_types, reason = "the C name")]
#[derive(Debug)]
pub struct wisdom_error {
    status: wisdom_status,
    code: &'static str,
    message: String,
    json: String,
    retry_after_ms: i64,
}

impl wisdom_error {
    pub(crate) fn new(refusal: Refusal) -> Self {
        let status = refusal.status();
        let failure = match refusal {
            Refusal::Boundary(_, code, message) => {
                let json = json!({ "code": code, "title": message, "abi_status": status }).to_string();
                return Self {
                    status,
                    code,
                    message,
                    json,
                    retry_after_ms: -1,
                };
            }
            Refusal::Failure(failure) => failure,
        };
        if failure.kind == FailureKind::Internal {
            tracing::error!(code = failure.code, error = ?failure, "a call through the C ABI failed");
        }
        let retry_after_ms = failure
            .retry_after
            .map_or(-1, |after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
        let mut body = json!({
            "type": format!("/problems/{}", failure.kind.slug()),
            "title": failure.message,
            "status": failure.kind.http_status(),
            "code": failure.code,
        });
        if !failure.fields.is_empty() {
            body["fields"] = json!(failure.fields);
        }
        Self {
            status,
            code: failure.code,
            message: failure.message.as_str().to_owned(),
            json: body.to_string(),
            retry_after_ms,
        }
    }
}

const NONE: wisdom_str = wisdom_str {
    ptr: std::ptr::null(),
    len: 0,
};

/// The error's status; `WISDOM_OK` for NULL.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_error_status(error: *const wisdom_error) -> wisdom_status {
    guard_value(WISDOM_PANIC, || {
        // SAFETY: by this function's contract.
        unsafe { error.as_ref() }.map_or(WISDOM_OK, |e| e.status)
    })
}

/// A stable code for programs, such as `tenant.slug_taken`. Lives as long as the error; empty for NULL.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_error_code(error: *const wisdom_error) -> wisdom_str {
    guard_value(NONE, || {
        // SAFETY: by this function's contract.
        unsafe { error.as_ref() }.map_or(NONE, |e| wisdom_str::of(e.code))
    })
}

/// A sentence for people. Lives as long as the error; empty for NULL.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_error_message(error: *const wisdom_error) -> wisdom_str {
    guard_value(NONE, || {
        // SAFETY: by this function's contract.
        unsafe { error.as_ref() }.map_or(NONE, |e| wisdom_str::of(&e.message))
    })
}

/// The whole error as JSON, with the members of the HTTP problem (RFC 9457). Lives as long as the error; empty for NULL.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_error_json(error: *const wisdom_error) -> wisdom_str {
    guard_value(NONE, || {
        // SAFETY: by this function's contract.
        unsafe { error.as_ref() }.map_or(NONE, |e| wisdom_str::of(&e.json))
    })
}

/// After how many milliseconds trying again can help; -1 when nothing is known.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_error_retry_after_ms(error: *const wisdom_error) -> i64 {
    // SAFETY: by this function's contract.
    guard_value(-1, || unsafe { error.as_ref() }.map_or(-1, |e| e.retry_after_ms))
}

/// Frees an error. NULL does nothing.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_error_free(error: *mut wisdom_error) {
    guard_value((), || {
        if !error.is_null() {
            // SAFETY: made by `Box::into_raw` and not freed, by this function's contract.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}
