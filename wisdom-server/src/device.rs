//! What a client calls itself, where it signs in or refreshes and its body does not say.

use http::HeaderMap;
use http::header::USER_AGENT;
use serde_json::Value;
#[cfg(feature = "passkeys")]
use wisdom_auth::operation::LogInWithPasskey;
use wisdom_auth::operation::{LogIn, LogInWithCode, LogInWithLink, Refresh};
use wisdom_core::use_case::Operation as _;
use wisdom_tenancy::provider_sign_in::CompleteSignIn;

/// The field of these operations that says what the client is.
const DEVICE: &str = "device";
/// Bytes of the header that are looked at: enough for the characters that are kept.
const MAX_BYTES: usize = 1024;

/// Whether an operation asks what the client is.
pub(crate) fn is_asked_by(operation: &str) -> bool {
    #[cfg(feature = "passkeys")]
    if operation == LogInWithPasskey::NAME {
        return true;
    }
    [
        LogIn::NAME,
        LogInWithCode::NAME,
        LogInWithLink::NAME,
        CompleteSignIn::NAME,
        Refresh::NAME,
    ]
    .contains(&operation)
}

/// Says it in the words of the header `User-Agent`, unless the body has.
pub(crate) fn fill_in(input: &mut Value, headers: &HeaderMap) {
    let Value::Object(fields) = input else { return };
    if fields.get(DEVICE).is_some_and(|given| !given.is_null()) {
        return;
    }
    if let Some(agent) = headers.get(USER_AGENT) {
        let bytes = agent.as_bytes();
        let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
        let text = String::from_utf8_lossy(bytes).into_owned();
        fields.insert(DEVICE.to_owned(), Value::String(text));
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn filled(mut input: Value, agent: Option<&[u8]>) -> Value {
        let mut headers = HeaderMap::new();
        if let Some(agent) = agent {
            headers.insert(USER_AGENT, HeaderValue::from_bytes(agent).unwrap());
        }
        fill_in(&mut input, &headers);
        input
    }

    #[test]
    fn the_header_counts_where_the_body_is_silent() {
        assert_eq!(filled(json!({}), None), json!({}));
        assert_eq!(
            filled(json!({}), Some(b"Firefox")),
            json!({ "device": "Firefox" })
        );
        assert_eq!(
            filled(json!({ "device": null }), Some(b"Firefox")),
            json!({ "device": "Firefox" })
        );
        assert_eq!(
            filled(json!({ "device": "Laptop" }), Some(b"Firefox")),
            json!({ "device": "Laptop" })
        );
        assert_eq!(
            filled(json!({}), Some(b"F\xff")),
            json!({ "device": "F\u{fffd}" })
        );
        assert_eq!(
            filled(json!([1]), Some(b"Firefox")),
            json!([1]),
            "no input of ours"
        );
        let long = filled(json!({}), Some(&[b'x'; 5000]));
        assert_eq!(long["device"].as_str().map(str::len), Some(MAX_BYTES));
    }
}
