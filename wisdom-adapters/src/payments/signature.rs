//! The signature scheme `t=<unix seconds>,v1=<hex>` of Stripe's webhooks, which the fake speaks too.
//!
//! `v1` is HMAC-SHA-256 of `<t>.<body>` in lower-case hexadecimal. Other schemes in the header are ignored, and while a
//! secret is rolled there may be several `v1`.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;
use wisdom_core::port::payments::{SIGNATURE_TOLERANCE, WebhookRefusal};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

/// Longest header that is read.
const MAX_HEADER: usize = 4096;

/// Most signatures of one header that are compared.
const MAX_SIGNATURES: usize = 16;

/// Least bytes of a secret. The vendor's have 38.
const MIN_SECRET: usize = 24;

/// Most secrets of one verifier: while a secret is rolled there are two.
const MAX_SECRETS: usize = 4;

/// Verifies webhooks with one secret, or with several while one is rolled.
#[derive(Debug, Clone)]
pub struct WebhookVerifier {
    secrets: Vec<SecretText>,
}

impl WebhookVerifier {
    /// Takes 1 to 4 secrets of at least 24 bytes. A blank secret would make every signature one that anybody can make.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`].
    pub fn new(secrets: Vec<SecretText>) -> Result<Self, PortError> {
        let usable = |secret: &SecretText| secret.expose().trim().len() >= MIN_SECRET;
        if (1..=MAX_SECRETS).contains(&secrets.len()) && secrets.iter().all(usable) {
            Ok(Self { secrets })
        } else {
            Err(PortError::new("payments", "open", PortErrorKind::Invalid)
                .with_source("1 to 4 webhook secrets of at least 24 bytes are needed"))
        }
    }

    /// Checks the header of a webhook against its raw body and our clock.
    ///
    /// # Errors
    /// See [`verify`].
    pub fn verify(&self, body: &[u8], header: &str, now: Timestamp) -> Result<(), WebhookRefusal> {
        let mut result = Err(WebhookRefusal::Mismatch);
        for secret in &self.secrets {
            result = verify(secret.expose().as_bytes(), body, header, now);
            if result != Err(WebhookRefusal::Mismatch) {
                break;
            }
        }
        result
    }

    /// A header for a body, under the first secret.
    pub(super) fn sign(&self, body: &[u8], at: Timestamp) -> String {
        let secret = self.secrets.first().map(SecretText::expose).unwrap_or_default();
        let seconds = at.unix_seconds();
        format!("t={seconds},v1={}", signature(secret.as_bytes(), seconds, body))
    }
}

/// Checks one header under one secret, whatever its length.
///
/// The signature is judged before the time, so that only who holds the secret learns anything about our clock.
///
/// # Errors
/// * [`WebhookRefusal::Malformed`]: no time or no `v1` in the header, or more of it than anybody sends.
/// * [`WebhookRefusal::Mismatch`]: no `v1` fits.
/// * [`WebhookRefusal::TooOld`], [`WebhookRefusal::FromFuture`]: over 300 s from `now`, either way. (The vendor's own
///   library takes any time in the future; a stolen clock must not make a webhook that stays valid.)
pub fn verify(secret: &[u8], body: &[u8], header: &str, now: Timestamp) -> Result<(), WebhookRefusal> {
    let (seconds, candidates) = parse(header).ok_or(WebhookRefusal::Malformed)?;
    let expected = signature(secret, seconds, body);
    // Every candidate is compared in full length and none ends the loop early.
    let fits = candidates
        .iter()
        .fold(subtle::Choice::from(0), |found, candidate| {
            found | expected.as_bytes().ct_eq(candidate.as_bytes())
        });
    if !bool::from(fits) {
        return Err(WebhookRefusal::Mismatch);
    }
    let tolerance = SIGNATURE_TOLERANCE.as_secs();
    let now = now.unix_seconds();
    match (now.abs_diff(seconds) > tolerance, seconds < now) {
        (false, _) => Ok(()),
        (true, true) => Err(WebhookRefusal::TooOld),
        (true, false) => Err(WebhookRefusal::FromFuture),
    }
}

fn parse(header: &str) -> Option<(i64, Vec<&str>)> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (mut time, mut candidates) = (None, Vec::new());
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", digits)) => {
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                if !plain || time.is_some() {
                    return None;
                }
                time = Some(digits.parse().ok()?);
            }
            Some(("v1", text)) => candidates.push(text),
            _ => {}
        }
    }
    let bounded = (1..=MAX_SIGNATURES).contains(&candidates.len());
    if bounded { Some((time?, candidates)) } else { None }
}

fn signature(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(seconds.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    hex(context.sign().as_ref())
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a `String` never fails.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(1_767_225_600).unwrap()
    }

    #[test]
    fn blank_and_short_secrets_are_refused() {
        let refused = |secrets: Vec<&str>| {
            WebhookVerifier::new(
                secrets
                    .into_iter()
                    .map(|s| SecretText::from(s.to_owned()))
                    .collect(),
            )
            .is_err()
        };
        assert!(refused(vec![]));
        assert!(refused(vec![""]));
        assert!(refused(vec!["                              "]));
        assert!(refused(vec!["whsec_short"]));
        assert!(refused(vec![SECRET, ""]));
        assert!(refused(vec![SECRET; 5]));
        assert!(!refused(vec![SECRET]));
    }

    #[test]
    fn a_rolled_secret_keeps_working_beside_the_new_one() {
        let new = "whsec_fedcba9876543210fedcba9876543210";
        let both = WebhookVerifier::new(vec![new.to_owned().into(), SECRET.to_owned().into()]).unwrap();
        for secret in [SECRET, new] {
            let signer = WebhookVerifier::new(vec![secret.to_owned().into()]).unwrap();
            assert_eq!(both.verify(b"x", &signer.sign(b"x", now()), now()), Ok(()));
        }
        let old_only = WebhookVerifier::new(vec![SECRET.to_owned().into()]).unwrap();
        assert_eq!(
            old_only.verify(b"x", &both.sign(b"x", now()), now()),
            Err(WebhookRefusal::Mismatch)
        );
    }

    #[test]
    fn headers_are_bounded_and_unambiguous() {
        let verifier = WebhookVerifier::new(vec![SECRET.to_owned().into()]).unwrap();
        let good = verifier.sign(b"x", now());
        assert_eq!(verifier.verify(b"x", &good, now()), Ok(()));
        for bad in [
            format!("t=1,{good}"),
            format!("{good},t=1767225600"),
            good.replace("t=", "t=+"),
            good.replace("t=", "t= "),
            format!("{good}{}", ",v1=00".repeat(MAX_SIGNATURES)),
            format!("{good},{}", "x".repeat(MAX_HEADER)),
            format!("t=99999999999999999999,{}", good.split_once(',').unwrap().1),
        ] {
            assert_eq!(
                verifier.verify(b"x", &bad, now()),
                Err(WebhookRefusal::Malformed),
                "{bad}"
            );
        }
    }
}
