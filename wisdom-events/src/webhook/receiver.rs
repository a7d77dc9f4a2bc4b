//! The receiver's side: verifies what a sender of Standard Webhooks signed. For embedders and for our own tests.
//!
//! ```
//! use wisdom_core::time::Timestamp;
//! use wisdom_events::webhook::receiver::Receiver;
//! use wisdom_events::webhook::signature::SigningSecret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! let receiver = Receiver::new(vec![secret])?;
//! let now = Timestamp::from_unix_seconds(1_614_265_330).unwrap_or(Timestamp::EPOCH);
//! let verified = receiver.verify(
//!     "msg_p5jXN8AQM9LWM0D4loKWxJek",
//!     "1614265330",
//!     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
//!     br#"{"test": 2432232314}"#, // the body exactly as received
//!     now,
//! )?;
//! // Deliveries come at least once: remember `verified.id` in the transaction that acts on the body.
//! assert_eq!(verified.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use http::HeaderMap;
use thiserror::Error;
use wisdom_core::time::Timestamp;

use super::signature::{
    Content, ID_HEADER, MAX_SECRETS, SIGNATURE_HEADER, SignError, SigningSecret, TIMESTAMP_HEADER, tag_of,
};

/// How far a message's timestamp may be from the receiver's clock, both ways.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// Signatures that are looked at in one message; more is refused.
const MAX_SIGNATURES: usize = 32;
/// Longest signature header, in bytes.
const MAX_HEADER: usize = 8 * 1024;

/// Verifies messages. Holds the current secret and, during a rotation, the old one.
#[derive(Debug, Clone)]
pub struct Receiver {
    secrets: Vec<SigningSecret>,
}

/// A message that was sent by whoever knows the secret, just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The message's id, the same at every try: the key to act once by.
    pub id: &'a str,
    /// When this try was made.
    pub sent_at: Timestamp,
}

/// Why a message is not accepted. Answer 400 without saying which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A header is missing, comes twice, or is not what the standard describes.
    #[error("a webhook header is missing or malformed")]
    Malformed,
    /// The timestamp is more than [`TOLERANCE`] in the past.
    #[error("the message is too old")]
    TooOld,
    /// The timestamp is more than [`TOLERANCE`] in the future.
    #[error("the message is from the future")]
    TooNew,
    /// No signature fits.
    #[error("no signature fits")]
    Signature,
}

impl Receiver {
    /// A receiver that accepts messages signed with any of these secrets.
    ///
    /// # Errors
    /// [`SignError::Secrets`] when there is none, or more than [`MAX_SECRETS`].
    pub fn new(secrets: Vec<SigningSecret>) -> Result<Self, SignError> {
        if (1..=MAX_SECRETS).contains(&secrets.len()) {
            Ok(Self { secrets })
        } else {
            Err(SignError::Secrets)
        }
    }

    /// Verifies a message by its header values and its body exactly as received.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify<'a>(
        &self,
        id: &'a str,
        timestamp: &str,
        signatures: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, Refusal> {
        let sent_at = parse_timestamp(timestamp).ok_or(Refusal::Malformed)?;
        let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap_or(i64::MAX);
        let age = now.unix_seconds() - sent_at.unix_seconds();
        if age > tolerance {
            return Err(Refusal::TooOld);
        }
        if age < -tolerance {
            return Err(Refusal::TooNew);
        }
        if signatures.len() > MAX_HEADER || signatures.split(' ').count() > MAX_SIGNATURES {
            return Err(Refusal::Malformed);
        }
        let content = Content::new(id, timestamp, body).ok_or(Refusal::Malformed)?;
        let fits = signatures
            .split(' ')
            .filter_map(tag_of)
            .any(|tag| self.secrets.iter().any(|secret| secret.signs(&content, &tag)));
        if fits {
            Ok(Verified { id, sent_at })
        } else {
            Err(Refusal::Signature)
        }
    }

    /// Verifies a message by its headers. A header that comes twice is refused: two programs may read different ones.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify_headers<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, Refusal> {
        let only = |name| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (Some(value), None) => value.to_str().map_err(|_| Refusal::Malformed),
                _ => Err(Refusal::Malformed),
            }
        };
        self.verify(
            only(ID_HEADER)?,
            only(TIMESTAMP_HEADER)?,
            only(SIGNATURE_HEADER)?,
            body,
            now,
        )
    }
}

