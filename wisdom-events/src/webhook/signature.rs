//! Signing after Standard Webhooks 1.0.0: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::{SecretBytes, SecretText};

/// Header with the message's id, the same at every try.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of the try, in seconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the signatures, separated by spaces: one for each secret that signs.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// Secrets that sign one message at most: the current one and ten old ones.
pub const MAX_SECRETS: usize = 11;

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1";
/// Longest message id, in bytes.
const MAX_ID: usize = 256;

/// A symmetric signing secret of 24 to 64 bytes, written `whsec_` and base64.
#[derive(Clone)]
pub struct SigningSecret(SecretBytes);

/// The text or bytes are no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Not `whsec_` and canonical base64 with padding (RFC 4648, section 4).
    #[error("a signing secret is whsec_ and base64")]
    Form,
    /// Shorter than 24 bytes or longer than 64.
    #[error("a signing secret has 24 to 64 bytes")]
    Length,
}

impl SigningSecret {
    /// Fewest bytes.
    pub const MIN_BYTES: usize = 24;
    /// Most bytes.
    pub const MAX_BYTES: usize = 64;

    /// A new secret of 32 bytes.
    ///
    /// # Errors
    /// When randomness fails.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let bytes: [u8; 32] = random.bytes()?;
        Ok(Self(SecretBytes::from(bytes.to_vec())))
    }

    /// A secret of these bytes.
    ///
    /// # Errors
    /// [`SecretError::Length`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, SecretError> {
        let secret = SecretBytes::from(bytes);
        if (Self::MIN_BYTES..=Self::MAX_BYTES).contains(&secret.expose().len()) {
            Ok(Self(secret))
        } else {
            Err(SecretError::Length)
        }
    }

    /// Reads a secret's text. As in the reference libraries the prefix `whsec_` may be missing; nothing else is let
    /// pass, white space around it neither.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        // Bounded before decoding: 64 bytes are 88 characters.
        if encoded.len() > 88 {
            return Err(SecretError::Length);
        }
        Self::from_bytes(STANDARD.decode(encoded).map_err(|_| SecretError::Form)?)
    }

    /// The text to show to whoever sets up the receiver.
    #[must_use]
    pub fn to_text(&self) -> SecretText {
        SecretText::from(format!("{PREFIX}{}", STANDARD.encode(self.0.expose())))
    }

    /// The bytes, for sealing.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose())
    }

    pub(crate) fn signs(&self, content: &Content, tag: &[u8]) -> bool {
        // Looks at the whole length, in constant time.
        hmac::verify(&self.key(), &content.0, tag).is_ok()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

/// What is signed.
pub(crate) struct Content(Vec<u8>);

impl Content {
    /// `None` when the id is empty, too long, or holds anything but visible ASCII without full stops: with a full stop
    /// in it one signature would fit two messages (Standard Webhooks, "Signature scheme").
    pub(crate) fn new(id: &str, timestamp: &str, body: &[u8]) -> Option<Self> {
        let good = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() && b != b'.');
        if !good {
            return None;
        }
        let mut content = Vec::with_capacity(id.len() + timestamp.len() + body.len() + 2);
        content.extend_from_slice(id.as_bytes());
        content.push(b'.');
        content.extend_from_slice(timestamp.as_bytes());
        content.push(b'.');
        content.extend_from_slice(body);
        Some(Self(content))
    }
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The id is empty, longer than 256 bytes, or holds a full stop or anything but visible ASCII.
    #[error("the message id cannot be signed")]
    Id,
    /// There are no secrets, or more than [`MAX_SECRETS`].
    #[error("a message is signed with 1 to {MAX_SECRETS} secrets")]
    Secrets,
}

