//! A provider's description of itself (`OpenID` Connect Discovery 1.0, RFC 8414).

use serde_json::Value;
use url::Url;
use wisdom_core::port::http_client::AddressPolicy;

use super::assertion::AssertionFault;
use super::id_token::IssuerRule;
use super::provider::endpoint;

/// What of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    /// Where it tells of the person what the ID token leaves out.
    pub(super) userinfo_endpoint: Option<Url>,
    /// Whether answers carry `iss` (RFC 9207): then one without is not the provider's.
    pub(super) answers_with_issuer: bool,
    /// Whether our secret goes into the `Authorization` header, which is the default, or into the body.
    pub(super) basic: bool,
}

impl Metadata {
    /// Reads a document. The issuer in it must be the one it was fetched for, else it is somebody else's.
    pub(super) fn read(
        body: &[u8],
        rule: &IssuerRule,
        policy: AddressPolicy,
    ) -> Result<Self, AssertionFault> {
        let Ok(Value::Object(document)) = wisdom_core::json::parse(body) else {
            return Err(AssertionFault::Form);
        };
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if !text("issuer").is_some_and(|issuer| rule.is_written_as(issuer)) {
            return Err(AssertionFault::Issuer);
        }
        let address = |name: &str| {
            text(name)
                .and_then(|text| endpoint(text, policy))
                .ok_or(AssertionFault::Form)
        };
        let lists = |name: &str, wanted: &str| {
            let list = document.get(name).and_then(Value::as_array);
            list.map(|list| list.iter().any(|item| item == wanted))
        };
        // A provider that tells what it takes and leaves S256 out would ignore the challenge.
        if lists("code_challenge_methods_supported", "S256") == Some(false) {
            return Err(AssertionFault::Form);
        }
        let iss = "authorization_response_iss_parameter_supported";
        let methods = "token_endpoint_auth_methods_supported";
        Ok(Self {
            authorization_endpoint: address("authorization_endpoint")?,
            token_endpoint: address("token_endpoint")?,
            jwks_uri: address("jwks_uri")?,
            userinfo_endpoint: match document.get("userinfo_endpoint") {
                None => None,
                Some(_) => Some(address("userinfo_endpoint")?),
            },
            answers_with_issuer: document.get(iss) == Some(&Value::Bool(true)),
            basic: lists(methods, "client_secret_basic").unwrap_or(true),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(change: Value) -> Result<Metadata, AssertionFault> {
        let mut document = json!({
            "issuer": "https://id.example.com",
            "authorization_endpoint": "https://id.example.com/auth",
            "token_endpoint": "https://tokens.example.com/token",
            "jwks_uri": "https://id.example.com/jwks",
        });
        for (name, value) in change.as_object().unwrap() {
            document[name] = value.clone();
        }
        let rule = IssuerRule::Exact("https://id.example.com".to_owned());
        Metadata::read(document.to_string().as_bytes(), &rule, AddressPolicy::PublicOnly)
    }

    #[test]
    fn the_defaults_are_those_of_the_standard() {
        let metadata = read(json!({})).unwrap();
        assert!(metadata.basic && !metadata.answers_with_issuer);
        let metadata = read(json!({
            "authorization_response_iss_parameter_supported": true,
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }))
        .unwrap();
        assert!(!metadata.basic && metadata.answers_with_issuer);
    }

    #[test]
    fn foreign_and_dangerous_documents_are_refused() {
        for (change, fault) in [
            (
                json!({ "issuer": "https://id.example.com/" }),
                AssertionFault::Issuer,
            ),
            (
                json!({ "issuer": "https://evil.example" }),
                AssertionFault::Issuer,
            ),
            (
                json!({ "issuer": ["https://id.example.com"] }),
                AssertionFault::Issuer,
            ),
            (json!({ "issuer": null }), AssertionFault::Issuer),
            (
                json!({ "token_endpoint": "http://tokens.example.com/" }),
                AssertionFault::Form,
            ),
            (
                json!({ "token_endpoint": "https://169.254.169.254/latest" }),
                AssertionFault::Form,
            ),
            (
                json!({ "jwks_uri": "https://127.0.0.1/jwks" }),
                AssertionFault::Form,
            ),
            (json!({ "jwks_uri": "file:///etc/passwd" }), AssertionFault::Form),
            (
                json!({ "authorization_endpoint": "javascript:alert(1)" }),
                AssertionFault::Form,
            ),
            (json!({ "authorization_endpoint": 7 }), AssertionFault::Form),
            (
                json!({ "userinfo_endpoint": "http://id.example.com/me" }),
                AssertionFault::Form,
            ),
            (
                json!({ "code_challenge_methods_supported": ["plain"] }),
                AssertionFault::Form,
            ),
        ] {
            assert_eq!(read(change.clone()), Err(fault), "{change}");
        }
        let rule = IssuerRule::Exact("https://id.example.com".to_owned());
        for text in [
            "",
            "[]",
            "null",
            "{",
            r#"{"issuer":"https://id.example.com","issuer":"https://id.example.com"}"#,
        ] {
            assert!(
                Metadata::read(text.as_bytes(), &rule, AddressPolicy::PublicOnly).is_err(),
                "{text}"
            );
        }
    }
}
