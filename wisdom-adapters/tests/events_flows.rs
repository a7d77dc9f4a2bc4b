//! Flows of events and webhooks over the reference store.
#![cfg(feature = "http-reqwest")]

#[macro_use]
mod events_suite;

use std::sync::Arc;

use wisdom_adapters::storage::memory::MemoryStore;
use wisdom_core::conformance::{Harness, TestKit};

async fn make() -> Harness<MemoryStore> {
    let test = TestKit::with_policies(events_suite::policies());
    Harness::new(Arc::new(MemoryStore::new(Arc::clone(test.kit()))), test)
}

events_flows!(make);
