//! Bodies of HubSpot's contacts API, as far as they are used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wisdom_core::port::crm::{CrmRecord, CrmRecordId};
use wisdom_core::port::http_client::IncomingResponse;
use wisdom_core::port::{PortError, PortErrorKind, Retry};

#[derive(Debug, Serialize)]
pub(super) struct BatchRequest<'a> {
    pub(super) inputs: Vec<UpsertInput<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpsertInput<'a> {
    pub(super) id: &'a str,
    pub(super) id_property: &'a str,
    pub(super) properties: BTreeMap<&'a str, &'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct RecordUpdate<'a> {
    pub(super) properties: BTreeMap<&'a str, &'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GdprDelete<'a> {
    pub(super) object_id: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct BatchAnswer {
    pub(super) results: Vec<Record>,
    #[serde(default)]
    pub(super) errors: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Record {
    id: String,
    #[serde(default)]
    new: bool,
    #[serde(default)]
    properties: BTreeMap<String, Option<String>>,
}

impl Record {
    pub(super) fn id(&self) -> Result<CrmRecordId, PortError> {
        CrmRecordId::parse(&self.id).map_err(super::protocol)
    }

    pub(super) fn to_ours(&self) -> Result<CrmRecord, PortError> {
        Ok(CrmRecord {
            id: self.id()?,
            created: self.new,
        })
    }

    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_deref()
    }
}

/// A refusal, as an answer of its own or inside that of a batch. Its messages hold addresses: they stay in here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    #[serde(default)]
    category: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    correlation_id: String,
    #[serde(default)]
    errors: Vec<FailureDetail>,
}

#[derive(Debug, Deserialize)]
struct FailureDetail {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Failure {
    /// The refusal in an answer's body; an empty one when the body is something else.
    pub(super) fn read(response: &IncomingResponse) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.category == "CONFLICT"
    }

    /// What operators see: codes, never the vendor's sentences.
    pub(super) fn words(&self, response: &IncomingResponse) -> String {
        let code = self
            .errors
            .first()
            .map(|detail| detail.code.as_str())
            .unwrap_or_default();
        let correlation = match self.correlation_id.as_str() {
            "" => response
                .headers
                .get("x-hubspot-correlation-id")
                .and_then(|v| v.to_str().ok())
                .unwrap_or(""),
            id => id,
        };
        let all = format!(
            "category {:?}, code {code:?}, correlation {correlation:?}",
            self.category
        );
        all.chars().take(300).collect()
    }

    /// The record that stands in the way: the vendor names it only in a sentence, "… Existing ID: 101".
    pub(super) fn existing_id(&self) -> Option<String> {
        let messages = std::iter::once(&self.message).chain(self.errors.iter().map(|detail| &detail.message));
        messages
            .filter_map(|message| message.split_once("Existing ID:"))
            .map(|(_, rest)| {
                rest.trim_start()
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .take(32)
                    .collect::<String>()
            })
            .find(|digits| !digits.is_empty())
    }

    /// A failure of one input of a batch.
    pub(super) fn to_ours(&self, response: &IncomingResponse) -> PortError {
        let (kind, retry) = match self.category.as_str() {
            "VALIDATION_ERROR" | "INVALID_EMAIL" => (PortErrorKind::Invalid, Retry::Never),
            "OBJECT_NOT_FOUND" => (PortErrorKind::NotFound, Retry::Never),
            "RATE_LIMITS" => (PortErrorKind::RateLimited, Retry::Backoff),
            "MISSING_SCOPES" | "BANNED" => (PortErrorKind::Unauthorized, Retry::Never),
            _ => (PortErrorKind::Protocol, Retry::Never),
        };
        PortError::new("crm", super::UPSERT, kind)
            .with_retry(retry)
            .with_source(self.words(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_existing_record_in_a_sentence() {
        for (text, expected) in [
            (
                r#"{"message":"Contact already exists. Existing ID: 101"}"#,
                Some("101"),
            ),
            (
                r#"{"message":"x","errors":[{"message":"… Existing ID: 7."}]}"#,
                Some("7"),
            ),
            (r#"{"message":"Contact already exists."}"#, None),
            (r#"{"message":"Existing ID: ../../x"}"#, None),
        ] {
            let failure: Failure = serde_json::from_str(text).unwrap();
            assert_eq!(failure.existing_id().as_deref(), expected, "{text}");
        }
    }
}
