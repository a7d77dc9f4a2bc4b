//! E-mail: one message to one address.

#[cfg(feature = "conformance")]
pub mod conformance;
mod message;

use std::fmt::Debug;

use async_trait::async_trait;

pub use message::{EmailCategory, EmailInvalid, EmailMessage, MailText, Mailbox, MessageKey, Subject};

use super::PortError;

/// What the transport said when it took the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailReceipt {
    /// How the transport calls the message (file name, queue id, provider's id). For operators.
    pub reference: String,
}

/// Hands messages to a transport.
///
/// A receipt means that the transport took responsibility, not that anybody read the message. Sending a message with
/// a key that was sent before must not give the receiver two different messages: adapters pass the key on
/// (`Message-ID`, provider's idempotency key, file name), so a job that is tried again can't surprise anybody.
/// The suppression list is not here but in the one function that calls this port.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EmailSender: Send + Sync + Debug {
    /// Sends the message.
    ///
    /// # Errors
    /// `Invalid` when this message or its receiver was refused for good (try no more, note the bounce);
    /// `Unauthorized` when we were; transient kinds when trying later can help.
    async fn send(&self, message: &EmailMessage) -> Result<EmailReceipt, PortError>;
}
