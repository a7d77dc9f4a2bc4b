//! Cases about tenants and what a user is in them.

use wisdom_auth::conformance::{new_user, seed_user};
use wisdom_auth::store::IdentityTx as _;
use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::{Constraint, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::value::DisplayName;

use super::fixtures::{
    TenancyStore, assert_stale, current, new_membership, new_tenant, seed_member, seed_tenant, slug,
};
use crate::membership::Membership;
use crate::store::{OnboardingTx as _, TenancyRepositories as _};
use crate::support_access::{SupportAccess, SupportMode};
use crate::tenant::{Standing, Tenant, TenantState};

/// A tenant comes back as written, from outside by id and slug, from inside as its own.
pub async fn tenant_is_read_back<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let owner = seed_user(h, "ada").await;
    for state in [
        TenantState::Active,
        TenantState::Suspended,
        TenantState::DeletionPending,
    ] {
        let name = state.as_str().replace('_', "-") + "-co";
        let tenant = Tenant {
            state,
            region: "eu-1".to_owned(),
            epoch: 3,
            ..new_tenant(h.test(), &name)
        };
        let mut tx = h.system().await;
        tx.tenants()
            .insert(&tenant, &new_membership(h.test(), owner.id, Role::Owner))
            .await
            .expect("insert");
        save(tx).await;
        let mut tx = h.system_read().await;
        assert_eq!(
            tx.tenants().find(tenant.id).await.expect("find"),
            Some(tenant.clone())
        );
        assert_eq!(
            tx.tenants().find_by_slug(&tenant.slug).await.expect("find"),
            Some(tenant.clone())
        );
        assert_eq!(current(h, tenant.id).await, tenant);
    }
    let mut tx = h.system_read().await;
    assert_eq!(tx.tenants().find(h.test().id()).await.expect("find"), None);
    assert_eq!(
        tx.tenants().find_by_slug(&slug("nobody")).await.expect("find"),
        None
    );
}

/// A new tenant has one owner, whatever the caller counts.
pub async fn tenant_begins_with_one_owner<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let owner = seed_user(h, "ada").await;
    let tenant = Tenant {
        owner_count: 7,
        mfa_required: true,
        support_access: SupportAccess {
            mode: SupportMode::Never,
            open_until: None,
        },
        ..new_tenant(h.test(), "acme")
    };
    let membership = new_membership(h.test(), owner.id, Role::Owner);
    let mut tx = h.system().await;
    tx.tenants().insert(&tenant, &membership).await.expect("insert");
    save(tx).await;
    let stored = current(h, tenant.id).await;
    assert_eq!((stored.owner_count, stored.mfa_required), (1, true));
    assert_eq!(stored.support_access, tenant.support_access);
    let member = h
        .read_of(tenant.id)
        .await
        .memberships()
        .find_by_user(owner.id)
        .await
        .expect("find");
    assert_eq!(member.map(|member| member.membership), Some(membership));
}

/// A tenant whose first owner is nobody is a conflict, and is not there.
pub async fn tenant_needs_its_first_owner<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let tenant = new_tenant(h.test(), "acme");
    let owner = new_membership(h.test(), h.test().id(), Role::Owner);
    let mut tx = h.system().await;
    let refused = tx.tenants().insert(&tenant, &owner).await.expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
    drop(tx);
    assert_eq!(
        h.system_read()
            .await
            .tenants()
            .find(tenant.id)
            .await
            .expect("find"),
        None
    );
}

/// One slug is one tenant, and the conflict does no harm to the rest of the unit of work.
pub async fn slug_is_unique_and_the_unit_stays_usable<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let seed = seed_tenant(h, "acme").await;
    let bob = seed_user(h, "bob").await;
    let owner = new_membership(h.test(), bob.id, Role::Owner);
    let mut tx = h.system().await;
    let second = new_tenant(h.test(), "acme");
    let refused = tx
        .tenants()
        .insert(&second, &owner)
        .await
        .expect_err("the slug is taken");
    assert!(refused.violates(Constraint::TENANT_SLUG), "{refused}");
    let third = Tenant {
        slug: slug("acme-2"),
        ..second.clone()
    };
    tx.tenants()
        .insert(&third, &owner)
        .await
        .expect("the unit of work is usable");
    save(tx).await;
    let mut tx = h.system_read().await;
    assert_eq!(
        tx.tenants().find_by_slug(&slug("acme")).await.expect("find"),
        Some(seed.tenant)
    );
    assert_eq!(tx.tenants().find(second.id).await.expect("find"), Some(third));
}

