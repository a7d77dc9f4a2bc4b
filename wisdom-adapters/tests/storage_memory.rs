//! The reference store passes every storage suite.

#[macro_use]
mod storage_suite;

use std::sync::Arc;

use wisdom_adapters::storage::memory::MemoryStore;
use wisdom_core::conformance::{Harness, TestKit};

async fn make() -> Harness<MemoryStore> {
    let test = TestKit::new();
    Harness::new(Arc::new(MemoryStore::new(Arc::clone(test.kit()))), test)
}

storage_conformance!(make);
