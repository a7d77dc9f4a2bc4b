//! Verifying an access token: seen before (as nearly every request's is), and for the first time.
//!
//! Floors: SHA-256 of the token, which finds a seen one; `jsonwebtoken::decode` of the same token with issuer, audience
//! and times checked. Ours also splits and reads the token strictly and remembers it.

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use tokio::runtime::Builder;
use wisdom_auth::token::{AccessTokenPolicy, AccessTokens, KeyRing, SigningAlgorithm};
use wisdom_benches::stage::Stage;

const ISSUER: &str = "http://localhost:8080";
const AUDIENCE: &str = "wisdom";

/// What anybody would read of the claims.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    #[serde(rename = "gen")]
    generation: i64,
    auth_time: i64,
}

pub(crate) fn run(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::in_memory()).unwrap();
    let kit = stage.wisdom.kit();
    let principal = stage.principal(None);
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Hs256] {
        let ring = KeyRing::generate(algorithm, kit).unwrap();
        let (jwt, key) = decoding_key(&ring, algorithm);
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
        let mut validation = Validation::new(jwt);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.validate_nbf = true;
        group.bench_function("floor: jsonwebtoken::decode", |bencher| {
            bencher.iter(|| {
                let claims = decode::<Claims>(black_box(token), &key, &validation)
                    .unwrap()
                    .claims;
                black_box((claims.sub, claims.sid, claims.generation, claims.auth_time))
            });
        });
        group.finish();
    }
}

fn decoding_key(ring: &KeyRing, algorithm: SigningAlgorithm) -> (Algorithm, DecodingKey) {
    match algorithm {
        SigningAlgorithm::EdDsa => {
            let key = ring.jwks(wisdom_core::time::Timestamp::EPOCH);
            let x = key["keys"][0]["x"].as_str().unwrap().to_owned();
            (Algorithm::EdDSA, DecodingKey::from_ed_components(&x).unwrap())
        }
        SigningAlgorithm::Hs256 => {
            let stored = ring.keys().next().unwrap().to_stored();
            let secret = URL_SAFE_NO_PAD.decode(stored.material.expose()).unwrap();
            (Algorithm::HS256, DecodingKey::from_secret(&secret))
        }
    }
}
