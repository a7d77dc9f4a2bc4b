//! Refusals as problem documents (RFC 9457).

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use wisdom_core::failure::{Failure, FailureKind, FieldProblem};
use wisdom_core::id::RequestId;

/// Where the types of problems live, relative to the service's origin; the kind's slug follows.
pub(crate) const TYPE_BASE: &str = "/problems/";

/// The media type of problem documents.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A request that was not carried out: the failure, and what HTTP adds to it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) failure: Box<Failure>,
    /// Where HTTP has a closer status than the failure's kind.
    status: Option<StatusCode>,
    allow: Option<HeaderValue>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            status: None,
            allow: None,
        }
    }
}

impl Refusal {
    /// 404 for a path that no route has.
    pub(crate) fn unknown_route() -> Self {
        Failure::new(
            FailureKind::NotFound,
            "route.unknown",
            "There is nothing at this path.",
        )
        .into()
    }

    /// 405 with the methods that the path has.
    pub(crate) fn method(allow: &HeaderValue) -> Self {
        let failure = Failure::new(
            FailureKind::MethodNotAllowed,
            "method.unknown",
            "This path has no such method.",
        );
        Self {
            allow: Some(allow.clone()),
            ..failure.into()
        }
    }

    /// 408: the body did not come in time, so nothing was done.
    pub(crate) fn slow_body() -> Self {
        let failure = Failure::new(
            FailureKind::Timeout,
            "body.timeout",
            "The body did not arrive in time.",
        );
        Self {
            status: Some(StatusCode::REQUEST_TIMEOUT),
            ..failure.into()
        }
    }

    /// 504: it took too long.
    pub(crate) fn timeout() -> Self {
        Failure::new(
            FailureKind::Timeout,
            "request.timeout",
            "The request took longer than allowed; whether it took effect is unknown.",
        )
        .into()
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| {
            StatusCode::from_u16(self.failure.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    /// The answer. Made only of what a client may see: the failure's source stays out.
    pub(crate) fn response(&self, request: RequestId) -> Response<Full<Bytes>> {
        let failure = &*self.failure;
        let status = self.status();
        let document = Problem {
            kind: format!("{TYPE_BASE}{}", failure.kind.slug()),
            title: title(failure.kind),
            status: status.as_u16(),
            code: failure.code,
            detail: failure.message.as_str(),
            instance: request,
            fields: &failure.fields,
        };
        let body = serde_json::to_vec(&document).unwrap_or_else(|_| b"{}".to_vec());
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(allow) = &self.allow {
            headers.insert(ALLOW, allow.clone());
        }
        if let Some(after) = failure.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            let presented = failure.code.starts_with("token.") || failure.code.starts_with("session.");
            let challenge = if presented {
                r#"Bearer error="invalid_token""#
            } else {
                "Bearer"
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    instance: RequestId,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [FieldProblem],
}

/// The kind in words, the same for every occurrence (RFC 9457, section 3.1.3).
fn title(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidArgument => "Invalid argument",
        FailureKind::Unauthenticated => "Unauthenticated",
        FailureKind::Forbidden => "Forbidden",
        FailureKind::NotFound => "Not found",
        FailureKind::Conflict => "Conflict",
        FailureKind::Precondition => "Precondition failed",
        FailureKind::TooLarge => "Too large",
        FailureKind::MediaType => "Unsupported media type",
        FailureKind::Mismatch => "Mismatch",
        FailureKind::RateLimited => "Rate limited",
        FailureKind::HeadersTooLarge => "Headers too large",
        FailureKind::Quota => "Quota exceeded",
        FailureKind::Timeout => "Timeout",
        FailureKind::Unavailable => "Unavailable",
        FailureKind::MethodNotAllowed => "Method not allowed",
        _ => "Internal",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    async fn read(refusal: Refusal) -> (http::response::Parts, Value) {
        let (head, body) = refusal.response(RequestId::from_uuid(Uuid::nil())).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_field_problem_says_field_rule_and_message() {
        let failure = Failure::field("email", "format", "must be an address").caused_by("SELECT secret");
        let (head, body) = read(failure.into()).await;
        assert_eq!(head.status, 400);
        assert_eq!(head.headers[CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(
            body,
            json!({
                "type": "/problems/invalid-argument",
                "title": "Invalid argument",
                "status": 400,
                "code": "input.invalid",
                "detail": "The input breaks a rule.",
                "instance": "req_00000000000000000000000000",
                "fields": [{ "field": "email", "rule": "format", "message": "must be an address" }],
            })
        );
    }

    #[tokio::test]
    async fn retry_after_is_rounded_up_to_whole_seconds() {
        let failure = Failure::new(FailureKind::RateLimited, "rate.limited", "Slower.");
        let (head, _) = read(failure.retry_after(Duration::from_millis(1200)).into()).await;
        assert_eq!(head.headers[RETRY_AFTER], "2");
    }

    #[tokio::test]
    async fn a_401_carries_a_challenge() {
        let (head, _) = read(Failure::new(FailureKind::Unauthenticated, "token.invalid", "No.").into()).await;
        assert_eq!(head.headers[WWW_AUTHENTICATE], r#"Bearer error="invalid_token""#);
    }
}
