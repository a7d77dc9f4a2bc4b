//! Stripe's customers and checkouts in memory, answering with the vendor's own fixtures.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::server::{Answer, Request, Vendor};
use super::{data, form};

#[derive(Debug)]
pub(crate) struct Stripe {
    fixtures: Value,
    customers: BTreeSet<String>,
    made: BTreeMap<String, (String, Answer)>,
    last_id: u64,
}

impl Stripe {
    pub(crate) fn new() -> Self {
        Self {
            fixtures: data::read("stripe/fixtures.json"),
            customers: BTreeSet::new(),
            made: BTreeMap::new(),
            last_id: 0,
        }
    }

    /// A customer that somebody made on the vendor's side.
    pub(crate) fn with_customer(mut self, id: &str) -> Self {
        self.customers.insert(id.to_owned());
        self
    }

    fn make(&mut self, path: &str, body: &Value) -> Answer {
        self.last_id += 1;
        let resources = self.fixtures.get("resources").unwrap_or(&self.fixtures);
        match path {
            "/v1/customers" => {
                let id = format!("cus_{}", self.last_id);
                let mut customer = resources["customer"].clone();
                customer["id"] = id.as_str().into();
                customer["email"] = body["email"].clone();
                self.customers.insert(id);
                Answer::new(200, customer)
            }
            "/v1/checkout/sessions" => {
                let customer = body["customer"].as_str().unwrap_or_default();
                if !self.customers.contains(customer) {
                    return Answer::new(400, error("invalid_request_error", "resource_missing"));
                }
                if body["line_items"]
                    .as_array()
                    .is_none_or(|lines| lines.iter().any(|l| l["price"] != "price_1"))
                {
                    return Answer::new(400, error("invalid_request_error", "resource_missing"));
                }
                let id = format!("cs_test_{}", self.last_id);
                let mut session = resources["checkout.session"].clone();
                session["url"] = format!("https://checkout.example.test/c/pay/{id}#frag").into();
                session["id"] = id.into();
                session["expires_at"] = 1_767_312_000.into();
                Answer::new(200, session)
            }
            _ => Answer::new(404, error("invalid_request_error", "resource_missing")),
        }
    }
}

pub(crate) fn error(kind: &str, code: &str) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": "words of the vendor: ada@example.test" } })
}

impl Vendor for Stripe {
    fn answer(&mut self, path: &str, request: &Request) -> Answer {
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        if header("authorization") != Some("Bearer sk_test_golden") {
            return Answer::new(401, error("invalid_request_error", "api_key_invalid"));
        }
        if header("stripe-version") != Some("2026-10-28.endive") {
            return self.refusal("another API version");
        }
        let Some(key) = header("idempotency-key").map(str::to_owned) else {
            return self.refusal("creations need an idempotency key");
        };
        let input = format!("{path} {}", request.body);
        if let Some((earlier, answer)) = self.made.get(&key) {
            return if *earlier == input {
                answer.clone().with_header("idempotent-replayed", "true")
            } else {
                Answer::new(400, error("idempotency_error", "idempotency_key_reused"))
            };
        }
        let answer = self.make(path, &form::decode(&request.body).unwrap());
        self.made.insert(key, (input, answer.clone()));
        answer
    }

    fn refusal(&self, _why: &str) -> Answer {
        Answer::new(400, error("invalid_request_error", "parameter_unknown"))
    }
}
