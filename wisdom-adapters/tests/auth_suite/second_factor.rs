//! Second factors: half-finished sign-ins, codes, recovery codes, remembered devices, fresh proofs.

use std::time::Duration;

use wisdom_auth::error::AuthError;
use wisdom_auth::operation::{
    ConfirmTotp, DisableTotp, EnrolTotp, FinishSignIn, ForgetDevices, LogIn, RenewRecoveryCodes, StepUp,
};
use wisdom_auth::second_factor::totp::{TotpSecret, step_at};
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::second_factor::Finished;
use wisdom_auth::session::sign_in::SignedIn;
use wisdom_core::context::Caller;
use wisdom_core::secret::SecretText;
use wisdom_core::use_case::Flow as _;

use super::mailed_proof::{link_token, mailed_code, only, reset_token, use_code, use_link};
use super::stage::{PASSWORD, Stage, code, email, secret};

const ADA: &str = "ada@acme.example";
const WRONG: (u16, &str) = (401, "second_factor.invalid");
const GONE: (u16, &str) = (401, "challenge.invalid");
const STALE: (u16, &str) = (403, "step_up.required");
const LATER: (u16, &str) = (429, "rate_limited");

/// A person with an authenticator, which is known here.
pub(crate) struct Armed {
    secret: TotpSecret,
    pub(crate) recovery_codes: Vec<SecretText>,
    /// The session that set it up.
    pair: TokenPair,
}

/// The bytes of a secret in base32 (RFC 4648, section 6).
fn bytes(base32: &str) -> Vec<u8> {
    let mut bits = 0_u64;
    let mut held = 0;
    let mut out = Vec::new();
    for character in base32.bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'2'..=b'7' => character - b'2' + 26,
            other => panic!("{other} is not base32"),
        };
        bits = (bits << 5) | u64::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    out
}

impl Armed {
    /// The code of the step that lies `shift` after the present one.
    pub(crate) fn code(&self, stage: &Stage, shift: i64) -> SecretText {
        let digits = self.secret.code(step_at(stage.test().now()) + shift);
        secret(std::str::from_utf8(&digits).unwrap())
    }
}

/// Sets an authenticator up for a person who has none, and lets the step of the first code pass.
pub(crate) async fn arm(stage: &Stage, address: &str) -> Armed {
    let pair = stage.log_in(address).await;
    let caller = stage.caller(&pair);
    let offer = stage.runner().on_behalf(&caller, &EnrolTotp {}).await.unwrap();
    let key = TotpSecret::from_bytes(bytes(offer.secret.expose())).unwrap();
    let mut armed = Armed {
        secret: key,
        recovery_codes: Vec::new(),
        pair,
    };
    let confirm = ConfirmTotp {
        code: armed.code(stage, 0),
    };
    let codes = confirm.run(stage, &caller).await.unwrap();
    armed.recovery_codes = codes.recovery_codes;
    stage.test().advance(Duration::from_secs(60));
    armed
}

/// The token of a sign-in that is half finished.
pub(crate) async fn half(stage: &Stage, address: &str) -> SecretText {
    stage.limiter().start_over();
    challenge(stage.begin_log_in(address, PASSWORD).await.unwrap())
}

fn challenge(answer: SignedIn) -> SecretText {
    match answer {
        SignedIn::Challenge(challenge) => challenge.challenge,
        SignedIn::Session(_) => panic!("a session without the second factor"),
    }
}

pub(crate) async fn finish(
    stage: &Stage,
    challenge: &SecretText,
    digits: &SecretText,
) -> Result<Finished, AuthError> {
    finish_on(stage, challenge, digits, false).await
}

async fn finish_on(
    stage: &Stage,
    challenge: &SecretText,
    digits: &SecretText,
    remember_device: bool,
) -> Result<Finished, AuthError> {
    let finish = FinishSignIn {
        challenge: challenge.clone(),
        code: digits.clone(),
        remember_device,
    };
    finish.run(stage, &stage.stranger()).await
}

