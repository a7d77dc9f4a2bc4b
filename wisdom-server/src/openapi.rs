//! The `OpenAPI` 3.1 document, made from route table and catalogue.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use wisdom_core::access::Access;
use wisdom_core::catalogue::{Catalogue, Entry, Host};
use wisdom_core::unit_of_work::Effect;

use crate::endpoint::{OWN, takes_body};
use crate::input::{InputPlan, TENANT, properties, resolve};
use crate::problem;
use crate::route::{Dialect, Route};

const SCHEMAS: &str = "#/components/schemas/";
const PROBLEM: &str = "Problem";

/// The document of these routes. Operations of the catalogue that have no route are not in it.
///
/// # Errors
/// When a schema cannot be written as JSON.
pub fn document<H: Host>(catalogue: &Catalogue<H>, routes: &[Route]) -> Result<Value, serde_json::Error> {
    let settings =
        || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut inputs = settings().for_deserialize().into_generator();
    let mut outputs = settings().for_serialize().into_generator();
    let mut lines = Vec::with_capacity(routes.len());
    for route in routes {
        if let Some(entry) = catalogue.find(route.operation) {
            let input = entry.input_schema(&mut inputs).to_value();
            lines.push((route, entry, input, entry.output_schema(&mut outputs).to_value()));
        }
    }
    let mut schemas = inputs.take_definitions(true);
    let answers = outputs.take_definitions(true);
    let other: BTreeSet<String> = answers
        .iter()
        .filter(|(name, schema)| schemas.get(*name).is_some_and(|s| s != *schema))
        .map(|(n, _)| n.clone())
        .collect();
    let mut paths: BTreeMap<&str, Methods> = BTreeMap::new();
    for (route, entry, input, mut output) in lines {
        rename(&mut output, &other);
        let operation = operation(route, entry, &input, output, &schemas);
        paths
            .entry(route.path)
            .or_default()
            .insert(route.method.as_str().to_lowercase(), operation);
    }
    for (name, mut schema) in answers {
        rename(&mut schema, &other);
        schemas.insert(
            if other.contains(&name) {
                answer_name(&name)
            } else {
                name
            },
            schema,
        );
    }
    for (at, summary) in OWN {
        paths
            .entry(at)
            .or_default()
            .insert("get".to_owned(), own(at, summary));
    }
    schemas.insert(PROBLEM.to_owned(), problem_schema());
    let schemas = keep_used(schemas, &paths);
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wisdom",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The backend every B2B product needs. Refusals are problem documents (RFC 9457).",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "client": { "type": "http", "scheme": "basic" },
            },
            "headers": {
                "RequestId": { "description": "Our id of the request.", "schema": { "type": "string" } },
                "RetryAfter": { "description": "Seconds until trying again can help.", "schema": { "type": "integer" } },
            },
            "responses": {
                PROBLEM: {
                    "description": "A refusal.",
                    "headers": {
                        "x-request-id": { "$ref": "#/components/headers/RequestId" },
                        "retry-after": { "$ref": "#/components/headers/RetryAfter" },
                    },
                    "content": { problem::MEDIA_TYPE: { "schema": { "$ref": format!("{SCHEMAS}{PROBLEM}") } } },
                },
            },
        },
    }))
}

type Methods = BTreeMap<String, Value>;

fn operation<H: Host>(
    route: &Route,
    entry: &Entry<H>,
    input: &Value,
    output: Value,
    schemas: &Map<String, Value>,
) -> Value {
    let in_path: Vec<&str> = route.parameters().collect();
    let root = resolve(input, schemas);
    let mut parameters = Vec::new();
    for name in &in_path {
        let field = properties(root)
            .find(|(known, ..)| known == name)
            .map(|(_, schema, _)| schema.clone());
        let schema = field
            .unwrap_or_else(|| json!({ "type": "string", "pattern": "^tnt_[0-7][0-9a-hjkmnp-tv-z]{25}$" }));
        let what = if *name == TENANT {
            "The tenant."
        } else {
            "Which one."
        };
        parameters.push(
            json!({ "name": name, "in": "path", "required": true, "description": what, "schema": schema }),
        );
    }
    let mut written = json!({
        "operationId": entry.name,
        "summary": entry.summary,
        "tags": [entry.name.split('.').next().unwrap_or_default()],
        "x-wisdom-access": entry.access.to_string(),
    });
    if takes_body(&route.method) {
        if let Some(body) = body_schema(root, input, &in_path) {
            let required = body.get("required").is_some() || body.get("$ref").is_some();
            let kind = match route.dialect {
                Dialect::Json => "application/json",
                Dialect::Oauth => "application/x-www-form-urlencoded",
            };
            written["requestBody"] = json!({ "required": required, "content": { kind: { "schema": body } } });
        }
        if entry.effect == Effect::Write && entry.access != Access::Public {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "The same key with the same request has one effect and one answer, for 24 hours.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            }));
        }
    } else {
        for field in InputPlan::of(input, schemas, &in_path).query {
            let schema = field.schema;
            parameters.push(
                json!({ "name": field.name, "in": "query", "required": field.required, "schema": schema }),
            );
        }
    }
    if !parameters.is_empty() {
        written["parameters"] = Value::Array(parameters);
    }
    written["security"] = match (route.dialect, entry.access) {
        // In the form the client's secret is a parameter, and no scheme.
        (Dialect::Oauth, _) => json!([{ "client": [] }, {}]),
        (Dialect::Json, Access::Public) => json!([]),
        (Dialect::Json, _) => json!([{ "bearer": [] }]),
    };
    let mut answer = json!({ "description": "Done.", "headers": { "x-request-id": { "$ref": "#/components/headers/RequestId" } } });
    if route.success != StatusCode::NO_CONTENT && output.get("type") != Some(&"null".into()) {
        answer["content"] = json!({ "application/json": { "schema": output } });
    }
    let problem = json!({ "$ref": format!("#/components/responses/{PROBLEM}") });
    let mut responses = Map::new();
    responses.insert(route.success.as_u16().to_string(), answer);
    if route.dialect == Dialect::Oauth {
        for status in ["400", "401"] {
            responses.insert(status.to_owned(), oauth_refusal());
        }
    }
    responses.insert("4XX".to_owned(), problem.clone());
    responses.insert("5XX".to_owned(), problem);
    written["responses"] = Value::Object(responses);
    written
}

