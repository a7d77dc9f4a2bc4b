//! What the browser says about a ceremony (Web Authentication Level 3, section 5.8.1), read strictly.
//!
//! The library compares origins as URLs; here the text must be the one that browsers write, so there is one reading of it.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A creation.
pub(super) const CREATE: &str = "webauthn.create";
/// An assertion.
pub(super) const GET: &str = "webauthn.get";

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<IgnoredAny>,
}

/// Whether the data are of this kind and come from one of these origins, at the top of the page.
pub(super) fn is_sound(json: &[u8], kind: &str, origins: &[String]) -> bool {
    serde_json::from_slice::<ClientData>(json).is_ok_and(|data| {
        data.kind == kind && origins.contains(&data.origin) && !data.cross_origin && data.top_origin.is_none()
    })
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
        ] {
            assert!(!sound(bad), "{bad}");
        }
    }
}
