//! An authenticator in software, and the browser in front of it, for tests of passkeys.
//!
//! It answers what `navigator.credentials.create()` and `get()` would (Web Authentication Level 3, sections 5.1.3 and
//! 5.1.4), with an ES256 key of its own. Every part of an answer can be changed before it is signed: see
//! [`Creation`] and [`Assertion`].

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::TestkitError;

/// The user was present.
pub const USER_PRESENT: u8 = 0x01;
/// The user was verified.
pub const USER_VERIFIED: u8 = 0x04;
/// The passkey can be backed up.
pub const BACKUP_ELIGIBLE: u8 = 0x08;
/// The passkey is backed up.
pub const BACKED_UP: u8 = 0x10;
/// Attested credential data follow.
const ATTESTED: u8 = 0x40;

/// A passkey in software.
#[derive(Debug)]
pub struct SoftAuthenticator {
    origin: String,
    key: EcdsaKeyPair,
    credential_id: Vec<u8>,
    user_handle: Vec<u8>,
    flags: u8,
    counts: bool,
    counter: u32,
}

/// What the browser says about a ceremony; each member goes into its JSON as it is.
#[derive(Debug, Clone)]
pub struct ClientData(pub Map<String, Value>);

impl ClientData {
    fn new(kind: &str, challenge: &Value, origin: &str) -> Self {
        let mut members = Map::new();
        members.insert("type".to_owned(), kind.into());
        members.insert("challenge".to_owned(), challenge.clone());
        members.insert("origin".to_owned(), origin.into());
        members.insert("crossOrigin".to_owned(), false.into());
        Self(members)
    }

    fn bytes(&self) -> Vec<u8> {
        Value::Object(self.0.clone()).to_string().into_bytes()
    }
}

/// A new credential before it is put together.
#[derive(Debug, Clone)]
pub struct Creation {
    /// What the browser says.
    pub client_data: ClientData,
    /// The relying party that the authenticator was asked for.
    pub rp_id: String,
    /// The flags.
    pub flags: u8,
    /// The signature counter.
    pub counter: u32,
    /// The algorithm that the key is said to be for (COSE); -7 is ES256.
    pub algorithm: i8,
    /// The id that is signed.
    pub credential_id: Vec<u8>,
    /// The id that stands outside.
    pub shown_id: Vec<u8>,
    /// Whether the authenticator signs what it made with the key itself (`packed`), or not at all (`none`).
    pub attested_by_itself: bool,
    /// The type that stands outside.
    pub kind: String,
}

/// A proof before it is signed.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// What the browser says.
    pub client_data: ClientData,
    /// The relying party that the authenticator was asked for.
    pub rp_id: String,
    /// The flags.
    pub flags: u8,
    /// The signature counter.
    pub counter: u32,
    /// The id that stands outside.
    pub shown_id: Vec<u8>,
    /// Whose passkey the authenticator says it is.
    pub user_handle: Option<Vec<u8>>,
    /// The type that stands outside.
    pub kind: String,
}

fn fault(what: &'static str) -> TestkitError {
    TestkitError::Authenticator(what)
}

