//! A message of ours in the Internet Message Format.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as WireMailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use wisdom_core::port::email::{EmailMessage, MailText, Mailbox};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

/// RFC 5322 ends a line at 998 bytes, and a URL in a header field can't be folded.
const MAX_HEADER_VALUE: usize = 900;

/// # Errors
/// `Invalid` when the message has no form on the wire.
pub(super) fn compose(message: &EmailMessage, now: Timestamp) -> Result<Message, PortError> {
    let since_epoch = Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or(0));
    let mut builder = Message::builder()
        .from(mailbox(&message.from)?)
        .to(WireMailbox::new(None, address(&message.to)?))
        .date(UNIX_EPOCH + since_epoch)
        .message_id(Some(message.message_id()))
        .subject(message.subject.as_str());
    if let Some(reply_to) = &message.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    for (name, value) in message.category_headers() {
        builder = builder.raw_header(verbatim(name, value)?);
    }
    let text = SinglePart::plain(body(&message.text));
    match &message.html {
        None => builder.singlepart(text),
        Some(html) => builder.multipart(
            MultiPart::alternative()
                .singlepart(text)
                .singlepart(SinglePart::html(body(html))),
        ),
    }
    .map_err(invalid)
}

/// A value that must not be folded or encoded, such as a URL in angle brackets.
fn verbatim(name: &'static str, value: String) -> Result<HeaderValue, PortError> {
    if value.len() > MAX_HEADER_VALUE || !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(invalid(format!("{name} is too long or not plain ASCII")));
    }
    Ok(HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(name),
        value.clone(),
        value,
    ))
}

/// With the line ends of the wire. The mail library would put them in one by one, in time that grows with the square
/// of their number.
fn body(text: &MailText) -> String {
    text.as_str().replace('\n', "\r\n")
}

fn mailbox(mailbox: &Mailbox) -> Result<WireMailbox, PortError> {
    let name = mailbox.name.as_ref().map(|name| name.as_str().to_owned());
    Ok(WireMailbox::new(name, address(&mailbox.address)?))
}

fn address(address: &EmailAddress) -> Result<Address, PortError> {
    let (local, domain) = address
        .as_str()
        .rsplit_once('@')
        .ok_or_else(|| invalid("an address has no @"))?;
    Address::new(local, domain).map_err(invalid)
}

fn invalid(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new("email", "send", PortErrorKind::Invalid).with_source(source)
}

#[cfg(test)]
mod tests {
    use wisdom_core::port::email::conformance::{header, message};
    use wisdom_core::port::email::{EmailCategory, Subject};
    use wisdom_core::value::HttpsUrl;

    use super::*;

    fn raw(message: &EmailMessage) -> String {
        let now = Timestamp::from_unix_seconds(784_111_777).unwrap();
        String::from_utf8(compose(message, now).unwrap().formatted()).unwrap()
    }

    #[test]
    fn the_date_is_that_of_our_clock() {
        let raw = raw(&message("k", "x"));
        assert_eq!(
            header(&raw, "Date").as_deref(),
            Some("Sun, 06 Nov 1994 08:49:37 +0000")
        );
    }

    #[test]
    fn an_unsubscribe_url_is_one_line() {
        let mut sent = message("k", "x");
        let url = format!("https://app.example.test/u/{}", "a".repeat(400));
        sent.category = EmailCategory::Product {
            unsubscribe: HttpsUrl::parse(&url).unwrap(),
        };
        assert!(raw(&sent).contains(&format!("List-Unsubscribe: <{url}>\r\n")));
        let url = format!("https://app.example.test/u/{}", "a".repeat(1500));
        sent.category = EmailCategory::Product {
            unsubscribe: HttpsUrl::parse(&url).unwrap(),
        };
        assert_eq!(
            compose(&sent, Timestamp::EPOCH).unwrap_err().kind,
            PortErrorKind::Invalid
        );
    }

    #[test]
    fn a_subject_that_looks_encoded_or_folded_adds_no_header() {
        let mut sent = message("k", "x");
        for subject in [
            "=?utf-8?q?a=0D=0ABcc:_b@example.test?=",
            "a =?utf-8?b?DQpCY2M6IGI=?= b",
        ] {
            sent.subject = Subject::parse(subject).unwrap();
            assert_eq!(header(&raw(&sent), "Bcc"), None);
        }
    }

    #[test]
    fn a_body_of_line_ends_is_no_work() {
        let text = MailText::parse(&"\n".repeat(MailText::MAX_BYTES)).unwrap();
        let mut sent = message("k", "x");
        sent.text = text;
        assert!(raw(&sent).len() > 2 * MailText::MAX_BYTES);
    }
}
