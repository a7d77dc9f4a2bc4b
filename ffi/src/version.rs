//! Versions.

use std::ffi::c_char;

use crate::guard::guard_value;

/// The version of the ABI that this header describes. Pass it to `wisdom_open`.
pub const WISDOM_ABI_VERSION: u32 = 1;

/// The version of the ABI that the library implements. It accepts every header from 1 to this.
///
/// Any thread, does not block, does not allocate.
#[unsafe(no_mangle)]
pub extern "C" fn wisdom_abi_version() -> u32 {
    WISDOM_ABI_VERSION
}

/// The version of the library, such as `0.1.0`: static text with a NUL at its end, never freed.
///
/// Any thread, does not block, does not allocate.
#[unsafe(no_mangle)]
pub extern "C" fn wisdom_version() -> *const c_char {
    const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    guard_value(std::ptr::null(), || TEXT.as_ptr().cast())
}
