//! The audit log.

use std::sync::Arc;

use wisdom_core::access::Role;
use wisdom_core::catalogue::Host as _;
use wisdom_core::failure::OperationError as _;
use wisdom_core::id::kind;
use wisdom_events::audit::list_entries::ListAuditEntries;

use super::EventsStore;
use super::receiver::Listener;
use super::stage::Stage;

pub(crate) async fn reading_the_audit_log_is_an_entry<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    let admin = stage.admin(0);
    let created = ListAuditEntries {
        action: Some("webhooks.endpoint.create".to_owned()),
        ..ListAuditEntries::default()
    };
    let entries = stage.runner().tenant(&admin, &created).await.unwrap().items;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].target.id, endpoint.endpoint.id.to_string());
    let logged = serde_json::to_string(&entries).unwrap();
    assert!(!logged.contains(endpoint.secret.expose()), "{logged}");

    let all = stage
        .runner()
        .tenant(&admin, &ListAuditEntries::default())
        .await
        .unwrap()
        .items;
    assert_eq!(
        all[0].action, "audit.entry.list",
        "newest first, and reading is an entry"
    );
    assert!(
        stage
            .runner()
            .tenant(&stage.admin(1), &created)
            .await
            .unwrap()
            .items
            .is_empty()
    );

    let bad = ListAuditEntries {
        action: Some("x' OR 1".to_owned()),
        ..ListAuditEntries::default()
    };
    assert_eq!(
        stage
            .runner()
            .tenant(&admin, &bad)
            .await
            .unwrap_err()
            .into_failure()
            .fields[0]
            .field,
        "action"
    );
    let test = stage.harness.test();
    let viewer = test.member(stage.harness.tenant(0), test.id::<kind::User>(), Role::Viewer);
    let denied = stage.runner().tenant(&viewer, &ListAuditEntries::default()).await;
    assert_eq!(denied.unwrap_err().into_failure().code, "forbidden");
}
