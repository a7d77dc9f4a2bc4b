//! Policies: configured figures that use cases read, each a plain struct with defaults, looked up by its type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

/// A struct of configured figures. `Default` holds the documented defaults.
pub trait Policy: Any + Send + Sync + Default + std::fmt::Debug {}

/// The policies of an assembly. A policy that was not set is its default.
#[derive(Debug, Default, Clone)]
pub struct Policies(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Policies {
    /// Nothing but defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with this policy.
    #[must_use]
    pub fn with<P: Policy>(mut self, policy: P) -> Self {
        self.0.insert(TypeId::of::<P>(), Arc::new(policy));
        self
    }

    /// The same, with all policies of `over`, which win.
    #[must_use]
    pub fn overlaid_by(mut self, over: Self) -> Self {
        self.0.extend(over.0);
        self
    }

    /// The policy of this type.
    #[must_use]
    pub fn get<P: Policy>(&self) -> Arc<P> {
        let set = self.0.get(&TypeId::of::<P>()).map(Arc::clone);
        set.and_then(|any| any.downcast().ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Days(u32);
    impl Default for Days {
        fn default() -> Self {
            Self(7)
        }
    }
    impl Policy for Days {}

    #[test]
    fn unset_is_default() {
        assert_eq!(*Policies::new().get::<Days>(), Days(7));
        assert_eq!(*Policies::new().with(Days(3)).get::<Days>(), Days(3));
    }
}
