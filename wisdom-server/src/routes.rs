//! The route table: the one place where operations get a method, a path and a status.

use http::{Method, StatusCode};
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
use wisdom_events::audit::list_entries::ListAuditEntries;
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

use crate::route::{Route, oauth_route, route};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

const OK: StatusCode = StatusCode::OK;
const CREATED: StatusCode = StatusCode::CREATED;
const ACCEPTED: StatusCode = StatusCode::ACCEPTED;
const EMPTY: StatusCode = StatusCode::NO_CONTENT;

/// Every operation that clients may call, each with one route.
#[must_use]
pub fn all() -> Vec<Route> {
    let mut all = people();
    all.extend(tenants());
    all.extend(events());
    all
}

/// What people do about themselves.
#[rustfmt::skip]
fn people() -> Vec<Route> {
    vec![
        route::<SignUp>(POST, "/v1/auth/sign-up", ACCEPTED),
        route::<VerifyEmail>(POST, "/v1/auth/verify-email", EMPTY),
        route::<CheckPassword>(POST, "/v1/auth/password/check", OK),
        route::<ChangePassword>(POST, "/v1/me/password", EMPTY),
        route::<LogIn>(POST, "/v1/auth/log-in", OK),
        route::<FinishSignIn>(POST, "/v1/auth/second-factor", OK),
        route::<RequestVerification>(POST, "/v1/auth/verify-email/request", ACCEPTED),
        route::<RequestLink>(POST, "/v1/auth/link/request", ACCEPTED),
        route::<LogInWithLink>(POST, "/v1/auth/link", OK),
        route::<RequestCode>(POST, "/v1/auth/code/request", ACCEPTED),
        route::<LogInWithCode>(POST, "/v1/auth/code", OK),
        route::<RequestPasswordReset>(POST, "/v1/auth/reset-password/request", ACCEPTED),
        route::<ResetPassword>(POST, "/v1/auth/reset-password", EMPTY),
        route::<RequestEmailChange>(POST, "/v1/auth/change-email/request", ACCEPTED),
        route::<ChangeEmail>(POST, "/v1/auth/change-email", EMPTY),
        route::<StepUp>(POST, "/v1/auth/step-up", OK),
        route::<SecondFactorStatus>(GET, "/v1/me/second-factor", OK),
        route::<EnrolTotp>(POST, "/v1/me/second-factor/totp", CREATED),
        route::<ConfirmTotp>(POST, "/v1/me/second-factor/totp/confirm", OK),
        route::<DisableTotp>(DELETE, "/v1/me/second-factor/totp", EMPTY),
        route::<RenewRecoveryCodes>(POST, "/v1/me/second-factor/recovery-codes", OK),
        route::<ForgetDevices>(DELETE, "/v1/me/remembered-devices", EMPTY),
        route::<Refresh>(POST, "/v1/auth/refresh", OK),
        route::<LogOut>(POST, "/v1/auth/log-out", EMPTY),
        route::<Me>(GET, "/v1/me", OK),
        route::<ListProviders>(GET, "/v1/auth/providers", OK),
        route::<DiscoverProvider>(POST, "/v1/auth/providers/discover", OK),
        route::<BeginSignIn>(POST, "/v1/auth/providers/{provider}/begin", OK),
        route::<CompleteSignIn>(POST, "/v1/auth/providers/{provider}/complete", OK),
        route::<BeginLink>(POST, "/v1/auth/providers/{provider}/begin-link", OK),
        route::<LinkIdentity>(POST, "/v1/auth/providers/{provider}/link", CREATED),
        route::<ListIdentities>(GET, "/v1/identities", OK),
        route::<UnlinkIdentity>(DELETE, "/v1/identities/{identity}", EMPTY),
        route::<ListPasskeys>(GET, "/v1/me/passkeys", OK),
        route::<RenamePasskey>(PATCH, "/v1/me/passkeys/{passkey}", EMPTY),
        route::<RemovePasskey>(DELETE, "/v1/me/passkeys/{passkey}", EMPTY),
        #[cfg(feature = "passkeys")]
        route::<BeginPasskey>(POST, "/v1/me/passkeys/begin", OK),
        #[cfg(feature = "passkeys")]
        route::<AddPasskey>(POST, "/v1/me/passkeys", CREATED),
        #[cfg(feature = "passkeys")]
        route::<BeginPasskeyLogIn>(POST, "/v1/auth/passkey/begin", OK),
        #[cfg(feature = "passkeys")]
        route::<LogInWithPasskey>(POST, "/v1/auth/passkey", OK),
        #[cfg(feature = "passkeys")]
        route::<BeginPasskeySecondFactor>(POST, "/v1/auth/second-factor/passkey/begin", OK),
        #[cfg(feature = "passkeys")]
        route::<FinishSignInWithPasskey>(POST, "/v1/auth/second-factor/passkey", OK),
        #[cfg(feature = "passkeys")]
        route::<BeginPasskeyStepUp>(POST, "/v1/auth/step-up/passkey/begin", OK),
        #[cfg(feature = "passkeys")]
        route::<StepUpWithPasskey>(POST, "/v1/auth/step-up/passkey", OK),
        route::<ListSessions>(GET, "/v1/sessions", OK),
        route::<RevokeOthers>(DELETE, "/v1/sessions", EMPTY),
        route::<RenameSession>(PATCH, "/v1/sessions/{session}", EMPTY),
        route::<RevokeOne>(DELETE, "/v1/sessions/{session}", EMPTY),
    ]
}

