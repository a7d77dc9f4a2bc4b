//! Proofs that are mailed: whoever reads a mailbox shows it by a link or a code, once and soon.
//!
//! A wish for one is answered before anything is looked up, and the same way for every address; what follows happens
//! behind the outbox. Links are built from the configured address only, and nothing is used up by looking at it.

mod change_email;
mod issue;
mod policy;
mod reset_password;
mod sign_in;
mod wish;

pub use change_email::{ChangeEmail, RequestEmailChange};
pub use issue::IssueProof;
pub use policy::{ProofPolicy, ProofPolicyError};
pub use reset_password::ResetPassword;
pub use sign_in::{LogInWithCode, LogInWithLink};
pub use wish::{
    ProofAccepted, ProofStatus, ProofWish, RequestCode, RequestLink, RequestPasswordReset,
    RequestVerification, WISHED,
};
