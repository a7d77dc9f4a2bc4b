//! C ABI of Wisdom: the use-case catalogue for every language that can call C.
//!
//! All logic lives in the Rust crates; here is translation only. The rules a caller must know stand on the first page of
//! `include/wisdom.h`, which is generated from this crate by `cbindgen` and compared in its tests.
//!
//! Every function is guarded: a panic becomes `WISDOM_PANIC`, never an unwinding into the caller. Handles are numbers in
//! disguise, checked at every use, so that a second free or a call after it is an error and not undefined behaviour.

mod buffer;
mod call;
mod client;
mod error;
mod guard;
mod handles;
mod life;
mod status;
mod token;
mod version;

pub use buffer::{wisdom_buf, wisdom_buf_free, wisdom_str};
pub use call::{wisdom_call, wisdom_describe, wisdom_in_flight};
pub use client::wisdom_client;
pub use error::{
    wisdom_error, wisdom_error_code, wisdom_error_free, wisdom_error_json, wisdom_error_message,
    wisdom_error_retry_after_ms, wisdom_error_status,
};
pub use life::{
    wisdom_close, wisdom_config_check, wisdom_free, wisdom_health, wisdom_open, wisdom_open_file,
};
pub use status::*;
pub use token::wisdom_token_check;
pub use version::{WISDOM_ABI_VERSION, wisdom_abi_version, wisdom_version};
