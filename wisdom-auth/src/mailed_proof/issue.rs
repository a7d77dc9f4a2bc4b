//! What becomes of a wish, behind the outbox: a token and its mail, or nothing.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{ProofPolicy, ProofWish};
use crate::error::AuthError;
use crate::one_time_token::{TokenPurpose, issue, issue_code};
use crate::store::IdentityTx;
use crate::user::{User, UserState};

/// Issues the proof that was wished for, if there is anything to prove, and asks for its mail.
///
/// Internal: run by the consumer of the event [`WISHED`](super::WISHED). Told twice, it mails twice, and the second token
/// voids the first.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueProof {
    /// The wish.
    pub wish: ProofWish,
}

impl Operation for IssueProof {
    const NAME: &'static str = "auth.mailed_proof.issue";
    const SUMMARY: &'static str = "Issues a mailed proof that was wished for.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

/// What an account gets for a wish: the purpose of the proof that is mailed, if one is.
///
/// An address that was never proven may have been signed up by somebody else, who knows the password: signing in by mail
/// would make an account of it that two people can enter. It gets the mail that proves it instead.
pub(super) fn answer_to(purpose: TokenPurpose, user: Option<&User>) -> Option<TokenPurpose> {
    let user = user.filter(|user| user.state == UserState::Active)?;
    let verified = user.email_verified_at.is_some();
    match purpose {
        TokenPurpose::VerifyEmail if verified => None,
        TokenPurpose::MagicLink | TokenPurpose::EmailCode if !verified => Some(TokenPurpose::VerifyEmail),
        purpose => Some(purpose),
    }
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for IssueProof {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let nothing = || Outcome::unaudited((), "the wish was audited, and nothing comes of it");
        let frame = Arc::clone(tx.frame());
        let policy = frame.kit().policies.get::<ProofPolicy>();
        let wish = &self.wish;
        let Some(purpose) = TokenPurpose::from_name(&wish.purpose) else {
            return Ok(nothing());
        };
        // A wish that lay in the outbox for longer than its proof lives is nobody's wish any more.
        if frame.now().since(wish.at) > policy.life(purpose) {
            return Ok(nothing());
        }
        let holder = tx.users().find_by_email(&wish.email).await?;
        let (user, credentials) = match wish.change {
            None => (holder, None),
            Some(_) if holder.is_some() => return Ok(nothing()),
            Some((user, credentials)) => (tx.users().find(user).await?, Some(credentials)),
        };
        let Some((user, purpose)) = user.and_then(|user| answer_to(purpose, Some(&user)).map(|p| (user, p)))
        else {
            return Ok(nothing());
        };
        let now_valid = tx.users().lock_credentials(user.id).await?;
        if credentials.is_some_and(|wished| now_valid != Some(wished)) {
            return Ok(nothing());
        }
        // To the stored address and never to the one that was typed, which can be another mailbox.
        let to = if purpose == TokenPurpose::ChangeEmail {
            wish.email.clone()
        } else {
            user.email.clone()
        };
        let life = policy.life(purpose);
        let mail = MailRequest::new(to.clone(), MailCategory::Security, template(purpose))
            .with("minutes", (life.as_secs() / 60).to_string());
        let mail = if purpose == TokenPurpose::EmailCode {
            let code = issue_code(tx, user.id, &to, purpose, life).await?;
            mail.with("code", code.expose())
        } else {
            let token = issue(tx, user.id, &to, purpose, life).await?;
            mail.with("token", token.expose())
        };
        let entry = AuditEntry::on("user", user.id).with(json!({ "purpose": purpose.as_str() }));
        Ok(Outcome::audited((), entry).emit(mail.event(&frame, None)?))
    }
}

const fn template(purpose: TokenPurpose) -> &'static str {
    match purpose {
        TokenPurpose::VerifyEmail => "auth.email.verify",
        TokenPurpose::ResetPassword => "auth.password.reset",
        TokenPurpose::ChangeEmail => "auth.email.change",
        TokenPurpose::MagicLink => "auth.session.link",
        TokenPurpose::EmailCode => "auth.session.code",
    }
}
