//! Disguises that a person still reads through.

use fastrand::Rng;

/// Each letter, with that chance, as what `replace` makes of it.
fn letters(
    text: &str,
    chance: f64,
    dice: &mut Rng,
    replace: impl Fn(char, &mut Rng) -> Option<String>,
) -> String {
    let mut made = String::new();
    for c in text.chars() {
        let replaced = if dice.f64() < chance { replace(c, dice) } else { None };
        match replaced {
            Some(replaced) => made.push_str(&replaced),
            None => made.push(c),
        }
    }
    made
}

/// Between two letters of a word, with that chance, what `insert` gives.
fn between(text: &str, chance: f64, dice: &mut Rng, insert: impl Fn(&mut Rng) -> String) -> String {
    let mut made = String::new();
    let mut before = ' ';
    for c in text.chars() {
        if before.is_alphanumeric() && c.is_alphanumeric() && dice.f64() < chance {
            made.push_str(&insert(dice));
        }
        made.push(c);
        before = c;
    }
    made
}

fn one_of(choices: &[&'static str], dice: &mut Rng) -> String {
    choices.get(dice.usize(0..choices.len())).copied().unwrap_or_default().to_owned()
}

/// Half of the letters that have a Cyrillic look-alike as that.
pub(super) fn homoglyphs(text: &str, dice: &mut Rng) -> String {
    letters(text, 0.5, dice, |c, _| {
        let alike = match c {
            'a' => 'а',
            'c' => 'с',
            'e' => 'е',
            'h' => 'һ',
            'i' => 'і',
            'j' => 'ј',
            'o' => 'о',
            'p' => 'р',
            's' => 'ѕ',
            'x' => 'х',
            'y' => 'у',
            'A' => 'А',
            'B' => 'В',
            'C' => 'С',
            'E' => 'Е',
            'H' => 'Н',
            'I' => 'І',
            'K' => 'К',
            'M' => 'М',
            'O' => 'О',
            'P' => 'Р',
            'T' => 'Т',
            'X' => 'Х',
            _ => return None,
        };
        Some(alike.to_string())
    })
}

/// Characters without width between half of the letters.
pub(super) fn zero_width(text: &str, dice: &mut Rng) -> String {
    between(text, 0.5, dice, |dice| {
        one_of(&["\u{200B}", "\u{200C}", "\u{200D}", "\u{2060}", "\u{FEFF}", "\u{AD}"], dice)
    })
}

/// Marks of writing direction between half of the letters.
pub(super) fn bidi_controls(text: &str, dice: &mut Rng) -> String {
    between(text, 0.5, dice, |dice| {
        one_of(&["\u{200E}", "\u{200F}", "\u{202A}\u{202C}", "\u{2068}\u{2069}", "\u{61C}"], dice)
    })
}

/// Half of the words stored backwards under an override that shows them forwards.
pub(super) fn bidi_override(text: &str, dice: &mut Rng) -> String {
    words(text, |word| {
        if dice.bool() {
            word.to_owned()
        } else {
            format!("\u{202E}{}\u{202C}", word.chars().rev().collect::<String>())
        }
    })
}

/// Two thirds of the letters that have one as a digit or sign.
pub(super) fn leetspeak(text: &str, dice: &mut Rng) -> String {
    letters(text, 0.67, dice, |c, dice| {
        let signs: &[&str] = match c.to_ascii_lowercase() {
            'a' => &["4", "@"],
            'e' => &["3"],
            'i' => &["1", "!"],
            'o' => &["0"],
            's' => &["5", "$"],
            't' => &["7"],
            _ => return None,
        };
        Some(one_of(signs, dice))
    })
}

/// A space between all letters, three between words.
pub(super) fn spacing(text: &str, _: &mut Rng) -> String {
    apart(text, " ", "   ")
}

/// A full stop between all letters.
pub(super) fn dots(text: &str, _: &mut Rng) -> String {
    apart(text, ".", " ")
}

fn apart(text: &str, letters: &str, words: &str) -> String {
    let spread = |word: &str| {
        let mut made = String::new();
        let mut before = ' ';
        for c in word.chars() {
            if before.is_alphanumeric() && c.is_alphanumeric() {
                made.push_str(letters);
            }
            made.push(c);
            before = c;
        }
        made
    };
    text.split_whitespace().map(spread).collect::<Vec<_>>().join(words)
}

/// A third of the letters three to six times.
pub(super) fn repeats(text: &str, dice: &mut Rng) -> String {
    letters(text, 0.33, dice, |c, dice| c.is_alphabetic().then(|| c.to_string().repeat(dice.usize(3..=6))))
}

/// Capitals and small letters as the dice fall.
pub(super) fn mixed_case(text: &str, dice: &mut Rng) -> String {
    letters(text, 0.5, dice, |c, _| {
        // ß has no capital of one letter.
        let other = if c.is_lowercase() && c != 'ß' {
            c.to_uppercase().collect()
        } else {
            c.to_lowercase().collect()
        };
        Some(other)
    })
}

/// Every letter, digit and sign of ASCII in the width of a Chinese character.
pub(super) fn fullwidth(text: &str, dice: &mut Rng) -> String {
    letters(text, 1.0, dice, |c, _| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).map(String::from),
        _ => None,
    })
}

