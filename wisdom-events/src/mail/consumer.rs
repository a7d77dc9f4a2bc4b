//! The consumer that sends requested mail. No unit of work is open while a mail is on its way.

use std::sync::Arc;

use async_trait::async_trait;
use wisdom_core::event::StoredEvent;
use wisdom_core::mail::{MAIL_REQUESTED, MailCategory, MailRequest};
use wisdom_core::port::Retry;
use wisdom_core::port::email::{EmailCategory, EmailMessage, EmailSender, MailText, MessageKey, Subject};
use wisdom_core::seal::SealError;
use wisdom_core::unit_of_work::Kit;

use super::{MailError, MailPolicy, render};
use crate::bus::{Consumer, ConsumerError};

/// Sends requested mail through the [`EmailSender`] port.
///
/// The event's id is the message's key at every try, so a mail that is sent again after a crash is the same one to
/// every transport that knows keys.
#[derive(Debug)]
pub struct MailConsumer {
    kit: Arc<Kit>,
    sender: Arc<dyn EmailSender>,
}

impl MailConsumer {
    /// A consumer that opens requests with the kit's sealer, reads the kit's [`MailPolicy`], and sends through `sender`.
    #[must_use]
    pub fn new(kit: Arc<Kit>, sender: Arc<dyn EmailSender>) -> Self {
        Self { kit, sender }
    }

    fn message(&self, event: &StoredEvent, request: &MailRequest) -> Result<EmailMessage, MailError> {
        let category = match request.category {
            MailCategory::Security => EmailCategory::Security,
            MailCategory::Transactional => EmailCategory::Transactional,
            MailCategory::Product => return Err(MailError::NoUnsubscribe),
        };
        let policy = self.kit.policies.get::<MailPolicy>();
        let from = policy.from.clone().ok_or(MailError::NotConfigured("from"))?;
        let rendered = render(&request.template, &request.params, &policy)?;
        Ok(EmailMessage::new(
            MessageKey::parse(&event.id.to_string())?,
            from.into(),
            request.to.clone(),
            Subject::parse(&rendered.subject)?,
            MailText::parse(&rendered.text)?,
            category,
        ))
    }
}

