//! Who is told.

use wisdom_core::access::Role;
use wisdom_core::id::TenantId;
use wisdom_core::page::PageRequest;
use wisdom_core::value::EmailAddress;

use super::ImpersonationError;
use crate::store::OnboardingTx;

/// Members of one page while owners are looked for.
const PAGE: u32 = 100;

/// The addresses of the tenant's owners.
pub(super) async fn owners<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<Vec<EmailAddress>, ImpersonationError> {
    let mut found = Vec::new();
    let mut page = PageRequest::first(PAGE);
    loop {
        // Whom the service acts for is theirs to know: that is what lets one enter.
        let members = tx.enter(tenant).memberships().list(&page).await?;
        let owners = members
            .items
            .into_iter()
            .filter(|member| member.membership.role == Role::Owner);
        found.extend(owners.map(|member| member.email));
        match members.next {
            Some(after) => page.after = Some(after),
            None => return Ok(found),
        }
    }
}
