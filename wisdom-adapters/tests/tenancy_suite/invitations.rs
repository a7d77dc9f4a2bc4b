//! Invitations.

use std::sync::Arc;
use std::time::Duration;

use wisdom_core::access::Role;
use wisdom_core::conformance::{parallel, save};
use wisdom_core::failure::OperationError as _;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Flow as _;
use wisdom_tenancy::invitation::rules::InvitationStatus;
use wisdom_tenancy::invitation::{
    AcceptAndRegister, DeclineInvitation, InvitationState, Invite, ListInvitations, RevokeInvitation,
};
use wisdom_tenancy::membership::{ChangeRole, RemoveMember};
use wisdom_tenancy::tenant::TenantState;

use super::stage::{PASSWORD, Stage, code, email, name, secret};

fn invite(address: &str, role: Role) -> Invite {
    Invite {
        email: email(address),
        role,
    }
}

pub(crate) async fn accepting_makes_a_member_and_twice_is_once(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let grace = stage.person("grace@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (view, token) = stage
        .invite(&tenant, &ada, "Grace@acme.example", Role::Admin)
        .await;
    assert_eq!(
        (view.status, view.invited_by),
        (InvitationStatus::Pending, ada.id)
    );

    let joined = stage.accept(&grace, &token).await.unwrap();
    assert_eq!(
        (joined.user, joined.tenant.id, joined.membership.role),
        (grace.id, tenant.id, Role::Admin)
    );
    assert_eq!(
        stage.membership(&tenant, &grace).await.unwrap(),
        joined.membership
    );
    let events = stage.drain().await;
    let mut kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["tenancy.invitation.accepted", "tenancy.membership.created"]
    );
    assert!(
        events
            .iter()
            .all(|event| event.data["user"] == grace.id.to_string())
    );
    assert!(events.iter().all(|event| event.tenant == Some(tenant.id)));

    assert_eq!(stage.accept(&grace, &token).await.unwrap(), joined);
    assert!(stage.drain().await.is_empty());
    assert_eq!(stage.audit(&tenant, "tenancy.invitation.accept").await.len(), 1);

    // Whoever was removed since does not come back with the token of then.
    let owner = stage.context(&tenant, &ada, Role::Owner);
    stage
        .runner()
        .tenant(
            &owner,
            &RemoveMember {
                member: joined.membership.id,
            },
        )
        .await
        .unwrap();
    assert_eq!(code(stage.accept(&grace, &token).await), (409, "invitation.gone"));
}

pub(crate) async fn the_token_is_in_the_mail_and_nowhere_else(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    stage.drain().await;
    let view = stage
        .runner()
        .tenant(&owner, &invite("grace@acme.example", Role::Member))
        .await
        .unwrap();
    let events = stage.drain().await;
    let mail = stage.mails(&events).remove(0);
    let token = &mail.params["token"];
    assert!(token.starts_with("invt_") && token.len() == 48);
    assert_eq!(mail.template, "tenancy.invitation");
    assert_eq!(
        (mail.params["tenant_name"].as_str(), mail.params["role"].as_str()),
        ("Acme", "member")
    );

    let list = stage
        .runner()
        .tenant(&owner, &ListInvitations::default())
        .await
        .unwrap();
    assert_eq!(list.items, std::slice::from_ref(&view));
    let shown = serde_json::to_string(&(&view, &list)).unwrap();
    let told = serde_json::to_string(&events).unwrap();
    let log = serde_json::to_string(&stage.audit(&tenant, "tenancy.invitation.create").await).unwrap();
    for text in [&shown, &told, &log] {
        assert!(!text.contains(token.as_str()), "{text}");
    }
    assert!(!told.contains("grace@"), "events hold no addresses: {told}");
}

