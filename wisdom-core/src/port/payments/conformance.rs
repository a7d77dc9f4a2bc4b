//! What every [`Payments`] must do, one function a case.
//!
//! Expand it with [`payments_conformance!`](crate::payments_conformance), in a crate that has `tokio` with `macros`
//! and `rt`.

#![expect(clippy::unused_async, reason = "the macro calls every case alike")]
#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking")]
#![expect(
    clippy::unwrap_used,
    reason = "a suite for tests: what can't be set up is a failure of the test"
)]

use std::fmt::Debug;
use std::time::Duration;

use super::{
    CheckoutLine, CheckoutMode, CustomerId, Metadata, NewCheckout, NewCustomer, PaymentEventKind,
    PaymentRequestKey, Payments, PriceId, SIGNATURE_TOLERANCE, WebhookRefusal,
};
use crate::port::PortErrorKind;
use crate::time::Timestamp;
use crate::value::{EmailAddress, HttpsUrl};

/// A webhook as it arrives.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    /// Raw body.
    pub body: Vec<u8>,
    /// Value of the signature header.
    pub signature: String,
}

/// An adapter together with what plays the vendor for it.
pub trait Harness: Debug + Send + Sync {
    /// The adapter.
    fn payments(&self) -> &dyn Payments;

    /// A webhook of the vendor saying that an invoice of this customer was paid, signed at this time.
    fn invoice_paid(&self, customer: &CustomerId, at: Timestamp) -> SignedWebhook;

    /// A webhook of a kind that nobody knows, signed at this time.
    fn unknown_kind(&self, at: Timestamp) -> SignedWebhook;

    /// These bytes signed rightly at this time.
    fn sign(&self, body: &[u8], at: Timestamp) -> SignedWebhook;
}

/// Expands to one named `#[tokio::test]` a case. The argument is an async function without arguments that returns a
/// [`Harness`](crate::port::payments::conformance::Harness) whose vendor knows the price `price_1`.
#[macro_export]
macro_rules! payments_conformance {
    ($make:expr) => {
        $crate::payments_conformance!(@cases $make;
            a_repeated_creation_is_one_customer
            different_keys_are_different_customers
            a_key_used_for_other_input_is_a_conflict
            checkout_gives_a_page
            a_repeated_checkout_is_one_session
            checkout_of_an_unknown_customer_is_not_found
            checkout_without_lines_is_invalid
            invalid_customers_are_refused
            a_signed_webhook_is_read
            an_unknown_kind_is_accepted_as_other
            every_changed_byte_of_a_webhook_is_refused
            every_changed_signature_is_refused
            a_truncated_signature_is_refused
            a_missing_signature_is_refused
            the_clock_tolerance_holds_both_ways
            a_signed_body_that_is_no_event_is_refused
        );
    };
    (@cases $make:expr; $($case:ident)+) => {
        $(
            #[::tokio::test]
            async fn $case() {
                let harness = ($make)().await;
                $crate::port::payments::conformance::$case(&harness).await;
            }
        )+
    };
}

fn key(text: &str) -> PaymentRequestKey {
    PaymentRequestKey::parse(text).unwrap()
}

fn ada() -> NewCustomer {
    NewCustomer {
        email: Some(EmailAddress::parse("ada@example.test").unwrap()),
        name: Some("Ada & Söhne [GmbH]".to_owned()),
        metadata: Metadata::default().with("tenant", "tnt_1").unwrap(),
        ..NewCustomer::default()
    }
}

fn checkout(customer: CustomerId) -> NewCheckout {
    NewCheckout {
        customer,
        mode: CheckoutMode::Subscription,
        lines: vec![CheckoutLine {
            price: PriceId::parse("price_1").unwrap(),
            quantity: 3,
        }],
        success_url: HttpsUrl::parse("https://app.example.test/ok?s={CHECKOUT_SESSION_ID}").unwrap(),
        cancel_url: HttpsUrl::parse("https://app.example.test/no").unwrap(),
        reference: Some("tnt_1".to_owned()),
        trial_days: None,
        allow_promotion_codes: false,
        metadata: Metadata::default().with("tenant", "tnt_1").unwrap(),
    }
}

fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_767_225_600).unwrap()
}

fn customer_id() -> CustomerId {
    CustomerId::parse("cus_webhook").unwrap()
}

/// At-least-once delivery of the command makes no second customer.
pub async fn a_repeated_creation_is_one_customer(harness: &impl Harness) {
    let first = harness
        .payments()
        .create_customer(&key("k-1"), &ada())
        .await
        .unwrap();
    assert_eq!(
        harness
            .payments()
            .create_customer(&key("k-1"), &ada())
            .await
            .unwrap(),
        first
    );
}

/// Two intents are two customers, however alike.
pub async fn different_keys_are_different_customers(harness: &impl Harness) {
    let first = harness
        .payments()
        .create_customer(&key("k-1"), &ada())
        .await
        .unwrap();
    assert_ne!(
        harness
            .payments()
            .create_customer(&key("k-2"), &ada())
            .await
            .unwrap(),
        first
    );
}

/// A key stands for one request.
pub async fn a_key_used_for_other_input_is_a_conflict(harness: &impl Harness) {
    harness
        .payments()
        .create_customer(&key("k-1"), &ada())
        .await
        .unwrap();
    let other = NewCustomer {
        name: Some("Eve".to_owned()),
        ..ada()
    };
    let error = harness
        .payments()
        .create_customer(&key("k-1"), &other)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Conflict);
    assert!(!error.is_transient());
}

/// A checkout ends in an address to send the person to.
pub async fn checkout_gives_a_page(harness: &impl Harness) {
    let customer = harness
        .payments()
        .create_customer(&key("k-1"), &ada())
        .await
        .unwrap();
    let session = harness
        .payments()
        .create_checkout_session(&key("k-2"), &checkout(customer))
        .await
        .unwrap();
    assert_eq!(session.url.scheme(), "https");
    assert!(session.url.host().is_some());
}

/// Two tabs with one intent open one session.
pub async fn a_repeated_checkout_is_one_session(harness: &impl Harness) {
    let customer = harness
        .payments()
        .create_customer(&key("k-1"), &ada())
        .await
        .unwrap();
    let new = checkout(customer);
    let first = harness
        .payments()
        .create_checkout_session(&key("k-2"), &new)
        .await
        .unwrap();
    let again = harness
        .payments()
        .create_checkout_session(&key("k-2"), &new)
        .await
        .unwrap();
    assert_eq!(again.id, first.id);
    let other = harness
        .payments()
        .create_checkout_session(&key("k-3"), &new)
        .await
        .unwrap();
    assert_ne!(other.id, first.id);
}

/// A customer that the vendor does not know.
pub async fn checkout_of_an_unknown_customer_is_not_found(harness: &impl Harness) {
    let new = checkout(CustomerId::parse("cus_nobody").unwrap());
    let error = harness
        .payments()
        .create_checkout_session(&key("k-1"), &new)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
}

/// Bounds hold before anything is sent.
pub async fn checkout_without_lines_is_invalid(harness: &impl Harness) {
    let customer = harness
        .payments()
        .create_customer(&key("k-1"), &ada())
        .await
        .unwrap();
    let mut new = checkout(customer);
    new.lines.clear();
    let error = harness
        .payments()
        .create_checkout_session(&key("k-2"), &new)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    let mut payment = checkout(customer_id());
    payment.mode = CheckoutMode::Payment;
    payment.trial_days = Some(14);
    let error = harness
        .payments()
        .create_checkout_session(&key("k-3"), &payment)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
}

/// Bounds hold before anything is sent.
pub async fn invalid_customers_are_refused(harness: &impl Harness) {
    let long = NewCustomer {
        name: Some("x".repeat(501)),
        ..ada()
    };
    let error = harness
        .payments()
        .create_customer(&key("k-1"), &long)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
}

/// The good case.
pub async fn a_signed_webhook_is_read(harness: &impl Harness) {
    let webhook = harness.invoice_paid(&customer_id(), noon());
    let event = harness
        .payments()
        .verify_webhook(&webhook.body, &webhook.signature, noon())
        .unwrap();
    assert_eq!(event.kind, PaymentEventKind::InvoicePaid);
    assert_eq!(event.customer, Some(customer_id()));
    assert!(!event.id.is_empty());
}

