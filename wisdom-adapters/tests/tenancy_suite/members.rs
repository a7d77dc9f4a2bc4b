//! Members.

use std::sync::Arc;

use wisdom_core::access::Role;
use wisdom_core::conformance::parallel;
use wisdom_core::id::MembershipId;
use wisdom_tenancy::invitation::RevokeInvitation;
use wisdom_tenancy::membership::{ChangeRole, GetMember, LeaveTenant, ListMembers, RemoveMember};

use super::stage::{Stage, code};

fn to(member: MembershipId, role: Role) -> ChangeRole {
    ChangeRole {
        member,
        role,
        expected_version: None,
    }
}

pub(crate) async fn roles_change_within_the_own_rank(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let ada_in = stage.membership(&tenant, &ada).await.unwrap();
    let (grace, grace_in) = stage.join(&tenant, "grace@acme.example", Role::Admin).await;
    let (_, joan_in) = stage.join(&tenant, "joan@acme.example", Role::Member).await;
    let admin = stage.context(&tenant, &grace, Role::Admin);
    stage.drain().await;

    assert_eq!(
        code(stage.runner().tenant(&admin, &to(joan_in.id, Role::Owner)).await),
        (403, "member.rank")
    );
    assert_eq!(
        code(stage.runner().tenant(&admin, &to(ada_in.id, Role::Viewer)).await),
        (403, "member.rank")
    );
    assert_eq!(
        code(
            stage
                .runner()
                .tenant(&admin, &RemoveMember { member: ada_in.id })
                .await
        ),
        (403, "member.rank")
    );
    assert!(stage.drain().await.is_empty());

    let joan = stage
        .runner()
        .tenant(&admin, &to(joan_in.id, Role::Admin))
        .await
        .unwrap();
    assert_eq!((joan.membership.role, joan.membership.version), (Role::Admin, 2));
    let event = stage.drain().await.remove(0);
    assert_eq!(event.kind, "tenancy.membership.role_changed");
    assert_eq!(event.data["user"], joan.membership.user.to_string());
    assert_eq!(
        (&event.data["role"], &event.data["previous_role"]),
        (&"admin".into(), &"member".into())
    );

    let stale = ChangeRole {
        member: joan_in.id,
        role: Role::Viewer,
        expected_version: Some(1),
    };
    assert_eq!(code(stage.runner().tenant(&admin, &stale).await), (412, "stale"));
    let unchanged = stage
        .runner()
        .tenant(&owner, &to(grace_in.id, Role::Admin))
        .await
        .unwrap();
    assert_eq!(unchanged.membership.version, 1);
    assert!(stage.drain().await.is_empty());

    stage
        .runner()
        .tenant(&admin, &RemoveMember { member: joan_in.id })
        .await
        .unwrap();
    let event = stage.drain().await.remove(0);
    assert_eq!(
        (event.kind.as_str(), event.subject),
        ("tenancy.membership.removed", joan_in.id.to_string())
    );
    assert_eq!(
        code(
            stage
                .runner()
                .tenant(&owner, &GetMember { member: joan_in.id })
                .await
        ),
        (404, "not_found")
    );
    let log = stage.audit(&tenant, "tenancy.member.remove").await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.target.id == joan_in.id.to_string())
            .count(),
        1
    );
}

pub(crate) async fn the_last_owner_stays(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let ada_in = stage.membership(&tenant, &ada).await.unwrap();
    stage.drain().await;
    let last = (409, "member.last_owner");
    assert_eq!(
        code(stage.runner().tenant(&owner, &to(ada_in.id, Role::Admin)).await),
        last
    );
    assert_eq!(
        code(
            stage
                .runner()
                .tenant(&owner, &RemoveMember { member: ada_in.id })
                .await
        ),
        last
    );
    assert_eq!(code(stage.runner().tenant(&owner, &LeaveTenant {}).await), last);
    assert_eq!(stage.membership(&tenant, &ada).await.unwrap(), ada_in);
    assert!(stage.drain().await.is_empty());

    stage.join(&tenant, "grace@acme.example", Role::Owner).await;
    stage.runner().tenant(&owner, &LeaveTenant {}).await.unwrap();
    assert_eq!(stage.membership(&tenant, &ada).await, None);
}

