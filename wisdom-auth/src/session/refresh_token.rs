//! The text of a refresh token: a signed message that names a session and a generation.
//!
//! ```text
//! wrt_ base64url( version 1 | session 16 | generation 8 | code 16 | checksum 4 )
//! ```
//!
//! The code is HMAC-SHA256 (RFC 2104) under the session's own key, cut to 128 bits; the checksum is over everything
//! before it, so that a mistyped or invented token is refused before storage is asked.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use wisdom_core::id::SessionId;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::{Context, Purpose, SealError, Sealer};
use wisdom_core::secret::{SecretBytes, SecretText};
use zeroize::Zeroizing;

/// What the text begins with, so that secret scanners know it.
pub const PREFIX: &str = "wrt_";

const VERSION: u8 = 1;
const SIGNED: usize = 1 + 16 + 8;
const CODE: usize = 16;
const CHECKSUM: usize = 4;
const TOTAL: usize = SIGNED + CODE + CHECKSUM;
/// 45 bytes are 60 characters of base64 without a bit left over, so a token has one text only.
const TEXT: usize = TOTAL / 3 * 4;
const KEY: usize = 32;
const KEY_PURPOSE: Purpose = Purpose("session.refresh_key.v1");

/// The key of one session's refresh tokens: 256 random bits.
#[derive(Debug, Clone)]
pub struct RefreshKey(SecretBytes);

impl RefreshKey {
    /// A new key.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let bytes: Zeroizing<[u8; KEY]> = Zeroizing::new(random.bytes()?);
        Ok(Self(SecretBytes::from(bytes.to_vec())))
    }

    /// The key as the session's row keeps it. It opens for this session only.
    ///
    /// # Errors
    /// [`SealError::Failed`].
    pub fn seal(&self, session: SessionId, sealer: &dyn Sealer) -> Result<Vec<u8>, SealError> {
        sealer.seal(KEY_PURPOSE, context(session).as_bytes(), self.0.expose())
    }

    /// Opens the key in a session's row.
    ///
    /// # Errors
    /// [`SealError::Refused`] when it is another session's, or sealed with a key that is gone.
    pub fn open(session: SessionId, sealed: &[u8], sealer: &dyn Sealer) -> Result<Self, SealError> {
        let key = SecretBytes::from(sealer.open(KEY_PURPOSE, context(session).as_bytes(), sealed)?);
        if key.expose().len() == KEY {
            Ok(Self(key))
        } else {
            Err(SealError::Refused)
        }
    }

    fn code(&self, signed: &[u8]) -> [u8; CODE] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.expose()), signed);
        let mut code = [0; CODE];
        code.copy_from_slice(&tag.as_ref()[..CODE]);
        code
    }
}

fn context(session: SessionId) -> Context {
    Context::new().part(session.as_uuid().as_bytes())
}

/// A refresh token somebody presented: well-formed, and not proven yet.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    session: SessionId,
    generation: i64,
    code: [u8; CODE],
}

impl RefreshToken {
    /// Writes the token of a session and generation. The same inputs give the same text.
    #[must_use]
    pub fn mint(session: SessionId, generation: i64, key: &RefreshKey) -> SecretText {
        let mut bytes = Zeroizing::new([0_u8; TOTAL]);
        bytes[..SIGNED].copy_from_slice(&signed(session, generation));
        let code = key.code(&bytes[..SIGNED]);
        bytes[SIGNED..SIGNED + CODE].copy_from_slice(&code);
        let checksum = checksum(&bytes[..SIGNED + CODE]);
        bytes[SIGNED + CODE..].copy_from_slice(&checksum);
        let mut text = String::with_capacity(PREFIX.len() + TEXT);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        SecretText::from(text)
    }