/// Vendors add kinds all the time.
pub async fn an_unknown_kind_is_accepted_as_other(harness: &impl Harness) {
    let webhook = harness.unknown_kind(noon());
    let event = harness
        .payments()
        .verify_webhook(&webhook.body, &webhook.signature, noon())
        .unwrap();
    assert_eq!(event.kind, PaymentEventKind::Other);
}

/// The signature covers the whole body.
pub async fn every_changed_byte_of_a_webhook_is_refused(harness: &impl Harness) {
    let webhook = harness.invoice_paid(&customer_id(), noon());
    for at in 0..webhook.body.len() {
        let mut body = webhook.body.clone();
        body[at] ^= 1;
        let result = harness
            .payments()
            .verify_webhook(&body, &webhook.signature, noon());
        assert_eq!(result, Err(WebhookRefusal::Mismatch), "byte {at}");
    }
}

/// No character of the signature header is without meaning.
pub async fn every_changed_signature_is_refused(harness: &impl Harness) {
    let webhook = harness.invoice_paid(&customer_id(), noon());
    for at in 0..webhook.signature.len() {
        let mut header = webhook.signature.clone().into_bytes();
        header[at] ^= 1;
        let header = String::from_utf8(header).unwrap();
        assert!(
            harness
                .payments()
                .verify_webhook(&webhook.body, &header, noon())
                .is_err(),
            "character {at}: {header}"
        );
    }
}

/// A compare that stops at the shorter text would take these.
pub async fn a_truncated_signature_is_refused(harness: &impl Harness) {
    let webhook = harness.invoice_paid(&customer_id(), noon());
    for length in 0..webhook.signature.len() {
        let header = &webhook.signature[..length];
        assert!(
            harness
                .payments()
                .verify_webhook(&webhook.body, header, noon())
                .is_err(),
            "{header}"
        );
    }
    let longer = format!("{}0", webhook.signature);
    assert!(
        harness
            .payments()
            .verify_webhook(&webhook.body, &longer, noon())
            .is_err()
    );
}

/// No header, or one of something else.
pub async fn a_missing_signature_is_refused(harness: &impl Harness) {
    let webhook = harness.invoice_paid(&customer_id(), noon());
    for header in ["", " ", "hello", ",", "=", "t=,v1=", "v1="] {
        let result = harness.payments().verify_webhook(&webhook.body, header, noon());
        assert_eq!(result, Err(WebhookRefusal::Malformed), "{header:?}");
    }
}

/// 300 s are allowed and 301 s are not, in the past and in the future.
pub async fn the_clock_tolerance_holds_both_ways(harness: &impl Harness) {
    let webhook = harness.invoice_paid(&customer_id(), noon());
    let verify = |now| {
        harness
            .payments()
            .verify_webhook(&webhook.body, &webhook.signature, now)
            .map(|_| ())
    };
    let beyond = SIGNATURE_TOLERANCE + Duration::from_secs(1);
    assert_eq!(verify(noon().saturating_add(SIGNATURE_TOLERANCE)), Ok(()));
    assert_eq!(verify(noon().saturating_sub(SIGNATURE_TOLERANCE)), Ok(()));
    assert_eq!(verify(noon().saturating_add(beyond)), Err(WebhookRefusal::TooOld));
    assert_eq!(
        verify(noon().saturating_sub(beyond)),
        Err(WebhookRefusal::FromFuture)
    );
}

/// A right signature does not make an event of anything.
pub async fn a_signed_body_that_is_no_event_is_refused(harness: &impl Harness) {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"id\":1}",
        "\u{feff}{}",
        "{\"id\":\"evt_1\"",
        "\"evt_1\"",
    ] {
        let webhook = harness.sign(body.as_bytes(), noon());
        let result = harness
            .payments()
            .verify_webhook(&webhook.body, &webhook.signature, noon());
        assert_eq!(result, Err(WebhookRefusal::Payload), "{body}");
    }
}
