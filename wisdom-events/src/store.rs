//! What events ask of storage. Outbox, audit and idempotency rows are written by commit and by nothing else; here they
//! are claimed, read and settled.

use std::time::Duration;

use async_trait::async_trait;
use wisdom_core::audit::AuditRecord;
use wisdom_core::event::StoredEvent;
use wisdom_core::id::{DeliveryId, EndpointId, EventId};
use wisdom_core::page::{PageRequest, Slice};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::UnitOfWork;

use crate::outbox::{ClaimedEvent, OutboxCounts};
use crate::webhook::{Attempt, ClaimedDelivery, Delivery, Endpoint};

/// Proof of a claim: a settlement with an outdated fence changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence(pub i64);

/// The outbox, as the relay sees it: rows of all tenants.
#[async_trait]
pub trait Outbox: Send {
    /// Claims up to `limit` events that are due (pending and due at `now`, or claimed with a lease that ended), each the
    /// head of its (tenant, ordering key): no earlier one of the key is unfinished. Their lease ends `lease` after `now`,
    /// their attempt count rises, their fence changes. Rows others are claiming are skipped, never waited for.
    async fn claim(
        &mut self,
        limit: u32,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedEvent>, StorageError>;

    /// Marks a claimed event as relayed. Answers whether the fence was still the current one.
    async fn complete(&mut self, id: EventId, fence: Fence, at: Timestamp) -> Result<bool, StorageError>;

    /// Gives a claimed event back, to be claimed at `due` again, with the reason (at most 500 characters are kept).
    async fn retry(
        &mut self,
        id: EventId,
        fence: Fence,
        due: Timestamp,
        reason: &str,
    ) -> Result<bool, StorageError>;

    /// Ends the tries of a claimed event: it becomes a dead letter and holds up its key no longer.
    async fn bury(
        &mut self,
        id: EventId,
        fence: Fence,
        at: Timestamp,
        reason: &str,
    ) -> Result<bool, StorageError>;

    /// Makes dead letters due again, at most `limit`, oldest first; answers how many.
    async fn replay_dead(&mut self, limit: u32, now: Timestamp) -> Result<u64, StorageError>;

    /// How many events wait, and how old the oldest is.
    async fn counts(&mut self) -> Result<OutboxCounts, StorageError>;

    /// Deletes up to `limit` relayed events (never dead letters) older than `before` whose deliveries are all over, and
    /// expired idempotency rows and inbox rows of the same age; answers how many rows.
    async fn sweep(&mut self, before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StorageError>;
}

/// The queue of webhook deliveries: rows of all tenants.
#[async_trait]
pub trait DeliveryQueue: Send {
    /// Claims up to `limit` deliveries that are due, at most `per_endpoint` under way for one endpoint, with a lease and
    /// a new fence. Rows others are claiming are skipped.
    async fn claim(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StorageError>;
}

/// The unit of work of relay and delivery workers.
pub trait RelayTx: UnitOfWork {
    /// The outbox.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// The queue of deliveries.
    fn delivery_queue(&mut self) -> &mut dyn DeliveryQueue;
}

/// Which consumer has seen which event of the tenant.
#[async_trait]
pub trait Inbox: Send {
    /// Notes that the consumer handles the event in this unit of work. `false`: it did before.
    async fn first_time(&mut self, consumer: &str, event: EventId) -> Result<bool, StorageError>;
}

/// Events of the tenant, for reading.
#[async_trait]
pub trait Events: Send {
    /// The event with this id.
    async fn find(&mut self, id: EventId) -> Result<Option<StoredEvent>, StorageError>;
}

/// Webhook endpoints of the tenant.
#[async_trait]
pub trait Endpoints: Send {
    /// Adds an endpoint.
    async fn insert(&mut self, endpoint: &Endpoint) -> Result<(), StorageError>;

    /// How many there are.
    async fn count(&mut self) -> Result<i64, StorageError>;

    /// The endpoint with this id.
    async fn find(&mut self, id: EndpointId) -> Result<Option<Endpoint>, StorageError>;

    /// Endpoints, oldest first.
    async fn list(&mut self, page: &PageRequest) -> Result<Slice<Endpoint>, StorageError>;

    /// All enabled endpoints, at most 100: who is asked for each event.
    async fn list_enabled(&mut self) -> Result<Vec<Endpoint>, StorageError>;

    /// Replaces an endpoint whose stored version is `expected`; the stored version becomes `expected + 1`.
    /// Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, endpoint: &Endpoint, expected: i64) -> Result<(), StorageError>;

    /// Removes an endpoint with its deliveries and attempts. Answers whether it existed.
    async fn delete(&mut self, id: EndpointId) -> Result<bool, StorageError>;
}

/// Webhook deliveries of the tenant: one for each endpoint and event.
#[async_trait]
pub trait Deliveries: Send {
    /// Adds a delivery, unless the endpoint has one for the event. Answers whether it was added.
    async fn insert(&mut self, delivery: &Delivery) -> Result<bool, StorageError>;

    /// The delivery with this id.
    async fn find(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError>;

    /// Deliveries of an endpoint, newest first.
    async fn list(
        &mut self,
        endpoint: EndpointId,
        page: &PageRequest,
    ) -> Result<Slice<Delivery>, StorageError>;

    /// Settles a claimed delivery: state, due time and attempt count of `delivery`, and the attempt's row, if `fence` is
    /// still the current one; the lease ends. Answers whether it was.
    async fn settle(
        &mut self,
        delivery: &Delivery,
        attempt: &Attempt,
        fence: Fence,
    ) -> Result<bool, StorageError>;

    /// Makes a delivery due at `now` whatever its state: a replay by the tenant. Answers whether it exists.
    async fn reschedule(&mut self, id: DeliveryId, now: Timestamp) -> Result<bool, StorageError>;

    /// The attempts of a delivery, newest first, at most 100.
    async fn attempts(&mut self, id: DeliveryId) -> Result<Vec<Attempt>, StorageError>;
}

/// The tenant's audit log, for reading.
#[async_trait]
pub trait AuditLog: Send {
    /// Entries, newest first; of one action if `action` is given.
    async fn list(
        &mut self,
        action: Option<&str>,
        page: &PageRequest,
    ) -> Result<Slice<AuditRecord>, StorageError>;
}

/// The repositories of one tenant's events.
pub trait EventsRepositories: Send {
    /// Its inbox.
    fn inbox(&mut self) -> &mut dyn Inbox;
    /// Its events.
    fn events(&mut self) -> &mut dyn Events;
    /// Its webhook endpoints.
    fn endpoints(&mut self) -> &mut dyn Endpoints;
    /// Its webhook deliveries.
    fn deliveries(&mut self) -> &mut dyn Deliveries;
    /// Its audit log.
    fn audit_log(&mut self) -> &mut dyn AuditLog;
}

/// The unit of work of a tenant.
pub trait EventsTx: UnitOfWork + EventsRepositories {}

impl<T: UnitOfWork + EventsRepositories + ?Sized> EventsTx for T {}
