//! What goes into the payment port, valid by construction or checked by `validate`.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::port::{PortError, PortErrorKind};
use crate::value::{EmailAddress, HttpsUrl};

/// Most metadata entries of one object.
const MAX_METADATA: usize = 50;

/// Most lines of one checkout.
const MAX_LINES: usize = 20;

/// Most characters of one text.
const MAX_TEXT: usize = 500;

/// Why input can't be used for a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PaymentInputError {
    /// An idempotency key that is empty, longer than 255, or holds more than visible ASCII.
    #[error("key must be 1 to 255 visible ASCII characters")]
    RequestKey,
    /// A vendor id that is empty, longer than 255, or holds more than letters, digits, `_` and `-`.
    #[error("id must be 1 to 255 letters, digits, '_' or '-'")]
    Id,
    /// A metadata key outside 1–40 letters, digits, `_`, `-`, `.`, a value over 500 characters, or over 50 entries.
    #[error("metadata breaks its bounds")]
    Metadata,
    /// A text over 500 characters, or one with control characters.
    #[error("text is too long or holds control characters")]
    Text,
    /// A country that is not two capital letters (ISO 3166-1 alpha-2).
    #[error("country must be two capital letters")]
    Country,
    /// No lines, more than 20, or a quantity of zero.
    #[error("a checkout needs 1 to 20 lines with a quantity")]
    Lines,
    /// Trial days on a checkout that is no subscription, or more than 730.
    #[error("trial days must be 1 to 730, on a subscription")]
    Trial,
}

impl PaymentInputError {
    /// The same refusal as an error of the port.
    #[must_use]
    pub fn at(self, operation: &'static str) -> PortError {
        PortError::new("payments", operation, PortErrorKind::Invalid).with_source(self)
    }
}

/// Key under which the vendor remembers a creation (for at least 24 h), from (tenant, intent).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentRequestKey(String);

impl PaymentRequestKey {
    /// Takes 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// [`PaymentInputError::RequestKey`].
    pub fn parse(text: &str) -> Result<Self, PaymentInputError> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PaymentInputError::RequestKey)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! vendor_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes 1 to 255 letters, digits, `_` or `-`.
            ///
            /// # Errors
            /// [`PaymentInputError::Id`].
            pub fn parse(text: &str) -> Result<Self, PaymentInputError> {
                let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
                if (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(PaymentInputError::Id)
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

vendor_id! {
    /// The vendor's id of a customer.
    CustomerId
}
vendor_id! {
    /// The vendor's id of a price.
    PriceId
}
vendor_id! {
    /// The vendor's id of a checkout session.
    CheckoutSessionId
}

/// Small texts that the vendor keeps with an object and shows to operators.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Adds an entry, in place of one with the same key.
    ///
    /// # Errors
    /// [`PaymentInputError::Metadata`].
    pub fn with(mut self, key: &str, value: &str) -> Result<Self, PaymentInputError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let fits = (1..=40).contains(&key.len())
            && key.bytes().all(allowed)
            && value.chars().count() <= MAX_TEXT
            && (self.0.len() < MAX_METADATA || self.0.contains_key(key));
        if !fits {
            return Err(PaymentInputError::Metadata);
        }
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(self)
    }

    /// Entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Where a customer is billed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PostalAddress {
    /// Street and number.
    pub line1: Option<String>,
    /// Further line.
    pub line2: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// State, county or province.
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2 code in capitals.
    pub country: Option<String>,
}

impl fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostalAddress")
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

/// How sales tax applies to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxStatus {
    /// Taxed as usual.
    Taxed,
    /// Exempt.
    Exempt,
    /// The customer owes the tax (reverse charge).
    ReverseCharge,
}

/// A customer to be made. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NewCustomer {
    /// Where invoices go.
    pub email: Option<EmailAddress>,
    /// Name on invoices.
    pub name: Option<String>,
    /// Billing address.
    pub address: Option<PostalAddress>,
    /// Tax status; `None` leaves the vendor's default.
    pub tax: Option<TaxStatus>,
    /// Our ids, for example `tenant`.
    pub metadata: Metadata,
}

