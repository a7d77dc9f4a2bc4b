//! HubSpot: contacts by batch upsert, keyed by a unique property of ours.
//!
//! The account needs a contact property, `wisdom_id` unless configured, with unique values. Opened by
//! `hubspot:?token=env:HUBSPOT_TOKEN`, with `base=` for another address and `id_property=` for another name.

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;
use wisdom_core::port::crm::{Contact, Crm, CrmRecord, CrmRecordId, is_property_name};
use wisdom_core::port::http_client::{HttpClient, IncomingResponse};
use wisdom_core::port::{PortError, PortErrorKind, Retry};
use wisdom_core::secret::SecretText;

use crate::http::{OpenParameters, VendorApi};
use wire::{BatchAnswer, BatchRequest, Failure, GdprDelete, Record, RecordUpdate, UpsertInput};

const BASE: &str = "https://api.hubapi.com/";
const ID_PROPERTY: &str = "wisdom_id";
const CONTACTS: [&str; 4] = ["crm", "v3", "objects", "contacts"];
const UPSERT: &str = "upsert_contact";
const ERASE: &str = "erase_contact";

/// Most inputs the vendor takes in one call.
const MAX_BATCH: usize = 100;

/// The `Crm` port over HubSpot's contacts API, version 3.
#[derive(Debug, Clone)]
pub struct HubSpotCrm {
    api: VendorApi,
    id_property: String,
}

impl HubSpotCrm {
    /// An adapter for the account that the token belongs to.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] for a blank token.
    pub fn new(http: Arc<dyn HttpClient>, token: SecretText) -> Result<Self, PortError> {
        Ok(Self {
            api: VendorApi::new("crm", http, BASE, token)?,
            id_property: ID_PROPERTY.to_owned(),
        })
    }

    /// Opens `hubspot:?token=…[&base=…][&id_property=…]`. The token is a reference that `secrets` resolves.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] for parameters that can't be used, and whatever `secrets` answers.
    pub fn from_url(
        url: &Url,
        secrets: &dyn Fn(&str) -> Result<SecretText, PortError>,
        http: Arc<dyn HttpClient>,
    ) -> Result<Self, PortError> {
        let open = OpenParameters::read(url, "crm", "hubspot", &["token", "base", "id_property"])?;
        let token = secrets(open.required("token")?)?;
        let base = open.optional("base")?.unwrap_or(BASE);
        let id_property = open.optional("id_property")?.unwrap_or(ID_PROPERTY);
        // By `email` the vendor would join people by address, by `hs_object_id` by an id that is not ours.
        if !is_property_name(id_property) || matches!(id_property, "email" | "hs_object_id") {
            return Err(PortError::new("crm", "open", PortErrorKind::Invalid)
                .with_source("id_property must be a property of ours"));
        }
        Ok(Self {
            api: VendorApi::new("crm", http, base, token)?,
            id_property: id_property.to_owned(),
        })
    }

