//! Mutual TLS: who a service client is by its certificate, and what a certificate never is.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Client, Identity, Method};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::harness::{Person, Reply, Server, Setup, eventually, on_both};
use crate::tls::Files;

on_both! {
    a_certificate_gets_tokens_that_nobody_else_can_use;
    tokens_tell_what_they_are_bound_to;
    a_certificate_ends_with_its_tokens;
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A client's certificate and its key, in PEM.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) thumbprint: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are judged by the server's clock, which is the system's"
)]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A certificate that is good from so many seconds from now on, to so many.
pub(crate) fn good_within(from: i64, to: i64) -> Shown {
    let mut params = CertificateParams::new(["importer.example".to_owned()]).unwrap();
    params.not_before = now() + time::Duration::seconds(from);
    params.not_after = now() + time::Duration::seconds(to);
    shown(&params)
}

pub(crate) fn shown(params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, made.der());
    Shown {
        certificate: made.pem(),
        key: key.serialize_pem(),
        thumbprint: URL_SAFE_NO_PAD.encode(digest),
    }
}

pub(crate) fn good() -> Shown {
    good_within(-60, 3600)
}

/// A server that asks for certificates, its files, and its setup, with which its database would go.
pub(crate) async fn started(setup: Setup) -> (Files, Setup, Server) {
    let files = Files::new();
    let setup = files.on(setup).set("server.tls.client_certificates", "optional");
    let server = setup.start().await.through(files.client().build().unwrap());
    (files, setup, server)
}

pub(crate) fn client_with(files: &Files, shown: &Shown) -> Client {
    let identity = format!("{}{}", shown.certificate, shown.key);
    let identity = Identity::from_pem(identity.as_bytes()).unwrap();
    files.client().identity(identity).build().unwrap()
}

/// A service client of a person's tenant: its path, id and secret.
pub(crate) struct Made {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) async fn make(server: &Server, person: &Person, role: &str) -> Made {
    let path = format!("/v1/tenants/{}/service-clients", person.tenant);
    let body = json!({ "name": "Importer", "role": role });
    let made = server.post(&path, &person.access, &body).await.expect(201);
    let id = made.text("client");
    Made {
        path: format!("{path}/{id}/certificates"),
        id,
        secret: made.text("client_secret"),
    }
}

pub(crate) async fn add(server: &Server, person: &Person, client: &Made, certificate: &str) -> Reply {
    let body = json!({ "name": "Laptop", "certificate": certificate });
    server.post(&client.path, &person.access, &body).await
}

/// Posts a form over a connection of this client's.
async fn form(server: &Server, over: &Client, path: &str, pairs: &[(&str, &str)]) -> Reply {
    let body: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let call = server.call_through(over, Method::POST, path);
    call.raw(FORM, body.into_bytes()).send().await
}

pub(crate) async fn ask(server: &Server, over: &Client, id: &str) -> Reply {
    let pairs = [("grant_type", "client_credentials"), ("client_id", id)];
    form(server, over, "/oauth/token", &pairs).await
}

async fn get(server: &Server, over: &Client, path: &str, token: &str) -> Reply {
    let call = server.call_through(over, Method::GET, path);
    call.token(token).send().await
}

#[track_caller]
pub(crate) fn is_no_client(reply: Reply) {
    assert_eq!(reply.expect(401).body["error"], "invalid_client");
}

/// What curl, which nobody here wrote, gets at the token endpoint.
fn curl(files: &Files, server: &Server, mine: &Shown, client: &Made) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let out = Command::new("curl")
        .args([
            "-sS",
            "-m",
            "20",
            "-w",
            " %{http_code}",
            "--cacert",
            &files.certificate().display().to_string(),
        ])
        .args([
            "--cert",
            &file("mine.pem", &mine.certificate),
            "--key",
            &file("key.pem", &mine.key),
        ])
        .args([
            "-d",
            "grant_type=client_credentials",
            "-d",
            &format!("client_id={}", client.id),
        ])
        .arg(format!("{}/oauth/token", server.url))
        .output()
        .expect("curl must be installed");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

