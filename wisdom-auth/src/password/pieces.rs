//! What a password is made of, as somebody who guesses sees it: common words, walks over a keyboard, repetitions, years,
//! and what is left.

/// A part of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word that is among the first to be tried, also with signs for letters (`p@ssw0rd`).
    Word,
    /// Neighbours in the alphabet, among digits or on a keyboard, of this many characters.
    Walk(usize),
    /// One character over and over.
    Repeat(usize),
    /// 1900 to 2099.
    Year,
    /// Other digits.
    Digits(usize),
    /// Letters in a row, three or more.
    Letters(usize),
    /// A letter alone, or any other character that is neither a space nor punctuation.
    Single,
    /// A space or a sign.
    Sign,
}

/// The words of long common passwords, in lower case and letters.
const WORDS: [&str; 96] = [
    "password",
    "passwort",
    "passwd",
    "passphrase",
    "motdepasse",
    "contraseña",
    "contrasena",
    "wachtwoord",
    "parola",
    "senha",
    "haslo",
    "heslo",
    "salasana",
    "losenord",
    "geheim",
    "hallo",
    "hello",
    "letmein",
    "welcome",
    "willkommen",
    "changeme",
    "default",
    "guest",
    "test",
    "testing",
    "temp",
    "temporary",
    "iloveyou",
    "loveyou",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "basketball",
    "soccer",
    "hockey",
    "superman",
    "batman",
    "spiderman",
    "ironman",
    "trustno",
    "master",
    "shadow",
    "michael",
    "jennifer",
    "jessica",
    "michelle",
    "daniel",
    "thomas",
    "charlie",
    "andrew",
    "matthew",
    "joshua",
    "ashley",
    "secret",
    "admin",
    "administrator",
    "root",
    "user",
    "login",
    "logon",
    "signin",
    "starwars",
    "pokemon",
    "minecraft",
    "whatever",
    "freedom",
    "computer",
    "internet",
    "mustang",
    "ferrari",
    "mercedes",
    "porsche",
    "chelsea",
    "liverpool",
    "arsenal",
    "barcelona",
    "juventus",
    "summer",
    "winter",
    "spring",
    "autumn",
    "monday",
    "friday",
    "january",
    "december",
    "cheese",
    "cookie",
    "pepper",
    "banana",
    "flower",
    "samsung",
    "google",
    "access",
];

/// Rows and columns that fingers walk along.
const ROWS: [&str; 18] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "1q2w3e4r5t6z7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1qay2wsx3edc4rfv5tgb6zhn7ujm",
    "!@#$%^&*()_+",
    "qazwsxedcrfvtgbyhnujmikolp",
];

const SHORTEST_WALK: usize = 3;
const SHORTEST_REPEAT: usize = 3;
/// So many digits in a row are a number that somebody drew, not one that is added to a word.
pub(super) const LONG_NUMBER: usize = 9;

/// Takes a password apart, the longest piece first at each place. In lower case.
pub(super) fn pieces(password: &str) -> Vec<Piece> {
    let text: Vec<char> = password.chars().collect();
    let plain: Vec<char> = text.iter().map(|c| letter(*c)).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (piece, length) = next(&text[at..], &plain[at..]);
        found.push(piece);
        at += length.max(1);
    }
    found
}

fn next(text: &[char], plain: &[char]) -> (Piece, usize) {
    let word = word_length(text).max(word_length(plain));
    let walk = walk_length(text);
    let repeat = text.iter().take_while(|c| **c == text[0]).count();
    if word > 0 && word >= walk && word >= repeat {
        return (Piece::Word, word);
    }
    if repeat >= SHORTEST_REPEAT && repeat >= walk {
        return (Piece::Repeat(repeat), repeat);
    }
    if is_year(text) && walk <= 4 {
        return (Piece::Year, 4);
    }
    if walk >= SHORTEST_WALK && (walk > 3 || !text[0].is_alphabetic()) {
        return (Piece::Walk(walk), walk);
    }
    if text[0].is_ascii_digit() {
        let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
        return (Piece::Digits(digits), digits);
    }
    if text[0].is_alphabetic() {
        // Up to where a word begins, so that what is around one does not hide it.
        let mut letters = 1;
        while letters < text.len() && text[letters].is_alphabetic() && word_length(&text[letters..]) < 6 {
            letters += 1;
        }
        if letters >= 3 {
            return (Piece::Letters(letters), letters);
        }
        return (Piece::Single, 1);
    }
    if text[0].is_whitespace() || text[0].is_ascii_punctuation() {
        return (Piece::Sign, 1);
    }
    (Piece::Single, 1)
}

