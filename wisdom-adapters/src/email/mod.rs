//! E-mail transports.

#[cfg(any(feature = "email-outbox", feature = "email-smtp"))]
mod compose;
#[cfg(feature = "email-outbox")]
mod memory;
#[cfg(feature = "email-outbox")]
mod outbox;
#[cfg(feature = "email-smtp")]
mod smtp;

#[cfg(feature = "email-outbox")]
pub use self::memory::MemorySender;
#[cfg(feature = "email-outbox")]
pub use self::outbox::{OutboxMail, OutboxSender};
#[cfg(feature = "email-smtp")]
pub use self::smtp::SmtpSender;
