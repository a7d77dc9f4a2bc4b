//! One try: sign, POST, and read what the receiver says.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use tokio::time::Instant;
use wisdom_core::id::EventId;
use wisdom_core::port::http_client::{HttpClient, OutgoingRequest};
use wisdom_core::time::Timestamp;

use crate::webhook::signature::{ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER, sign};
use crate::webhook::step::{AttemptResult, NoAnswer, Unsent};
use crate::webhook::{Attempt, Endpoint, WebhookPolicy};

const AGENT: &str = concat!("wisdom/", env!("CARGO_PKG_VERSION"));
/// Bytes that are read of an answer.
const MAX_RESPONSE: usize = 16 * 1024;
/// Bytes that are kept of an answer.
const KEPT_RESPONSE: usize = 4 * 1024;

/// How a try went.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) result: AttemptResult,
    at: Timestamp,
    latency: Duration,
    response: String,
}

impl Sent {
    pub(super) const fn without_answer(at: Timestamp, result: AttemptResult) -> Self {
        Self {
            result,
            at,
            latency: Duration::ZERO,
            response: String::new(),
        }
    }

    pub(super) fn attempt(&self, number: i32) -> Attempt {
        Attempt {
            number,
            at: self.at,
            status: match self.result {
                AttemptResult::Answered { status, .. } => Some(status),
                _ => None,
            },
            latency_ms: u32::try_from(self.latency.as_millis()).unwrap_or(u32::MAX),
            error: self.result.error().map(str::to_owned),
            response: self.response.clone(),
        }
    }

    pub(super) fn measure(&self) {
        let result = match self.result {
            result if result.is_success() => "delivered",
            AttemptResult::Answered { .. } => "refused",
            _ => self.result.error().unwrap_or("refused"),
        };
        metrics::counter!("wisdom_webhook_attempts_total", "result" => result).increment(1);
        if !matches!(self.result, AttemptResult::Unsent { .. }) {
            metrics::histogram!("wisdom_webhook_seconds").record(self.latency.as_secs_f64());
        }
    }
}

/// Sends the body with a fresh timestamp and signature.
pub(super) async fn send(
    http: &dyn HttpClient,
    policy: &WebhookPolicy,
    endpoint: &Endpoint,
    secrets: &[SigningSecret],
    event: EventId,
    body: Bytes,
    now: Timestamp,
) -> Sent {
    let Some(request) = request(policy, endpoint, secrets, event, body, now) else {
        return Sent::without_answer(
            now,
            AttemptResult::Unsent {
                reason: Unsent::Internal,
            },
        );
    };
    let started = Instant::now();
    let answer = http.send(request).await;
    let latency = started.elapsed();
    match answer {
        Ok(answer) => Sent {
            result: AttemptResult::Answered {
                status: answer.status.as_u16(),
                retry_after_s: answer.retry_after().map(|wait| wait.as_secs()),
            },
            at: now,
            latency,
            response: shown(&answer.body),
        },
        Err(error) => {
            tracing::debug!(endpoint = %endpoint.id, %error, "a webhook receiver did not answer");
            let result = AttemptResult::NoAnswer {
                error: NoAnswer::from(error.kind),
            };
            Sent {
                result,
                at: now,
                latency,
                response: String::new(),
            }
        }
    }
}

fn request(
    policy: &WebhookPolicy,
    endpoint: &Endpoint,
    secrets: &[SigningSecret],
    event: EventId,
    body: Bytes,
    now: Timestamp,
) -> Option<OutgoingRequest> {
    let id = event.to_string();
    let seconds = now.unix_seconds();
    let signature = sign(secrets, &id, seconds, &body).ok()?;
    let request = OutgoingRequest::post(endpoint.url.url().clone(), body)
        .with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(USER_AGENT, HeaderValue::from_static(AGENT))
        .with_header(
            HeaderName::from_static(ID_HEADER),
            HeaderValue::try_from(id).ok()?,
        )
        .with_header(
            HeaderName::from_static(TIMESTAMP_HEADER),
            HeaderValue::from(seconds),
        )
        .with_header(
            HeaderName::from_static(SIGNATURE_HEADER),
            HeaderValue::try_from(signature).ok()?,
        )
        .with_timeout(policy.timeout)
        .truncating_at(MAX_RESPONSE)
        .to_addresses(policy.addresses());
    Some(request)
}

/// The beginning of an answer as text that any store and any terminal can take.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut shown: String = text
        .chars()
        .map(|c| {
            if c.is_control() && !matches!(c, '\n' | '\t') {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .take(KEPT_RESPONSE)
        .collect();
    let end = shown.floor_char_boundary(KEPT_RESPONSE);
    shown.truncate(end);
    shown
}

#[cfg(test)]
mod tests {
    use wisdom_core::id::{IdSourceExt as _, ManualIds, kind};
    use wisdom_core::port::http_client::AddressPolicy;
    use wisdom_core::random::ManualRandom;
    use wisdom_core::value::HttpsUrl;

    use super::*;
    use crate::webhook::receiver::Receiver;

    #[test]
    fn the_request_verifies_at_the_receiver_and_keeps_its_limits() {
        let ids = ManualIds::new(1);
        let now = Timestamp::from_unix_seconds(1_790_000_000).unwrap();
        let endpoint = Endpoint {
            id: ids.id::<kind::Endpoint>(),
            url: HttpsUrl::parse("https://hooks.acme.test/in").unwrap(),
            description: String::new(),
            event_kinds: Vec::new(),
            enabled: true,
            disabled_reason: None,
            failing_since: None,
            secrets: Vec::new(),
            created_at: now,
            version: 1,
        };
        let secret = SigningSecret::generate(&ManualRandom::new(2)).unwrap();
        let event = ids.id::<kind::Event>();
        let policy = WebhookPolicy::default();
        let body = Bytes::from_static(b"{}");
        let request = request(
            &policy,
            &endpoint,
            std::slice::from_ref(&secret),
            event,
            body,
            now,
        )
        .unwrap();
        let receiver = Receiver::new(vec![secret]).unwrap();
        let verified = receiver
            .verify_headers(&request.headers, &request.body, now)
            .unwrap();
        assert_eq!(verified.id, event.to_string());
        assert_eq!(request.addresses, AddressPolicy::PublicOnly);
        assert_eq!(
            (request.max_response_bytes, request.truncate),
            (MAX_RESPONSE, true)
        );
        assert_eq!(request.timeout, Duration::from_secs(15));
        assert_eq!(request.headers[CONTENT_TYPE], "application/json");
        assert!(
            request.headers[USER_AGENT]
                .to_str()
                .unwrap()
                .starts_with("wisdom/")
        );
    }

    #[test]
    fn answers_are_kept_as_short_clean_text() {
        assert_eq!(shown(b"ok\n\tthen"), "ok\n\tthen");
        assert_eq!(shown(b"a\0b\x1b[31m\r"), "a\u{fffd}b\u{fffd}[31m\u{fffd}");
        assert_eq!(shown(&[0xff, b'a']), "\u{fffd}a");
        let long = shown("ü".repeat(10_000).as_bytes());
        assert!(long.len() <= KEPT_RESPONSE && long.len() > KEPT_RESPONSE - 4);
    }
}
