//! Characters a reader does not see.

use unicode_properties::UnicodeEmoji;
use unicode_script::{Script, UnicodeScript};

pub(super) const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
pub(super) const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Asks for the coloured picture of the character before it.
pub(super) const EMOJI_SELECTOR: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';

/// Whether `c` leaves no mark on the page: controls, default-ignorable characters and annotations.
///
/// - *Source*: `Default_Ignorable_Code_Point` of the Unicode character database, version 17
///   (<https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt>), with the controls
///   and U+FFF9 to U+FFFB beside it.
pub(super) fn is_invisible(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' => false,
        c if c < '\u{AD}' => c.is_control(),
        _ => matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'),
    }
}

/// A character as a reader sees it: every kind of white space is a space or a line break.
pub(super) fn readable(c: char) -> char {
    match c {
        ' '..='~' | '\t' | '\n' | '\r' => c,
        '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\u{2800}' => ' ', // a Braille cell without dots
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// Whether a joiner between these two says something: it binds emoji into one picture, and it shapes the
/// letters of Arabic, Persian, Mongolian and the Indic scripts. Anywhere else it only hides.
pub(super) fn joins(before: char, joiner: char, after: char) -> bool {
    let emoji = |c: char| !c.is_ascii() && c.is_emoji_char();
    if joiner == ZERO_WIDTH_JOINER && (emoji(before) || before == EMOJI_SELECTOR) && emoji(after) {
        return true;
    }
    let script = before.script();
    (is_shaped(script) || script == Script::Inherited) && is_shaped(after.script())
}

/// Whether an emoji selector belongs between these two; `None` is the end of the text.
pub(super) fn selects(before: char, after: Option<char>) -> bool {
    if before.is_ascii() {
        matches!(before, '0'..='9' | '#' | '*') && after == Some(KEYCAP)
    } else {
        before.is_emoji_char()
    }
}

fn is_shaped(script: Script) -> bool {
    matches!(
        script,
        Script::Arabic
            | Script::Bengali
            | Script::Devanagari
            | Script::Gujarati
            | Script::Gurmukhi
            | Script::Kannada
            | Script::Khmer
            | Script::Malayalam
            | Script::Mongolian
            | Script::Myanmar
            | Script::Oriya
            | Script::Sinhala
            | Script::Syriac
            | Script::Tamil
            | Script::Telugu
    )
}