/// The value of [`SIGNATURE_HEADER`]: one signature for each secret, in their order. `timestamp` is in seconds since the
/// Unix epoch, `body` exactly what is sent.
///
/// # Errors
/// [`SignError`].
pub fn sign(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> Result<String, SignError> {
    if !(1..=MAX_SECRETS).contains(&secrets.len()) {
        return Err(SignError::Secrets);
    }
    let content = Content::new(id, &timestamp.to_string(), body).ok_or(SignError::Id)?;
    let mut header = String::with_capacity(secrets.len() * 48);
    for secret in secrets {
        if !header.is_empty() {
            header.push(' ');
        }
        header.push_str(VERSION);
        header.push(',');
        STANDARD.encode_string(hmac::sign(&secret.key(), &content.0), &mut header);
    }
    Ok(header)
}

/// The tag of a `v1` entry; `None` for other versions and for anything but canonical base64 of 32 bytes.
pub(crate) fn tag_of(entry: &str) -> Option<Vec<u8>> {
    let (version, encoded) = entry.split_once(',')?;
    if version != VERSION {
        return None;
    }
    STANDARD.decode(encoded).ok().filter(|tag| tag.len() == 32)
}

#[cfg(test)]
mod tests {
    use wisdom_core::random::ManualRandom;

    use super::*;

    /// The example of the reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn agrees_with_the_published_vector() {
        let secret = SigningSecret::parse(SECRET).unwrap();
        assert_eq!(sign(&[secret], ID, 1_614_265_330, BODY).unwrap(), SIGNATURE);
    }

    #[test]
    fn agrees_with_the_reference_library() {
        let random = ManualRandom::new(5);
        for size in [0, 1, 1000] {
            let secret = SigningSecret::generate(&random).unwrap();
            let oracle = standardwebhooks::Webhook::new(secret.to_text().expose()).unwrap();
            let body = "ü".repeat(size);
            let ours = sign(&[secret], "evt_1", 1_700_000_000, body.as_bytes()).unwrap();
            assert_eq!(
                ours,
                oracle.sign("evt_1", 1_700_000_000, body.as_bytes()).unwrap()
            );
        }
    }

    #[test]
    fn old_secrets_sign_along_in_order() {
        let random = ManualRandom::new(6);
        let secrets: Vec<_> = (0..MAX_SECRETS)
            .map(|_| SigningSecret::generate(&random).unwrap())
            .collect();
        let all = sign(&secrets, ID, 7, BODY).unwrap();
        let each: Vec<_> = secrets
            .iter()
            .map(|s| sign(std::slice::from_ref(s), ID, 7, BODY).unwrap())
            .collect();
        assert_eq!(all, each.join(" "));
        assert_eq!(sign(&[], ID, 7, BODY), Err(SignError::Secrets));
        let too_many: Vec<_> = secrets.iter().cloned().chain([secrets[0].clone()]).collect();
        assert_eq!(sign(&too_many, ID, 7, BODY), Err(SignError::Secrets));
    }

    #[test]
    fn secrets_round_trip_and_bad_ones_are_refused() {
        let secret = SigningSecret::generate(&ManualRandom::new(1)).unwrap();
        assert_eq!(
            SigningSecret::parse(secret.to_text().expose()).unwrap().expose(),
            secret.expose()
        );
        assert_eq!(format!("{secret:?}"), "SigningSecret(***)");
        for length in [24, 64] {
            assert!(SigningSecret::from_bytes(vec![7; length]).is_ok());
        }
        for length in [0, 1, 23, 65] {
            assert_eq!(
                SigningSecret::from_bytes(vec![7; length]).unwrap_err(),
                SecretError::Length
            );
        }
        let text = secret.to_text().expose().to_owned();
        let unpadded = text.trim_end_matches('=').to_owned();
        for bad in [
            "",
            " ",
            "whsec_",
            "whsec_    ",
            &format!(" {text}"),
            &format!("{text}\n"),
            &format!("{text}="),
            &unpadded,
            &text.replace("whsec_", "whsec-"),
            &"A".repeat(10_000),
        ] {
            assert!(SigningSecret::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_with_a_full_stop_is_not_signed() {
        let secrets = [SigningSecret::parse(SECRET).unwrap()];
        for id in ["", "a.b", ".", "a b", "a\n", "ä", &"x".repeat(257)] {
            assert_eq!(sign(&secrets, id, 7, BODY), Err(SignError::Id), "{id:?}");
        }
    }
}
