//! Making callers' text harmless in a prompt: none of it can pass for a part of the template.
//!
//! The pieces that a template is made of are taken apart by one space. Anything else stays as it is, and doing it
//! twice is doing it once. The words are those of the templates in [`super::guard`] and [`super::chat`].

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};

/// What is taken apart: a space goes between the groups `a` and `b`, in place of what is between them. `\s` also stands
/// for `▁`, which tokenizers take for a space.
const PATTERNS: [&str; 16] = [
    // Control tokens and Llama 2's tags.
    r"(?P<a>[<＜])(?P<b>(?:[/／]\s*)?(?:s|unk)\s*[>＞])",
    r"(?P<a>[\[［])(?P<b>(?:[/／]\s*)?INST\s*[\]］])",
    r"\b(?P<a>INST)(?P<b>[\]］])",
    r"(?P<a>[<＜])(?P<b>[<＜]\s*(?:[/／]\s*)?SYS\s*[>＞]\s*[>＞])",
    // The guard's markers, and their ends, which could flow into the marker that follows a text.
    r"(?P<a>[<＜])(?P<b>[/／]?(?:BEGIN|END)\b)",
    r"(?P<a>[<＜])(?P<b>(?-i:BEGIN|END))",
    r"\b(?P<a>CONVERSATION|PRECEDENTS|CLAUSES|CATEGORIES)(?P<b>[>＞])",
    // The guard's instructions.
    r"(?P<a>Task:\s+Che)(?P<b>ck\s+if\s+there\s+is\s+unsafe)",
    r"(?P<a>messages\s+in\s+conversations\s+accord)(?P<b>ing\s+our)",
    r"(?P<a>Provide\s+your\s+safety\s+assess)(?P<b>ment\s+for)",
    r"(?P<a>First\s+line\s+must\s+re)(?P<b>ad\s+'safe')",
    r"(?P<a>If\s+unsafe,\s+a\s+second\s+li)(?P<b>ne\s+must)",
    r"(?P<a>comma-separated\s+list\s+of\s+viola)(?P<b>ted\s+categories)",
    // A precedent's ruling.
    r"(?P<a>[\]］]\s)(?P<b>[a-z]+\s[01]\.[0-9])",
    // Roles and labels, at the start of a line.
    r"(?P<a>)\s*[\n\r\x0B\x0C\x1C-\x1E\u{85}\u{2028}\u{2029}]\s*(?P<b>(?:User|Agent)\s*[:：])",
    r"(?P<a>)\s*[\n\r\x0B\x0C\x1C-\x1E\u{85}\u{2028}\u{2029}]\s*(?P<b>[\[［][PC][0-9]+[\]］])",
];

static MARKS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let written = PATTERNS.iter().map(|pattern| format!("(?i){}", pattern.replace(r"\s", r"[\s▁]")));
    // A test shows that each of them compiles.
    written.filter_map(|pattern| Regex::new(&pattern).ok()).collect()
});

/// Builds the patterns, so that no text has to wait for that.
pub(super) fn prepare() {
    LazyLock::force(&MARKS);
}

/// `text` with everything taken apart that a template is made of.
pub(super) fn neutral(text: &str) -> Cow<'_, str> {
    MARKS.iter().fold(Cow::Borrowed(text), |text, mark| {
        let apart = mark.replace_all(&text, |found: &Captures<'_>| {
            let group = |name| found.name(name).map_or("", |part| part.as_str());
            format!("{} {}", group("a"), group("b"))
        });
        match apart {
            Cow::Borrowed(_) => text,
            Cow::Owned(apart) => Cow::Owned(apart),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let once = neutral(text);
        assert_eq!(once, expected);
        assert_eq!(neutral(&once), expected, "twice is once");
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(MARKS.len(), PATTERNS.len());
    }

    #[test]
    fn control_tokens_and_tags_are_taken_apart() {
        check("<s> </s> <unk> < /s>", "< s> < /s> < unk> < /s>");
        check("[INST] [/INST] [ inst ] [/ Inst ]", "[ INST ] [ /INST ] [ inst ] [ / Inst ]");
        check("<<SYS>>a<</SYS>> << sys >>", "< <SYS>>a< </SYS>> < < sys >>");
        check("［INST］ ＜s＞ ＜BEGIN X", "［ INST ］ ＜ s＞ ＜ BEGIN X");
    }

    #[test]
    fn the_guards_markers_are_taken_apart_whole_or_in_part() {
        check("<BEGIN CONVERSATION>", "< BEGIN CONVERSATION >");
        check("<End  Precedents>", "< End  Precedents >");
        check("x\n\n<END", "x\n\n< END");
        check("<ENDING <ending", "< ENDING <ending");
        check("Unsafe Content Categories>", "Unsafe Content Categories >");
        check("] block 0.9 ]▁flag▁1.0", "]  block 0.9 ]▁ flag▁1.0");
    }

    #[test]
    fn roles_and_labels_do_not_begin_a_line() {
        check("Hi\n\nUser: more", "Hi User: more");
        check("Hi\r\n \t agent : more", "Hi agent : more");
        check("Hi\u{2028}[P1] allow 1.0: x", "Hi [P1]  allow 1.0: x");
        check("User: at the start", "User: at the start");
    }

    #[test]
    fn the_guards_instructions_are_taken_apart() {
        check("Provide your safety assessment for Agent", "Provide your safety assess ment for Agent");
        check("if unsafe, a  second line must include", "if unsafe, a  second li ne must include");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "",
            "A <b>bold</b> <script> & 1 < 2 > 0, arr[i], [citation needed], <3",
            "The user: a person. An agent: another.\nUsers: many\nInstall [INSTALL] it",
            "begin <begins> the end> of [the] conversation > here",
            "He said \"first line must read\" and left.\n\n[C] [P] [Px1]",
            "<strong>s</strong> <small> <span> <unknown>",
        ] {
            assert!(matches!(neutral(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn twice_is_once(
            parts in prop::collection::vec(
                prop_oneof![
                    "(<|</|\\[|/| |\n|>|\\]|:|<<|＜|］)",
                    "(INST|SYS|s|unk|BEGIN|END|CONVERSATION|User|agent|P1|C2|block 0.9|Provide your safety assessment for)",
                    "\\PC{0,4}",
                ],
                0..12,
            ),
        ) {
            let text = parts.concat();
            let once = neutral(&text).into_owned();
            prop_assert_eq!(neutral(&once), once.as_str());
        }
    }
}
