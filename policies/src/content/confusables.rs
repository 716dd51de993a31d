//! Letters that pass for Latin ones.
//!
//! Only words a reader would take for Latin are touched: those that mix Latin with a script of look-alikes, and
//! those that read as Latin throughout and stand in a text that is mostly Latin. A text written in Cyrillic,
//! Greek or any other script has no such words and no such view.

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use super::invisible::EMOJI_SELECTOR;
use super::language::Language;
use super::letters::{Latin, Word, Words, has_look_alikes, is_sign, look_alike};
use super::span::{Mapped, Rewriter};

/// Shorter words that mix Greek and Latin are units and formulas, μg or Δx; shorter ones with signs are emoji.
const LONG_FOR_A_FORMULA: usize = 3;

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

/// What of a word is folded.
struct Fold {
    others: Others,
    accents: Accents,
}

/// Which letters of other scripts are folded: none, those of scripts with look-alikes, or all.
#[derive(PartialEq, PartialOrd)]
enum Others {
    Stay,
    Alike,
    All,
}

/// Which Latin letters lose their accents: none, those that are ASCII without, or all.
#[derive(PartialEq, PartialOrd)]
enum Accents {
    Stay,
    Go,
    AllGo,
}

/// Answers, once each, the questions a word raises about the whole text.
struct Reader<'a> {
    text: &'a str,
    mostly_latin: Option<bool>,
    language: Option<&'static str>,
}

impl Reader<'_> {
    /// What of a word is folded, if anything.
    fn fold(&mut self, word: &Word) -> Option<Fold> {
        let fold = Fold { others: self.others(word), accents: self.accents(word) };
        let any = fold.others > Others::Stay || fold.accents > Accents::Stay || word.phonetic > 0;
        any.then_some(fold)
    }

    fn others(&mut self, word: &Word) -> Others {
        let kinds = [word.latin > 0, word.alike > 0, word.apart.is_some()];
        let kinds = kinds.into_iter().filter(|there| *there).count();
        let flags = word.flag_letters > 0 && word.flag_letters.is_multiple_of(2);
        if kinds > 2 || kinds > 1 && word.many_apart {
            // No writing mixes three scripts in a word.
            return Others::All;
        }
        if word.alike == 0 || flags || word.apart.is_some() {
            return Others::Stay;
        }
        let mixed = (word.letters >= LONG_FOR_A_FORMULA || word.greek + word.signs == 0)
            && (word.latin > 0 || word.signs > 0)
            && !(word.leading_mu && word.alike == 1);
        let passes =
            word.alike == word.letters && word.opaque == 0 && !(word.letters == 1 && word.greek == 1);
        if mixed || word.flag_letters > 0 || passes && self.is_mostly_latin() {
            Others::Alike
        } else {
            Others::Stay
        }
    }

    fn accents(&mut self, word: &Word) -> Accents {
        let single = word.letters == 1;
        if word.special + word.accented > 0 && !word.name && !single && self.language() == "en" {
            // English does without accents but in names. A letter alone tells no language.
            Accents::AllGo
        } else if word.loose > 0 || word.accented > 0 && self.unwanted_accents(word) {
            Accents::Go
        } else {
            Accents::Stay
        }
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

    /// A word that is half accents is suspect, but not in Vietnamese.
    fn unwanted_accents(&mut self, word: &Word) -> bool {
        word.letters > 2 && word.accented * 2 >= word.letters && self.language() != "vi"
    }

    fn language(&mut self) -> &'static str {
        let vietnamese = |text: &str| text.contains(|c| matches!(c, 'ă' | 'đ' | 'ơ' | 'ư' | 'Ạ'..='ỹ'));
        self.language.get_or_insert_with(|| match Language::guess(self.text) {
            // Accents on any letters make the guess.
            "vi" if !vietnamese(self.text) => "und",
            code => code,
        })
    }
}

impl Fold {
    /// Appends what `c` becomes, and says whether that is anything new.
    fn latin(&self, c: char, to: &mut String) -> bool {
        if c.is_ascii() {
            return false;
        }
        if c == EMOJI_SELECTOR {
            return self.others > Others::Stay;
        }
        if is_combining_mark(c) {
            return self.accents > Accents::Stay && c.script() == Script::Inherited;
        }
        let script = c.script();
        let letter = if script == Script::Latin {
            match Latin::of(c) {
                Latin::Ordinary => None,
                Latin::Phonetic => look_alike(c),
                Latin::Accented(base) => Some(base).filter(|_| self.accents > Accents::Stay),
                Latin::Special => look_alike(c).filter(|_| self.accents == Accents::AllGo),
            }
        } else if is_sign(c) || has_look_alikes(script) {
            look_alike(c).filter(|_| self.others > Others::Stay)
        } else {
            look_alike(c).filter(|_| self.others == Others::All)
        };
        to.extend(letter);
        letter.is_some()
    }
}
