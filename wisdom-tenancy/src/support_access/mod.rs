//! Whether operators may act for a tenant's members: the tenant's own choice. Its owners close it to operators, open it for
//! some hours when asked, or leave it open.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wisdom_core::time::Timestamp;

mod close;
mod ended;
mod open;
mod set;

pub use close::CloseSupportAccess;
pub use ended::EndedImpersonation;
pub use open::OpenSupportAccess;
pub use set::SetSupportAccess;

/// The longest that access is opened for at once, in hours.
pub const MOST_HOURS: u8 = 72;

/// What a tenant says to operators who want to act for its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SupportMode {
    /// Nobody may.
    Never,
    /// Only for the hours that an owner opened it for.
    #[default]
    Ask,
    /// Whoever is an operator may.
    Always,
}

impl SupportMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Never, Self::Ask, Self::Always];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Ask => "ask",
            Self::Always => "always",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// A tenant's choice about operators who act for its members. Closed until asked, unless somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SupportAccess {
    /// What operators are told.
    pub mode: SupportMode,
    /// Under `ask`: until when an owner opened it last, if they did. May be past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
}

/// Until when an operator who is admitted may act at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// The tenant sets no end.
    Unbounded,
    /// The end of the hours it was opened for.
    Until(Timestamp),
}

/// Why a tenant does not admit operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAdmitted {
    /// Whoever asks.
    #[error("the tenant is closed to operators")]
    Closed,
    /// An owner has to open it first.
    #[error("no owner has opened the tenant to operators")]
    NotGranted,
}

/// It is not for an owner to open: the mode says what holds without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("only a tenant that is asked is opened")]
pub struct NotAsked;

impl SupportAccess {
    /// Whether operators may act for members now.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admit(&self, now: Timestamp) -> Result<Admitted, NotAdmitted> {
        match (self.mode, self.open_until) {
            (SupportMode::Always, _) => Ok(Admitted::Unbounded),
            (SupportMode::Ask, Some(until)) if now < until => Ok(Admitted::Until(until)),
            (SupportMode::Ask, _) => Err(NotAdmitted::NotGranted),
            (SupportMode::Never, _) => Err(NotAdmitted::Closed),
        }
    }

    /// With another mode. What was open under the one before is not any more.
    #[must_use]
    pub fn with_mode(self, mode: SupportMode) -> Self {
        if mode == self.mode {
            return self;
        }
        Self {
            mode,
            open_until: None,
        }
    }

    /// Open for this long from now on, whatever was left of before.
    ///
    /// # Errors
    /// [`NotAsked`] unless the mode is [`SupportMode::Ask`].
    pub fn opened(self, now: Timestamp, life: Duration) -> Result<Self, NotAsked> {
        if self.mode != SupportMode::Ask {
            return Err(NotAsked);
        }
        Ok(Self {
            open_until: Some(now.saturating_add(life)),
            ..self
        })
    }

    /// Not open any more. The mode stays.
    #[must_use]
    pub const fn closed(self) -> Self {
        Self {
            open_until: None,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Set(SupportMode),
        Open(u8),
        Close,
        Wait(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            prop::sample::select(SupportMode::ALL.to_vec()).prop_map(Step::Set),
            (1..=MOST_HOURS).prop_map(Step::Open),
            Just(Step::Close),
            (0..=MOST_HOURS).prop_map(Step::Wait),
        ]
    }

    #[test]
    fn nobody_is_admitted_until_somebody_chose() {
        let access = SupportAccess::default();
        assert_eq!(access.admit(Timestamp::MIN), Err(NotAdmitted::NotGranted));
        for mode in SupportMode::ALL {
            assert_eq!(SupportMode::from_name(mode.as_str()), Some(mode));
        }
        assert_eq!(SupportMode::from_name("maybe"), None);
    }

    #[test]
    fn the_hours_end_on_the_dot() {
        let begin = Timestamp::MIN;
        let access = SupportAccess::default().opened(begin, HOUR).unwrap();
        let end = begin.saturating_add(HOUR);
        let just_before = begin.saturating_add(Duration::from_millis(3_599_999));
        assert_eq!(access.admit(just_before), Ok(Admitted::Until(end)));
        assert_eq!(access.admit(end), Err(NotAdmitted::NotGranted));
    }

    proptest! {
        /// Against all that was ever said, read from its end: only the last mode counts, and under `ask` only an opening
        /// that nothing has ended since.
        #[test]
        fn what_was_said_last_holds(steps in prop::collection::vec(step(), 0..40)) {
            let mut now = Timestamp::MIN;
            let mut access = SupportAccess::default();
            let mut said: Vec<(Step, Timestamp)> = Vec::new();
            for step in steps {
                match step {
                    Step::Set(mode) if mode == access.mode => continue,
                    Step::Set(mode) => access = access.with_mode(mode),
                    Step::Open(hours) => {
                        let opened = access.opened(now, HOUR * u32::from(hours));
                        prop_assert_eq!(opened.is_ok(), access.mode == SupportMode::Ask);
                        let Ok(opened) = opened else { continue };
                        access = opened;
                    }
                    Step::Close => access = access.closed(),
                    Step::Wait(hours) => now = now.saturating_add(HOUR * u32::from(hours)),
                }
                said.push((step, now));
                let mode = said.iter().rev().find_map(|(step, _)| match step {
                    Step::Set(mode) => Some(*mode),
                    _ => None,
                });
                let opening = said.iter().rev().find(|(step, _)| !matches!(step, Step::Wait(_)));
                let open = match opening {
                    Some((Step::Open(hours), at)) => now < at.saturating_add(HOUR * u32::from(*hours)),
                    _ => false,
                };
                let expected = match mode.unwrap_or_default() {
                    SupportMode::Never => Err(NotAdmitted::Closed),
                    SupportMode::Always => Ok(()),
                    SupportMode::Ask if open => Ok(()),
                    SupportMode::Ask => Err(NotAdmitted::NotGranted),
                };
                prop_assert_eq!(access.admit(now).map(|_| ()), expected);
            }
        }
    }
}
