//! The Stripe adapter against a server that holds requests against the vendor's description.

#![cfg(all(feature = "payments-stripe", feature = "http-reqwest"))]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: what can't be set up is a failure"
)]

use std::sync::Arc;
use std::time::Duration;

use contracts::data::{self, golden};
use contracts::form;
use contracts::server::{Answer, ContractServer, Request};
use contracts::stripe::{Stripe, error};
use serde_json::{Value, json};
use url::Url;
use wisdom_adapters::http::ReqwestClient;
use wisdom_adapters::payments::FakePayments;
use wisdom_adapters::payments::signature::{WebhookVerifier, verify};
use wisdom_adapters::payments::stripe::StripePayments;
use wisdom_core::port::http_client::{AddressPolicy, HttpClient, OutgoingRequest};
use wisdom_core::port::payments::conformance::{Harness, SignedWebhook};
use wisdom_core::port::payments::{
    CheckoutLine, CheckoutMode, CustomerId, Metadata, NewCheckout, NewCustomer, PaymentRequestKey, Payments,
    PostalAddress, PriceId, TaxStatus, WebhookRefusal,
};
use wisdom_core::port::{PortError, PortErrorKind, Retry};
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::value::{EmailAddress, HttpsUrl};

mod contracts {
    pub(crate) mod data;
    pub(crate) mod description;
    pub(crate) mod form;
    pub(crate) mod server;
    pub(crate) mod stripe;
}

const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef01234567";

