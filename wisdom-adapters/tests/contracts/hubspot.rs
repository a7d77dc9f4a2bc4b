//! HubSpot's contacts in memory: ids of its own, one record for each key and for each address.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::server::{Answer, Request, Vendor};

const TIME: &str = "2026-01-01T00:00:00.000Z";

/// How the vendor says that some inputs of a batch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchErrors {
    /// 409 for the whole batch.
    Whole,
    /// 207 with results and errors.
    Mixed,
}

#[derive(Debug)]
pub(crate) struct HubSpot {
    id_property: &'static str,
    errors: BatchErrors,
    last_id: u64,
    records: BTreeMap<String, Map<String, Value>>,
}

impl HubSpot {
    pub(crate) fn new(id_property: &'static str, errors: BatchErrors) -> Self {
        Self {
            id_property,
            errors,
            last_id: 100,
            records: BTreeMap::new(),
        }
    }

    /// A record that somebody made on the vendor's side.
    pub(crate) fn with_record(mut self, properties: &Value) -> Self {
        self.last_id += 1;
        self.records
            .insert(self.last_id.to_string(), properties.as_object().unwrap().clone());
        self
    }

    fn find(&self, property: &str, value: &str) -> Option<String> {
        self.records
            .iter()
            .find(|(_, properties)| properties.get(property).and_then(Value::as_str) == Some(value))
            .map(|(id, _)| id.clone())
    }

    fn record(&self, id: &str, extra: &Value) -> Value {
        let mut record = json!({
            "id": id, "createdAt": TIME, "updatedAt": TIME, "archived": false, "properties": self.records[id],
        });
        record
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        record
    }

    /// One input of a batch: its result, or the sentence that refuses it.
    fn upsert(&mut self, input: &Value) -> Result<Value, String> {
        let key = input["id"].as_str().unwrap();
        let properties = input["properties"].as_object().unwrap();
        let own = self.find(self.id_property, key);
        let by_address = self.find("email", properties["email"].as_str().unwrap());
        if let Some(other) = by_address
            && own.as_ref() != Some(&other)
        {
            return Err(format!("Contact already exists. Existing ID: {other}"));
        }
        let is_new = own.is_none();
        let id = own.unwrap_or_else(|| {
            self.last_id += 1;
            self.last_id.to_string()
        });
        let record = self.records.entry(id.clone()).or_default();
        record.extend(properties.clone());
        record.insert(self.id_property.to_owned(), key.into());
        Ok(self.record(&id, &json!({ "new": is_new })))
    }

    fn batch(&mut self, request: &Request) -> Answer {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let inputs = body["inputs"].as_array().unwrap();
        let mut keys: Vec<&str> = inputs.iter().map(|input| input["id"].as_str().unwrap()).collect();
        keys.sort_unstable();
        keys.dedup();
        if inputs.len() > 100 || keys.len() != inputs.len() {
            return self.refusal("over 100 inputs, or one key twice");
        }
        if inputs.iter().any(|input| input["idProperty"] != self.id_property) {
            return self.refusal("idProperty is not a unique property");
        }
        let before = (self.last_id, self.records.clone());
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in inputs {
            match self.upsert(input) {
                Ok(record) => results.push(record),
                Err(sentence) => errors.push(sentence),
            }
        }
        // The vendor does not promise the order of the input.
        results.reverse();
        let mut answer =
            json!({ "status": "COMPLETE", "startedAt": TIME, "completedAt": TIME, "results": results });
        match (errors.first(), self.errors) {
            (None, _) => Answer::new(200, answer),
            (Some(sentence), BatchErrors::Whole) => {
                (self.last_id, self.records) = before;
                Answer::new(409, error("CONFLICT", sentence))
            }
            (Some(_), BatchErrors::Mixed) => {
                let errors: Vec<Value> = errors.iter().map(|sentence| inner_error(sentence)).collect();
                answer["numErrors"] = errors.len().into();
                answer["errors"] = errors.into();
                Answer::new(207, answer)
            }
        }
    }
}

pub(crate) fn error(category: &str, sentence: &str) -> Value {
    json!({ "status": "error", "category": category, "message": sentence, "correlationId": "c-1" })
}

fn inner_error(sentence: &str) -> Value {
    json!({
        "status": "error", "category": "CONFLICT", "message": sentence, "context": {}, "links": {}, "errors": [],
    })
}

impl Vendor for HubSpot {
    fn answer(&mut self, path: &str, request: &Request) -> Answer {
        if request.headers.get("authorization").map(String::as_str) != Some("Bearer pat-golden") {
            return Answer::new(401, error("INVALID_AUTHENTICATION", "who are you?"));
        }
        let plain_path = request.target.split('?').next().unwrap();
        let id = plain_path.rsplit('/').next().unwrap().to_owned();
        match (request.method.as_str(), path) {
            ("POST", "/crm/v3/objects/contacts/batch/upsert") => self.batch(request),
            ("GET", "/crm/v3/objects/contacts/{contactId}") if self.records.contains_key(&id) => {
                Answer::new(200, self.record(&id, &json!({})))
            }
            ("PATCH", "/crm/v3/objects/contacts/{contactId}") if self.records.contains_key(&id) => {
                let body: Value = serde_json::from_str(&request.body).unwrap();
                let changes = body["properties"].as_object().unwrap().clone();
                self.records.get_mut(&id).unwrap().extend(changes);
                Answer::new(200, self.record(&id, &json!({})))
            }
            ("POST", "/crm/v3/objects/contacts/gdpr-delete") => {
                let body: Value = serde_json::from_str(&request.body).unwrap();
                match self.records.remove(body["objectId"].as_str().unwrap()) {
                    Some(_) => Answer::new(204, Value::Null),
                    None => Answer::new(404, error("OBJECT_NOT_FOUND", "no such contact")),
                }
            }
            _ => Answer::new(404, error("OBJECT_NOT_FOUND", "no such contact")),
        }
    }

    fn refusal(&self, why: &str) -> Answer {
        Answer::new(400, error("VALIDATION_ERROR", why))
    }
}
