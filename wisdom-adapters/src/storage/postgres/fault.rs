//! What PostgreSQL's errors mean: the one table of this adapter.

use sqlx::postgres::PgDatabaseError;
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};

/// Domain constraints by the database's names. Any other unique key is one of ids.
const CONSTRAINTS: [(&str, Constraint); 7] = [
    ("users_email_key_key", Constraint::USER_EMAIL),
    (
        "external_identities_issuer_subject_key",
        Constraint::EXTERNAL_IDENTITY,
    ),
    ("tenants_slug_key", Constraint::TENANT_SLUG),
    ("memberships_tenant_id_user_id_key", Constraint::MEMBERSHIP_USER),
    ("invitations_pending_key", Constraint::INVITATION_ADDRESS),
    ("passkeys_credential_id_key", Constraint::PASSKEY),
    ("tenants_owner_count_check", Constraint::TENANT_OWNER),
];

/// Reads an error by its SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(in crate::storage) fn fault(error: sqlx::Error, operation: &'static str) -> StorageError {
    use StorageErrorKind as Kind;

    let kind = match &error {
        sqlx::Error::Database(database) => {
            let name = database.constraint().unwrap_or_default();
            let known = CONSTRAINTS
                .iter()
                .find(|(what, _)| *what == name)
                .map(|(_, constraint)| *constraint);
            let code = database
                .try_downcast_ref::<PgDatabaseError>()
                .map_or("", PgDatabaseError::code);
            let constraint = match code {
                "23505" => Some(known.unwrap_or(Constraint::IDENTITY)),
                "23503" => Some(Constraint::REFERENCE),
                "23514" => known,
                _ => None,
            };
            if let Some(constraint) = constraint {
                return StorageError::conflict(operation, constraint).caused_by(error);
            }
            match code {
                // serialization failure, deadlock, lock not available in time
                "40001" | "40P01" | "55P03" => Kind::Contention,
                // statement cancelled by its time limit
                "57014" => Kind::Timeout,
                // read-only transaction, insufficient privilege (row-level security too), broken rules of values
                "25006" | "42501" => Kind::Invalid,
                // idle in transaction for too long, shutdown, crash, starting up
                "25P03" | "57P01" | "57P02" | "57P03" => Kind::Unavailable,
                _ => match code.get(..2) {
                    // connection, insufficient resources, the login refused, no such database
                    Some("08" | "53" | "28" | "3D") => Kind::Unavailable,
                    Some("22" | "23") => Kind::Invalid,
                    Some("XX") => Kind::Corrupt,
                    _ => Kind::Internal,
                },
            }
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_) => Kind::Unavailable,
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => Kind::Corrupt,
        sqlx::Error::Encode(_) => Kind::Invalid,
        _ => Kind::Internal,
    };
    StorageError::new(kind, operation).caused_by(error)
}

/// Whether the connection itself is gone, so that another one may do better.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(database) => database
            .code()
            .is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == "25P03"),
        _ => false,
    }
}
