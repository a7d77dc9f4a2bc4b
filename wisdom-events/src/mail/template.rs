//! Filling a mail's text in: `{name}` stands where a parameter goes.

use std::collections::BTreeMap;

use super::texts::TEMPLATES;
use super::{MailError, MailPolicy};

/// Longest parameter in a mail, in characters; more is cut.
const MAX_VALUE: usize = 200;
/// Longest token, in bytes.
const MAX_TOKEN: usize = 256;

/// One mail's text. Public so that an embedder can see what each needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its name in a request.
    pub name: &'static str,
    /// The parameters it needs.
    pub parameters: &'static [&'static str],
    /// The page below the application's address that its link leads to. The token goes into the fragment, which no
    /// browser sends, so that it is in no server's log and no `Referer`.
    pub page: Option<&'static str>,
    /// Subject.
    pub subject: &'static str,
    /// Body. `{link}` and `{app_url}` are there for every template.
    pub text: &'static str,
}

/// A mail's text with everything filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject.
    pub subject: String,
    /// Body.
    pub text: String,
}

/// Bodies hold tokens, so nothing is printed.
impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered").finish_non_exhaustive()
    }
}

/// Fills a template in.
///
/// # Errors
/// [`MailError`] when there is no such template, or a parameter is missing or bad.
pub fn render(
    name: &str,
    parameters: &BTreeMap<String, String>,
    policy: &MailPolicy,
) -> Result<Rendered, MailError> {
    let template = TEMPLATES
        .iter()
        .find(|template| template.name == name)
        .ok_or_else(|| MailError::UnknownTemplate(clean(name)))?;
    let mut values = BTreeMap::new();
    for &parameter in template.parameters {
        let value = parameters.get(parameter).ok_or(MailError::MissingParameter {
            template: template.name,
            parameter,
        })?;
        let value = if parameter == "token" {
            token(template.name, value)?.to_owned()
        } else {
            clean(value)
        };
        values.insert(parameter, value);
    }
    let app_url = policy.app_url.trim_end_matches('/');
    if app_url.is_empty() {
        return Err(MailError::NotConfigured("app_url"));
    }
    if let Some(page) = template.page {
        let token = values.get("token").map(String::as_str).unwrap_or_default();
        let link = format!("{app_url}/{page}#token={token}");
        values.insert("link", link);
    }
    values.insert("app_url", app_url.to_owned());
    Ok(Rendered {
        subject: fill(template.name, template.subject, &values)?,
        text: fill(template.name, template.text, &values)?,
    })
}

/// Puts the values in, in one pass: a value that looks like a placeholder stays as it is.
fn fill(
    template: &'static str,
    text: &'static str,
    values: &BTreeMap<&'static str, String>,
) -> Result<String, MailError> {
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (parameter, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(
            values
                .get(parameter)
                .ok_or(MailError::MissingParameter { template, parameter })?,
        );
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// One line of at most [`MAX_VALUE`] characters: no value adds lines to a mail.
fn clean(value: &str) -> String {
    value
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .take(MAX_VALUE)
        .collect()
}

/// A token goes into a link, so it is only made of characters that need no encoding there.
fn token<'a>(template: &'static str, value: &'a str) -> Result<&'a str, MailError> {
    let good = (1..=MAX_TOKEN).contains(&value.len())
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if good {
        Ok(value)
    } else {
        Err(MailError::BadToken { template })
    }
}

#[cfg(test)]
mod tests {
    use wisdom_core::value::EmailAddress;

    use super::*;

    fn policy(app_url: &str) -> MailPolicy {
        MailPolicy {
            from: Some(EmailAddress::parse("noreply@acme.test").unwrap()),
            app_url: app_url.to_owned(),
        }
    }

    fn with(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn invitation(tenant: &str, token: &str) -> BTreeMap<String, String> {
        with(&[
            ("tenant_name", tenant),
            ("inviter", "Ada"),
            ("role", "admin"),
            ("token", token),
        ])
    }

    #[test]
    fn every_template_fills_with_its_parameters_and_not_without() {
        for template in TEMPLATES {
            let all: BTreeMap<_, _> = template
                .parameters
                .iter()
                .map(|p| ((*p).to_owned(), "x1".to_owned()))
                .collect();
            let rendered = render(template.name, &all, &policy("https://app.acme.test")).unwrap();
            assert!(!rendered.text.contains(['{', '}']), "{}", template.name);
            assert!(!rendered.subject.contains(['{', '}']), "{}", template.name);
            for missing in template.parameters {
                let mut less = all.clone();
                less.remove(*missing);
                let expected = MailError::MissingParameter {
                    template: template.name,
                    parameter: missing,
                };
                assert_eq!(
                    render(template.name, &less, &policy("https://app.acme.test")),
                    Err(expected)
                );
            }
        }
        let unknown = render("no.such", &BTreeMap::new(), &policy("https://app.acme.test"));
        assert_eq!(unknown, Err(MailError::UnknownTemplate("no.such".to_owned())));
    }

    #[test]
    fn links_come_from_the_configured_address_with_the_token_in_the_fragment() {
        for (app_url, link) in [
            (
                "https://app.acme.test",
                "https://app.acme.test/accept-invitation#token=inv_Ab1",
            ),
            (
                "https://acme.test/app/",
                "https://acme.test/app/accept-invitation#token=inv_Ab1",
            ),
        ] {
            let rendered = render(
                "tenancy.invitation",
                &invitation("Acme", "inv_Ab1"),
                &policy(app_url),
            )
            .unwrap();
            assert!(
                rendered.text.lines().any(|line| line == link),
                "{}",
                rendered.text
            );
            assert!(rendered.text.lines().any(|line| line == "Token: inv_Ab1"));
            assert_eq!(rendered.subject, "Invitation to Acme");
        }
    }

    #[test]
    fn values_add_neither_lines_nor_placeholders() {
        let nasty = "A{token}\r\nToken: evil\u{2028}\0{nope}";
        let rendered = render(
            "tenancy.invitation",
            &invitation(nasty, "t0"),
            &policy("https://app.acme.test"),
        )
        .unwrap();
        assert_eq!(rendered.subject, "Invitation to A{token}  Token: evil  {nope}");
        assert_eq!(
            rendered
                .text
                .lines()
                .filter(|line| line.starts_with("Token: "))
                .count(),
            1
        );
    }

    #[test]
    fn a_token_that_could_change_a_link_is_refused() {
        for bad in ["", "a b", "a\nb", "a&b=c", "a#b", "a/b", "ä", &"x".repeat(257)] {
            let rendered = render(
                "tenancy.invitation",
                &invitation("Acme", bad),
                &policy("https://app.acme.test"),
            );
            assert_eq!(
                rendered,
                Err(MailError::BadToken {
                    template: "tenancy.invitation"
                }),
                "{bad:?}"
            );
        }
    }
}