pub(crate) async fn two_owners_demoting_each_other_leave_one(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let ada_in = stage.membership(&tenant, &ada).await.unwrap();
    let (grace, grace_in) = stage.join(&tenant, "grace@acme.example", Role::Owner).await;
    let moves = Arc::new([
        (
            stage.context(&tenant, &ada, Role::Owner),
            to(grace_in.id, Role::Viewer),
        ),
        (
            stage.context(&tenant, &grace, Role::Owner),
            to(ada_in.id, Role::Viewer),
        ),
    ]);
    let stage = Arc::new(stage.clone());
    let all = parallel(2, |number| {
        let (stage, moves) = (Arc::clone(&stage), Arc::clone(&moves));
        async move { stage.runner().tenant(&moves[number].0, &moves[number].1).await }
    })
    .await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1, "{all:?}");
    let roles = [
        stage.membership(&tenant, &ada).await,
        stage.membership(&tenant, &grace).await,
    ];
    assert_eq!(
        roles
            .iter()
            .flatten()
            .filter(|member| member.role == Role::Owner)
            .count(),
        1
    );
}

pub(crate) async fn a_context_from_before_a_demotion_is_worth_nothing(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let (grace, grace_in) = stage.join(&tenant, "grace@acme.example", Role::Admin).await;
    let (_, joan_in) = stage.join(&tenant, "joan@acme.example", Role::Viewer).await;
    let before = stage.context(&tenant, &grace, Role::Admin);

    stage
        .runner()
        .tenant(&owner, &to(grace_in.id, Role::Viewer))
        .await
        .unwrap();
    let remove = RemoveMember { member: joan_in.id };
    assert_eq!(
        code(stage.runner().tenant(&before, &remove).await),
        (403, "forbidden")
    );
    stage
        .runner()
        .tenant(&owner, &RemoveMember { member: grace_in.id })
        .await
        .unwrap();
    assert_eq!(
        code(stage.runner().tenant(&before, &remove).await),
        (404, "not_found")
    );
    stage.runner().tenant(&owner, &remove).await.unwrap();
}

pub(crate) async fn leaving_ends_the_membership(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (grace, grace_in) = stage.join(&tenant, "grace@acme.example", Role::Viewer).await;
    stage.drain().await;
    let context = stage.context(&tenant, &grace, Role::Viewer);
    assert_eq!(
        stage
            .runner()
            .tenant(&context, &LeaveTenant {})
            .await
            .unwrap()
            .member,
        grace_in.id
    );
    assert_eq!(stage.drain().await.remove(0).kind, "tenancy.membership.removed");
    assert_eq!(
        code(stage.runner().tenant(&context, &LeaveTenant {}).await),
        (404, "not_found")
    );
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let left = stage
        .runner()
        .tenant(&owner, &ListMembers::default())
        .await
        .unwrap();
    assert_eq!(
        left.items
            .iter()
            .map(|member| member.membership.user)
            .collect::<Vec<_>>(),
        [ada.id]
    );
}

pub(crate) async fn what_is_another_tenants_does_not_exist(stage: &Stage) {
    let (ada, mallory) = (
        stage.person("ada@acme.example", true).await,
        stage.person("mallory@bolt.example", true).await,
    );
    let (acme, bolt) = (
        stage.tenant(&ada, "Acme").await,
        stage.tenant(&mallory, "Bolt").await,
    );
    let (_, joan_in) = stage.join(&acme, "joan@acme.example", Role::Viewer).await;
    let (invitation, _) = stage
        .invite(&acme, &ada, "grace@acme.example", Role::Viewer)
        .await;
    let stranger = stage.context(&bolt, &mallory, Role::Owner);
    let gone = (404, "not_found");
    let runner = stage.runner();
    assert_eq!(
        code(runner.tenant(&stranger, &GetMember { member: joan_in.id }).await),
        gone
    );
    assert_eq!(
        code(runner.tenant(&stranger, &to(joan_in.id, Role::Owner)).await),
        gone
    );
    assert_eq!(
        code(
            runner
                .tenant(&stranger, &RemoveMember { member: joan_in.id })
                .await
        ),
        gone
    );
    assert_eq!(
        code(
            runner
                .tenant(
                    &stranger,
                    &RevokeInvitation {
                        invitation: invitation.id
                    }
                )
                .await
        ),
        gone
    );
    assert_eq!(
        runner
            .tenant(&stranger, &ListMembers::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    // A context that claims a tenant the user is no member of gets nowhere with changes.
    let forged = stage.context(&acme, &mallory, Role::Owner);
    assert_eq!(
        code(runner.tenant(&forged, &RemoveMember { member: joan_in.id }).await),
        gone
    );
}