/// One to three marks on half of the letters.
pub(super) fn combining_marks(text: &str, dice: &mut Rng) -> String {
    let marks =
        ["\u{300}", "\u{301}", "\u{302}", "\u{304}", "\u{316}", "\u{323}", "\u{32E}", "\u{335}", "\u{338}"];
    letters(text, 0.5, dice, |c, dice| {
        let count = dice.usize(1..=3);
        c.is_alphabetic()
            .then(|| (0..count).fold(c.to_string(), |letter, _| letter + one_of(&marks, dice).as_str()))
    })
}

/// Two thirds of the letters that have one as a picture or a lettered sign.
pub(super) fn emoji_for_letters(text: &str, dice: &mut Rng) -> String {
    letters(text, 0.67, dice, |c, _| {
        let picture = match c.to_ascii_lowercase() {
            'a' => "🅰\u{FE0F}",
            'b' => "🅱\u{FE0F}",
            'i' => "ℹ\u{FE0F}",
            'm' => "Ⓜ\u{FE0F}",
            'o' => "⭕",
            'p' => "🅿\u{FE0F}",
            's' => "💲",
            't' => "✝\u{FE0F}",
            'x' => "❌",
            _ => return None,
        };
        Some(picture.to_owned())
    })
}

/// Pictures between a third of the letters.
pub(super) fn emoji_between(text: &str, dice: &mut Rng) -> String {
    between(text, 0.33, dice, |dice| one_of(&["🔥", "😂", "❤\u{FE0F}", "👍🏽", "✨", "💀"], dice))
}

/// Half of the words of three letters and more parted by a line break, a quarter of those with a hyphen.
pub(super) fn broken_lines(text: &str, dice: &mut Rng) -> String {
    words(text, |word| {
        let letters: Vec<(usize, char)> = word.char_indices().collect();
        if letters.len() < 3 || dice.bool() {
            return word.to_owned();
        }
        let inside: Vec<usize> = letters
            .windows(2)
            .filter_map(|pair| match pair {
                [(_, before), (at, after)] => {
                    (before.is_alphabetic() && after.is_alphabetic()).then_some(*at)
                }
                _ => None,
            })
            .collect();
        let hyphen = if dice.f64() < 0.25 { "-" } else { "" };
        let Some(at) = (!inside.is_empty()).then(|| inside.get(dice.usize(0..inside.len()))).flatten() else {
            return word.to_owned();
        };
        let (first, second) = word.split_at(*at);
        format!("{first}{hyphen}\n{second}")
    })
}

/// The text with each word as `change` makes it.
fn words(text: &str, change: impl FnMut(&str) -> String) -> String {
    text.split_whitespace().map(change).collect::<Vec<_>>().join(" ")
}
