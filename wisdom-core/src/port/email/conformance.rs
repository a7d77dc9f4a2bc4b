//! What every e-mail transport must do. Expand with [`email_conformance!`](crate::email_conformance).
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

use async_trait::async_trait;

use super::{EmailCategory, EmailMessage, EmailSender, MailText, Mailbox, MessageKey, Subject};
use crate::value::{DisplayName, EmailAddress, HttpsUrl};

/// A transport under test and the place where its messages arrive.
#[async_trait]
pub trait EmailHarness: Send {
    /// The transport.
    fn sender(&self) -> &dyn EmailSender;

    /// Messages that have arrived, oldest first, in the Internet Message Format, as a receiver would store them
    /// (dot-stuffing undone).
    async fn arrived(&self) -> Vec<String>;
}

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns an [`EmailHarness`] at which nothing has arrived.
#[macro_export]
macro_rules! email_conformance {
    ($make:expr) => {
        $crate::email_conformance!(@cases $make;
            message_arrives_with_its_parts
            receipt_names_the_message
            html_is_an_alternative
            non_ascii_survives
            lines_with_dots_survive
            long_lines_are_folded
            message_id_is_made_of_the_key
            retry_has_the_same_message_id
            product_mail_has_one_click_unsubscribe
            security_mail_has_no_unsubscribe
            name_cannot_add_a_receiver
            parallel_messages_all_arrive
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::port::email::conformance::$case(($make)().await).await;
            }
        )*
    };
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

/// A transactional message with a text body, for use in adapters' own tests.
#[must_use]
pub fn message(key: &str, text: &str) -> EmailMessage {
    EmailMessage::new(
        MessageKey::parse(key).expect("a key"),
        Mailbox {
            name: Some(DisplayName::parse("Wisdom Test").expect("a name")),
            address: address("no-reply@sender.example.test"),
        },
        address("ada@receiver.example.test"),
        Subject::parse("A subject").expect("a subject"),
        MailText::parse(text).expect("a body"),
        EmailCategory::Transactional,
    )
}

async fn only(harness: &impl EmailHarness) -> String {
    let mut all = harness.arrived().await;
    assert_eq!(all.len(), 1, "messages that arrived");
    all.remove(0)
}

async fn send(harness: &impl EmailHarness, message: &EmailMessage) {
    harness.sender().send(message).await.expect("send");
}

/// The value of a header field, unfolded.
#[must_use]
pub fn header(raw: &str, name: &str) -> Option<String> {
    let head = raw
        .split("\r\n\r\n")
        .next()?
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ");
    let mut found = head.split("\r\n").filter_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    let value = found.next();
    assert!(found.next().is_none(), "more than one {name}");
    value
}

