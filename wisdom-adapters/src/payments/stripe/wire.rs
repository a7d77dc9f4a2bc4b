//! Answers of Stripe's API, as far as they are used.

use serde::Deserialize;
use url::Url;
use wisdom_core::port::http_client::IncomingResponse;

#[derive(Debug, Deserialize)]
pub(super) struct CustomerAnswer {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SessionAnswer {
    pub(super) id: String,
    #[serde(default)]
    pub(super) url: Option<Url>,
    pub(super) expires_at: i64,
}

/// The vendor's error object. Its messages may hold what a customer typed: they stay in here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Failure {
    error: FailureDetail,
}

#[derive(Debug, Default, Deserialize)]
struct FailureDetail {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    param: Option<String>,
}

impl Failure {
    /// The error in an answer's body; an empty one when the body is something else.
    pub(super) fn read(response: &IncomingResponse) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &str {
        &self.error.kind
    }

    pub(super) fn code(&self) -> &str {
        self.error.code.as_deref().unwrap_or_default()
    }

    /// What operators see: codes and the request's id, never the vendor's sentences.
    pub(super) fn words(&self, response: &IncomingResponse) -> String {
        let request = response
            .headers
            .get("request-id")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        let param = self.error.param.as_deref().unwrap_or_default();
        let all = format!(
            "type {:?}, code {:?}, param {param:?}, request {request:?}",
            self.kind(),
            self.code()
        );
        all.chars().take(300).collect()
    }
}
