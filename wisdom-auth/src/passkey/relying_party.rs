//! The relying party: whom authenticators make passkeys for, and how their answers are verified.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, COSEAlgorithm, COSEKey, COSEKeyType, DiscoverableAuthentication, DiscoverableKey,
    ECDSACurve, Passkey as VerifiedKey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, SecurityKey, SecurityKeyAuthentication, SecurityKeyRegistration, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use super::{Passkey, ResidentKey, UserVerification, client_data, may_follow};
use crate::error::AuthError;
use crate::user::User;

mod credential;

pub use credential::CredentialResponse;

/// Bytes of a credential id: 16 are 128 bits, which is what the specification asks for at least (section 4).
const CREDENTIAL_ID: std::ops::RangeInclusive<usize> = 16..=1023;

/// What a relying party is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingPartySettings {
    /// The domain that passkeys are bound to: that of every origin, or one above it. It cannot be changed later without
    /// losing all passkeys.
    pub id: String,
    /// What people see when they make a passkey.
    pub name: String,
    /// The origins of the application's pages, such as `https://app.acme.example`.
    pub origins: Vec<String>,
    /// Whether authenticators must verify the user.
    pub user_verification: UserVerification,
    /// Whether passkeys must be discoverable.
    pub resident_key: ResidentKey,
    /// How long a ceremony can be completed.
    pub life: Duration,
}

/// A relying party cannot be made from its settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RelyingPartyError {
    /// The id is not a domain in lower case with a dot in it, or `localhost`.
    #[error("the id must be a domain such as acme.example, in lower case, or localhost")]
    Id,
    /// There is no origin.
    #[error("there must be an origin")]
    NoOrigin,
    /// An origin is none of a page that may use passkeys.
    #[error(
        "the origin {0} must be https, without a path, with the id as its domain or above it; http is for localhost"
    )]
    Origin(String),
    /// The name is empty or longer than 100 characters.
    #[error("the name must have 1 to 100 characters")]
    Name,
}

/// Why an answer of an authenticator was not believed. For logs and the audit log; clients learn nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PasskeyFault {
    #[error("the answer is not well-formed")]
    Malformed,
    #[error("the client data are not of a page of ours, or of another ceremony")]
    ClientData,
    #[error("the passkey is not known")]
    Unknown,
    #[error("the user handle is another user's")]
    UserHandle,
    #[error("the user was not verified")]
    NotVerified,
    #[error("the signature counter went back")]
    Counter,
    #[error("the answer does not hold")]
    Rejected,
}

impl From<WebauthnError> for PasskeyFault {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::UserNotVerified | WebauthnError::UserNotPresent => Self::NotVerified,
            WebauthnError::CredentialPossibleCompromise => Self::Counter,
            WebauthnError::InvalidClientDataType
            | WebauthnError::MismatchedChallenge
            | WebauthnError::InvalidRPOrigin
            | WebauthnError::CredentialCrossOrigin => Self::ClientData,
            error => {
                tracing::debug!(%error, "a passkey was refused");
                Self::Rejected
            }
        }
    }
}

/// What is kept of a ceremony that was begun.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Register(PasskeyRegistration),
    RegisterLoosely(SecurityKeyRegistration),
    Discover(DiscoverableAuthentication),
    Prove(PasskeyAuthentication),
    ProveLoosely(SecurityKeyAuthentication),
}

/// A ceremony that was begun.
#[derive(Debug)]
pub(crate) struct BegunCeremony {
    /// For the browser.
    pub(crate) options: Value,
    /// For the store.
    pub(crate) state: String,
}

/// A credential that was verified and is not stored yet.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) credential_id: Vec<u8>,
    pub(crate) credential: String,
    pub(crate) counter: u32,
    pub(crate) backed_up: bool,
    pub(crate) user_verified: bool,
}

/// What a verified assertion says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asserted {
    pub(crate) counter: u32,
    pub(crate) backed_up: bool,
}

/// The part of a stored credential that is read here.
#[derive(Deserialize)]
struct Stored {
    cred: StoredCredential,
}

#[derive(Deserialize)]
struct StoredCredential {
    counter: u32,
    backup_state: bool,
    user_verified: bool,
    #[serde(rename = "cred")]
    key: COSEKey,
}

/// Whether a key is of the kind that its algorithm is for, which the library does not ask. RSA keys have 2048 to 4096 bits.
fn is_sound(key: &COSEKey) -> bool {
    match (&key.type_, &key.key) {
        (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(key)) => key.curve == ECDSACurve::SECP256R1,
        (COSEAlgorithm::ES384, COSEKeyType::EC_EC2(key)) => key.curve == ECDSACurve::SECP384R1,
        (COSEAlgorithm::RS256, COSEKeyType::RSA(key)) => (256..=512).contains(&key.n.len()),
        _ => false,
    }
}

