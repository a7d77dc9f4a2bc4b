//! All storage suites, for a test file of one store: `#[macro_use] mod storage_suite;`, then `storage_conformance!(make)`.

/// Expands to one named test a case, in a module for each suite.
///
/// `$make` is the name of an async function without arguments, beside the macro's call, that returns a harness around a
/// store with empty tables.
macro_rules! storage_conformance {
    ($make:ident) => {
        mod identity {
            use super::$make;
            wisdom_auth::identity_storage_conformance!($make);
        }
        mod tenancy {
            use super::$make;
            wisdom_tenancy::tenancy_storage_conformance!($make);
        }
        mod events {
            use super::$make;
            wisdom_events::events_storage_conformance!(async || {
                wisdom_tenancy::conformance::with_two_tenants($make().await).await
            });
        }
    };
}
