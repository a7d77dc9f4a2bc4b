//! A host with relay, delivery worker and real HTTP around a store, for one case.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use wisdom_adapters::http::ReqwestClient;
use wisdom_core::access::Role;
use wisdom_core::catalogue::Host;
use wisdom_core::conformance::{Harness, record};
use wisdom_core::context::TenantContext;
use wisdom_core::event::{NewEvent, StoredEvent};
use wisdom_core::id::kind;
use wisdom_core::page::PageQuery;
use wisdom_core::runner::{RetryPolicy, Runner};
use wisdom_core::unit_of_work::{Store, UnitOfWork as _};
use wisdom_events::bus::{Bus, Consumer, ConsumerError};
use wisdom_events::kit::{EventServices, EventsHost, Waker};
use wisdom_events::relay::Relay;
use wisdom_events::store::{EventsTx, RelayTx};
use wisdom_events::webhook::delivery::DeliveryWorker;
use wisdom_events::webhook::fan_out::WebhookFanOut;
use wisdom_events::webhook::operations::create_endpoint::{CreateEndpoint, CreatedEndpoint};
use wisdom_events::webhook::operations::get_endpoint::GetEndpoint;
use wisdom_events::webhook::operations::list_deliveries::ListDeliveries;
use wisdom_events::webhook::{Delivery, EndpointView};

use super::receiver::Listener;

/// A consumer that keeps what it was told, and fails as long as it is told to.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    told: Mutex<Vec<(String, i64)>>,
    /// Subjects it fails for, and how often still.
    failing: Mutex<Vec<(String, u32)>>,
}

impl Ledger {
    pub(crate) fn fail(&self, subject: &str, times: u32) {
        self.failing.lock().unwrap().push((subject.to_owned(), times));
    }

    /// What it took, as subject and sequence number.
    pub(crate) fn told(&self) -> Vec<(String, i64)> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) fn sequence_of(&self, subject: &str) -> Vec<i64> {
        self.told()
            .into_iter()
            .filter(|(told, _)| told == subject)
            .map(|(_, seq)| seq)
            .collect()
    }
}

#[async_trait]
impl Consumer for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("thing.")
    }

    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut failing = self.failing.lock().unwrap();
        if let Some((_, times)) = failing
            .iter_mut()
            .find(|(subject, times)| *subject == event.subject && *times > 0)
        {
            *times -= 1;
            return Err(ConsumerError::new(
                wisdom_core::port::Retry::Backoff,
                "told to fail",
            ));
        }
        self.told.lock().unwrap().push((event.subject.clone(), event.seq));
        Ok(())
    }
}

/// The host.
pub(crate) struct Stage<S: Store + ?Sized> {
    pub(crate) harness: Harness<S>,
    pub(crate) ledger: Arc<Ledger>,
    runner: Runner<S>,
    events: EventServices,
}

impl<S> Host for Stage<S>
where
    S: Store<SystemTx: RelayTx, TenantTx: EventsTx> + ?Sized,
{
    type Store = S;

    fn runner(&self) -> &Runner<S> {
        &self.runner
    }
}

impl<S> EventsHost for Stage<S>
where
    S: Store<SystemTx: RelayTx, TenantTx: EventsTx> + ?Sized,
{
    fn events(&self) -> &EventServices {
        &self.events
    }
}

impl<S> Stage<S>
where
    S: Store<SystemTx: RelayTx, TenantTx: EventsTx> + ?Sized,
{
    /// A host on the harness, whose tenants exist.
    pub(crate) fn new(harness: Harness<S>) -> Arc<Self> {
        let kit = Arc::clone(harness.test().kit());
        let runner = Runner::new(Arc::clone(harness.store()), kit, RetryPolicy::default());
        let deliveries = Waker::default();
        let ledger = Arc::new(Ledger::default());
        let consumers: Vec<Arc<dyn Consumer>> = vec![
            Arc::new(WebhookFanOut::new(runner.clone(), deliveries.clone())),
            Arc::<Ledger>::clone(&ledger),
        ];
        let events = EventServices {
            bus: Bus::new(consumers).unwrap(),
            http: Arc::new(ReqwestClient::new().unwrap()),
            source: "https://acme.example".to_owned(),
            relay: Waker::default(),
            deliveries,
        };
        Arc::new(Self {
            harness,
            ledger,
            runner,
            events,
        })
    }

    pub(crate) fn relay(self: &Arc<Self>) -> Relay<Self> {
        Relay::new(Arc::clone(self))
    }

    pub(crate) fn worker(self: &Arc<Self>) -> DeliveryWorker<Self> {
        DeliveryWorker::new(Arc::clone(self))
    }

    /// Relays and delivers until nothing is due.
    pub(crate) async fn settle(self: &Arc<Self>) {
        while self.relay().drain().await.unwrap() + self.worker().drain().await.unwrap() > 0 {}
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.harness.test().advance(by);
    }

    /// An administrator of the tenant of this number.
    pub(crate) fn admin(&self, tenant: usize) -> TenantContext {
        let test = self.harness.test();
        test.member(self.harness.tenant(tenant), test.id::<kind::User>(), Role::Admin)
    }

    /// Commits events about subjects, in this order, each in a unit of work of its own.
    pub(crate) async fn emit(&self, tenant: usize, subjects: &[&str]) {
        for subject in subjects {
            self.commit(
                tenant,
                NewEvent::new("thing.made", subject, json!({ "name": subject })),
            )
            .await;
        }
    }

    pub(crate) async fn commit(&self, tenant: usize, event: NewEvent) {
        let tx = self.harness.of(self.harness.tenant(tenant)).await;
        let record = record(tx.frame(), vec![event], None);
        tx.commit(record).await.unwrap();
        self.events.relay.wake();
    }

    pub(crate) async fn endpoint(&self, tenant: usize, at: &Listener, kinds: &[&str]) -> CreatedEndpoint {
        let create = CreateEndpoint {
            url: at.url(),
            description: "a test's".to_owned(),
            event_kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        self.runner.tenant(&self.admin(tenant), &create).await.unwrap()
    }

    pub(crate) async fn view(&self, tenant: usize, endpoint: &CreatedEndpoint) -> EndpointView {
        let get = GetEndpoint {
            endpoint: endpoint.endpoint.id,
        };
        self.runner.tenant(&self.admin(tenant), &get).await.unwrap()
    }

    /// Deliveries to the endpoint, newest first.
    pub(crate) async fn deliveries(&self, tenant: usize, endpoint: &CreatedEndpoint) -> Vec<Delivery> {
        let list = ListDeliveries {
            endpoint: endpoint.endpoint.id,
            page: PageQuery::default(),
        };
        self.runner
            .tenant(&self.admin(tenant), &list)
            .await
            .unwrap()
            .items
    }
}

/// The data of a message's event.
pub(crate) fn name_in(body: &Value) -> &str {
    body["data"]["name"].as_str().unwrap()
}