/// The longest word that stands at the beginning.
fn word_length(text: &[char]) -> usize {
    let starts = |word: &&&str| {
        let mut rest = text.iter();
        word.chars().all(|c| rest.next() == Some(&c))
    };
    WORDS
        .iter()
        .filter(starts)
        .map(|word| word.chars().count())
        .max()
        .unwrap_or(0)
}

/// How far the beginning goes along one row, in either direction.
fn walk_length(text: &[char]) -> usize {
    let along = |row: &str| {
        let forth: Vec<char> = row.chars().collect();
        let back: Vec<char> = row.chars().rev().collect();
        let length = |row: &[char]| {
            row.iter()
                .enumerate()
                .filter(|(_, c)| **c == text[0])
                .map(|(start, _)| text.iter().zip(&row[start..]).take_while(|(a, b)| a == b).count())
                .max()
                .unwrap_or(0)
        };
        length(&forth).max(length(&back))
    };
    ROWS.iter().map(|row| along(row)).max().unwrap_or(0)
}

fn is_year(text: &[char]) -> bool {
    matches!(text, ['1', '9', a, b, ..] | ['2', '0', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// The letter that a sign stands for.
const fn letter(sign: char) -> char {
    match sign {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        other => other,
    }
}

/// Whether nothing but pieces that are tried first, and what people add to them, makes up the password.
pub(super) fn is_guessable(password: &str) -> bool {
    let all = pieces(password);
    let base = all.iter().any(|piece| {
        matches!(
            piece,
            Piece::Word | Piece::Walk(_) | Piece::Repeat(_) | Piece::Year
        )
    });
    let more = all.iter().any(|piece| match piece {
        Piece::Letters(_) => true,
        Piece::Digits(count) => *count >= LONG_NUMBER,
        _ => false,
    });
    let singles = all.iter().filter(|piece| matches!(piece, Piece::Single)).count();
    base && !more && singles <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_fall_into_the_pieces_people_make_them_of() {
        assert_eq!(pieces("p@ssw0rd2024!"), [Piece::Word, Piece::Year, Piece::Sign]);
        assert_eq!(pieces("qwertyaaaa"), [Piece::Walk(6), Piece::Repeat(4)]);
        assert_eq!(pieces("lkjhgfdsa"), [Piece::Walk(9)]);
        assert_eq!(
            pieces("blue 42"),
            [Piece::Letters(4), Piece::Sign, Piece::Digits(2)]
        );
        assert!(pieces("").is_empty());
    }

    #[test]
    fn what_is_guessable_is_said() {
        for weak in [
            "p@ssw0rd12345678",
            "qwertyuiop123456",
            "1qaz2wsx3edc4rfv",
            "zaq12wsxcde34rfv",
            "welcome2024welcome",
            "administrator2025!",
            "admin-admin-admin",
            "iloveyou123456789",
            "aaaabbbbccccdddd",
            "1q2w3e4r5t6y7u8i",
            "letmein!!letmein!!",
            "!@#$%^&*()_+",
        ] {
            assert!(is_guessable(weak), "{weak}: {:?}", pieces(weak));
        }
        for good in [
            "violet harbour seven lanterns",
            "drei kleine katzen",
            "84615 92738 10466",
            "admin of the green boat",
            "vt3 äö✓wq🦀 zk7;",
            "8461592738104662",
        ] {
            assert!(!is_guessable(good), "{good}: {:?}", pieces(good));
        }
    }
}
