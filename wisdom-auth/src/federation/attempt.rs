//! One way to a provider and back: the secrets of an attempt, and what is stored of it.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use wisdom_core::id::UserId;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::seal::Context;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

/// 43 characters of base62 are 256 random bits.
const LENGTH: usize = 43;

/// The secrets of an attempt. Storage keeps hashes of both; verifier and nonce are derived from both, so that whoever reads
/// the database, or the address bar, can finish nothing.
#[derive(Debug, Clone)]
pub struct AttemptSecrets {
    state: SecretText,
    binding: SecretText,
}

impl AttemptSecrets {
    /// New ones.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        Ok(Self {
            state: SecretText::from(random.token_base62(LENGTH)?),
            binding: SecretText::from(random.token_base62(LENGTH)?),
        })
    }

    /// Those that came back. `None` when no attempt has such texts.
    #[must_use]
    pub fn presented(state: &SecretText, binding: &SecretText) -> Option<Self> {
        let of_form = |text: &SecretText| {
            text.expose().len() == LENGTH && text.expose().bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        (of_form(state) && of_form(binding)).then(|| Self {
            state: state.clone(),
            binding: binding.clone(),
        })
    }

    /// `state` of RFC 6749, section 4.1.1: goes through the provider.
    #[must_use]
    pub const fn state(&self) -> &SecretText {
        &self.state
    }

    /// What only the browser that began holds: never goes to the provider.
    #[must_use]
    pub const fn binding(&self) -> &SecretText {
        &self.binding
    }

    /// What the attempt is stored and looked up by.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        hash("state", &self.state)
    }

    /// What tells the browser that began from any other.
    #[must_use]
    pub fn binding_hash(&self) -> [u8; 32] {
        hash("binding", &self.binding)
    }

    /// `code_verifier` of RFC 7636, section 4.1.
    #[must_use]
    pub fn verifier(&self) -> SecretText {
        SecretText::from(self.derived("pkce"))
    }

    /// `code_challenge` by S256 (RFC 7636, section 4.2).
    #[must_use]
    pub fn challenge(&self) -> String {
        let verifier = self.verifier();
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.expose().as_bytes()))
    }

    /// `nonce` of `OpenID` Connect Core 1.0, section 3.1.2.1.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    fn derived(&self, what: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.binding.expose().as_bytes());
        let input = Context::new().part(what).part(self.state.expose());
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()))
    }
}

fn hash(what: &str, text: &SecretText) -> [u8; 32] {
    let input = Context::new().part("federation").part(what).part(text.expose());
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, input.as_bytes()).as_ref());
    out
}

/// An attempt as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// [`AttemptSecrets::state_hash`].
    pub state_hash: [u8; 32],
    /// [`AttemptSecrets::binding_hash`].
    pub binding_hash: [u8; 32],
    /// The provider the browser was sent to.
    pub provider: String,
    /// Who asked for the identity to be linked; nobody when it is a sign-in.
    pub user: Option<UserId>,
    /// Where the application wants to go on afterwards.
    pub return_to: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}

impl Attempt {
    /// Whether it is this browser's, on its way back from this provider, for this purpose.
    #[must_use]
    pub fn belongs_to(&self, secrets: &AttemptSecrets, provider: &str, user: Option<UserId>) -> bool {
        let browser: bool = self.binding_hash.ct_eq(&secrets.binding_hash()).into();
        browser && self.provider == provider && self.user == user
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use wisdom_core::random::SystemRandom;

    use super::*;

    fn attempt(secrets: &AttemptSecrets, user: Option<UserId>) -> Attempt {
        Attempt {
            state_hash: secrets.state_hash(),
            binding_hash: secrets.binding_hash(),
            provider: "acme".to_owned(),
            user,
            return_to: None,
            created_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn verifier_and_challenge_are_as_rfc_7636_wants_them() {
        let secrets = AttemptSecrets::generate(&SystemRandom).unwrap();
        let verifier = secrets.verifier();
        assert_eq!(verifier.expose().len(), 43);
        let hashed = digest::digest(&digest::SHA256, verifier.expose().as_bytes());
        assert_eq!(secrets.challenge(), URL_SAFE_NO_PAD.encode(hashed));
        assert_ne!(secrets.nonce(), verifier.expose());
        assert_ne!(secrets.state_hash(), secrets.binding_hash());
    }

    #[test]
    fn what_came_back_derives_the_same() {
        let begun = AttemptSecrets::generate(&SystemRandom).unwrap();
        let back = AttemptSecrets::presented(begun.state(), begun.binding()).unwrap();
        assert_eq!(begun.nonce(), back.nonce());
        assert_eq!(begun.challenge(), back.challenge());
        assert!(attempt(&begun, None).belongs_to(&back, "acme", None));
    }

    #[test]
    fn every_other_browser_provider_and_user_is_refused() {
        let begun = AttemptSecrets::generate(&SystemRandom).unwrap();
        let other = AttemptSecrets::generate(&SystemRandom).unwrap();
        let user = Some(UserId::from_uuid(Uuid::from_u128(7)));
        let mixed = AttemptSecrets::presented(begun.state(), other.binding()).unwrap();
        assert!(!attempt(&begun, None).belongs_to(&mixed, "acme", None));
        assert!(!attempt(&begun, None).belongs_to(&begun, "evil", None));
        assert!(!attempt(&begun, None).belongs_to(&begun, "acme", user));
        assert!(!attempt(&begun, user).belongs_to(&begun, "acme", None));
        assert!(attempt(&begun, user).belongs_to(&begun, "acme", user));
    }

    proptest! {
        #[test]
        fn only_texts_of_the_form_are_looked_up(state in ".{0,60}", binding in "[0-9A-Za-z]{43}") {
            let form = state.len() == LENGTH && state.bytes().all(|b| b.is_ascii_alphanumeric());
            let presented = AttemptSecrets::presented(&SecretText::from(state), &SecretText::from(binding));
            prop_assert_eq!(presented.is_some(), form);
        }
    }
}
