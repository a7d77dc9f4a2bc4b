//! What hosts the relay and the delivery worker: the runner, and the services that work off the transaction.

use std::sync::Arc;

use tokio::sync::Notify;
use wisdom_core::catalogue::Host;
use wisdom_core::id::{IdSourceExt as _, kind};
use wisdom_core::port::http_client::HttpClient;
use wisdom_core::trace::{RequestInfo, TraceContext};
use wisdom_core::unit_of_work::{Kit, Store};

use crate::bus::Bus;
use crate::store::{EventsTx, RelayTx};

/// Wakes a worker that waits for work. Only a hint, and many wakes before the worker looks are one: the poll is what
/// makes sure.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Wakes the worker. Call it after a commit that left work for it.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for a wake, also one from before this call. Cancel-safe.
    pub(crate) async fn woken(&self) {
        self.0.notified().await;
    }
}

/// The services events need beside a store.
#[derive(Debug)]
pub struct EventServices {
    /// Who is told about events.
    pub bus: Bus,
    /// Calls webhook receivers.
    pub http: Arc<dyn HttpClient>,
    /// The service's configured public origin: `source` of every `CloudEvents` envelope.
    pub source: String,
    /// Wakes the relay.
    pub relay: Waker,
    /// Wakes the delivery worker; give the same one to [`WebhookFanOut`](crate::webhook::fan_out::WebhookFanOut).
    pub deliveries: Waker,
}

/// An assembly that relay and delivery worker can run on.
pub trait EventsHost: Host<Store: Store<SystemTx: RelayTx, TenantTx: EventsTx>> {
    /// The services.
    fn events(&self) -> &EventServices;
}

/// Identifies work that no request caused.
pub(crate) fn own_request(kit: &Kit) -> RequestInfo {
    let id = kit.ids.id::<kind::Request>();
    let trace_id = kit.ids.next_uuid().into_bytes();
    let mut span_id = [0; 8];
    span_id.copy_from_slice(&trace_id[8..]);
    RequestInfo {
        id,
        trace: TraceContext {
            trace_id,
            span_id,
            flags: 0,
        },
        source: None,
        certificate: None,
    }
}

/// Identifies work that an event caused: a request of its own in the event's trace.
pub(crate) fn request_for(kit: &Kit, trace: TraceContext) -> RequestInfo {
    RequestInfo {
        id: kit.ids.id::<kind::Request>(),
        trace,
        source: None,
        certificate: None,
    }
}

/// Noise for jitter. Without randomness it is the middle, which is right as well.
pub(crate) fn noise(kit: &Kit) -> u32 {
    let mut bytes = [0; 4];
    match kit.random.fill(&mut bytes) {
        Ok(()) => u32::from_be_bytes(bytes),
        Err(_) => u32::MAX / 2,
    }
}
