//! An operation's input from path, query and body.

use http::request::Parts;
use matchit::Params;
use serde_json::{Map, Value};
use wisdom_core::failure::{Failure, FailureKind, PublicMessage};

use crate::limits::QUERY_PARAMETERS;

/// The path parameter that names the tenant.
pub(crate) const TENANT: &str = "tenant";

/// What a text from the query stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Integer,
    Number,
    Boolean,
    /// Texts, one for each time the parameter comes.
    Texts,
}

/// One parameter that the query may carry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueryField {
    pub(crate) name: String,
    /// The object inside the input that holds it, when it is not the input itself (`page` for `limit`).
    inside: Option<String>,
    form: Form,
    pub(crate) required: bool,
    pub(crate) schema: Value,
}

/// How one route's input is put together. Derived from the operation's JSON schema once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct InputPlan {
    pub(crate) query: Vec<QueryField>,
}

impl InputPlan {
    /// The query parameters of an input: its plain fields that are not in the path, and the plain fields of its objects
    /// (`page.limit` is `?limit=`), as far as names do not collide.
    pub(crate) fn of(schema: &Value, definitions: &Map<String, Value>, in_path: &[&str]) -> Self {
        let mut query: Vec<QueryField> = Vec::new();
        let root = resolve(schema, definitions);
        for (name, field, required) in properties(root) {
            if in_path.contains(&name) {
                continue;
            }
            let resolved = resolve(field, definitions);
            if resolved.get("properties").is_some() {
                for (inner, schema, _) in properties(resolved) {
                    let shape = resolve(schema, definitions);
                    if let Some(form) = form(shape)
                        && query.iter().all(|known| known.name != inner)
                    {
                        query.push(QueryField {
                            name: inner.to_owned(),
                            inside: Some(name.to_owned()),
                            form,
                            required: false,
                            schema: schema.clone(),
                        });
                    }
                }
            } else if let Some(form) = form(resolved) {
                query.retain(|known| known.name != name);
                query.push(QueryField {
                    name: name.to_owned(),
                    inside: None,
                    form,
                    required,
                    schema: field.clone(),
                });
            }
        }
        Self { query }
    }

    /// The input of a request without a body.
    pub(crate) fn with_query(&self, head: &Parts, params: &Params<'_, '_>) -> Result<Value, Failure> {
        let mut input = Map::new();
        if let Some(query) = head.uri.query().filter(|query| !query.is_empty()) {
            self.read_query(query, &mut input)?;
        }
        add_path(&mut input, params)?;
        Ok(Value::Object(input))
    }

    fn read_query(&self, query: &str, input: &mut Map<String, Value>) -> Result<(), Failure> {
        for (count, (name, text)) in url::form_urlencoded::parse(query.as_bytes()).enumerate() {
            if count >= QUERY_PARAMETERS {
                return Err(Failure::new(
                    FailureKind::InvalidArgument,
                    "query.parameters",
                    PublicMessage::composed(format!(
                        "There are more than {QUERY_PARAMETERS} query parameters."
                    )),
                ));
            }
            let field = self.query.iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| Failure::field(clip(&name), "known", self.known()))?;
            let target = match &field.inside {
                None => &mut *input,
                Some(inside) => {
                    let slot = input
                        .entry(inside.as_str())
                        .or_insert_with(|| Value::Object(Map::new()));
                    let Value::Object(inner) = slot else { continue };
                    inner
                }
            };
            let value = field.value(&text)?;
            match target.get_mut(&field.name) {
                None => {
                    target.insert(field.name.clone(), value);
                }
                Some(Value::Array(items)) if field.form == Form::Texts => {
                    items.extend(value.as_array().cloned().unwrap_or_default());
                }
                Some(_) => return Err(Failure::field(field.name.clone(), "once", "must come only once")),
            }
        }
        Ok(())
    }

    fn known(&self) -> PublicMessage {
        if self.query.is_empty() {
            return "is not a query parameter here; there are none".into();
        }
        let names: Vec<&str> = self.query.iter().map(|field| field.name.as_str()).collect();
        PublicMessage::composed(format!(
            "is not a query parameter here; known: {}",
            names.join(", ")
        ))
    }
}

impl QueryField {
    fn value(&self, text: &str) -> Result<Value, Failure> {
        let refuse = |rule: &'static str| Failure::field(self.name.clone(), "type", rule);
        Ok(match self.form {
            Form::Text => Value::from(text),
            Form::Texts => Value::Array(vec![Value::from(text)]),
            Form::Integer => {
                let signed = text.parse::<i64>().map(Value::from);
                signed
                    .or_else(|_| text.parse::<u64>().map(Value::from))
                    .map_err(|_| refuse("must be a whole number"))?
            }
            Form::Number => {
                let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
                Value::Number(number.ok_or_else(|| refuse("must be a number"))?)
            }
            Form::Boolean => Value::Bool(text.parse().map_err(|_| refuse("must be true or false"))?),
        })
    }
}