/// RFC 6749, section 5.2.
fn oauth_refusal() -> Value {
    json!({
        "description": "A refusal (RFC 6749, section 5.2).",
        "content": { "application/json": { "schema": {
            "type": "object",
            "properties": { "error": { "type": "string" }, "error_description": { "type": "string" } },
            "required": ["error"],
        } } },
    })
}

/// The input without what comes from the path; none when nothing is left.
fn body_schema(root: &Value, input: &Value, in_path: &[&str]) -> Option<Value> {
    let fields: Vec<&str> = properties(root).map(|(name, ..)| name).collect();
    if !fields.iter().any(|name| in_path.contains(name)) {
        return if fields.is_empty() {
            None
        } else {
            Some(input.clone())
        };
    }
    let mut rest = root.clone();
    if let Some(map) = rest.get_mut("properties").and_then(Value::as_object_mut) {
        map.retain(|name, _| !in_path.contains(&name.as_str()));
        if map.is_empty() {
            return None;
        }
    }
    if let Some(names) = rest.get_mut("required").and_then(Value::as_array_mut) {
        names.retain(|name| name.as_str().is_none_or(|name| !in_path.contains(&name)));
        if names.is_empty()
            && let Some(map) = rest.as_object_mut()
        {
            map.remove("required");
        }
    }
    Some(rest)
}

fn own(at: &str, summary: &str) -> Value {
    let kind = if at == "/metrics" {
        "text/plain"
    } else {
        "application/json"
    };
    let schema = if at == "/metrics" {
        json!({ "type": "string" })
    } else {
        json!({ "type": "object" })
    };
    let problem = json!({ "$ref": format!("#/components/responses/{PROBLEM}") });
    json!({
        "operationId": format!("service.{}", at.trim_start_matches("/.well-known/").trim_matches('/').replace('.', "_")),
        "summary": summary,
        "tags": ["service"],
        "security": [],
        "responses": {
            "200": { "description": "Done.", "content": { kind: { "schema": schema } } },
            "4XX": problem.clone(),
            "5XX": problem,
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "properties": {
            "type": { "type": "string", "description": "The kind of refusal, a URI reference.", "examples": ["/problems/not-found"] },
            "title": { "type": "string", "description": "The kind in words." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "code": { "type": "string", "description": "What exactly was refused, stable, for programs." },
            "detail": { "type": "string", "description": "What happened, for people." },
            "instance": { "type": "string", "description": "Our id of the request, to be quoted in questions." },
            "fields": {
                "type": "array",
                "description": "Broken rules, field by field.",
                "items": {
                    "type": "object",
                    "properties": {
                        "field": { "type": "string" },
                        "rule": { "type": "string" },
                        "message": { "type": "string" },
                    },
                    "required": ["field", "rule", "message"],
                },
            },
        },
        "required": ["type", "title", "status", "code", "detail", "instance"],
    })
}

fn answer_name(name: &str) -> String {
    format!("{name}Answer")
}

/// Types whose written form differs from the read one get a name of their own.
fn rename(schema: &mut Value, other: &BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                let renamed = match (
                    key.as_str(),
                    value.as_str().and_then(|text| text.strip_prefix(SCHEMAS)),
                ) {
                    ("$ref", Some(name)) if other.contains(name) => {
                        Some(format!("{SCHEMAS}{}", answer_name(name)))
                    }
                    _ => None,
                };
                match renamed {
                    Some(text) => *value = Value::String(text),
                    None => rename(value, other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, other)),
        _ => {}
    }
}

/// Only what paths refer to, directly or not.
fn keep_used(mut schemas: Map<String, Value>, paths: &BTreeMap<&str, Methods>) -> Map<String, Value> {
    let mut used = BTreeSet::from([PROBLEM.to_owned()]);
    paths
        .values()
        .flat_map(Methods::values)
        .for_each(|operation| names(operation, &mut used));
    loop {
        let mut more = used.clone();
        used.iter()
            .filter_map(|name| schemas.get(name))
            .for_each(|schema| names(schema, &mut more));
        if more.len() == used.len() {
            break;
        }
        used = more;
    }
    schemas.retain(|name, _| used.contains(name));
    schemas
}

fn names(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|text| text.strip_prefix(SCHEMAS))
            {
                found.insert(name.to_owned());
            }
            map.values().for_each(|value| names(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}
