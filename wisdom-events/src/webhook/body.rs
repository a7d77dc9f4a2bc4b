//! What is sent: the event as `CloudEvents` JSON, whole or thin.

use bytes::Bytes;
use serde_json::Value;
use wisdom_core::event::StoredEvent;

/// Larger envelopes are sent without their data (Standard Webhooks, "Payload size").
pub const MAX_FULL: usize = 20 * 1024;
/// Nothing larger is sent at all.
pub const MAX_BYTES: usize = 256 * 1024;

/// The body to send, or `None` when even the thin form is too large.
///
/// The thin form has no `data`, and the extension `thin` with the value `true`: the receiver reads the subject through
/// the API.
#[must_use]
pub fn body(event: &StoredEvent, source: &str) -> Option<Bytes> {
    let mut envelope = serde_json::to_value(event.envelope(source)).ok()?;
    let mut bytes = serde_json::to_vec(&envelope).ok()?;
    if bytes.len() > MAX_FULL {
        let members = envelope.as_object_mut()?;
        for name in ["data", "datacontenttype", "dataschema"] {
            members.remove(name);
        }
        members.insert("thin".to_owned(), Value::Bool(true));
        bytes = serde_json::to_vec(&envelope).ok()?;
    }
    (bytes.len() <= MAX_BYTES).then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wisdom_core::context::Actor;
    use wisdom_core::event::Audience;
    use wisdom_core::id::{IdSourceExt as _, ManualIds, kind};
    use wisdom_core::time::Timestamp;
    use wisdom_core::trace::TraceContext;

    use super::*;

    fn event(data: Value, subject: &str) -> StoredEvent {
        let ids = ManualIds::new(3);
        StoredEvent {
            id: ids.id::<kind::Event>(),
            tenant: Some(ids.id::<kind::Tenant>()),
            seq: 4,
            ordering_key: subject.to_owned(),
            kind: "thing.made".to_owned(),
            subject: subject.to_owned(),
            audience: Audience::Tenant,
            actor: Actor::System,
            on_behalf_of: None,
            time: Timestamp::EPOCH,
            trace: TraceContext {
                trace_id: [1; 16],
                span_id: [1; 8],
                flags: 0,
            },
            data,
        }
    }

    #[test]
    fn small_events_are_sent_whole() {
        let event = event(json!({ "role": "admin" }), "s");
        let sent: Value = serde_json::from_slice(&body(&event, "https://acme.test").unwrap()).unwrap();
        assert_eq!(sent["specversion"], "1.0");
        assert_eq!(sent["id"], event.id.to_string());
        assert_eq!(sent["source"], "https://acme.test");
        assert_eq!(sent["data"]["role"], "admin");
        assert_eq!(sent["seq"], 4);
        assert!(sent.get("thin").is_none());
    }

    #[test]
    fn large_events_are_thin_and_huge_ones_are_not_sent() {
        let large = body(&event(json!("x".repeat(MAX_FULL)), "s"), "https://acme.test").unwrap();
        let sent: Value = serde_json::from_slice(&large).unwrap();
        assert_eq!(
            (&sent["thin"], &sent["subject"], sent.get("data")),
            (&json!(true), &json!("s"), None)
        );
        assert!(large.len() < 1024);
        assert!(body(&event(Value::Null, &"s".repeat(MAX_BYTES)), "https://acme.test").is_none());
    }
}
