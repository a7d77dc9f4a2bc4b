//! Keys that follow each other, and keys that are none.

use super::*;

#[test]
fn a_rotation_fails_no_token_and_ends_the_old_key_at_its_time() {
    let clock = ManualClock::at(now());
    let kit = Kit {
        clock: Arc::new(clock.clone()),
        ..kit(1)
    };
    let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit).unwrap();
    let tokens = service(ring.clone());
    let old = ring.signing_key(now()).unwrap().id();
    let rotated = ring
        .rotate(
            SigningAlgorithm::EdDsa,
            now(),
            Duration::from_secs(60),
            Duration::from_secs(700),
            &kit,
        )
        .unwrap();
    let before = tokens.issue_for(&principal(), now()).unwrap();
    tokens.set_ring(rotated.clone());
    assert_eq!(rotated.signing_key(later(59)).unwrap().id(), old);
    assert_ne!(rotated.signing_key(later(60)).unwrap().id(), old);
    let last_of_old = tokens.issue_for(&principal(), later(59)).unwrap();
    let first_of_new = tokens.issue_for(&principal(), later(60)).unwrap();
    assert!(tokens.verify(before.expose(), later(600)).is_ok());
    assert!(tokens.verify(last_of_old.expose(), later(659)).is_ok());
    assert!(tokens.verify(first_of_new.expose(), later(659)).is_ok());
    assert_eq!(rotated.jwks(later(759))["keys"].as_array().unwrap().len(), 2);
    assert_eq!(rotated.jwks(later(760))["keys"].as_array().unwrap().len(), 1);
    assert!(rotated.verifying_key(old, later(759)).is_some());
    assert!(rotated.verifying_key(old, later(760)).is_none());
    // The key that has ended leaves the ring, and an emergency ends the others at once.
    let again = rotated
        .rotate(
            SigningAlgorithm::EdDsa,
            later(760),
            Duration::ZERO,
            Duration::ZERO,
            &kit,
        )
        .unwrap();
    assert_eq!(again.keys().count(), 2);
    assert_eq!(again.jwks(later(760))["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn a_ring_goes_through_its_file_and_shows_no_secret_elsewhere() {
    for algorithm in ALL {
        let ring = KeyRing::generate(algorithm, &kit(1)).unwrap();
        let file = serde_json::to_string(&ring.to_stored()).unwrap();
        let stored: StoredKeyRing = serde_json::from_str(&file).unwrap();
        let read = KeyRing::from_stored(&stored).unwrap();
        let (one, other) = (service(ring.clone()), service(read));
        assert!(other.verify(good(&one), now()).is_ok());
        let secret = stored.keys[0].material.expose();
        assert!(file.contains(secret));
        for text in [
            format!("{stored:?}"),
            format!("{ring:?}"),
            ring.jwks(now()).to_string(),
        ] {
            assert!(!text.contains(secret), "{text}");
        }
        let public = ring.jwks(now())["keys"].as_array().unwrap().len();
        assert_eq!(public, usize::from(algorithm != SigningAlgorithm::Hs256));
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_only_whatever_the_header_says() {
    let own: Vec<_> = ALL.into_iter().map(fixture).collect();
    for (tokens, algorithm) in own.iter().zip(ALL) {
        for (other, name) in own.iter().zip(ALL).filter(|(_, name)| *name != algorithm) {
            let token = altered(tokens, |header, _| header["alg"] = json!(name.as_str()));
            assert_eq!(
                fault(tokens, &token),
                TokenFault::Algorithm,
                "{algorithm:?} {name:?}"
            );
            // The other key's signature under this key's name.
            let kid = tokens.ring().signing_key(now()).unwrap().id();
            let token = altered(other, |header, _| {
                header["kid"] = json!(kid);
                header["alg"] = json!(algorithm.as_str());
            });
            assert_eq!(
                fault(tokens, &token),
                TokenFault::Signature,
                "{algorithm:?} {name:?}"
            );
        }
    }
}

#[test]
fn public_keys_are_shown_with_the_members_of_their_kind() {
    for (algorithm, kind, members) in [
        (SigningAlgorithm::EdDsa, "OKP", &["crv", "x"][..]),
        (SigningAlgorithm::Es256, "EC", &["crv", "x", "y"]),
        (SigningAlgorithm::Rs256, "RSA", &["n", "e"]),
    ] {
        let ring = KeyRing::generate(algorithm, &kit(1)).unwrap();
        let set = ring.jwks(now());
        let jwk = set["keys"][0].as_object().unwrap();
        assert_eq!(
            (&jwk["kty"], &jwk["alg"], &jwk["use"]),
            (&json!(kind), &json!(algorithm.as_str()), &json!("sig"))
        );
        assert_eq!(jwk["kid"], json!(ring.signing_key(now()).unwrap().id()));
        let mut shown: Vec<_> = jwk.keys().map(String::as_str).collect();
        shown.retain(|name| !["kty", "alg", "use", "kid"].contains(name));
        shown.sort_unstable();
        let mut members = members.to_vec();
        members.sort_unstable();
        assert_eq!(shown, members);
    }
}

/// An RSA key of 1024 bits, made for this test.
const SHORT_RSA: &str = "\
    MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAJs_lV9FA3L_wY9-vWJRhqpn34qKC28MpbvBl7Mo1b0G-pkpnyVJ\
    9NGLgyEQ8xLyFf2h9FG-nTQeMDM7YC0eIqUkjWBTKCzs40ASaPnW8gVWOn8WV949hnQPpcL3pWSr-RFKWGIuBBBKwWMfpBP0_y2_\
    GVjh_4Td6AHRLPleD4ptAgMBAAECgYAQ0kHgEb0-76FMaAIjLgw2WIzrGOwGO0uV3XMPcYQ_OAtdHxpkUvAY6FHr-kcsLVjeo3ay\
    iMHFzOOSGYPhP5unN-vuHmsAbvQsl56L-dh-lJy1cNs7nIbiL-ZdaSMeZpU5IOZhizQP8wwuBQU4V_-yJ_4sJ7VcuXaP1iQDJNJg\
    rQJBAMf9hZZ94DbXhFOtIIofQlOoR8jak6xXqkKjetlm2XQatJw-1YAFd8lhd58gjFbzyfxVVNOF8CcKFY7aLT8hdqMCQQDGuj_P\
    6Yn2vGairk7imWzFhqRD6Vsoy-j0-EjI9shMwX7Q8WiSP86UC2nRgyf3KWowa_ksYPp1ECGpZkE4ptuvAkA1XzFRklJOEIIeGqv-\
    cI0w6k4OClcyvUqQ8jQM5OfPlnjw4cv0mID5W2ujKfqKEhGrp9I1iR8oLAbI0u0UVgflAkAizTkhmv9rM0EyGh58dmvjB5o6vmIV\
    eeg5BkYQ047uSjCAPNaYTg5KRNlqNHLKSPlss2v2hqE14PZUKTEgz6_HAkEAwGK0VOwo_OcY7ahhbFy1aCQ_WX-e0oPDnRrcchCK\
    Hx04d4sBORKPi7gODIr-E4Jr-8R1ZdrE1-ojZtQUS1FleA";

#[test]
fn short_rsa_keys_are_refused_and_longer_ones_taken() {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    let longer = KeyPair::generate(KeySize::Rsa3072).unwrap();
    let longer: Pkcs8V1Der<'_> = longer.as_der().unwrap();
    let ring = |material: String| {
        let mut stored = KeyRing::generate(SigningAlgorithm::EdDsa, &kit(1))
            .unwrap()
            .to_stored();
        stored.keys[0].algorithm = SigningAlgorithm::Rs256;
        stored.keys[0].material = material.into();
        KeyRing::from_stored(&stored)
    };
    assert!(matches!(ring(SHORT_RSA.to_owned()), Err(KeyError::Material(_))));
    let tokens = service(ring(URL_SAFE_NO_PAD.encode(longer.as_ref())).unwrap());
    assert!(tokens.verify(good(&tokens), now()).is_ok());
}

#[test]
fn a_key_is_due_by_the_age_of_the_newest() {
    let every = Duration::from_secs(100);
    let clock = ManualClock::at(now());
    let kit = Kit {
        clock: Arc::new(clock.clone()),
        ..kit(1)
    };
    let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit).unwrap();
    assert!(!ring.is_due(every, later(99)) && ring.is_due(every, later(100)));
    clock.advance(every);
    let rotated = ring
        .rotate(
            SigningAlgorithm::Es256,
            later(100),
            Duration::from_secs(60),
            every,
            &kit,
        )
        .unwrap();
    assert!(!rotated.is_due(every, later(100)), "the announced key counts");
    assert!(rotated.is_due(every, later(200)));
    // Another algorithm follows as any other key does.
    let name = |at| rotated.signing_key(at).unwrap().algorithm();
    assert_eq!(name(later(159)), SigningAlgorithm::EdDsa);
    assert_eq!(name(later(160)), SigningAlgorithm::Es256);
}

#[test]
fn rings_that_cannot_work_are_refused() {
    let good = KeyRing::generate(SigningAlgorithm::Hs256, &kit(1))
        .unwrap()
        .to_stored();
    let with = |change: &dyn Fn(&mut StoredKeyRing)| {
        let mut ring = good.clone();
        change(&mut ring);
        KeyRing::from_stored(&ring).map(|_| ())
    };
    let short = URL_SAFE_NO_PAD.encode([7_u8; 31]);
    assert!(with(&|_| {}).is_ok());
    assert!(matches!(
        with(&|ring| ring.version = 2),
        Err(KeyError::Version(2))
    ));
    assert!(matches!(
        with(&|ring| ring.keys.clear()),
        Err(KeyError::NoneSigns)
    ));
    assert!(matches!(
        with(&|ring| ring.keys.push(ring.keys[0].clone())),
        Err(KeyError::Twice(_))
    ));
    assert!(matches!(
        with(&|ring| ring.keys = vec![ring.keys[0].clone(); 17]),
        Err(KeyError::TooMany)
    ));
    assert!(matches!(
        with(&|ring| ring.keys[0].material = short.clone().into()),
        Err(KeyError::Material(_))
    ));
    assert!(matches!(
        with(&|ring| ring.keys[0].algorithm = SigningAlgorithm::EdDsa),
        Err(KeyError::Material(_))
    ));
    assert!(matches!(
        with(&|ring| ring.keys[0].verifies_until = Some(Timestamp::EPOCH)),
        Err(KeyError::Times(_))
    ));
}