/// The input of a request with a body.
pub(crate) fn with_body(body: Value, params: &Params<'_, '_>) -> Result<Value, Failure> {
    if params.iter().all(|(name, _)| name == TENANT) {
        return Ok(body);
    }
    let Value::Object(mut input) = body else {
        return Err(Failure::field("body", "type", "must be an object"));
    };
    add_path(&mut input, params)?;
    Ok(Value::Object(input))
}

/// What the path says cannot be said again, not even with the same value: which of the two counts is never a question.
fn add_path(input: &mut Map<String, Value>, params: &Params<'_, '_>) -> Result<(), Failure> {
    for (name, text) in params.iter().filter(|(name, _)| *name != TENANT) {
        if input.contains_key(name) {
            return Err(Failure::field(
                name,
                "path",
                "comes from the path and must not be given again",
            ));
        }
        input.insert(name.to_owned(), Value::from(text));
    }
    Ok(())
}

fn clip(name: &str) -> String {
    name.chars().take(64).collect()
}

pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value, bool)> {
    let required = schema.get("required").and_then(Value::as_array);
    let needs = move |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
    let fields = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    fields.map(move |(name, field)| (name.as_str(), field, needs(name)))
}

/// Follows references, and takes the other side of "or null".
pub(crate) fn resolve<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    let mut schema = schema;
    // Bounded, so that a schema that refers to itself ends as well.
    for _ in 0..8 {
        let options = ["anyOf", "oneOf"]
            .iter()
            .find_map(|word| schema.get(word))
            .and_then(Value::as_array);
        schema = if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let Some(found) = name.rsplit('/').next().and_then(|name| definitions.get(name)) else {
                return schema;
            };
            found
        } else if let Some(options) = options
            && let [one] = options
                .iter()
                .filter(|o| o.get("type") != Some(&"null".into()))
                .collect::<Vec<_>>()[..]
        {
            one
        } else {
            return schema;
        };
    }
    schema
}

fn form(schema: &Value) -> Option<Form> {
    let of = |name: &str| match name {
        "string" => Some(Form::Text),
        "integer" => Some(Form::Integer),
        "number" => Some(Form::Number),
        "boolean" => Some(Form::Boolean),
        "array" => Some(Form::Texts),
        _ => None,
    };
    match schema.get("type") {
        Some(Value::String(name)) => of(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find_map(of),
        _ => schema
            .get("enum")
            .or_else(|| schema.get("const"))
            .or_else(|| schema.get("oneOf"))
            .map(|_| Form::Text),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use matchit::Router;
    use serde_json::json;

    use super::*;

    fn plan() -> InputPlan {
        let schema = json!({ "$ref": "#/$defs/List" });
        let definitions = json!({
            "List": { "properties": {
                "page": { "$ref": "#/$defs/Page" },
                "action": { "type": ["string", "null"] },
                "member": { "type": "string" },
                "all": { "anyOf": [{ "$ref": "#/$defs/Flag" }, { "type": "null" }] },
            }, "required": ["member"] },
            "Page": { "type": "object", "properties": {
                "limit": { "type": ["integer", "null"] },
                "cursor": { "type": ["string", "null"] },
            }},
            "Flag": { "type": "boolean" },
        });
        InputPlan::of(&schema, definitions.as_object().unwrap(), &["member"])
    }

    fn read(target: &str) -> Result<Value, Failure> {
        let mut router = Router::new();
        router.insert("/{tenant}/{member}", ()).unwrap();
        let (head, ()) = Request::builder().uri(target).body(()).unwrap().into_parts();
        let params = router.at(head.uri.path()).unwrap().params;
        plan().with_query(&head, &params)
    }

    #[test]
    fn texts_get_the_type_of_their_field() {
        let input = read("/tnt_1/mem_1?limit=5&cursor=a%20b&action=x&all=true").unwrap();
        let expected =
            json!({ "page": { "limit": 5, "cursor": "a b" }, "action": "x", "all": true, "member": "mem_1" });
        assert_eq!(input, expected);
        assert_eq!(read("/tnt_1/mem_1").unwrap(), json!({ "member": "mem_1" }));
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let rule = |target: &str| read(target).unwrap_err().fields[0].rule.to_string();
        assert_eq!(rule("/t/m?limit=many"), "type");
        assert_eq!(rule("/t/m?all=1"), "type");
        assert_eq!(rule("/t/m?limit=1&limit=2"), "once");
        assert_eq!(rule("/t/m?member=x"), "known");
        assert_eq!(rule("/t/m?tenant=x"), "known");
        assert_eq!(rule("/t/m?page=x"), "known");
        let many = format!("/t/m?{}", "limit=1&".repeat(QUERY_PARAMETERS + 1));
        assert!(read(&many).is_err());
    }

    #[test]
    fn the_path_is_not_said_again() {
        let mut router = Router::new();
        router.insert("/{tenant}/{member}", ()).unwrap();
        let params = router.at("/t/m").unwrap().params;
        assert_eq!(
            with_body(json!({ "role": "admin" }), &params).unwrap(),
            json!({ "role": "admin", "member": "m" })
        );
        assert_eq!(
            with_body(json!({ "member": "m" }), &params).unwrap_err().fields[0].rule,
            "path"
        );
        assert_eq!(
            with_body(json!([1]), &params).unwrap_err().fields[0].field,
            "body"
        );
    }
}
