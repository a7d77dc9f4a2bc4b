//! A contact book that only says what it would have pushed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use wisdom_core::port::crm::{Contact, ContactKey, Crm, CrmInputError, CrmRecord, CrmRecordId};
use wisdom_core::port::{PortError, PortErrorKind};

/// Most records that are remembered; the oldest is forgotten first.
const MAX_RECORDS: usize = 10_000;

/// What was last pushed under a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Id that the contact book gave.
    pub id: CrmRecordId,
    /// The contact as pushed.
    pub contact: Contact,
}

/// Writes one log line a push, without personal data, and remembers the last 10,000 records in memory for tests and
/// the console.
#[derive(Debug, Default)]
pub struct LogCrm {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    records: BTreeMap<ContactKey, Pushed>,
    age: VecDeque<ContactKey>,
}

impl LogCrm {
    /// An empty contact book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every remembered record, in the order of their keys.
    #[must_use]
    pub fn records(&self) -> Vec<Pushed> {
        self.state().records.values().cloned().collect()
    }

    /// The state is whole after every statement, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn upsert(&mut self, contact: &Contact) -> Result<CrmRecord, PortError> {
        let taken =
            |pushed: &Pushed| pushed.contact.email == contact.email && pushed.contact.key != contact.key;
        if self.records.values().any(taken) {
            return Err(PortError::new("crm", "upsert_contact", PortErrorKind::Conflict)
                .with_source("the address belongs to another key"));
        }
        if let Some(pushed) = self.records.get_mut(&contact.key) {
            pushed.contact = contact.clone();
            return Ok(CrmRecord {
                id: pushed.id.clone(),
                created: false,
            });
        }
        if self.records.len() >= MAX_RECORDS
            && let Some(oldest) = self.age.pop_front()
        {
            self.records.remove(&oldest);
        }
        self.last_id += 1;
        let id = CrmRecordId::parse(&format!("log-{}", self.last_id))
            .map_err(|refusal: CrmInputError| refusal.at("upsert_contact"))?;
        self.age.push_back(contact.key.clone());
        self.records.insert(
            contact.key.clone(),
            Pushed {
                id: id.clone(),
                contact: contact.clone(),
            },
        );
        Ok(CrmRecord { id, created: true })
    }

    fn erase(&mut self, id: &CrmRecordId) {
        self.records.retain(|_, pushed| pushed.id != *id);
        let records = &self.records;
        self.age.retain(|key| records.contains_key(key));
    }
}

#[async_trait]
impl Crm for LogCrm {
    async fn upsert_contact(&self, contact: &Contact) -> Result<CrmRecord, PortError> {
        contact
            .validate()
            .map_err(|refusal| refusal.at("upsert_contact"))?;
        let record = self.state().upsert(contact)?;
        tracing::info!(
            operation = "crm.upsert_contact",
            key = contact.key.as_str(),
            record = record.id.as_str(),
            created = record.created,
            properties = contact.properties.len(),
            "contact pushed"
        );
        Ok(record)
    }

    async fn erase_contact(&self, id: &CrmRecordId) -> Result<(), PortError> {
        self.state().erase(id);
        tracing::info!(
            operation = "crm.erase_contact",
            record = id.as_str(),
            "contact erased"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wisdom_core::value::EmailAddress;

    use super::*;

    wisdom_core::crm_conformance!(async || (LogCrm::new(), ()));

    #[tokio::test]
    async fn remembers_a_bounded_number() {
        let crm = LogCrm::new();
        let mut state = State::default();
        for n in 0..=MAX_RECORDS {
            let key = ContactKey::parse(&format!("usr_{n}")).unwrap();
            let email = EmailAddress::parse(&format!("p{n}@example.test")).unwrap();
            // The address check is quadratic over a full book, so only the last ones go through it.
            if n < MAX_RECORDS - 1 {
                let id = CrmRecordId::parse(&format!("old-{n}")).unwrap();
                state.age.push_back(key.clone());
                state.records.insert(
                    key.clone(),
                    Pushed {
                        id,
                        contact: Contact::new(key, email),
                    },
                );
            } else {
                state.upsert(&Contact::new(key, email)).unwrap();
            }
        }
        *crm.state() = state;
        assert_eq!(crm.records().len(), MAX_RECORDS);
        assert!(
            !crm.records()
                .iter()
                .any(|pushed| pushed.contact.key.as_str() == "usr_0")
        );
    }
}
