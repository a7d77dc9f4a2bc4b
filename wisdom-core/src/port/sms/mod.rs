//! SMS: one short text to one number.

#[cfg(feature = "conformance")]
pub mod conformance;

use std::fmt::{self, Debug};

use async_trait::async_trait;
use thiserror::Error;

use super::PortError;
use super::email::MessageKey;

/// Why a part of a text message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SmsInvalid {
    /// See [`PhoneNumber`].
    #[error("the number must be in international form: '+', then 7 to 15 digits, the first not 0")]
    Number,
    /// See [`SmsText`].
    #[error("the text must be 1 to 1600 characters without control characters other than line end")]
    Text,
}

/// A telephone number in the international form of ITU-T E.164: `+`, country code, number; 7 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// A checked number. Spaces, hyphens, dots and parentheses between digits are cut.
    ///
    /// # Errors
    /// When it is not in international form.
    pub fn parse(text: &str) -> Result<Self, SmsInvalid> {
        let digits = text
            .strip_prefix('+')
            .filter(|d| d.len() <= 32)
            .ok_or(SmsInvalid::Number)?;
        let digits: String = digits
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
            .collect();
        let good = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if good {
            Ok(Self(format!("+{digits}")))
        } else {
            Err(SmsInvalid::Number)
        }
    }

    /// `+` and digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may be shown: the last two digits.
    #[must_use]
    pub fn masked(&self) -> String {
        let last = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default();
        format!("+***{last}")
    }
}

/// Prints the masked form.
impl Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

/// A text of 1 to 1600 characters (ten parts of 160).
#[derive(Clone, PartialEq, Eq)]
pub struct SmsText(String);

impl SmsText {
    /// A checked text.
    ///
    /// # Errors
    /// When it is empty, too long, or holds control characters other than line end.
    pub fn parse(text: &str) -> Result<Self, SmsInvalid> {
        let good = !text.trim().is_empty()
            && text.len() <= 4 * 1600
            && text.chars().count() <= 1600
            && !text.chars().any(|c| c.is_control() && c != '\n');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(SmsInvalid::Text)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Texts hold one-time codes, so they are not printed.
impl Debug for SmsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsText({} bytes)", self.0.len())
    }
}

/// One text to one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsMessage {
    /// The same at every try of this message.
    pub key: MessageKey,
    /// The one receiver.
    pub to: PhoneNumber,
    /// What it says.
    pub text: SmsText,
}

/// What the transport said when it took the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsReceipt {
    /// How the transport calls the message. For operators.
    pub reference: String,
}

/// Hands text messages to a transport. A key that was sent before must not cost or annoy twice where the transport
/// can tell.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SmsSender: Send + Sync + Debug {
    /// Sends the message.
    ///
    /// # Errors
    /// `Invalid` when the number or text was refused for good; `Unauthorized` when we were; transient kinds when
    /// trying later can help.
    async fn send(&self, message: &SmsMessage) -> Result<SmsReceipt, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_international() {
        assert_eq!(
            PhoneNumber::parse("+44 (20) 7946-0018").unwrap().as_str(),
            "+442079460018"
        );
        for bad in [
            "",
            "+",
            "02079460018",
            "442079460018",
            "+0442079460018",
            "+123456",
            "+1234567890123456",
            "+12345x78",
            "+４４2079460018",
        ] {
            assert_eq!(PhoneNumber::parse(bad), Err(SmsInvalid::Number), "{bad}");
        }
    }

    #[test]
    fn debug_shows_neither_number_nor_text() {
        let message = SmsMessage {
            key: MessageKey::parse("k1").unwrap(),
            to: PhoneNumber::parse("+442079460018").unwrap(),
            text: SmsText::parse("Your code is 123456").unwrap(),
        };
        let shown = format!("{message:?}");
        assert!(
            shown.contains("+***18") && !shown.contains("7946") && !shown.contains("123456"),
            "{shown}"
        );
    }

    #[test]
    fn texts_are_bounded() {
        assert!(SmsText::parse(&"ü".repeat(1600)).is_ok());
        for bad in [
            String::new(),
            " \n".to_owned(),
            "a\0".to_owned(),
            "a\r\n".to_owned(),
            "ü".repeat(1601),
        ] {
            assert_eq!(SmsText::parse(&bad), Err(SmsInvalid::Text));
        }
    }
}
