//! Webhooks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wisdom_core::catalogue::Host as _;
use wisdom_core::event::NewEvent;
use wisdom_core::failure::OperationError as _;
use wisdom_core::page::PageQuery;
use wisdom_core::value::HttpsUrl;
use wisdom_events::error::EventsError;
use wisdom_events::webhook::DeliveryState;
use wisdom_events::webhook::operations::create_endpoint::CreateEndpoint;
use wisdom_events::webhook::operations::delete_endpoint::DeleteEndpoint;
use wisdom_events::webhook::operations::get_endpoint::GetEndpoint;
use wisdom_events::webhook::operations::list_attempts::ListAttempts;
use wisdom_events::webhook::operations::list_endpoints::ListEndpoints;
use wisdom_events::webhook::operations::replay_delivery::ReplayDelivery;
use wisdom_events::webhook::operations::rotate_secret::RotateSecret;
use wisdom_events::webhook::operations::send_example::SendExample;
use wisdom_events::webhook::operations::update_endpoint::UpdateEndpoint;

use super::EventsStore;
use super::receiver::Listener;
use super::stage::{Stage, name_in};

const HOUR: Duration = Duration::from_hours(1);

fn update(endpoint: wisdom_core::id::EndpointId) -> UpdateEndpoint {
    serde_json::from_value(json!({ "endpoint": endpoint })).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, EventsError>) -> (u16, &'static str) {
    let failure = result.unwrap_err().into_failure();
    (failure.kind.http_status(), failure.code)
}

pub(crate) async fn an_event_arrives_signed_once_and_only_at_its_tenant<S: EventsStore + ?Sized>(
    stage: &Arc<Stage<S>>,
) {
    let (ours, other, narrow) = (
        Listener::start().await,
        Listener::start().await,
        Listener::start().await,
    );
    let endpoint = stage.endpoint(0, &ours, &["thing.*"]).await;
    stage.endpoint(0, &narrow, &["thing.lost"]).await;
    stage.endpoint(1, &other, &[]).await;
    stage.emit(0, &["a"]).await;
    stage
        .commit(
            0,
            NewEvent::new("thing.hidden", "a", json!({ "name": "secret" })).internal(),
        )
        .await;
    stage.settle().await;

    let seen = ours.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((other.seen().len(), narrow.seen().len()), (0, 0));
    let (message, now) = (&seen[0], stage.harness.test().now());
    let body = message.json();
    let verified = message.verify(endpoint.secret.expose(), now).unwrap();
    assert_eq!(verified, body["id"].as_str().unwrap());
    assert_eq!(message.header("content-type"), "application/json");
    assert!(message.header("user-agent").starts_with("wisdom/"));
    assert_eq!((name_in(&body), body["type"].as_str()), ("a", Some("thing.made")));
    assert_eq!(body["tenantid"], stage.harness.tenant(0).to_string());
    assert_eq!(
        (&body["seq"], &body["source"]),
        (&json!(1), &json!("https://acme.example"))
    );

    let delivery = stage.deliveries(0, &endpoint).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
    let attempts = ListAttempts {
        delivery: delivery.id,
    };
    let attempts = stage
        .runner()
        .tenant(&stage.admin(0), &attempts)
        .await
        .unwrap()
        .attempts;
    assert_eq!(
        (attempts.len(), attempts[0].status, attempts[0].number),
        (1, Some(204), 1)
    );
}

