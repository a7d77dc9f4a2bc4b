//! The life of an invitation, as pure functions of what is stored and what time it is.
//!
//! ```text
//! pending ──accept──▶ accepted     pending, past its end = expired: revoke and send_again only
//!    │ ├──decline───▶ declined
//!    │ └──revoke────▶ revoked
//!    └──send_again──▶ pending, with another token and a new end
//! ```

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Role;
use wisdom_core::id::{InvitationId, UserId};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use super::{Invitation, InvitationState};
use crate::error::TenancyError;
use crate::kit::InvitationPolicy;

/// The span within which mails are counted.
pub const DAY: Duration = Duration::from_secs(86_400);

/// What people see of an invitation's state: the stored one, and whether time has passed it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationStatus {
    /// Waits for an answer.
    Pending,
    /// Became a membership.
    Accepted,
    /// Refused by the invited person.
    Declined,
    /// Taken back by the tenant.
    Revoked,
    /// Nobody answered in time.
    Expired,
}

/// What is offered, by whom, with which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The role.
    pub role: Role,
    /// Who invites.
    pub by: UserId,
    /// SHA-256 of the token that is mailed now.
    pub token_hash: [u8; 32],
}

/// The invitation after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is what it was: the answer was given before.
    Already,
    /// It changed; to be stored against the version it was made from.
    Changed(Invitation),
}

