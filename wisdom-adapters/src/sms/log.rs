//! Text messages that go nowhere.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use wisdom_core::port::PortError;
use wisdom_core::port::sms::{SmsMessage, SmsReceipt, SmsSender};

/// Keeps the last hundred messages in memory, for tests and for the console of a development server, and logs that
/// there was one: key and masked number, never the text, which may hold a one-time code.
#[derive(Debug, Default)]
pub struct LogSms {
    recent: Mutex<VecDeque<SmsMessage>>,
}

impl LogSms {
    /// Messages that are kept.
    pub const KEPT: usize = 100;

    /// A transport that has sent nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that are kept, oldest first.
    #[must_use]
    pub fn recent(&self) -> Vec<SmsMessage> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SmsMessage>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SmsSender for LogSms {
    async fn send(&self, message: &SmsMessage) -> Result<SmsReceipt, PortError> {
        tracing::info!(key = %message.key, to = %message.to.masked(), "text message kept, not sent");
        let mut recent = self.lock();
        recent.retain(|kept| kept.key != message.key);
        if recent.len() >= Self::KEPT {
            recent.pop_front();
        }
        recent.push_back(message.clone());
        Ok(SmsReceipt {
            reference: message.key.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use wisdom_core::port::sms::conformance::{SmsHarness, message};

    use super::*;

    #[async_trait]
    impl SmsHarness for LogSms {
        fn sender(&self) -> &dyn SmsSender {
            self
        }

        async fn arrived(&self) -> Vec<(String, String)> {
            let pair = |m: SmsMessage| (m.to.as_str().to_owned(), m.text.as_str().to_owned());
            self.recent().into_iter().map(pair).collect()
        }
    }

    fn make() -> Ready<LogSms> {
        ready(LogSms::new())
    }

    wisdom_core::sms_conformance!(make);

    #[tokio::test]
    async fn keeps_the_last_hundred() {
        let sms = LogSms::new();
        for n in 0..250 {
            sms.send(&message(&format!("k{n}"), "x")).await.unwrap();
        }
        let recent = sms.recent();
        assert_eq!(recent.len(), LogSms::KEPT);
        assert_eq!(recent[0].key.as_str(), "k150");
    }

    #[tokio::test]
    async fn a_key_is_kept_once() {
        let sms = LogSms::new();
        sms.send(&message("k", "first")).await.unwrap();
        sms.send(&message("k", "again")).await.unwrap();
        let recent = sms.recent();
        assert_eq!(recent.len(), 1);
        assert_eq!(recent[0].text.as_str(), "again");
    }
}
