//! Mail as an event: asked for in the transaction, sent by the relay, its contents sealed in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::event::{NewEvent, StoredEvent};
use crate::id::TenantId;
use crate::seal::{Purpose, SealError, Sealer};
use crate::storage::{StorageError, StorageErrorKind};
use crate::unit_of_work::Frame;
use crate::value::EmailAddress;

/// The kind of the event that asks for a mail.
pub const MAIL_REQUESTED: &str = "notification.email.requested";

const MAIL: Purpose = Purpose("mail.request.v1");

/// What a mail is for, which decides whether it may be suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailCategory {
    /// Needed to keep or regain an account.
    Security,
    /// Follows from something the receiver or their team did.
    Transactional,
    /// News; carries one-click unsubscribe (RFC 8058).
    Product,
}

/// A mail to be sent once the transaction has committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRequest {
    /// To whom: one address, never a list.
    pub to: EmailAddress,
    /// What it is for.
    pub category: MailCategory,
    /// The template's name.
    pub template: String,
    /// What the template needs. May hold tokens, which is why the event is sealed.
    pub params: BTreeMap<String, String>,
}

impl MailRequest {
    /// A mail from a template.
    #[must_use]
    pub fn new(to: EmailAddress, category: MailCategory, template: &'static str) -> Self {
        Self {
            to,
            category,
            template: template.to_owned(),
            params: BTreeMap::new(),
        }
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// The internal event that asks for it. Mails are not ordered among each other: a receiver that refuses one delays no other.
    ///
    /// # Errors
    /// [`StorageErrorKind::Internal`] when sealing fails.
    pub fn event(&self, frame: &Frame, tenant: Option<TenantId>) -> Result<NewEvent, StorageError> {
        let internal = |e: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(StorageErrorKind::Internal, "mail.event").caused_by(e)
        };
        let plain = serde_json::to_vec(self).map_err(|e| internal(e.into()))?;
        let sealed = frame
            .kit()
            .sealer
            .seal(MAIL, &[], &plain)
            .map_err(|e| internal(e.into()))?;
        let key = frame.kit().ids.next_uuid();
        let event = NewEvent::new(
            MAIL_REQUESTED,
            format!("mail:{key}"),
            json!({ "sealed": STANDARD.encode(sealed) }),
        );
        let event = event.internal();
        Ok(match tenant {
            Some(tenant) => event.of_tenant(tenant),
            None => event,
        })
    }

    /// Reads the request back from its event.
    ///
    /// # Errors
    /// [`SealError::Refused`] when the event is of another kind, or does not open.
    pub fn from_event(event: &StoredEvent, sealer: &dyn Sealer) -> Result<Self, SealError> {
        let sealed = event
            .data
            .get("sealed")
            .and_then(|v| v.as_str())
            .ok_or(SealError::Refused)?;
        let sealed = STANDARD.decode(sealed).map_err(|_| SealError::Refused)?;
        let plain = sealer.open(MAIL, &[], &sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Refused)
    }
}
