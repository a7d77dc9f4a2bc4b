//! JSON from outside: bounded depth, no duplicate members, and errors that name the field and the rule.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::failure::{Failure, FailureKind, PublicMessage};

/// Arrays and objects inside each other at most.
pub const MAX_DEPTH: usize = 64;

/// Reads a body as JSON (RFC 8259). Nothing but white space reads as an empty object.
///
/// # Errors
/// A [`Failure`] when it is not JSON, is nested deeper than [`MAX_DEPTH`], or has an object with the same member twice
/// (RFC 8259, section 4, leaves the meaning of that open, which is what attackers live on).
pub fn parse(body: &[u8]) -> Result<Value, Failure> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Strict { depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            let (code, text) = if error.to_string().starts_with(TOO_DEEP) {
                (
                    "json.depth",
                    format!("The body nests deeper than {MAX_DEPTH} levels ({place})."),
                )
            } else if error.to_string().starts_with(TWICE) {
                (
                    "json.duplicate",
                    format!("The body has an object with the same member twice ({place})."),
                )
            } else {
                ("json.syntax", format!("The body is not JSON ({place})."))
            };
            Failure::new(FailureKind::InvalidArgument, code, PublicMessage::composed(text))
        })?;
    Ok(value)
}

const TOO_DEEP: &str = "nested too deeply";
const TWICE: &str = "member twice";

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            Err(E::custom(TOO_DEEP))
        } else {
            Ok(Self {
                depth: self.depth + 1,
            })
        }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(members))
    }
}

/// Reads an operation's input, with errors that name the field.
///
/// # Errors
/// A [`Failure`] whose `fields` say which field broke which rule.
pub fn read_input<T: DeserializeOwned>(input: Value) -> Result<T, Failure> {
    let input = if input.is_null() {
        Value::Object(Map::new())
    } else {
        input
    };
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let text = error.into_inner().to_string();
        let named = text.split('`').nth(1).unwrap_or_default().to_owned();
        let join = |name: &str| {
            if path == "." || path == name || path.ends_with(&format!(".{name}")) {
                if path == "." {
                    name.to_owned()
                } else {
                    path.clone()
                }
            } else {
                format!("{path}.{name}")
            }
        };
        if text.starts_with("missing field") {
            Failure::field(join(&named), "required", "is required")
        } else if text.starts_with("unknown field") {
            Failure::field(join(&named), "known", PublicMessage::composed(unknown(&text)))
        } else if let Some(expected) = text
            .strip_prefix("invalid type: ")
            .and_then(|t| t.split_once("expected "))
        {
            // The part before "expected" repeats the value, which may be a secret.
            Failure::field(
                path,
                "type",
                PublicMessage::composed(format!("must be {}", expected.1)),
            )
        } else if text.starts_with("invalid ") || text.starts_with("unknown variant") {
            let expected = text.split_once("expected ").map_or("another value", |t| t.1);
            Failure::field(
                path,
                "value",
                PublicMessage::composed(format!("must be {expected}")),
            )
        } else {
            Failure::field(path, "format", PublicMessage::composed(text))
        }
    })
}

fn unknown(text: &str) -> String {
    match text.split_once("expected ") {
        Some((_, known)) => format!(
            "is not a field here; known: {}",
            known.trim_start_matches("one of ")
        ),
        None => "is not a field here; there are none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "only read by serde")]
        name: String,
        #[expect(dead_code, reason = "only read by serde")]
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only read by serde")]
        size: u32,
    }

    fn refusal(json: &str) -> (String, String) {
        let failure = read_input::<Input>(parse(json.as_bytes()).unwrap()).unwrap_err();
        (
            failure.fields[0].field.clone(),
            failure.fields[0].rule.to_string(),
        )
    }

    #[test]
    fn errors_name_field_and_rule() {
        assert_eq!(refusal("{}"), ("name".into(), "required".into()));
        assert_eq!(
            refusal(r#"{"name":"a","role":1}"#),
            ("role".into(), "known".into())
        );
        assert_eq!(refusal(r#"{"name":5}"#), ("name".into(), "type".into()));
        assert_eq!(
            refusal(r#"{"name":"a","inner":{"size":-1}}"#),
            ("inner.size".into(), "value".into())
        );
        assert_eq!(
            refusal(r#"{"name":"a","inner":{}}"#),
            ("inner.size".into(), "required".into())
        );
    }

    #[test]
    fn a_wrong_type_does_not_repeat_the_value() {
        #[derive(Debug, Deserialize)]
        struct Secret {
            #[expect(dead_code, reason = "only read by serde")]
            password: u32,
        }
        let failure = read_input::<Secret>(parse(br#"{"password":"hunter2"}"#).unwrap()).unwrap_err();
        assert!(!failure.to_string().contains("hunter2"));
    }

    #[test]
    fn depth_and_duplicates_are_refused() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(deep(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(
            parse(deep(MAX_DEPTH + 1).as_bytes()).unwrap_err().code,
            "json.depth"
        );
        assert_eq!(parse(deep(100_000).as_bytes()).unwrap_err().code, "json.depth");
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap_err().code, "json.duplicate");
        assert_eq!(parse(b"{} x").unwrap_err().code, "json.syntax");
        assert_eq!(parse(b"  ").unwrap(), Value::Object(Map::new()));
    }
}