pub(crate) async fn a_failed_delivery_is_tried_again_with_the_same_id<S: EventsStore + ?Sized>(
    stage: &Arc<Stage<S>>,
) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    listener.answers([(500, None), (302, None)]);
    stage.emit(0, &["a"]).await;
    stage.settle().await;
    let began = stage.harness.test().now();
    assert_eq!(stage.view(0, &endpoint).await.failing_since, Some(began));
    stage.advance(Duration::from_secs(3));
    stage.settle().await;
    assert_eq!(listener.seen().len(), 1, "too early for another try");
    stage.advance(Duration::from_secs(4));
    stage.settle().await;
    assert_eq!(listener.seen().len(), 2);
    assert_eq!(
        stage.view(0, &endpoint).await.failing_since,
        Some(began),
        "a redirect is a failure"
    );
    stage.advance(Duration::from_mins(7));
    stage.settle().await;

    let seen = listener.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].header("webhook-id"), seen[2].header("webhook-id"));
    assert_eq!(seen[0].body, seen[2].body);
    assert_ne!(
        seen[0].header("webhook-timestamp"),
        seen[2].header("webhook-timestamp")
    );
    assert!(
        seen[2]
            .verify(endpoint.secret.expose(), stage.harness.test().now())
            .is_ok()
    );
    assert_eq!(stage.view(0, &endpoint).await.failing_since, None);
    let delivery = stage.deliveries(0, &endpoint).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 3));
}

pub(crate) async fn retry_after_is_believed<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    stage.endpoint(0, &listener, &[]).await;
    listener.answers([(503, Some("7200")), (429, None)]);
    stage.emit(0, &["a"]).await;
    stage.settle().await;
    stage.advance(Duration::from_secs(7199));
    stage.settle().await;
    assert_eq!(listener.seen().len(), 1);
    stage.advance(Duration::from_secs(1));
    stage.settle().await;
    assert_eq!(listener.seen().len(), 2);
}

pub(crate) async fn gone_disables_at_once_and_enabling_replays_nothing<S: EventsStore + ?Sized>(
    stage: &Arc<Stage<S>>,
) {
    let (gone, watching) = (Listener::start().await, Listener::start().await);
    let endpoint = stage.endpoint(0, &gone, &["thing.*"]).await;
    stage
        .endpoint(0, &watching, &["webhooks.endpoint.disabled"])
        .await;
    gone.answers([(500, None), (410, None)]);
    stage.emit(0, &["a"]).await;
    stage.settle().await;
    stage.emit(0, &["b"]).await;
    stage.settle().await;
    let view = stage.view(0, &endpoint).await;
    assert_eq!(
        (view.enabled, view.disabled_reason.as_deref()),
        (false, Some("gone"))
    );
    assert_eq!(watching.seen().len(), 1);
    assert_eq!(watching.seen()[0].json()["data"]["reason"], "gone");

    // The first event's second try is not made any more.
    stage.advance(HOUR);
    stage.settle().await;
    stage.emit(0, &["c"]).await;
    stage.settle().await;
    assert_eq!(gone.seen().len(), 2);
    let deliveries = stage.deliveries(0, &endpoint).await;
    assert_eq!(deliveries.len(), 2);
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.state == DeliveryState::Dead)
    );
    let replay = ReplayDelivery {
        delivery: deliveries[0].id,
    };
    let refused = stage.runner().tenant(&stage.admin(0), &replay).await;
    assert_eq!(code(refused), (409, "webhooks.endpoint_disabled"));

    let enable = UpdateEndpoint {
        enabled: Some(true),
        ..update(endpoint.endpoint.id)
    };
    let view = stage.runner().tenant(&stage.admin(0), &enable).await.unwrap();
    assert_eq!(
        (view.enabled, view.disabled_reason, view.failing_since),
        (true, None, None)
    );
    stage.settle().await;
    assert_eq!(gone.seen().len(), 2);
    stage.runner().tenant(&stage.admin(0), &replay).await.unwrap();
    stage.settle().await;
    assert_eq!(gone.seen().len(), 3);
    assert_eq!(
        gone.seen()[2].header("webhook-id"),
        deliveries[0].event.to_string()
    );
}

pub(crate) async fn five_days_of_failures_disable<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &["thing.*"]).await;
    listener.answers(vec![(500, None); 100]);
    for day in 0..5_u32 {
        stage.emit(0, &[&format!("day-{day}")]).await;
        stage.settle().await;
        assert!(stage.view(0, &endpoint).await.enabled, "day {day}");
        stage.advance(HOUR * 24);
    }
    stage.emit(0, &["last"]).await;
    stage.settle().await;
    let view = stage.view(0, &endpoint).await;
    assert_eq!(
        (view.enabled, view.disabled_reason.as_deref()),
        (false, Some("failing"))
    );
}

