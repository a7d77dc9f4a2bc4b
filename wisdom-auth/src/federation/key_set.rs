//! A provider's public keys, from its JWK set (RFC 7517). Each key says what it may verify; a token never chooses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::assertion::AssertionFault;
use crate::jws;

/// Keys looked at in one set.
const MAX_KEYS: usize = 64;
/// RSA from 2048 to 8192 bits: shorter is too weak, longer only costs us time.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The algorithm of this name, if ID tokens may be signed with it. There is no `none` and nothing symmetric.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "PS256" => Some(Algorithm::PS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// A public key and what it may verify.
pub(super) struct ProviderKey {
    kid: Option<String>,
    verifies: Vec<Algorithm>,
    public: DecodingKey,
}

impl ProviderKey {
    /// Whether the signature, in base64url, is this key's over the message.
    pub(super) fn verify(&self, message: &str, signature: &str, algorithm: Algorithm) -> bool {
        self.verifies.contains(&algorithm)
            && jws::verify(&self.public, algorithm, message.as_bytes(), signature)
    }
}

/// The keys of a provider that we can use.
#[derive(Default)]
pub(super) struct KeySet(Vec<ProviderKey>);

impl KeySet {
    /// Reads a set. Keys of other kinds, for other uses, or that are no keys are passed over, as RFC 7517 section 5 says.
    pub(super) fn read(body: &[u8]) -> Result<Self, AssertionFault> {
        let Ok(Value::Object(mut document)) = wisdom_core::json::parse(body) else {
            return Err(AssertionFault::Form);
        };
        let Some(Value::Array(keys)) = document.remove("keys") else {
            return Err(AssertionFault::Form);
        };
        let read = keys
            .iter()
            .take(MAX_KEYS)
            .filter_map(Value::as_object)
            .filter_map(key);
        Ok(Self(read.collect()))
    }

    /// The key that a token with this header must be signed with. Without a `kid` there must be just one it can be.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&ProviderKey> {
        let mut fitting = self.0.iter().filter(|key| {
            key.verifies.contains(&algorithm) && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

fn key(jwk: &Map<String, Value>) -> Option<ProviderKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    if jwk.contains_key("use") && text("use") != Some("sig") {
        return None;
    }
    if let Some(uses) = jwk.get("key_ops")
        && !uses.as_array()?.iter().any(|use_| use_ == "verify")
    {
        return None;
    }
    let (mut verifies, public) = match text("kty")? {
        "RSA" => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            if !RSA_BYTES.contains(&n.len()) || n.first() == Some(&0) || !(1..=4).contains(&e.len()) {
                return None;
            }
            let both = vec![Algorithm::RS256, Algorithm::PS256];
            (both, DecodingKey::from_rsa_raw_components(&n, &e))
        }
        "EC" if text("crv")? == "P-256" => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            let point: Vec<u8> = [&[4], &x[..], &y[..]].concat();
            (vec![Algorithm::ES256], DecodingKey::from_ec_der(&point))
        }
        "OKP" if text("crv")? == "Ed25519" => {
            let x = bytes("x").filter(|x| x.len() == 32)?;
            (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(&x))
        }
        _ => return None,
    };
    if let Some(named) = jwk.get("alg") {
        let named = named.as_str().and_then(algorithm)?;
        verifies.retain(|verifies| *verifies == named);
    }
    let kid = match jwk.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str()?.to_owned()),
    };
    (!verifies.is_empty()).then_some(ProviderKey {
        kid,
        verifies,
        public,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(keys: &Value) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn rsa(bytes: usize) -> Value {
        json!({ "kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xc1; bytes]), "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn a_key_verifies_what_it_says() {
        let both = set(&json!([rsa(256)]));
        assert!(both.find(Some("r"), Algorithm::RS256).is_some());
        assert!(both.find(Some("r"), Algorithm::PS256).is_some());
        assert!(both.find(Some("r"), Algorithm::ES256).is_none());
        assert!(both.find(Some("other"), Algorithm::RS256).is_none());
        let one = set(&json!([with(rsa(256), "alg", json!("PS256"))]));
        assert!(one.find(Some("r"), Algorithm::RS256).is_none());
        assert!(one.find(Some("r"), Algorithm::PS256).is_some());
    }

    #[test]
    fn without_a_kid_there_must_be_one_candidate() {
        let mut other = rsa(256);
        other["kid"] = json!("s");
        assert!(set(&json!([rsa(256)])).find(None, Algorithm::RS256).is_some());
        assert!(
            set(&json!([rsa(256), other]))
                .find(None, Algorithm::RS256)
                .is_none()
        );
        assert!(
            set(&json!([rsa(256), rsa(256)]))
                .find(Some("r"), Algorithm::RS256)
                .is_none()
        );
    }

    #[test]
    fn unusable_keys_are_passed_over() {
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        for key in [
            json!({ "kty": "oct", "kid": "r", "k": secret }),
            json!({ "kty": "oct", "kid": "r", "alg": "RS256", "k": secret }),
            rsa(128),
            rsa(2048),
            with(rsa(256), "use", json!("enc")),
            with(rsa(256), "use", json!(7)),
            with(rsa(256), "key_ops", json!(["sign"])),
            with(rsa(256), "key_ops", json!("verify")),
            with(rsa(256), "alg", json!("none")),
            with(rsa(256), "alg", json!("HS256")),
            with(rsa(256), "alg", json!("ES256")),
            with(rsa(256), "alg", json!(["RS256"])),
            with(rsa(256), "kid", json!(7)),
            with(rsa(256), "n", json!("not base64!")),
            with(rsa(256), "e", json!("")),
            json!({ "kty": "EC", "kid": "r", "crv": "P-256", "x": secret, "y": "AA" }),
            json!({ "kty": "EC", "kid": "r", "crv": "secp256k1", "x": secret, "y": secret }),
            json!({ "kty": "OKP", "kid": "r", "crv": "X25519", "x": secret }),
            json!("key"),
        ] {
            assert!(set(&json!([key])).0.is_empty(), "{key}");
        }
        for body in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            assert!(KeySet::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        assert_eq!(set(&Value::Array(vec![rsa(256); 500])).0.len(), MAX_KEYS);
    }
}