impl Invitation {
    /// A first invitation, which counts as mailed once.
    #[must_use]
    pub fn first(
        id: InvitationId,
        email: EmailAddress,
        offer: &Offer,
        policy: &InvitationPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            email,
            role: offer.role,
            state: InvitationState::Pending,
            invited_by: offer.by,
            accepted_by: None,
            token_hash: offer.token_hash,
            sends: 1,
            sent_since: now,
            expires_at: now.saturating_add(policy.ttl),
            created_at: now,
            version: 1,
        }
    }

    /// What people see of its state.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match self.state {
            InvitationState::Pending if now >= self.expires_at => InvitationStatus::Expired,
            InvitationState::Pending => InvitationStatus::Pending,
            InvitationState::Accepted => InvitationStatus::Accepted,
            InvitationState::Declined => InvitationStatus::Declined,
            InvitationState::Revoked => InvitationStatus::Revoked,
        }
    }

    /// The same invitation mailed again: another token, a new end, maybe another role. Also revives an expired one.
    ///
    /// # Errors
    /// [`TenancyError::InvitationTooMany`] when the day's mails are used up, [`TenancyError::InvitationGone`] when it is
    /// not pending.
    pub fn send_again(
        &self,
        offer: &Offer,
        policy: &InvitationPolicy,
        now: Timestamp,
    ) -> Result<Self, TenancyError> {
        if self.state != InvitationState::Pending {
            return Err(TenancyError::InvitationGone);
        }
        let passed = now.since(self.sent_since);
        let (sends, sent_since) = if passed >= DAY {
            (1, now)
        } else if u32::try_from(self.sends).unwrap_or(0) < policy.max_sends_per_day.max(1) {
            (self.sends.saturating_add(1), self.sent_since)
        } else {
            return Err(TenancyError::InvitationTooMany {
                retry_after: DAY.saturating_sub(passed),
            });
        };
        Ok(Self {
            role: offer.role,
            invited_by: offer.by,
            token_hash: offer.token_hash,
            sends,
            sent_since,
            expires_at: now.saturating_add(policy.ttl),
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// Accepted by this user. Twice by the same one is once.
    ///
    /// # Errors
    /// [`TenancyError::InvitationGone`], [`TenancyError::InvitationExpired`].
    pub fn accept(&self, user: UserId, now: Timestamp) -> Result<Step, TenancyError> {
        match self.status(now) {
            InvitationStatus::Pending => {
                let mut changed = self.moved_to(InvitationState::Accepted);
                changed.accepted_by = Some(user);
                Ok(Step::Changed(changed))
            }
            InvitationStatus::Accepted if self.accepted_by == Some(user) => Ok(Step::Already),
            InvitationStatus::Expired => Err(TenancyError::InvitationExpired),
            _ => Err(TenancyError::InvitationGone),
        }
    }

    /// Declined by whoever holds the token. Twice is once.
    ///
    /// # Errors
    /// [`TenancyError::InvitationGone`], [`TenancyError::InvitationExpired`].
    pub fn decline(&self, now: Timestamp) -> Result<Step, TenancyError> {
        match self.status(now) {
            InvitationStatus::Pending => Ok(Step::Changed(self.moved_to(InvitationState::Declined))),
            InvitationStatus::Declined => Ok(Step::Already),
            InvitationStatus::Expired => Err(TenancyError::InvitationExpired),
            _ => Err(TenancyError::InvitationGone),
        }
    }

    /// Taken back by the tenant, expired or not. Twice is once.
    ///
    /// # Errors
    /// [`TenancyError::InvitationGone`] when the invited person was faster.
    pub fn revoke(&self) -> Result<Step, TenancyError> {
        match self.state {
            InvitationState::Pending => Ok(Step::Changed(self.moved_to(InvitationState::Revoked))),
            InvitationState::Revoked => Ok(Step::Already),
            InvitationState::Accepted | InvitationState::Declined => Err(TenancyError::InvitationGone),
        }
    }

    fn moved_to(&self, state: InvitationState) -> Self {
        Self {
            state,
            version: self.version + 1,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wisdom_core::id::{IdSourceExt as _, ManualIds};

    use super::*;

    const START: Timestamp = Timestamp::EPOCH;

    fn user(seed: u64) -> UserId {
        ManualIds::new(seed).id()
    }

    fn offer(token: u8) -> Offer {
        Offer {
            role: Role::Member,
            by: user(1),
            token_hash: [token; 32],
        }
    }

    fn invitation() -> Invitation {
        let email = EmailAddress::parse("grace@acme.example").unwrap();
        Invitation::first(
            ManualIds::new(7).id(),
            email,
            &offer(0),
            &InvitationPolicy::default(),
            START,
        )
    }

    fn changed(step: Result<Step, TenancyError>) -> Invitation {
        match step {
            Ok(Step::Changed(invitation)) => invitation,
            other => panic!("{other:?}"),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn it_ends_exactly_at_its_end() {
        let invitation = invitation();
        let end = 7 * 86_400;
        assert_eq!(invitation.status(at(end - 1)), InvitationStatus::Pending);
        assert_eq!(invitation.status(at(end)), InvitationStatus::Expired);
        assert!(matches!(
            invitation.accept(user(2), at(end)),
            Err(TenancyError::InvitationExpired)
        ));
        assert!(matches!(
            invitation.decline(at(end)),
            Err(TenancyError::InvitationExpired)
        ));
        assert_eq!(changed(invitation.revoke()).state, InvitationState::Revoked);
        let revived = invitation
            .send_again(&offer(1), &InvitationPolicy::default(), at(end))
            .unwrap();
        assert_eq!(
            (revived.id, revived.status(at(end))),
            (invitation.id, InvitationStatus::Pending)
        );
    }

    #[test]
    fn accepting_twice_is_once_and_for_one_person() {
        let accepted = changed(invitation().accept(user(2), at(1)));
        assert_eq!((accepted.accepted_by, accepted.version), (Some(user(2)), 2));
        assert_eq!(accepted.accept(user(2), at(10 * 86_400)).unwrap(), Step::Already);
        assert!(matches!(
            accepted.accept(user(3), at(1)),
            Err(TenancyError::InvitationGone)
        ));
        assert!(matches!(
            accepted.decline(at(1)),
            Err(TenancyError::InvitationGone)
        ));
        assert!(matches!(accepted.revoke(), Err(TenancyError::InvitationGone)));
        let again = accepted.send_again(&offer(1), &InvitationPolicy::default(), at(1));
        assert!(matches!(again, Err(TenancyError::InvitationGone)));
    }

    #[test]
    fn what_is_declined_or_revoked_stays_so() {
        for closed in [
            changed(invitation().decline(at(1))),
            changed(invitation().revoke()),
        ] {
            assert!(matches!(
                closed.accept(user(2), at(2)),
                Err(TenancyError::InvitationGone)
            ));
        }
        assert_eq!(
            changed(invitation().decline(at(1))).decline(at(2)).unwrap(),
            Step::Already
        );
        assert_eq!(changed(invitation().revoke()).revoke().unwrap(), Step::Already);
    }

    #[test]
    fn the_sixth_mail_of_a_day_waits_for_the_next() {
        let policy = InvitationPolicy::default();
        let mut invitation = invitation();
        for mail in 2..=5 {
            invitation = invitation
                .send_again(&offer(mail), &policy, at(u64::from(mail) * 60))
                .unwrap();
        }
        match invitation.send_again(&offer(6), &policy, at(3_600)) {
            Err(TenancyError::InvitationTooMany { retry_after }) => {
                assert_eq!(retry_after, Duration::from_secs(86_400 - 3_600));
            }
            other => panic!("{other:?}"),
        }
        let next_day = invitation.send_again(&offer(7), &policy, at(86_400)).unwrap();
        assert_eq!((next_day.sends, next_day.sent_since), (1, at(86_400)));
    }

    #[test]
    fn sending_again_replaces_token_end_and_role_only() {
        let before = invitation();
        let again = Offer {
            role: Role::Admin,
            by: user(9),
            token_hash: [9; 32],
        };
        let after = before
            .send_again(&again, &InvitationPolicy::default(), at(60))
            .unwrap();
        assert_eq!(
            (after.id, &after.email, after.created_at),
            (before.id, &before.email, before.created_at)
        );
        assert_eq!(
            (after.role, after.invited_by, after.token_hash),
            (Role::Admin, user(9), [9; 32])
        );
        assert_eq!((after.expires_at, after.version), (at(60 + 7 * 86_400), 2));
    }

    #[derive(Debug, Clone, Copy)]
    enum Act {
        Accept(u64),
        Decline,
        Revoke,
        Send,
        Wait(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (2_u64..4).prop_map(Act::Accept),
            Just(Act::Decline),
            Just(Act::Revoke),
            Just(Act::Send),
            Just(Act::Send),
            (0_u64..200_000).prop_map(Act::Wait),
        ]
    }

    proptest! {
        /// However it is used: an answer is final, versions count up by one, and no day of counting sees more mails than
        /// allowed.
        #[test]
        fn every_life_keeps_the_rules(acts in prop::collection::vec(act(), 0..60)) {
            let policy = InvitationPolicy::default();
            let mut invitation = invitation();
            let mut seconds = 0;
            let mut mails = vec![0_u64];
            for act in acts {
                let now = at(seconds);
                let step = match act {
                    Act::Wait(more) => { seconds += more; continue; }
                    Act::Accept(who) => invitation.accept(user(who), now),
                    Act::Decline => invitation.decline(now),
                    Act::Revoke => invitation.revoke(),
                    Act::Send => invitation.send_again(&offer(1), &policy, now).map(Step::Changed),
                };
                let Ok(Step::Changed(next)) = step else { continue };
                prop_assert_eq!(invitation.state, InvitationState::Pending);
                prop_assert_eq!(next.version, invitation.version + 1);
                prop_assert_eq!(next.accepted_by.is_some(), next.state == InvitationState::Accepted);
                if matches!(act, Act::Send) {
                    mails.push(seconds);
                    let counted = mails.iter().filter(|m| at(**m) >= next.sent_since).count();
                    prop_assert!(counted <= 5, "{mails:?}");
                }
                invitation = next;
            }
        }
    }
}
