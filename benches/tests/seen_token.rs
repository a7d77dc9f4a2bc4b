//! An access token that was seen is verified without asking for memory.

use wisdom_auth::token::SigningAlgorithm;
use wisdom_benches::tokens::Issuer;

const TIMES: usize = 10_000;

#[test]
fn verifying_a_token_that_was_seen_allocates_nothing() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Hs256] {
        let issuer = Issuer::new(algorithm).unwrap();
        let (tokens, now) = (&issuer.tokens, issuer.now());
        let token = issuer.issue().unwrap();
        // The first ones fill what the cache and the metrics keep for each thread.
        for _ in 0..TIMES {
            tokens.verify(&token, now).unwrap();
        }
        let seen = allocation_counter::measure(|| {
            for _ in 0..TIMES {
                tokens.verify(&token, now).unwrap();
            }
        });
        assert_eq!(seen.count_total, 0, "{algorithm:?}: {seen:?}");

        let new = issuer.issue().unwrap();
        let first = allocation_counter::measure(|| {
            tokens.verify(&new, now).unwrap();
        });
        assert!(first.count_total > 0, "else nothing was counted");
    }
}