pub(crate) async fn a_sign_in_is_half_finished_without_the_second_factor(stage: &Stage) {
    let ada = stage.person(ADA).await;
    let armed = arm(stage, ADA).await;
    stage.drain().await;
    let token = half(stage, ADA).await;
    assert!(stage.drain().await.is_empty(), "no session began");
    assert_eq!(
        code(stage.begin_log_in(ADA, "a wrong password").await),
        (401, "credentials.invalid")
    );
    // The token of a half-finished sign-in is no credential of any other kind.
    let now = stage.test().now();
    let presented = wisdom_auth::authenticate::authenticate(stage.services(), token.expose(), now);
    assert_eq!(code(presented), (401, "token.invalid"));
    let done = finish(stage, &token, &armed.code(stage, 0)).await.unwrap();
    assert_eq!(stage.authenticate(&done.tokens).unwrap().user(), Some(ada.id));
    assert_eq!(
        (done.remembered_device.is_some(), done.recovery_codes_left),
        (false, None)
    );
    let session = stage.session(done.tokens.session).await;
    assert_eq!(
        (session.second_factor_at, session.label.as_str()),
        (Some(stage.test().now()), "Test")
    );
    assert_eq!(code(finish(stage, &token, &armed.code(stage, 1)).await), GONE);
}

pub(crate) async fn a_code_works_once_and_the_first_one_never_signs_in(stage: &Stage) {
    stage.person(ADA).await;
    let pair = stage.log_in(ADA).await;
    let caller = stage.caller(&pair);
    let offer = stage.runner().on_behalf(&caller, &EnrolTotp {}).await.unwrap();
    assert!(
        offer
            .uri
            .expose()
            .starts_with("otpauth://totp/Wisdom:ada%40acme.example?secret=")
    );
    // Offered and not confirmed, it protects nothing.
    stage.log_in(ADA).await;
    let armed = Armed {
        secret: TotpSecret::from_bytes(bytes(offer.secret.expose())).unwrap(),
        recovery_codes: Vec::new(),
        pair: pair.clone(),
    };
    let first = armed.code(stage, 0);
    let confirm = ConfirmTotp { code: first.clone() };
    assert_eq!(
        confirm.run(stage, &caller).await.unwrap().recovery_codes.len(),
        10
    );
    assert_eq!(
        code(confirm.run(stage, &caller).await),
        (409, "second_factor.exists")
    );
    let again = stage.runner().on_behalf(&caller, &EnrolTotp {}).await;
    assert_eq!(code(again), (409, "second_factor.exists"));
    let token = half(stage, ADA).await;
    assert_eq!(code(finish(stage, &token, &first).await), WRONG);
    let next = armed.code(stage, 1);
    finish(stage, &token, &next).await.unwrap();
    let token = half(stage, ADA).await;
    for used in [&next, &first] {
        assert_eq!(
            code(finish(stage, &token, used).await),
            WRONG,
            "used, or before a used one"
        );
    }
    stage.test().advance(Duration::from_secs(60));
    finish(stage, &token, &armed.code(stage, 0)).await.unwrap();
}

pub(crate) async fn tries_are_bounded_and_changes_void_a_half_finished_sign_in(stage: &Stage) {
    stage.person(ADA).await;
    let armed = arm(stage, ADA).await;
    let token = half(stage, ADA).await;
    for bad in ["000000", "1", "", "not-a-code", "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"] {
        assert_eq!(code(finish(stage, &token, &secret(bad)).await), WRONG, "{bad}");
    }
    stage.test().advance(Duration::from_secs(1));
    assert_eq!(
        code(finish(stage, &token, &armed.code(stage, 0)).await),
        GONE,
        "five tries"
    );
    let late = half(stage, ADA).await;
    stage.test().advance(Duration::from_secs(300));
    assert_eq!(code(finish(stage, &late, &armed.code(stage, 0)).await), GONE);
    // Over all half-finished sign-ins and step-ups of the user as well: pauses from the fifth failure in a row, and
    // after ten there is none that ends, also for the right code.
    for answer in [WRONG, LATER] {
        let token = half(stage, ADA).await;
        assert_eq!(code(finish(stage, &token, &secret("000000")).await), answer);
    }
    for failure in 7..=10 {
        stage.test().advance(Duration::from_secs(900));
        let token = half(stage, ADA).await;
        assert_eq!(
            code(finish(stage, &token, &secret("000000")).await),
            WRONG,
            "{failure}"
        );
    }
    stage.test().advance(Duration::from_secs(90_000));
    let token = half(stage, ADA).await;
    assert_eq!(code(finish(stage, &token, &armed.code(stage, 0)).await), LATER);
    // A password chosen meanwhile.
    let token = half(stage, ADA).await;
    let reset = wisdom_auth::operation::ResetPassword {
        token: reset_token(stage, ADA).await,
        password: secret("violet harbour seven lanterns"),
    };
    reset.run(stage, &stage.stranger()).await.unwrap();
    assert_eq!(code(finish(stage, &token, &armed.code(stage, 0)).await), GONE);
}