/// Undoes quoted-printable, so that a body can be looked for whatever encoding the adapter chose for ASCII texts.
fn unquoted(raw: &str) -> String {
    let bytes = raw.replace("=\r\n", "").into_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'=')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|h| std::str::from_utf8(h).ok());
        if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            out.push(byte);
            rest = &tail[2..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// From, To, Subject, Date, MIME version and body.
pub async fn message_arrives_with_its_parts(harness: impl EmailHarness) {
    let reply = Mailbox::from(address("help@sender.example.test"));
    send(&harness, &message("k1", "Hello there.\n").with_reply_to(reply)).await;
    let raw = only(&harness).await;
    let from = header(&raw, "From").expect("From");
    assert!(
        from.contains("Wisdom Test") && from.contains("<no-reply@sender.example.test>"),
        "{from}"
    );
    assert_eq!(header(&raw, "To").as_deref(), Some("ada@receiver.example.test"));
    assert_eq!(
        header(&raw, "Reply-To").as_deref(),
        Some("help@sender.example.test")
    );
    assert_eq!(header(&raw, "Subject").as_deref(), Some("A subject"));
    assert_eq!(header(&raw, "MIME-Version").as_deref(), Some("1.0"));
    assert!(header(&raw, "Date").is_some());
    assert_eq!(header(&raw, "Bcc"), None);
    assert!(raw.contains("Hello there.\r\n"), "{raw}");
}

/// An operator finds the message by the receipt.
pub async fn receipt_names_the_message(harness: impl EmailHarness) {
    let receipt = harness.sender().send(&message("k1", "x")).await.expect("send");
    assert!(!receipt.reference.is_empty());
    assert!(
        !receipt.reference.contains("ada@"),
        "a receipt is logged, so it holds no address"
    );
}

/// Text first, HTML second.
pub async fn html_is_an_alternative(harness: impl EmailHarness) {
    let html = MailText::parse("<p>In HTML.</p>").expect("a body");
    send(&harness, &message("k1", "In text.").with_html(html)).await;
    let raw = only(&harness).await;
    let kind = header(&raw, "Content-Type").expect("Content-Type");
    assert!(kind.starts_with("multipart/alternative"), "{kind}");
    let body = unquoted(&raw);
    let (text, html) = (body.find("In text."), body.find("<p>In HTML.</p>"));
    assert!(text.is_some() && text < html, "{body}");
}

/// Names, subject and body beyond ASCII; the wire stays within it.
pub async fn non_ascii_survives(harness: impl EmailHarness) {
    let mut sent = message(
        "k1",
        "Zażółć gęślą jaźń, naïve façade and so on, in a text of mostly plain letters.\n",
    );
    sent.subject = Subject::parse("Übermut").expect("a subject");
    sent.from.name = Some(DisplayName::parse("Käthe").expect("a name"));
    send(&harness, &sent).await;
    let raw = only(&harness).await;
    let head = raw.split("\r\n\r\n").next().expect("a head");
    assert!(head.is_ascii(), "{head}");
    assert!(header(&raw, "Subject").expect("Subject").starts_with("=?utf-8?"));
    assert!(unquoted(&raw).contains("Zażółć gęślą jaźń"), "{raw}");
}

/// A line with one dot ends a message in SMTP unless it is stuffed; nothing after it may be lost or be a command.
pub async fn lines_with_dots_survive(harness: impl EmailHarness) {
    send(
        &harness,
        &message("k1", "before\n.\nMAIL FROM:<x@example.test>\n..\n.dot\nafter\n"),
    )
    .await;
    let raw = unquoted(&only(&harness).await);
    assert!(
        raw.contains("before\r\n.\r\nMAIL FROM:<x@example.test>\r\n..\r\n.dot\r\nafter\r\n"),
        "{raw}"
    );
}

/// RFC 5322: no line above 998 bytes on the wire.
pub async fn long_lines_are_folded(harness: impl EmailHarness) {
    let text = "word ".repeat(1000);
    let mut sent = message("k1", &text);
    sent.subject = Subject::parse(&"ü".repeat(200)).expect("a subject");
    send(&harness, &sent).await;
    let raw = only(&harness).await;
    assert!(raw.split("\r\n").all(|line| line.len() <= 998));
    assert!(unquoted(&raw).contains(text.trim_end()));
}

/// The key is passed on.
pub async fn message_id_is_made_of_the_key(harness: impl EmailHarness) {
    send(&harness, &message("k1", "x")).await;
    let raw = only(&harness).await;
    assert_eq!(
        header(&raw, "Message-ID").as_deref(),
        Some("<k1@sender.example.test>")
    );
}

/// A second try gives either one message or two that a receiver can tell to be one.
pub async fn retry_has_the_same_message_id(harness: impl EmailHarness) {
    let sent = message("k1", "x");
    send(&harness, &sent).await;
    send(&harness, &sent).await;
    let all = harness.arrived().await;
    assert!((1..=2).contains(&all.len()));
    for raw in &all {
        assert_eq!(
            header(raw, "Message-ID").as_deref(),
            Some("<k1@sender.example.test>")
        );
    }
}

/// RFC 8058.
pub async fn product_mail_has_one_click_unsubscribe(harness: impl EmailHarness) {
    let mut sent = message("k1", "News.");
    let unsubscribe = HttpsUrl::parse("https://app.example.test/u/abc?x=1").expect("a URL");
    sent.category = EmailCategory::Product { unsubscribe };
    send(&harness, &sent).await;
    let raw = only(&harness).await;
    assert_eq!(
        header(&raw, "List-Unsubscribe").as_deref(),
        Some("<https://app.example.test/u/abc?x=1>")
    );
    assert_eq!(
        header(&raw, "List-Unsubscribe-Post").as_deref(),
        Some("List-Unsubscribe=One-Click")
    );
}

/// Nobody unsubscribes from resets.
pub async fn security_mail_has_no_unsubscribe(harness: impl EmailHarness) {
    let mut sent = message("k1", "A code.");
    sent.category = EmailCategory::Security;
    send(&harness, &sent).await;
    assert_eq!(header(&only(&harness).await, "List-Unsubscribe"), None);
}

/// A display name that looks like a list of addresses stays a name.
pub async fn name_cannot_add_a_receiver(harness: impl EmailHarness) {
    let mut sent = message("k1", "x");
    sent.from.name = Some(DisplayName::parse("a\" <evil@example.test>, \"b").expect("a name"));
    send(&harness, &sent).await;
    let from = header(&only(&harness).await, "From").expect("From");
    assert!(from.ends_with("<no-reply@sender.example.test>"), "{from}");
    // What is left outside of quotes and encoded words holds one address.
    let mut outside = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in from.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted => outside.push(c),
            _ => {}
        }
    }
    assert_eq!(outside.matches('@').count(), 1, "{from}");
}

/// No message is lost or mixed with another.
pub async fn parallel_messages_all_arrive(harness: impl EmailHarness) {
    let messages: Vec<EmailMessage> = (0..20)
        .map(|n| message(&format!("k{n}"), &format!("body number {n}.\n")))
        .collect();
    let sender = harness.sender();
    let sent = futures_util::future::join_all(messages.iter().map(|m| sender.send(m))).await;
    assert!(sent.iter().all(Result::is_ok));
    let all = harness.arrived().await;
    assert_eq!(all.len(), 20);
    for n in 0..20 {
        let id = format!("<k{n}@sender.example.test>");
        let raw = all
            .iter()
            .find(|raw| header(raw, "Message-ID").as_deref() == Some(&id))
            .expect("arrived");
        assert!(raw.contains(&format!("body number {n}.")));
    }
}
