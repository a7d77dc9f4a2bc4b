//! Mailed proofs.

use std::time::Duration;

use wisdom_auth::error::AuthError;
use wisdom_auth::operation::{
    ChangeEmail, LogInWithCode, LogInWithLink, RequestCode, RequestEmailChange, RequestLink,
    RequestPasswordReset, RequestVerification, ResetPassword, StepUp, VerifyEmail,
};
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::sign_in::SignedIn;
use wisdom_core::mail::MailRequest;
use wisdom_core::secret::SecretText;
use wisdom_core::use_case::Flow as _;

use super::stage::{PASSWORD, Stage, code, email, secret};

const NEW_PASSWORD: &str = "violet harbour seven lanterns";
const INVALID: (u16, &str) = (400, "verification.invalid");
const WRONG: (u16, &str) = (401, "credentials.invalid");

pub(crate) fn only(mails: &[MailRequest], template: &str) -> MailRequest {
    let found: Vec<_> = mails.iter().filter(|mail| mail.template == template).collect();
    assert_eq!(found.len(), 1, "{template} among {:?}", templates(mails));
    found[0].clone()
}

fn templates(mails: &[MailRequest]) -> Vec<&str> {
    mails.iter().map(|mail| mail.template.as_str()).collect()
}

fn parameter(mail: &MailRequest, name: &str) -> SecretText {
    secret(&mail.params[name])
}

pub(crate) async fn reset_token(stage: &Stage, address: &str) -> SecretText {
    let wish = RequestPasswordReset {
        email: email(address),
    };
    wish.run(stage, &stage.stranger()).await.unwrap();
    parameter(&only(&stage.deliver().await, "auth.password.reset"), "token")
}

pub(crate) async fn link_token(stage: &Stage, address: &str) -> SecretText {
    let wish = RequestLink {
        email: email(address),
    };
    wish.run(stage, &stage.stranger()).await.unwrap();
    parameter(&only(&stage.deliver().await, "auth.session.link"), "token")
}

pub(crate) async fn mailed_code(stage: &Stage, address: &str) -> SecretText {
    let wish = RequestCode {
        email: email(address),
    };
    wish.run(stage, &stage.stranger()).await.unwrap();
    parameter(&only(&stage.deliver().await, "auth.session.code"), "code")
}

async fn reset(stage: &Stage, token: &SecretText) -> Result<(), AuthError> {
    let reset = ResetPassword {
        token: token.clone(),
        password: secret(NEW_PASSWORD),
    };
    reset.run(stage, &stage.stranger()).await
}

pub(crate) async fn use_link(stage: &Stage, token: &SecretText) -> Result<SignedIn, AuthError> {
    let log_in = LogInWithLink {
        token: token.clone(),
        device: None,
        remembered_device: None,
    };
    log_in.run(stage, &stage.stranger()).await
}

pub(crate) async fn use_code(
    stage: &Stage,
    address: &str,
    digits: &SecretText,
) -> Result<SignedIn, AuthError> {
    let log_in = LogInWithCode {
        email: email(address),
        code: digits.clone(),
        device: None,
        remembered_device: None,
    };
    log_in.run(stage, &stage.stranger()).await
}

fn session(answer: SignedIn) -> TokenPair {
    match answer {
        SignedIn::Session(pair) => pair,
        SignedIn::Challenge(_) => panic!("the second factor is asked for"),
    }
}

/// A code of six digits that is not this one.
pub(crate) fn other_than(digits: &SecretText) -> SecretText {
    let last = digits.expose().as_bytes()[5];
    let other = if last == b'9' { '0' } else { char::from(last + 1) };
    secret(&format!("{}{other}", &digits.expose()[..5]))
}

