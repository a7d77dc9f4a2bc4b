//! Finding a member by address.

use wisdom_core::page::{MAX_LIMIT, PageRequest};
use wisdom_core::storage::StorageError;
use wisdom_core::value::EmailAddress;

use crate::store::Memberships;

/// Whether somebody with this address (by lookup key) is a member.
///
/// The port knows members by id and by user, and users are out of a tenant's sight, so this goes through the pages.
pub(crate) async fn has_address(
    memberships: &mut dyn Memberships,
    email: &EmailAddress,
) -> Result<bool, StorageError> {
    let mut page = PageRequest::first(MAX_LIMIT);
    loop {
        let slice = memberships.list(&page).await?;
        if slice.items.iter().any(|member| member.email == *email) {
            return Ok(true);
        }
        match slice.next {
            None => return Ok(false),
            after => page.after = after,
        }
    }
}
