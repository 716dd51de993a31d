//! Letters that pass for Latin ones.
//!
//! Only words a reader would take for Latin are touched: those that mix Latin with a script of look-alikes, and
//! those that read as Latin throughout and stand in a text that is mostly Latin. A text written in Cyrillic,
//! Greek or any other script has no such words and no such view.

use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use unicode_script::{Script, UnicodeScript};

use super::invisible::EMOJI_SELECTOR;
use super::language::Language;
use super::span::{Mapped, Rewriter};

/// Shorter mixed words are units and formulas: μg, Δx.
const SHORTEST_MIXED_WORD: usize = 3;

/// `plain` with its look-alikes as the Latin letters they pass for, or `None` when it has none.
pub(super) fn unmask(plain: &Mapped) -> Option<Mapped> {
    if plain.text.is_ascii() {
        return None;
    }
    let mut reader = Reader { text: &plain.text, mostly_latin: None, language: None };
    let mut rewriter = Rewriter::new(plain);
    let mut replacement = String::new();
    for range in Words::of(&plain.text) {
        let text = plain.text.get(range.clone()).unwrap_or_default();
        let Some(fold) = reader.fold(&Word::of(text)) else { continue };
        for (position, c) in text.char_indices() {
            replacement.clear();
            if fold.latin(c, &mut replacement) {
                let start = range.start + position;
                rewriter.edit(start..start + c.len_utf8(), &replacement);
            }
        }
    }
    rewriter.finish()
}

/// The words of a text that are not all ASCII.
struct Words<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
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
fn is_sign(c: char) -> bool {
    matches!(c, '\u{1F100}'..='\u{1F1FF}')
}

/// What kinds of letter a word is made of.
#[derive(Default)]
struct Word {
    letters: usize,
    latin: usize,
    /// Latin letters under accents that Unicode has precomposed.
    accented: usize,
    /// Other Latin letters that are not ASCII: ß, ø, ə.
    special: usize,
    /// Small capitals and letters of phonetic alphabets.
    phonetic: usize,
    /// Marks left over after composing, on Latin letters.
    loose: usize,
    /// Letters of scripts that have look-alikes, and the signs among them.
    alike: usize,
    signs: usize,
    /// Letters of which flags have two; a word of them has no others.
    flag_letters: usize,
    /// A name keeps its accents.
    name: bool,
    /// Of those that look alike: letters that pass for no Latin letter.
    opaque: usize,
    greek: usize,
    leading_mu: bool,
    /// Scripts other than Latin and those with look-alikes.
    apart: Option<Script>,
    many_apart: bool,
}

impl Word {
    fn of(text: &str) -> Self {
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

/// What of a word is folded.
struct Fold {
    alike: bool,
    apart: bool,
    accents: bool,
    special: bool,
}

/// Answers, once each, the questions a word raises about the whole text.
struct Reader<'a> {
    text: &'a str,
    mostly_latin: Option<bool>,
    language: Option<&'static str>,
}

impl Reader<'_> {
    fn fold(&mut self, word: &Word) -> Option<Fold> {
        let flags = word.flag_letters > 0 && word.flag_letters % 2 == 0;
        let half_flag = word.flag_letters % 2 == 1;
        let scripts =
            usize::from(word.latin > 0) + usize::from(word.alike > 0) + usize::from(word.apart.is_some());
        let apart = word.many_apart && scripts > 1 || scripts > 2;
        let mixed = word.letters >= SHORTEST_MIXED_WORD
            && word.alike > 0
            && (word.latin > 0 || word.signs > 0 || apart)
            && !(word.leading_mu && word.alike == 1);
        let whole =
            || word.alike == word.letters && word.opaque == 0 && !(word.letters == 1 && word.greek == 1);
        let alike = word.alike > 0
            && !flags
            && (apart || word.apart.is_none() && (mixed || half_flag || whole() && self.is_mostly_latin()));
        let special = word.special + word.accented > 0 && !word.name && self.language() == "en";
        let accents = special || word.loose > 0 || word.accented > 0 && self.unwanted_accents(word);
        (alike || apart || accents || word.phonetic > 0).then_some(Fold { alike, apart, accents, special })
    }

    /// Whether Latin letters outnumber those of scripts with look-alikes.
    fn is_mostly_latin(&mut self) -> bool {
        *self.mostly_latin.get_or_insert_with(|| {
            let (mut latin, mut alike) = (0_usize, 0_usize);
            for c in self.text.chars().filter(|c| c.is_alphabetic()) {
                if c.is_ascii() || c.script() == Script::Latin {
                    latin += 1;
                } else if has_look_alikes(c.script()) {
                    alike += 1;
                }
            }
            latin > alike
        })
    }

    /// A word that is half accents is suspect, but not in Vietnamese. (English does without any.)
    fn unwanted_accents(&mut self, word: &Word) -> bool {
        word.letters > 2 && word.accented * 2 >= word.letters && self.language() != "vi"
    }

    fn language(&mut self) -> &'static str {
        *self.language.get_or_insert_with(|| Language::guess(self.text))
    }
}

impl Fold {
    /// Appends what `c` becomes, and says whether that is anything new.
    fn latin(&self, c: char, to: &mut String) -> bool {
        if c.is_ascii() {
            return false;
        }
        if c == EMOJI_SELECTOR {
            return self.alike;
        }
        if is_combining_mark(c) {
            return self.accents && c.script() == Script::Inherited;
        }
        let script = c.script();
        let letter = if script == Script::Latin {
            match Latin::of(c) {
                Latin::Ordinary => None,
                Latin::Phonetic => look_alike(c),
                Latin::Accented(base) => Some(base).filter(|_| self.accents),
                Latin::Special => look_alike(c).filter(|_| self.special),
            }
        } else if is_sign(c) || has_look_alikes(script) {
            look_alike(c).filter(|_| self.alike)
        } else {
            look_alike(c).filter(|_| self.apart)
        };
        to.extend(letter);
        letter.is_some()
    }
}

/// Scripts whose letters are taken for Latin ones and whose words do not ordinarily hold Latin letters.
fn has_look_alikes(script: Script) -> bool {
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
enum Latin {
    Ordinary,
    Phonetic,
    /// An ASCII letter under accents.
    Accented(char),
    Special,
}

impl Latin {
    fn of(c: char) -> Self {
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
fn look_alike(c: char) -> Option<char> {
    let decancer::Translation::Character(letter) = decancer::cure_char(c, decancer::Options::default())
    else {
        return None;
    };
    letter
        .is_ascii_alphanumeric()
        .then(|| if c.is_uppercase() { letter.to_ascii_uppercase() } else { letter })
}
