//! Reading the vendor's event object, after its signature was found right.

use serde::Deserialize;
use serde_json::Value;
use wisdom_core::port::payments::{CustomerId, PaymentEvent, PaymentEventKind, WebhookRefusal};
use wisdom_core::time::Timestamp;

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    created: Option<i64>,
    #[serde(default)]
    livemode: bool,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default, rename = "object")]
    kind: Option<Value>,
    #[serde(default)]
    customer: Option<Value>,
}

impl Object {
    /// A customer itself, or whom the object belongs to, by id or expanded.
    fn customer(&self) -> Option<CustomerId> {
        let id = match (&self.customer, &self.kind) {
            (Some(Value::String(id)), _) => id.as_str(),
            (Some(Value::Object(expanded)), _) => expanded.get("id")?.as_str()?,
            (_, Some(Value::String(kind))) if kind == "customer" => self.id.as_ref()?.as_str()?,
            _ => return None,
        };
        CustomerId::parse(id).ok()
    }
}

pub(super) fn read(body: &[u8]) -> Result<PaymentEvent, WebhookRefusal> {
    let event: Event = serde_json::from_slice(body).map_err(|_| WebhookRefusal::Payload)?;
    let is_id = (1..=255).contains(&event.id.len()) && event.id.bytes().all(|b| b.is_ascii_graphic());
    if !is_id || event.kind.is_empty() || event.kind.len() > 255 {
        return Err(WebhookRefusal::Payload);
    }
    Ok(PaymentEvent {
        kind: kind(&event.kind),
        customer: event.data.object.customer(),
        created: event.created.and_then(Timestamp::from_unix_seconds),
        live: event.livemode,
        id: event.id,
        vendor_kind: event.kind,
    })
}

fn kind(vendor: &str) -> PaymentEventKind {
    match vendor {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            PaymentEventKind::CheckoutCompleted
        }
        "checkout.session.expired" => PaymentEventKind::CheckoutExpired,
        "invoice.paid" | "invoice.payment_succeeded" => PaymentEventKind::InvoicePaid,
        "invoice.payment_failed" | "invoice.payment_action_required" => {
            PaymentEventKind::InvoicePaymentFailed
        }
        "customer.created" | "customer.updated" | "customer.deleted" => PaymentEventKind::CustomerChanged,
        _ if vendor.starts_with("customer.subscription.") => PaymentEventKind::SubscriptionChanged,
        _ => PaymentEventKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_customer_wherever_it_stands() {
        for (object, expected) in [
            (r#"{"object":"invoice","customer":"cus_1"}"#, Some("cus_1")),
            (
                r#"{"object":"invoice","customer":{"id":"cus_2","object":"customer"}}"#,
                Some("cus_2"),
            ),
            (r#"{"object":"customer","id":"cus_3"}"#, Some("cus_3")),
            (r#"{"object":"price","id":"price_1"}"#, None),
            (r#"{"object":"invoice","customer":null}"#, None),
            (r#"{"object":"invoice","customer":"../x"}"#, None),
            (r#"{"name":"x"}"#, None),
        ] {
            let body = format!(r#"{{"id":"evt_1","type":"x.y","data":{{"object":{object}}}}}"#);
            let event = read(body.as_bytes()).unwrap();
            assert_eq!(
                event.customer.as_ref().map(CustomerId::as_str),
                expected,
                "{object}"
            );
        }
    }
}
