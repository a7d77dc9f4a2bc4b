//! The one error of all storage adapters.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong in storage, in words that do not depend on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// The entity's version is not the expected one: somebody changed it in between.
    Stale,
    /// A domain constraint (see [`StorageError::constraint`]) forbids it.
    Conflict,
    /// Other units of work stood in the way (lock, deadlock, serialization). Running again can help.
    Contention,
    /// The database cannot be reached, or refuses connections.
    Unavailable,
    /// It took longer than allowed.
    Timeout,
    /// The call breaks the port's contract, for example an event of another tenant.
    Invalid,
    /// What is stored cannot be read as what it should be.
    Corrupt,
    /// Anything else.
    Internal,
}

/// A domain constraint, named for the domain and not for the database's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Constraint(pub &'static str);

impl Constraint {
    /// One user for an e-mail address.
    pub const USER_EMAIL: Self = Self("user.email");
    /// One tenant for a slug.
    pub const TENANT_SLUG: Self = Self("tenant.slug");
    /// A tenant has at least one owner.
    pub const TENANT_OWNER: Self = Self("tenant.owner");
    /// One membership for a user in a tenant.
    pub const MEMBERSHIP_USER: Self = Self("membership.user");
    /// One live invitation for an address in a tenant.
    pub const INVITATION_ADDRESS: Self = Self("invitation.address");
    /// One external identity for an issuer and subject.
    pub const EXTERNAL_IDENTITY: Self = Self("external_identity.subject");
    /// One passkey for a credential id.
    pub const PASSKEY: Self = Self("passkey.credential");
    /// What is referred to does not exist in this tenant.
    pub const REFERENCE: Self = Self("reference");
    /// An id that exists already.
    pub const IDENTITY: Self = Self("identity");
}

/// What every repository and unit of work answers when it cannot do its work.
///
/// `Display` names the operation and the kind only, and is safe to log. The source may hold the database's words and
/// is for operators.
#[derive(Debug)]
pub struct StorageError {
    kind: StorageErrorKind,
    operation: &'static str,
    constraint: Option<Constraint>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StorageError {
    /// An error of a kind, in an operation such as `memberships.insert`.
    #[must_use]
    pub fn new(kind: StorageErrorKind, operation: &'static str) -> Self {
        Self {
            kind,
            operation,
            constraint: None,
            source: None,
        }
    }

    /// A broken domain constraint.
    #[must_use]
    pub fn conflict(operation: &'static str, constraint: Constraint) -> Self {
        Self {
            kind: StorageErrorKind::Conflict,
            operation,
            constraint: Some(constraint),
            source: None,
        }
    }

    /// A version that is not the expected one.
    #[must_use]
    pub fn stale(operation: &'static str) -> Self {
        Self::new(StorageErrorKind::Stale, operation)
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The domain constraint that forbids it, with kind [`StorageErrorKind::Conflict`].
    #[must_use]
    pub fn constraint(&self) -> Option<Constraint> {
        self.constraint
    }

    /// Whether it is this constraint that stands in the way.
    #[must_use]
    pub fn violates(&self, constraint: Constraint) -> bool {
        self.constraint == Some(constraint)
    }

    /// Whether running the whole unit of work again can help.
    #[must_use]
    pub fn is_contention(&self) -> bool {
        self.kind == StorageErrorKind::Contention
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "storage: {} failed: {:?}", self.operation, self.kind)?;
        if let Some(constraint) = self.constraint {
            write!(f, " ({})", constraint.0)?;
        }
        Ok(())
    }
}

impl StdError for StorageError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}