/// Of many who want a slug at the same moment, one gets it.
pub async fn slug_is_given_once_to_many_at_once<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let owner = seed_user(h, "ada").await;
    let answers = parallel(16, |_| {
        let h = h.clone();
        async move {
            let tenant = new_tenant(h.test(), "acme");
            let membership = new_membership(h.test(), owner.id, Role::Owner);
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                match tx.tenants().insert(&tenant, &membership).await {
                    Err(refused) if refused.violates(Constraint::TENANT_SLUG) => Ok(None),
                    Err(error) => Err(error),
                    Ok(()) => try_save(tx).await.map(|()| Some(tenant.id)),
                }
            })
            .await
            .expect("insert")
        }
    })
    .await;
    let winners: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let found = h
        .system_read()
        .await
        .tenants()
        .find_by_slug(&slug("acme"))
        .await
        .expect("find");
    assert_eq!(found.map(|tenant| tenant.id), winners.first().copied());
}

/// An update needs the stored version, raises it by one, and leaves the number of owners alone.
pub async fn tenant_update_is_compare_and_set<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let seed = seed_tenant(h, "acme").await;
    let changed = Tenant {
        slug: slug("acme-new"),
        name: DisplayName::parse("Ácme & Söhne").expect("a name"),
        state: TenantState::Suspended,
        region: "eu-2".to_owned(),
        epoch: 9,
        mfa_required: true,
        support_access: SupportAccess {
            mode: SupportMode::Always,
            open_until: Some(h.test().now()),
        },
        ..seed.tenant.clone()
    };
    let mut tx = h.of(seed.id()).await;
    tx.own_tenant()
        .update(
            &Tenant {
                owner_count: 99,
                ..changed.clone()
            },
            1,
        )
        .await
        .expect("update");
    assert_stale(tx.own_tenant().update(&seed.tenant, 1).await);
    save(tx).await;
    assert_eq!(
        current(h, seed.id()).await,
        Tenant {
            version: 2,
            ..changed
        }
    );
    let mut tx = h.system_read().await;
    assert_eq!(
        tx.tenants().find_by_slug(&slug("acme")).await.expect("find"),
        None,
        "the old slug is free"
    );
    let found = tx.tenants().find_by_slug(&slug("acme-new")).await.expect("find");
    assert_eq!(found.map(|tenant| tenant.id), Some(seed.id()));
}

/// No tenant takes over another's slug.
pub async fn tenant_update_to_a_taken_slug_is_a_conflict<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, other) = (seed_tenant(h, "acme").await, seed_tenant(h, "other").await);
    let mut tx = h.of(other.id()).await;
    let greedy = Tenant {
        slug: acme.tenant.slug.clone(),
        ..other.tenant.clone()
    };
    let refused = tx
        .own_tenant()
        .update(&greedy, 1)
        .await
        .expect_err("the slug is taken");
    assert!(refused.violates(Constraint::TENANT_SLUG), "{refused}");
    drop(tx);
    assert_eq!(current(h, other.id()).await, other.tenant);
    assert_eq!(current(h, acme.id()).await, acme.tenant);
}

/// Of many updates of one version at the same moment, one wins.
pub async fn tenant_updates_at_once_have_one_winner<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let seed = seed_tenant(h, "acme").await;
    let answers = parallel(16, |number| {
        let (h, tenant) = (h.clone(), seed.tenant.clone());
        async move {
            let changed = Tenant {
                region: format!("r{number}"),
                ..tenant
            };
            let answer = retrying(|| async {
                let mut tx = h.begin(changed.id, Effect::Write).await?;
                tx.own_tenant().update(&changed, 1).await?;
                try_save(tx).await
            })
            .await;
            match answer {
                Ok(()) => Some(changed.region),
                Err(error) => {
                    assert_eq!(error.kind(), StorageErrorKind::Stale, "{error}");
                    None
                }
            }
        }
    })
    .await;
    let winners: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(winners, [current(h, seed.id()).await.region]);
}