    async fn call(
        &self,
        operation: &'static str,
        method: Method,
        url: Url,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<IncomingResponse, PortError> {
        let body = body
            .map(serde_json::to_string)
            .transpose()
            .map_err(|cause| PortError::new("crm", operation, PortErrorKind::Internal).with_source(cause))?;
        let json = HeaderValue::from_static("application/json");
        let headers: [(HeaderName, HeaderValue); 2] = [(ACCEPT, json.clone()), (CONTENT_TYPE, json)];
        self.api
            .send(operation, method, url, &headers, body.unwrap_or_default())
            .await
    }

    fn contacts_url(&self, rest: &[&str], query: &[(&str, &str)]) -> Url {
        let segments: Vec<&str> = CONTACTS.into_iter().chain(rest.iter().copied()).collect();
        self.api.url(&segments, query)
    }

    /// One batch call. Keys must differ. What the vendor reports by status is left to the caller.
    async fn batch_upsert(&self, contacts: &[&Contact]) -> Result<IncomingResponse, PortError> {
        let inputs = contacts.iter().map(|contact| UpsertInput {
            id: contact.key.as_str(),
            id_property: &self.id_property,
            properties: self.properties(contact),
        });
        let request = BatchRequest {
            inputs: inputs.collect(),
        };
        let url = self.contacts_url(&["batch", "upsert"], &[]);
        self.call(UPSERT, Method::POST, url, Some(&request)).await
    }

    fn properties<'a>(&self, contact: &'a Contact) -> BTreeMap<&'a str, &'a str> {
        // What has a field of its own, and the key itself, can't be overruled by a free property.
        let mut properties: BTreeMap<&str, &str> = contact
            .properties
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| *name != self.id_property)
            .collect();
        properties.insert("email", contact.email.as_str());
        let named = [
            ("firstname", &contact.given_name),
            ("lastname", &contact.family_name),
            ("company", &contact.company),
            ("wisdom_tenant", &contact.tenant),
        ];
        properties.extend(
            named
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_deref()?))),
        );
        properties
    }

    async fn upsert_one(&self, contact: &Contact) -> Result<CrmRecord, PortError> {
        let response = self.batch_upsert(&[contact]).await?;
        match response.status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::MULTI_STATUS => {
                let answer: BatchAnswer = decode(&response)?;
                match (answer.results.first(), answer.errors.first()) {
                    (Some(record), _) => record.to_ours(),
                    (None, Some(failure)) if failure.is_conflict() => {
                        self.link(contact, &response, failure).await
                    }
                    (None, Some(failure)) => Err(failure.to_ours(&response)),
                    (None, None) => Err(protocol("the answer holds neither result nor error")),
                }
            }
            StatusCode::CONFLICT => self.link(contact, &response, &Failure::read(&response)).await,
            _ => Err(self.refused(UPSERT, &response)),
        }
    }

    /// The address stands in another record already: take that one over, unless it is another person of ours.
    async fn link(
        &self,
        contact: &Contact,
        response: &IncomingResponse,
        failure: &Failure,
    ) -> Result<CrmRecord, PortError> {
        let conflict = |why: &'static str| {
            PortError::new("crm", UPSERT, PortErrorKind::Conflict)
                .with_source(format!("{why} ({})", failure.words(response)))
        };
        let Some(existing) = failure.existing_id() else {
            return Err(conflict("the vendor names no existing record"));
        };
        let url = self.contacts_url(&[&existing], &[("properties", &self.id_property)]);
        let found = self.call(UPSERT, Method::GET, url, None::<&()>).await?;
        match found.status {
            StatusCode::OK => {}
            // Deleted in between: the next try makes a new record.
            StatusCode::NOT_FOUND => return Err(conflict("the record is gone").with_retry(Retry::Backoff)),
            _ => return Err(self.refused(UPSERT, &found)),
        }
        let record: Record = decode(&found)?;
        let owner = record.property(&self.id_property).unwrap_or_default();
        if !owner.is_empty() && owner != contact.key.as_str() {
            return Err(conflict("the address belongs to another key of ours"));
        }
        let mut properties = self.properties(contact);
        properties.insert(&self.id_property, contact.key.as_str());
        // The id that was read, not the one in the message: a merged record answers with the one it went into.
        let url = self.contacts_url(&[record.id()?.as_str()], &[]);
        let updated = self
            .call(UPSERT, Method::PATCH, url, Some(&RecordUpdate { properties }))
            .await?;
        if updated.status != StatusCode::OK {
            return Err(self.refused(UPSERT, &updated));
        }
        decode::<Record>(&updated)?.to_ours().map(|linked| CrmRecord {
            created: false,
            ..linked
        })
    }

    fn refused(&self, operation: &'static str, response: &IncomingResponse) -> PortError {
        self.api
            .failure(operation, response, &Failure::read(response).words(response))
    }

    /// One call for contacts with different keys; `None` where a contact must be tried by itself.
    async fn upsert_chunk(&self, contacts: &[&Contact]) -> Result<Vec<Option<CrmRecord>>, PortError> {
        let response = self.batch_upsert(contacts).await?;
        match response.status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::MULTI_STATUS => {
                let answer: BatchAnswer = decode(&response)?;
                let mut by_key = BTreeMap::new();
                for record in &answer.results {
                    // The vendor does not promise the order of the input.
                    if let Some(key) = record.property(&self.id_property) {
                        by_key.insert(key, record.to_ours()?);
                    }
                }
                Ok(contacts
                    .iter()
                    .map(|contact| by_key.remove(contact.key.as_str()))
                    .collect())
            }
            // One bad input refuses the whole batch.
            StatusCode::CONFLICT | StatusCode::BAD_REQUEST => Ok(vec![None; contacts.len()]),
            _ => Err(self.refused(UPSERT, &response)),
        }
    }
}

#[async_trait]
impl Crm for HubSpotCrm {
    async fn upsert_contact(&self, contact: &Contact) -> Result<CrmRecord, PortError> {
        contact.validate().map_err(|refusal| refusal.at(UPSERT))?;
        self.upsert_one(contact).await
    }

    async fn upsert_contacts(
        &self,
        contacts: &[Contact],
    ) -> Result<Vec<Result<CrmRecord, PortError>>, PortError> {
        let mut results = Vec::with_capacity(contacts.len());
        for chunk in chunks(contacts) {
            let valid: Vec<&Contact> = chunk.iter().filter(|c| c.validate().is_ok()).collect();
            let mut answers = match valid.len() {
                // A batch of one would be asked again by itself when it fails.
                0 | 1 => vec![None; valid.len()],
                _ => self.upsert_chunk(&valid).await?,
            }
            .into_iter();
            for contact in chunk {
                if let Err(refusal) = contact.validate() {
                    results.push(Err(refusal.at(UPSERT)));
                    continue;
                }
                results.push(match answers.next().flatten() {
                    Some(record) => Ok(record),
                    None => self.upsert_one(contact).await,
                });
            }
        }
        Ok(results)
    }

    async fn erase_contact(&self, id: &CrmRecordId) -> Result<(), PortError> {
        let url = self.contacts_url(&["gdpr-delete"], &[]);
        let response = self
            .call(
                ERASE,
                Method::POST,
                url,
                Some(&GdprDelete {
                    object_id: id.as_str(),
                }),
            )
            .await?;
        match response.status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.refused(ERASE, &response)),
        }
    }
}

/// Runs of at most 100 contacts in which no key comes twice: the vendor refuses a batch that names one twice.
fn chunks(contacts: &[Contact]) -> Vec<&[Contact]> {
    let mut chunks = Vec::new();
    let (mut start, mut keys) = (0, BTreeSet::new());
    for (at, contact) in contacts.iter().enumerate() {
        if at - start == MAX_BATCH || keys.contains(&contact.key) {
            chunks.push(&contacts[start..at]);
            start = at;
            keys.clear();
        }
        keys.insert(&contact.key);
    }
    if start < contacts.len() {
        chunks.push(&contacts[start..]);
    }
    chunks
}

fn decode<T: DeserializeOwned>(response: &IncomingResponse) -> Result<T, PortError> {
    serde_json::from_slice(&response.body).map_err(protocol)
}

fn protocol(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new("crm", UPSERT, PortErrorKind::Protocol).with_source(cause)
}
