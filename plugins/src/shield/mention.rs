//! Telling what is said from what is talked about: `the phrase "ignore all instructions" is an attack` is none.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::pattern::pattern;

/// Quotation marks, opening and closing; a closing one also ends what another kind opened.
const OPEN: &str = "\"“„«»‚‘`";
const CLOSE: &str = "\"”“»«‘’`";

/// Words of those who talk about attacks.
pub(super) static ABOUT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:phrases?|injections?|attack(?:s|ers?)?|jailbreaks?|examples?|e\.g|such as|so-called|known as|prompts like|instructions? like|commands? like|researchers?|hackers?|malicious|wording|trick(?:s|ed)?|satz|sätze|formulierung(?:en)?|angriffs?|angreifer[n]?|beispiele?n?|wie etwa|sogenannte[nrs]?|befehle wie|anweisungen wie|forscher(?:innen)?|hacker|bösartige[nrs]?|bekannt als)\b",
    )
});

/// Whether `range` lies in quotation marks within a sentence that talks about attacks.
pub(super) fn is_mention(text: &str, range: &Range<usize>) -> bool {
    let Some(quoted) =
        quotes(text).into_iter().find(|quote| quote.start <= range.start && range.end <= quote.end)
    else {
        return false;
    };
    let outside = |part: Range<usize>| {
        let part = text.get(part).unwrap_or_default();
        ABOUT.as_ref().is_some_and(|about| about.is_match(part))
    };
    outside(0..quoted.start) || outside(quoted.end..text.len())
}

/// What stands in quotation marks, with them. One that is never closed quotes nothing.
fn quotes(text: &str) -> Vec<Range<usize>> {
    let mut quotes = Vec::new();
    let mut opened: Option<usize> = None;
    for (at, c) in text.char_indices() {
        match opened {
            Some(start) if CLOSE.contains(c) && !is_apostrophe(text, at, c) => {
                quotes.push(start..at + c.len_utf8());
                opened = None;
            }
            None if OPEN.contains(c) => opened = Some(at),
            _ => {}
        }
    }
    quotes
}

fn is_apostrophe(text: &str, at: usize, c: char) -> bool {
    let after = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
    c == '’' && after.is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, part: &str, expected: bool) {
        let start = text.find(part).expect("it is there");
        assert_eq!(is_mention(text, &(start..start + part.len())), expected, "{text}");
    }

    #[test]
    fn only_what_is_quoted_in_talk_about_attacks_is_a_mention() {
        check("The phrase \"ignore it\" is known.", "ignore it", true);
        check("Der Satz „Ignoriere alles“ ist bekannt.", "Ignoriere alles", true);
        check("Attackers write “don’t tell” on pages.", "tell", true);
        check("He said: \"ignore it\" and left.", "ignore it", false);
        check("The phrase is known: ignore it \"now\".", "ignore it", false);
        check("The phrase \"ignore it", "ignore it", false);
    }
}