pub(crate) async fn known_and_unknown_addresses_get_one_answer(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.person("bob@acme.example").await;
    stage.disable("bob@acme.example").await;
    for address in ["ada@acme.example", "bob@acme.example", "nobody@acme.example"] {
        let (to, stranger) = (email(address), stage.stranger());
        let answers = [
            RequestPasswordReset { email: to.clone() }
                .run(stage, &stranger)
                .await
                .unwrap(),
            RequestLink { email: to.clone() }
                .run(stage, &stranger)
                .await
                .unwrap(),
            RequestCode { email: to.clone() }
                .run(stage, &stranger)
                .await
                .unwrap(),
            RequestVerification { email: to }
                .run(stage, &stranger)
                .await
                .unwrap(),
        ];
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        let mails = stage.deliver().await;
        if address == "ada@acme.example" {
            assert!(mails.len() == 4 && mails.iter().all(|mail| mail.to == email(address)));
        } else {
            assert!(mails.is_empty(), "{address}: {:?}", templates(&mails));
        }
    }
    let made_up = secret("123456");
    assert_eq!(
        code(use_code(stage, "nobody@acme.example", &made_up).await),
        WRONG
    );
    assert_eq!(code(use_code(stage, "bob@acme.example", &made_up).await), WRONG);
    stage.verify("ada@acme.example").await;
    let digits = mailed_code(stage, "ada@acme.example").await;
    let wrong = use_code(stage, "ada@acme.example", &other_than(&digits)).await;
    assert_eq!(code(wrong), WRONG);
}

pub(crate) async fn a_reset_ends_everything_and_works_once(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let before = stage.log_in("ada@acme.example").await;
    let token = reset_token(stage, "ADA@acme.example").await;
    let weak = ResetPassword {
        token: token.clone(),
        password: secret("short"),
    };
    assert_eq!(
        code(weak.run(stage, &stage.stranger()).await),
        (400, "password.weak")
    );
    reset(stage, &token).await.unwrap();
    assert_eq!(code(reset(stage, &token).await), INVALID);
    assert_eq!(code(stage.authenticate(&before)), (401, "token.invalid"));
    assert_eq!(
        code(stage.refresh(&before).await),
        (401, "session.credential_change")
    );
    let user = stage.stored_user("ada@acme.example").await;
    assert_eq!(user.email_verified_at, Some(stage.test().now()));
    let told = only(&stage.deliver().await, "auth.password.was_reset");
    assert_eq!(told.to, user.email);
    assert_eq!(code(stage.try_log_in("ada@acme.example", PASSWORD).await), WRONG);
    stage.try_log_in("ada@acme.example", NEW_PASSWORD).await.unwrap();
}

pub(crate) async fn a_reset_token_is_void_after_a_new_one_a_change_and_its_time(stage: &Stage) {
    stage.person("ada@acme.example").await;
    let first = reset_token(stage, "ada@acme.example").await;
    let second = reset_token(stage, "ada@acme.example").await;
    assert_eq!(code(reset(stage, &first).await), INVALID, "a newer one was sent");
    stage.test().advance(Duration::from_secs(30 * 60));
    assert_eq!(code(reset(stage, &second).await), INVALID, "too late");
    // Every other proof falls with the password.
    stage.verify("ada@acme.example").await;
    let link = link_token(stage, "ada@acme.example").await;
    let digits = mailed_code(stage, "ada@acme.example").await;
    let third = reset_token(stage, "ada@acme.example").await;
    reset(stage, &third).await.unwrap();
    assert_eq!(code(use_link(stage, &link).await), INVALID);
    assert_eq!(code(use_code(stage, "ada@acme.example", &digits).await), WRONG);
    // A disabled user resets nothing.
    let fourth = reset_token(stage, "ada@acme.example").await;
    stage.disable("ada@acme.example").await;
    assert_eq!(code(reset(stage, &fourth).await), INVALID);
}

pub(crate) async fn a_link_signs_in_once(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    stage.verify("ada@acme.example").await;
    let token = link_token(stage, "ada@acme.example").await;
    let pair = session(use_link(stage, &token).await.unwrap());
    assert_eq!(stage.authenticate(&pair).unwrap().user(), Some(ada.id));
    assert_eq!(code(use_link(stage, &token).await), INVALID);
    let late = link_token(stage, "ada@acme.example").await;
    stage.test().advance(Duration::from_secs(600));
    assert_eq!(code(use_link(stage, &late).await), INVALID);
}

