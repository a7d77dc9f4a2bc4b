//! Payments: customers and checkouts at a payment vendor, and the vendor's webhooks.
//!
//! Creations carry an idempotency key, so that repeating one after a timeout can't charge twice. A webhook is a
//! doorbell: it says that something of a customer changed, and the state is then fetched, never taken from it.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use url::Url;

use super::PortError;
use crate::time::Timestamp;

#[cfg(feature = "conformance")]
pub mod conformance;
mod input;

pub use input::{
    CheckoutLine, CheckoutMode, CheckoutSessionId, CustomerId, Metadata, NewCheckout, NewCustomer,
    PaymentInputError, PaymentRequestKey, PostalAddress, PriceId, TaxStatus,
};

/// How far the time in a webhook's signature may be from ours, in either direction.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(300);

/// A page at the vendor where somebody pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSession {
    /// The vendor's id of the session.
    pub id: CheckoutSessionId,
    /// Where to send the person. Holds a secret of the session: never logged.
    pub url: Url,
    /// When the page stops working.
    pub expires_at: Option<Timestamp>,
}

/// What a webhook is about, as far as we act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PaymentEventKind {
    /// A checkout ended with a payment or a subscription.
    CheckoutCompleted,
    /// A checkout was not finished in time.
    CheckoutExpired,
    /// A subscription was made, changed or ended.
    SubscriptionChanged,
    /// An invoice was paid.
    InvoicePaid,
    /// A payment of an invoice failed.
    InvoicePaymentFailed,
    /// A customer's data changed or was deleted.
    CustomerChanged,
    /// Anything else. It is answered with success and ignored.
    Other,
}

/// A verified webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    /// The vendor's id of the event: the same id again is the same event.
    pub id: String,
    /// What it is about.
    pub kind: PaymentEventKind,
    /// The vendor's word for it, for example `invoice.paid`.
    pub vendor_kind: String,
    /// Whose state is to be fetched.
    pub customer: Option<CustomerId>,
    /// When it happened, by the vendor's clock. Events arrive in any order: never decide by it alone.
    pub created: Option<Timestamp>,
    /// Whether it comes from the vendor's live mode; `false` for test mode.
    pub live: bool,
}

/// Why a webhook was not accepted. The caller answers 400 without saying which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WebhookRefusal {
    /// The signature header is missing or can't be read.
    #[error("signature header is missing or malformed")]
    Malformed,
    /// No signature fits the body.
    #[error("no signature fits")]
    Mismatch,
    /// Signed longer ago than [`SIGNATURE_TOLERANCE`].
    #[error("signed too long ago")]
    TooOld,
    /// Signed later than [`SIGNATURE_TOLERANCE`] from now.
    #[error("signed in the future")]
    FromFuture,
    /// Rightly signed, but not an event.
    #[error("body is not an event")]
    Payload,
}

/// A payment vendor.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Payments: Send + Sync + Debug {
    /// Makes a customer. The same key with the same input gives the same customer.
    ///
    /// # Errors
    /// [`Conflict`](super::PortErrorKind::Conflict) when the key was used with other input,
    /// [`Invalid`](super::PortErrorKind::Invalid) for input the vendor does not take, and the general kinds.
    async fn create_customer(
        &self,
        key: &PaymentRequestKey,
        customer: &NewCustomer,
    ) -> Result<CustomerId, PortError>;

    /// Opens a checkout for a customer. The same key with the same input gives the same session.
    ///
    /// # Errors
    /// As [`create_customer`](Payments::create_customer), and [`NotFound`](super::PortErrorKind::NotFound) for an
    /// unknown customer or price.
    async fn create_checkout_session(
        &self,
        key: &PaymentRequestKey,
        checkout: &NewCheckout,
    ) -> Result<CheckoutSession, PortError>;

    /// Verifies the raw bytes of a webhook before anything of them is parsed, then reads what it is about.
    ///
    /// `signature` is the vendor's signature header, empty when there was none.
    ///
    /// # Errors
    /// See [`WebhookRefusal`].
    fn verify_webhook(
        &self,
        body: &[u8],
        signature: &str,
        now: Timestamp,
    ) -> Result<PaymentEvent, WebhookRefusal>;
}