async fn a_certificate_gets_tokens_that_nobody_else_can_use(setup: Setup) {
    let (files, _setup, server) = started(setup).await;
    let (ada, eve) = (server.founder("ada").await, server.founder("eve").await);
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let client = make(&server, &ada, "viewer").await;
    let (mine, other) = (good(), good());
    let (with_mine, with_other) = (client_with(&files, &mine), client_with(&files, &other));
    let plain = files.client().build().unwrap();

    // A certificate that is nobody's is no proof, and one that a header tells of is none at all.
    is_no_client(ask(&server, &with_mine, &client.id).await);
    let added = add(&server, &ada, &client, &mine.certificate).await.expect(201);
    let listed = &added.body["certificates"][0];
    assert_eq!(listed["thumbprint"], mine.thumbprint.as_str());
    assert_eq!(listed["name"], "Laptop");
    for over in [&plain, &with_other] {
        is_no_client(ask(&server, over, &client.id).await);
    }
    let body = format!("grant_type=client_credentials&client_id={}", client.id).into_bytes();
    let single = mine.certificate.replace('\n', "");
    let der = STANDARD.encode(CertificateDer::from_pem_slice(mine.certificate.as_bytes()).unwrap());
    let claims = [
        (
            "x-forwarded-client-cert",
            format!("Hash={};Cert=\"{single}\"", mine.thumbprint),
        ),
        ("client-cert", format!(":{der}:")),
        ("x-ssl-client-cert", single),
        ("x-client-certificate-thumbprint", mine.thumbprint.clone()),
    ];
    for (name, value) in &claims {
        let call = server.call_through(&plain, Method::POST, "/oauth/token");
        is_no_client(call.header(name, value).raw(FORM, body.clone()).send().await);
    }
    is_no_client(ask(&server, &with_mine, "svc_01kaaaaaaaaaaaaaaaaaaaaaaa").await);
    is_no_client(ask(&server, &with_mine, "nobody").await);

    // What it gets is good on its own connections only, of either version of HTTP.
    let issued = ask(&server, &with_mine, &client.id).await.expect(200);
    assert_eq!(issued.text("token_type"), "Bearer");
    let bound = issued.text("access_token");
    get(&server, &with_mine, &tenant, &bound).await.expect(200);
    let identity = format!("{}{}", mine.certificate, mine.key);
    let identity = Identity::from_pem(identity.as_bytes()).unwrap();
    let older = files.client().http1_only().identity(identity).build().unwrap();
    get(&server, &older, &tenant, &bound).await.expect(200);
    for over in [&plain, &with_other] {
        let refused = get(&server, over, &tenant, &bound).await.expect(401);
        assert_eq!(refused.code(), "token.invalid");
    }
    for (name, value) in &claims {
        let call = server.call_through(&plain, Method::GET, &tenant).token(&bound);
        call.header(name, value).send().await.expect(401);
    }
    let nobody = server.call_through(&with_mine, Method::GET, &tenant).send().await;
    assert_eq!(
        nobody.expect(401).code(),
        "unauthenticated",
        "a certificate is no credential"
    );

    let out = curl(&files, &server, &mine, &client);
    assert!(out.contains("wk_live_ct_") && out.ends_with(" 200"), "{out}");

    // The same certificate says nothing about clients it was not registered for, in this tenant or another.
    let (second, hers) = (
        make(&server, &ada, "viewer").await,
        make(&server, &eve, "viewer").await,
    );
    for unknown in [&second, &hers] {
        is_no_client(ask(&server, &with_mine, &unknown.id).await);
    }
    add(&server, &eve, &hers, &mine.certificate).await.expect(201);
    let elsewhere = ask(&server, &with_mine, &hers.id)
        .await
        .expect(200)
        .text("access_token");
    get(&server, &with_mine, &tenant, &elsewhere).await.expect(404);
}

