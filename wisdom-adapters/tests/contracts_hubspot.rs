//! The HubSpot adapter against a server that holds requests against the vendor's description.

#![cfg(all(feature = "crm-hubspot", feature = "http-reqwest"))]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: what can't be set up is a failure"
)]

use std::sync::Arc;
use std::time::Duration;

use contracts::data::golden;
use contracts::hubspot::{BatchErrors, HubSpot, error};
use contracts::server::{Answer, ContractServer, Request};
use serde_json::{Value, json};
use url::Url;
use wisdom_adapters::crm::hubspot::HubSpotCrm;
use wisdom_adapters::http::ReqwestClient;
use wisdom_core::port::crm::{Contact, ContactKey, Crm, CrmRecordId};
use wisdom_core::port::http_client::{AddressPolicy, HttpClient, OutgoingRequest};
use wisdom_core::port::{PortError, PortErrorKind, Retry};
use wisdom_core::secret::SecretText;
use wisdom_core::value::EmailAddress;

mod contracts {
    pub(crate) mod data;
    pub(crate) mod description;
    pub(crate) mod form;
    pub(crate) mod hubspot;
    pub(crate) mod server;
}

fn http() -> Arc<dyn HttpClient> {
    Arc::new(ReqwestClient::new().unwrap())
}

