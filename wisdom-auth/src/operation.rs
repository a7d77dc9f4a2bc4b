//! Identity's part of the catalogue.

use wisdom_core::catalogue::Entry;

pub use crate::session::list::ListSessions;
pub use crate::session::log_in::LogIn;
pub use crate::session::log_out::LogOut;
pub use crate::session::renew::Refresh;
pub use crate::session::revoke::RevokeOne;
pub use crate::user::me::Me;
pub use crate::user::verify_email::VerifyEmail;

use crate::kit::AuthHost;

/// The operations that clients can ask for.
#[must_use]
pub fn entries<H: AuthHost>() -> Vec<Entry<H>> {
    vec![
        Entry::flow::<LogIn>(),
        Entry::flow::<Refresh>(),
        Entry::flow::<LogOut>(),
        Entry::system::<ListSessions>(),
        Entry::flow::<RevokeOne>(),
        Entry::system::<VerifyEmail>(),
        Entry::flow::<Me>(),
    ]
}
