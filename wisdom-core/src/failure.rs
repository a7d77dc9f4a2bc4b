//! What a caller is told when an operation does not succeed.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::access::AccessError;
use crate::storage::{StorageError, StorageErrorKind};

/// Text that may be shown to any client.
///
/// It is made from literals, or by [`PublicMessage::composed`], which is what a review looks for: whatever goes in
/// there leaves the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PublicMessage(Cow<'static, str>);

impl PublicMessage {
    /// A message put together at run time from parts the caller already knows (its own input, limits, names).
    #[must_use]
    pub fn composed(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for PublicMessage {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl fmt::Display for PublicMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! failure_kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $abi:literal, $slug:literal;)*) => {
        /// The kinds of refusal, each with one HTTP status and one status of the C ABI.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FailureKind { $($(#[$doc])* $name,)* }

        impl FailureKind {
            /// Every kind, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The HTTP status code (RFC 9110).
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The number of the C ABI's status.
            #[must_use]
            pub const fn abi_status(self) -> i32 {
                match self { $(Self::$name => $abi,)* }
            }

            /// The last segment of the problem type (RFC 9457).
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }
        }
    };
}

failure_kinds! {
    /// The input breaks a rule; `fields` says which.
    InvalidArgument = 400, 1, "invalid-argument";
    /// No valid credential came with the call.
    Unauthenticated = 401, 4, "unauthenticated";
    /// The caller is known and may not do this.
    Forbidden = 403, 5, "forbidden";
    /// It does not exist, or the caller may not know that it does.
    NotFound = 404, 6, "not-found";
    /// It contradicts the present state.
    Conflict = 409, 7, "conflict";
    /// The expected version is not the present one.
    Precondition = 412, 8, "precondition-failed";
    /// The body is larger than the route allows.
    TooLarge = 413, 20, "too-large";
    /// The body is not of the media type the route takes.
    MediaType = 415, 21, "unsupported-media-type";
    /// The same key came with another request before.
    Mismatch = 422, 22, "mismatch";
    /// Too many calls; `retry_after` says when the next may pass.
    RateLimited = 429, 9, "rate-limited";
    /// The headers are larger than allowed.
    HeadersTooLarge = 431, 23, "headers-too-large";
    /// The plan's limit is reached.
    Quota = 402, 10, "quota-exceeded";
    /// It took longer than allowed; whether it took effect is unknown.
    Timeout = 504, 11, "timeout";
    /// Something it needs is out of order for now.
    Unavailable = 503, 13, "unavailable";
    /// The route knows no such method.
    MethodNotAllowed = 405, 24, "method-not-allowed";
    /// A fault of ours; it is in the log under the request id.
    Internal = 500, 98, "internal";
}

/// One broken rule of one input field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Where in the input, in dotted form (`address.city`, `items[2].price`).
    pub field: String,
    /// A stable name of the rule, for programs.
    pub rule: Cow<'static, str>,
    /// The rule in words, for people.
    pub message: PublicMessage,
}

/// A refusal as every door shows it: HTTP problem (RFC 9457), C ABI error, command line.
///
/// The source is for the log at the boundary and is never part of what a client sees.
#[derive(Debug)]
pub struct Failure {
    /// The kind, which decides the status.
    pub kind: FailureKind,
    /// Stable machine-readable code, for example `invitation.other_account`.
    pub code: &'static str,
    /// What happened, in a sentence.
    pub message: PublicMessage,
    /// Broken rules, field by field.
    pub fields: Vec<FieldProblem>,
    /// When trying again can help.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    /// A refusal with a code and a sentence.
    #[must_use]
    pub fn new(kind: FailureKind, code: &'static str, message: impl Into<PublicMessage>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            fields: Vec::new(),
            retry_after: None,
            source: None,
        }
    }

    /// A refusal of one input field.
    #[must_use]
    pub fn field(
        field: impl Into<String>,
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<PublicMessage>,
    ) -> Self {
        let mut failure = Self::new(
            FailureKind::InvalidArgument,
            "input.invalid",
            "The input breaks a rule.",
        );
        failure.fields.push(FieldProblem {
            field: field.into(),
            rule: rule.into(),
            message: message.into(),
        });
        failure
    }

    /// A fault of ours, told without detail.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(
            FailureKind::Internal,
            "internal",
            "Something went wrong on our side.",
        )
        .caused_by(source)
    }

    /// What the caller may not know exists.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(FailureKind::NotFound, "not_found", "There is no such thing here.")
    }

    /// The same refusal with a time after which trying again can help.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The same refusal with what caused it, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        for field in &self.fields {
            write!(f, " ({} {})", field.field, field.message)?;
        }
        Ok(())
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

