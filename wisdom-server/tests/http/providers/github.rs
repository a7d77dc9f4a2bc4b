//! GitHub, which is not an `OpenID` provider.

use serde_json::json;

use super::faulty::FaultyProvider;
use super::{begin, complete, completion, with_provider};
use crate::harness::{Setup, on_both};

on_both! {
    people_sign_in_with_github;
}

async fn people_sign_in_with_github(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let settings = [
        ("kind", "github"),
        ("server", provider.url()),
        ("client_id", "client"),
    ];
    let setup = with_provider(setup, "github", &settings);
    let server = setup.start().await;
    let sign_in = async || {
        let begun = begin(&server, "github").await;
        assert_eq!(begun.parameter("code_challenge_method"), "S256");
        assert_eq!(begun.parameter("scope"), "read:user user:email");
        complete(&server, "github", &completion(&begun, "code")).await
    };
    let first = sign_in().await.expect(200);
    assert_eq!(first.body["new_user"], true);
    let seen = server
        .get("/v1/identities", &first.text("access_token"))
        .await
        .expect(200);
    let identity = &seen.body["items"][0];
    assert_eq!(
        (&identity["issuer"], &identity["subject"]),
        (&json!(provider.url()), &json!("7"))
    );
    // The number counts; names and addresses change hands.
    provider.change(|says| says.user = json!({ "id": 7, "login": "renamed" }));
    assert_eq!(sign_in().await.expect(200).text("user"), first.text("user"));
    provider.change(|says| says.user = json!({ "id": 8, "login": "ada" }));
    provider.change(|says| {
        says.emails = json!([{ "email": "eve@example.com", "primary": true, "verified": false }]);
    });
    assert_eq!(sign_in().await.expect(403).code(), "provider.email_unverified");
    for user in [
        json!({ "login": "ada" }),
        json!({ "id": "7" }),
        json!({ "id": 0 }),
        json!([]),
    ] {
        provider.change(|says| says.user = user);
        assert_eq!(sign_in().await.expect(401).code(), "provider.refused");
    }
    let begun = begin(&server, "github").await;
    let mut body = completion(&begun, "code");
    body["iss"] = json!("https://evil.example");
    assert_eq!(
        complete(&server, "github", &body).await.expect(401).code(),
        "provider.refused"
    );
}
