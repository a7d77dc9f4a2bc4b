//! Tokens that nobody issued, sent to the real program: each is refused alike, and none makes it call out.

mod attacks;
mod forge;

use serde_json::Value;
use tokio::net::TcpListener;

use self::attacks::{on_the_claims, on_the_form, on_the_header};
use self::forge::Forge;
use crate::harness::{Server, Setup, eventually};
#[tokio::test(flavor = "multi_thread")]
async fn every_forged_token_is_refused_and_nothing_is_fetched() {
    let setup = Setup::sqlite();
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    // A ring of all algorithms, so that keys can be confused.
    for algorithm in ["ES256", "RS256", "HS256"] {
        let output = setup
            .command()
            .args(["keys", "rotate", "--algorithm", algorithm])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let forge = Forge::new(&setup, &ada);
    assert_eq!(forge.keys.len(), 4);
    // Each key's true signature passes, so that what is refused below is refused for its own fault.
    for algorithm in ["EdDSA", "ES256", "RS256", "HS256"] {
        let token = forge.signed(algorithm, |_, _| {});
        eventually("the server to know the key", async || {
            (server.get("/v1/me", &token).await.status == 200).then_some(())
        })
        .await;
    }
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", elsewhere.local_addr().unwrap());
    let mut attacks = on_the_header(&forge, &address);
    attacks.extend(on_the_claims(&forge));
    attacks.extend(on_the_form(&forge));
    assert!(attacks.len() >= 90, "{}", attacks.len());
    let plain = refusal(&server, "a.b.c").await;
    for (name, token) in attacks {
        assert_eq!(refusal(&server, &token).await, plain, "{name}");
    }
    server.get("/v1/me", &ada.access).await.expect(200);
    let called = tokio::time::timeout(std::time::Duration::from_millis(500), elsewhere.accept()).await;
    assert!(called.is_err(), "the server called out");
}

/// Status and body of the refusal, without what differs between any two.
async fn refusal(server: &Server, token: &str) -> (u16, Value) {
    let mut reply = server.get("/v1/me", token).await;
    assert_eq!(
        reply.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .split_once(' ')
            .unwrap()
            .0,
        "Bearer"
    );
    let body = reply.body.as_object_mut().unwrap();
    body.remove("request_id");
    body.remove("instance");
    (reply.status, reply.body)
}
