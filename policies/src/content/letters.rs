//! What the words of a text are made of, as far as look-alikes go.

use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use unicode_script::{Script, UnicodeScript};

/// The words of a text that are not all ASCII.
pub(super) struct Words<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, position: 0 }
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let rest = self.text.get(self.position..)?;
            let start = self.position + rest.find(in_word)?;
            let rest = self.text.get(start..)?;
            let flag = rest.starts_with(is_flag_letter);
            let length = rest.find(|c| !in_word(c) || is_flag_letter(c) != flag).unwrap_or(rest.len());
            self.position = start + length;
            if !rest.get(..length)?.is_ascii() {
                return Some(start..self.position);
            }
        }
    }
}

fn in_word(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric()
    } else {
        c.is_alphanumeric() || is_combining_mark(c) || is_sign(c)
    }
}

/// The letters that make a flag of two.
fn is_flag_letter(c: char) -> bool {
    c >= '\u{1F1E6}' && is_sign(c)
}

/// Letters in circles and squares, and the letters flags are made of.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '\u{1F100}'..='\u{1F1FF}')
}

/// What kinds of letter a word is made of.
#[derive(Default)]
pub(super) struct Word {
    pub(super) letters: usize,
    pub(super) latin: usize,
    /// Latin letters under accents that Unicode has precomposed.
    pub(super) accented: usize,
    /// Other Latin letters that are not ASCII: ß, ø, ə.
    pub(super) special: usize,
    /// Small capitals and letters of phonetic alphabets.
    pub(super) phonetic: usize,
    /// Marks left over after composing, on Latin letters.
    pub(super) loose: usize,
    /// Letters of scripts that have look-alikes, and the signs among them.
    pub(super) alike: usize,
    pub(super) signs: usize,
    /// Letters of which flags have two; a word of them has no others.
    pub(super) flag_letters: usize,
    /// A name keeps its accents.
    pub(super) name: bool,
    /// Of those that look alike: letters that pass for no Latin letter.
    pub(super) opaque: usize,
    pub(super) greek: usize,
    pub(super) leading_mu: bool,
    /// Scripts other than Latin and those with look-alikes.
    pub(super) apart: Option<Script>,
    pub(super) many_apart: bool,
}

impl Word {
    pub(super) fn of(text: &str) -> Self {
        let mut word = Self::default();
        let mut before = Script::Common;
        for (position, c) in text.char_indices() {
            let script = c.script();
            if is_combining_mark(c) {
                word.loose += usize::from(script == Script::Inherited && before == Script::Latin);
                continue;
            }
            before = script;
            if is_sign(c) {
                word.signs += 1;
                word.flag_letters += usize::from(is_flag_letter(c));
            } else if !c.is_alphabetic() {
                continue;
            }
            word.letters += 1;
            if c.is_uppercase() {
                word.name = position == 0;
            }
            if script == Script::Latin {
                word.latin += 1;
                match Latin::of(c) {
                    Latin::Ordinary => {}
                    Latin::Phonetic => word.phonetic += 1,
                    Latin::Accented(_) => word.accented += 1,
                    Latin::Special => word.special += 1,
                }
            } else if is_sign(c) || has_look_alikes(script) {
                word.alike += 1;
                word.opaque += usize::from(look_alike(c).is_none_or(|c| !c.is_ascii_alphabetic()));
                word.greek += usize::from(script == Script::Greek);
                word.leading_mu |= position == 0 && c == 'μ';
            } else {
                word.see_apart(script);
            }
        }
        word
    }

    fn see_apart(&mut self, script: Script) {
        // The scripts of Japanese and of Taiwanese writing stand together in ordinary words.
        let script = match script {
            Script::Hiragana | Script::Katakana | Script::Bopomofo => Script::Han,
            other => other,
        };
        self.many_apart |= self.apart.is_some_and(|seen| seen != script);
        self.apart = Some(script);
    }
}

/// Scripts whose letters are taken for Latin ones and whose words do not ordinarily hold Latin letters.
pub(super) fn has_look_alikes(script: Script) -> bool {
    matches!(
        script,
        Script::Armenian
            | Script::Canadian_Aboriginal
            | Script::Carian
            | Script::Cherokee
            | Script::Coptic
            | Script::Cyrillic
            | Script::Deseret
            | Script::Georgian
            | Script::Glagolitic
            | Script::Gothic
            | Script::Greek
            | Script::Lisu
            | Script::Lycian
            | Script::Lydian
            | Script::Old_Italic
            | Script::Osage
            | Script::Runic
            | Script::Tifinagh
            | Script::Vai
            | Script::Warang_Citi
    )
}

/// What kind of Latin letter a character is.
pub(super) enum Latin {
    Ordinary,
    Phonetic,
    /// An ASCII letter under accents.
    Accented(char),
    Special,
}

impl Latin {
    pub(super) fn of(c: char) -> Self {
        if c.is_ascii() {
            return Self::Ordinary;
        }
        if is_phonetic(c) {
            return Self::Phonetic;
        }
        let mut base = None;
        decompose_canonical(c, |part| base = base.or(Some(part)));
        base.filter(char::is_ascii_alphabetic).map_or(Self::Special, Self::Accented)
    }
}

/// Small capitals and other letters of phonetic notation, but for those that some language is written with.
fn is_phonetic(c: char) -> bool {
    let spelled = matches!(c, 'ɓ' | 'ɔ' | 'ɖ' | 'ɗ' | 'ə' | 'ɛ' | 'ɣ' | 'ɩ' | 'ɲ' | 'ʃ' | 'ʊ' | 'ʋ' | 'ʒ');
    let notation = matches!(c, '\u{250}'..='\u{2AF}' | '\u{1D00}'..='\u{1DBF}' | '\u{2C60}'..='\u{2C7F}'
        | '\u{A720}'..='\u{A7FF}' | '\u{AB30}'..='\u{AB6F}');
    notation && !spelled
}

/// The ASCII letter or digit `c` passes for, in the case of `c`.
pub(super) fn look_alike(c: char) -> Option<char> {
    let decancer::Translation::Character(letter) = decancer::cure_char(c, decancer::Options::default())
    else {
        return None;
    };
    letter
        .is_ascii_alphanumeric()
        .then(|| if c.is_uppercase() { letter.to_ascii_uppercase() } else { letter })
}
