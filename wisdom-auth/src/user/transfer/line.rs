//! One line of an export: our own form and those of other services, read into one.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisdom_core::secret::SecretText;
use wisdom_core::value::{DisplayName, EmailAddress};

use crate::password::FirebaseProject;

/// Most bytes of a line.
pub const MAX_LINE: usize = 64 * 1024;

/// Whose export it is.
#[derive(Debug, Clone)]
pub enum UserFormat {
    /// Our own: [`UserLine`].
    Wisdom,
    /// Rows of Supabase's `auth.users`.
    Supabase,
    /// Auth0's export of users, with `passwordHash` where it was asked for.
    Auth0,
    /// Users of `firebase auth:export`, one a line, with the project's parameters for their hashes.
    Firebase(FirebaseProject),
}

/// A user as our own export writes it and our import reads it, one JSON object a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserLine {
    /// The address.
    pub email: String,
    /// Whether the address was proven.
    #[serde(default)]
    pub email_verified: bool,
    /// The name; without one it is the address up to the `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the user may not sign in.
    #[serde(default)]
    pub disabled: bool,
    /// The hash of the password, in one of the forms that can be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<SecretText>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct LineProblem {
    /// The field, in the words of our own form; `line` for the whole.
    pub field: &'static str,
    /// The rule it breaks. Never shows the value.
    pub rule: String,
}

impl LineProblem {
    pub(super) fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self {
            field,
            rule: rule.into(),
        }
    }
}

/// A line that was read and can be stored.
#[derive(Debug, Clone)]
pub struct ReadUser {
    /// The address.
    pub email: EmailAddress,
    /// The name.
    pub display_name: DisplayName,
    /// Whether the address was proven.
    pub verified: bool,
    /// Whether the user may not sign in.
    pub disabled: bool,
    /// The hash of the password.
    pub hash: Option<SecretText>,
}

impl UserFormat {
    /// Reads a line.
    ///
    /// # Errors
    /// [`LineProblem`] with the first rule it breaks.
    pub fn read(&self, line: &str) -> Result<ReadUser, LineProblem> {
        if line.len() > MAX_LINE {
            return Err(LineProblem::new("line", "is longer than 64 KiB"));
        }
        // The parser's own words can hold pieces of the line, so only the place is told.
        let no_json = |e: serde_json::Error| {
            LineProblem::new("line", format!("is no JSON of this form (column {})", e.column()))
        };
        let own = match self {
            Self::Wisdom => serde_json::from_str(line).map_err(no_json)?,
            other => {
                let value: Value = serde_json::from_str(line).map_err(no_json)?;
                match other {
                    Self::Supabase => supabase(&value)?,
                    Self::Auth0 => auth0(&value),
                    Self::Firebase(project) => firebase(&value, project)?,
                    Self::Wisdom => return Err(LineProblem::new("line", "is of another form")),
                }
            }
        };
        check(own)
    }
}

fn check(line: UserLine) -> Result<ReadUser, LineProblem> {
    let email = EmailAddress::parse(&line.email).map_err(|e| LineProblem::new("email", e.to_string()))?;
    let name = line.display_name.filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| email.as_str().split('@').next().unwrap_or_default().to_owned());
    let display_name =
        DisplayName::parse(&name).map_err(|e| LineProblem::new("display_name", e.to_string()))?;
    Ok(ReadUser {
        email,
        display_name,
        verified: line.email_verified,
        disabled: line.disabled,
        hash: line.password_hash.filter(|hash| !hash.expose().is_empty()),
    })
}

fn text(value: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(value, |value, name| value.get(name))?;
    found.as_str().map(str::to_owned)
}