pub(crate) async fn ten_tries_then_dead_then_replayed<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    listener.answers(vec![(500, None); 10]);
    stage.emit(0, &["a"]).await;
    stage.settle().await;
    for hours in [1, 1, 1, 3, 6, 12, 17, 24, 29] {
        stage.advance(HOUR * hours);
        stage.settle().await;
    }
    assert_eq!(listener.seen().len(), 10);
    let delivery = stage.deliveries(0, &endpoint).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Dead, 10));
    stage.advance(HOUR * 30);
    stage.settle().await;
    assert_eq!(listener.seen().len(), 10);

    let replay = ReplayDelivery {
        delivery: delivery.id,
    };
    stage.runner().tenant(&stage.admin(0), &replay).await.unwrap();
    stage.settle().await;
    let seen = listener.seen();
    assert_eq!(
        (seen.len(), seen[0].header("webhook-id")),
        (11, seen[10].header("webhook-id"))
    );
    assert_eq!(
        stage.deliveries(0, &endpoint).await[0].state,
        DeliveryState::Delivered
    );
}

pub(crate) async fn a_rotated_secret_signs_along_for_a_day<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    let rotate = RotateSecret {
        endpoint: endpoint.endpoint.id,
    };
    let new = stage.runner().tenant(&stage.admin(0), &rotate).await.unwrap();
    assert!(!new.secret.ct_eq(&endpoint.secret));
    stage.advance(HOUR * 23);
    stage.emit(0, &["a"]).await;
    stage.settle().await;
    stage.advance(HOUR * 2);
    stage.emit(0, &["b"]).await;
    stage.settle().await;
    let (seen, now) = (listener.seen(), stage.harness.test().now());
    let then = now.saturating_sub(HOUR * 2);
    for secret in [&endpoint.secret, &new.secret] {
        assert!(seen[0].verify(secret.expose(), then).is_ok());
    }
    assert!(seen[1].verify(new.secret.expose(), now).is_ok());
    assert!(seen[1].verify(endpoint.secret.expose(), now).is_err());
}

pub(crate) async fn an_example_goes_to_its_endpoint_only<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let (wanted, other) = (Listener::start().await, Listener::start().await);
    let endpoint = stage.endpoint(0, &wanted, &["thing.lost"]).await;
    stage.endpoint(0, &other, &[]).await;
    let example = SendExample {
        endpoint: endpoint.endpoint.id,
    };
    stage.runner().tenant(&stage.admin(0), &example).await.unwrap();
    stage.settle().await;
    assert_eq!((wanted.seen().len(), other.seen().len()), (1, 0));
    assert_eq!(wanted.seen()[0].json()["type"], "webhooks.example");
}

pub(crate) async fn a_large_event_is_sent_thin<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    stage.endpoint(0, &listener, &[]).await;
    stage
        .commit(
            0,
            NewEvent::new("thing.made", "a", json!({ "text": "x".repeat(30_000) })),
        )
        .await;
    stage.settle().await;
    let body = listener.seen()[0].json();
    assert_eq!(
        (body.get("data"), &body["thin"], &body["subject"]),
        (None, &json!(true), &json!("a"))
    );
}

pub(crate) async fn secrets_are_shown_once<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    let secret = endpoint.secret.expose().trim_start_matches("whsec_").to_owned();
    let admin = stage.admin(0);
    let view = stage.view(0, &endpoint).await;
    let list = stage
        .runner()
        .tenant(&admin, &ListEndpoints::default())
        .await
        .unwrap();
    assert_eq!(list.items, std::slice::from_ref(&view));
    let shown = serde_json::to_string(&(&view, &list)).unwrap();
    assert!(!shown.contains(&secret) && !shown.contains("secret"), "{shown}");
    let mut tx = stage.harness.of(stage.harness.tenant(0)).await;
    let stored = wisdom_events::store::EventsRepositories::endpoints(&mut *tx)
        .find(endpoint.endpoint.id)
        .await
        .unwrap()
        .unwrap();
    assert!(!format!("{stored:?}").contains(&secret));
}

