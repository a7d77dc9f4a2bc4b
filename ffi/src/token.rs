//! Checking access tokens without a call.

use wisdom_core::failure::FailureKind;

use crate::buffer::wisdom_str;
use crate::client::wisdom_client;
use crate::guard::{guard_value, on_client};
use crate::handles;
use crate::life::text;
use crate::status::{WISDOM_OK, WISDOM_PANIC, WISDOM_UNAUTHENTICATED, of, wisdom_status};

/// Whether an access token is valid now: `WISDOM_OK`, or `WISDOM_UNAUTHENTICATED`.
///
/// Any thread. Does not block and asks no storage. A token that was seen before costs a hash and a look-up.
///
/// # Safety
/// `token` must be readable. Any `client` is allowed: it is checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wisdom_token_check(
    client: *const wisdom_client,
    token: wisdom_str,
) -> wisdom_status {
    guard_value(WISDOM_PANIC, || {
        let Some(client) = handles::find(client) else {
            return crate::status::WISDOM_CLOSED;
        };
        let checked = on_client(&client, || {
            let _call = client.enter()?;
            // SAFETY: by this function's contract.
            let token = unsafe { text("token", token, 8192) }?;
            Ok(client.wisdom.authenticate(token).map(|_| ()))
        });
        match checked {
            Ok(Ok(())) => WISDOM_OK,
            Ok(Err(failure)) if failure.kind == FailureKind::Unauthenticated => WISDOM_UNAUTHENTICATED,
            Ok(Err(failure)) => of(failure.kind),
            Err(refusal) => refusal.status(),
        }
    })
}
