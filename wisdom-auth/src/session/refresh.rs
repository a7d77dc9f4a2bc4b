//! What a presented refresh token does to its session: the rules, without storage.

use std::time::Duration;

use thiserror::Error;
use wisdom_core::policy::Policy;
use wisdom_core::time::Timestamp;

use super::{RevokeReason, Session, SessionEnd};

/// Lives of sessions and grace for refresh tokens that come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPolicy {
    idle: Duration,
    absolute: Duration,
    window: Duration,
    max_replays: u16,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            idle: Duration::from_secs(14 * DAY),
            absolute: Duration::from_secs(90 * DAY),
            window: Duration::from_secs(10),
            max_replays: 5,
        }
    }
}

impl Policy for RefreshPolicy {}

/// A figure of the refresh policy is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RefreshPolicyError {
    /// The idle end must lie after 15 minutes, and not after the absolute end, which lies within 400 days.
    #[error("a session must end after 15 minutes or more without use, and within 400 days whatever happens")]
    Lives,
    /// 0 to 60 seconds.
    #[error("the window for parallel refreshes must be 0 to 60 seconds")]
    Window,
    /// 0 to 50.
    #[error("a spent refresh token may be answered again at most 50 times")]
    Replays,
}

impl RefreshPolicy {
    /// Other lives: a session ends `idle` after its last refresh (default 14 days) and `absolute` after sign-in
    /// (default 90 days), whichever comes first.
    ///
    /// # Errors
    /// [`RefreshPolicyError::Lives`].
    pub fn lives(mut self, idle: Duration, absolute: Duration) -> Result<Self, RefreshPolicyError> {
        const SHORTEST: Duration = Duration::from_secs(15 * 60);
        const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);
        if idle < SHORTEST || idle > absolute || absolute > LONGEST {
            return Err(RefreshPolicyError::Lives);
        }
        (self.idle, self.absolute) = (idle, absolute);
        Ok(self)
    }

    /// Another grace: for how long the token of the generation before is answered again whatever happened (default
    /// 10 s, for parallel tabs, of which any number may come; 0 is strict), and how often after that while its successor
    /// was not seen (default 5, for answers that were lost).
    ///
    /// With a window of 0, clients that refresh from more than `max_replays + 1` places at the same moment lose their
    /// session.
    ///
    /// # Errors
    /// [`RefreshPolicyError::Window`] or [`RefreshPolicyError::Replays`].
    pub fn grace(mut self, window: Duration, max_replays: u16) -> Result<Self, RefreshPolicyError> {
        if window > Duration::from_secs(60) {
            return Err(RefreshPolicyError::Window);
        }
        if max_replays > 50 {
            return Err(RefreshPolicyError::Replays);
        }
        (self.window, self.max_replays) = (window, max_replays);
        Ok(self)
    }

    /// How long a session lives without a refresh.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// How long a session lives whatever happens.
    #[must_use]
    pub const fn absolute(&self) -> Duration {
        self.absolute
    }

    /// For how long a spent token is answered again although its successor was seen, and uncounted.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// How often a spent token is answered again beyond the window.
    #[must_use]
    pub const fn max_replays(&self) -> u16 {
        self.max_replays
    }

    /// Whether parallel calls may still cross with the one that began the session's generation.
    fn in_window(&self, session: &Session, now: Timestamp) -> bool {
        !self.window.is_zero() && now.since(session.generation_at) <= self.window
    }
}

/// What to do about a presented refresh token whose message code is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// It is the current one: a new generation begins.
    Rotate,
    /// It is the one before and its answer was lost, or parallel calls crossed: the current one is given out again.
    Replay,
    /// It is a spent one, so somebody else has it: the session ends.
    Reuse,
    /// It is one that this database never gave out, because it was restored to an earlier time: the session ends, and
    /// nobody is accused.
    Ahead,
    /// The session has ended before.
    Ended(SessionEnd),
}

/// Decides about a token of this generation at this time.
///
/// | presented | and | decision |
/// |---|---|---|
/// | any | session revoked or past an end | ended |
/// | above the current generation | | ahead |
/// | the current generation | | rotate |
/// | the one before | within the window | replay, not counted |
/// | the one before | the current one was never seen in use, at most `max_replays` answers | replay |
/// | any other | | reuse |
#[must_use]
pub fn decide(session: &Session, presented: i64, now: Timestamp, policy: &RefreshPolicy) -> RefreshDecision {
    if let Some(end) = session.end(now) {
        return RefreshDecision::Ended(end);
    }
    if presented > session.generation {
        return RefreshDecision::Ahead;
    }
    if presented == session.generation {
        return RefreshDecision::Rotate;
    }
    let spent_last = presented > 0 && presented == session.generation - 1;
    let lost = !session.confirmed && session.replays < i32::from(policy.max_replays);
    if spent_last && (policy.in_window(session, now) || lost) {
        RefreshDecision::Replay
    } else {
        RefreshDecision::Reuse
    }
}

