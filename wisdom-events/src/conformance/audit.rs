//! Cases about the audit log.

use std::time::Duration;

use serde_json::json;
use wisdom_core::access::Role;
use wisdom_core::audit::{AuditEntry, AuditRecord, AuditResult, Target};
use wisdom_core::conformance::{Harness, record};
use wisdom_core::context::{Actor, Credential, TenantContext};
use wisdom_core::id::{AuditId, TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::PageRequest;
use wisdom_core::unit_of_work::{Effect, UnitOfWork as _};

use super::fixtures::EventsStore;
use crate::store::EventsRepositories as _;

async fn note<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: TenantId, action: &'static str) -> AuditId {
    let tx = h.of(tenant).await;
    let outcome = Outcome::audited((), AuditEntry::on("thing", "1"));
    let ((), record) = outcome.into_record(tx.frame(), action).expect("a record");
    let id = record.audit().expect("an entry").id;
    tx.commit(record).await.expect("commit");
    id
}

async fn listed<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    action: Option<&str>,
) -> Vec<AuditRecord> {
    let slice = h
        .read_of(tenant)
        .await
        .audit_log()
        .list(action, &PageRequest::first(100))
        .await
        .expect("list");
    assert_eq!(slice.next, None);
    slice.items
}

/// An entry comes back as written, with both who acted and for whom.
pub async fn audit_entry_is_read_back<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let (user, operator, key) = (h.test().id(), h.test().id(), h.test().id());
    let member = h.test().member(h.tenant(0), user, Role::Viewer);
    read_back(h, &member, Actor::User(user), None).await;
    let acting = Credential::Operator {
        impersonation: h.test().id(),
        operator,
        subject: user,
        may_write: true,
    };
    let acting = h.test().standing_for(h.tenant(0), user, Role::Viewer, acting);
    read_back(h, &acting, Actor::Operator(operator), Some(user)).await;
    let owner = Some(user);
    let keyed = Credential::ApiKey { key, owner };
    let keyed = h.test().standing_for(h.tenant(0), user, Role::Viewer, keyed);
    read_back(h, &keyed, Actor::ApiKey(key), owner).await;
}

async fn read_back<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    context: &TenantContext,
    actor: Actor,
    on_behalf_of: Option<UserId>,
) {
    h.test().advance(Duration::from_secs(1));
    let tx = h.store().begin(context, Effect::Write).await.expect("begin");
    let details = json!({ "role": "viewer", "text": "größer '\"" });
    let entry = AuditEntry::on("invitation", "inv_1")
        .with(details.clone())
        .refused();
    let ((), told) = Outcome::audited((), entry)
        .into_record(tx.frame(), "thing.do")
        .expect("a record");
    let id = told.audit().expect("an entry").id;
    let at = tx.frame().now();
    tx.commit(told).await.expect("commit");
    let expected = AuditRecord {
        id,
        tenant: Some(h.tenant(0)),
        action: "thing.do".to_owned(),
        actor,
        on_behalf_of,
        target: Target {
            kind: "invitation".to_owned(),
            id: "inv_1".to_owned(),
        },
        result: AuditResult::Refused,
        at,
        request: context.request().id,
        details,
    };
    assert_eq!(listed(h, h.tenant(0), None).await[0], expected);
}

/// The newest entry is first; of one moment, the greater id.
pub async fn audit_is_listed_newest_first<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut expected = Vec::new();
    for number in 0..6 {
        if number % 2 == 0 {
            h.test().advance(Duration::from_micros(1));
        }
        expected.insert(0, (h.test().now(), note(h, h.tenant(0), "thing.do").await));
    }
    expected.sort_by(|a, b| b.cmp(a));
    let found: Vec<_> = listed(h, h.tenant(0), None)
        .await
        .iter()
        .map(|entry| (entry.at, entry.id))
        .collect();
    assert_eq!(found, expected);
}

/// A list of one action holds that action only.
pub async fn audit_is_listed_by_action<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let first = note(h, h.tenant(0), "thing.do").await;
    note(h, h.tenant(0), "thing.do_more").await;
    h.test().advance(Duration::from_secs(1));
    let second = note(h, h.tenant(0), "thing.do").await;
    let found: Vec<_> = listed(h, h.tenant(0), Some("thing.do"))
        .await
        .iter()
        .map(|entry| entry.id)
        .collect();
    assert_eq!(found, [second, first]);
    assert_eq!(listed(h, h.tenant(0), Some("thing")).await, []);
}

/// Pages give every entry once, also when newer ones come in between, with a filter and without.
pub async fn audit_is_paged<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    for number in 0..10 {
        if number % 3 == 0 {
            h.test().advance(Duration::from_secs(1));
        }
        note(
            h,
            tenant,
            if number % 2 == 0 {
                "thing.even"
            } else {
                "thing.odd"
            },
        )
        .await;
    }
    for (filter, count) in [(Some("thing.even"), 5), (Some("thing.odd"), 6), (None, 12)] {
        let expected = listed(h, tenant, filter).await;
        assert_eq!(expected.len(), count);
        let mut seen = Vec::new();
        let mut request = PageRequest::first(4);
        loop {
            let slice = h
                .read_of(tenant)
                .await
                .audit_log()
                .list(filter, &request)
                .await
                .expect("list");
            assert!(slice.items.len() <= 4);
            seen.extend(slice.items);
            request.after = slice.next;
            if slice.next.is_none() {
                break;
            }
            h.test().advance(Duration::from_secs(1));
            note(h, tenant, "thing.odd").await;
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

/// A tenant sees its own entries only.
pub async fn foreign_audit_entries_do_not_exist<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mine = note(h, h.tenant(0), "thing.do").await;
    let theirs = note(h, h.tenant(1), "thing.do").await;
    for filter in [None, Some("thing.do")] {
        let found: Vec<_> = listed(h, h.tenant(0), filter)
            .await
            .iter()
            .map(|entry| entry.id)
            .collect();
        assert_eq!(found, [mine]);
        let found: Vec<_> = listed(h, h.tenant(1), filter)
            .await
            .iter()
            .map(|entry| entry.id)
            .collect();
        assert_eq!(found, [theirs]);
    }
}

/// An entry of identity is in no tenant's log.
pub async fn audit_entries_of_no_tenant_are_invisible_to_tenants<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tx = h.system().await;
    let told = record(tx.frame(), Vec::new(), Some(AuditEntry::on("session", "ses_1")));
    tx.commit(told).await.expect("commit");
    assert_eq!(listed(h, h.tenant(0), None).await, []);
    assert_eq!(listed(h, h.tenant(1), None).await, []);
}