impl SoftAuthenticator {
    /// A new key, in the browser of somebody who looks at a page of this origin. It verifies its user, counts, and cannot
    /// be backed up.
    ///
    /// # Errors
    /// [`TestkitError::Authenticator`] when there is no randomness.
    pub fn new(origin: &str) -> Result<Self, TestkitError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| fault("no key"))?;
        let mut credential_id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut credential_id).map_err(|_| fault("no randomness"))?;
        Ok(Self {
            origin: origin.to_owned(),
            key,
            credential_id,
            user_handle: Vec::new(),
            flags: USER_PRESENT | USER_VERIFIED,
            counts: true,
            counter: 0,
        })
    }

    /// The same with other flags.
    #[must_use]
    pub const fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// The same, never counting: as passkeys that are synchronised.
    #[must_use]
    pub const fn uncounted(mut self) -> Self {
        self.counts = false;
        self
    }

    /// The id of its credential.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    fn next(&self) -> u32 {
        if self.counts { self.counter + 1 } else { 0 }
    }

    /// The answer to `create()`, before it is put together.
    ///
    /// # Errors
    /// [`TestkitError::Authenticator`] when the options are not of their form.
    pub fn draft_creation(&self, options: &Value) -> Result<Creation, TestkitError> {
        let rp_id = options["rp"]["id"].as_str().ok_or_else(|| fault("no rp.id"))?;
        Ok(Creation {
            client_data: ClientData::new("webauthn.create", &options["challenge"], &self.origin),
            rp_id: rp_id.to_owned(),
            flags: self.flags | ATTESTED,
            counter: self.next(),
            algorithm: -7,
            credential_id: self.credential_id.clone(),
            shown_id: self.credential_id.clone(),
            attested_by_itself: false,
            kind: "public-key".to_owned(),
        })
    }

    /// The answer to `create()`, put together.
    ///
    /// # Errors
    /// As [`draft_creation`](Self::draft_creation), or when signing fails.
    pub fn create(&mut self, options: &Value) -> Result<Value, TestkitError> {
        let handle = options["user"]["id"]
            .as_str()
            .ok_or_else(|| fault("no user.id"))?;
        self.user_handle = URL_SAFE_NO_PAD.decode(handle).map_err(|_| fault("user.id"))?;
        let creation = self.draft_creation(options)?;
        self.counter = creation.counter;
        self.finish_creation(&creation)
    }

    /// Puts a creation together.
    ///
    /// # Errors
    /// When signing fails.
    pub fn finish_creation(&self, creation: &Creation) -> Result<Value, TestkitError> {
        let client_data = creation.client_data.bytes();
        let mut data = head(&creation.rp_id, creation.flags, creation.counter);
        // No model is told: an AAGUID of nothing but zeros.
        data.extend([0; 16]);
        let length = u16::try_from(creation.credential_id.len()).map_err(|_| fault("id"))?;
        data.extend(length.to_be_bytes());
        data.extend(&creation.credential_id);
        data.extend(self.cose_key(creation.algorithm));
        let mut object = Vec::new();
        cbor_head(&mut object, 5, 3);
        cbor_text(&mut object, "fmt");
        if creation.attested_by_itself {
            let signature = self.signature(&data, &client_data)?;
            cbor_text(&mut object, "packed");
            cbor_text(&mut object, "attStmt");
            cbor_head(&mut object, 5, 2);
            cbor_text(&mut object, "alg");
            cbor_int(&mut object, -7);
            cbor_text(&mut object, "sig");
            cbor_bytes(&mut object, &signature);
        } else {
            cbor_text(&mut object, "none");
            cbor_text(&mut object, "attStmt");
            cbor_head(&mut object, 5, 0);
        }
        cbor_text(&mut object, "authData");
        cbor_bytes(&mut object, &data);
        let id = URL_SAFE_NO_PAD.encode(&creation.shown_id);
        Ok(json!({
            "id": id,
            "rawId": id,
            "type": creation.kind,
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
                "transports": ["internal"],
            },
            "clientExtensionResults": { "credProps": { "rk": true } },
        }))
    }

    /// The answer to `get()`, before it is signed.
    ///
    /// # Errors
    /// [`TestkitError::Authenticator`] when the options are not of their form, or name other credentials only.
    pub fn draft(&self, options: &Value) -> Result<Assertion, TestkitError> {
        let rp_id = options["rpId"].as_str().ok_or_else(|| fault("no rpId"))?;
        let own = URL_SAFE_NO_PAD.encode(&self.credential_id);
        let allowed = options["allowCredentials"].as_array();
        if allowed.is_some_and(|all| !all.is_empty() && all.iter().all(|one| one["id"] != own.as_str())) {
            return Err(fault("another credential was asked for"));
        }
        Ok(Assertion {
            client_data: ClientData::new("webauthn.get", &options["challenge"], &self.origin),
            rp_id: rp_id.to_owned(),
            flags: self.flags,
            counter: self.next(),
            shown_id: self.credential_id.clone(),
            user_handle: Some(self.user_handle.clone()),
            kind: "public-key".to_owned(),
        })
    }

    /// The answer to `get()`, signed.
    ///
    /// # Errors
    /// As [`draft`](Self::draft), or when signing fails.
    pub fn get(&mut self, options: &Value) -> Result<Value, TestkitError> {
        let assertion = self.draft(options)?;
        self.counter = assertion.counter;
        self.sign(&assertion)
    }

    /// Signs a proof.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign(&self, assertion: &Assertion) -> Result<Value, TestkitError> {
        let client_data = assertion.client_data.bytes();
        let data = head(&assertion.rp_id, assertion.flags, assertion.counter);
        let signature = self.signature(&data, &client_data)?;
        let id = URL_SAFE_NO_PAD.encode(&assertion.shown_id);
        Ok(json!({
            "id": id,
            "rawId": id,
            "type": assertion.kind,
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature),
                "userHandle": assertion.user_handle.as_ref().map(|handle| URL_SAFE_NO_PAD.encode(handle)),
            },
            "clientExtensionResults": {},
        }))
    }

    fn signature(&self, data: &[u8], client_data: &[u8]) -> Result<Vec<u8>, TestkitError> {
        let mut signed = data.to_vec();
        signed.extend(digest(&SHA256, client_data).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed);
        Ok(signature.map_err(|_| fault("signing"))?.as_ref().to_vec())
    }

    /// The public key (RFC 9053, section 7.1.1): an uncompressed point is a byte, x and y.
    fn cose_key(&self, algorithm: i8) -> Vec<u8> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let mut key = Vec::new();
        cbor_head(&mut key, 5, 5);
        for (label, value) in [(1, 2), (3, algorithm), (-1, 1)] {
            cbor_int(&mut key, label);
            cbor_int(&mut key, value);
        }
        for (label, value) in [(-2, x), (-3, y)] {
            cbor_int(&mut key, label);
            cbor_bytes(&mut key, value);
        }
        key
    }
}

/// Authenticator data up to the counter (section 6.1).
fn head(rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
    let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
    data.push(flags);
    data.extend(counter.to_be_bytes());
    data
}

/// The head of an item (RFC 8949, section 3): its major type, and a number below 65536.
fn cbor_head(out: &mut Vec<u8>, major: u8, number: u16) {
    let [high, low] = number.to_be_bytes();
    let major = major << 5;
    match number {
        0..=23 => out.push(major | low),
        24..=255 => out.extend([major + 24, low]),
        _ => out.extend([major + 25, high, low]),
    }
}

fn cbor_int(out: &mut Vec<u8>, value: i8) {
    let magnitude = u16::from(if value < 0 { !value } else { value }.unsigned_abs());
    cbor_head(out, u8::from(value < 0), magnitude);
}

fn cbor_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    cbor_head(out, 2, u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.extend(bytes);
}

fn cbor_text(out: &mut Vec<u8>, text: &str) {
    cbor_head(out, 3, u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.extend(text.as_bytes());
}