pub(crate) async fn an_unproven_address_gets_the_mail_that_proves_it(stage: &Stage) {
    stage.person("ada@acme.example").await;
    for by_code in [false, true] {
        let (to, stranger) = (email("ada@acme.example"), stage.stranger());
        if by_code {
            RequestCode { email: to }.run(stage, &stranger).await.unwrap();
        } else {
            RequestLink { email: to }.run(stage, &stranger).await.unwrap();
        }
        let mails = stage.deliver().await;
        assert_eq!(templates(&mails), ["auth.email.verify"]);
        let token = parameter(&mails[0], "token");
        assert_eq!(code(use_link(stage, &token).await), INVALID);
        if by_code {
            stage
                .runner()
                .on_behalf(&stranger, &VerifyEmail { token })
                .await
                .unwrap();
        }
    }
    assert!(
        stage
            .stored_user("ada@acme.example")
            .await
            .email_verified_at
            .is_some()
    );
    let again = RequestVerification {
        email: email("ada@acme.example"),
    };
    again.run(stage, &stage.stranger()).await.unwrap();
    assert!(stage.deliver().await.is_empty(), "nothing is left to prove");
}

pub(crate) async fn a_code_burns_after_five_wrong_tries_and_a_new_one_voids_it(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    stage.person("bob@acme.example").await;
    stage.verify("ada@acme.example").await;
    stage.verify("bob@acme.example").await;
    let first = mailed_code(stage, "ada@acme.example").await;
    let second = mailed_code(stage, "ada@acme.example").await;
    assert_eq!(
        code(use_code(stage, "bob@acme.example", &second).await),
        WRONG,
        "another's code"
    );
    if first.expose() != second.expose() {
        assert_eq!(code(use_code(stage, "ada@acme.example", &first).await), WRONG);
    }
    let pair = session(use_code(stage, "ada@acme.example", &second).await.unwrap());
    assert_eq!(stage.authenticate(&pair).unwrap().user(), Some(ada.id));
    assert_eq!(
        code(use_code(stage, "ada@acme.example", &second).await),
        WRONG,
        "used up"
    );
    let third = mailed_code(stage, "ada@acme.example").await;
    // Longer than the pauses of the account's own counter, which is not what burns the code.
    let pause = Duration::from_secs(10);
    for _ in 0..5 {
        assert_eq!(
            code(use_code(stage, "ada@acme.example", &other_than(&third)).await),
            WRONG
        );
        stage.test().advance(pause);
    }
    assert_eq!(
        code(use_code(stage, "ada@acme.example", &third).await),
        WRONG,
        "burnt"
    );
    stage.test().advance(pause);
    let late = mailed_code(stage, "ada@acme.example").await;
    stage.test().advance(Duration::from_secs(600));
    assert_eq!(code(use_code(stage, "ada@acme.example", &late).await), WRONG);
}

async fn wish_for(stage: &Stage, pair: &TokenPair, address: &str) -> Result<(), AuthError> {
    let wish = RequestEmailChange {
        email: email(address),
    };
    wish.run(stage, &stage.caller(pair)).await.map(|_| ())
}

