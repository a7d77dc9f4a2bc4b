//! Mail: from a committed request to a message on the wire.

mod consumer;
mod template;
mod texts;

use thiserror::Error;
use wisdom_core::policy::Policy;
use wisdom_core::port::email::EmailInvalid;
use wisdom_core::value::EmailAddress;

pub use consumer::MailConsumer;
pub use template::{Rendered, Template, render};
pub use texts::TEMPLATES;

/// What every mail has in common. There is no default that would be right: without both no mail is sent, and each
/// request becomes a dead letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailPolicy {
    /// Who sends.
    pub from: Option<EmailAddress>,
    /// The application's public address. Links are built from it and from nothing else, never from a request.
    pub app_url: String,
}

impl Policy for MailPolicy {}

/// Why no message could be made. Trying again cannot help: the request becomes a dead letter, to be replayed when the
/// fault is mended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MailError {
    /// The assembly did not say who sends, or where the application is.
    #[error("mail is not configured: {0} is missing")]
    NotConfigured(&'static str),
    /// No template has this name.
    #[error("there is no mail template {0}")]
    UnknownTemplate(String),
    /// The template needs a parameter that the request lacks.
    #[error("mail template {template} lacks its parameter {parameter}")]
    MissingParameter {
        /// The template.
        template: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
    /// The token is not one that may stand in a link.
    #[error("mail template {template} got a token that is none")]
    BadToken {
        /// The template.
        template: &'static str,
    },
    /// Product mail needs a one-click way out (RFC 8058), which there is none for yet.
    #[error("product mail needs a way to unsubscribe")]
    NoUnsubscribe,
    /// A part of the message breaks a rule of mail.
    #[error(transparent)]
    Invalid(#[from] EmailInvalid),
}