#[async_trait]
impl Consumer for MailConsumer {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == MAIL_REQUESTED
    }

    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError> {
        let request = MailRequest::from_event(event, &*self.kit.sealer).map_err(|error| {
            // A value that does not open will not open later either, unless an operator brings its key back and
            // replays the dead letter. A sealer that fails is another matter.
            let retry = if error == SealError::Refused {
                Retry::Never
            } else {
                Retry::Backoff
            };
            ConsumerError::new(retry, error.to_string())
        })?;
        let message = self
            .message(event, &request)
            .map_err(|error| ConsumerError::new(Retry::Never, error.to_string()))?;
        let receipt = self.sender.send(&message).await?;
        metrics::counter!("wisdom_mails_sent_total").increment(1);
        tracing::info!(key = %message.key, template = request.template, reference = receipt.reference, "a mail was handed over");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use wisdom_core::clock::ManualClock;
    use wisdom_core::context::Actor;
    use wisdom_core::event::Audience;
    use wisdom_core::id::{IdSourceExt as _, ManualIds, kind};
    use wisdom_core::policy::Policies;
    use wisdom_core::port::email::EmailReceipt;
    use wisdom_core::port::{PortError, PortErrorKind};
    use wisdom_core::random::ManualRandom;
    use wisdom_core::seal::{Purpose, Sealer};
    use wisdom_core::time::Timestamp;
    use wisdom_core::trace::TraceContext;
    use wisdom_core::value::EmailAddress;

    use super::*;

    #[derive(Debug, Default)]
    struct Outbox {
        sent: Mutex<Vec<EmailMessage>>,
        fails: Option<PortErrorKind>,
    }

    #[async_trait]
    impl EmailSender for Outbox {
        async fn send(&self, message: &EmailMessage) -> Result<EmailReceipt, PortError> {
            if let Some(kind) = self.fails {
                return Err(PortError::new("email", "send", kind));
            }
            self.sent.lock().unwrap().push(message.clone());
            Ok(EmailReceipt {
                reference: "r".to_owned(),
            })
        }
    }

    /// Seals by prefixing the purpose: only for these tests.
    #[derive(Debug)]
    struct Prefix;

    impl Sealer for Prefix {
        fn seal(&self, purpose: Purpose, _: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
            Ok([purpose.0.as_bytes(), plain].concat())
        }
        fn open(&self, purpose: Purpose, _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
            sealed
                .strip_prefix(purpose.0.as_bytes())
                .map(<[u8]>::to_vec)
                .ok_or(SealError::Refused)
        }
    }

    fn kit(policies: Policies) -> Arc<Kit> {
        Arc::new(Kit {
            clock: Arc::new(ManualClock::at(Timestamp::EPOCH)),
            ids: Arc::new(ManualIds::new(1)),
            random: Arc::new(ManualRandom::new(1)),
            sealer: Arc::new(Prefix),
            policies,
        })
    }

    fn consumer(outbox: &Arc<Outbox>) -> MailConsumer {
        let sender: Arc<dyn EmailSender> = Arc::<Outbox>::clone(outbox);
        let from = Some(EmailAddress::parse("noreply@acme.test").unwrap());
        let policy = MailPolicy {
            from,
            app_url: "https://app.acme.test".to_owned(),
        };
        MailConsumer::new(kit(Policies::new().with(policy)), sender)
    }

    #[tokio::test]
    async fn without_configuration_nothing_is_sent() {
        let outbox = Arc::new(Outbox::default());
        let sender: Arc<dyn EmailSender> = Arc::<Outbox>::clone(&outbox);
        let consumer = MailConsumer::new(kit(Policies::new()), sender);
        let event = requested(MailCategory::Security, "auth.sign_up.verify");
        assert_eq!(consumer.handle(&event).await.unwrap_err().retry, Retry::Never);
        assert!(outbox.sent.lock().unwrap().is_empty());
    }

    fn event(data: serde_json::Value) -> StoredEvent {
        StoredEvent {
            id: ManualIds::new(1).id::<kind::Event>(),
            tenant: None,
            seq: 1,
            ordering_key: "mail".to_owned(),
            kind: MAIL_REQUESTED.to_owned(),
            subject: "mail".to_owned(),
            audience: Audience::Internal,
            actor: Actor::System,
            on_behalf_of: None,
            time: Timestamp::EPOCH,
            trace: TraceContext {
                trace_id: [1; 16],
                span_id: [1; 8],
                flags: 0,
            },
            data,
        }
    }

    fn requested(category: MailCategory, template: &'static str) -> StoredEvent {
        use base64::Engine as _;
        let to = EmailAddress::parse("ada@acme.test").unwrap();
        let request = MailRequest::new(to, category, template).with("token", "vrf_Ab1");
        let plain = serde_json::to_vec(&request).unwrap();
        let sealed = Prefix.seal(Purpose("mail.request.v1"), &[], &plain).unwrap();
        event(json!({ "sealed": base64::engine::general_purpose::STANDARD.encode(sealed) }))
    }

    #[tokio::test]
    async fn a_request_becomes_one_message_with_the_events_key() {
        let outbox = Arc::new(Outbox::default());
        let event = requested(MailCategory::Security, "auth.sign_up.verify");
        consumer(&outbox).handle(&event).await.unwrap();
        let sent = outbox.sent.lock().unwrap();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].key.as_str(), event.id.to_string());
        assert_eq!(sent[0].to.as_str(), "ada@acme.test");
        assert!(
            sent[0]
                .text
                .as_str()
                .contains("https://app.acme.test/verify-email#token=vrf_Ab1\n")
        );
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_given_up_and_what_can_later_is_not() {
        let outbox = Arc::new(Outbox::default());
        for (event, text) in [
            (
                requested(MailCategory::Security, "no.such"),
                "there is no mail template no.such",
            ),
            (
                requested(MailCategory::Security, "tenancy.invitation"),
                "lacks its parameter tenant_name",
            ),
            (
                requested(MailCategory::Product, "auth.sign_up.verify"),
                "unsubscribe",
            ),
            (event(json!({ "sealed": "AAAA" })), "does not open"),
            (event(json!({})), "does not open"),
        ] {
            let error = consumer(&outbox).handle(&event).await.unwrap_err();
            assert_eq!(error.retry, Retry::Never);
            assert!(error.to_string().contains(text), "{error}");
        }
        let event = requested(MailCategory::Security, "auth.sign_up.verify");
        for (kind, retry) in [
            (PortErrorKind::Invalid, Retry::Never),
            (PortErrorKind::Unavailable, Retry::Backoff),
            (PortErrorKind::Unauthorized, Retry::Backoff),
        ] {
            let failing = Arc::new(Outbox {
                fails: Some(kind),
                ..Outbox::default()
            });
            assert_eq!(consumer(&failing).handle(&event).await.unwrap_err().retry, retry);
        }
    }
}
