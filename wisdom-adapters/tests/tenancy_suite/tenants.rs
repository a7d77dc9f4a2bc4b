//! Tenants.

use wisdom_core::access::Role;
use wisdom_core::page::PageQuery;
use wisdom_tenancy::tenant::{CreateTenant, GetTenant, ListTenants, UpdateTenant};

use super::stage::{Stage, code, name, slug};

pub(crate) async fn founders_own_what_they_found(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let create = CreateTenant {
        name: name("Acme"),
        slug: Some(slug("acme-works")),
    };
    let tenant = stage
        .runner()
        .on_behalf(&stage.signed_in(&ada), &create)
        .await
        .unwrap();
    assert_eq!(
        (tenant.slug.as_str(), tenant.owner_count, tenant.version),
        ("acme-works", 1, 1)
    );
    assert_eq!(
        code(stage.runner().on_behalf(&stage.signed_in(&ada), &create).await),
        (409, "tenant.slug_taken")
    );
    assert_eq!(
        code(stage.runner().on_behalf(&stage.stranger(), &create).await),
        (401, "unauthenticated")
    );

    let context = stage.context(&tenant, &ada, Role::Owner);
    assert_eq!(
        stage.runner().tenant(&context, &GetTenant {}).await.unwrap(),
        tenant
    );
    let events = stage.drain().await;
    assert!(
        events.iter().all(|event| event.tenant == Some(tenant.id)),
        "{events:?}"
    );
    assert_eq!(stage.audit(&tenant, "tenancy.tenant.create").await.len(), 1);
}

pub(crate) async fn lists_hold_the_own_tenants_only(stage: &Stage) {
    let (ada, grace) = (
        stage.person("ada@acme.example", true).await,
        stage.person("grace@acme.example", true).await,
    );
    for number in 0..5 {
        stage.tenant(&ada, &format!("Acme {number}")).await;
        stage.step();
    }
    stage.tenant(&grace, "Bolt").await;

    let list = |cursor| ListTenants {
        page: PageQuery {
            cursor,
            limit: Some(2),
        },
    };
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = stage
            .runner()
            .on_behalf(&stage.signed_in(&ada), &list(cursor))
            .await
            .unwrap();
        names.extend(page.items.iter().map(|standing| standing.tenant.name.to_string()));
        assert!(page.items.len() <= 2);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        let stolen = stage
            .runner()
            .on_behalf(&stage.signed_in(&grace), &list(cursor.clone()))
            .await;
        assert_eq!(code(stolen), (400, "cursor.invalid"));
    }
    assert_eq!(names, ["Acme 0", "Acme 1", "Acme 2", "Acme 3", "Acme 4"]);
}

pub(crate) async fn updates_are_compare_and_set(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let tenant = stage.tenant(&ada, "Acme").await;
    let context = stage.context(&tenant, &ada, Role::Owner);
    stage.drain().await;
    let update = |text: &str, expected_version| UpdateTenant {
        name: Some(name(text)),
        mfa_required: None,
        expected_version,
    };

    let changed = stage
        .runner()
        .tenant(&context, &update("Acme Works", tenant.version))
        .await
        .unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.version),
        ("Acme Works", tenant.version + 1)
    );
    assert_eq!(
        stage.runner().tenant(&context, &GetTenant {}).await.unwrap(),
        changed
    );
    let stale = stage
        .runner()
        .tenant(&context, &update("Other", tenant.version))
        .await;
    assert_eq!(code(stale), (412, "stale"));
    let same = stage
        .runner()
        .tenant(&context, &update("Acme Works", changed.version))
        .await
        .unwrap();
    assert_eq!(same.version, changed.version, "nothing changed");

    let kinds: Vec<String> = stage.drain().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["tenancy.tenant.updated"]);
}