    /// Reads a text. `None` for anything whose form or checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX)?;
        if encoded.len() != TEXT {
            return None;
        }
        let mut bytes = Zeroizing::new([0_u8; TOTAL]);
        if URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()).ok()? != TOTAL {
            return None;
        }
        let (rest, sum) = bytes.split_at(SIGNED + CODE);
        if checksum(rest) != sum || rest[0] != VERSION {
            return None;
        }
        let session = Uuid::from_slice(&rest[1..17]).ok()?;
        let generation = i64::try_from(u64::from_be_bytes(rest[17..SIGNED].try_into().ok()?)).ok()?;
        let code = rest[SIGNED..].try_into().ok()?;
        (generation > 0).then_some(Self {
            session: SessionId::from_uuid(session),
            generation,
            code,
        })
    }

    /// The session it names.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The generation it names.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether it was made with this key, in a time that does not depend on the code.
    #[must_use]
    pub fn is_made_with(&self, key: &RefreshKey) -> bool {
        key.code(&signed(self.session, self.generation))
            .ct_eq(&self.code)
            .into()
    }
}

fn signed(session: SessionId, generation: i64) -> [u8; SIGNED] {
    let mut bytes = [VERSION; SIGNED];
    bytes[1..17].copy_from_slice(session.as_uuid().as_bytes());
    bytes[17..].copy_from_slice(&generation.to_be_bytes());
    bytes
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(PREFIX.as_bytes());
    hash.update(bytes);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&hash.finish().as_ref()[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wisdom_core::random::ManualRandom;

    use super::*;

    fn key(seed: u64) -> RefreshKey {
        RefreshKey::generate(&ManualRandom::new(seed)).unwrap()
    }

    fn session(n: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn what_was_minted_reads_back_and_proves_itself() {
        let text = RefreshToken::mint(session(7), 42, &key(1));
        assert_eq!(text.expose().len(), 64);
        let token = RefreshToken::parse(text.expose()).unwrap();
        assert_eq!((token.session(), token.generation()), (session(7), 42));
        assert!(token.is_made_with(&key(1)));
        assert!(!token.is_made_with(&key(2)));
        assert_eq!(
            text.expose(),
            RefreshToken::mint(session(7), 42, &key(1)).expose()
        );
    }

    #[test]
    fn a_code_of_another_generation_or_session_proves_nothing() {
        let token = RefreshToken::parse(RefreshToken::mint(session(7), 42, &key(1)).expose()).unwrap();
        for forged in [
            RefreshToken {
                generation: 43,
                ..token.clone()
            },
            RefreshToken {
                session: session(8),
                ..token.clone()
            },
        ] {
            assert!(!forged.is_made_with(&key(1)));
        }
    }

    #[test]
    fn generations_that_never_are_do_not_read() {
        for generation in [0, -1, i64::MIN] {
            assert!(
                RefreshToken::parse(RefreshToken::mint(session(7), generation, &key(1)).expose()).is_none()
            );
        }
        assert!(RefreshToken::parse(RefreshToken::mint(session(7), i64::MAX, &key(1)).expose()).is_some());
    }

    #[test]
    fn junk_costs_no_query() {
        let good = RefreshToken::mint(session(7), 42, &key(1));
        let good = good.expose();
        let other_prefix = good.replace("wrt_", "wrx_");
        for junk in [
            "",
            "wrt_",
            "wrt_AAAA",
            good.trim_start_matches(PREFIX),
            &other_prefix,
            &good[..63],
            &format!("{good}="),
            &format!("{good}A"),
            &format!(" {good}"),
            &format!("wrt_{}", "A".repeat(60)),
            &"é".repeat(32),
        ] {
            assert!(RefreshToken::parse(junk).is_none(), "{junk}");
        }
    }

    proptest! {
        #[test]
        fn any_change_of_one_character_is_noticed(at in 0_usize..64, with in "[A-Za-z0-9_-]") {
            let good = RefreshToken::mint(session(7), 42, &key(1)).expose().to_owned();
            let mut changed = good.clone();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != good);
            prop_assert!(RefreshToken::parse(&changed).is_none());
        }

        #[test]
        fn any_text_is_taken_or_refused_without_a_panic(text in "(wrt_)?\\PC{0,70}") {
            let _ = RefreshToken::parse(&text);
        }
    }
}