pub(crate) async fn endpoints_are_counted_and_compared<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let admin = stage.admin(0);
    let create = |url: &str| CreateEndpoint {
        url: HttpsUrl::parse(url).unwrap(),
        description: String::new(),
        event_kinds: Vec::new(),
    };
    let first = stage
        .runner()
        .tenant(&admin, &create("https://hooks.acme.example/0"))
        .await
        .unwrap();
    for number in 1..20 {
        let url = format!("https://hooks.acme.example/{number}");
        stage.runner().tenant(&admin, &create(&url)).await.unwrap();
    }
    let one_more = stage
        .runner()
        .tenant(&admin, &create("https://hooks.acme.example/20"))
        .await;
    assert_eq!(code(one_more), (402, "webhooks.endpoint_limit"));
    let private = stage.runner().tenant(&admin, &create("https://10.0.0.1/")).await;
    assert_eq!(code(private), (400, "webhooks.address_refused"));
    let page = PageQuery {
        limit: Some(15),
        cursor: None,
    };
    let page = stage
        .runner()
        .tenant(&admin, &ListEndpoints { page })
        .await
        .unwrap();
    let rest = PageQuery {
        limit: Some(15),
        cursor: page.next.clone(),
    };
    let rest = stage
        .runner()
        .tenant(&admin, &ListEndpoints { page: rest })
        .await
        .unwrap();
    assert_eq!((page.items.len(), rest.items.len(), rest.next), (15, 5, None));

    let id = first.endpoint.id;
    let change = UpdateEndpoint {
        description: Some("new".to_owned()),
        expected_version: Some(1),
        ..update(id)
    };
    let changed = stage.runner().tenant(&admin, &change).await.unwrap();
    assert_eq!((changed.version, changed.description.as_str()), (2, "new"));
    assert_eq!(code(stage.runner().tenant(&admin, &change).await), (412, "stale"));
    let delete = DeleteEndpoint { endpoint: id };
    stage.runner().tenant(&admin, &delete).await.unwrap();
    assert_eq!(
        code(stage.runner().tenant(&admin, &delete).await),
        (404, "not_found")
    );
}

pub(crate) async fn another_tenants_endpoint_does_not_exist<S: EventsStore + ?Sized>(stage: &Arc<Stage<S>>) {
    let listener = Listener::start().await;
    let endpoint = stage.endpoint(0, &listener, &[]).await;
    stage.emit(0, &["a"]).await;
    stage.settle().await;
    let delivery = stage.deliveries(0, &endpoint).await.remove(0).id;
    let (id, runner, foreign) = (endpoint.endpoint.id, stage.runner(), stage.admin(1));
    let gone = (404, "not_found");
    assert_eq!(
        code(runner.tenant(&foreign, &GetEndpoint { endpoint: id }).await),
        gone
    );
    assert_eq!(code(runner.tenant(&foreign, &update(id)).await), gone);
    assert_eq!(
        code(runner.tenant(&foreign, &RotateSecret { endpoint: id }).await),
        gone
    );
    assert_eq!(
        code(runner.tenant(&foreign, &SendExample { endpoint: id }).await),
        gone
    );
    assert_eq!(
        code(runner.tenant(&foreign, &DeleteEndpoint { endpoint: id }).await),
        gone
    );
    assert_eq!(
        code(runner.tenant(&foreign, &ListAttempts { delivery }).await),
        gone
    );
    assert_eq!(
        code(runner.tenant(&foreign, &ReplayDelivery { delivery }).await),
        gone
    );
    assert!(stage.view(0, &endpoint).await.version == 1);
}
