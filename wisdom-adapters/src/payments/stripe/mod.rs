//! Stripe: customers, checkout sessions and webhooks, at API version 2026-10-28.endive.
//!
//! Opened by `stripe:?key=env:STRIPE_KEY&webhook_secret=env:STRIPE_WEBHOOK_SECRET`; `webhook_secret` may be given again
//! while one is rolled, and `base=` names another address.

mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;
use wisdom_core::port::http_client::{HttpClient, IncomingResponse};
use wisdom_core::port::payments::{
    CheckoutSession, CheckoutSessionId, CustomerId, NewCheckout, NewCustomer, PaymentEvent,
    PaymentRequestKey, Payments, WebhookRefusal,
};
use wisdom_core::port::{PortError, PortErrorKind, Retry};
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

use super::signature::WebhookVerifier;
use super::{event, form};
use crate::http::{OpenParameters, VendorApi};
use wire::{CustomerAnswer, Failure, SessionAnswer};

/// The version of the vendor's API that requests and answers are written in.
pub const API_VERSION: &str = "2026-10-28.endive";

const BASE: &str = "https://api.stripe.com/";
const CUSTOMER: &str = "create_customer";
const CHECKOUT: &str = "create_checkout_session";

/// The `Payments` port over Stripe.
#[derive(Debug, Clone)]
pub struct StripePayments {
    api: VendorApi,
    verifier: WebhookVerifier,
}

impl StripePayments {
    /// An adapter for the account of the key. Several webhook secrets are for the time in which one is rolled.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] for a blank key, and for a missing, blank or short webhook secret.
    pub fn new(
        http: Arc<dyn HttpClient>,
        key: SecretText,
        webhook_secrets: Vec<SecretText>,
    ) -> Result<Self, PortError> {
        Self::at(BASE, http, key, webhook_secrets)
    }

    /// Opens `stripe:?key=…&webhook_secret=…[&webhook_secret=…][&base=…]`. Key and secrets are references that
    /// `secrets` resolves.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] for parameters that can't be used, and whatever `secrets` answers.
    pub fn from_url(
        url: &Url,
        secrets: &dyn Fn(&str) -> Result<SecretText, PortError>,
        http: Arc<dyn HttpClient>,
    ) -> Result<Self, PortError> {
        let open = OpenParameters::read(url, "payments", "stripe", &["key", "webhook_secret", "base"])?;
        let key = secrets(open.required("key")?)?;
        let webhook_secrets = open
            .all("webhook_secret")
            .map(secrets)
            .collect::<Result<_, _>>()?;
        Self::at(open.optional("base")?.unwrap_or(BASE), http, key, webhook_secrets)
    }

    fn at(
        base: &str,
        http: Arc<dyn HttpClient>,
        key: SecretText,
        webhook_secrets: Vec<SecretText>,
    ) -> Result<Self, PortError> {
        Ok(Self {
            api: VendorApi::new("payments", http, base, key)?,
            verifier: WebhookVerifier::new(webhook_secrets)?,
        })
    }

    async fn create<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &[&str],
        key: &PaymentRequestKey,
        body: String,
    ) -> Result<T, PortError> {
        let invalid =
            |cause| PortError::new("payments", operation, PortErrorKind::Invalid).with_source(cause);
        let key = HeaderValue::from_str(key.as_str()).map_err(|cause| invalid(Box::new(cause)))?;
        let headers = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            ),
            (HeaderName::from_static("idempotency-key"), key),
            (
                HeaderName::from_static("stripe-version"),
                HeaderValue::from_static(API_VERSION),
            ),
        ];
        let url = self.api.url(path, &[]);
        let response = self
            .api
            .send(operation, Method::POST, url, &headers, body)
            .await?;
        if response.status != StatusCode::OK {
            return Err(self.refused(operation, &response));
        }
        serde_json::from_slice(&response.body).map_err(|cause| protocol(operation, cause))
    }

    /// Status first, then what the vendor says more exactly than by status.
    fn refused(&self, operation: &'static str, response: &IncomingResponse) -> PortError {
        let failure = Failure::read(response);
        let mut error = self.api.failure(operation, response, &failure.words(response));
        match (failure.kind(), failure.code()) {
            // Another try with the same key is under way.
            (_, "idempotency_key_in_use" | "lock_timeout") => {
                (error.kind, error.retry) = (PortErrorKind::Conflict, Retry::Backoff);
            }
            ("idempotency_error", _) => {
                (error.kind, error.retry) = (PortErrorKind::Conflict, Retry::Never);
            }
            (_, "resource_missing") => error.kind = PortErrorKind::NotFound,
            _ => {}
        }
        // The vendor knows best whether the same request can succeed; its header outranks the status.
        match response
            .headers
            .get("stripe-should-retry")
            .map(HeaderValue::as_bytes)
        {
            Some(b"false") => error.with_retry(Retry::Never),
            Some(b"true") if error.retry == Retry::Never => error.with_retry(Retry::Backoff),
            _ => error,
        }
    }
}

fn protocol(
    operation: &'static str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new("payments", operation, PortErrorKind::Protocol).with_source(cause)
}

#[async_trait]
impl Payments for StripePayments {
    async fn create_customer(
        &self,
        key: &PaymentRequestKey,
        customer: &NewCustomer,
    ) -> Result<CustomerId, PortError> {
        customer.validate().map_err(|refusal| refusal.at(CUSTOMER))?;
        let body = form::customer(customer);
        let answer: CustomerAnswer = self.create(CUSTOMER, &["v1", "customers"], key, body).await?;
        CustomerId::parse(&answer.id).map_err(|cause| protocol(CUSTOMER, cause))
    }

    async fn create_checkout_session(
        &self,
        key: &PaymentRequestKey,
        checkout: &NewCheckout,
    ) -> Result<CheckoutSession, PortError> {
        checkout.validate().map_err(|refusal| refusal.at(CHECKOUT))?;
        let body = form::checkout(checkout);
        let answer: SessionAnswer = self
            .create(CHECKOUT, &["v1", "checkout", "sessions"], key, body)
            .await?;
        Ok(CheckoutSession {
            id: CheckoutSessionId::parse(&answer.id).map_err(|cause| protocol(CHECKOUT, cause))?,
            url: answer
                .url
                .ok_or_else(|| protocol(CHECKOUT, "the session has no page"))?,
            expires_at: Timestamp::from_unix_seconds(answer.expires_at),
        })
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
