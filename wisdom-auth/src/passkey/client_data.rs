//! What the browser says about a ceremony (Web Authentication Level 3, section 5.8.1), read strictly.
//!
//! The library compares origins as URLs; here the text must be the one that browsers write, and no member may come
//! twice, so there is one reading of it.

use serde_json::Value;

/// A creation.
pub(super) const CREATE: &str = "webauthn.create";
/// An assertion.
pub(super) const GET: &str = "webauthn.get";

/// Whether the data are of this kind and come from one of these origins, at the top of the page.
pub(super) fn is_sound(json: &[u8], kind: &str, origins: &[String]) -> bool {
    let Ok(Value::Object(data)) = wisdom_core::json::parse(json) else {
        return false;
    };
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    text("type") == Some(kind)
        && text("origin").is_some_and(|origin| origins.iter().any(|own| own == origin))
        && matches!(data.get("crossOrigin"), None | Some(Value::Bool(false)))
        && matches!(data.get("topOrigin"), None | Some(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reading_and_no_other() {
        let origins = ["https://app.acme.example".to_owned()];
        let sound = |json: &str| is_sound(json.as_bytes(), GET, &origins);
        for good in [
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example","crossOrigin":false,"new":[1]}"#,
        ] {
            assert!(sound(good), "{good}");
        }
        for bad in [
            "",
            "null",
            "[]",
            r#"{"type":"webauthn.create","challenge":"AA","origin":"https://app.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example/"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://APP.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example:443"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"http://app.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://evil.app.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":["https://app.acme.example"]}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example","crossOrigin":true}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example","crossOrigin":"false"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example","topOrigin":"https://evil.example"}"#,
            r#"{"type":"webauthn.get","type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://evil.example","origin":"https://app.acme.example"}"#,
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://app.acme.example"} {}"#,
            r#"["webauthn.get","https://app.acme.example",false,null]"#,
            r#"{"type":"webauthn.get","challenge":"AA","challenge":"AA","origin":"https://app.acme.example"}"#,
        ] {
            assert!(!sound(bad), "{bad}");
        }
        let no_text =
            b"{\"type\":\"webauthn.get\",\"challenge\":\"\xff\",\"origin\":\"https://app.acme.example\"}";
        assert!(!is_sound(no_text, GET, &origins));
    }
}