pub(crate) async fn inviting_again_replaces_the_token_five_times_a_day(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let grace = stage.person("grace@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (first, old) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    let mut newest = old.clone();
    for _ in 2..=5 {
        let (again, token) = stage
            .invite(&tenant, &ada, "grace@acme.example", Role::Viewer)
            .await;
        assert_eq!(again.id, first.id);
        assert!(again.expires_at > first.expires_at);
        newest = token;
    }
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let sixth = stage
        .runner()
        .tenant(&owner, &invite("grace@acme.example", Role::Viewer))
        .await;
    assert_eq!(code(sixth), (429, "invitation.too_many"));
    assert!(stage.drain().await.is_empty());

    assert_eq!(code(stage.accept(&grace, &old).await), (404, "not_found"));
    let joined = stage.accept(&grace, &newest).await.unwrap();
    assert_eq!(joined.membership.role, Role::Viewer);
}

pub(crate) async fn only_the_verified_invited_address_may_accept(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (_, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;

    let mallory = stage.person("mallory@bolt.example", true).await;
    let refused = stage.accept(&mallory, &token).await.unwrap_err().into_failure();
    assert_eq!(
        (refused.kind.http_status(), refused.code),
        (403, "invitation.other_account")
    );
    assert!(
        refused.message.as_str().contains("g***@acme.example"),
        "{}",
        refused.message
    );
    assert!(!refused.message.as_str().contains("grace"));

    // An account somebody made in advance with the invited address.
    let squatter = stage.person("grace@acme.example", false).await;
    assert_eq!(
        code(stage.accept(&squatter, &token).await),
        (403, "invitation.email_unverified")
    );
    assert_eq!(stage.standings(&squatter).await, []);
    for junk in [
        "",
        "invt_",
        "x",
        &token.expose()[..47],
        &format!("{}x", token.expose()),
    ] {
        assert_eq!(
            code(stage.accept(&mallory, &secret(junk)).await),
            (404, "not_found"),
            "{junk}"
        );
    }
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let list = stage
        .runner()
        .tenant(&owner, &ListInvitations::default())
        .await
        .unwrap();
    assert_eq!(
        (list.items[0].status, list.items[0].version),
        (InvitationStatus::Pending, 1),
        "untouched"
    );
}

pub(crate) async fn the_inviter_must_still_be_entitled(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let (joan, joan_in) = stage.join(&tenant, "joan@acme.example", Role::Admin).await;
    let grace = stage.person("grace@acme.example", true).await;
    let (view, token) = stage
        .invite(&tenant, &joan, "grace@acme.example", Role::Member)
        .await;
    let gone = (409, "invitation.inviter_gone");

    let demote = ChangeRole {
        member: joan_in.id,
        role: Role::Member,
        expected_version: None,
    };
    stage.runner().tenant(&owner, &demote).await.unwrap();
    assert_eq!(code(stage.accept(&grace, &token).await), gone);
    stage
        .runner()
        .tenant(&owner, &RemoveMember { member: joan_in.id })
        .await
        .unwrap();
    assert_eq!(code(stage.accept(&grace, &token).await), gone);
    assert_eq!(stage.membership(&tenant, &grace).await, None);

    let (again, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    assert_eq!((again.id, again.invited_by), (view.id, ada.id));
    stage.accept(&grace, &token).await.unwrap();
}

pub(crate) async fn nobody_invites_above_their_rank(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (joan, _) = stage.join(&tenant, "joan@acme.example", Role::Admin).await;
    let (kim, _) = stage.join(&tenant, "kim@acme.example", Role::Member).await;
    let admin = stage.context(&tenant, &joan, Role::Admin);
    let member = stage.context(&tenant, &kim, Role::Member);
    let rank = (403, "member.rank");
    let runner = stage.runner();
    assert_eq!(
        code(
            runner
                .tenant(&admin, &invite("grace@acme.example", Role::Owner))
                .await
        ),
        rank
    );
    assert_eq!(
        code(
            runner
                .tenant(&member, &invite("grace@acme.example", Role::Viewer))
                .await
        ),
        (403, "forbidden")
    );

    let (view, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Owner)
        .await;
    assert_eq!(
        code(
            runner
                .tenant(&admin, &invite("grace@acme.example", Role::Viewer))
                .await
        ),
        rank
    );
    assert_eq!(
        code(
            runner
                .tenant(&admin, &RevokeInvitation { invitation: view.id })
                .await
        ),
        rank
    );
    let grace = stage.person("grace@acme.example", true).await;
    let joined = stage.accept(&grace, &token).await.unwrap();
    assert_eq!(
        (joined.membership.role, joined.tenant.owner_count),
        (Role::Owner, 2)
    );
}

pub(crate) async fn closed_invitations_stay_closed(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let grace = stage.person("grace@acme.example", true).await;
    let runner = stage.runner();

    let (view, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    let revoke = RevokeInvitation { invitation: view.id };
    assert_eq!(
        runner.tenant(&owner, &revoke).await.unwrap().status,
        InvitationStatus::Revoked
    );
    assert_eq!(
        runner.tenant(&owner, &revoke).await.unwrap().version,
        2,
        "twice is once"
    );
    assert_eq!(code(stage.accept(&grace, &token).await), (409, "invitation.gone"));

    let (next, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    assert_ne!(next.id, view.id);
    let decline = DeclineInvitation { token: token.clone() };
    for _ in 0..2 {
        let declined = runner.on_behalf(&stage.stranger(), &decline).await.unwrap();
        assert_eq!(declined.status, InvitationStatus::Declined);
    }
    assert_eq!(code(stage.accept(&grace, &token).await), (409, "invitation.gone"));
    assert_eq!(
        code(
            runner
                .tenant(&owner, &RevokeInvitation { invitation: next.id })
                .await
        ),
        (409, "invitation.gone")
    );

    let (_, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    stage.test().advance(Duration::from_secs(7 * 86_400));
    assert_eq!(
        code(stage.accept(&grace, &token).await),
        (409, "invitation.expired")
    );
    let late = runner
        .on_behalf(&stage.stranger(), &DeclineInvitation { token })
        .await;
    assert_eq!(code(late), (409, "invitation.expired"));

    let pending = ListInvitations {
        state: Some(InvitationState::Pending),
        ..ListInvitations::default()
    };
    let listed = runner.tenant(&owner, &pending).await.unwrap().items;
    assert_eq!(
        listed.iter().map(|view| view.status).collect::<Vec<_>>(),
        [InvitationStatus::Expired]
    );
    let all = runner
        .tenant(&owner, &ListInvitations::default())
        .await
        .unwrap()
        .items;
    assert_eq!(all.len(), 3);
}

pub(crate) async fn members_are_not_invited(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    stage.join(&tenant, "grace@acme.example", Role::Viewer).await;
    stage.drain().await;
    let again = stage
        .runner()
        .tenant(&owner, &invite("GRACE@acme.example", Role::Admin))
        .await;
    assert_eq!(code(again), (409, "member.exists"));
    assert!(stage.drain().await.is_empty());
}

pub(crate) async fn accepting_never_lowers_a_role(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    for (address, offered, held, after) in [
        ("grace@acme.example", Role::Viewer, Role::Admin, Role::Admin),
        ("joan@acme.example", Role::Admin, Role::Viewer, Role::Admin),
    ] {
        let (_, token) = stage.invite(&tenant, &ada, address, offered).await;
        let user = stage.person(address, true).await;
        let before = stage.enrol(&tenant, &user, held).await;
        let joined = stage.accept(&user, &token).await.unwrap();
        assert_eq!(
            (joined.membership.id, joined.membership.role),
            (before.id, after),
            "{address}"
        );
        assert_eq!(stage.membership(&tenant, &user).await.unwrap(), joined.membership);
    }
}

pub(crate) async fn a_new_person_registers_and_joins_in_one_step(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (_, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    let mut form = AcceptAndRegister {
        token,
        password: secret("short"),
        display_name: name("Grace Hopper"),
    };
    assert_eq!(
        code(form.run(stage, &stage.stranger()).await),
        (400, "password.weak")
    );
    assert!(stage.user_at("grace@acme.example").await.is_none());

    form.password = secret(PASSWORD);
    let joined = form.run(stage, &stage.stranger()).await.unwrap();
    let grace = stage.user_at("grace@acme.example").await.unwrap();
    assert_eq!((joined.user, joined.membership.role), (grace.id, Role::Member));
    assert!(grace.email_verified_at.is_some(), "the token proved the mailbox");
    let mut kinds: Vec<String> = stage.drain().await.into_iter().map(|event| event.kind).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "auth.user.created",
            "tenancy.invitation.accepted",
            "tenancy.membership.created"
        ]
    );

    // The answer was lost: with the new account, accepting gives it again.
    assert_eq!(
        code(form.run(stage, &stage.stranger()).await),
        (409, "invitation.sign_in_first")
    );
    assert_eq!(stage.accept(&grace, &form.token).await.unwrap(), joined);

    stage.person("kim@acme.example", false).await;
    let (_, token) = stage
        .invite(&tenant, &ada, "kim@acme.example", Role::Member)
        .await;
    let known = AcceptAndRegister { token, ..form };
    assert_eq!(
        code(known.run(stage, &stage.stranger()).await),
        (409, "invitation.sign_in_first")
    );
}

pub(crate) async fn a_suspended_tenant_takes_nobody_in(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let grace = stage.person("grace@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (_, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    for (state, refusal) in [
        (TenantState::Suspended, (403, "tenant.suspended")),
        (TenantState::DeletionPending, (404, "not_found")),
    ] {
        let mut tx = stage
            .runner()
            .store()
            .begin(&stage.test().tenant(tenant.id), Effect::Write)
            .await
            .unwrap();
        let mut closed = tx.own_tenant().current().await.unwrap();
        closed.state = state;
        let version = closed.version;
        tx.own_tenant().update(&closed, version).await.unwrap();
        save(tx).await;
        assert_eq!(code(stage.accept(&grace, &token).await), refusal);
    }
    assert_eq!(stage.standings(&grace).await, []);
}

pub(crate) async fn parallel_accepts_make_one_membership(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let grace = stage.person("grace@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let (_, token) = stage
        .invite(&tenant, &ada, "grace@acme.example", Role::Member)
        .await;
    let shared = Arc::new((stage.clone(), grace.clone(), token));
    let all = parallel(8, |_| {
        let shared = Arc::clone(&shared);
        async move { shared.0.accept(&shared.1, &shared.2).await }
    })
    .await;
    let joined = all.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(joined.iter().all(|answer| *answer == joined[0]));
    let kinds: Vec<String> = stage.drain().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
}

pub(crate) async fn parallel_invites_make_one_invitation(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&tenant, &ada, Role::Owner);
    let shared = Arc::new((stage.clone(), owner.clone()));
    let all = parallel(8, |_| {
        let shared = Arc::clone(&shared);
        async move {
            shared
                .0
                .runner()
                .tenant(&shared.1, &invite("grace@acme.example", Role::Member))
                .await
        }
    })
    .await;
    let (sent, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!((sent.len(), refused.len()), (5, 3), "five mails a day");
    assert!(
        refused
            .into_iter()
            .all(|answer| code(answer) == (429, "invitation.too_many"))
    );
    let list = stage
        .runner()
        .tenant(&owner, &ListInvitations::default())
        .await
        .unwrap();
    assert_eq!(list.items.len(), 1);
}
