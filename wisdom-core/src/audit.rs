//! Audit entries: who did what to what, written by commit and by nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Actor;
use crate::id::{AuditId, RequestId, TenantId, UserId};
use crate::time::Timestamp;

/// What an action was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// What it is: `membership`, `invitation`, `session`.
    pub kind: String,
    /// Its id as text.
    pub id: String,
}

/// How the action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditResult {
    /// It was done.
    Done,
    /// The caller was not allowed to.
    Denied,
    /// It was refused for another reason that must be remembered, such as a wrong password.
    Refused,
}

impl AuditResult {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Refused => "refused",
        }
    }
}

/// What a use case says for the audit log. Action, actor, time and request are added at commit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    pub(crate) target: Target,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) result: AuditResult,
    pub(crate) details: Value,
}

impl AuditEntry {
    /// An entry about a target: its kind and its id.
    #[must_use]
    pub fn on(kind: &str, id: impl ToString) -> Self {
        Self {
            target: Target {
                kind: kind.to_owned(),
                id: id.to_string(),
            },
            tenant: None,
            result: AuditResult::Done,
            details: Value::Null,
        }
    }

    /// The same, in this tenant's log: for units of work outside of any tenant.
    #[must_use]
    pub const fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The same, with facts worth keeping. Never secrets, never more personal data than the target's id.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The same, for something that was refused.
    #[must_use]
    pub const fn refused(mut self) -> Self {
        self.result = AuditResult::Refused;
        self
    }

    pub(crate) fn denied(mut self) -> Self {
        self.result = AuditResult::Denied;
        self
    }
}

/// An audit entry as it is stored and listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// UUIDv7.
    pub id: AuditId,
    /// The tenant whose log it is in; `None` for identity outside of any tenant.
    pub tenant: Option<TenantId>,
    /// The operation's name.
    pub action: String,
    /// Who.
    pub actor: Actor,
    /// For which user, when that is somebody else: the owner of a personal key, or the one an operator acted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// To what.
    pub target: Target,
    /// How it ended.
    pub result: AuditResult,
    /// When.
    pub at: Timestamp,
    /// The request it came in.
    pub request: RequestId,
    /// Further facts.
    pub details: Value,
}
