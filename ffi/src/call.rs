//! Calling operations by name.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use wisdom_adapters::Call;
use wisdom_core::access::Access;
use wisdom_core::id::TenantId;
use wisdom_core::json::{parse, read_input};
use wisdom_core::secret::SecretText;
use wisdom_core::trace::TraceContext;

use crate::buffer::{wisdom_buf, wisdom_str};
use crate::client::wisdom_client;
use crate::error::{Refusal, wisdom_error};
use crate::guard::{emptied, guard, guard_value, on_client};
use crate::handles;
use crate::life::text;
use crate::status::wisdom_status;

/// Longest request, in bytes; the same as the server's.
const MAX_REQUEST: usize = 1024 * 1024;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What goes with an operation's input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default)]
    token: Option<SecretText>,
    #[serde(default)]
    tenant: Option<TenantId>,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    traceparent: Option<String>,
    #[serde(default)]
    input: Value,
}

/// Runs an operation of the catalogue and waits for its answer.
///
/// `op` is its name, such as `tenancy.tenant.create`. `request` is JSON:
/// `{"token": …, "tenant": "tnt_…", "idempotency_key": …, "traceparent": …, "input": {…}}`, each member optional.
/// `timeout_ms` 0 means 30 seconds. On success `*out` is the operation's output as JSON, the same as the HTTP body.
///
/// Any thread. Blocks. Do not call it from a callback of this library.
///
/// # Safety
/// `op` and `request` must be readable, `out` writable, `err` NULL or writable. Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_call(
    client: *const wisdom_client,
    op: wisdom_str,
    request: wisdom_str,
    timeout_ms: u32,
    out: *mut wisdom_buf,
    err: *mut *mut wisdom_error,
) -> wisdom_status {
    let body = || {
        // SAFETY: by this function's contract.
        let out = unsafe { emptied(out) }?;
        // SAFETY: by this function's contract.
        let operation = unsafe { text("op", op, 256) }?;
        if request.len > MAX_REQUEST {
            return Err(Refusal::too_large("request", MAX_REQUEST));
        }
        // SAFETY: by this function's contract.
        let request = unsafe { request.bytes() }
            .ok_or_else(|| Refusal::argument("request", "must not be NULL with a length"))?;
        let client = handles::find(client).ok_or_else(Refusal::closed)?;
        let timeout = match timeout_ms {
            0 => DEFAULT_TIMEOUT,
            millis => Duration::from_millis(u64::from(millis)),
        };
        on_client(&client, || {
            let _call = client.enter()?;
            let runtime = client.runtime()?;
            let request: Request = read_input(parse(request)?)?;
            let wisdom = &client.wisdom;
            let call = Call {
                operation,
                token: request.token.as_ref().map(SecretText::expose),
                tenant: request.tenant,
                idempotency_key: request.idempotency_key.as_deref(),
                request: wisdom.request(request.traceparent.as_deref().and_then(TraceContext::parse), None),
                input: request.input,
            };
            let answer = runtime.block_on(async { tokio::time::timeout(timeout, wisdom.call(call)).await });
            *out = wisdom_buf::from_vec(answer.map_err(|_| Refusal::timeout())??.body);
            Ok(())
        })
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

/// Describes every operation: `*out` is a JSON list of name, summary, access, and the schemas of input and output.
///
/// Any thread, does not block.
///
/// # Safety
/// `out` must be writable, `err` NULL or writable. Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_describe(
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
            let mut generator = wisdom_core_schemas();
            let operations: Vec<Value> = client
                .wisdom
                .catalogue()
                .iter()
                .filter(|entry| entry.access != Access::System)
                .map(|entry| {
                    json!({
                        "name": entry.name,
                        "summary": entry.summary,
                        "access": entry.access.to_string(),
                        "input": entry.input_schema(&mut generator),
                        "output": entry.output_schema(&mut generator),
                    })
                })
                .collect();
            let document = json!({ "operations": operations, "$defs": generator.take_definitions(true) });
            *out = wisdom_buf::from_vec(document.to_string().into_bytes());
            Ok(())
        })
    };
    // SAFETY: by this function's contract.
    unsafe { guard(err, body) }
}

fn wisdom_core_schemas() -> schemars::SchemaGenerator {
    schemars::generate::SchemaSettings::draft2020_12().into_generator()
}

/// How many calls are under way; 0 for a handle that is not one.
///
/// Any thread, does not block, does not allocate.
///
/// # Safety
/// Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_in_flight(client: *const wisdom_client) -> usize {
    guard_value(0, || handles::find(client).map_or(0, |client| client.in_flight()))
}
