//! Verifying an access token: seen before (as nearly every request's is), and for the first time.
//!
//! Floors: SHA-256 of the token, which finds a seen one; the cryptographic library's own check of the token's signature,
//! with the key read and the signature decoded before. Ours also splits and reads the token strictly and remembers it.

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion};
use tokio::runtime::Builder;
use wisdom_auth::token::{AccessTokenPolicy, AccessTokens, KeyRing, SigningAlgorithm};
use wisdom_benches::stage::Stage;

const ISSUER: &str = "http://localhost:8080";
const AUDIENCE: &str = "wisdom";

pub(crate) fn run(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::in_memory()).unwrap();
    let kit = stage.wisdom.kit();
    let principal = stage.principal(None);
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Hs256] {
        let ring = KeyRing::generate(algorithm, kit).unwrap();
        let floor = Floor::of(&ring, algorithm);
        let policy = AccessTokenPolicy::new(ISSUER, AUDIENCE).unwrap();
        let tokens = AccessTokens::new(ring, policy, std::sync::Arc::clone(&kit.ids));
        let now = kit.clock.now();
        let token = tokens.issue_for(&principal, now).unwrap();
        let token = token.expose();
        tokens.verify(token, now).unwrap();

        let mut group = criterion.benchmark_group(format!("token/{}", algorithm.as_str()));
        group.bench_function("seen before", |bencher| {
            bencher.iter(|| tokens.verify(black_box(token), now).unwrap());
        });
        group.bench_function("floor: SHA-256", |bencher| {
            bencher.iter(|| digest(&SHA256, black_box(token).as_bytes()));
        });
        group.bench_function("first time", |bencher| {
            bencher.iter_batched(
                || tokens.issue_for(&principal, now).unwrap(),
                |token| tokens.verify(token.expose(), now).unwrap(),
                BatchSize::SmallInput,
            );
        });
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        group.bench_function("floor: aws-lc-rs verify", |bencher| {
            bencher.iter(|| assert!(floor.verify(black_box(message.as_bytes()), &signature)));
        });
        group.finish();
    }
}

/// The library's own key.
enum Floor {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl Floor {
    fn of(ring: &KeyRing, algorithm: SigningAlgorithm) -> Self {
        if algorithm == SigningAlgorithm::Hs256 {
            let stored = ring.keys().next().unwrap().to_stored();
            let secret = URL_SAFE_NO_PAD.decode(stored.material.expose()).unwrap();
            return Self::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret)));
        }
        let key = ring.jwks(wisdom_core::time::Timestamp::EPOCH);
        let x = URL_SAFE_NO_PAD
            .decode(key["keys"][0]["x"].as_str().unwrap())
            .unwrap();
        Self::Public(ParsedPublicKey::new(&ED25519, x).unwrap())
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}