async fn tokens_tell_what_they_are_bound_to(setup: Setup) {
    let (files, _setup, server) = started(setup).await;
    let ada = server.founder("ada").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let (client, second) = (
        make(&server, &ada, "viewer").await,
        make(&server, &ada, "viewer").await,
    );
    let mine = good();
    let (plain, with_mine) = (files.client().build().unwrap(), client_with(&files, &mine));
    add(&server, &ada, &client, &mine.certificate).await.expect(201);
    let bound = ask(&server, &with_mine, &client.id)
        .await
        .expect(200)
        .text("access_token");

    // Introspection tells what a token is bound to; a token that a secret got is not.
    let pairs = [("client_id", client.id.as_str()), ("token", bound.as_str())];
    let told = form(&server, &with_mine, "/oauth/introspect", &pairs)
        .await
        .expect(200);
    assert_eq!(told.body["active"], true);
    assert_eq!(told.body["cnf"], json!({ "x5t#S256": mine.thumbprint }));
    is_no_client(form(&server, &plain, "/oauth/introspect", &pairs).await);
    let by_secret = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    let free = form(&server, &with_mine, "/oauth/token", &by_secret)
        .await
        .expect(200);
    let free = free.text("access_token");
    get(&server, &plain, &tenant, &free).await.expect(200);
    let pairs = [("client_id", client.id.as_str()), ("token", free.as_str())];
    let told = form(&server, &with_mine, "/oauth/introspect", &pairs)
        .await
        .expect(200);
    assert_eq!((&told.body["active"], told.body.get("cnf")), (&json!(true), None));
    let wrong = [by_secret[0], by_secret[1], ("client_secret", "wk_live_cs_wrong")];
    is_no_client(form(&server, &with_mine, "/oauth/token", &wrong).await);

    // And it revokes its own.
    let pairs = [("client_id", second.id.as_str()), ("token", bound.as_str())];
    is_no_client(form(&server, &with_mine, "/oauth/revoke", &pairs).await);
    get(&server, &with_mine, &tenant, &bound).await.expect(200);
    let pairs = [("client_id", client.id.as_str()), ("token", bound.as_str())];
    form(&server, &with_mine, "/oauth/revoke", &pairs)
        .await
        .expect(200);
    get(&server, &with_mine, &tenant, &bound).await.expect(401);
}

async fn a_certificate_ends_with_its_tokens(setup: Setup) {
    let (files, _setup, server) = started(setup).await;
    let ada = server.founder("ada").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let client = make(&server, &ada, "viewer").await;
    let introspect = async |token: &str| {
        let pairs = [
            ("client_id", client.id.as_str()),
            ("client_secret", &client.secret),
            ("token", token),
        ];
        let plain = files.client().build().unwrap();
        let told = form(&server, &plain, "/oauth/introspect", &pairs).await;
        told.expect(200).body["active"] == Value::Bool(true)
    };

    // Taken away: its tokens end at once, and another's do not.
    let (mine, other) = (good(), good());
    let (with_mine, with_other) = (client_with(&files, &mine), client_with(&files, &other));
    for shown in [&mine, &other] {
        add(&server, &ada, &client, &shown.certificate).await.expect(201);
    }
    let token = ask(&server, &with_mine, &client.id)
        .await
        .expect(200)
        .text("access_token");
    let others = ask(&server, &with_other, &client.id)
        .await
        .expect(200)
        .text("access_token");
    get(&server, &with_mine, &tenant, &token).await.expect(200);
    assert!(introspect(&token).await);
    let place = format!("{}/{}", client.path, mine.thumbprint);
    let remove = async || {
        let call = server.call(Method::DELETE, &place).token(&ada.access);
        call.send().await
    };
    remove().await.expect(204);
    get(&server, &with_mine, &tenant, &token).await.expect(401);
    assert!(!introspect(&token).await);
    is_no_client(ask(&server, &with_mine, &client.id).await);
    get(&server, &with_other, &tenant, &others).await.expect(200);
    remove().await.expect(404);
    let audit = format!("{tenant}/audit-entries?action=auth.client.remove_certificate");
    let audit = server.get(&audit, &ada.access).await.expect(200);
    assert_eq!(
        audit.body["items"][0]["details"]["certificate"],
        mine.thumbprint.as_str()
    );

    // At its own end.
    let short = good_within(-60, 5);
    let with_short = client_with(&files, &short);
    add(&server, &ada, &client, &short.certificate).await.expect(201);
    let token = ask(&server, &with_short, &client.id)
        .await
        .expect(200)
        .text("access_token");
    get(&server, &with_short, &tenant, &token).await.expect(200);
    eventually("the end of the certificate", async || {
        let reply = get(&server, &with_short, &tenant, &token).await;
        (reply.status == 401).then_some(())
    })
    .await;
    assert!(!introspect(&token).await);
    is_no_client(ask(&server, &with_short, &client.id).await);

    // With its client.
    let call = server.call(Method::DELETE, client.path.trim_end_matches("/certificates"));
    call.token(&ada.access).send().await.expect(204);
    get(&server, &with_other, &tenant, &others).await.expect(401);
    is_no_client(ask(&server, &with_other, &client.id).await);
    let refused = add(&server, &ada, &client, &good().certificate).await.expect(409);
    assert_eq!(refused.code(), "api_key.ended");
}