pub(crate) async fn an_address_changes_with_a_fresh_proof_and_both_are_told(stage: &Stage) {
    let ada = stage.person("ada@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    stage.test().advance(Duration::from_secs(601));
    let pair = stage.refresh(&pair).await.unwrap();
    assert_eq!(
        code(wish_for(stage, &pair, "countess@acme.example").await),
        (403, "step_up.required")
    );
    let step_up = |password: &str| StepUp {
        password: Some(secret(password)),
        code: None,
    };
    let wrong = step_up(NEW_PASSWORD).run(stage, &stage.caller(&pair)).await;
    assert_eq!(code(wrong), WRONG);
    let stepped = step_up(PASSWORD).run(stage, &stage.caller(&pair)).await.unwrap();
    assert_eq!(stepped.authenticated_at, stage.test().now());
    let reset = reset_token(stage, "ada@acme.example").await;
    wish_for(stage, &pair, "countess@acme.example").await.unwrap();
    let mails = stage.deliver().await;
    let (to_old, to_new) = (
        only(&mails, "auth.email.change_requested"),
        only(&mails, "auth.email.change"),
    );
    assert_eq!(
        (&to_old.to, &to_new.to),
        (&ada.email, &email("countess@acme.example"))
    );
    assert!(!to_old.params.contains_key("token"));
    let change = ChangeEmail {
        token: parameter(&to_new, "token"),
    };
    change.run(stage, &stage.stranger()).await.unwrap();
    assert_eq!(code(change.run(stage, &stage.stranger()).await), INVALID);
    let user = stage.stored_user("countess@acme.example").await;
    assert_eq!(
        (user.id, user.email_verified_at),
        (ada.id, Some(stage.test().now()))
    );
    let mut told: Vec<_> = stage.deliver().await.into_iter().map(|mail| mail.to).collect();
    told.sort();
    assert_eq!(told, [ada.email, user.email]);
    assert_eq!(code(stage.authenticate(&pair)), (401, "token.invalid"));
    let late = ResetPassword {
        token: reset,
        password: secret(NEW_PASSWORD),
    };
    assert_eq!(code(late.run(stage, &stage.stranger()).await), INVALID);
    stage.log_in("countess@acme.example").await;
}

pub(crate) async fn a_taken_address_is_not_told(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.person("bob@acme.example").await;
    let pair = stage.log_in("ada@acme.example").await;
    wish_for(stage, &pair, "BOB@acme.example").await.unwrap();
    assert_eq!(
        templates(&stage.deliver().await),
        ["auth.email.change_requested"],
        "the holder of the address hears nothing"
    );
    // Taken between wish and proof.
    wish_for(stage, &pair, "carol@acme.example").await.unwrap();
    let change = ChangeEmail {
        token: parameter(&only(&stage.deliver().await, "auth.email.change"), "token"),
    };
    stage.person("carol@acme.example").await;
    assert_eq!(code(change.run(stage, &stage.stranger()).await), INVALID);
    // A password chosen between wish and mail stops the change.
    wish_for(stage, &pair, "dora@acme.example").await.unwrap();
    let wished = stage.drain().await;
    let token = reset_token(stage, "ada@acme.example").await;
    reset(stage, &token).await.unwrap();
    stage.drain().await;
    let mails = stage.redeliver(&wished).await;
    assert!(mails.is_empty(), "{:?}", templates(&mails));
}

pub(crate) async fn wishes_are_bounded_without_telling(stage: &Stage) {
    stage.person("ada@acme.example").await;
    for round in 0..8 {
        let wish = RequestPasswordReset {
            email: email("ada@acme.example"),
        };
        wish.run(stage, &stage.stranger()).await.unwrap();
        let sent = stage.deliver().await.len();
        assert_eq!(sent, usize::from(round < 5), "round {round}");
    }
    stage.limiter().go_away();
    let wish = RequestPasswordReset {
        email: email("ada@acme.example"),
    };
    let refused = wish.run(stage, &stage.stranger()).await;
    assert_eq!(code(refused), (503, "rate_limit.unavailable"));
}

pub(crate) async fn proofs_of_one_purpose_open_nothing_else(stage: &Stage) {
    stage.person("ada@acme.example").await;
    stage.verify("ada@acme.example").await;
    let (reset_it, link) = (
        reset_token(stage, "ada@acme.example").await,
        link_token(stage, "ada@acme.example").await,
    );
    let change = |token: &SecretText| ChangeEmail { token: token.clone() };
    let verify = |token: &SecretText| VerifyEmail { token: token.clone() };
    let stranger = stage.stranger();
    assert_eq!(code(reset(stage, &link).await), INVALID);
    assert_eq!(code(use_link(stage, &reset_it).await), INVALID);
    for token in [&reset_it, &link] {
        assert_eq!(code(change(token).run(stage, &stranger).await), INVALID);
        let verified = stage.runner().on_behalf(&stranger, &verify(token)).await;
        assert_eq!(code(verified), INVALID);
    }
    // None of that used them up.
    use_link(stage, &link).await.unwrap();
    reset(stage, &reset_it).await.unwrap();
}
