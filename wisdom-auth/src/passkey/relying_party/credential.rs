//! What a browser answers for an authenticator: the JSON of `PublicKeyCredential.toJSON()` (section 5.1).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use webauthn_rs::prelude::PublicKeyCredential;

use super::PasskeyFault;

/// The answer, as it came.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct CredentialResponse(Value);

impl CredentialResponse {
    /// The id of the credential that it speaks for, if it is of the form.
    pub(crate) fn credential_id(&self) -> Option<Vec<u8>> {
        self.assertion().ok().map(|shown| shown.raw_id)
    }

    pub(super) fn assertion(&self) -> Result<PublicKeyCredential, PasskeyFault> {
        let shown: PublicKeyCredential = self.read()?;
        self.require_form(&shown.id, &shown.raw_id, &shown.type_)?;
        Ok(shown)
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, PasskeyFault> {
        serde_json::from_value(self.0.clone()).map_err(|_| PasskeyFault::Malformed)
    }

    /// Both ids must be one, and the type must be the only one there is.
    pub(super) fn require_form(&self, id: &str, raw_id: &[u8], kind: &str) -> Result<(), PasskeyFault> {
        if kind == "public-key" && id == URL_SAFE_NO_PAD.encode(raw_id) && self.0["rawId"] == id {
            Ok(())
        } else {
            Err(PasskeyFault::Malformed)
        }
    }
}

impl JsonSchema for CredentialResponse {
    fn schema_name() -> Cow<'static, str> {
        "CredentialResponse".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "What `PublicKeyCredential.toJSON()` answers (Web Authentication Level 3, section 5.1).",
            "properties": {
                "id": { "type": "string" },
                "rawId": { "type": "string" },
                "type": { "type": "string", "const": "public-key" },
                "response": { "type": "object" },
                "clientExtensionResults": { "type": "object" }
            },
            "required": ["id", "rawId", "type", "response"]
        })
    }
}
