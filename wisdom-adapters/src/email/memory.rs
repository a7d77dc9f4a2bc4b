//! Mails in memory: the last hundred, for tests and for a Wisdom that keeps nothing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use wisdom_core::clock::Clock;
use wisdom_core::port::PortError;
use wisdom_core::port::email::{EmailMessage, EmailReceipt, EmailSender, MessageKey};

use super::compose::compose;

/// Keeps the last messages and hands none to anybody.
pub struct MemorySender {
    clock: Arc<dyn Clock>,
    kept: Mutex<VecDeque<(MessageKey, String)>>,
}

impl fmt::Debug for MemorySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySender").finish_non_exhaustive()
    }
}

impl MemorySender {
    /// Messages that are kept.
    pub const KEPT: usize = 100;

    /// A transport at which nothing has arrived.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    /// The messages kept, oldest first, in the Internet Message Format (RFC 5322).
    #[must_use]
    pub fn arrived(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|(_, raw)| raw.clone()).collect()
    }
}

#[async_trait]
impl EmailSender for MemorySender {
    async fn send(&self, message: &EmailMessage) -> Result<EmailReceipt, PortError> {
        let raw = String::from_utf8_lossy(&compose(message, self.clock.now())?.formatted()).into_owned();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter_mut().find(|(key, _)| *key == message.key) {
            Some((_, known)) => *known = raw,
            None => kept.push_back((message.key.clone(), raw)),
        }
        while kept.len() > Self::KEPT {
            kept.pop_front();
        }
        Ok(EmailReceipt {
            reference: format!("memory:{}", message.key.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use wisdom_core::clock::SystemClock;
    use wisdom_core::port::email::conformance::EmailHarness;

    use super::*;

    #[async_trait]
    impl EmailHarness for MemorySender {
        fn sender(&self) -> &dyn EmailSender {
            self
        }

        async fn arrived(&self) -> Vec<String> {
            MemorySender::arrived(self)
        }
    }

    fn make() -> Ready<MemorySender> {
        ready(MemorySender::new(Arc::new(SystemClock)))
    }

    wisdom_core::email_conformance!(make);
}