/// The session after the decision, or `None` when nothing changes.
#[must_use]
pub fn apply(
    session: &Session,
    decision: RefreshDecision,
    now: Timestamp,
    policy: &RefreshPolicy,
) -> Option<Session> {
    let mut next = session.clone();
    match decision {
        RefreshDecision::Rotate => {
            next.generation += 1;
            next.generation_at = now;
            next.confirmed = false;
            next.replays = 0;
            next.idle_until = now.saturating_add(policy.idle).min(session.absolute_until);
        }
        // Many tabs of one browser are as honest as two, and whoever has the token gains nothing by asking twice.
        RefreshDecision::Replay => next.replays += i32::from(!policy.in_window(session, now)),
        RefreshDecision::Reuse => next.revoked = Some((now, RevokeReason::Reuse)),
        RefreshDecision::Ahead => next.revoked = Some((now, RevokeReason::Ahead)),
        RefreshDecision::Ended(_) => return None,
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wisdom_core::id::{SessionId, UserId};

    use super::*;
    use crate::session::origin::Origin;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + seconds).unwrap()
    }

    fn session(generation: i64, confirmed: bool, replays: i32) -> Session {
        Session {
            id: SessionId::from_uuid(uuid::Uuid::from_u128(1)),
            user: UserId::from_uuid(uuid::Uuid::from_u128(2)),
            tenant: None,
            label: String::new(),
            begun_from: Origin::default(),
            refreshed_from: Origin::default(),
            generation,
            generation_at: at(0),
            confirmed,
            replays,
            sealed_key: Vec::new(),
            authenticated_at: at(-100),
            second_factor_at: None,
            idle_until: at(1_000),
            absolute_until: at(2_000),
            revoked: None,
            created_at: at(-100),
            version: 1,
        }
    }

    #[test]
    fn the_table_holds_line_by_line() {
        use RefreshDecision::{Ahead, Ended, Replay, Reuse, Rotate};
        let default = RefreshPolicy::default();
        let strict = default.grace(Duration::ZERO, 5).unwrap();
        let revoked = Session {
            revoked: Some((at(1), RevokeReason::LogOut)),
            ..session(3, false, 0)
        };
        for (name, session, presented, seconds, policy, expected) in [
            ("current", session(3, false, 0), 3, 1, default, Rotate),
            (
                "current, long after",
                session(3, true, 5),
                3,
                999,
                default,
                Rotate,
            ),
            ("lost answer", session(3, false, 0), 2, 999, default, Replay),
            (
                "lost answer, strict",
                session(3, false, 4),
                2,
                999,
                strict,
                Replay,
            ),
            (
                "lost answer, too often",
                session(3, false, 5),
                2,
                11,
                default,
                Reuse,
            ),
            (
                "lost answer, strict, too often",
                session(3, false, 5),
                2,
                0,
                strict,
                Reuse,
            ),
            ("parallel tabs", session(3, true, 0), 2, 10, default, Replay),
            ("parallel tabs, many", session(3, true, 5), 2, 10, default, Replay),
            ("parallel tabs, strict", session(3, true, 0), 2, 0, strict, Reuse),
            ("window passed", session(3, true, 0), 2, 11, default, Reuse),
            ("two behind", session(3, false, 0), 1, 0, default, Reuse),
            ("no generation at all", session(1, false, 0), 0, 0, default, Reuse),
            ("ahead", session(3, false, 0), 4, 1, default, Ahead),
            (
                "revoked",
                revoked.clone(),
                3,
                2,
                default,
                Ended(SessionEnd::Revoked(RevokeReason::LogOut)),
            ),
            (
                "revoked, ahead",
                revoked,
                4,
                2,
                default,
                Ended(SessionEnd::Revoked(RevokeReason::LogOut)),
            ),
            (
                "idle end",
                session(3, false, 0),
                3,
                1_000,
                default,
                Ended(SessionEnd::Expired),
            ),
            ("before idle end", session(3, false, 0), 3, 999, default, Rotate),
        ] {
            assert_eq!(
                decide(&session, presented, at(seconds), &policy),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_rotation_never_extends_the_absolute_end() {
        let policy = RefreshPolicy::default();
        let next = apply(&session(1, true, 3), RefreshDecision::Rotate, at(10), &policy).unwrap();
        assert_eq!((next.generation, next.confirmed, next.replays), (2, false, 0));
        assert_eq!((next.idle_until, next.absolute_until), (at(2_000), at(2_000)));
        let short = policy
            .lives(Duration::from_secs(900), Duration::from_secs(2_100))
            .unwrap();
        let next = apply(&session(1, true, 3), RefreshDecision::Rotate, at(10), &short).unwrap();
        assert_eq!(next.idle_until, at(910));
    }

    #[test]
    fn figures_out_of_bounds_are_refused() {
        let policy = RefreshPolicy::default();
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(
            policy.lives(minutes(14), minutes(60)),
            Err(RefreshPolicyError::Lives)
        );
        assert_eq!(
            policy.lives(minutes(61), minutes(60)),
            Err(RefreshPolicyError::Lives)
        );
        assert_eq!(
            policy.lives(minutes(60), minutes(401 * 24 * 60)),
            Err(RefreshPolicyError::Lives)
        );
        assert_eq!(
            policy.grace(Duration::from_secs(61), 5),
            Err(RefreshPolicyError::Window)
        );
        assert_eq!(policy.grace(Duration::ZERO, 51), Err(RefreshPolicyError::Replays));
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Present the token of this many generations before the newest that was given out.
        Present(i64),
        /// An access token of the current generation is seen.
        See,
        /// Time passes.
        Wait(u16),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Present(0)),
            3 => Just(Step::Present(1)),
            1 => (2_i64..5).prop_map(Step::Present),
            1 => Just(Step::Present(-1)),
            2 => Just(Step::See),
            2 => (0_u16..30).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 1..40)
    }

    /// The rules again, kept as a history of what was given out instead of counters in a row.
    #[derive(Debug, Default)]
    struct Model {
        /// When each generation began, and whether it was seen in use, from the first on.
        given: Vec<(i64, bool)>,
        answers_again: u16,
        dead: bool,
    }

    impl Model {
        fn present(&mut self, generation: i64, now: i64, policy: &RefreshPolicy) -> &'static str {
            let newest = i64::try_from(self.given.len()).unwrap();
            if self.dead {
                return "ended";
            }
            if generation > newest {
                self.dead = true;
                return "ahead";
            }
            if generation == newest {
                if let Some(last) = self.given.last_mut() {
                    last.1 = true;
                }
                self.given.push((now, false));
                self.answers_again = 0;
                return "rotate";
            }
            let (began, seen) = *self.given.last().unwrap();
            let window = i64::try_from(policy.window().as_secs()).unwrap();
            let in_window = window > 0 && now - began <= window;
            let again = generation == newest - 1 && generation > 0;
            if again && in_window {
                return "replay";
            }
            if again && !seen && self.answers_again < policy.max_replays() {
                self.answers_again += 1;
                return "replay";
            }
            self.dead = true;
            "reuse"
        }
    }

    proptest! {
        #[test]
        fn any_history_follows_the_model(steps in steps(), window in 0_u64..20, replays in 0_u16..6) {
            let policy = RefreshPolicy::default().grace(Duration::from_secs(window), replays).unwrap();
            let mut row = Session { idle_until: at(1 << 30), absolute_until: at(1 << 30), ..session(1, false, 0) };
            let mut model = Model { given: vec![(0, false)], ..Model::default() };
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Wait(seconds) => now += i64::from(seconds),
                    Step::See => {
                        row.confirmed = true;
                        model.given.last_mut().unwrap().1 = true;
                    }
                    Step::Present(behind) => {
                        let generation = row.generation - behind;
                        let decision = decide(&row, generation, at(now), &policy);
                        let told = match decision {
                            RefreshDecision::Rotate => "rotate",
                            RefreshDecision::Replay => "replay",
                            RefreshDecision::Reuse => "reuse",
                            RefreshDecision::Ahead => "ahead",
                            RefreshDecision::Ended(_) => "ended",
                        };
                        prop_assert_eq!(told, model.present(generation, now, &policy));
                        if let Some(next) = apply(&row, decision, at(now), &policy) {
                            prop_assert!(next.generation >= row.generation);
                            prop_assert!(next.absolute_until == row.absolute_until);
                            row = next;
                        }
                    }
                }
                prop_assert_eq!(row.generation, i64::try_from(model.given.len()).unwrap());
                prop_assert_eq!(row.revoked.is_some(), model.dead);
            }
        }
    }
}
