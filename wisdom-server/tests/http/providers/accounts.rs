//! Who gets into which account: joined only when both sides have verified the address, else by the owner's own wish.

use serde_json::json;
use wisdom_auth::second_factor::totp::{TotpSecret, step_at};
use wisdom_core::clock::{Clock as _, SystemClock};

use super::faulty::FaultyProvider;
use super::{begin, begin_link, complete, completion, link, unlink};
use crate::harness::{PASSWORD, Reply, Server, Setup, on_both};
use crate::sign_in::bytes;

on_both! {
    accounts_are_joined_only_when_both_sides_have_verified_the_address;
    owners_link_and_unlink;
    a_provider_stands_for_one_factor_only;
    a_provider_may_be_for_known_people_only;
}

async fn sign_in(server: &Server, provider: &FaultyProvider, subject: &str, email: &str) -> Reply {
    let begun = begin(server, "acme").await;
    provider.vouch(&begun, subject, email);
    complete(server, "acme", &completion(&begun, "code")).await
}

async fn accounts_are_joined_only_when_both_sides_have_verified_the_address(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;

    // Both have: the account is joined, and its owner told.
    let ada = server.founder("ada").await;
    let user = server.get("/v1/me", &ada.access).await.expect(200).text("user");
    let joined = sign_in(&server, &provider, "s-ada", "Ada@Example.com")
        .await
        .expect(200);
    assert_eq!(
        (joined.text("user"), joined.body["new_user"].clone()),
        (user.clone(), json!(false))
    );
    server
        .mailed("ada@example.com", "A new way to sign in to your account")
        .await;
    // From now on the subject counts, whatever the address says.
    let moved = sign_in(&server, &provider, "s-ada", "elsewhere@example.com")
        .await
        .expect(200);
    assert_eq!(moved.text("user"), user);
    // Another subject with an address that is given away again is another person's.
    let other = sign_in(&server, &provider, "s-other", "elsewhere@example.com")
        .await
        .expect(200);
    assert_ne!(other.text("user"), user);
    assert_eq!(other.body["new_user"], true);

    // We have not: somebody typed the address at sign-up, which proves nothing.
    let body = json!({
        "email": "victim@example.com", "password": PASSWORD, "display_name": "Mallory", "tenant_name": "Trap",
    });
    server.post_public("/v1/auth/sign-up", &body).await.expect(202);
    server.mailed_token("victim@example.com").await;
    let refused = sign_in(&server, &provider, "s-victim", "victim@example.com")
        .await
        .expect(409);
    assert_eq!(refused.code(), "identity.link_required");

    // The password of an account made by a provider does not exist.
    let body = json!({ "email": "elsewhere@example.com", "password": PASSWORD });
    server.post_public("/v1/auth/log-in", &body).await.expect(401);
}

