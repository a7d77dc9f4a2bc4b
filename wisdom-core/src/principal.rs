//! Whom a verified credential speaks for.

use uuid::Uuid;

use crate::access::Grants;
use crate::context::Actor;
use crate::id::{ApiKeyId, ClientId, ImpersonationId, SessionId, TenantId, UserId};
use crate::time::Timestamp;

/// A session of a user who proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSession {
    /// The user.
    pub user: UserId,
    /// The session the credential belongs to.
    pub session: SessionId,
    /// The refresh generation the credential carries (see `wisdom-auth`).
    pub generation: i64,
}

/// What kind of credential it was, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A user in a session of their own: the only kind behind which a person was seen.
    Session(UserSession),
    /// An API key: personal, with the rights that its owner holds now, or of a tenant and nobody's.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// The owner of a personal key.
        owner: Option<UserId>,
    },
    /// A service that got its token by the client-credentials grant (RFC 6749, section 4.4).
    Client(ClientId),
    /// An operator acting for a user (RFC 8693, section 4.1).
    Operator {
        /// Which impersonation.
        impersonation: ImpersonationId,
        /// Who acts.
        operator: UserId,
        /// For whom.
        subject: UserId,
        /// Whether anything but reading is allowed.
        may_write: bool,
    },
}

/// An authenticated identity. Cloning does not allocate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The credential.
    pub credential: Credential,
    /// The tenant the credential is bound to, if it is. Only sessions can be unbound.
    pub tenant: Option<TenantId>,
    /// What the credential itself allows at most. `None` for sessions: all that the user holds. For a credential that
    /// is no user's it is also what it holds.
    pub ceiling: Option<Grants>,
    /// When the user last proved who they are; for other credentials, when this one was made or issued.
    pub authenticated_at: Timestamp,
}

impl Principal {
    /// A user in a session of their own.
    #[must_use]
    pub const fn of_session(
        session: UserSession,
        tenant: Option<TenantId>,
        authenticated_at: Timestamp,
    ) -> Self {
        Self {
            credential: Credential::Session(session),
            tenant,
            ceiling: None,
            authenticated_at,
        }
    }

    /// The session, if it is a user in one of their own.
    #[must_use]
    pub const fn session(&self) -> Option<&UserSession> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The user whose rights it has: in session, the owner of a personal key, or the one an operator acts for.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self.credential {
            Credential::Session(session) => Some(session.user),
            Credential::ApiKey { owner, .. } => owner,
            Credential::Operator { subject, .. } => Some(subject),
            Credential::Client(_) => None,
        }
    }

    /// Whom audit blames.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match self.credential {
            Credential::Session(session) => Actor::User(session.user),
            Credential::ApiKey { key, .. } => Actor::ApiKey(key),
            Credential::Client(client) => Actor::Client(client),
            Credential::Operator { operator, .. } => Actor::Operator(operator),
        }
    }

    /// The user for whom the [actor](Self::actor) acts, when that is somebody else.
    #[must_use]
    pub const fn on_behalf_of(&self) -> Option<UserId> {
        match self.credential {
            Credential::Session(_) | Credential::Client(_) => None,
            Credential::ApiKey { owner, .. } => owner,
            Credential::Operator { subject, .. } => Some(subject),
        }
    }

    /// What stands for the caller where calls are counted or answers kept. An operator, a key and its owner never share
    /// one, so that no answer kept for one is given to another.
    #[must_use]
    pub const fn caller_id(&self) -> Uuid {
        match self.credential {
            Credential::Session(session) => session.user.as_uuid(),
            Credential::ApiKey { key, .. } => key.as_uuid(),
            Credential::Client(client) => client.as_uuid(),
            Credential::Operator { impersonation, .. } => impersonation.as_uuid(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(credential: Credential) -> Principal {
        Principal {
            credential,
            tenant: None,
            ceiling: None,
            authenticated_at: Timestamp::MIN,
        }
    }

    #[test]
    fn both_actors_are_named_where_there_are_two() {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let operator = UserId::from_uuid(Uuid::from_u128(2));
        let key = ApiKeyId::from_uuid(Uuid::from_u128(3));
        let client = ClientId::from_uuid(Uuid::from_u128(4));
        let impersonation = ImpersonationId::from_uuid(Uuid::from_u128(5));
        let session = UserSession {
            user,
            session: SessionId::from_uuid(Uuid::from_u128(6)),
            generation: 1,
        };
        let acting = Credential::Operator {
            impersonation,
            operator,
            subject: user,
            may_write: false,
        };
        for (credential, actor, behalf, of, in_person) in [
            (
                Credential::Session(session),
                Actor::User(user),
                None,
                Some(user),
                true,
            ),
            (
                Credential::ApiKey {
                    key,
                    owner: Some(user),
                },
                Actor::ApiKey(key),
                Some(user),
                Some(user),
                false,
            ),
            (
                Credential::ApiKey { key, owner: None },
                Actor::ApiKey(key),
                None,
                None,
                false,
            ),
            (
                Credential::Client(client),
                Actor::Client(client),
                None,
                None,
                false,
            ),
            (acting, Actor::Operator(operator), Some(user), Some(user), false),
        ] {
            let principal = principal(credential);
            assert_eq!(principal.actor(), actor);
            assert_eq!(principal.on_behalf_of(), behalf);
            assert_eq!(principal.user(), of);
            assert_eq!(principal.session().is_some(), in_person);
            assert_eq!(principal.caller_id() == user.as_uuid(), in_person);
        }
    }
}
