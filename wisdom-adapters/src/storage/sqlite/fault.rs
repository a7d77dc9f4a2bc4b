//! What SQLite's errors mean: the one table of this adapter.

use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};

/// Unique keys by the columns SQLite names in its message. Any other is one of ids.
const UNIQUE: [(&str, Constraint); 7] = [
    ("users.email_key", Constraint::USER_EMAIL),
    (
        "external_identities.issuer, external_identities.subject",
        Constraint::EXTERNAL_IDENTITY,
    ),
    ("tenants.slug", Constraint::TENANT_SLUG),
    (
        "memberships.tenant_id, memberships.user_id",
        Constraint::MEMBERSHIP_USER,
    ),
    (
        "invitations.tenant_id, invitations.email_key",
        Constraint::INVITATION_ADDRESS,
    ),
    ("passkeys.credential_id", Constraint::PASSKEY),
    ("tenants_owner_count_check", Constraint::TENANT_OWNER),
];

/// Reads an error by SQLite's extended result code (<https://www.sqlite.org/rescode.html>).
pub(in crate::storage) fn fault(error: sqlx::Error, operation: &'static str) -> StorageError {
    use StorageErrorKind as Kind;

    let kind = match &error {
        sqlx::Error::Database(database) => {
            let code = database
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .unwrap_or_default();
            match (code & 0xff, code) {
                // SQLITE_CONSTRAINT_FOREIGNKEY
                (_, 787) => return StorageError::conflict(operation, Constraint::REFERENCE).caused_by(error),
                // …_PRIMARYKEY, …_UNIQUE, …_ROWID, and …_CHECK of the count of owners
                (_, 1555 | 2067 | 2579 | 275) => {
                    let named = database
                        .message()
                        .split_once("failed: ")
                        .map_or("", |(_, what)| what);
                    let known = UNIQUE
                        .iter()
                        .find(|(what, _)| *what == named)
                        .map(|(_, constraint)| *constraint);
                    match known {
                        Some(constraint) => {
                            return StorageError::conflict(operation, constraint).caused_by(error);
                        }
                        None if code == 275 => Kind::Invalid,
                        None => {
                            return StorageError::conflict(operation, Constraint::IDENTITY).caused_by(error);
                        }
                    }
                }
                // BUSY, LOCKED
                (5 | 6, _) => Kind::Contention,
                // other constraints, READONLY, MISMATCH, TOOBIG
                (19 | 8 | 20 | 18, _) => Kind::Invalid,
                // INTERRUPT
                (9, _) => Kind::Timeout,
                // IOERR, FULL, CANTOPEN, NOMEM
                (10 | 13 | 14 | 7, _) => Kind::Unavailable,
                // CORRUPT, NOTADB
                (11 | 26, _) => Kind::Corrupt,
                _ => Kind::Internal,
            }
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => Kind::Unavailable,
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => Kind::Corrupt,
        sqlx::Error::Encode(_) => Kind::Invalid,
        _ => Kind::Internal,
    };
    StorageError::new(kind, operation).caused_by(error)
}
