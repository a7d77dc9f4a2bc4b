//! What tenancy's flows need of their host, and the figures that are configured.

use std::time::Duration;

use wisdom_auth::kit::AuthHost;
use wisdom_core::catalogue::Host;
use wisdom_core::policy::Policy;
use wisdom_core::unit_of_work::Store;

use crate::store::{OnboardingTx, TenancyTx};

/// An assembly that tenancy's flows can run on: identity's services over a store that knows tenants too.
///
/// Nobody implements it by hand: whatever fits is one.
pub trait TenancyHost: AuthHost + Host<Store: Store<TenantTx: TenancyTx, SystemTx: OnboardingTx>> {}

impl<H> TenancyHost for H where
    H: AuthHost + Host<Store: Store<TenantTx: TenancyTx, SystemTx: OnboardingTx>> + ?Sized
{
}

/// How long invitations live and how often they are mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitationPolicy {
    /// From the last mail to the end of its token. Default 7 days.
    pub ttl: Duration,
    /// Mails of one invitation within 24 hours. Default 5; 0 counts as 1.
    pub max_sends_per_day: u32,
}

impl Default for InvitationPolicy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(7 * 86_400),
            max_sends_per_day: 5,
        }
    }
}

impl Policy for InvitationPolicy {}

/// How often strangers may knock, and how long they have to prove their mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignUpPolicy {
    /// Sign-ups and registrations of one source address within [`SignUpPolicy::window`], which may all come at once.
    /// Default 30.
    pub per_source: u32,
    /// "You already have an account" mails to one address within [`SignUpPolicy::window`]; more are silently not
    /// sent. Default 3.
    pub per_address: u32,
    /// The window, in whole seconds, 1 second to 31 days. Default 1 hour.
    pub window: Duration,
    /// How long the token that proves the mailbox lives. Default 24 hours.
    pub verification_ttl: Duration,
}

impl Default for SignUpPolicy {
    fn default() -> Self {
        Self {
            per_source: 30,
            per_address: 3,
            window: Duration::from_secs(3_600),
            verification_ttl: Duration::from_secs(86_400),
        }
    }
}

impl Policy for SignUpPolicy {}
