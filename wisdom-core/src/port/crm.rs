//! Customer relationship management: contacts of ours, known in a vendor's system.
//!
//! The vendor's system is a copy that may be away for a day without any user noticing. Calls come from the outbox
//! relay, may be repeated, and are idempotent by the contact's key.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use async_trait::async_trait;
use thiserror::Error;

use super::{PortError, PortErrorKind};
use crate::value::EmailAddress;

#[cfg(feature = "conformance")]
pub mod conformance;

/// Most custom properties of one contact.
pub const MAX_PROPERTIES: usize = 100;

/// Most bytes of one text of a contact.
pub const MAX_TEXT_BYTES: usize = 4096;

/// Why a text can't be part of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CrmInputError {
    /// A key or record id that is empty, longer than 128 bytes, or holds more than letters, digits, `_`, `-`, `.`, `:`.
    #[error("key must be 1 to 128 letters, digits, '_', '-', '.' or ':'")]
    Key,
    /// A property name that vendors do not take.
    #[error("property name must be 1 to 100 of a-z, 0-9, '_' and start with a letter")]
    PropertyName,
    /// A text over [`MAX_TEXT_BYTES`].
    #[error("text is too long")]
    TextTooLong,
    /// More than [`MAX_PROPERTIES`] properties.
    #[error("too many properties")]
    TooManyProperties,
}

fn opaque(text: &str) -> Result<String, CrmInputError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(CrmInputError::Key)
    }
}

/// Our id of a person, stored in a unique property on the vendor's side.
///
/// Never an e-mail address (`@` is refused): addresses change and are handed on, and two systems that join people by
/// address end up joining strangers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactKey(String);

impl ContactKey {
    /// Takes the text of one of our ids, for example `usr_01h455vb4pex5vsknk084sn02q`.
    ///
    /// # Errors
    /// [`CrmInputError::Key`].
    pub fn parse(text: &str) -> Result<Self, CrmInputError> {
        opaque(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The vendor's id of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrmRecordId(String);

impl CrmRecordId {
    /// Takes a vendor's id.
    ///
    /// # Errors
    /// [`CrmInputError::Key`].
    pub fn parse(text: &str) -> Result<Self, CrmInputError> {
        opaque(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is pushed of one person. `None` leaves the vendor's value as it is.
///
/// `Debug` shows only the key; the rest is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Our id of the person.
    pub key: ContactKey,
    /// Current address.
    pub email: EmailAddress,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Name of the company the person works for.
    pub company: Option<String>,
    /// Our tenant, by id or slug, as the operator wants to see it in the vendor's system.
    pub tenant: Option<String>,
    /// Further properties by the vendor's name. An empty value clears the property.
    pub properties: BTreeMap<String, String>,
}

impl Contact {
    /// A contact with key and address only.
    #[must_use]
    pub fn new(key: ContactKey, email: EmailAddress) -> Self {
        Self {
            key,
            email,
            given_name: None,
            family_name: None,
            company: None,
            tenant: None,
            properties: BTreeMap::new(),
        }
    }

    /// Checks the bounds that hold for every vendor. Adapters call it before anything is sent.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn validate(&self) -> Result<(), CrmInputError> {
        if self.properties.len() > MAX_PROPERTIES {
            return Err(CrmInputError::TooManyProperties);
        }
        if !self.properties.keys().all(|name| is_property_name(name)) {
            return Err(CrmInputError::PropertyName);
        }
        let texts = [&self.given_name, &self.family_name, &self.company, &self.tenant];
        let mut texts = texts.into_iter().flatten().chain(self.properties.values());
        if texts.any(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(CrmInputError::TextTooLong);
        }
        Ok(())
    }
}

/// Whether a text can be the name of a property.
#[must_use]
pub fn is_property_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The vendor's record after a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmRecord {
    /// The vendor's id. Another one than before means that records were merged there: store it and go on with it.
    pub id: CrmRecordId,
    /// Whether the push made the record.
    pub created: bool,
}

/// A vendor's contact book.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Crm: Send + Sync + Debug {
    /// Makes the record of this key, or brings it up to date. Repeating it is harmless.
    ///
    /// A record that already stands under the same address and belongs to nobody of ours is linked, not doubled.
    ///
    /// # Errors
    /// [`Conflict`](PortErrorKind::Conflict) when the address belongs to a record of another key of ours,
    /// [`Invalid`](PortErrorKind::Invalid) for input the vendor does not take, and the general kinds.
    async fn upsert_contact(&self, contact: &Contact) -> Result<CrmRecord, PortError>;

    /// Many at once, in as few calls as the vendor allows. Results stand in the order of the input.
    ///
    /// # Errors
    /// The outer error when the vendor can't be used at all: part of the input may have been taken, repeat all of it.
    /// The inner ones are those of [`upsert_contact`](Crm::upsert_contact).
    async fn upsert_contacts(
        &self,
        contacts: &[Contact],
    ) -> Result<Vec<Result<CrmRecord, PortError>>, PortError> {
        let mut results = Vec::with_capacity(contacts.len());
        for contact in contacts {
            results.push(self.upsert_contact(contact).await);
        }
        Ok(results)
    }

    /// Erases the person behind a record for good, in the sense of data protection law. A record that is gone already
    /// is a success. The caller keeps a tombstone, so that no later push brings the person back.
    ///
    /// # Errors
    /// The general kinds of [`PortErrorKind`].
    async fn erase_contact(&self, id: &CrmRecordId) -> Result<(), PortError>;
}

impl CrmInputError {
    /// The same refusal as an error of the port.
    #[must_use]
    pub fn at(self, operation: &'static str) -> PortError {
        PortError::new("crm", operation, PortErrorKind::Invalid).with_source(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact() -> Contact {
        let email = EmailAddress::parse("ada@example.test").unwrap();
        Contact::new(ContactKey::parse("usr_1").unwrap(), email)
    }

    #[test]
    fn an_address_is_no_key() {
        for text in ["ada@example.test", "", "a b", "a/b", "ä", &"x".repeat(129)] {
            assert_eq!(ContactKey::parse(text), Err(CrmInputError::Key), "{text}");
        }
    }

    #[test]
    fn bounds_are_checked() {
        assert_eq!(contact().validate(), Ok(()));
        let mut long = contact();
        long.company = Some("x".repeat(MAX_TEXT_BYTES + 1));
        assert_eq!(long.validate(), Err(CrmInputError::TextTooLong));
        for name in ["", "Plan", "1plan", "pl an", "a[b]"] {
            let mut odd = contact();
            odd.properties.insert(name.to_owned(), String::new());
            assert_eq!(odd.validate(), Err(CrmInputError::PropertyName), "{name}");
        }
        let mut many = contact();
        many.properties = (0..=MAX_PROPERTIES)
            .map(|i| (format!("p{i}"), String::new()))
            .collect();
        assert_eq!(many.validate(), Err(CrmInputError::TooManyProperties));
    }

    #[test]
    fn debug_shows_no_personal_data() {
        assert!(!format!("{:?}", contact()).contains("ada"));
    }
}