fn http() -> Arc<dyn HttpClient> {
    Arc::new(ReqwestClient::new().unwrap())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that opening takes")]
fn secrets(reference: &str) -> Result<SecretText, PortError> {
    match reference {
        "env:STRIPE_KEY" => Ok("sk_test_golden".to_owned().into()),
        "env:WEBHOOK" => Ok(WEBHOOK_SECRET.to_owned().into()),
        _ => Ok(" ".repeat(40).into()),
    }
}

fn open(server: &ContractServer) -> StripePayments {
    let parameters = [
        ("key", "env:STRIPE_KEY"),
        ("webhook_secret", "env:WEBHOOK"),
        ("base", &server.base()),
    ];
    let url = Url::parse_with_params("stripe:", parameters).unwrap();
    StripePayments::from_url(&url, &secrets, http()).unwrap()
}

/// The adapter, the server it talks to, and the fake as the one who signs.
#[derive(Debug)]
struct Vendor {
    stripe: StripePayments,
    server: ContractServer,
    signer: FakePayments,
}

async fn vendor() -> Vendor {
    let server = ContractServer::start("stripe/openapi.json", Stripe::new().with_customer("cus_1")).await;
    let signer = FakePayments::new(WEBHOOK_SECRET.to_owned().into()).unwrap();
    Vendor {
        stripe: open(&server),
        server,
        signer,
    }
}

impl Harness for Vendor {
    fn payments(&self) -> &dyn Payments {
        &self.stripe
    }

    fn invoice_paid(&self, customer: &CustomerId, at: Timestamp) -> SignedWebhook {
        let fixtures = data::read("stripe/fixtures.json");
        let resources = fixtures.get("resources").unwrap_or(&fixtures);
        let mut event =
            json!({ "id": "evt_1", "object": "event", "type": "invoice.paid", "livemode": false });
        event["data"] = json!({ "object": resources["invoice"] });
        event["data"]["object"]["customer"] = customer.as_str().into();
        // Enough of the vendor's object to be real, and short enough to flip every byte of it.
        let keep = ["id", "object", "customer", "currency", "status"];
        event["data"]["object"]
            .as_object_mut()
            .unwrap()
            .retain(|name, _| keep.contains(&name.as_str()));
        self.sign(event.to_string().as_bytes(), at)
    }

    fn unknown_kind(&self, at: Timestamp) -> SignedWebhook {
        let mut event = data::read("stripe/fixtures.json");
        event = event.get("resources").unwrap_or(&event)["event"].clone();
        event["type"] = "moon.phase_changed".into();
        self.sign(event.to_string().as_bytes(), at)
    }

    fn sign(&self, body: &[u8], at: Timestamp) -> SignedWebhook {
        SignedWebhook {
            body: body.to_vec(),
            signature: self.signer.sign(body, at),
        }
    }
}

wisdom_core::payments_conformance!(async || vendor().await);

fn key(text: &str) -> PaymentRequestKey {
    PaymentRequestKey::parse(text).unwrap()
}

fn only_address() -> NewCustomer {
    NewCustomer {
        email: Some(EmailAddress::parse("ada@example.test").unwrap()),
        ..NewCustomer::default()
    }
}

fn golden_checkout() -> NewCheckout {
    NewCheckout {
        customer: CustomerId::parse("cus_1").unwrap(),
        mode: CheckoutMode::Subscription,
        lines: vec![CheckoutLine {
            price: PriceId::parse("price_1").unwrap(),
            quantity: 2,
        }],
        success_url: HttpsUrl::parse("https://app.example.test/ok?s={CHECKOUT_SESSION_ID}").unwrap(),
        cancel_url: HttpsUrl::parse("https://app.example.test/no").unwrap(),
        reference: Some("t_1".to_owned()),
        trial_days: Some(14),
        allow_promotion_codes: true,
        metadata: Metadata::default().with("tenant", "t_1").unwrap(),
    }
}

/// Method, target, headers and body are those of the vendor's client.
fn assert_golden(ours: &Request, call: &str) {
    let golden = golden("stripe", call);
    assert_eq!(golden["method"], ours.method.as_str());
    assert_eq!(golden["target"], ours.target.as_str());
    for (name, value) in golden["headers"].as_object().unwrap() {
        let ours = ours.headers.get(name).map(String::as_str);
        if value == "<random uuid>" {
            assert!(ours.is_some_and(|key| !key.is_empty()), "{name}");
        } else {
            assert_eq!(value.as_str(), ours, "{name}");
        }
    }
    let fields = |body: &str| {
        let mut fields: Vec<_> = body.split('&').map(str::to_owned).collect();
        fields.sort();
        fields
    };
    let body = golden["body"].as_str().unwrap();
    assert_eq!(form::decode(&ours.body), form::decode(body));
    assert_eq!(
        fields(&ours.body),
        fields(body),
        "the same bytes, in whatever order"
    );
}

#[tokio::test]
async fn customer_with_a_key_is_the_golden_request() {
    let vendor = vendor().await;
    vendor
        .stripe
        .create_customer(&key("k-1"), &only_address())
        .await
        .unwrap();
    assert_golden(&vendor.server.seen()[0], "customers.create with key");
}

#[tokio::test]
async fn customer_with_everything_is_the_golden_request() {
    let vendor = vendor().await;
    let customer = NewCustomer {
        name: Some("Ada".to_owned()),
        address: Some(PostalAddress {
            city: Some("Köln".to_owned()),
            country: Some("DE".to_owned()),
            ..PostalAddress::default()
        }),
        tax: Some(TaxStatus::Taxed),
        metadata: Metadata::default()
            .with("tenant", "t_1")
            .unwrap()
            .with("kind", "a&b=c")
            .unwrap(),
        ..only_address()
    };
    vendor
        .stripe
        .create_customer(&key("k-1"), &customer)
        .await
        .unwrap();
    assert_golden(&vendor.server.seen()[0], "customers.create");
}

#[tokio::test]
async fn checkout_is_the_golden_request() {
    let vendor = vendor().await;
    let session = vendor
        .stripe
        .create_checkout_session(&key("k-1"), &golden_checkout())
        .await
        .unwrap();
    assert_golden(&vendor.server.seen()[0], "checkout.sessions.create");
    assert_eq!(session.expires_at, Timestamp::from_unix_seconds(1_767_312_000));
    assert_eq!(session.url.fragment(), Some("frag"));
}

#[tokio::test]
async fn every_field_we_can_send_is_described() {
    let vendor = vendor().await;
    let text = || Some("ü & ~*".to_owned());
    for tax in [TaxStatus::Taxed, TaxStatus::Exempt, TaxStatus::ReverseCharge] {
        let customer = NewCustomer {
            name: text(),
            address: Some(PostalAddress {
                line1: text(),
                line2: text(),
                postal_code: text(),
                city: text(),
                state: text(),
                country: Some("AT".to_owned()),
            }),
            tax: Some(tax),
            ..only_address()
        };
        vendor
            .stripe
            .create_customer(&key(&format!("{tax:?}")), &customer)
            .await
            .unwrap();
    }
    let payment = NewCheckout {
        mode: CheckoutMode::Payment,
        trial_days: None,
        ..golden_checkout()
    };
    vendor
        .stripe
        .create_checkout_session(&key("payment"), &payment)
        .await
        .unwrap();
    let sent = form::decode(&vendor.server.seen()[0].body).unwrap();
    assert_eq!(sent["address"]["line1"], "ü & ~*");
}

/// The vendor's own verifier judged these; only a time in the future is judged otherwise by us, on purpose.
#[test]
fn signature_vectors() {
    let vectors = data::read("stripe/signature-vectors.json");
    let vectors = vectors["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 17);
    let mut future = 0;
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let seconds = vector["now"].as_i64().unwrap();
        let now = Timestamp::from_unix_seconds(seconds).unwrap();
        let result = verify(
            text("secret").as_bytes(),
            text("payload").as_bytes(),
            text("header"),
            now,
        );
        if text("name").starts_with("from the future") {
            future += 1;
            assert_eq!(result, Err(WebhookRefusal::FromFuture));
        } else {
            assert_eq!(
                result.is_ok(),
                vector["valid"] == Value::Bool(true),
                "{}: {result:?}",
                text("name")
            );
        }
    }
    assert_eq!(future, 1);
}

#[tokio::test]
async fn failures_become_kinds_and_hints() {
    use PortErrorKind::{Conflict, Invalid, NotFound, RateLimited, Unauthorized, Unavailable};
    let request = "invalid_request_error";
    for (answer, kind, retry) in [
        (
            Answer::new(400, error(request, "parameter_missing")),
            Invalid,
            Retry::Never,
        ),
        (
            Answer::new(402, error("card_error", "card_declined")),
            Invalid,
            Retry::Never,
        ),
        (
            Answer::new(401, error(request, "api_key_expired")),
            Unauthorized,
            Retry::Never,
        ),
        (
            Answer::new(404, error(request, "resource_missing")),
            NotFound,
            Retry::Never,
        ),
        (
            Answer::new(400, error(request, "resource_missing")),
            NotFound,
            Retry::Never,
        ),
        (
            Answer::new(400, error("idempotency_error", "x")),
            Conflict,
            Retry::Never,
        ),
        (
            Answer::new(409, error("idempotency_error", "idempotency_key_in_use")),
            Conflict,
            Retry::Backoff,
        ),
        (
            Answer::new(429, error(request, "lock_timeout")),
            Conflict,
            Retry::Backoff,
        ),
        (
            Answer::new(429, error(request, "rate_limit")),
            RateLimited,
            Retry::Backoff,
        ),
        (
            Answer::new(429, error(request, "rate_limit")).with_header("retry-after", "3"),
            RateLimited,
            Retry::After(Duration::from_secs(3)),
        ),
        (
            Answer::new(500, error("api_error", "x")),
            Unavailable,
            Retry::Backoff,
        ),
        (
            Answer::new(500, error("api_error", "x")).with_header("stripe-should-retry", "false"),
            Unavailable,
            Retry::Never,
        ),
        (
            Answer::new(409, error(request, "x")).with_header("stripe-should-retry", "true"),
            Conflict,
            Retry::Backoff,
        ),
    ] {
        let vendor = vendor().await;
        vendor.server.plan([answer.clone()]);
        let failure = vendor
            .stripe
            .create_customer(&key("k"), &only_address())
            .await
            .unwrap_err();
        assert_eq!((failure.kind, failure.retry), (kind, retry), "{answer:?}");
        let shown = format!("{failure:?} {:?}", vendor.stripe);
        assert!(
            !shown.contains("ada@") && !shown.contains("sk_test") && !shown.contains("whsec"),
            "{shown}"
        );
    }
}

/// The check can fail: every misspelled name and every wrong value of our request is refused.
#[tokio::test]
async fn mutants_of_our_requests_are_refused() {
    let vendor = vendor().await;
    vendor
        .stripe
        .create_checkout_session(&key("k-1"), &golden_checkout())
        .await
        .unwrap();
    let request = vendor.server.seen().remove(0);
    for (from, to) in [
        ("mode=", "mod="),
        ("mode=subscription", "mode=subscribe"),
        ("customer=", "custommer="),
        ("line_items[0][price]", "line_item[0][price]"),
        ("line_items[0][price]", "line_items[0][prize]"),
        ("[quantity]=2", "[quantity]=two"),
        ("success_url", "succes_url"),
        (
            "subscription_data[trial_period_days]",
            "subscription_data[trial_days]",
        ),
        (
            "subscription_data[metadata][tenant]=t_1",
            "subscription_data[metadata]=t_1",
        ),
        ("allow_promotion_codes=true", "allow_promotion_codes=yes"),
        ("client_reference_id", "client_reference"),
    ] {
        let mutant = request.body.replace(from, to);
        assert_ne!(mutant, request.body, "{from} is not in {}", request.body);
        let url = Url::parse(&vendor.server.base())
            .unwrap()
            .join(&request.target)
            .unwrap();
        let kind = http::HeaderValue::from_static("application/x-www-form-urlencoded");
        let outgoing = OutgoingRequest::post(url, mutant.clone())
            .to_addresses(AddressPolicy::AllowLoopback)
            .with_header(http::header::CONTENT_TYPE, kind);
        assert_eq!(http().send(outgoing).await.unwrap().status, 400, "{mutant}");
        assert_eq!(vendor.server.take_violations().len(), 1, "{mutant}");
    }
}

#[tokio::test]
async fn opening_refuses_what_cannot_work() {
    for query in [
        "",
        "key=env:STRIPE_KEY",
        "key=env:BLANK&webhook_secret=env:WEBHOOK",
        "key=env:STRIPE_KEY&webhook_secret=env:BLANK",
        "key=env:STRIPE_KEY&webhook_secret=env:WEBHOOK&webhook_secret=env:BLANK",
        "key=env:STRIPE_KEY&webhook_secret=env:WEBHOOK&base=http://api.example.test/",
        "key=env:STRIPE_KEY&webhook_secret=env:WEBHOOK&bas=x",
    ] {
        let url = Url::parse(&format!("stripe:?{query}")).unwrap();
        let failure = StripePayments::from_url(&url, &secrets, http()).unwrap_err();
        assert_eq!(failure.kind, PortErrorKind::Invalid, "{query}");
    }
    assert!(WebhookVerifier::new(vec![]).is_err());
}
