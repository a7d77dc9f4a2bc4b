//! Names shown to people.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::ValueError;

/// Most characters (Unicode scalar values after NFC).
const MAX_CHARACTERS: usize = 100;

/// The name of a person, tenant or thing as people read it: 1 to 100 characters in NFC, without white space around it
/// and without characters that are invisible or change the direction of the text around them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayName(String);

impl DisplayName {
    /// Trims, normalises to NFC and checks a name.
    ///
    /// # Errors
    ///
    /// [`ValueError`] with rule `length` or `characters`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        // One more than fits is enough to know, however long the text is.
        let name: String = text.trim().nfc().take(MAX_CHARACTERS + 1).collect();
        if name.is_empty() || name.chars().count() > MAX_CHARACTERS {
            return Err(ValueError::new("length", "must be 1 to 100 characters"));
        }
        if name.chars().any(is_hidden) || !name.chars().any(is_visible) {
            let message = "must have visible characters, and no control, zero-width or direction characters";
            return Err(ValueError::new("characters", message));
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that show nothing themselves and change how others are shown, or are shown differently everywhere.
fn is_hidden(character: char) -> bool {
    // The format category holds the zero-width and direction characters. Listed are those that show nothing although
    // they count as marks, letters or symbols, and tags and unassigned ones that Unicode keeps invisible.
    matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
    ) || matches!(
        character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2065}'
            | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_visible(character: char) -> bool {
    matches!(
        character.general_category_group(),
        GeneralCategoryGroup::Letter
            | GeneralCategoryGroup::Number
            | GeneralCategoryGroup::Punctuation
            | GeneralCategoryGroup::Symbol
    )
}

text_value!(DisplayName, expecting: "a display name", schema: {
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "description": "Name shown to people; no control, zero-width or direction characters",
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_all_scripts_are_taken() {
        for text in [
            "A",
            "Anna Müller",
            "東京タワー",
            "محمد",
            "O’Reilly & Sons, Inc.",
            "❤\u{fe0f}",
            "<b>",
        ] {
            assert_eq!(DisplayName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn names_are_trimmed_and_composed() {
        assert_eq!(DisplayName::parse("  Eva \n").unwrap().as_str(), "Eva");
        assert_eq!(DisplayName::parse("E\u{301}va").unwrap().as_str(), "Éva");
    }

    #[test]
    fn the_limit_counts_characters() {
        assert!(DisplayName::parse(&"é".repeat(100)).is_ok());
        assert!(DisplayName::parse(&"e\u{301}".repeat(100)).is_ok());
        for text in ["", " \t\u{3000}", &"é".repeat(101), &"a".repeat(1_000_000)] {
            assert_eq!(DisplayName::parse(text).unwrap_err().rule, "length");
        }
    }

    #[test]
    fn what_hides_or_turns_text_is_refused() {
        for character in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2065}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{3164}',
            '\u{2800}',
            '\u{e000}',
            '\u{e0041}',
        ] {
            let error = DisplayName::parse(&format!("An{character}na")).unwrap_err();
            assert_eq!(error.rule, "characters", "{:04x}", u32::from(character));
        }
        assert_eq!(
            DisplayName::parse("\u{301}\u{fe0f}").unwrap_err().rule,
            "characters"
        );
    }

    #[test]
    fn json_goes_through_parse() {
        let name: DisplayName = serde_json::from_str("\" Eva \"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"Eva\"");
        assert!(serde_json::from_str::<DisplayName>("\"\"").is_err());
    }

    proptest! {
        #[test]
        fn whatever_parses_is_settled(text in "\\PC{0,110}") {
            if let Ok(name) = DisplayName::parse(&text) {
                prop_assert_eq!(DisplayName::parse(name.as_str()).unwrap(), name);
            }
        }
    }
}
