//! Opening and closing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wisdom_adapters::config::{Config, Format};

use crate::buffer::{wisdom_buf, wisdom_str};
use crate::client::{Client, wisdom_client};
use crate::error::{Refusal, wisdom_error};
use crate::guard::{emptied, guard, guard_value, on_client};
use crate::handles;
use crate::status::wisdom_status;
use crate::version::WISDOM_ABI_VERSION;

const MAX_CONFIG: usize = 1024 * 1024;
const FREE_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a client.
///
/// `abi` is `WISDOM_ABI_VERSION` of your header. `config` is the server's configuration document; `format` 0 guesses, 1 is
/// JSON, 2 is TOML. An empty `config` runs everything in memory. Unknown keys are refused with a suggestion.
/// On success `*out` is the client, to be ended by `wisdom_free`; otherwise NULL.
///
/// Any thread. Blocks while storage opens.
///
/// # Safety
/// `config` must be readable, `out` writable, `err` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_open(
    abi: u32,
    config: wisdom_str,
    format: u32,
    out: *mut *mut wisdom_client,
    err: *mut *mut wisdom_error,
) -> wisdom_status {
    let body = || {
        // SAFETY: by this function's contract.
        let out = unsafe { cleared(out) }?;
        check_abi(abi)?;
        // SAFETY: by this function's contract.
        *out = open(parse(unsafe { text("config", config, MAX_CONFIG) }?, format)?)?;
        Ok(())
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

/// Opens a client from a configuration file; a name that ends in `.json` is JSON, any other TOML.
///
/// Otherwise as `wisdom_open`.
///
/// # Safety
/// `path` must be readable, `out` writable, `err` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_open_file(
    abi: u32,
    path: wisdom_str,
    out: *mut *mut wisdom_client,
    err: *mut *mut wisdom_error,
) -> wisdom_status {
    let body = || {
        // SAFETY: by this function's contract.
        let out = unsafe { cleared(out) }?;
        check_abi(abi)?;
        // SAFETY: by this function's contract.
        let path = unsafe { text("path", path, 4096) }?;
        let document = std::fs::read_to_string(path)
            .map_err(|e| Refusal::config(format!("{path} cannot be read: {e}")))?;
        let json = std::path::Path::new(path)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("json"));
        *out = open(parse(&document, if json { 1 } else { 2 })?)?;
        Ok(())
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

/// Checks a configuration without side effects; `*out` is the whole configuration with its defaults, as JSON.
///
/// Any thread, does not block.
///
/// # Safety
/// `config` must be readable, `out` writable, `err` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_config_check(
    config: wisdom_str,
    format: u32,
    out: *mut wisdom_buf,
    err: *mut *mut wisdom_error,
) -> wisdom_status {
    let body = || {
        // SAFETY: by this function's contract.
        let out = unsafe { emptied(out) }?;
        // SAFETY: by this function's contract.
        let config = parse(unsafe { text("config", config, MAX_CONFIG) }?, format)?;
        let json = serde_json::to_vec(&config)
            .map_err(|_| Refusal::internal("the configuration cannot be shown"))?;
        *out = wisdom_buf::from_vec(json);
        Ok(())
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

/// Closes a client: refuses new calls, waits up to `timeout_ms` for running ones, stops its threads. The handle lives on
/// and answers `WISDOM_CLOSED` until `wisdom_free`. A second call does nothing.
///
/// Blocks.
///
/// # Safety
/// `err` must be NULL or writable. Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_close(
    client: *mut wisdom_client,
    timeout_ms: u32,
    err: *mut *mut wisdom_error,
) -> wisdom_status {
    let body = || {
        let client = handles::find(client).ok_or_else(Refusal::closed)?;
        client.close(Duration::from_millis(u64::from(timeout_ms)))
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

/// Ends a client, closing it with 5 seconds if that was not done. NULL and a handle that was freed already do nothing.
///
/// Blocks.
///
/// # Safety
/// Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_free(client: *mut wisdom_client) {
    guard_value((), || {
        let Some(client) = handles::remove(client) else {
            return;
        };
        if client.is_foreign() {
            // The threads stayed with the parent: joining them here would wait for ever.
            std::mem::forget(client);
        } else if client.close(FREE_TIMEOUT).is_err() {
            tracing::warn!("a client could not be closed");
        }
    });
}

/// Whether storage answers: `*out` is `{"status":"ok"}`, or the status is `WISDOM_UNAVAILABLE`.
///
/// Any thread. Blocks while storage is asked.
///
/// # Safety
/// `out` must be writable, `err` NULL or writable. Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_health(
    client: *const wisdom_client,
    out: *mut wisdom_buf,
    err: *mut *mut wisdom_error,
) -> wisdom_status {
    let body = || {
        // SAFETY: by this function's contract.
        let out = unsafe { emptied(out) }?;
        let client = handles::find(client).ok_or_else(Refusal::closed)?;
        on_client(&client, || {
            let _call = client.enter()?;
            let runtime = client.runtime()?;
            runtime
                .block_on(client.wisdom.ping())
                .map_err(|e| Refusal::from(wisdom_core::failure::Failure::from(e)))?;
            *out = wisdom_buf::from_vec(json!({ "status": "ok" }).to_string().into_bytes());
            Ok(())
        })
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

/// # Safety
/// `out` must be NULL or writable.
unsafe fn cleared<'a>(out: *mut *mut wisdom_client) -> Result<&'a mut *mut wisdom_client, Refusal> {
    // SAFETY: by this function's contract.
    let out = unsafe { out.as_mut() }.ok_or_else(|| Refusal::argument("out", "must not be NULL"))?;
    *out = std::ptr::null_mut();
    Ok(out)
}

/// # Safety
/// `value` must be readable until the result is dropped.
pub(crate) unsafe fn text<'a>(name: &str, value: wisdom_str, max: usize) -> Result<&'a str, Refusal> {
    if value.len > max {
        return Err(Refusal::too_large(name, max));
    }
    // SAFETY: by this function's contract.
    let bytes =
        unsafe { value.bytes() }.ok_or_else(|| Refusal::argument(name, "must not be NULL with a length"))?;
    std::str::from_utf8(bytes).map_err(|_| Refusal::argument(name, "must be UTF-8"))
}

fn check_abi(abi: u32) -> Result<(), Refusal> {
    if (1..=WISDOM_ABI_VERSION).contains(&abi) {
        Ok(())
    } else {
        Err(Refusal::version(abi, WISDOM_ABI_VERSION))
    }
}

fn parse(document: &str, format: u32) -> Result<Config, Refusal> {
    let format = match format {
        0 => Format::Guess,
        1 => Format::Json,
        2 => Format::Toml,
        _ => return Err(Refusal::argument("format", "must be 0, 1 or 2")),
    };
    if document.trim().is_empty() {
        return Ok(Config::in_memory());
    }
    Config::from_text(document, format).map_err(Refusal::config)
}

fn open(config: Config) -> Result<*mut wisdom_client, Refusal> {
    let client = Arc::new(Client::open(config)?);
    handles::insert(client).ok_or_else(Refusal::busy)
}
