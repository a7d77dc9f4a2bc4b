//! Rules of grants that hold for whatever roles and names there are.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn permissions() -> [Permission; 8] {
    std::array::from_fn(|n| Permission::new(NAMES[n], Role::ALL[n % 4]))
}

fn names() -> impl Strategy<Value = Option<Vec<String>>> {
    option::of(vec(
        proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        0..6,
    ))
}

prop_compose! {
    fn grants()(role in 0_usize..4, extra in names(), only in names()) -> Grants {
        let mut grants = Grants::of_role(Role::ALL[role]);
        if let Some(extra) = extra { grants = grants.with(extra) }
        if let Some(only) = only { grants = grants.restricted_to(only) }
        grants
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_covered_grants_nothing_more(own in grants(), other in grants()) {
        if own.covers(&other) {
            for permission in permissions() {
                prop_assert!(own.allows(permission) || !other.allows(permission));
            }
        }
        prop_assert!(own.covers(&own));
    }

    #[test]
    fn within_is_never_above_either(own in grants(), scopes in names(), role in 0_usize..4) {
        let mut ceiling = Grants::of_role(Role::ALL[role]);
        if let Some(scopes) = scopes { ceiling = ceiling.restricted_to(scopes) }
        let within = own.clone().within(&ceiling);
        for permission in permissions() {
            prop_assert!(own.allows(permission) || !within.allows(permission));
            // A custom role's names go with an owner's ceiling, which bounds them by scopes alone.
            let above = ceiling.role() == Role::Owner || permission.floor() <= ceiling.role();
            prop_assert!(above || !within.allows(permission));
            let scoped = ceiling.clone().with([permission.name().to_owned()]).allows(permission);
            prop_assert!(scoped || !within.allows(permission));
        }
    }
}