fn truth(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn is_set(value: &Value, name: &str) -> bool {
    value
        .get(name)
        .is_some_and(|v| !v.is_null() && v.as_str() != Some(""))
}

fn first_text(value: &Value, paths: &[&[&str]]) -> Option<String> {
    paths.iter().find_map(|path| text(value, path))
}

fn supabase(row: &Value) -> Result<UserLine, LineProblem> {
    if is_set(row, "deleted_at") {
        return Err(LineProblem::new("deleted_at", "says that the user was deleted"));
    }
    Ok(UserLine {
        email: text(row, &["email"]).unwrap_or_default(),
        email_verified: is_set(row, "email_confirmed_at") || is_set(row, "confirmed_at"),
        display_name: first_text(
            row,
            &[
                &["raw_user_meta_data", "full_name"],
                &["raw_user_meta_data", "name"],
                &["raw_user_meta_data", "display_name"],
            ],
        ),
        // When a ban ends is not kept: whoever lifts it here decides.
        disabled: is_set(row, "banned_until"),
        password_hash: text(row, &["encrypted_password"]).map(SecretText::from),
    })
}

fn auth0(user: &Value) -> UserLine {
    let hash: &[&[&str]] = &[
        &["passwordHash"],
        &["password_hash"],
        &["custom_password_hash", "hash", "value"],
    ];
    UserLine {
        email: text(user, &["email"]).unwrap_or_default(),
        email_verified: truth(user, "email_verified"),
        display_name: first_text(user, &[&["name"], &["nickname"]]).filter(|name| !name.contains('@')),
        disabled: truth(user, "blocked"),
        password_hash: first_text(user, hash).map(SecretText::from),
    }
}

fn firebase(user: &Value, project: &FirebaseProject) -> Result<UserLine, LineProblem> {
    let hash = match (text(user, &["passwordHash"]), text(user, &["salt"])) {
        (Some(hash), Some(salt)) if !hash.is_empty() => {
            let broken = || {
                LineProblem::new(
                    "password_hash",
                    "hash, salt or the project's parameters are not right",
                )
            };
            Some(SecretText::from(project.hash(&salt, &hash).ok_or_else(broken)?))
        }
        _ => None,
    };
    Ok(UserLine {
        email: text(user, &["email"]).unwrap_or_default(),
        email_verified: truth(user, "emailVerified"),
        display_name: text(user, &["displayName"]),
        disabled: truth(user, "disabled"),
        password_hash: hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO";

    fn project() -> FirebaseProject {
        FirebaseProject {
            signer_key: SecretText::from(
                "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
                    .to_owned(),
            ),
            salt_separator: "Bw==".to_owned(),
            rounds: 8,
            memory_cost: 14,
        }
    }

    #[test]
    fn each_form_is_read() {
        let lines = [
            (
                UserFormat::Wisdom,
                format!(r#"{{"email":"Ada@example.com","email_verified":true,"display_name":"Ada","password_hash":"{BCRYPT}"}}"#),
            ),
            (
                UserFormat::Supabase,
                format!(
                    r#"{{"id":"x","email":"Ada@example.com","encrypted_password":"{BCRYPT}","email_confirmed_at":"2024-01-01T00:00:00Z",
                    "banned_until":null,"deleted_at":null,"raw_user_meta_data":{{"full_name":"Ada"}}}}"#
                ),
            ),
            (
                UserFormat::Auth0,
                format!(
                    r#"{{"_id":{{"$oid":"1"}},"email":"Ada@example.com","email_verified":true,"name":"Ada","passwordHash":"{BCRYPT}"}}"#
                ),
            ),
            (
                UserFormat::Firebase(project()),
                r#"{"localId":"1","email":"Ada@example.com","emailVerified":true,"displayName":"Ada","salt":"42xEC+ixf3L2lw==",
                "passwordHash":"lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="}"#
                    .to_owned(),
            ),
        ];
        for (format, line) in lines {
            let read = format.read(&line).unwrap();
            assert_eq!(
                (
                    read.email.as_str(),
                    read.display_name.as_str(),
                    read.verified,
                    read.disabled
                ),
                ("Ada@example.com", "Ada", true, false)
            );
            assert!(read.hash.unwrap().expose().starts_with('$'));
        }
    }

    #[test]
    fn users_without_a_password_or_name_are_read() {
        let read = UserFormat::Supabase
            .read(r#"{"email":"ada@example.com","encrypted_password":"","banned_until":"2099-01-01"}"#)
            .unwrap();
        assert_eq!(read.display_name.as_str(), "ada");
        assert!(read.hash.is_none() && read.disabled && !read.verified);
    }

    #[test]
    fn bad_lines_are_named_by_field_and_never_shown() {
        for (format, line, field) in [
            (UserFormat::Wisdom, "", "line"),
            (UserFormat::Wisdom, "[]", "line"),
            (
                UserFormat::Wisdom,
                r#"{"email":"a@example.com","admin":true}"#,
                "line",
            ),
            (UserFormat::Wisdom, r#"{"email":"s3cret"}"#, "email"),
            (UserFormat::Wisdom, r#"{"email":["a@example.com"]}"#, "line"),
            (UserFormat::Auth0, r#"{"email":["a@example.com"]}"#, "email"),
            (UserFormat::Auth0, "{}", "email"),
            (
                UserFormat::Supabase,
                r#"{"email":"a@example.com","deleted_at":"2024"}"#,
                "deleted_at",
            ),
            (
                UserFormat::Firebase(project()),
                r#"{"email":"a@example.com","passwordHash":"s3cret","salt":"!"}"#,
                "password_hash",
            ),
        ] {
            let problem = format.read(line).unwrap_err();
            assert_eq!(problem.field, field, "{line}");
            assert!(!problem.to_string().contains("s3cret"), "{problem}");
        }
        let long = format!(
            r#"{{"email":"a@example.com","display_name":"{}"}}"#,
            "x".repeat(MAX_LINE)
        );
        assert_eq!(UserFormat::Wisdom.read(&long).unwrap_err().field, "line");
    }
}
