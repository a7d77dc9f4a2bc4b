//! What our authenticator in software answers to our options, `PyPI`'s `webauthn` takes too, and takes no change of it: so
//! what the other tests prove is not proven among ourselves only.

use serde_json::{Value, json};
use tokio::process::Command;
use wisdom_adapters::testkit::authenticator::SoftAuthenticator;
use wisdom_adapters::testkit::{Unavailable, require_or_skip};

use super::{ORIGIN, add, begin, begin_log_in, log_in, with_passkeys};
use crate::harness::Setup;

const WITH_PY_WEBAUTHN: &str = r#"
import json, sys
from webauthn import verify_registration_response, verify_authentication_response
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import InvalidRegistrationResponse, InvalidAuthenticationResponse
case = json.loads(sys.stdin.read())
origin = case["origin"]
creation, request = case["creation"], case["request"]
made = verify_registration_response(
    credential=case["made"], expected_challenge=base64url_to_bytes(creation["challenge"]),
    expected_rp_id=creation["rp"]["id"], expected_origin=origin, require_user_verification=True)
attested = verify_registration_response(
    credential=case["attested"], expected_challenge=base64url_to_bytes(creation["challenge"]),
    expected_rp_id=creation["rp"]["id"], expected_origin=origin, require_user_verification=True)
assert attested.fmt == "packed", attested
shown = lambda credential: verify_authentication_response(
    credential=credential, expected_challenge=base64url_to_bytes(request["challenge"]),
    expected_rp_id=request["rpId"], expected_origin=origin, credential_public_key=made.credential_public_key,
    credential_current_sign_count=made.sign_count, require_user_verification=True)
good = shown(case["shown"])
assert good.new_sign_count == made.sign_count + 1, good
for bad in case["bad"]:
    try:
        shown(bad)
    except InvalidAuthenticationResponse:
        continue
    sys.exit("took " + json.dumps(bad))
print("taken")
"#;

#[expect(
    clippy::disallowed_methods,
    reason = "the test script says where the verifier is"
)]
async fn python() -> Result<Command, Unavailable> {
    let program = std::env::var("WISDOM_TEST_PYTHON")
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| "python3".to_owned());
    match Command::new(&program)
        .args(["-c", "import webauthn"])
        .output()
        .await
    {
        Ok(output) if output.status.success() => Ok(Command::new(program)),
        _ => Err(Unavailable {
            service: "PyPI webauthn",
            reason: format!("{program} does not know it"),
            remedy: "run ./test.sh, or set WISDOM_TEST_PYTHON",
        }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn py_webauthn_takes_what_our_authenticator_answers() {
    let mut command = require_or_skip!(python().await.map_err(Into::into));
    let server = with_passkeys(Setup::sqlite()).start().await;
    let ada = server.founder("ada").await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
    let begun = begin(&server, &ada).await;
    let creation = begun.body["public_key"].clone();
    let mut draft = key.draft_creation(&creation).unwrap();
    draft.attested_by_itself = true;
    let attested = key.finish_creation(&draft).unwrap();
    let made = key.create(&creation).unwrap();
    add(&server, &ada, &begun, &made).await.expect(201);
    let begun = begin_log_in(&server).await;
    let request = begun.body["public_key"].clone();
    let draft = key.draft(&request).unwrap();
    let changed = |member: &str, value: Value| {
        let mut draft = draft.clone();
        draft.client_data.0.insert(member.to_owned(), value);
        key.sign(&draft).unwrap()
    };
    let mut unverified = draft.clone();
    unverified.flags = 1;
    let mut still = draft.clone();
    still.counter = 1;
    let mut elsewhere = draft.clone();
    "evil.example".clone_into(&mut elsewhere.rp_id);
    let stranger = SoftAuthenticator::new(ORIGIN).unwrap();
    let bad = [
        changed("type", json!("webauthn.create")),
        changed("origin", json!("https://evil.example")),
        changed("challenge", json!("AAAA")),
        key.sign(&unverified).unwrap(),
        key.sign(&still).unwrap(),
        key.sign(&elsewhere).unwrap(),
        stranger.sign(&draft).unwrap(),
    ];
    let shown = key.get(&request).unwrap();
    let case = json!({
        "origin": ORIGIN, "creation": creation, "request": request, "made": made, "attested": attested,
        "shown": shown, "bad": bad,
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.json");
    std::fs::write(&file, case.to_string()).unwrap();
    command
        .args(["-c", WITH_PY_WEBAUTHN])
        .stdin(std::fs::File::open(&file).unwrap());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "taken");
    log_in(&server, &begun, &shown).await.expect(200);
}