async fn owners_link_and_unlink(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;
    let (ada, bob) = (server.founder("ada").await, server.founder("bob").await);
    let bring = async |begun: &super::Begun, subject: &str| {
        provider.vouch(begun, subject, "work@example.org");
        completion(begun, "code")
    };

    let begun = begin_link(&server, "acme", &ada.access).await;
    let body = bring(&begun, "s-work").await;
    // A link that ada began is neither bob's to finish nor a sign-in; trying spends it.
    assert_eq!(
        link(&server, "acme", &bob.access, &body).await.expect(400).code(),
        "provider.attempt_invalid"
    );
    link(&server, "acme", &ada.access, &body).await.expect(400);
    let begun = begin_link(&server, "acme", &ada.access).await;
    complete(&server, "acme", &bring(&begun, "s-work").await)
        .await
        .expect(400);
    // A sign-in that was begun is no link.
    let begun = begin(&server, "acme").await;
    link(&server, "acme", &ada.access, &bring(&begun, "s-work").await)
        .await
        .expect(400);

    let begun = begin_link(&server, "acme", &ada.access).await;
    let linked = link(&server, "acme", &ada.access, &bring(&begun, "s-work").await)
        .await
        .expect(201);
    let signed_in = sign_in(&server, &provider, "s-work", "work@example.org")
        .await
        .expect(200);
    let user = server.get("/v1/me", &ada.access).await.expect(200).text("user");
    assert_eq!(signed_in.text("user"), user);

    // What is ada's is not bob's: neither to link, nor to see, nor to unlink.
    let begun = begin_link(&server, "acme", &bob.access).await;
    let taken = link(&server, "acme", &bob.access, &bring(&begun, "s-work").await)
        .await
        .expect(409);
    assert_eq!(taken.code(), "identity.taken");
    let seen = server.get("/v1/identities", &bob.access).await.expect(200);
    assert_eq!(seen.body["items"], json!([]));
    unlink(&server, &bob.access, &linked.text("id")).await.expect(404);

    let seen = server.get("/v1/identities", &ada.access).await.expect(200);
    assert_eq!(seen.body["items"][0]["subject"], "s-work");
    unlink(&server, &ada.access, &linked.text("id")).await.expect(204);
    unlink(&server, &ada.access, &linked.text("id")).await.expect(404);
    server
        .mailed("ada@example.com", "A way to sign in to your account was removed")
        .await;
    let stranger = sign_in(&server, &provider, "s-work", "work@example.org")
        .await
        .expect(200);
    assert_ne!(stranger.text("user"), user);

    // The only way in stays.
    let access = stranger.text("access_token");
    let seen = server.get("/v1/identities", &access).await.expect(200);
    let only = seen.body["items"][0]["id"].as_str().unwrap();
    assert_eq!(
        unlink(&server, &access, only).await.expect(409).code(),
        "identity.last"
    );
    // Of two that are unlinked at the same moment one stays.
    let begun = begin_link(&server, "acme", &access).await;
    let second = link(&server, "acme", &access, &bring(&begun, "s-second").await)
        .await
        .expect(201)
        .text("id");
    let (one, two) = tokio::join!(unlink(&server, &access, only), unlink(&server, &access, &second));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{one:?} {two:?}");
}

async fn a_provider_may_be_for_known_people_only(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = setup
        .set("auth.providers.acme.sign_up", "false")
        .set("auth.providers.acme.link_by_email", "false");
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;
    let stranger = sign_in(&server, &provider, "s-new", "new@example.com")
        .await
        .expect(403);
    assert_eq!(stranger.code(), "provider.sign_up_closed");
    let ada = server.founder("ada").await;
    let known = sign_in(&server, &provider, "s-ada", "ada@example.com")
        .await
        .expect(409);
    assert_eq!(known.code(), "identity.link_required");
    let begun = begin_link(&server, "acme", &ada.access).await;
    provider.vouch(&begun, "s-ada", "ada@example.com");
    link(&server, "acme", &ada.access, &completion(&begun, "code"))
        .await
        .expect(201);
    sign_in(&server, &provider, "s-ada", "ada@example.com")
        .await
        .expect(200);
}

async fn a_provider_stands_for_one_factor_only(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let offer = server
        .post("/v1/me/second-factor/totp", &ada.access, &json!({}))
        .await
        .expect(201);
    let secret = TotpSecret::from_bytes(bytes(&offer.text("secret"))).unwrap();
    let digits = String::from_utf8(secret.code(step_at(SystemClock.now())).to_vec()).unwrap();
    let confirm = "/v1/me/second-factor/totp/confirm";
    let codes = server
        .post(confirm, &ada.access, &json!({ "code": digits }))
        .await
        .expect(200);

    let half = sign_in(&server, &provider, "s-ada", "ada@example.com")
        .await
        .expect(200);
    assert_eq!(half.body["second_factor_required"], true);
    assert!(half.body.get("access_token").is_none() && half.body.get("refresh_token").is_none());
    let body = json!({ "challenge": half.text("challenge"), "code": codes.body["recovery_codes"][0] });
    let whole = server
        .post_public("/v1/auth/second-factor", &body)
        .await
        .expect(200);
    server
        .get("/v1/me", &whole.text("access_token"))
        .await
        .expect(200);
}
