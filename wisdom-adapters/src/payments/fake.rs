//! A payment vendor inside the process: same input, same ids, and webhooks it signs itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::digest;
use serde_json::{Value, json};
use url::Url;
use wisdom_core::port::payments::{
    CheckoutSession, CheckoutSessionId, CustomerId, NewCheckout, NewCustomer, PaymentEvent,
    PaymentInputError, PaymentRequestKey, Payments, WebhookRefusal,
};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

use super::signature::{WebhookVerifier, hex};
use super::{event, form};

const CUSTOMER: &str = "create_customer";
const CHECKOUT: &str = "create_checkout_session";

/// Most requests that are remembered; the oldest is forgotten first.
const MAX_REQUESTS: usize = 10_000;

/// Deterministic payments for development and tests: nobody is charged.
///
/// Ids are made from the idempotency key alone, so a test can know them beforehand. Pages stand under a name that
/// never resolves (RFC 6761).
#[derive(Debug)]
pub struct FakePayments {
    verifier: WebhookVerifier,
    requests: Mutex<Requests>,
}

#[derive(Debug, Default)]
struct Requests {
    by_key: HashMap<PaymentRequestKey, Made>,
    age: VecDeque<PaymentRequestKey>,
}

#[derive(Debug)]
struct Made {
    fingerprint: String,
    id: String,
    customer: CustomerId,
}

impl FakePayments {
    /// A vendor without customers whose webhooks are signed with this secret (at least 24 bytes).
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] for a blank or short secret.
    pub fn new(webhook_secret: SecretText) -> Result<Self, PortError> {
        let verifier = WebhookVerifier::new(vec![webhook_secret])?;
        Ok(Self {
            verifier,
            requests: Mutex::default(),
        })
    }

    /// Body and signature header of a webhook of the vendor's kind about an object of a customer.
    #[must_use]
    pub fn webhook(&self, kind: &str, customer: &CustomerId, at: Timestamp) -> (Vec<u8>, String) {
        let object_kind = kind.rsplit_once('.').map_or(kind, |(object, _)| object);
        let object = match object_kind {
            "customer" => json!({ "object": "customer", "id": customer.as_str() }),
            other => json!({ "object": other, "customer": customer.as_str() }),
        };
        self.signed_event(kind, &object, at)
    }

    /// The webhook that follows when somebody pays on the page of a session; `None` for a session that was never made.
    #[must_use]
    pub fn complete_checkout(&self, session: &CheckoutSessionId, at: Timestamp) -> Option<(Vec<u8>, String)> {
        let requests = self.requests();
        let made = requests
            .by_key
            .values()
            .find(|made| made.id == session.as_str())?;
        let object = json!({
            "object": "checkout.session",
            "id": made.id,
            "customer": made.customer.as_str(),
            "payment_status": "paid",
            "status": "complete",
        });
        Some(self.signed_event("checkout.session.completed", &object, at))
    }

    /// The signature header of any body.
    #[must_use]
    pub fn sign(&self, body: &[u8], at: Timestamp) -> String {
        self.verifier.sign(body, at)
    }

    fn signed_event(&self, kind: &str, object: &Value, at: Timestamp) -> (Vec<u8>, String) {
        let created = at.unix_seconds();
        let id = fake_id("evt", &format!("{kind} {object} {}", at.as_micros()));
        let body = json!({
            "id": id,
            "object": "event",
            "type": kind,
            "created": created,
            "livemode": false,
            "data": { "object": object },
        })
        .to_string()
        .into_bytes();
        let header = self.sign(&body, at);
        (body, header)
    }

    /// Every change is one insertion, so a panic elsewhere does not spoil the state.
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    /// The id that the key already stands for, if any.
    fn repeated(
        &self,
        operation: &'static str,
        key: &PaymentRequestKey,
        fingerprint: &str,
    ) -> Result<Option<String>, PortError> {
        match self.by_key.get(key) {
            Some(made) if made.fingerprint == fingerprint => Ok(Some(made.id.clone())),
            Some(_) => Err(PortError::new("payments", operation, PortErrorKind::Conflict)
                .with_source("the key was used with other input")),
            None => Ok(None),
        }
    }

    fn remember(&mut self, key: &PaymentRequestKey, made: Made) {
        if self.by_key.len() >= MAX_REQUESTS
            && let Some(oldest) = self.age.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.age.push_back(key.clone());
        self.by_key.insert(key.clone(), made);
    }

    fn knows_customer(&self, id: &CustomerId) -> bool {
        self.by_key.values().any(|made| made.id == id.as_str())
    }
}

fn fake_id(prefix: &str, of: &str) -> String {
    let digest = hex(digest::digest(&digest::SHA256, format!("{prefix} {of}").as_bytes()).as_ref());
    format!("{prefix}_fake_{}", &digest[..24])
}

fn session(id: &str) -> Result<CheckoutSession, PortError> {
    let internal = || PortError::new("payments", CHECKOUT, PortErrorKind::Internal);
    let url = Url::parse(&format!("https://checkout.invalid/pay/{id}"));
    let url = url.map_err(|cause| internal().with_source(cause))?;
    let id = CheckoutSessionId::parse(id).map_err(|cause| internal().with_source(cause))?;
    Ok(CheckoutSession {
        id,
        url,
        expires_at: None,
    })
}