/// The relying party.
#[derive(Debug)]
pub struct RelyingParty {
    webauthn: Webauthn,
    origins: Vec<String>,
    user_verification: UserVerification,
    resident_key: ResidentKey,
}

impl RelyingParty {
    /// From its settings.
    ///
    /// # Errors
    /// [`RelyingPartyError`].
    pub fn new(settings: &RelyingPartySettings) -> Result<Self, RelyingPartyError> {
        let id = settings.id.as_str();
        let parsed = url::Host::parse(id).ok();
        let is_domain =
            matches!(parsed, Some(url::Host::Domain(domain)) if domain == id) && !id.ends_with('.');
        if !is_domain || !(id == "localhost" || id.contains('.')) {
            return Err(RelyingPartyError::Id);
        }
        let name = settings.name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(RelyingPartyError::Name);
        }
        let origins = settings
            .origins
            .iter()
            .map(|origin| page_origin(origin, id).ok_or_else(|| RelyingPartyError::Origin(origin.clone())))
            .collect::<Result<Vec<Url>, _>>()?;
        let (first, others) = origins.split_first().ok_or(RelyingPartyError::NoOrigin)?;
        let mut builder = WebauthnBuilder::new(id, first)
            .map_err(|_| RelyingPartyError::Id)?
            .rp_name(name)
            .timeout(settings.life);
        for other in others {
            builder = builder.append_allowed_origin(other);
        }
        Ok(Self {
            webauthn: builder.build().map_err(|_| RelyingPartyError::Id)?,
            origins: settings.origins.clone(),
            user_verification: settings.user_verification,
            resident_key: settings.resident_key,
        })
    }

    /// Begins to make a passkey for a user. Authenticators that hold one of these do not make another.
    pub(crate) fn begin_registration(
        &self,
        user: &User,
        known: &[Passkey],
    ) -> Result<BegunCeremony, AuthError> {
        // Authenticators keep the handle: it is the id, which says nothing about the person.
        let (handle, name) = (user.id.as_uuid(), user.email.as_str());
        let shown = user.display_name.as_str();
        let known = known.iter().map(|one| one.credential_id.clone()).collect();
        let (options, state) = match self.user_verification {
            UserVerification::Required => self
                .webauthn
                .start_passkey_registration(handle, name, shown, Some(known))
                .map(|(options, state)| (options, State::Register(state))),
            UserVerification::Preferred => self
                .webauthn
                .start_securitykey_registration(handle, name, shown, Some(known), None, None)
                .map(|(options, state)| (options, State::RegisterLoosely(state))),
        }
        .map_err(broken)?;
        let mut begun = begun(&options.public_key, &state)?;
        // The library asks for keys that are not discoverable; any kind of authenticator will do.
        let (resident_key, required) = match self.resident_key {
            ResidentKey::Preferred => ("preferred", false),
            ResidentKey::Required => ("required", true),
        };
        let selection = &mut begun.options["authenticatorSelection"];
        selection["residentKey"] = Value::from(resident_key);
        selection["requireResidentKey"] = Value::from(required);
        Ok(begun)
    }

    /// Verifies what an authenticator made.
    pub(crate) fn finish_registration(
        &self,
        state: &str,
        response: &CredentialResponse,
    ) -> Result<Registered, PasskeyFault> {
        let made: RegisterPublicKeyCredential = response.read()?;
        response.require_form(&made.id, &made.raw_id, &made.type_)?;
        if !client_data::is_sound(
            &made.response.client_data_json,
            client_data::CREATE,
            &self.origins,
        ) {
            return Err(PasskeyFault::ClientData);
        }
        let (credential_id, credential) = match serde_json::from_str(state) {
            Ok(State::Register(state)) => {
                let key = self.webauthn.finish_passkey_registration(&made, &state)?;
                (key.cred_id().clone(), serde_json::to_string(&key))
            }
            Ok(State::RegisterLoosely(state)) => {
                let key = self.webauthn.finish_securitykey_registration(&made, &state)?;
                (key.cred_id().clone(), serde_json::to_string(&key))
            }
            _ => return Err(PasskeyFault::Malformed),
        };
        let credential = credential.map_err(|_| PasskeyFault::Malformed)?;
        // The id that is stored is the signed one; browsers repeat it outside.
        if credential_id != made.raw_id || !CREDENTIAL_ID.contains(&credential_id.len()) {
            return Err(PasskeyFault::Malformed);
        }
        let stored: Stored = serde_json::from_str(&credential).map_err(|_| PasskeyFault::Malformed)?;
        if !is_sound(&stored.cred.key) {
            return Err(PasskeyFault::Rejected);
        }
        Ok(Registered {
            credential_id,
            credential,
            counter: stored.cred.counter,
            backed_up: stored.cred.backup_state,
            user_verified: stored.cred.user_verified,
        })
    }

    /// Begins a sign-in by whoever it turns out to be. The same for everybody.
    pub(crate) fn begin_discovery(&self) -> Result<BegunCeremony, AuthError> {
        let (options, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(broken)?;
        begun(&options.public_key, &State::Discover(state))
    }

    /// Begins a proof by one of these passkeys of one user.
    pub(crate) fn begin_proof(&self, passkeys: &[Passkey]) -> Result<BegunCeremony, AuthError> {
        let (options, state) = match self.user_verification {
            UserVerification::Required => {
                let keys: Vec<VerifiedKey> = stored(passkeys)?;
                self.webauthn
                    .start_passkey_authentication(&keys)
                    .map(|(options, state)| (options, State::Prove(state)))
            }
            UserVerification::Preferred => {
                let keys: Vec<SecurityKey> = stored(passkeys)?;
                self.webauthn
                    .start_securitykey_authentication(&keys)
                    .map(|(options, state)| (options, State::ProveLoosely(state)))
            }
        }
        .map_err(broken)?;
        begun(&options.public_key, &state)
    }

    /// Verifies an assertion by a stored passkey, which the answer names.
    ///
    /// Who signs in is only known by the user handle in a sign-in that began without anybody (section 7.2, step 6), so it
    /// must be there and be the passkey's owner; elsewhere it must be the same if it is there.
    pub(crate) fn finish(
        &self,
        state: &str,
        response: &CredentialResponse,
        passkey: &Passkey,
    ) -> Result<Asserted, PasskeyFault> {
        let shown = response.assertion()?;
        if !client_data::is_sound(&shown.response.client_data_json, client_data::GET, &self.origins) {
            return Err(PasskeyFault::ClientData);
        }
        let state = serde_json::from_str(state).map_err(|_| PasskeyFault::Malformed)?;
        let owner = *passkey.user.as_uuid().as_bytes();
        match shown.response.user_handle.as_deref() {
            Some(handle) if handle == owner => {}
            None if !matches!(state, State::Discover(_)) => {}
            _ => return Err(PasskeyFault::UserHandle),
        }
        if shown.raw_id != passkey.credential_id {
            return Err(PasskeyFault::Unknown);
        }
        let asserted = self.verify(state, &shown, passkey)?;
        // The library compares with the counter of the registration; the one of the last use is ours.
        if may_follow(passkey.counter, asserted.counter()) {
            Ok(Asserted {
                counter: asserted.counter(),
                backed_up: asserted.backup_state(),
            })
        } else {
            Err(PasskeyFault::Counter)
        }
    }

    fn verify(
        &self,
        state: State,
        shown: &PublicKeyCredential,
        passkey: &Passkey,
    ) -> Result<AuthenticationResult, PasskeyFault> {
        match state {
            State::Discover(state) => {
                let key: DiscoverableKey =
                    serde_json::from_str(&passkey.credential).map_err(|_| PasskeyFault::Malformed)?;
                let asserted = self
                    .webauthn
                    .finish_discoverable_authentication_v2(shown, state, &key)?;
                if asserted.user_verified() {
                    Ok(asserted)
                } else {
                    Err(PasskeyFault::NotVerified)
                }
            }
            State::Prove(state) => Ok(self.webauthn.finish_passkey_authentication(shown, &state)?),
            State::ProveLoosely(state) => {
                Ok(self.webauthn.finish_securitykey_authentication(shown, &state)?)
            }
            State::Register(_) | State::RegisterLoosely(_) => Err(PasskeyFault::Malformed),
        }
    }
}

/// An origin whose pages may use passkeys of a relying party, written as browsers write it.
fn page_origin(text: &str, id: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let domain = url.domain()?;
    let local = domain == "localhost" || domain.ends_with(".localhost");
    let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
    let below = domain == id || domain.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
    (secure && below && url.origin().ascii_serialization() == text).then_some(url)
}

fn stored<T: for<'de> Deserialize<'de>>(passkeys: &[Passkey]) -> Result<Vec<T>, AuthError> {
    let keys = passkeys.iter().map(|one| serde_json::from_str(&one.credential));
    keys.collect::<Result<_, _>>().map_err(broken)
}

fn begun(options: &impl Serialize, state: &State) -> Result<BegunCeremony, AuthError> {
    let mut options = serde_json::to_value(options).map_err(broken)?;
    if let Some(members) = options.as_object_mut() {
        // Any kind of authenticator will do, and no browser speaks `uvm`.
        members.remove("hints");
        if let Some(Value::Object(extensions)) = members.get_mut("extensions") {
            extensions.remove("uvm");
        }
    }
    Ok(BegunCeremony {
        options,
        state: serde_json::to_string(state).map_err(broken)?,
    })
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> AuthError {
    AuthError::Passkeys(Box::new(error))
}
