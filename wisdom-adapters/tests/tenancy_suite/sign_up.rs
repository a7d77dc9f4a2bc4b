//! Sign-up.

use std::sync::Arc;

use wisdom_core::conformance::parallel;
use wisdom_core::context::Caller;
use wisdom_core::mail::MAIL_REQUESTED;
use wisdom_core::use_case::{Flow as _, Operation as _};
use wisdom_tenancy::sign_up::{SignUp, SignUpStatus};

use super::stage::{PASSWORD, Stage, code, email, name, secret, slug};

fn form(address: &str, tenant: &str) -> SignUp {
    SignUp {
        email: email(address),
        password: secret(PASSWORD),
        display_name: name("Ada Lovelace"),
        tenant_name: name(tenant),
        tenant_slug: None,
    }
}

pub(crate) async fn person_tenant_and_ownership_come_in_one_commit(stage: &Stage) {
    let answer = form("ada@acme.example", "Acme Works")
        .run(stage, &stage.stranger())
        .await
        .unwrap();
    assert_eq!(answer.status, SignUpStatus::Accepted);

    let user = stage.user_at("ada@acme.example").await.unwrap();
    assert_eq!(user.email_verified_at, None);
    let standing = stage.standings(&user).await.remove(0);
    assert_eq!(
        (standing.tenant.slug.as_str(), standing.role.as_str()),
        ("acme-works", "owner")
    );
    assert_eq!(standing.tenant.owner_count, 1);

    let events = stage.drain().await;
    let mut kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    let expected = [
        "auth.user.created",
        MAIL_REQUESTED,
        "tenancy.membership.created",
        "tenancy.tenant.created",
    ];
    assert_eq!(kinds, expected);
    let mail = stage.mails(&events).remove(0);
    assert_eq!(
        (mail.template.as_str(), mail.to.as_str()),
        ("auth.sign_up.verify", "ada@acme.example")
    );
    // The token, and none of the words that a stranger typed.
    assert_eq!(mail.params.keys().collect::<Vec<_>>(), ["token"]);
    assert!(mail.params["token"].len() >= 40);

    let log = stage.audit(&standing.tenant, SignUp::NAME).await;
    assert_eq!(log[0].target.id, standing.tenant.id.to_string());
}

pub(crate) async fn a_known_address_gets_the_same_answer_and_another_mail(stage: &Stage) {
    let first = form("ada@acme.example", "Acme")
        .run(stage, &stage.stranger())
        .await
        .unwrap();
    stage.drain().await;
    let hash = stage.password_hash("ada@acme.example").await;

    let mut again = form("Ada@ACME.example", "Mallory's");
    again.password = secret("another long passphrase, mine");
    assert_eq!(again.run(stage, &stage.stranger()).await.unwrap(), first);

    let events = stage.drain().await;
    assert_eq!(events.len(), 1, "{events:?}");
    let mail = stage.mails(&events).remove(0);
    // To the address as the account has it, and with nothing of what the caller typed.
    assert_eq!(
        (mail.template.as_str(), mail.to.as_str()),
        ("auth.sign_up.existing", "ada@acme.example")
    );
    assert!(mail.params.is_empty());
    assert_eq!(stage.password_hash("ada@acme.example").await, hash);
    let user = stage.user_at("ada@acme.example").await.unwrap();
    assert_eq!(stage.standings(&user).await.len(), 1);
}

pub(crate) async fn mails_to_a_known_address_end_silently(stage: &Stage) {
    stage.person("ada@acme.example", true).await;
    for _ in 0..5 {
        let answer = form("ada@acme.example", "Acme")
            .run(stage, &stage.stranger())
            .await
            .unwrap();
        assert_eq!(answer.status, SignUpStatus::Accepted);
    }
    assert_eq!(stage.drain().await.len(), 3);
}

pub(crate) async fn a_taken_slug_says_nothing_about_the_address(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    stage.tenant(&ada, "Acme").await;
    stage.drain().await;
    for address in ["ada@acme.example", "new@acme.example"] {
        let mut form = form(address, "Other");
        form.tenant_slug = Some(slug("acme"));
        let refused = form.run(stage, &stage.stranger()).await;
        assert_eq!(code(refused), (409, "tenant.slug_taken"), "{address}");
    }
    assert!(stage.user_at("new@acme.example").await.is_none());
    assert!(stage.drain().await.is_empty());
}

pub(crate) async fn tenants_of_one_name_get_slugs_of_their_own(stage: &Stage) {
    let mut slugs = Vec::new();
    for address in ["ada@acme.example", "grace@acme.example", "joan@acme.example"] {
        form(address, "Acme").run(stage, &stage.stranger()).await.unwrap();
        let user = stage.user_at(address).await.unwrap();
        slugs.push(stage.standings(&user).await.remove(0).tenant.slug);
    }
    assert_eq!(slugs[0].as_str(), "acme");
    assert!(slugs[1..].iter().all(|slug| slug.as_str().starts_with("acme-")));
    assert_ne!(slugs[1], slugs[2]);
}

pub(crate) async fn a_weak_password_leaves_nothing(stage: &Stage) {
    let mut weak = form("ada@acme.example", "Acme");
    weak.password = secret("short");
    assert_eq!(
        code(weak.run(stage, &stage.stranger()).await),
        (400, "password.weak")
    );
    assert!(stage.user_at("ada@acme.example").await.is_none());
    assert!(stage.drain().await.is_empty());
}

pub(crate) async fn one_source_is_throttled(stage: &Stage) {
    let from = |last: u8| {
        let mut request = stage.test().request();
        request.source = Some([192, 0, 2, last].into());
        Caller::Anonymous(request)
    };
    let mut weak = form("ada@acme.example", "Acme");
    weak.password = secret("short");
    for _ in 0..30 {
        assert_eq!(code(weak.run(stage, &from(1)).await), (400, "password.weak"));
    }
    assert_eq!(code(weak.run(stage, &from(1)).await), (429, "rate_limited"));
    assert_eq!(code(weak.run(stage, &from(2)).await), (400, "password.weak"));
}

pub(crate) async fn parallel_sign_ups_with_one_address_make_one_person(stage: &Stage) {
    let stage = Arc::new(stage.clone());
    let all = parallel(6, |_| {
        let stage = Arc::clone(&stage);
        async move {
            form("ada@acme.example", "Acme")
                .run(&*stage, &stage.stranger())
                .await
        }
    })
    .await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let user = stage.user_at("ada@acme.example").await.unwrap();
    assert_eq!(stage.standings(&user).await.len(), 1);
    let events = stage.drain().await;
    let verify = stage
        .mails(&events)
        .iter()
        .filter(|mail| mail.template == "auth.sign_up.verify")
        .count();
    assert_eq!(verify, 1);
    assert_eq!(
        events
            .iter()
            .filter(|event| event.kind == "tenancy.tenant.created")
            .count(),
        1
    );
}