#[async_trait]
impl Payments for FakePayments {
    async fn create_customer(
        &self,
        key: &PaymentRequestKey,
        customer: &NewCustomer,
    ) -> Result<CustomerId, PortError> {
        customer.validate().map_err(|refusal| refusal.at(CUSTOMER))?;
        let fingerprint = format!("customer {}", form::customer(customer));
        let mut requests = self.requests();
        let repeated = requests.repeated(CUSTOMER, key, &fingerprint)?;
        let is_new = repeated.is_none();
        let id = repeated.unwrap_or_else(|| fake_id("cus", key.as_str()));
        let made = CustomerId::parse(&id).map_err(|refusal: PaymentInputError| refusal.at(CUSTOMER))?;
        if is_new {
            requests.remember(
                key,
                Made {
                    fingerprint,
                    id,
                    customer: made.clone(),
                },
            );
        }
        Ok(made)
    }

    async fn create_checkout_session(
        &self,
        key: &PaymentRequestKey,
        checkout: &NewCheckout,
    ) -> Result<CheckoutSession, PortError> {
        checkout.validate().map_err(|refusal| refusal.at(CHECKOUT))?;
        let fingerprint = format!("checkout {}", form::checkout(checkout));
        let mut requests = self.requests();
        if let Some(id) = requests.repeated(CHECKOUT, key, &fingerprint)? {
            return session(&id);
        }
        if !requests.knows_customer(&checkout.customer) {
            return Err(
                PortError::new("payments", CHECKOUT, PortErrorKind::NotFound).with_source("no such customer")
            );
        }
        let id = fake_id("cs", key.as_str());
        requests.remember(
            key,
            Made {
                fingerprint,
                id: id.clone(),
                customer: checkout.customer.clone(),
            },
        );
        session(&id)
    }

    fn verify_webhook(
        &self,
        body: &[u8],
        signature: &str,
        now: Timestamp,
    ) -> Result<PaymentEvent, WebhookRefusal> {
        self.verifier.verify(body, signature, now)?;
        event::read(body)
    }
}

#[cfg(test)]
mod tests {
    use wisdom_core::port::payments::PaymentEventKind;
    use wisdom_core::port::payments::conformance::{Harness, SignedWebhook};
    use wisdom_core::port::payments::{CheckoutLine, CheckoutMode, Metadata, PriceId};
    use wisdom_core::value::HttpsUrl;

    use super::*;

    #[derive(Debug)]
    struct Fake(FakePayments);

    impl Harness for Fake {
        fn payments(&self) -> &dyn Payments {
            &self.0
        }

        fn invoice_paid(&self, customer: &CustomerId, at: Timestamp) -> SignedWebhook {
            let (body, signature) = self.0.webhook("invoice.paid", customer, at);
            SignedWebhook { body, signature }
        }

        fn unknown_kind(&self, at: Timestamp) -> SignedWebhook {
            let (body, signature) =
                self.0
                    .webhook("moon.phase_changed", &CustomerId::parse("cus_1").unwrap(), at);
            SignedWebhook { body, signature }
        }

        fn sign(&self, body: &[u8], at: Timestamp) -> SignedWebhook {
            SignedWebhook {
                body: body.to_vec(),
                signature: self.0.sign(body, at),
            }
        }
    }

    fn fake() -> FakePayments {
        FakePayments::new("whsec_0123456789abcdef01234567".to_owned().into()).unwrap()
    }

    wisdom_core::payments_conformance!(async || Fake(fake()));

    #[tokio::test]
    async fn paying_on_the_page_rings_the_bell() {
        let payments = fake();
        let key = |text| PaymentRequestKey::parse(text).unwrap();
        let customer = payments
            .create_customer(&key("c"), &NewCustomer::default())
            .await
            .unwrap();
        let checkout = NewCheckout {
            customer: customer.clone(),
            mode: CheckoutMode::Payment,
            lines: vec![CheckoutLine {
                price: PriceId::parse("price_1").unwrap(),
                quantity: 1,
            }],
            success_url: HttpsUrl::parse("https://app.example.test/ok").unwrap(),
            cancel_url: HttpsUrl::parse("https://app.example.test/no").unwrap(),
            reference: None,
            trial_days: None,
            allow_promotion_codes: false,
            metadata: Metadata::default(),
        };
        let session = payments
            .create_checkout_session(&key("s"), &checkout)
            .await
            .unwrap();
        let at = Timestamp::from_unix_seconds(1_767_225_600).unwrap();
        let (body, header) = payments.complete_checkout(&session.id, at).unwrap();
        let event = payments.verify_webhook(&body, &header, at).unwrap();
        assert_eq!(event.kind, PaymentEventKind::CheckoutCompleted);
        assert_eq!(event.customer, Some(customer));
        assert_eq!(
            payments.complete_checkout(&CheckoutSessionId::parse("cs_x").unwrap(), at),
            None
        );
    }

    #[tokio::test]
    async fn ids_are_the_same_in_every_process() {
        let key = PaymentRequestKey::parse("tnt_1:upgrade").unwrap();
        let id = fake()
            .create_customer(&key, &NewCustomer::default())
            .await
            .unwrap();
        assert_eq!(
            id,
            fake()
                .create_customer(&key, &NewCustomer::default())
                .await
                .unwrap()
        );
    }
}