pub(crate) async fn recovery_codes_stand_in_once(stage: &Stage) {
    stage.person(ADA).await;
    let armed = arm(stage, ADA).await;
    assert_eq!(armed.recovery_codes.len(), 10);
    stage.drain().await;
    let token = half(stage, ADA).await;
    let typed = secret(&armed.recovery_codes[0].expose().to_uppercase().replace('-', " "));
    let done = finish(stage, &token, &typed).await.unwrap();
    assert_eq!(done.recovery_codes_left, Some(9));
    only(&stage.deliver().await, "auth.second_factor.recovery_code_used");
    let token = half(stage, ADA).await;
    assert_eq!(code(finish(stage, &token, &armed.recovery_codes[0]).await), WRONG);
    let caller = stage.caller(&done.tokens);
    let renewed = RenewRecoveryCodes {}.run(stage, &caller).await.unwrap();
    let token = half(stage, ADA).await;
    assert_eq!(code(finish(stage, &token, &armed.recovery_codes[1]).await), WRONG);
    finish(stage, &token, &renewed.recovery_codes[9]).await.unwrap();
}

pub(crate) async fn mailed_proofs_never_skip_it(stage: &Stage) {
    stage.person(ADA).await;
    stage.verify(ADA).await;
    let armed = arm(stage, ADA).await;
    let by_link = challenge(use_link(stage, &link_token(stage, ADA).await).await.unwrap());
    finish(stage, &by_link, &armed.code(stage, 0)).await.unwrap();
    let digits = mailed_code(stage, ADA).await;
    challenge(use_code(stage, ADA, &digits).await.unwrap());
    let reset = wisdom_auth::operation::ResetPassword {
        token: reset_token(stage, ADA).await,
        password: secret("violet harbour seven lanterns"),
    };
    reset.run(stage, &stage.stranger()).await.unwrap();
    stage.limiter().start_over();
    challenge(
        stage
            .begin_log_in(ADA, "violet harbour seven lanterns")
            .await
            .unwrap(),
    );
}

pub(crate) async fn a_remembered_device_skips_it_until_it_is_forgotten(stage: &Stage) {
    stage.person(ADA).await;
    stage.person("bob@acme.example").await;
    let armed = arm(stage, ADA).await;
    arm(stage, "bob@acme.example").await;
    let token = half(stage, ADA).await;
    let done = finish_on(stage, &token, &armed.code(stage, 0), true)
        .await
        .unwrap();
    let device = done.remembered_device.unwrap();
    let proven_at = stage.test().now();
    let from = async |address: &str, device: &SecretText| {
        stage.limiter().start_over();
        let log_in = LogIn {
            email: email(address),
            password: secret(PASSWORD),
            device: None,
            remembered_device: Some(device.clone()),
            device_token: None,
            remember_device: false,
        };
        log_in.run(stage, &stage.stranger()).await.unwrap()
    };
    challenge(from("bob@acme.example", &device).await);
    challenge(from(ADA, &secret("wrd_made_up")).await);
    stage.test().advance(Duration::from_secs(86_400));
    let SignedIn::Session(pair) = from(ADA, &device).await else {
        panic!("the device is remembered")
    };
    let session = stage.session(pair.session).await;
    assert_eq!(session.second_factor_at, Some(proven_at), "it was not proven now");
    let caller = stage.caller(&pair);
    assert_eq!(
        code(DisableTotp {}.run(stage, &caller).await),
        STALE,
        "a device is not a fresh proof"
    );
    stage.test().advance(Duration::from_secs(29 * 86_400));
    challenge(from(ADA, &device).await);
    let token = half(stage, ADA).await;
    let done = finish_on(stage, &token, &armed.code(stage, 0), true)
        .await
        .unwrap();
    let (device, caller) = (done.remembered_device.unwrap(), stage.caller(&done.tokens));
    assert!(matches!(from(ADA, &device).await, SignedIn::Session(_)));
    stage
        .runner()
        .on_behalf(&caller, &ForgetDevices {})
        .await
        .unwrap();
    challenge(from(ADA, &device).await);
}