/// Tenants, their members, and who else acts in them.
#[rustfmt::skip]
fn tenants() -> Vec<Route> {
    vec![
        route::<CreateTenant>(POST, "/v1/tenants", CREATED),
        route::<ListTenants>(GET, "/v1/tenants", OK),
        route::<GetTenant>(GET, "/v1/tenants/{tenant}", OK),
        route::<UpdateTenant>(PATCH, "/v1/tenants/{tenant}", OK),
        route::<SetSupportAccess>(PATCH, "/v1/tenants/{tenant}/support-access", OK),
        route::<OpenSupportAccess>(POST, "/v1/tenants/{tenant}/support-access/open", OK),
        route::<CloseSupportAccess>(POST, "/v1/tenants/{tenant}/support-access/close", OK),

        route::<Invite>(POST, "/v1/tenants/{tenant}/invitations", CREATED),
        route::<ListInvitations>(GET, "/v1/tenants/{tenant}/invitations", OK),
        route::<RevokeInvitation>(DELETE, "/v1/tenants/{tenant}/invitations/{invitation}", EMPTY),
        route::<AcceptInvitation>(POST, "/v1/invitations/accept", OK),
        route::<AcceptAndRegister>(POST, "/v1/invitations/accept-and-register", CREATED),
        route::<DeclineInvitation>(POST, "/v1/invitations/decline", EMPTY),

        route::<ListMembers>(GET, "/v1/tenants/{tenant}/members", OK),
        route::<GetMember>(GET, "/v1/tenants/{tenant}/members/{member}", OK),
        route::<ChangeRole>(PATCH, "/v1/tenants/{tenant}/members/{member}", OK),
        route::<RemoveMember>(DELETE, "/v1/tenants/{tenant}/members/{member}", EMPTY),
        route::<LeaveTenant>(POST, "/v1/tenants/{tenant}/leave", EMPTY),

        route::<CreatePersonalKey>(POST, "/v1/tenants/{tenant}/personal-api-keys", CREATED),
        route::<CreateTenantKey>(POST, "/v1/tenants/{tenant}/api-keys", CREATED),
        route::<ListApiKeys>(GET, "/v1/tenants/{tenant}/api-keys", OK),
        route::<GetApiKey>(GET, "/v1/tenants/{tenant}/api-keys/{key}", OK),
        route::<RotateApiKey>(POST, "/v1/tenants/{tenant}/api-keys/{key}/rotate", OK),
        route::<RevokeApiKey>(DELETE, "/v1/tenants/{tenant}/api-keys/{key}", EMPTY),

        route::<CreateClient>(POST, "/v1/tenants/{tenant}/service-clients", CREATED),
        route::<ListClients>(GET, "/v1/tenants/{tenant}/service-clients", OK),
        route::<RotateClientSecret>(POST, "/v1/tenants/{tenant}/service-clients/{client}/rotate-secret", OK),
        route::<RevokeClient>(DELETE, "/v1/tenants/{tenant}/service-clients/{client}", EMPTY),
        route::<AddClientCertificate>(POST, "/v1/tenants/{tenant}/service-clients/{client}/certificates", CREATED),
        route::<RemoveClientCertificate>(DELETE, "/v1/tenants/{tenant}/service-clients/{client}/certificates/{thumbprint}", EMPTY),
        route::<StartImpersonation>(POST, "/v1/impersonations", CREATED),
        route::<ListImpersonations>(GET, "/v1/impersonations", OK),
        route::<EndImpersonation>(DELETE, "/v1/impersonations/{impersonation}", EMPTY),
        oauth_route::<IssueToken>("/oauth/token", OK),
        oauth_route::<IntrospectToken>("/oauth/introspect", OK),
        oauth_route::<RevokeToken>("/oauth/revoke", OK),
    ]
}

