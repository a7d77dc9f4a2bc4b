//! The OpenAPI document.

use std::collections::BTreeSet;

use serde_json::Value;
use wisdom_server::routes;

use crate::harness::{Setup, program};

fn document() -> Value {
    let output = program().arg("openapi").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                see(name, value);
                visit(value, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}

#[test]
fn the_document_is_the_one_that_was_agreed() {
    let text = serde_json::to_string_pretty(&document()).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_there_once() {
    let document = document();
    let (mut references, mut ids) = (BTreeSet::new(), Vec::new());
    visit(&document, &mut |name, value| match name {
        "$ref" => _ = references.insert(value.as_str().unwrap()),
        "operationId" => ids.push(value.as_str().unwrap()),
        _ => {}
    });
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for route in routes::all() {
        assert_eq!(
            ids.iter().filter(|id| **id == route.operation).count(),
            1,
            "{}",
            route.operation
        );
    }
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_shows_the_same_document() {
    let server = Setup::sqlite().start().await;
    let shown = server
        .call(reqwest::Method::GET, "/openapi.json")
        .send()
        .await
        .expect(200);
    assert_eq!(shown.body, document());
}
