//! What every SMS transport must do. Expand with [`sms_conformance!`](crate::sms_conformance).
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

use async_trait::async_trait;

use super::{PhoneNumber, SmsMessage, SmsSender, SmsText};
use crate::port::email::MessageKey;

/// A transport under test and the place where its messages arrive.
#[async_trait]
pub trait SmsHarness: Send {
    /// The transport.
    fn sender(&self) -> &dyn SmsSender;

    /// Number and text of the messages that have arrived, oldest first.
    async fn arrived(&self) -> Vec<(String, String)>;
}

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns an [`SmsHarness`] at which nothing has arrived.
#[macro_export]
macro_rules! sms_conformance {
    ($make:expr) => {
        $crate::sms_conformance!(@cases $make;
            text_arrives_unchanged
            receipt_names_the_message
            messages_arrive_in_order
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::port::sms::conformance::$case(($make)().await).await;
            }
        )*
    };
}

/// A message for tests.
#[must_use]
pub fn message(key: &str, text: &str) -> SmsMessage {
    SmsMessage {
        key: MessageKey::parse(key).expect("a key"),
        to: PhoneNumber::parse("+442079460018").expect("a number"),
        text: SmsText::parse(text).expect("a text"),
    }
}

/// Every character survives.
pub async fn text_arrives_unchanged(harness: impl SmsHarness) {
    let text = "Ваш код: 123456 & 50% + \"x\"\nline two";
    harness.sender().send(&message("k1", text)).await.expect("send");
    assert_eq!(
        harness.arrived().await,
        [("+442079460018".to_owned(), text.to_owned())]
    );
}

/// An operator finds the message by the receipt, which holds no number.
pub async fn receipt_names_the_message(harness: impl SmsHarness) {
    let receipt = harness.sender().send(&message("k1", "x")).await.expect("send");
    assert!(!receipt.reference.is_empty() && !receipt.reference.contains("7946"));
}

/// One after the other.
pub async fn messages_arrive_in_order(harness: impl SmsHarness) {
    for n in 0..5 {
        harness
            .sender()
            .send(&message(&format!("k{n}"), &format!("text {n}")))
            .await
            .expect("send");
    }
    let texts: Vec<String> = harness
        .arrived()
        .await
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(texts, ["text 0", "text 1", "text 2", "text 3", "text 4"]);
}
