//! The catalogue: the one list of operations. HTTP, OpenAPI, C ABI, command line and role matrix are made from it.

use wisdom_auth::attempts::sweep::SweepAttempts;
use wisdom_auth::operation::{
    AddClientCertificate, BeginLink, BeginSignIn, ChangeEmail, ChangePassword, CheckPassword, ConfirmTotp,
    CreateClient, CreatePersonalKey, CreateTenantKey, DisableTotp, DiscoverProvider, EnrolTotp, FinishSignIn,
    ForgetDevices, GetApiKey, IntrospectToken, IssueToken, LinkIdentity, ListApiKeys, ListClients,
    ListIdentities, ListPasskeys, ListProviders, ListSessions, LogIn, LogInWithCode, LogInWithLink, LogOut,
    Me, Refresh, RemoveClientCertificate, RemovePasskey, RenamePasskey, RenameSession, RenewRecoveryCodes,
    RequestCode, RequestEmailChange, RequestLink, RequestPasswordReset, RequestVerification, ResetPassword,
    RevokeApiKey, RevokeClient, RevokeOne, RevokeOthers, RevokeToken, RotateApiKey, RotateClientSecret,
    SecondFactorStatus, StepUp, UnlinkIdentity, VerifyEmail,
};
#[cfg(feature = "passkeys")]
use wisdom_auth::operation::{
    AddPasskey, BeginPasskey, BeginPasskeyLogIn, BeginPasskeySecondFactor, BeginPasskeyStepUp,
    FinishSignInWithPasskey, LogInWithPasskey, StepUpWithPasskey,
};
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
use wisdom_tenancy::impersonation::{EndImpersonation, ListImpersonations, StartImpersonation};
use wisdom_tenancy::invitation::{
    AcceptAndRegister, AcceptInvitation, DeclineInvitation, Invite, ListInvitations, RevokeInvitation,
};
use wisdom_tenancy::membership::{ChangeRole, GetMember, LeaveTenant, ListMembers, RemoveMember};
use wisdom_tenancy::provider_sign_in::CompleteSignIn;
use wisdom_tenancy::sign_up::SignUp;
use wisdom_tenancy::support_access::{CloseSupportAccess, OpenSupportAccess, SetSupportAccess};
use wisdom_tenancy::tenant::{CreateTenant, GetTenant, ListTenants, UpdateTenant};

use super::Wisdom;

/// Every operation of the kernel.
#[must_use]
pub fn operations() -> Vec<Entry<Wisdom>> {
    let mut operations = people();
    operations.extend(tenants());
    operations.extend(events());
    operations
}

/// What people do about themselves: sign up and in, credentials, sessions.
fn people() -> Vec<Entry<Wisdom>> {
    vec![
        Entry::flow::<SignUp>(),
        Entry::system::<VerifyEmail>(),
        Entry::flow::<RequestVerification>(),
        Entry::flow::<CheckPassword>(),
        Entry::flow::<ChangePassword>(),
        Entry::flow::<LogIn>(),
        Entry::flow::<FinishSignIn>(),
        Entry::flow::<RequestLink>(),
        Entry::flow::<LogInWithLink>(),
        Entry::flow::<RequestCode>(),
        Entry::flow::<LogInWithCode>(),
        Entry::flow::<RequestPasswordReset>(),
        Entry::flow::<ResetPassword>(),
        Entry::flow::<RequestEmailChange>(),
        Entry::flow::<ChangeEmail>(),
        Entry::flow::<StepUp>(),
        Entry::system::<SecondFactorStatus>(),
        Entry::system::<EnrolTotp>(),
        Entry::flow::<ConfirmTotp>(),
        Entry::flow::<DisableTotp>(),
        Entry::flow::<RenewRecoveryCodes>(),
        Entry::system::<ForgetDevices>(),
        Entry::flow::<Refresh>(),
        Entry::flow::<LogOut>(),
        Entry::flow::<Me>(),
        Entry::flow::<ListProviders>(),
        Entry::flow::<DiscoverProvider>(),
        Entry::flow::<BeginSignIn>(),
        Entry::flow::<CompleteSignIn>(),
        Entry::system::<ListIdentities>(),
        Entry::flow::<BeginLink>(),
        Entry::flow::<LinkIdentity>(),
        Entry::system::<UnlinkIdentity>(),
        Entry::system::<ListPasskeys>(),
        Entry::system::<RenamePasskey>(),
        Entry::flow::<RemovePasskey>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<BeginPasskey>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<AddPasskey>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<BeginPasskeyLogIn>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<LogInWithPasskey>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<BeginPasskeySecondFactor>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<FinishSignInWithPasskey>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<BeginPasskeyStepUp>(),
        #[cfg(feature = "passkeys")]
        Entry::flow::<StepUpWithPasskey>(),
        Entry::system::<ListSessions>(),
        Entry::system::<RenameSession>(),
        Entry::flow::<RevokeOne>(),
        Entry::flow::<RevokeOthers>(),
    ]
}

/// Tenants, their members, and who else acts in them.
fn tenants() -> Vec<Entry<Wisdom>> {
    vec![
        Entry::system::<CreateTenant>(),
        Entry::system::<ListTenants>(),
        Entry::tenant::<GetTenant>(),
        Entry::tenant::<UpdateTenant>(),
        Entry::tenant::<SetSupportAccess>(),
        Entry::tenant::<OpenSupportAccess>(),
        Entry::tenant::<CloseSupportAccess>(),
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
        Entry::tenant::<CreatePersonalKey>(),
        Entry::tenant::<CreateTenantKey>(),
        Entry::tenant::<ListApiKeys>(),
        Entry::tenant::<GetApiKey>(),
        Entry::tenant::<RotateApiKey>(),
        Entry::tenant::<RevokeApiKey>(),
        Entry::tenant::<CreateClient>(),
        Entry::tenant::<ListClients>(),
        Entry::tenant::<RotateClientSecret>(),
        Entry::tenant::<RevokeClient>(),
        Entry::tenant::<AddClientCertificate>(),
        Entry::tenant::<RemoveClientCertificate>(),
        Entry::flow::<StartImpersonation>(),
        Entry::system::<ListImpersonations>(),
        Entry::system::<EndImpersonation>(),
        Entry::flow::<IssueToken>(),
        Entry::flow::<IntrospectToken>(),
        Entry::flow::<RevokeToken>(),
    ]
}

/// Webhooks, the audit log, and upkeep.
fn events() -> Vec<Entry<Wisdom>> {
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
        Entry::system::<SweepAttempts>(),
        Entry::system::<ReplayDeadLetters>(),
        Entry::system::<SweepOutbox>(),
    ]
}
