//! Defence against guessing.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use wisdom_auth::error::AuthError;
use wisdom_auth::operation::{ChangePassword, LogIn};
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::sign_in::SignedIn;
use wisdom_core::context::Caller;
use wisdom_core::failure::OperationError as _;
use wisdom_core::secret::SecretText;
use wisdom_core::use_case::Flow as _;

use super::mailed_proof::{mailed_code, other_than, use_code};
use super::stage::{PASSWORD, Stage, code, email, secret};

const ADA: &str = "ada@acme.example";
const WRONG: (u16, &str) = (401, "credentials.invalid");
const LATER: (u16, &str) = (429, "rate_limited");

fn wait<T: std::fmt::Debug>(refused: Result<T, AuthError>) -> u64 {
    let failure = refused.expect_err("a refusal").into_failure();
    assert_eq!(failure.code, "rate_limited");
    failure
        .retry_after
        .expect("a time to wait")
        .as_micros()
        .div_ceil(1_000_000)
        .try_into()
        .unwrap()
}

async fn on_device(
    stage: &Stage,
    password: &str,
    device: Option<&SecretText>,
    remember: bool,
) -> Result<TokenPair, AuthError> {
    let log_in = LogIn {
        email: email(ADA),
        password: secret(password),
        device: Some("Test".to_owned()),
        device_token: device.cloned(),
        remember_device: remember,
        remembered_device: None,
    };
    match log_in.run(stage, &stage.stranger()).await? {
        SignedIn::Session(pair) => Ok(pair),
        SignedIn::Challenge(_) => panic!("the second factor is asked for"),
    }
}

pub(crate) async fn failures_slow_known_and_unknown_addresses_alike(stage: &Stage) {
    stage.person(ADA).await;
    for address in [ADA, "nobody@acme.example"] {
        for _ in 0..5 {
            assert_eq!(code(stage.try_log_in(address, "a wrong password").await), WRONG);
        }
        let other_case = address.to_uppercase();
        assert_eq!(
            wait(stage.try_log_in(&other_case, PASSWORD).await),
            1,
            "{address}"
        );
        stage.test().advance(Duration::from_secs(1));
        assert_eq!(code(stage.try_log_in(address, "a wrong password").await), WRONG);
        assert_eq!(
            wait(stage.try_log_in(address, "a wrong password").await),
            2,
            "{address}"
        );
    }
}

pub(crate) async fn mailed_codes_and_passwords_share_one_counter(stage: &Stage) {
    stage.person(ADA).await;
    stage.verify(ADA).await;
    let digits = mailed_code(stage, ADA).await;
    let wrong = other_than(&digits);
    for address in [ADA, "nobody@acme.example"] {
        for _ in 0..3 {
            assert_eq!(code(use_code(stage, address, &wrong).await), WRONG);
        }
        for _ in 0..2 {
            assert_eq!(code(stage.try_log_in(address, "a wrong password").await), WRONG);
        }
        assert_eq!(wait(use_code(stage, address, &digits).await), 1, "{address}");
        assert_eq!(wait(stage.try_log_in(address, PASSWORD).await), 1, "{address}");
    }
    // Nothing was tried while the door was closed, so that the code still has its two tries.
    stage.test().advance(Duration::from_secs(1));
    use_code(stage, ADA, &digits).await.unwrap();
    stage.try_log_in(ADA, PASSWORD).await.unwrap();
}

pub(crate) async fn right_passwords_are_not_counted_and_forgive_the_wrong_ones(stage: &Stage) {
    stage.person(ADA).await;
    for _ in 0..12 {
        stage.try_log_in(ADA, PASSWORD).await.unwrap();
    }
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(code(stage.try_log_in(ADA, "a wrong password").await), WRONG);
        }
        stage.try_log_in(ADA, PASSWORD).await.unwrap();
    }
}

pub(crate) async fn pauses_grow_and_a_hundred_failures_are_the_end(stage: &Stage) {
    stage.person(ADA).await;
    let remembered = on_device(stage, PASSWORD, None, true).await.unwrap();
    let device = remembered.device_token.unwrap();
    let mut failures = 0;
    for _ in 0..200 {
        for device in [None, Some(&device)] {
            match code(on_device(stage, "a wrong password", device, false).await) {
                WRONG => failures += 1,
                refused => assert_eq!(refused, LATER),
            }
        }
        stage.test().advance(Duration::from_secs(900));
    }
    assert_eq!(failures, 100, "over all doors and devices");
    for device in [None, Some(&device)] {
        assert_eq!(code(on_device(stage, PASSWORD, device, false).await), LATER);
    }
}

