//! Invitations of the tenant.

use async_trait::async_trait;
use wisdom_core::id::InvitationId;
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::value::EmailAddress;
use wisdom_tenancy::invitation::{Invitation, InvitationState};
use wisdom_tenancy::store::Invitations;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added, current, falling, one_more};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, role, state, invited_by, accepted_by, token_hash, sends, sent_since, expires_at,
             created_at, version FROM invitations WHERE tenant_id = $1 AND ",
            $rest
        )
    };
}

const INSERT: Statement = Statement::new(
    "invitations.insert",
    "INSERT INTO invitations (tenant_id, id, email, email_key, role, state, invited_by, accepted_by, token_hash,
     sends, sent_since, expires_at, created_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     ON CONFLICT (tenant_id, email_key) WHERE state = 'pending' DO NOTHING",
);
pub(super) const FIND: Statement = Statement::new("invitations.find", select!("id = $2"));
pub(super) const FIND_PENDING: Statement = Statement::new(
    "invitations.find_pending",
    select!("email_key = $2 AND state = 'pending'"),
);
pub(super) const LIST: Statement = Statement::new(
    "invitations.list",
    select!("(created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4"),
);
pub(super) const LIST_OF_STATE: Statement = Statement::new(
    "invitations.list",
    select!("(created_at, id) < ($2, $3) AND state = $5 ORDER BY created_at DESC, id DESC LIMIT $4"),
);
const UPDATE: Statement = Statement::new(
    "invitations.update",
    "UPDATE invitations SET email = $3, email_key = $4, role = $5, state = $6, invited_by = $7, accepted_by = $8,
     token_hash = $9, sends = $10, sent_since = $11, expires_at = $12, version = $13 + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $13",
);

fn invitation(row: &Row) -> Result<Invitation, StorageError> {
    Ok(Invitation {
        id: row.id(0)?,
        email: row.read(1, |text| EmailAddress::parse(text).ok())?,
        role: row.read(2, |text| text.parse().ok())?,
        state: row.read(3, InvitationState::from_name)?,
        invited_by: row.id(4)?,
        accepted_by: row.opt_id(5)?,
        token_hash: row.array(6)?,
        sends: row.small(7)?,
        sent_since: row.time(8)?,
        expires_at: row.time(9)?,
        created_at: row.time(10)?,
        version: row.int(11)?,
    })
}

#[async_trait]
impl Invitations for Unit {
    async fn insert(&mut self, invitation: &Invitation) -> Result<(), StorageError> {
        let values = [
            invitation.id.into(),
            invitation.email.as_str().into(),
            invitation.email.lookup_key().into(),
            invitation.role.as_str().into(),
            invitation.state.as_str().into(),
            invitation.invited_by.into(),
            invitation.accepted_by.into(),
            (&invitation.token_hash).into(),
            invitation.sends.into(),
            invitation.sent_since.into(),
            invitation.expires_at.into(),
            invitation.created_at.into(),
            invitation.version.into(),
        ];
        let changed = self.tenant_execute(&INSERT, &values).await?;
        added(changed, &INSERT, Constraint::INVITATION_ADDRESS)
    }

    async fn find(&mut self, id: InvitationId) -> Result<Option<Invitation>, StorageError> {
        self.tenant_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(invitation)
            .transpose()
    }

    async fn find_pending(&mut self, email: &EmailAddress) -> Result<Option<Invitation>, StorageError> {
        let key = email.lookup_key();
        self.tenant_optional(&FIND_PENDING, &[key.into()])
            .await?
            .as_ref()
            .map(invitation)
            .transpose()
    }

    async fn list(
        &mut self,
        state: Option<InvitationState>,
        page: &PageRequest,
    ) -> Result<Slice<Invitation>, StorageError> {
        let after = falling(page);
        let place = [after.at.into(), after.id.into(), one_more(page).into()];
        let rows = match state {
            None => self.tenant_all(&LIST, &place).await?,
            Some(state) => {
                let [at, id, limit] = place;
                self.tenant_all(&LIST_OF_STATE, &[at, id, limit, state.as_str().into()])
                    .await?
            }
        };
        let invitations = rows.iter().map(invitation).collect::<Result<_, _>>()?;
        Ok(Slice::cut(invitations, page.limit, |i: &Invitation| Position {
            at: i.created_at,
            id: i.id.as_uuid(),
        }))
    }

    async fn update(&mut self, invitation: &Invitation, expected: i64) -> Result<(), StorageError> {
        let values = [
            invitation.id.into(),
            invitation.email.as_str().into(),
            invitation.email.lookup_key().into(),
            invitation.role.as_str().into(),
            invitation.state.as_str().into(),
            invitation.invited_by.into(),
            invitation.accepted_by.into(),
            (&invitation.token_hash).into(),
            invitation.sends.into(),
            invitation.sent_since.into(),
            invitation.expires_at.into(),
            expected.into(),
        ];
        current(self.tenant_execute(&UPDATE, &values).await?, &UPDATE)
    }
}