/// Decimal digits without sign, white space or leading zero.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let canonical = text.len() <= 12
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if !canonical {
        return None;
    }
    Timestamp::from_unix_seconds(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wisdom_core::clock::{Clock as _, SystemClock};
    use wisdom_core::random::ManualRandom;

    use super::super::signature::sign;
    use super::*;

    const NOW: i64 = 1_614_265_330;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> SigningSecret {
        SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn check(id: &str, timestamp: &str, signatures: &str, now: i64) -> Result<(), Refusal> {
        let now = Timestamp::from_unix_seconds(now).unwrap();
        Receiver::new(vec![secret()])
            .unwrap()
            .verify(id, timestamp, signatures, BODY, now)
            .map(|_| ())
    }

    fn signature(signatures: &str) -> Result<(), Refusal> {
        check(ID, "1614265330", signatures, NOW)
    }

    #[test]
    fn a_good_message_passes_also_among_other_signatures() {
        assert_eq!(signature(GOOD), Ok(()));
        let other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
        assert_eq!(
            signature(&format!("{other} v2,abc v1a,xyz nonsense {GOOD}")),
            Ok(())
        );
    }

    #[test]
    fn nothing_but_the_whole_canonical_signature_fits() {
        let encoded = GOOD.strip_prefix("v1,").unwrap();
        for bad in [
            "",
            " ",
            "v1,",
            "v1",
            encoded,
            &GOOD[..GOOD.len() - 1],
            &GOOD[..20],
            &format!("{GOOD}="),
            &format!("{GOOD}junk"),
            &format!("{GOOD}\n"),
            &format!("v1a,{encoded}"),
            &format!("v2,{encoded}"),
            &format!("V1,{encoded}"),
            &format!("v1,v1,{encoded}"),
            // The last two bits before the padding are not part of the value.
            &GOOD.replace("OE=", "OF="),
            &GOOD.replace('+', "-").replace('/', "_"),
        ] {
            assert_eq!(signature(bad), Err(Refusal::Signature), "{bad:?}");
        }
        let many = vec![GOOD; MAX_SIGNATURES + 1].join(" ");
        assert_eq!(signature(&many), Err(Refusal::Malformed));
    }

    #[test]
    fn five_minutes_both_ways_and_no_more() {
        for (now, expected) in [
            (NOW + 300, Ok(())),
            (NOW - 300, Ok(())),
            (NOW + 301, Err(Refusal::TooOld)),
            (NOW - 301, Err(Refusal::TooNew)),
        ] {
            assert_eq!(check(ID, "1614265330", GOOD, now), expected);
        }
        for bad in [
            "",
            "+1614265330",
            " 1614265330",
            "01614265330",
            "1614265330.0",
            "1e9",
            "-1",
            "9999999999999999",
        ] {
            assert_eq!(check(ID, bad, GOOD, NOW), Err(Refusal::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn an_id_that_could_move_the_border_is_refused() {
        assert_eq!(
            check("a.1614265330", "1614265330", GOOD, NOW),
            Err(Refusal::Malformed)
        );
    }

    #[test]
    fn headers_come_once() {
        let receiver = Receiver::new(vec![secret()]).unwrap();
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(ID_HEADER, ID.parse().unwrap());
        headers.insert(TIMESTAMP_HEADER, "1614265330".parse().unwrap());
        assert_eq!(
            receiver.verify_headers(&headers, BODY, now),
            Err(Refusal::Malformed)
        );
        headers.insert(SIGNATURE_HEADER, GOOD.parse().unwrap());
        assert_eq!(receiver.verify_headers(&headers, BODY, now).map(|v| v.id), Ok(ID));
        headers.append(ID_HEADER, ID.parse().unwrap());
        assert_eq!(
            receiver.verify_headers(&headers, BODY, now),
            Err(Refusal::Malformed)
        );
    }

    #[test]
    fn accepts_what_the_reference_library_signs_and_the_other_way_round() {
        let random = ManualRandom::new(9);
        let now = SystemClock.now();
        let seconds = now.unix_seconds();
        for _ in 0..20 {
            let secret = SigningSecret::generate(&random).unwrap();
            let oracle = standardwebhooks::Webhook::new(secret.to_text().expose()).unwrap();
            let theirs = oracle.sign(ID, seconds, BODY).unwrap();
            let receiver = Receiver::new(vec![secret.clone()]).unwrap();
            assert!(
                receiver
                    .verify(ID, &seconds.to_string(), &theirs, BODY, now)
                    .is_ok()
            );

            let mut headers = HeaderMap::new();
            headers.insert(ID_HEADER, ID.parse().unwrap());
            headers.insert(TIMESTAMP_HEADER, seconds.to_string().parse().unwrap());
            let ours = sign(
                &[SigningSecret::generate(&random).unwrap(), secret],
                ID,
                seconds,
                BODY,
            )
            .unwrap();
            headers.insert(SIGNATURE_HEADER, ours.parse().unwrap());
            oracle.verify(BODY, &headers).unwrap();
            oracle.verify(b"other", &headers).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn any_changed_byte_of_the_body_is_seen(body in proptest::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, flip in 1_u8..) {
            let now = Timestamp::from_unix_seconds(NOW).unwrap();
            let signatures = sign(&[secret()], ID, NOW, &body).unwrap();
            let receiver = Receiver::new(vec![secret()]).unwrap();
            let timestamp = NOW.to_string();
            prop_assert!(receiver.verify(ID, &timestamp, &signatures, &body, now).is_ok());
            let mut changed = body.clone();
            changed[at.index(body.len())] ^= flip;
            prop_assert_eq!(receiver.verify(ID, &timestamp, &signatures, &changed, now), Err(Refusal::Signature));
        }

        #[test]
        fn nonsense_never_passes_and_never_panics(id in "\\PC{0,20}", timestamp in "\\PC{0,20}", signatures in "\\PC{0,80}") {
            let now = Timestamp::from_unix_seconds(NOW).unwrap();
            prop_assert!(Receiver::new(vec![secret()]).unwrap().verify(&id, &timestamp, &signatures, BODY, now).is_err());
        }
    }
}
