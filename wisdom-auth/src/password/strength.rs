//! How good a password would be, told while it is being chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::catalogue::Host;
use wisdom_core::context::Caller;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};
use wisdom_core::value::{DisplayName, EmailAddress};
use zeroize::Zeroizing;

use super::pieces::{Piece, pieces};
use super::{PasswordPolicy, PersonalWords, normalise};
use crate::error::AuthError;

/// Bits from which on a password has this many points and one more.
const STEPS: [u32; 4] = [30, 45, 60, 75];

/// Tells how good a password would be, and what is wrong with it. Nothing is stored, and nothing is looked up.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckPassword {
    /// The password that is being chosen.
    pub password: SecretText,
    /// The address of whoever chooses it, which must not be the password.
    pub email: EmailAddress,
    /// Their name, likewise.
    #[serde(default)]
    pub display_name: Option<DisplayName>,
}

/// How good a password would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordStrength {
    /// Whether the policy lets it through.
    pub acceptable: bool,
    /// 0 (guessed at once) to 4 (not guessed in a lifetime). An estimate for a meter; only `acceptable` decides.
    pub score: u8,
    /// The rule it breaks (`length`, `blocked`, `personal`), if it breaks one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The rule in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What would make it better.
    pub advice: Vec<PasswordAdvice>,
}

/// What would make a password better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordAdvice {
    /// More words that have nothing to do with each other.
    AddWords,
    /// It contains words that are tried first.
    AvoidCommonWords,
    /// It contains rows of keys or letters.
    AvoidSequences,
    /// It contains repetitions.
    AvoidRepeats,
    /// It contains a year or a date.
    AvoidYears,
}

impl Operation for CheckPassword {
    const NAME: &'static str = "auth.password.check";
    const SUMMARY: &'static str = "Tells how good a password would be.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Read;
    type Output = PasswordStrength;
    type Error = AuthError;
}

impl<H: Host> Flow<H> for CheckPassword {
    async fn run(&self, host: &H, _caller: &Caller) -> Result<PasswordStrength, AuthError> {
        let policy = host.runner().kit().policies.get::<PasswordPolicy>();
        let person = PersonalWords {
            email: &self.email,
            display_name: self.display_name.as_ref(),
        };
        Ok(strength(&policy, &self.password, person))
    }
}

fn strength(policy: &PasswordPolicy, password: &SecretText, person: PersonalWords<'_>) -> PasswordStrength {
    let broken = policy.check(password, person).err();
    // What is too long to look at gets no points for it.
    let normal = normalise(password).unwrap_or_default();
    let head: Zeroizing<String> =
        Zeroizing::new(normal.chars().take(128).flat_map(char::to_lowercase).collect());
    let all = pieces(&head);
    let points = STEPS.iter().filter(|step| bits(&all) >= **step).count();
    // What the policy refuses is never shown as good.
    let points = if broken.is_some() { points.min(1) } else { points };
    PasswordStrength {
        acceptable: broken.is_none(),
        score: u8::try_from(points).unwrap_or(0),
        rule: broken.map(|weak| weak.rule().to_owned()),
        message: broken.map(|weak| weak.message().to_string()),
        advice: if points == STEPS.len() {
            Vec::new()
        } else {
            advice(&all)
        },
    }
}

fn bits(all: &[Piece]) -> u32 {
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    all.iter()
        .map(|piece| match *piece {
            Piece::Word => 10,
            Piece::Walk(_) => 7,
            Piece::Repeat(_) | Piece::Year => 6,
            Piece::Digits(count) | Piece::Letters(count) => small(count).saturating_mul(3),
            Piece::Single => 5,
            Piece::Sign => 2,
        })
        .fold(0, u32::saturating_add)
}

fn advice(all: &[Piece]) -> Vec<PasswordAdvice> {
    let has = |wanted: fn(&Piece) -> bool| all.iter().any(wanted);
    let parts = [
        (
            has(|p| matches!(p, Piece::Word)),
            PasswordAdvice::AvoidCommonWords,
        ),
        (
            has(|p| matches!(p, Piece::Walk(_))),
            PasswordAdvice::AvoidSequences,
        ),
        (
            has(|p| matches!(p, Piece::Repeat(_))),
            PasswordAdvice::AvoidRepeats,
        ),
        (has(|p| matches!(p, Piece::Year)), PasswordAdvice::AvoidYears),
    ];
    let mut advice: Vec<_> = parts
        .into_iter()
        .filter_map(|(holds, advice)| holds.then_some(advice))
        .collect();
    advice.push(PasswordAdvice::AddWords);
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(password: &str) -> PasswordStrength {
        let email = EmailAddress::parse("anna@example.test").unwrap();
        let person = PersonalWords {
            email: &email,
            display_name: None,
        };
        let password = SecretText::from(password.to_owned());
        strength(&PasswordPolicy::default(), &password, person)
    }

    #[test]
    fn what_the_policy_refuses_is_never_shown_as_good() {
        let short = of("x");
        assert_eq!(
            (short.acceptable, short.score, short.rule.as_deref()),
            (false, 0, Some("length"))
        );
        assert!(short.message.unwrap().contains("15"));
        let common = of("p@ssw0rd1234567890");
        assert_eq!(
            (common.acceptable, common.rule.as_deref()),
            (false, Some("blocked"))
        );
        assert!(common.score <= 1 && common.advice.contains(&PasswordAdvice::AvoidCommonWords));
        let long = of(&"x y".repeat(2_000));
        assert_eq!((long.acceptable, long.rule.as_deref()), (false, Some("length")));
    }

    #[test]
    fn longer_is_never_weaker_and_the_best_needs_no_advice() {
        let mut before = 0;
        let words = ["violet", "harbour", "seven", "lanterns", "without", "engine"];
        for count in 3..=words.len() {
            let strength = of(&words[..count].join(" "));
            assert!(strength.acceptable && strength.score >= before, "{count}");
            before = strength.score;
        }
        assert_eq!(before, 4);
        assert!(of(&words.join(" ")).advice.is_empty());
    }
}