/// What every operation's error type can do: hold what the kernel itself refuses, and say it to a client.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operation error",
    note = "derive `thiserror::Error`, add `#[from] StorageError` and `#[from] AccessError` variants, and implement `OperationError`"
)]
pub trait OperationError:
    StdError + From<StorageError> + From<AccessError> + Send + Sync + Sized + 'static
{
    /// What the caller is told. Consumes the error so that it can become the refusal's source.
    fn into_failure(self) -> Failure;

    /// The storage error inside, if that is what it is: the runner asks it whether to try again.
    fn storage(&self) -> Option<&StorageError>;
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let failure = match error.kind() {
            StorageErrorKind::Stale => Self::new(
                FailureKind::Precondition,
                "stale",
                "It has changed since you read it: read it again and repeat your change.",
            ),
            StorageErrorKind::Conflict => Self::new(
                FailureKind::Conflict,
                "conflict",
                "It contradicts something that exists already.",
            ),
            StorageErrorKind::Contention | StorageErrorKind::Unavailable => Self::new(
                FailureKind::Unavailable,
                "storage.unavailable",
                "Storage is busy or away; try again soon.",
            )
            .retry_after(Duration::from_secs(1)),
            StorageErrorKind::Timeout => Self::new(
                FailureKind::Unavailable,
                "storage.timeout",
                "Storage did not answer in time; try again soon.",
            )
            .retry_after(Duration::from_secs(2)),
            StorageErrorKind::Invalid | StorageErrorKind::Corrupt | StorageErrorKind::Internal => Self::new(
                FailureKind::Internal,
                "internal",
                "Something went wrong on our side.",
            ),
        };
        failure.caused_by(error)
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unauthenticated => {
                Self::new(FailureKind::Unauthenticated, "unauthenticated", "Sign in first.")
            }
            AccessError::Forbidden { permission } => Self::new(
                FailureKind::Forbidden,
                "forbidden",
                PublicMessage::composed(format!("This needs the permission {permission}.")),
            ),
            AccessError::InPerson => Self::new(
                FailureKind::Forbidden,
                "session.required",
                "This needs you in a session of your own; a key or a service cannot do it.",
            ),
            AccessError::NoOperators => Self::new(
                FailureKind::Forbidden,
                "impersonation.blocked",
                "This cannot be done while acting for somebody else.",
            ),
            AccessError::OperatorReadsOnly => Self::new(
                FailureKind::Forbidden,
                "impersonation.read_only",
                "Acting for somebody else, you may only read.",
            ),
            AccessError::NotTenant | AccessError::SystemOnly => Self::not_found(),
        }
    }
}

impl From<std::convert::Infallible> for Failure {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn statuses_of_the_c_abi_and_slugs_are_unique() {
        let abi: BTreeSet<_> = FailureKind::ALL.iter().map(|k| k.abi_status()).collect();
        let slugs: BTreeSet<_> = FailureKind::ALL.iter().map(|k| k.slug()).collect();
        assert_eq!(abi.len(), FailureKind::ALL.len());
        assert_eq!(slugs.len(), FailureKind::ALL.len());
    }

    #[test]
    fn a_storage_error_never_shows_its_source() {
        let error =
            StorageError::new(StorageErrorKind::Internal, "users.find").caused_by("SELECT secret FROM users");
        let failure = Failure::from(error);
        assert!(!failure.to_string().contains("SELECT"));
        assert!(!failure.message.as_str().contains("users"));
    }
}
