//! The catalogue lines of this crate.

use wisdom_core::catalogue::Entry;

use crate::audit::list_entries::ListAuditEntries;
use crate::kit::EventsHost;
use crate::outbox::replay_dead_letters::ReplayDeadLetters;
use crate::outbox::sweep::SweepOutbox;
use crate::webhook::operations::create_endpoint::CreateEndpoint;
use crate::webhook::operations::delete_endpoint::DeleteEndpoint;
use crate::webhook::operations::get_endpoint::GetEndpoint;
use crate::webhook::operations::list_attempts::ListAttempts;
use crate::webhook::operations::list_deliveries::ListDeliveries;
use crate::webhook::operations::list_endpoints::ListEndpoints;
use crate::webhook::operations::replay_delivery::ReplayDelivery;
use crate::webhook::operations::rotate_secret::RotateSecret;
use crate::webhook::operations::send_example::SendExample;
use crate::webhook::operations::update_endpoint::UpdateEndpoint;

/// The operations of this crate, for an assembly's catalogue.
#[must_use]
pub fn entries<H: EventsHost>() -> Vec<Entry<H>> {
    vec![
        Entry::tenant::<CreateEndpoint>(),
        Entry::tenant::<ListEndpoints>(),
        Entry::tenant::<GetEndpoint>(),
        Entry::tenant::<UpdateEndpoint>(),
        Entry::tenant::<DeleteEndpoint>(),
        Entry::tenant::<RotateSecret>(),
        Entry::tenant::<SendExample>(),
        Entry::tenant::<ListDeliveries>(),
        Entry::tenant::<ListAttempts>(),
        Entry::tenant::<ReplayDelivery>(),
        Entry::tenant::<ListAuditEntries>(),
        Entry::system::<ReplayDeadLetters>(),
        Entry::system::<SweepOutbox>(),
    ]
}
