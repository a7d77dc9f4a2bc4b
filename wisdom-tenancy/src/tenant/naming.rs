//! Slugs for tenants whose founder asked for none.

use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::value::{DisplayName, Slug};

/// Crockford's base 32 in lower case: no letter is mistaken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX: usize = 6;
const MAX_SLUG: usize = 63;
/// Stands in for names that leave no Latin letter.
const NAMELESS: &str = "team";

/// The slug to try: the suggested one first, where the name gives one, and then with a random end, of which there are
/// 2^30.
pub(super) fn candidate(
    name: &DisplayName,
    attempt: u32,
    random: &dyn SecureRandom,
) -> Result<Slug, RandomError> {
    let suggested = Slug::suggest(name.as_str());
    if let (0, Some(slug)) = (attempt, &suggested) {
        return Ok(slug.clone());
    }
    let stem = suggested.as_ref().map_or(NAMELESS, Slug::as_str);
    let stem = stem
        .get(..MAX_SLUG - SUFFIX - 1)
        .unwrap_or(stem)
        .trim_end_matches('-');
    let bytes: [u8; SUFFIX] = random.bytes()?;
    let suffix: String = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect();
    Slug::parse(&format!("{stem}-{suffix}")).map_err(RandomError::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wisdom_core::random::ManualRandom;

    use super::*;

    fn name(text: &str) -> DisplayName {
        DisplayName::parse(text).unwrap()
    }

    #[test]
    fn the_suggested_slug_comes_first_and_then_one_with_a_random_end() {
        let random = ManualRandom::new(1);
        assert_eq!(
            candidate(&name("Acme Works"), 0, &random).unwrap().as_str(),
            "acme-works"
        );
        let (one, other) = (
            candidate(&name("Acme Works"), 1, &random).unwrap(),
            candidate(&name("Acme Works"), 2, &random).unwrap(),
        );
        assert!(
            one.as_str().starts_with("acme-works-") && one != other,
            "{one} {other}"
        );
    }

    #[test]
    fn a_name_without_latin_letters_gets_a_slug_too() {
        let slug = candidate(&name("株式会社"), 0, &ManualRandom::new(1)).unwrap();
        assert!(slug.as_str().starts_with("team-"), "{slug}");
    }

    proptest! {
        #[test]
        fn every_name_gets_a_slug_at_every_attempt(text in "\\PC{1,100}", attempt in 0_u32..4, seed: u64) {
            if let Ok(name) = DisplayName::parse(&text) {
                prop_assert!(candidate(&name, attempt, &ManualRandom::new(seed)).is_ok());
            }
        }
    }
}
