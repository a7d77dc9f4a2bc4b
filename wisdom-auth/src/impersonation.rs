//! Operators acting for a user: who may, for how long, and what is stored of it.
//!
//! What an operator does is theirs in every audit entry and event, on behalf of the user. Everything that needs a session
//! (passwords, second factors, addresses, sessions) is closed to them, and so is every operation whose
//! [`Callers`](wisdom_core::access::Callers) say so.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use wisdom_core::context::{Credential, Principal};
use wisdom_core::id::{ImpersonationId, SessionId, TenantId, UserId};
use wisdom_core::policy::Policy;
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use crate::user::{User, UserState};

/// The longest life there is.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// How an operator is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorName {
    /// By their id.
    Id(UserId),
    /// By their address, once they have proven it.
    Email(EmailAddress),
}

impl OperatorName {
    /// Reads an id or an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(id) => Some(Self::Id(id)),
            Err(_) => EmailAddress::parse(text).ok().map(Self::Email),
        }
    }

    fn is(&self, user: &User) -> bool {
        match self {
            Self::Id(id) => *id == user.id,
            Self::Email(email) => {
                user.email_verified_at.is_some() && email.lookup_key() == user.email.lookup_key()
            }
        }
    }
}

/// Who may act for users. Nobody by default: no role of a tenant makes an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpersonationPolicy {
    readers: Vec<OperatorName>,
    writers: Vec<OperatorName>,
    life: Duration,
}

impl Default for ImpersonationPolicy {
    fn default() -> Self {
        Self {
            readers: Vec::new(),
            writers: Vec::new(),
            life: LONGEST,
        }
    }
}

impl Policy for ImpersonationPolicy {}

impl ImpersonationPolicy {
    /// Operators who may see what a user sees, and those who may also change things. A life above 30 minutes counts as
    /// 30 minutes.
    #[must_use]
    pub fn new(readers: Vec<OperatorName>, writers: Vec<OperatorName>, life: Duration) -> Self {
        Self {
            readers,
            writers,
            life: life.min(LONGEST),
        }
    }

    /// How long one lasts. It cannot be renewed.
    #[must_use]
    pub const fn life(&self) -> Duration {
        self.life
    }

    /// Whether an active user is an operator, and then whether they may change things.
    #[must_use]
    pub fn grant(&self, user: &User) -> Option<bool> {
        let among = |names: &[OperatorName]| names.iter().any(|name| name.is(user));
        if user.state != UserState::Active {
            None
        } else if among(&self.writers) {
            Some(true)
        } else {
            among(&self.readers).then_some(false)
        }
    }
}

/// An operator acting for a user, as it is stored. The text of its token is not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impersonation {
    /// Id.
    pub id: ImpersonationId,
    /// The part of its token's text that names it: 12 characters of base62.
    pub public_id: String,
    /// SHA-256 of the rest.
    pub hash: [u8; 32],
    /// Who acts.
    pub operator: UserId,
    /// The operator's session, with which it ends.
    pub session: SessionId,
    /// For whom.
    pub subject: UserId,
    /// Where.
    pub tenant: TenantId,
    /// Why, in the operator's words.
    pub reason: String,
    /// Whether anything but reading is allowed.
    pub may_write: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub ended_at: Option<Timestamp>,
}

impl Impersonation {
    /// Whether it goes on.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }

    /// Whether a text with this hash is its token, and it goes on.
    #[must_use]
    pub fn accepts(&self, hash: &[u8; 32], now: Timestamp) -> bool {
        let same: bool = self.hash.ct_eq(hash).into();
        same && self.is_live(now)
    }

    /// Whom its token speaks for.
    #[must_use]
    pub const fn principal(&self) -> Principal {
        Principal {
            credential: Credential::Operator {
                impersonation: self.id,
                operator: self.operator,
                subject: self.subject,
                may_write: self.may_write,
            },
            tenant: Some(self.tenant),
            ceiling: None,
            authenticated_at: self.started_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wisdom_core::value::DisplayName;

    use super::*;

    fn user(n: u128, email: &str, verified: bool) -> User {
        User {
            id: UserId::from_uuid(Uuid::from_u128(n)),
            email: EmailAddress::parse(email).unwrap(),
            email_verified_at: verified.then_some(Timestamp::MIN),
            display_name: DisplayName::parse("Somebody").unwrap(),
            state: UserState::Active,
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    #[test]
    fn only_the_named_are_operators() {
        let id = UserId::from_uuid(Uuid::from_u128(1));
        let by_id = OperatorName::parse(&id.to_string()).unwrap();
        let by_email = OperatorName::parse("Ops@example.com").unwrap();
        assert_eq!(OperatorName::parse("nobody"), None);
        let policy = ImpersonationPolicy::new(vec![by_id], vec![by_email], Duration::from_secs(1 << 20));
        assert_eq!(policy.life(), LONGEST);
        assert_eq!(policy.grant(&user(1, "a@example.com", false)), Some(false));
        assert_eq!(policy.grant(&user(2, "ops@example.com", true)), Some(true));
        assert_eq!(
            policy.grant(&user(2, "ops@example.com", false)),
            None,
            "not proven"
        );
        assert_eq!(policy.grant(&user(3, "c@example.com", true)), None);
        let disabled = User {
            state: UserState::Disabled,
            ..user(1, "a@example.com", true)
        };
        assert_eq!(policy.grant(&disabled), None);
        assert_eq!(
            ImpersonationPolicy::default().grant(&user(1, "a@example.com", true)),
            None
        );
    }
}
