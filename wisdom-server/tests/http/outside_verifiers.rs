//! Verifiers that nobody here wrote take our tokens by our JWK set, and nothing else: `PyJWT` and npm's `jose`.

use std::path::PathBuf;

use tokio::process::Command;
use wisdom_adapters::testkit::{Unavailable, require_or_skip};

use crate::harness::{Person, Server, Setup};

const WITH_PYJWT: &str = r#"
import json, sys, jwt
url, issuer, good, *bad = sys.argv[1:]
keys = jwt.PyJWKClient(url)
public = ["EdDSA", "ES256", "RS256"]
def read(token):
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=[key.algorithm_name], audience="wisdom", issuer=issuer,
                      options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub"]})
for token in bad:
    try:
        read(token)
    except jwt.PyJWTError:
        continue
    sys.exit("took " + token)
print(json.dumps(read(good)["sub"]))
"#;

const WITH_JOSE: &str = r#"
const { createRemoteJWKSet, jwtVerify } = await import(process.env.JOSE);
const [url, issuer, good, ...bad] = process.argv.slice(1);
const keys = createRemoteJWKSet(new URL(url));
const read = (token) => jwtVerify(token, keys, { issuer, audience: "wisdom", typ: "at+jwt" });
for (const token of bad) {
    if (await read(token).then(() => true, () => false)) throw new Error("took " + token);
}
console.log(JSON.stringify((await read(good)).payload.sub));
"#;

#[expect(
    clippy::disallowed_methods,
    reason = "the test script says where the verifiers are"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A Python with `PyJWT`.
async fn python() -> Result<Command, Unavailable> {
    let program = variable("WISDOM_TEST_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let probe = ["-c", "import jwt; jwt.algorithms.OKPAlgorithm"];
    match Command::new(&program).args(probe).output().await {
        Ok(output) if output.status.success() => Ok(Command::new(program)),
        _ => Err(Unavailable {
            service: "PyJWT",
            reason: format!("{program} does not know it"),
            remedy: "run ./test.sh, or set WISDOM_TEST_PYTHON",
        }),
    }
}

/// Node with `jose`.
async fn node() -> Result<Command, Unavailable> {
    let folder = variable("WISDOM_TEST_NODE_MODULES")
        .map(PathBuf::from)
        .unwrap_or_default();
    let jose = folder.join("jose/dist/webapi/index.js");
    match Command::new("node").arg("--version").output().await {
        Ok(output) if output.status.success() && jose.is_file() => {
            let mut command = Command::new("node");
            command.env("JOSE", jose);
            Ok(command)
        }
        _ => Err(Unavailable {
            service: "jose",
            reason: format!("no node, or no {}", jose.display()),
            remedy: "run ./test.sh, or set WISDOM_TEST_NODE_MODULES",
        }),
    }
}

/// The good token with other claims, with another signature, and cut.
fn forged(good: &str) -> [String; 3] {
    let parts: Vec<&str> = good.split('.').collect();
    let other = if parts[2].starts_with('A') { "B" } else { "A" };
    [
        format!("{}.{}A.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}.{other}{}", parts[0], parts[1], &parts[2][1..]),
        good[..good.len() - 4].to_owned(),
    ]
}

async fn verifies(mut command: Command, flags: &[&str], program: &str, server: &Server, person: &Person) {
    let user = server
        .get("/v1/me", &person.access)
        .await
        .expect(200)
        .text("user");
    command
        .args(flags)
        .arg(program)
        .arg(format!("{}/.well-known/jwks.json", server.url))
        .arg("http://127.0.0.1:8080")
        .arg(&person.access)
        .args(forged(&person.access));
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        format!("\"{user}\"")
    );
}

/// A server whose tokens are signed so.
async fn signing(algorithm: &str) -> (Setup, Server, Person) {
    let setup = Setup::sqlite()
        .set("auth.algorithm", algorithm)
        .set("public_url", "http://127.0.0.1:8080");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    (setup, server, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn pyjwt_takes_our_tokens_by_our_jwk_set() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let python = require_or_skip!(python().await.map_err(Into::into));
        let (_setup, server, ada) = signing(algorithm).await;
        verifies(python, &["-c"], WITH_PYJWT, &server, &ada).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jose_takes_our_tokens_by_our_jwk_set() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let node = require_or_skip!(node().await.map_err(Into::into));
        let (_setup, server, ada) = signing(algorithm).await;
        verifies(node, &["--input-type=module", "-e"], WITH_JOSE, &server, &ada).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jwk_set_never_shows_a_symmetric_key() {
    let (_setup, server, _) = signing("HS256").await;
    let reply = server
        .call(reqwest::Method::GET, "/.well-known/jwks.json")
        .send()
        .await
        .expect(200);
    assert_eq!(reply.body, serde_json::json!({ "keys": [] }));
    assert_eq!(reply.headers["cache-control"], "public, max-age=60");
}