/// Members have a standing; nobody else has.
pub async fn standing_is_a_members_only<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, other) = (seed_tenant(h, "acme").await, seed_tenant(h, "other").await);
    let mut tx = h.system_read().await;
    let standing = tx
        .tenants()
        .standing(acme.id(), acme.owner.id)
        .await
        .expect("standing");
    let expected = Standing {
        tenant: acme.tenant.clone(),
        membership: acme.membership.id,
        role: Role::Owner,
        since: acme.membership.created_at,
    };
    assert_eq!(standing, Some(expected));
    assert_eq!(
        tx.tenants()
            .standing(other.id(), acme.owner.id)
            .await
            .expect("standing"),
        None
    );
    assert_eq!(
        tx.tenants()
            .standing(acme.id(), h.test().id())
            .await
            .expect("standing"),
        None
    );
    assert_eq!(
        tx.tenants()
            .standing(h.test().id(), acme.owner.id)
            .await
            .expect("standing"),
        None
    );
}

/// A standing is what the membership says now.
pub async fn standing_follows_role_and_removal<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let (user, membership) = seed_member(h, acme.id(), "bob", Role::Viewer).await;
    let role = async || {
        let standing = h
            .system_read()
            .await
            .tenants()
            .standing(acme.id(), user.id)
            .await
            .expect("standing");
        standing.map(|standing| standing.role)
    };
    assert_eq!(role().await, Some(Role::Viewer));
    let mut tx = h.of(acme.id()).await;
    tx.memberships()
        .update(
            &Membership {
                role: Role::Admin,
                ..membership.clone()
            },
            1,
        )
        .await
        .expect("update");
    save(tx).await;
    assert_eq!(role().await, Some(Role::Admin));
    let mut tx = h.of(acme.id()).await;
    tx.memberships().delete(membership.id, 2).await.expect("delete");
    save(tx).await;
    assert_eq!(role().await, None);
}

/// Dropping a tenant's unit of work undoes it, and the next writer gets its turn.
pub async fn dropped_tenant_unit_leaves_nothing<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    for _ in 0..3 {
        let mut tx = h.of(acme.id()).await;
        let changed = Tenant {
            epoch: 5,
            ..acme.tenant.clone()
        };
        tx.own_tenant().update(&changed, 1).await.expect("update");
        drop(tx);
    }
    assert_eq!(current(h, acme.id()).await, acme.tenant);
}

/// A tenant's unit of work that was begun for reading writes nothing.
pub async fn tenant_read_unit_refuses_writes<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let mut tx = h.read_of(acme.id()).await;
    let changed = Tenant {
        epoch: 5,
        ..acme.tenant.clone()
    };
    let refused = tx
        .own_tenant()
        .update(&changed, 1)
        .await
        .expect_err("it only reads");
    assert_eq!(refused.kind(), StorageErrorKind::Invalid, "{refused}");
    drop(tx);
    assert_eq!(current(h, acme.id()).await, acme.tenant);
}

/// A user and their tenant are made in one unit of work, and a late refusal takes both away.
pub async fn sign_up_is_all_or_nothing<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    seed_tenant(h, "acme").await;
    let ada = new_user(h.test(), "ada");
    let owner = new_membership(h.test(), ada.id, Role::Owner);
    let mut tx = h.system().await;
    tx.users().insert(&ada).await.expect("insert");
    tx.tenants()
        .insert(&new_tenant(h.test(), "acme"), &owner)
        .await
        .expect_err("the slug is taken");
    drop(tx);
    assert_eq!(
        h.system_read().await.users().find(ada.id).await.expect("find"),
        None
    );
    let tenant = new_tenant(h.test(), "ada-co");
    let mut tx = h.system().await;
    tx.users().insert(&ada).await.expect("insert");
    tx.tenants().insert(&tenant, &owner).await.expect("insert");
    save(tx).await;
    let standing = h
        .system_read()
        .await
        .tenants()
        .standing(tenant.id, ada.id)
        .await
        .expect("standing");
    assert_eq!(standing.map(|standing| standing.role), Some(Role::Owner));
}