pub(crate) async fn tries_at_once_are_no_way_around_the_limit(stage: &Stage) {
    stage.person(ADA).await;
    let tries = (0..32).map(|_| {
        let stage = stage.clone();
        tokio::spawn(async move { stage.try_log_in(ADA, "a wrong password").await })
    });
    let tries: Vec<_> = tries.collect();
    let mut counted = 0;
    for task in tries {
        // A full queue of hashes counts as no try.
        if code(task.await.unwrap()) == WRONG {
            counted += 1;
        }
    }
    assert_eq!(counted, 5);
    assert_eq!(code(stage.try_log_in(ADA, PASSWORD).await), LATER);
}

pub(crate) async fn a_known_device_stays_open_and_a_new_one_is_told(stage: &Stage) {
    stage.person(ADA).await;
    let first = on_device(stage, PASSWORD, None, true).await.unwrap();
    let device = first.device_token.unwrap();
    assert!(
        stage.mails(&stage.drain().await).is_empty(),
        "the first device is no news"
    );
    for _ in 0..5 {
        assert_eq!(
            code(on_device(stage, "a wrong password", None, false).await),
            WRONG
        );
    }
    assert_eq!(code(on_device(stage, PASSWORD, None, false).await), LATER);
    let invented = secret(&format!("wdv_{}", "a".repeat(43)));
    assert_eq!(
        code(on_device(stage, PASSWORD, Some(&invented), false).await),
        LATER
    );
    let again = on_device(stage, PASSWORD, Some(&device), true).await.unwrap();
    assert!(again.device_token.is_none(), "it has one");
    assert!(stage.mails(&stage.drain().await).is_empty());
    on_device(stage, PASSWORD, None, false).await.unwrap();
    let mails = stage.mails(&stage.drain().await);
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].to.as_str(), mails[0].template.as_str()),
        (ADA, "auth.session.new_device")
    );
    // Somebody else's device is nobody's here.
    stage.person("eve@acme.example").await;
    for _ in 0..5 {
        assert_eq!(
            code(stage.try_log_in("eve@acme.example", "a wrong password").await),
            WRONG
        );
    }
    let borrowed = LogIn {
        email: email("eve@acme.example"),
        password: secret(PASSWORD),
        device: None,
        device_token: Some(device),
        remember_device: false,
        remembered_device: None,
    };
    assert_eq!(code(borrowed.run(stage, &stage.stranger()).await), LATER);
}

pub(crate) async fn one_source_is_throttled_over_many_addresses(stage: &Stage) {
    let from = |last: u8| {
        let mut request = stage.test().request();
        request.source = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        Caller::Anonymous(request)
    };
    let attempt = |n: usize| LogIn {
        email: email(&format!("nobody{n}@acme.example")),
        password: secret("a wrong password"),
        device: None,
        device_token: None,
        remember_device: false,
        remembered_device: None,
    };
    for n in 0..60 {
        assert_eq!(code(attempt(n).run(stage, &from(1)).await), WRONG);
    }
    assert_eq!(wait(attempt(60).run(stage, &from(1)).await), 15);
    assert_eq!(code(attempt(60).run(stage, &from(2)).await), WRONG);
    stage.test().advance(Duration::from_secs(15));
    assert_eq!(code(attempt(61).run(stage, &from(1)).await), WRONG);
    assert_eq!(code(attempt(62).run(stage, &from(1)).await), LATER);
}

pub(crate) async fn a_changed_password_forgets_devices_and_failures(stage: &Stage) {
    stage.person(ADA).await;
    let here = on_device(stage, PASSWORD, None, true).await.unwrap();
    let device = here.device_token.clone().unwrap();
    for _ in 0..5 {
        assert_eq!(
            code(on_device(stage, "a wrong password", None, false).await),
            WRONG
        );
    }
    let new = "nine silver kettles on the roof";
    let change = ChangePassword {
        current_password: secret(PASSWORD),
        new_password: secret(new),
    };
    change.run(stage, &stage.caller(&here)).await.unwrap();
    on_device(stage, new, None, false).await.unwrap();
    for _ in 0..5 {
        assert_eq!(code(on_device(stage, PASSWORD, None, false).await), WRONG);
    }
    assert_eq!(code(on_device(stage, new, Some(&device), false).await), LATER);
}

pub(crate) async fn changing_a_password_has_few_tries(stage: &Stage) {
    stage.person(ADA).await;
    let here = stage.log_in(ADA).await;
    let change = ChangePassword {
        current_password: secret("a wrong password"),
        new_password: secret("nine silver kettles on the roof"),
    };
    for _ in 0..5 {
        assert_eq!(
            code(change.run(stage, &stage.caller(&here)).await),
            (400, "password.wrong")
        );
    }
    assert_eq!(code(change.run(stage, &stage.caller(&here)).await), LATER);
    stage.try_log_in(ADA, PASSWORD).await.unwrap();
}
