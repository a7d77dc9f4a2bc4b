//! Tokens before and after their time.

use super::*;

#[test]
fn times_hold_to_the_leeway_and_not_beyond() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let at = |seconds: i64| now().unix_seconds() + seconds;
    for (name, seconds, expected) in [
        ("nbf", 5, None),
        ("nbf", 6, Some(TokenFault::Early)),
        ("iat", 6, Some(TokenFault::Early)),
        ("exp", -4, None),
        ("exp", -5, Some(TokenFault::Expired)),
    ] {
        let token = altered(&tokens, |_, claims| {
            if name == "exp" {
                for earlier in ["iat", "nbf", "auth_time"] {
                    claims[earlier] = json!(at(-100));
                }
            }
            claims[name] = json!(at(seconds));
        });
        let found = tokens.verify(&token, now()).err().map(TokenError::fault);
        assert_eq!(found, expected, "{name} {seconds}");
    }
}

#[test]
fn a_remembered_token_ends_all_the_same() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let token = good(&tokens);
    assert!(tokens.verify(&token, now()).is_ok());
    assert_eq!(tokens.remembered(), 1);
    assert!(tokens.verify(&token, later(604)).is_ok());
    assert_eq!(
        tokens.verify(&token, later(605)).unwrap_err().fault(),
        TokenFault::Expired
    );
    let back = now().saturating_sub(Duration::from_secs(6));
    assert_eq!(
        tokens.verify(&token, back).unwrap_err().fault(),
        TokenFault::Early
    );
    tokens.set_ring(KeyRing::generate(SigningAlgorithm::EdDsa, &kit(2)).unwrap());
    assert_eq!(tokens.verify(&token, now()).unwrap_err().fault(), TokenFault::Key);
}

#[test]
fn only_valid_tokens_are_remembered() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    for n in 0..50 {
        assert!(tokens.verify(format!("a.b.{n}"), now()).is_err());
        let forged = altered(&tokens, |_, claims| claims["exp"] = json!(n));
        assert!(tokens.verify(&forged, now()).is_err());
    }
    assert_eq!(tokens.remembered(), 0);
}

#[test]
fn figures_of_the_policy_stay_in_bounds() {
    let policy = AccessTokenPolicy::new("a", "b").unwrap();
    let seconds = Duration::from_secs;
    assert!(AccessTokenPolicy::new("", "b").is_err());
    assert!(policy.clone().times(seconds(900), seconds(60)).is_ok());
    assert_eq!(
        policy.clone().times(seconds(901), seconds(0)),
        Err(AccessTokenPolicyError::Lifetime)
    );
    assert_eq!(
        policy.clone().times(seconds(0), seconds(0)),
        Err(AccessTokenPolicyError::Lifetime)
    );
    assert_eq!(
        policy.times(seconds(600), seconds(61)),
        Err(AccessTokenPolicyError::Leeway)
    );
}

proptest! {
    #[test]
    fn any_change_of_one_character_is_refused(at in 0_usize..1_000, with in "[A-Za-z0-9_.=+/ -]") {
        let tokens = fixture(SigningAlgorithm::EdDsa);
        let token = good(&tokens);
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != token);
        prop_assert!(tokens.verify(&changed, now()).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "(\\PC{0,40}\\.){0,3}\\PC{0,40}") {
        prop_assert!(fixture(SigningAlgorithm::EdDsa).verify(&text, now()).is_err());
    }
}
