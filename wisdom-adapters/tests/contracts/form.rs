//! Form bodies with brackets as JSON: `a[b]=1&c[0]=2` is `{"a": {"b": "1"}, "c": ["2"]}`.

use serde_json::{Map, Value};

/// Decodes a body; every leaf is a text.
pub(crate) fn decode(body: &str) -> Result<Value, String> {
    let mut root = Value::Object(Map::new());
    for (name, text) in url::form_urlencoded::parse(body.as_bytes()) {
        insert(&mut root, &path(&name)?, &text)?;
    }
    Ok(lists(root))
}

fn path(name: &str) -> Result<Vec<String>, String> {
    let (head, rest) = match name.find('[') {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let mut parts = vec![head.to_owned()];
    let mut rest = rest;
    while !rest.is_empty() {
        let inner = rest
            .strip_prefix('[')
            .ok_or_else(|| format!("{name}: text between brackets"))?;
        let (part, after) = inner
            .split_once(']')
            .ok_or_else(|| format!("{name}: open bracket"))?;
        parts.push(part.to_owned());
        rest = after;
    }
    if parts.iter().any(String::is_empty) {
        Err(format!("{name}: empty part"))
    } else {
        Ok(parts)
    }
}

fn insert(into: &mut Value, path: &[String], text: &str) -> Result<(), String> {
    let (first, rest) = path.split_first().ok_or("empty path")?;
    let object = into
        .as_object_mut()
        .ok_or_else(|| format!("{first}: both a text and an object"))?;
    if rest.is_empty() {
        return match object.insert(first.clone(), text.into()) {
            None => Ok(()),
            Some(_) => Err(format!("{first} is given twice")),
        };
    }
    insert(
        object
            .entry(first.clone())
            .or_insert_with(|| Value::Object(Map::new())),
        rest,
        text,
    )
}

/// Objects whose names are 0, 1, 2, … are lists.
fn lists(value: Value) -> Value {
    let Value::Object(object) = value else {
        return value;
    };
    let mut object: Map<String, Value> = object.into_iter().map(|(k, v)| (k, lists(v))).collect();
    let is_list = !object.is_empty() && (0..object.len()).all(|n| object.contains_key(&n.to_string()));
    if !is_list {
        return Value::Object(object);
    }
    (0..object.len())
        .filter_map(|n| object.remove(&n.to_string()))
        .collect()
}
