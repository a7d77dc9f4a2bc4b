//! Keys and parts that forged tokens are made of.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::{Person, Setup};
/// The keys of a running server, taken from its file, and a good token's parts to start from.
pub(super) struct Forge {
    pub(super) keys: BTreeMap<String, (String, Vec<u8>)>,
    pub(super) good: String,
    pub(super) header: Value,
    pub(super) claims: Value,
}

pub(super) fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

pub(super) fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

impl Forge {
    pub(super) fn new(setup: &Setup, person: &Person) -> Self {
        let file = std::fs::read(setup.data().join("keys/signing.json")).unwrap();
        let ring: Value = serde_json::from_slice(&file).unwrap();
        let keys = ring["keys"].as_array().unwrap().iter().map(|key| {
            let text = |name: &str| key[name].as_str().unwrap().to_owned();
            let material = URL_SAFE_NO_PAD.decode(text("material")).unwrap();
            (text("algorithm"), (text("kid"), material))
        });
        let mut parts = person.access.split('.');
        Self {
            keys: keys.collect(),
            header: decode(parts.next().unwrap()),
            claims: decode(parts.next().unwrap()),
            good: person.access.clone(),
        }
    }

    pub(super) fn kid(&self, algorithm: &str) -> &str {
        &self.keys[algorithm].0
    }

    /// The signature of the server's own key of this algorithm.
    pub(super) fn signature(&self, algorithm: &str, message: &str) -> Vec<u8> {
        let material = &self.keys[algorithm].1;
        let message = message.as_bytes();
        match algorithm {
            "EdDSA" => Ed25519KeyPair::from_pkcs8(material)
                .unwrap()
                .sign(message)
                .as_ref()
                .to_vec(),
            "ES256" => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, material)
                .unwrap()
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            "RS256" => {
                let pair = RsaKeyPair::from_pkcs8(material).unwrap();
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut bytes)
                    .unwrap();
                bytes
            }
            _ => mac(material, message),
        }
    }

    /// What a verifier that confuses keys would take for a secret.
    pub(super) fn public(&self, algorithm: &str) -> Vec<u8> {
        let material = &self.keys[algorithm].1;
        match algorithm {
            "EdDSA" => Ed25519KeyPair::from_pkcs8(material)
                .unwrap()
                .public_key()
                .as_ref()
                .to_vec(),
            "ES256" => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, material)
                .unwrap()
                .public_key()
                .as_ref()
                .to_vec(),
            _ => RsaKeyPair::from_pkcs8(material)
                .unwrap()
                .public_key()
                .as_ref()
                .to_vec(),
        }
    }

    /// These texts, truly signed with the server's own key: all that is wrong is what they say.
    pub(super) fn signed_texts(&self, algorithm: &str, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(algorithm, &message));
        format!("{message}.{signature}")
    }

    pub(super) fn signed(&self, algorithm: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
        header["alg"] = json!(algorithm);
        header["kid"] = json!(self.kid(algorithm));
        change(&mut header, &mut claims);
        self.signed_texts(algorithm, &header.to_string(), &claims.to_string())
    }

    pub(super) fn with_header(&self, name: &str, value: Value) -> String {
        self.signed("EdDSA", |header, _| header[name] = value)
    }

    pub(super) fn with_claim(&self, name: &str, value: Value) -> String {
        self.signed("EdDSA", |_, claims| claims[name] = value)
    }

    pub(super) fn without_claim(&self, name: &str) -> String {
        self.signed("EdDSA", |_, claims| {
            claims.as_object_mut().unwrap().remove(name);
        })
    }

    /// The header says HS256; the code is made with what everybody knows of another key.
    pub(super) fn confused(&self, algorithm: &str, secret: &[u8]) -> String {
        let mut header = self.header.clone();
        header["alg"] = json!("HS256");
        header["kid"] = json!(self.kid(algorithm));
        let message = format!(
            "{}.{}",
            encode(&header.to_string()),
            encode(&self.claims.to_string())
        );
        let code = URL_SAFE_NO_PAD.encode(mac(secret, message.as_bytes()));
        format!("{message}.{code}")
    }

    /// The good token with one part replaced, its signature left as it is.
    pub(super) fn patched(
        &self,
        header: Option<&str>,
        claims: Option<&str>,
        signature: Option<&str>,
    ) -> String {
        let parts: Vec<&str> = self.good.split('.').collect();
        format!(
            "{}.{}.{}",
            header.unwrap_or(parts[0]),
            claims.unwrap_or(parts[1]),
            signature.unwrap_or(parts[2])
        )
    }
}

pub(super) fn mac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message)
        .as_ref()
        .to_vec()
}

/// A member twice: `text` with another one put in front.
pub(super) fn doubled(object: &Value, first: &str) -> String {
    let text = object.to_string();
    format!("{{{first},{}", &text[1..])
}
