//! The catalogue: the one list of operations. HTTP, OpenAPI, C ABI, command line and role matrix are made from it.

use wisdom_auth::session::list::ListSessions;
use wisdom_auth::session::log_in::LogIn;
use wisdom_auth::session::log_out::LogOut;
use wisdom_auth::session::renew::Refresh;
use wisdom_auth::session::revoke::RevokeSession;
use wisdom_auth::user::me::Me;
use wisdom_auth::user::verify_email::VerifyEmail;
use wisdom_core::catalogue::Entry;
use wisdom_events::audit::list_entries::ListAuditEntries;
use wisdom_events::outbox::replay_dead_letters::ReplayDeadLetters;
use wisdom_events::outbox::sweep::SweepOutbox;
use wisdom_events::webhook::operations::create_endpoint::CreateEndpoint;
use wisdom_events::webhook::operations::delete_endpoint::DeleteEndpoint;
use wisdom_events::webhook::operations::get_endpoint::GetEndpoint;
use wisdom_events::webhook::operations::list_attempts::ListAttempts;
use wisdom_events::webhook::operations::list_deliveries::ListDeliveries;
use wisdom_events::webhook::operations::list_endpoints::ListEndpoints;
use wisdom_events::webhook::operations::replay_delivery::ReplayDelivery;
use wisdom_events::webhook::operations::rotate_secret::RotateSecret;
use wisdom_events::webhook::operations::send_example::SendExample;
use wisdom_events::webhook::operations::update_endpoint::UpdateEndpoint;
use wisdom_tenancy::invitation::accept::AcceptInvitation;
use wisdom_tenancy::invitation::accept_and_register::AcceptAndRegister;
use wisdom_tenancy::invitation::create::Invite;
use wisdom_tenancy::invitation::decline::DeclineInvitation;
use wisdom_tenancy::invitation::list::ListInvitations;
use wisdom_tenancy::invitation::revoke::RevokeInvitation;
use wisdom_tenancy::membership::change_role::ChangeRole;
use wisdom_tenancy::membership::get::GetMember;
use wisdom_tenancy::membership::leave::LeaveTenant;
use wisdom_tenancy::membership::list::ListMembers;
use wisdom_tenancy::membership::remove::RemoveMember;
use wisdom_tenancy::sign_up::SignUp;
use wisdom_tenancy::tenant::create::CreateTenant;
use wisdom_tenancy::tenant::get::GetTenant;
use wisdom_tenancy::tenant::list::ListTenants;
use wisdom_tenancy::tenant::update::UpdateTenant;

use super::Wisdom;

/// Every operation of the kernel, one line each.
#[must_use]
pub fn operations() -> Vec<Entry<Wisdom>> {
    vec![
        Entry::flow::<SignUp>(),
        Entry::system::<VerifyEmail>(),
        Entry::flow::<LogIn>(),
        Entry::flow::<Refresh>(),
        Entry::flow::<LogOut>(),
        Entry::flow::<Me>(),
        Entry::system::<ListSessions>(),
        Entry::flow::<RevokeSession>(),
        Entry::system::<CreateTenant>(),
        Entry::system::<ListTenants>(),
        Entry::tenant::<GetTenant>(),
        Entry::tenant::<UpdateTenant>(),
        Entry::tenant::<Invite>(),
        Entry::tenant::<ListInvitations>(),
        Entry::tenant::<RevokeInvitation>(),
        Entry::system::<AcceptInvitation>(),
        Entry::flow::<AcceptAndRegister>(),
        Entry::system::<DeclineInvitation>(),
        Entry::tenant::<ListMembers>(),
        Entry::tenant::<GetMember>(),
        Entry::tenant::<ChangeRole>(),
        Entry::tenant::<RemoveMember>(),
        Entry::tenant::<LeaveTenant>(),
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
