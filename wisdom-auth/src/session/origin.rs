//! From where a session is used, so that its user can tell one from another.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most characters of what a client calls itself.
pub const MAX_AGENT: usize = 256;

/// From where a session began, or was refreshed. Shown to the session's user, and to nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The address the request came from, as far as configured proxies can be trusted. None where the door knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What the client called itself: at most 256 characters, none of them invisible. Nobody has checked it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
}

impl Origin {
    /// From what a request says; the agent is cleaned and cut.
    #[must_use]
    pub fn new(address: Option<IpAddr>, agent: &str) -> Self {
        Self {
            address,
            agent: printable(agent, MAX_AGENT),
        }
    }
}

/// A text without what is invisible or moves text around, cut to so many characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let visible = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'));
    visible.take(most).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_cut_and_cleaned() {
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let told = Origin::new(address, " Firefox\r\n on \u{202e}Linux ");
        assert_eq!((told.address, told.agent.as_str()), (address, "Firefox on Linux"));
        let long = Origin::new(None, &"é".repeat(300));
        assert_eq!(long.agent.chars().count(), MAX_AGENT);
        assert_eq!(serde_json::to_string(&Origin::default()).unwrap(), "{}");
    }
}