fn open(server: &ContractServer) -> HubSpotCrm {
    let url = Url::parse_with_params(
        "hubspot:",
        [("token", "env:HUBSPOT_TOKEN"), ("base", &server.base())],
    );
    HubSpotCrm::from_url(&url.unwrap(), &token, http()).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that opening takes")]
fn token(reference: &str) -> Result<SecretText, PortError> {
    assert_eq!(reference, "env:HUBSPOT_TOKEN");
    Ok("pat-golden".to_owned().into())
}

async fn vendor(errors: BatchErrors) -> (HubSpotCrm, ContractServer) {
    let server = ContractServer::start("hubspot/crm.json", HubSpot::new("wisdom_id", errors)).await;
    (open(&server), server)
}

mod answering_207 {
    wisdom_core::crm_conformance!(async || super::vendor(super::BatchErrors::Mixed).await);
}

mod answering_409 {
    wisdom_core::crm_conformance!(async || super::vendor(super::BatchErrors::Whole).await);
}

fn ada() -> Contact {
    let email = EmailAddress::parse("ada@example.test").unwrap();
    Contact::new(ContactKey::parse("usr_1").unwrap(), email)
}

/// Method, target and headers are those of the vendor's client.
fn assert_same_head(ours: &Request, golden: &Value) {
    assert_eq!(golden["method"], ours.method.as_str());
    assert_eq!(golden["target"], ours.target.as_str());
    for (name, value) in golden["headers"].as_object().unwrap() {
        assert_eq!(
            value.as_str(),
            ours.headers.get(name).map(String::as_str),
            "{name}"
        );
    }
}

fn json_body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn batch_upsert_is_the_golden_request() {
    let (crm, server) = vendor(BatchErrors::Mixed).await;
    let mut contact = ada();
    contact.given_name = Some("Ada".to_owned());
    crm.upsert_contact(&contact).await.unwrap();
    let golden = golden("hubspot", "contacts.batch.upsert");
    let ours = server.seen().remove(0);
    assert_same_head(&ours, &golden);
    // The golden call names people by address; we do so by our key, and the address is a property.
    let mut expected = json_body(golden["body"].as_str().unwrap());
    let input = &mut expected["inputs"][0];
    input["id"] = "usr_1".into();
    input["idProperty"] = "wisdom_id".into();
    input["properties"]["email"] = "ada@example.test".into();
    assert_eq!(json_body(&ours.body), expected);
}

#[tokio::test]
async fn a_record_made_by_hand_is_linked_with_the_golden_update() {
    for errors in [BatchErrors::Mixed, BatchErrors::Whole] {
        let by_hand = json!({ "email": "ada@example.test", "wisdom_id": null, "note": "theirs" });
        let vendor = HubSpot::new("wisdom_id", errors).with_record(&by_hand);
        let server = ContractServer::start("hubspot/crm.json", vendor).await;
        let crm = open(&server);
        let record = crm.upsert_contact(&ada()).await.unwrap();
        assert_eq!((record.id.as_str(), record.created), ("101", false));
        let seen = server.seen();
        assert_eq!(
            seen[1].target,
            "/crm/v3/objects/contacts/101?properties=wisdom_id"
        );
        let mut golden = golden("hubspot", "contacts.basic.update");
        golden["target"] = "/crm/v3/objects/contacts/101".into();
        assert_same_head(&seen[2], &golden);
        let expected = json!({ "properties": { "email": "ada@example.test", "wisdom_id": "usr_1" } });
        assert_eq!(json_body(&seen[2].body), expected);
        assert_eq!(crm.upsert_contact(&ada()).await.unwrap(), record);
    }
}

#[tokio::test]
async fn a_merged_record_is_followed() {
    let vendor = HubSpot::new("wisdom_id", BatchErrors::Mixed)
        .with_record(&json!({ "email": "ada@example.test" }))
        .with_record(&json!({ "email": "other@example.test" }));
    let server = ContractServer::start("hubspot/crm.json", vendor).await;
    let time = "2026-01-01T00:00:00Z";
    let merged = json!({ "id": "102", "createdAt": time, "updatedAt": time, "properties": {} });
    server.plan([
        Answer::new(409, error("CONFLICT", "Contact already exists. Existing ID: 101")),
        Answer::new(200, merged),
    ]);
    let record = open(&server).upsert_contact(&ada()).await.unwrap();
    assert_eq!(record.id, CrmRecordId::parse("102").unwrap());
}

#[tokio::test]
async fn a_bad_contact_sends_the_others_of_its_batch_one_by_one() {
    let (crm, server) = vendor(BatchErrors::Whole).await;
    server.plan([Answer::new(
        400,
        error("VALIDATION_ERROR", "one of them is wrong"),
    )]);
    let mut eve = Contact::new(
        ContactKey::parse("usr_2").unwrap(),
        EmailAddress::parse("eve@example.test").unwrap(),
    );
    eve.family_name = Some("E".to_owned());
    let results = crm.upsert_contacts(&[ada(), eve]).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_batch_is_one_call_for_a_hundred() {
    let (crm, server) = vendor(BatchErrors::Mixed).await;
    let people: Vec<Contact> = (0..250)
        .map(|n| {
            let email = EmailAddress::parse(&format!("p{n}@example.test")).unwrap();
            Contact::new(ContactKey::parse(&format!("usr_{n}")).unwrap(), email)
        })
        .collect();
    crm.upsert_contacts(&people).await.unwrap();
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_repeated_key_goes_into_a_call_of_its_own() {
    let (crm, server) = vendor(BatchErrors::Mixed).await;
    let eve = EmailAddress::parse("eve@example.test").unwrap();
    let eve = Contact::new(ContactKey::parse("usr_2").unwrap(), eve);
    crm.upsert_contacts(&[ada(), eve, ada()]).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn failures_become_kinds_and_hints() {
    let backoff = Retry::Backoff;
    for (answer, kind, retry) in [
        (
            Answer::new(400, error("VALIDATION_ERROR", "x")),
            PortErrorKind::Invalid,
            Retry::Never,
        ),
        (
            Answer::new(401, error("INVALID_AUTHENTICATION", "x")),
            PortErrorKind::Unauthorized,
            Retry::Never,
        ),
        (
            Answer::new(403, error("MISSING_SCOPES", "x")),
            PortErrorKind::Unauthorized,
            Retry::Never,
        ),
        (
            Answer::new(429, error("RATE_LIMITS", "x")).with_header("retry-after", "7"),
            PortErrorKind::RateLimited,
            Retry::After(Duration::from_secs(7)),
        ),
        (
            Answer::new(429, error("RATE_LIMITS", "x")),
            PortErrorKind::RateLimited,
            backoff,
        ),
        (
            Answer::new(502, error("x", "x")),
            PortErrorKind::Unavailable,
            backoff,
        ),
        (
            Answer::new(302, error("x", "x")),
            PortErrorKind::Protocol,
            Retry::Never,
        ),
        (
            Answer::new(409, error("CONFLICT", "without an id")),
            PortErrorKind::Conflict,
            Retry::Never,
        ),
    ] {
        let (crm, server) = vendor(BatchErrors::Mixed).await;
        server.plan([answer.clone()]);
        let failure = crm.upsert_contact(&ada()).await.unwrap_err();
        assert_eq!((failure.kind, failure.retry), (kind, retry), "{answer:?}");
        assert_eq!((failure.port, failure.operation), ("crm", "upsert_contact"));
    }
}

#[tokio::test]
async fn errors_hold_no_words_about_people() {
    let (crm, server) = vendor(BatchErrors::Mixed).await;
    server.plan([Answer::new(
        400,
        error("VALIDATION_ERROR", "ada@example.test is no good"),
    )]);
    let failure = crm.upsert_contact(&ada()).await.unwrap_err();
    let shown = format!("{failure:?} {crm:?}");
    assert!(
        shown.contains("VALIDATION_ERROR") && !shown.contains("ada@") && !shown.contains("pat-golden"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_vendor_that_is_away_is_transient() {
    let (crm, server) = vendor(BatchErrors::Mixed).await;
    drop(server);
    let failure = crm.upsert_contact(&ada()).await.unwrap_err();
    assert_eq!((failure.port, failure.kind), ("crm", PortErrorKind::Unavailable));
    assert!(failure.is_transient());
}

/// The check can fail: every misspelled key and every wrong type of our request is refused.
#[tokio::test]
async fn mutants_of_our_requests_are_refused() {
    let (crm, server) = vendor(BatchErrors::Mixed).await;
    crm.upsert_contact(&ada()).await.unwrap();
    let id = CrmRecordId::parse("101").unwrap();
    crm.erase_contact(&id).await.unwrap();
    let seen = server.seen();
    let (upsert, erase) = (&seen[0], &seen[1]);
    for (request, from, to) in [
        (upsert, "\"inputs\"", "\"input\""),
        (upsert, "\"id\"", "\"ID\""),
        (upsert, "\"idProperty\"", "\"id_property\""),
        (upsert, "\"properties\"", "\"props\""),
        (upsert, "\"usr_1\"", "1"),
        (upsert, "\"ada@example.test\"", "null"),
        (upsert, "{\"email\":\"ada@example.test\"}", "[]"),
        (erase, "\"objectId\"", "\"object_id\""),
        (erase, "\"101\"", "101"),
    ] {
        let mutant = request.body.replace(from, to);
        assert_ne!(mutant, request.body, "{from} is not in {}", request.body);
        let url = Url::parse(&server.base()).unwrap().join(&request.target).unwrap();
        let outgoing = OutgoingRequest::post(url, mutant.clone())
            .to_addresses(AddressPolicy::AllowLoopback)
            .with_header(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static("application/json"),
            );
        let response = http().send(outgoing).await.unwrap();
        assert_eq!(response.status, 400, "{mutant}");
        assert_eq!(server.take_violations().len(), 1, "{mutant}");
    }
}

#[tokio::test]
async fn opening_refuses_what_cannot_work() {
    for query in [
        "",
        "token=env:HUBSPOT_TOKEN&tokn=x",
        "token=env:HUBSPOT_TOKEN&id_property=email",
        "token=env:HUBSPOT_TOKEN&id_property=Wisdom",
        "token=env:HUBSPOT_TOKEN&base=http://api.example.test/",
        "token=env:HUBSPOT_TOKEN&base=https://api.example.test/path",
        "token=env:HUBSPOT_TOKEN&base=nonsense",
    ] {
        let url = Url::parse(&format!("hubspot:?{query}")).unwrap();
        let failure = HubSpotCrm::from_url(&url, &token, http()).unwrap_err();
        assert_eq!(failure.kind, PortErrorKind::Invalid, "{query}");
    }
    assert!(HubSpotCrm::new(http(), " ".to_owned().into()).is_err());
}
