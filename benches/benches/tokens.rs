//! What an access token costs at the edge, beside the library's own verification of its signature in the same run.
//!
//! The library verifies with a key that was parsed and a signature that was decoded before. Ours also splits and reads
//! the token strictly and remembers it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has to stop")]

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion};
use wisdom_auth::token::{KeyRing, SigningAlgorithm};
use wisdom_benches::tokens::Issuer;

fn main() {
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
