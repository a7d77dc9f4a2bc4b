//! Identity's operations, by name: what the catalogue lists.

pub use crate::api_key::create::{CreatePersonalKey, CreateTenantKey};
pub use crate::api_key::read::{GetApiKey, ListApiKeys};
pub use crate::api_key::revoke::RevokeApiKey;
pub use crate::api_key::rotate::RotateApiKey;
pub use crate::federation::begin::{BeginLink, BeginSignIn};
pub use crate::federation::discover::DiscoverProvider;
pub use crate::federation::identity::ListIdentities;
pub use crate::federation::link::LinkIdentity;
pub use crate::federation::list_providers::ListProviders;
pub use crate::federation::unlink::UnlinkIdentity;
pub use crate::mailed_proof::{
    ChangeEmail, LogInWithCode, LogInWithLink, RequestCode, RequestEmailChange, RequestLink,
    RequestPasswordReset, RequestVerification, ResetPassword,
};
pub use crate::oauth::certificate::{AddClientCertificate, RemoveClientCertificate};
pub use crate::oauth::introspect::IntrospectToken;
pub use crate::oauth::issue::IssueToken;
pub use crate::oauth::manage::{CreateClient, ListClients, RevokeClient, RotateClientSecret};
pub use crate::oauth::revoke::RevokeToken;
#[cfg(feature = "passkeys")]
pub use crate::passkey::log_in::{BeginPasskeyLogIn, LogInWithPasskey};
pub use crate::passkey::manage::{ListPasskeys, RemovePasskey, RenamePasskey};
#[cfg(feature = "passkeys")]
pub use crate::passkey::register::{AddPasskey, BeginPasskey};
#[cfg(feature = "passkeys")]
pub use crate::passkey::second_factor::{BeginPasskeySecondFactor, FinishSignInWithPasskey};
#[cfg(feature = "passkeys")]
pub use crate::passkey::step_up::{BeginPasskeyStepUp, StepUpWithPasskey};
pub use crate::password::change::ChangePassword;
pub use crate::password::strength::CheckPassword;
pub use crate::second_factor::enrolment::{
    ConfirmTotp, DisableTotp, EnrolTotp, ForgetDevices, RenewRecoveryCodes, SecondFactorStatus,
};
pub use crate::session::list::ListSessions;
pub use crate::session::log_in::LogIn;
pub use crate::session::log_out::LogOut;
pub use crate::session::rename::RenameSession;
pub use crate::session::renew::Refresh;
pub use crate::session::revoke::{RevokeOne, RevokeOthers};
pub use crate::session::second_factor::FinishSignIn;
pub use crate::session::step_up::StepUp;
pub use crate::user::me::Me;
pub use crate::user::verify_email::VerifyEmail;
