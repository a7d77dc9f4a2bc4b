//! Holding requests and answers against a vendor's OpenAPI description.
//!
//! The descriptions use few keywords: `$ref`, `type`, `properties`, `required`, `additionalProperties`, `items`, `enum`,
//! `anyOf`, `nullable`. Any other keyword that constrains a value fails the test rather than pass unseen. References run
//! in circles, so they are followed only as deep as the value goes.

use serde_json::{Map, Value};

use crate::contracts::form;
use crate::contracts::server::Request;

/// Keywords that say nothing about which values are right, or are read elsewhere.
const SILENT: &[&str] = &[
    "description",
    "format",
    "x-known-values",
    "x-resourceId",
    "x-expandableFields",
    "title",
    "example",
    "default",
];

/// A vendor's description.
#[derive(Debug)]
pub(crate) struct Description {
    document: Value,
}

/// An operation of the description that a request was found to be.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    /// Its path with placeholders.
    pub(crate) path: &'a str,
    definition: &'a Value,
}

/// How a body's texts are read: a form knows only texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Texts {
    Json,
    Form,
}

impl Description {
    pub(crate) fn read(path: &str) -> Self {
        Self {
            document: super::data::read(path),
        }
    }

    /// Finds the operation of a request and checks its query and body.
    pub(crate) fn check_request(&self, request: &Request) -> Result<Operation<'_>, String> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let operation = self.operation(&request.method, path)?;
        self.check_query(&operation, query)?;
        self.check_body(&operation, request)?;
        Ok(operation)
    }

    /// Checks an answer that the test server is about to give, so that it lies about nothing.
    pub(crate) fn check_response(
        &self,
        operation: &Operation<'_>,
        status: u16,
        body: &Value,
    ) -> Result<(), String> {
        let responses = &operation.definition["responses"];
        let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        match response["content"]["application/json"].get("schema") {
            Some(schema) => self.check(schema, body, "answer", Texts::Json),
            None if body.is_null() => Ok(()),
            None => Err(format!("{} answers {status} without a body", operation.path)),
        }
    }

    fn operation(&self, method: &str, path: &str) -> Result<Operation<'_>, String> {
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == segments.len()
                && parts
                    .iter()
                    .zip(&segments)
                    .all(|(part, segment)| part == segment || part.starts_with('{') && !segment.is_empty())
        };
        let paths = self.document["paths"].as_object().unwrap();
        // A path written out goes before one with placeholders.
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        let method = method.to_ascii_lowercase();
        found
            .into_iter()
            .find_map(|(path, item)| {
                Some(Operation {
                    path,
                    definition: item.get(&method)?,
                })
            })
            .ok_or_else(|| format!("{method} {path} is not described"))
    }

    fn check_query(&self, operation: &Operation<'_>, query: &str) -> Result<(), String> {
        let parameters = operation.definition["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let described: Vec<&Value> = parameters.iter().filter(|p| p["in"] == "query").collect();
        let sent: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        for (name, value) in &sent {
            let parameter = described
                .iter()
                .find(|p| p["name"] == name.as_str())
                .ok_or_else(|| format!("query parameter {name} is not described"))?;
            let schema = &parameter["schema"];
            let schema = if schema["type"] == "array" {
                &schema["items"]
            } else {
                schema
            };
            self.check(schema, &Value::from(value.as_str()), name, Texts::Form)?;
        }
        match described
            .iter()
            .find(|p| p["required"] == true && !sent.iter().any(|(n, _)| p["name"] == n.as_str()))
        {
            Some(missing) => Err(format!("query parameter {} is missing", missing["name"])),
            None => Ok(()),
        }
    }

    fn check_body(&self, operation: &Operation<'_>, request: &Request) -> Result<(), String> {
        let Some(expected) = operation.definition.get("requestBody") else {
            return if request.body.is_empty() {
                Ok(())
            } else {
                Err("a body is not described".to_owned())
            };
        };
        let kind = request
            .headers
            .get("content-type")
            .map(String::as_str)
            .unwrap_or_default();
        let schema = &expected["content"]
            .get(kind)
            .ok_or_else(|| format!("content type {kind:?} is not described"))?["schema"];
        if kind == "application/json" {
            let body = serde_json::from_str(&request.body).map_err(|cause| format!("body: {cause}"))?;
            self.check(schema, &body, "body", Texts::Json)
        } else {
            self.check(schema, &form::decode(&request.body)?, "body", Texts::Form)
        }
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, texts: Texts) -> Result<(), String> {
        let schema = schema
            .as_object()
            .ok_or_else(|| format!("{at}: the schema is no object"))?;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let pointer = reference
                .strip_prefix('#')
                .ok_or("reference to another document")?;
            let target = self
                .document
                .pointer(pointer)
                .ok_or_else(|| format!("{reference} is missing"))?;
            return self.check(target, value, at, texts);
        }
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "type" => check_type(rule, value, at, texts)?,
                "enum" => check_enum(rule, value, at, texts)?,
                "anyOf" => {
                    let branches = rule.as_array().ok_or("anyOf is no list")?;
                    let results: Vec<_> = branches
                        .iter()
                        .map(|branch| self.check(branch, value, at, texts))
                        .collect();
                    if !results.iter().any(Result::is_ok) {
                        return results
                            .into_iter()
                            .next_back()
                            .unwrap_or(Err(format!("{at}: no form fits")));
                    }
                }
                "properties" | "required" | "additionalProperties" => {
                    if let Some(object) = value.as_object() {
                        self.check_object(schema, object, at, texts)?;
                    }
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{at}[{index}]"), texts)?;
                    }
                }
                "nullable" => {}
                silent if SILENT.contains(&silent) => {}
                unknown => return Err(format!("{at}: this checker does not know the keyword {unknown}")),
            }
        }
        Ok(())
    }

    fn check_object(
        &self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        at: &str,
        texts: Texts,
    ) -> Result<(), String> {
        for name in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = name.as_str().unwrap_or_default();
            if !object.contains_key(name) {
                return Err(format!("{at}: {name} is missing"));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, value) in object {
            let at = format!("{at}.{name}");
            match (
                properties.and_then(|p| p.get(name)),
                schema.get("additionalProperties"),
            ) {
                (None, Some(Value::Bool(false))) => return Err(format!("{at} is not described")),
                (Some(rule), _) | (None, Some(rule @ Value::Object(_))) => {
                    self.check(rule, value, &at, texts)?;
                }
                (None, _) => {}
            }
        }
        Ok(())
    }
}

fn check_type(rule: &Value, value: &Value, at: &str, texts: Texts) -> Result<(), String> {
    let text = if texts == Texts::Form {
        value.as_str()
    } else {
        None
    };
    let fits = match rule.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64() || text.is_some_and(|t| t.parse::<i64>().is_ok()),
        "number" => value.is_number() || text.is_some_and(|t| t.parse::<f64>().is_ok()),
        "boolean" => value.is_boolean() || text.is_some_and(|t| matches!(t, "true" | "false")),
        other => return Err(format!("{at}: this checker does not know the type {other}")),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{at}: {value} is no {rule}"))
    }
}

fn check_enum(rule: &Value, value: &Value, at: &str, texts: Texts) -> Result<(), String> {
    let listed = rule.as_array().is_some_and(|allowed| {
        allowed.iter().any(|one| {
            one == value
                || texts == Texts::Form
                    && value
                        .as_str()
                        .is_some_and(|text| serde_json::from_str(text).is_ok_and(|read: Value| read == *one))
        })
    });
    if listed {
        Ok(())
    } else {
        Err(format!("{at}: {value} is not one of the listed values"))
    }
}
