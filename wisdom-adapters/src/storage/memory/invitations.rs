//! Invitations of the tenant.

use async_trait::async_trait;
use wisdom_core::id::InvitationId;
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::value::EmailAddress;
use wisdom_tenancy::invitation::{Invitation, InvitationState};
use wisdom_tenancy::store::Invitations;

use super::paging::{Order, page};
use super::tables::under;
use super::unit_of_work::MemoryTx;

#[async_trait]
impl Invitations for MemoryTx {
    async fn insert(&mut self, invitation: &Invitation) -> Result<(), StorageError> {
        const OPERATION: &str = "invitations.insert";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, invitation.id);
        let slot = (tenant, invitation.email.lookup_key().to_owned());
        let pending = invitation.state == InvitationState::Pending;
        if pending && tables.pending_invitations.contains_key(&slot) {
            return Err(StorageError::conflict(OPERATION, Constraint::INVITATION_ADDRESS));
        }
        if tables.invitations.contains_key(&key)
            || tables.invitations_by_token.contains_key(&invitation.token_hash)
        {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        if !tables.tenants.contains_key(&tenant) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if pending {
            tables.pending_invitations.insert(slot, invitation.id);
        }
        tables.invitations_by_token.insert(invitation.token_hash, key);
        tables.invitations.insert(key, invitation.clone());
        Ok(())
    }

    async fn find(&mut self, id: InvitationId) -> Result<Option<Invitation>, StorageError> {
        let (tenant, tables) = self.own("invitations.find")?;
        Ok(tables.invitations.get(&(tenant, id)).cloned())
    }

    async fn find_pending(&mut self, email: &EmailAddress) -> Result<Option<Invitation>, StorageError> {
        let (tenant, tables) = self.own("invitations.find_pending")?;
        let id = tables
            .pending_invitations
            .get(&(tenant, email.lookup_key().to_owned()));
        Ok(id.and_then(|id| tables.invitations.get(&(tenant, *id))).cloned())
    }

    async fn list(
        &mut self,
        state: Option<InvitationState>,
        request: &PageRequest,
    ) -> Result<Slice<Invitation>, StorageError> {
        let (tenant, tables) = self.own("invitations.list")?;
        let rows = tables
            .invitations
            .range(under(tenant))
            .map(|(_, invitation)| invitation);
        let rows = rows
            .filter(|invitation| state.is_none_or(|state| state == invitation.state))
            .cloned();
        Ok(page(rows, Order::NewestFirst, request, |invitation| Position {
            at: invitation.created_at,
            id: invitation.id.as_uuid(),
        }))
    }

    async fn update(&mut self, invitation: &Invitation, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "invitations.update";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, invitation.id);
        let Some(stored) = tables
            .invitations
            .get(&key)
            .filter(|stored| stored.version == expected)
            .cloned()
        else {
            return Err(StorageError::stale(OPERATION));
        };
        let slot = (tenant, invitation.email.lookup_key().to_owned());
        let pending = invitation.state == InvitationState::Pending;
        if pending
            && tables
                .pending_invitations
                .get(&slot)
                .is_some_and(|holder| *holder != invitation.id)
        {
            return Err(StorageError::conflict(OPERATION, Constraint::INVITATION_ADDRESS));
        }
        if tables
            .invitations_by_token
            .get(&invitation.token_hash)
            .is_some_and(|holder| *holder != key)
        {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        if stored.state == InvitationState::Pending {
            tables
                .pending_invitations
                .remove(&(tenant, stored.email.lookup_key().to_owned()));
        }
        if pending {
            tables.pending_invitations.insert(slot, invitation.id);
        }
        tables.invitations_by_token.remove(&stored.token_hash);
        tables.invitations_by_token.insert(invitation.token_hash, key);
        tables.invitations.insert(
            key,
            Invitation {
                version: expected + 1,
                ..invitation.clone()
            },
        );
        Ok(())
    }
}
