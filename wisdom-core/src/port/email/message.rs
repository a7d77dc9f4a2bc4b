//! A message that can't be malformed: each part is checked when it is made.

use std::fmt;

use thiserror::Error;

use crate::value::{DisplayName, EmailAddress, HttpsUrl};

/// Why a part of a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EmailInvalid {
    /// See [`MessageKey`].
    #[error(
        "the key must be 1 to 100 of the characters a-z, A-Z, 0-9, '.', '_', '-' and start with a letter or digit"
    )]
    Key,
    /// See [`Subject`].
    #[error("the subject must be 1 to 200 characters without control characters")]
    Subject,
    /// See [`MailText`].
    #[error("the body must be 1 byte to 512 KiB, without control characters other than tab and line end")]
    Body,
}

/// Names one intended message: the same key at every try. Safe as a file name and inside a `Message-ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageKey(String);

impl MessageKey {
    /// A checked key.
    ///
    /// # Errors
    /// When it is not 1 to 100 of `a-z A-Z 0-9 . _ -`, starting with a letter or digit.
    pub fn parse(text: &str) -> Result<Self, EmailInvalid> {
        let good = (1..=100).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(EmailInvalid::Key)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A subject line: 1 to 200 characters, no control character, so no second header can hide in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// A checked subject; white space around it is cut.
    ///
    /// # Errors
    /// When nothing is left, it is longer than 200 characters, or holds a control or line separator character.
    pub fn parse(text: &str) -> Result<Self, EmailInvalid> {
        let text = text.trim_matches(' ');
        let good = !text.is_empty()
            && text.chars().count() <= 200
            && !text
                .chars()
                .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(EmailInvalid::Subject)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A body, 1 byte to 512 KiB, with `\n` as line end. A lone carriage return is refused: two mail servers may disagree
/// about it, which is how one message is smuggled inside another.
#[derive(Clone, PartialEq, Eq)]
pub struct MailText(String);

impl MailText {
    /// Most bytes of a body.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// A checked body; `\r\n` becomes `\n`.
    ///
    /// # Errors
    /// When it is empty, too large, or holds control characters other than tab and line end.
    pub fn parse(text: &str) -> Result<Self, EmailInvalid> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(EmailInvalid::Body);
        }
        let text = text.replace("\r\n", "\n");
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(EmailInvalid::Body);
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bodies hold links that sign people in, so they are not printed.
impl fmt::Debug for MailText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailText({} bytes)", self.0.len())
    }
}

/// An address with the name that is shown for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, if any.
    pub name: Option<DisplayName>,
    /// The address.
    pub address: EmailAddress,
}

impl From<EmailAddress> for Mailbox {
    fn from(address: EmailAddress) -> Self {
        Self { name: None, address }
    }
}

/// What a message is for. Decides which suppressions apply to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailCategory {
    /// Resets, codes, sign-in notices: what a person must get to stay safe.
    Security,
    /// What a person or their tenant asked for: invitations, receipts, exports.
    Transactional,
    /// News about the product. Always with a one-click way out (RFC 8058), which no other category has.
    Product {
        /// Takes a POST without further questions, and shows a page on GET.
        unsubscribe: HttpsUrl,
    },
}

/// One message to one address. There is no list of receivers, so none can be smuggled in.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmailMessage {
    /// The same at every try of this message.
    pub key: MessageKey,
    /// Who sends it.
    pub from: Mailbox,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<Mailbox>,
    /// The one receiver.
    pub to: EmailAddress,
    /// Subject line.
    pub subject: Subject,
    /// Body as plain text; every message has one.
    pub text: MailText,
    /// Body as HTML, as alternative to the text.
    pub html: Option<MailText>,
    /// What it is for.
    pub category: EmailCategory,
}

impl EmailMessage {
    /// A message with a plain text body.
    #[must_use]
    pub fn new(
        key: MessageKey,
        from: Mailbox,
        to: EmailAddress,
        subject: Subject,
        text: MailText,
        category: EmailCategory,
    ) -> Self {
        Self {
            key,
            from,
            reply_to: None,
            to,
            subject,
            text,
            html: None,
            category,
        }
    }

    /// The same message with an HTML alternative.
    #[must_use]
    pub fn with_html(mut self, html: MailText) -> Self {
        self.html = Some(html);
        self
    }

    /// The same message with answers going to `mailbox`.
    #[must_use]
    pub fn with_reply_to(mut self, mailbox: Mailbox) -> Self {
        self.reply_to = Some(mailbox);
        self
    }

    /// The `Message-ID`, made of the key and the sender's domain, so that every try carries the same one.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("<{}@{}>", self.key, self.from.address.domain())
    }

    /// Header fields that the category asks for, as names and values: those of RFC 8058 for [`EmailCategory::Product`],
    /// else none.
    #[must_use]
    pub fn category_headers(&self) -> Vec<(&'static str, String)> {
        match &self.category {
            EmailCategory::Security | EmailCategory::Transactional => Vec::new(),
            EmailCategory::Product { unsubscribe } => vec![
                ("List-Unsubscribe", format!("<{}>", unsubscribe.url())),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
            ],
        }
    }
}

/// Names the message without showing whom it goes to or what it says.
impl fmt::Debug for EmailMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailMessage")
            .field("key", &self.key)
            .field("to", &self.to.masked())
            .field("category", &self.category)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line() {
        for bad in [
            "",
            "  ",
            "a\r\nBcc: b@example.test",
            "a\nb",
            "a\rb",
            "a\0",
            "a\u{2028}b",
            &"x".repeat(201),
        ] {
            assert_eq!(Subject::parse(bad), Err(EmailInvalid::Subject), "{bad:?}");
        }
        assert_eq!(Subject::parse(" Grüße ").unwrap().as_str(), "Grüße");
        assert!(Subject::parse(&"ü".repeat(200)).is_ok());
    }

    #[test]
    fn a_key_is_a_file_name() {
        for bad in [
            "",
            ".",
            "..",
            "-a",
            "a/b",
            "a b",
            "a@b",
            "ä",
            "a\0",
            &"x".repeat(101),
        ] {
            assert_eq!(MessageKey::parse(bad), Err(EmailInvalid::Key), "{bad:?}");
        }
        assert!(MessageKey::parse("eml_01h455vb4pex5vsknk084sn02q").is_ok());
    }

    #[test]
    fn a_body_has_one_kind_of_line_end() {
        assert_eq!(MailText::parse("a\r\nb\n").unwrap().as_str(), "a\nb\n");
        for bad in ["", "a\rb", "a\r\r\nb", "a\0b", "a\u{7f}b", "a\u{85}b"] {
            assert_eq!(MailText::parse(bad), Err(EmailInvalid::Body), "{bad:?}");
        }
        assert!(MailText::parse(&"x".repeat(MailText::MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn debug_shows_neither_receiver_nor_body() {
        let message = EmailMessage::new(
            MessageKey::parse("k1").unwrap(),
            EmailAddress::parse("from@example.test").unwrap().into(),
            EmailAddress::parse("ada.lovelace@example.test").unwrap(),
            Subject::parse("Your code is 123456").unwrap(),
            MailText::parse("https://example.test/magic/s3cret").unwrap(),
            EmailCategory::Security,
        );
        let shown = format!("{message:?}");
        assert!(shown.contains("k1"));
        for hidden in ["lovelace", "123456", "s3cret"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert_eq!(message.message_id(), "<k1@example.test>");
    }
}
