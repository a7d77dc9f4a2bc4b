//! Time-based one-time codes (RFC 6238): six digits, HMAC-SHA-1, steps of 30 seconds, as authenticators know them.

use aws_lc_rs::hmac;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use wisdom_core::id::UserId;
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::{Context, Purpose, Sealer};
use wisdom_core::secret::{SecretBytes, SecretText};
use wisdom_core::time::Timestamp;

use crate::error::AuthError;

const PURPOSE: Purpose = Purpose("auth.totp.v1");
/// Bytes of a secret: as long as the output of the hash (RFC 4226, section 4, R6).
const SECRET: usize = 20;
/// Seconds of a step (RFC 6238, section 4.1).
const STEP_SECONDS: i64 = 30;
/// Steps before and after the present one whose codes are taken, for clocks that differ and slow fingers (section 5.2).
const SLACK: i64 = 1;
const DIGITS: usize = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A user's time-based codes, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpCredential {
    /// Whose.
    pub user: UserId,
    /// The secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// The last step whose code was used. Codes of this step and earlier ones are worth nothing.
    pub last_step: i64,
    /// When the user showed that their authenticator knows the secret. Before, it protects nothing.
    pub confirmed_at: Option<Timestamp>,
    /// When the secret was made.
    pub created_at: Timestamp,
}

/// The secret that authenticator and service share. `Debug` does not show it.
#[derive(Debug)]
pub struct TotpSecret(SecretBytes);

impl TotpSecret {
    /// A secret of these bytes, at least 16 of them (RFC 4226, section 4, R6).
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= 16).then(|| Self(SecretBytes::from(bytes)))
    }

    /// A new one of 160 bits.
    ///
    /// # Errors
    /// When randomness fails.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, AuthError> {
        let bytes: [u8; SECRET] = random.bytes()?;
        Ok(Self(SecretBytes::from(bytes.to_vec())))
    }

    /// Opens a stored one.
    ///
    /// # Errors
    /// When it was sealed for another user, or with a key that is gone.
    pub fn open(user: UserId, sealed: &[u8], sealer: &dyn Sealer) -> Result<Self, AuthError> {
        let plain = sealer.open(PURPOSE, context(user).as_bytes(), sealed)?;
        Ok(Self(SecretBytes::from(plain)))
    }

    /// Seals it for storage.
    ///
    /// # Errors
    /// When the key or randomness fails.
    pub fn seal(&self, user: UserId, sealer: &dyn Sealer) -> Result<Vec<u8>, AuthError> {
        Ok(sealer.seal(PURPOSE, context(user).as_bytes(), self.0.expose())?)
    }

    /// The secret in base32 (RFC 4648, section 6) without padding, for typing it in.
    #[must_use]
    pub fn base32(&self) -> SecretText {
        SecretText::from(base32(self.0.expose()))
    }

    /// The URI behind the QR code: `otpauth://totp/issuer:account?secret=…&issuer=…`.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> SecretText {
        let (issuer, account) = (percent(issuer), percent(account));
        let secret = base32(self.0.expose());
        SecretText::from(format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
        ))
    }

    /// The code of a step: six digits (RFC 4226, section 5.3).
    #[must_use]
    pub fn code(&self, step: i64) -> [u8; DIGITS] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 0xf);
        let mut word = [0; 4];
        word.copy_from_slice(&tag[offset..offset + 4]);
        let mut rest = u32::from_be_bytes(word) & 0x7fff_ffff;
        let mut digits = [0; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        digits
    }

    /// The step whose code this is, among the ones around `now` that come after `last_step`.
    ///
    /// Every candidate is compared, each in constant time, so that the time tells nothing of the digits.
    #[must_use]
    pub fn matching_step(&self, code: &str, now: Timestamp, last_step: i64) -> Option<i64> {
        let code: [u8; DIGITS] = code.as_bytes().try_into().ok()?;
        let present = step_at(now);
        let mut found = i64::MIN;
        for step in present - SLACK..=present + SLACK {
            let good = self.code(step).ct_eq(&code) & Choice::from(u8::from(step > last_step));
            found = i64::conditional_select(&found, &step, good);
        }
        (found != i64::MIN).then_some(found)
    }
}

/// The step a time lies in.
#[must_use]
pub fn step_at(now: Timestamp) -> i64 {
    now.unix_seconds().div_euclid(STEP_SECONDS)
}

fn context(user: UserId) -> Context {
    Context::new().part(user.as_uuid().as_bytes())
}

/// Base32 without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.push(char::from(BASE32[(bits >> held) as usize & 31]));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(char::from(BASE32[(bits << (5 - held)) as usize & 31]));
    }
    out
}

/// Everything but unreserved characters (RFC 3986, section 2.3) as `%XX`.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890".to_vec()).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standards() {
        // RFC 4226, appendix D.
        let hotp = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, expected) in hotp.iter().enumerate() {
            assert_eq!(rfc().code(i64::try_from(counter).unwrap()), expected.as_bytes());
        }
        // RFC 6238, appendix B: the last six of the eight digits there.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_unix_seconds(seconds).unwrap();
            assert_eq!(rfc().code(step_at(now)), expected.as_bytes(), "{seconds}");
        }
    }

    #[test]
    fn secrets_and_uris_are_written_as_authenticators_read_them() {
        // RFC 4648, section 10, without padding.
        for (plain, expected) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), expected);
        }
        let uri = rfc().uri("Acme & Söhne", "ada+x@acme.test");
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Acme%20%26%20S%C3%B6hne:ada%2Bx%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Acme%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
        );
        assert!(TotpSecret::from_bytes(vec![1; 15]).is_none());
    }

    /// A user's authenticator against a service that keeps the last step: the rules again, as a set of used steps.
    fn steps() -> impl Strategy<Value = Vec<(i64, i64)>> {
        proptest::collection::vec((0_i64..60, -3_i64..=3), 1..40)
    }

    proptest! {
        #[test]
        fn a_code_passes_once_and_never_after_a_later_one(history in steps()) {
            let secret = rfc();
            let mut now = Timestamp::from_unix_seconds(1_800_000_000).unwrap();
            let mut last = 0;
            let mut used: Vec<i64> = Vec::new();
            for (wait, shift) in history {
                now = now.saturating_add(std::time::Duration::from_secs(wait.unsigned_abs()));
                let step = step_at(now) + shift;
                let code = secret.code(step);
                let text = std::str::from_utf8(&code).unwrap();
                let expected = shift.abs() <= 1 && used.iter().all(|earlier| *earlier < step);
                match secret.matching_step(text, now, last) {
                    Some(found) => {
                        // Two steps may share a code by chance; what passes is never one that was used.
                        prop_assert!(found > last && !used.contains(&found));
                        prop_assert_eq!(secret.code(found), code);
                        used.push(found);
                        last = found;
                    }
                    None => prop_assert!(!expected, "a good code was refused"),
                }
            }
        }

        #[test]
        fn texts_that_are_no_code_pass_never(text in "\\PC{0,12}") {
            prop_assume!(text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()));
            let now = Timestamp::from_unix_seconds(1_800_000_000).unwrap();
            prop_assert_eq!(rfc().matching_step(&text, now, 0), None);
        }
    }
}