pub(crate) async fn changes_need_a_fresh_proof_and_end_other_sessions(stage: &Stage) {
    stage.person(ADA).await;
    let other = stage.log_in(ADA).await;
    let armed = arm(stage, ADA).await;
    assert_eq!(code(stage.authenticate(&other)), (401, "token.invalid"));
    only(&stage.deliver().await, "auth.second_factor.enabled");
    // The session that set it up goes on.
    let caller = stage.caller(&armed.pair);
    let token = half(stage, ADA).await;
    let second = finish(stage, &token, &armed.code(stage, 0)).await.unwrap().tokens;
    stage.test().advance(Duration::from_secs(600));
    assert_eq!(code(RenewRecoveryCodes {}.run(stage, &caller).await), STALE);
    let step_up = |password: Option<&str>, digits: Option<SecretText>| StepUp {
        password: password.map(secret),
        code: digits,
    };
    // With a second factor set up, the password alone renews nothing.
    let refused = step_up(Some(PASSWORD), None).run(stage, &caller).await;
    assert_eq!(code(refused), (401, "credentials.invalid"));
    let refused = step_up(None, Some(secret("000000"))).run(stage, &caller).await;
    assert_eq!(code(refused), (401, "credentials.invalid"));
    let digits = armed.code(stage, 0);
    step_up(None, Some(digits.clone()))
        .run(stage, &caller)
        .await
        .unwrap();
    let refused = step_up(None, Some(digits)).run(stage, &caller).await;
    assert_eq!(code(refused), (401, "credentials.invalid"), "a code works once");
    stage.drain().await;
    DisableTotp {}.run(stage, &caller).await.unwrap();
    only(&stage.deliver().await, "auth.second_factor.disabled");
    assert_eq!(code(stage.authenticate(&second)), (401, "token.invalid"));
    assert_eq!(
        code(stage.refresh(&second).await),
        (401, "session.credential_change")
    );
    assert_eq!(
        code(DisableTotp {}.run(stage, &caller).await),
        (409, "second_factor.missing")
    );
    stage.log_in(ADA).await;
}

/// Every step of every flow with every token of the others, and in another order: nothing begins.
pub(crate) async fn steps_out_of_order_lead_nowhere(stage: &Stage) {
    stage.limiter().open();
    stage.person(ADA).await;
    stage.person("bob@acme.example").await;
    stage.verify(ADA).await;
    stage.verify("bob@acme.example").await;
    let armed = arm(stage, ADA).await;
    let bob = arm(stage, "bob@acme.example").await;
    let (hers, his) = (half(stage, ADA).await, half(stage, "bob@acme.example").await);
    stage.limiter().start_over();
    let (link, reset_it) = (link_token(stage, ADA).await, reset_token(stage, ADA).await);
    let device = {
        let token = half(stage, "bob@acme.example").await;
        let done = finish_on(stage, &token, &bob.code(stage, 0), true).await.unwrap();
        done.remembered_device.unwrap()
    };
    // Another flow's token where a half-finished sign-in is asked for.
    for token in [
        &link,
        &reset_it,
        &device,
        &armed.pair.refresh_token,
        &armed.pair.access_token,
    ] {
        assert_eq!(code(finish(stage, token, &armed.code(stage, 0)).await), GONE);
    }
    // A half-finished sign-in, or a device, where another flow's token is asked for.
    for token in [&hers, &device] {
        assert_eq!(code(use_link(stage, token).await), (400, "verification.invalid"));
        let reset = wisdom_auth::operation::ResetPassword {
            token: (*token).clone(),
            password: secret("violet harbour seven lanterns"),
        };
        assert_eq!(
            code(reset.run(stage, &stage.stranger()).await),
            (400, "verification.invalid")
        );
        let refresh = wisdom_auth::operation::Refresh {
            refresh_token: (*token).clone(),
            device: None,
        };
        assert_eq!(
            code(refresh.run(stage, &stage.stranger()).await),
            (401, "token.invalid")
        );
    }
    // Her code for his sign-in, and his recovery codes for hers.
    assert_eq!(code(finish(stage, &his, &armed.code(stage, 0)).await), WRONG);
    assert_eq!(code(finish(stage, &hers, &bob.recovery_codes[0]).await), WRONG);
    // Nobody confirms or steps up without a session.
    let stranger = stage.stranger();
    let confirm = ConfirmTotp {
        code: armed.code(stage, 0),
    };
    assert_eq!(
        code(confirm.run(stage, &stranger).await),
        (401, "unauthenticated")
    );
    let step_up = StepUp {
        password: Some(secret(PASSWORD)),
        code: Some(armed.code(stage, 0)),
    };
    assert_eq!(
        code(step_up.run(stage, &stranger).await),
        (401, "unauthenticated")
    );
    // His session changes nothing of hers.
    let his_caller: Caller = stage.caller(&bob.pair);
    let step_up = StepUp {
        password: None,
        code: Some(armed.code(stage, 0)),
    };
    assert_eq!(
        code(step_up.run(stage, &his_caller).await),
        (401, "credentials.invalid")
    );
    // After all that, the right steps in the right order still lead in, once.
    finish(stage, &hers, &armed.code(stage, 0)).await.unwrap();
    assert_eq!(code(finish(stage, &hers, &armed.code(stage, 1)).await), GONE);
}