impl NewCustomer {
    /// Checks texts and country. Adapters call it before anything is sent.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn validate(&self) -> Result<(), PaymentInputError> {
        let mut texts: Vec<&String> = self.name.iter().collect();
        if let Some(address) = &self.address {
            let lines = [
                &address.line1,
                &address.line2,
                &address.postal_code,
                &address.city,
                &address.state,
            ];
            texts.extend(lines.into_iter().flatten());
            let capitals = |c: &str| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase());
            if address
                .country
                .as_deref()
                .is_some_and(|country| !capitals(country))
            {
                return Err(PaymentInputError::Country);
            }
        }
        if texts.into_iter().all(|text| is_text(text)) {
            Ok(())
        } else {
            Err(PaymentInputError::Text)
        }
    }
}

impl fmt::Debug for NewCustomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCustomer")
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

fn is_text(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// What a checkout leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutMode {
    /// A subscription.
    Subscription,
    /// One payment.
    Payment,
}

/// One line of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutLine {
    /// What is bought.
    pub price: PriceId,
    /// How many, at least 1.
    pub quantity: u32,
}

/// A checkout to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckout {
    /// Who pays.
    pub customer: CustomerId,
    /// What it leads to.
    pub mode: CheckoutMode,
    /// 1 to 20 lines.
    pub lines: Vec<CheckoutLine>,
    /// Where the person returns to after paying. The vendor replaces `{CHECKOUT_SESSION_ID}` in its query.
    pub success_url: HttpsUrl,
    /// Where the person returns to after giving up.
    pub cancel_url: HttpsUrl,
    /// Our id of whom it is for, at most 200 characters; comes back with the event.
    pub reference: Option<String>,
    /// Days before the first payment of a subscription, 1 to 730.
    pub trial_days: Option<u16>,
    /// Whether the page takes promotion codes.
    pub allow_promotion_codes: bool,
    /// Kept with the subscription, or with the session when there is none.
    pub metadata: Metadata,
}

impl NewCheckout {
    /// Checks lines, trial and reference. Adapters call it before anything is sent.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn validate(&self) -> Result<(), PaymentInputError> {
        if !(1..=MAX_LINES).contains(&self.lines.len()) || self.lines.iter().any(|line| line.quantity == 0) {
            return Err(PaymentInputError::Lines);
        }
        let trial_fits = |days: u16| self.mode == CheckoutMode::Subscription && (1..=730).contains(&days);
        if self.trial_days.is_some_and(|days| !trial_fits(days)) {
            return Err(PaymentInputError::Trial);
        }
        if self
            .reference
            .as_deref()
            .is_some_and(|text| text.chars().count() > 200 || !is_text(text))
        {
            return Err(PaymentInputError::Text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_ids_are_bounded() {
        for text in ["", "a b", "ä", "a\n", &"x".repeat(256)] {
            assert_eq!(
                PaymentRequestKey::parse(text),
                Err(PaymentInputError::RequestKey),
                "{text}"
            );
            assert_eq!(CustomerId::parse(text), Err(PaymentInputError::Id), "{text}");
        }
        assert!(CustomerId::parse("cus_1/../x").is_err());
        assert_eq!(CustomerId::parse("cus_1").unwrap().as_str(), "cus_1");
    }

    #[test]
    fn metadata_is_bounded() {
        for key in ["", "a[b]", "a b", &"k".repeat(41)] {
            assert!(Metadata::default().with(key, "v").is_err(), "{key}");
        }
        assert!(Metadata::default().with("k", &"v".repeat(501)).is_err());
        let mut full = Metadata::default();
        for n in 0..MAX_METADATA {
            full = full.with(&format!("k{n}"), "v").unwrap();
        }
        assert!(full.clone().with("k0", "new").is_ok());
        assert!(full.with("one-more", "v").is_err());
    }

    #[test]
    fn customers_are_checked() {
        let mut customer = NewCustomer {
            name: Some("Ada\r\nBcc: x".to_owned()),
            ..NewCustomer::default()
        };
        assert_eq!(customer.validate(), Err(PaymentInputError::Text));
        customer.name = Some("Ada".to_owned());
        assert_eq!(customer.validate(), Ok(()));
        customer.address = Some(PostalAddress {
            country: Some("de".to_owned()),
            ..PostalAddress::default()
        });
        assert_eq!(customer.validate(), Err(PaymentInputError::Country));
    }
}
