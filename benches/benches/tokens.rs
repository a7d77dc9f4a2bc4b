//! What an access token costs at the edge, beside the library's own verification of its signature in the same run.
//!
//! The crypto library verifies with a key that was parsed and a signature that was decoded before. `jsonwebtoken` also
//! splits the token and reads header and claims, and so does ours, strictly, which then remembers the token.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has to stop")]

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use wisdom_auth::token::{KeyRing, SigningAlgorithm};
use wisdom_benches::tokens::Issuer;
use wisdom_core::time::Timestamp;

/// What an access token says, as a program would read it that does not mind how it is said.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read to be timed")]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    #[serde(rename = "gen")]
    generation: i64,
    tid: Option<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    auth_time: i64,
}

fn main() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .unwrap();
    let mut criterion = Criterion::default().configure_from_args();
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Hs256] {
        run(&mut criterion, algorithm);
    }
    criterion.final_summary();
}

fn run(criterion: &mut Criterion, algorithm: SigningAlgorithm) {
    let issuer = Issuer::new(algorithm).unwrap();
    let (tokens, now) = (&issuer.tokens, issuer.now());
    let floor = Floor::of(&tokens.ring(), algorithm);
    let token = issuer.issue().unwrap();
    tokens.verify(&token, now).unwrap();

    let mut group = criterion.benchmark_group(format!("token/{}", algorithm.as_str()));
    group.bench_function("seen before", |bencher| {
        bencher.iter(|| tokens.verify(black_box(&token), now).unwrap());
    });
    group.bench_function("floor: SHA-256", |bencher| {
        bencher.iter(|| digest(&SHA256, black_box(&token).as_bytes()));
    });
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    group.bench_function("floor: aws-lc-rs verify", |bencher| {
        bencher.iter(|| assert!(floor.verify(black_box(message.as_bytes()), &signature)));
    });
    group.bench_function("floor: jsonwebtoken decode", |bencher| {
        bencher.iter_batched(
            || issuer.issue().unwrap(),
            |token| floor.decode(&token).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("first time", |bencher| {
        bencher.iter_batched(
            || issuer.issue().unwrap(),
            |token| tokens.verify(&token, now).unwrap(),
            BatchSize::SmallInput,
        );
    });
    let mut number = 0_u64;
    let mut forged = signature.clone();
    group.bench_function("one of a flood of forged ones", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                forged[..8].copy_from_slice(&number.to_be_bytes());
                format!("{message}.{}", URL_SAFE_NO_PAD.encode(&forged))
            },
            |token| tokens.verify(&token, now).unwrap_err(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// The libraries' own keys.
struct Floor {
    key: Key,
    decoding: DecodingKey,
    validation: Validation,
}

enum Key {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl Floor {
    fn of(ring: &KeyRing, algorithm: SigningAlgorithm) -> Self {
        let (key, decoding, named) = if algorithm == SigningAlgorithm::Hs256 {
            let stored = ring.keys().next().unwrap().to_stored();
            let secret = URL_SAFE_NO_PAD.decode(stored.material.expose()).unwrap();
            let key = Key::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret)));
            (key, DecodingKey::from_secret(&secret), Algorithm::HS256)
        } else {
            let set = ring.jwks(Timestamp::EPOCH);
            let text = set["keys"][0]["x"].as_str().unwrap();
            let x = URL_SAFE_NO_PAD.decode(text).unwrap();
            let key = Key::Public(ParsedPublicKey::new(&ED25519, x).unwrap());
            let decoding = DecodingKey::from_ed_components(text).unwrap();
            (key, decoding, Algorithm::EdDSA)
        };
        let mut validation = Validation::new(named);
        validation.set_audience(&["wisdom"]);
        validation.set_issuer(&["http://localhost:8080"]);
        // The time of the bench stands still, in the future: the library's clock is the machine's.
        validation.validate_nbf = false;
        Self {
            key,
            decoding,
            validation,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Public(key) => key.verify_sig(message, signature).is_ok(),
            Key::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }

    fn decode(&self, token: &str) -> Option<Claims> {
        jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .ok()
            .map(|decoded| decoded.claims)
    }
}
