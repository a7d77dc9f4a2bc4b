//! Rank: nobody touches what is above them, and nobody gives what they do not hold.

use wisdom_core::access::Role;

use crate::error::TenancyError;

/// Whether `actor` may invite as, change, or remove somebody of the role `other`: up to the own rank.
///
/// # Errors
/// [`TenancyError::Rank`].
pub fn reach(actor: Role, other: Role) -> Result<(), TenancyError> {
    if other <= actor {
        Ok(())
    } else {
        Err(TenancyError::Rank)
    }
}

/// Whether `actor` may give the role `wanted` to somebody who has the role `held`: neither may be above the own rank.
///
/// # Errors
/// [`TenancyError::Rank`].
pub fn change(actor: Role, held: Role, wanted: Role) -> Result<(), TenancyError> {
    reach(actor, held)?;
    reach(actor, wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_whole_table() {
        use Role::{Admin, Member, Owner, Viewer};
        let may = |actor, held, wanted| change(actor, held, wanted).is_ok();
        assert!(may(Owner, Owner, Viewer) && may(Owner, Viewer, Owner));
        assert!(may(Admin, Admin, Member) && may(Admin, Viewer, Admin));
        assert!(!may(Admin, Owner, Viewer), "held is above");
        assert!(!may(Admin, Member, Owner), "wanted is above");
        assert!(!may(Viewer, Viewer, Member) && may(Viewer, Viewer, Viewer));
    }

    fn role() -> impl Strategy<Value = Role> {
        prop::sample::select(Role::ALL.to_vec())
    }

    proptest! {
        /// Whatever people without an owner's rank do to each other, in any order, none of them becomes an owner, and no
        /// owner loses the role to them.
        #[test]
        fn no_sequence_of_changes_crosses_the_own_rank(
            mut roles in prop::collection::vec(role(), 2..8),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), role()), 0..64),
        ) {
            let at_start = roles.clone();
            for (actor, target, wanted) in steps {
                let (actor, target) = (actor.index(roles.len()), target.index(roles.len()));
                let by = roles[actor];
                if at_start[actor] == Role::Owner {
                    continue;
                }
                if change(by, roles[target], wanted).is_ok() {
                    prop_assert!(roles[target] <= by && wanted <= by);
                    roles[target] = wanted;
                }
            }
            for (before, after) in at_start.iter().zip(&roles) {
                prop_assert_eq!(*before == Role::Owner, *after == Role::Owner);
            }
        }
    }
}