/// Webhooks and the audit log.
#[rustfmt::skip]
fn events() -> Vec<Route> {
    vec![
        route::<CreateEndpoint>(POST, "/v1/tenants/{tenant}/webhook-endpoints", CREATED),
        route::<ListEndpoints>(GET, "/v1/tenants/{tenant}/webhook-endpoints", OK),
        route::<GetEndpoint>(GET, "/v1/tenants/{tenant}/webhook-endpoints/{endpoint}", OK),
        route::<UpdateEndpoint>(PATCH, "/v1/tenants/{tenant}/webhook-endpoints/{endpoint}", OK),
        route::<DeleteEndpoint>(DELETE, "/v1/tenants/{tenant}/webhook-endpoints/{endpoint}", EMPTY),
        route::<RotateSecret>(POST, "/v1/tenants/{tenant}/webhook-endpoints/{endpoint}/rotate-secret", OK),
        route::<SendExample>(POST, "/v1/tenants/{tenant}/webhook-endpoints/{endpoint}/example", ACCEPTED),
        route::<ListDeliveries>(GET, "/v1/tenants/{tenant}/webhook-endpoints/{endpoint}/deliveries", OK),
        route::<ListAttempts>(GET, "/v1/tenants/{tenant}/webhook-deliveries/{delivery}/attempts", OK),
        route::<ReplayDelivery>(POST, "/v1/tenants/{tenant}/webhook-deliveries/{delivery}/replay", ACCEPTED),

        route::<ListAuditEntries>(GET, "/v1/tenants/{tenant}/audit-entries", OK),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wisdom_adapters::assembly::operations;
    use wisdom_core::access::Access;

    use super::*;

    #[test]
    fn every_operation_for_clients_has_exactly_one_route() {
        let mut routes: BTreeMap<&str, usize> = BTreeMap::new();
        for route in all() {
            *routes.entry(route.operation).or_default() += 1;
        }
        for entry in operations() {
            let expected = usize::from(entry.access != Access::System);
            assert_eq!(
                routes.remove(entry.name).unwrap_or_default(),
                expected,
                "{}",
                entry.name
            );
        }
        assert!(routes.is_empty(), "routes without an operation: {routes:?}");
    }

    #[test]
    fn paths_name_the_tenant_where_the_operation_is_a_tenants() {
        let access: BTreeMap<&str, Access> = operations()
            .iter()
            .map(|entry| (entry.name, entry.access))
            .collect();
        for route in all() {
            let scoped = route.path.starts_with("/v1/tenants/{tenant}");
            assert_eq!(
                scoped,
                matches!(access[route.operation], Access::Tenant(_)),
                "{}",
                route.path
            );
        }
    }
}
