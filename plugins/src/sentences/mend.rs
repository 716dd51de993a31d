//! The cuts of `sentencex` that the gold cases show to be wrong, and those it does not make.

/// Abbreviations that stand before a number or a parenthesis.
const BEFORE_NUMBERS: &[&str] = &[
    "abb", "abs", "approx", "art", "bd", "ca", "ch", "eq", "eqs", "fig", "figs", "gem", "kap", "lfd", "no",
    "nos", "nr", "p", "pp", "rd", "s", "sec", "secs", "tab", "tabs", "vol", "zif",
];
/// German abbreviations after which a sentence goes on with another one.
const BEFORE_ABBREVIATIONS: &[&str] = &["gem", "lt", "vgl", "entspr", "ggf", "evtl", "insb", "bes"];
/// Nouns that German counts by ordinals, written with a figure and a dot.
const COUNTED: &[&str] = &[
    "Abschnitt",
    "Abteilung",
    "Akt",
    "Armee",
    "Auflage",
    "Bände",
    "Band",
    "Bataillon",
    "Bezirk",
    "Bundesliga",
    "Bundestag",
    "Chr",
    "Dezember",
    "Division",
    "Dynastie",
    "Etage",
    "Februar",
    "Generation",
    "Geburtstag",
    "Grad",
    "Infanterie",
    "Jahr",
    "Jahrestag",
    "Jahrgang",
    "Jahrhundert",
    "Jahrhunderte",
    "Jahrhunderts",
    "Jahrtausend",
    "Jahrtausends",
    "Januar",
    "Kapitel",
    "Klasse",
    "Kongress",
    "Kreuzzug",
    "Lebensjahr",
    "Liga",
    "März",
    "Mai",
    "Minute",
    "Oktober",
    "Parteitag",
    "Platz",
    "Preis",
    "Quartal",
    "Rang",
    "Runde",
    "Saison",
    "Semester",
    "September",
    "Sinfonie",
    "Spieltag",
    "Staffel",
    "Stock",
    "Stunde",
    "Tag",
    "Teil",
    "Wahlperiode",
    "Weltkrieg",
    "Weltkriege",
    "Weltkriegs",
    "Woche",
    "Zusatzartikel",
];
/// Abbreviations that end a list, and so often a sentence.
const LIST_ENDS: &[&str] = &["usw", "etc", "usf"];
/// Capitalized words that German begins sentences with and does not write with a capital letter within them.
const BEGINNINGS: &[&str] = &[
    "Aber", "Alle", "Am", "An", "Auch", "Auf", "Aus", "Bei", "Beim", "Das", "Dann", "Der", "Deshalb", "Dies",
    "Diese", "Dieser", "Dieses", "Die", "Dort", "Ein", "Eine", "Er", "Es", "Für", "Heute", "Hier", "Ich",
    "Ihr", "Im", "In", "Ist", "Man", "Manche", "Mit", "Nach", "Nicht", "Nur", "Oft", "Seit", "Sie", "So",
    "Um", "Und", "Viele", "Vom", "Von", "Vor", "Wir", "Wenn", "Zu", "Zum", "Zur",
];

/// The cuts `ends` (bytes of `text`, ascending, counted from `start`), without the wrong and with the missing ones.
pub(super) fn mend(text: &str, start: usize, ends: &[usize], language: &str) -> Vec<usize> {
    let mut mended = Vec::with_capacity(ends.len());
    let mut from = start;
    let last = ends.len().saturating_sub(1);
    for (place, &end) in ends.iter().enumerate() {
        let (before, after) = (text.get(from..end).unwrap_or_default(), text.get(end..).unwrap_or_default());
        if place < last && goes_on(before, after, language) {
            continue;
        }
        mended.extend(missing(before, language).into_iter().map(|at| from + at));
        mended.push(end);
        from = end;
    }
    mended
}

/// Whether a sentence that was cut after `before` goes on in `after`.
fn goes_on(before: &str, after: &str, language: &str) -> bool {
    let Some(stem) = before.trim_end().strip_suffix('.') else { return false };
    let word = last_word(stem);
    let next = after.trim_start();
    let lower = word.to_lowercase();
    if next.starts_with(|char: char| char.is_ascii_digit() || char == '(')
        && BEFORE_NUMBERS.contains(&lower.as_str())
    {
        return true;
    }
    if language != "de" {
        return false;
    }
    let following = first_word(next);
    let short = next.get(following.len()..).is_some_and(|rest| rest.starts_with('.'));
    let counted = (1..=2).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    (counted && COUNTED.contains(&following)) || (short && BEFORE_ABBREVIATIONS.contains(&lower.as_str()))
}

/// Where `sentence` ought to be cut: bytes, ascending, each after white space.
fn missing(sentence: &str, language: &str) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut from = 0;
    for (at, mark) in sentence.match_indices(['…', ')', '.']) {
        let end = at + mark.len();
        let Some((before, after)) = sentence.get(from..at).zip(sentence.get(end..)) else { continue };
        let next = after.trim_start();
        let apart =
            next.len() < after.len() && next.starts_with(|char: char| char.is_uppercase() || char == '(');
        if apart && ends_at(before, mark, first_word(next), language) {
            from = sentence.len() - next.len();
            cuts.push(from);
        }
    }
    cuts
}

/// Whether a sentence ends with `mark`, between `before` and the capitalized word `next`.
fn ends_at(before: &str, mark: &str, next: &str, language: &str) -> bool {
    match mark {
        // An ellipsis at a word's end; one between spaces is a pause.
        "…" => next != "I" && before.ends_with(char::is_alphabetic),
        // A sentence in parentheses.
        ")" => before.trim_start().starts_with('(') && before.ends_with(['.', '!', '?']),
        _ => language == "de" && LIST_ENDS.contains(&last_word(before)) && BEGINNINGS.contains(&next),
    }
}

/// Bytes of the opening mark, if `sentence` is one quotation from its first to its last character.
pub(super) fn quotation(sentence: &str) -> Option<usize> {
    let opening = sentence.chars().next()?;
    let closing: &[char] = match opening {
        '“' | '„' => &['”', '“'],
        '»' => &['«'],
        '«' => &['»'],
        '"' => &['"'],
        _ => return None,
    };
    let within = sentence.get(opening.len_utf8()..)?.strip_suffix(closing)?;
    (!within.contains(closing) && !within.contains(opening)).then_some(opening.len_utf8())
}

/// The letters and digits at the end.
fn last_word(text: &str) -> &str {
    let rest = text.trim_end_matches(char::is_alphanumeric);
    text.get(rest.len()..).unwrap_or_default()
}

/// The letters and digits at the beginning.
fn first_word(text: &str) -> &str {
    let rest = text.trim_start_matches(char::is_alphanumeric);
    text.get(..text.len() - rest.len()).unwrap_or_default()
}
