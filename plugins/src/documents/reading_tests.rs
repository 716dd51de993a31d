//! What is read of a document and where it says that it stood, over documents made by chance.

use std::convert::Infallible;
use std::ops::Range;

use inference::Word;
use proptest::prelude::*;
use regex::Regex;

use super::chunk::{Chunk, MOST_TOKENS, TOKENS, pack};
use super::document::Format;

/// Counts every word and every other character as a token, as an encoder might.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        let goes_on = character.is_whitespace()
            || (character.is_alphanumeric()
                && text[..at].ends_with(char::is_alphanumeric)
                && words.last().is_some_and(|word| end - word.bytes.start < 30));
        match words.last_mut() {
            Some(last) if goes_on => last.bytes.end = end,
            _ => words.push(Word { bytes: at..end, tokens: 1 }),
        }
    }
    words
}

fn chunks(format: Format, text: &str) -> Vec<Chunk> {
    let Ok(chunks) = pack(&format.read(text).blocks, |text| Ok::<_, Infallible>(words(text)));
    chunks
}

/// All that holds of any text whatever.
fn check(format: Format, text: &str) -> Vec<Chunk> {
    let chunks = chunks(format, text);
    let mut end = 0;
    for Chunk { text: seen, range, headings, above } in &chunks {
        let Range { start, end: next } = *range;
        assert!(start >= end && next > start, "{range:?} after {end}");
        assert!(text.get(range.clone()).is_some(), "{range:?} is within {} bytes", text.len());
        assert_eq!(seen.trim(), seen);
        assert!(!seen.is_empty());
        let tokens: usize = words(seen).iter().map(|word| word.tokens).sum();
        // A new line between blocks is no token here.
        assert!(tokens <= MOST_TOKENS, "{tokens}");
        assert!(above.len() <= headings.len() && headings.len() <= 6);
        end = next;
    }
    chunks
}

/// The words that a document made by chance is made of, in their order.
fn marked(text: &str) -> Vec<String> {
    Regex::new(r"w\d+").expect("a pattern").find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// Checks that every chunk has the words that its range has, and all together every word once.
fn check_words(format: Format, text: &str, seen: &str) {
    let mut all = Vec::new();
    for chunk in check(format, text) {
        let written = marked(&plain(format, &text[chunk.range.clone()]));
        assert_eq!(marked(&chunk.text), written, "{:?} of {text:?}", chunk.range);
        all.extend(written);
    }
    assert_eq!(all, marked(seen), "{text:?}");
}

/// What is seen of a part of a document, by other means than those tested: no marked word stands in what is taken away.
fn plain(format: Format, part: &str) -> String {
    let html = r"(?s)<!--.*?-->|<script>.*?</script>|<[^>]*>";
    match format {
        Format::Text => part.to_owned(),
        Format::Markdown | Format::Html => {
            Regex::new(html).expect("a pattern").replace_all(part, "").into_owned()
        }
    }
}

/// Numbers the `#` of a template, so that every word is another.
fn numbered(parts: &[String]) -> String {
    let mut number = 0;
    let mut text = String::new();
    for character in parts.concat().chars() {
        text.push(character);
        if character == '\u{1}' {
            text.pop();
            number += 1;
            text.extend(["w", &number.to_string()]);
        }
    }
    text
}

fn markdown() -> impl Strategy<Value = String> {
    let one = |template: &'static str| Just(template.replace('W', "\u{1}"));
    let part = prop_oneof![
        4 => (1_usize..90).prop_map(|count| "\u{1} \u{1}, \u{1}. ".repeat(count) + "\n\n"),
        2 => (1_usize..5).prop_map(|level| format!("{} \u{1} \u{1}\n\n", "#".repeat(level))),
        1 => one("W\n===\n\n"),
        1 => one("* W\n* **W** *W*\n   1. W `W`\n\n"),
        1 => one("> W &amp; W\\* W\n> W\n\n"),
        1 => one("| W | W |\n|---|---|\n| W | `W` |\n\n"),
        1 => one("```rust\nW\n\n  W\n```\n\n"),
        1 => one("[W](http://x/y \"z\") ![W](u) <http://x.org> W[^1]\n\n[^1]: W\n\n"),
        1 => one("<div class=\"a\"><b>W</b> W<!-- no --></div>\n\n"),
        1 => one("> <p>W\n> &lt;W</p>\n\n"),
        1 => one("W  \nW <b>W</b><br>W\n\n---\n\n"),
    ];
    prop::collection::vec(part, 1..14).prop_map(|parts| numbered(&parts))
}

fn html() -> impl Strategy<Value = String> {
    let one = |template: &'static str| Just(template.replace('W', "\u{1}"));
    let part = prop_oneof![
        4 => (1_usize..90).prop_map(|count| format!("<p>{}</p>", "\u{1} <i>\u{1}</i>&nbsp;\u{1}. ".repeat(count))),
        2 => (1_usize..6).prop_map(|level| format!("<h{level} id=x>\u{1} &amp; \u{1}</h{level}>\r\n")),
        1 => one("<ul><li>W<li>W&#33;W</ul>"),
        1 => one("<table><tr><td>W<td>W</tr></table>"),
        1 => one("<script>no</script><style>no</style><!-- no -->W"),
        1 => one("<pre>\n  W\n  W</pre>"),
        1 => one("<div hidden title='a>b'>W<br/>W</div>"),
        1 => one("</p>W<unknown>W</b>"),
        1 => one("<textarea>W</textarea><template>no</template>"),
    ];
    prop::collection::vec(part, 1..14).prop_map(|parts| numbered(&parts))
}

/// Anything, with much that means something to a parser.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<String>(),
        prop::sample::select(
            &[
                "<",
                "</",
                ">",
                "<p",
                "<script>",
                "</script>",
                "<title>",
                "<!--",
                "-->",
                "<![CDATA[",
                "]]>",
                "&",
                "&amp",
                "&#x",
                "&#0;",
                "&#xD800;",
                "&notit;",
                "<pre>",
                "<template>",
                "<h1>",
                "<textarea>",
                "\r",
                "\n",
                "\r\n",
                "\0",
                "\t",
                "    ",
                "> ",
                "* ",
                "1. ",
                "# ",
                "```",
                "~~~",
                "`",
                "``",
                "|",
                "|-|-|",
                "---",
                "===",
                "[",
                "](",
                "![",
                "[^1]",
                "[^1]: ",
                "**",
                "__",
                "~~",
                "\\",
                "<b",
                "e\u{301}",
                "\u{200d}",
                "漢字",
                "🙂",
                "\u{feff}",
                "<?",
                "<!D",
                "\u{2028}",
            ][..]
        )
        .prop_map(str::to_owned),
        (1_usize..400).prop_map(|count| "[".repeat(count)),
        (1_usize..400).prop_map(|count| "> ".repeat(count)),
        (1_usize..300).prop_map(|count| "a b. ".repeat(count)),
        (1_usize..900).prop_map(|count| "x".repeat(count)),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_chunk_of_markdown_is_what_its_range_holds_and_no_word_is_lost(text in markdown()) {
        check_words(Format::Markdown, &text, &text);
    }

    #[test]
    fn each_chunk_of_html_is_what_its_range_holds_and_no_word_is_lost(text in html()) {
        check_words(Format::Html, &text, &text);
    }

    #[test]
    fn each_chunk_of_text_is_what_its_range_holds_and_no_word_is_lost(
        counts in prop::collection::vec(1_usize..200, 1..12)
    ) {
        let paragraphs: Vec<String> = counts.iter().map(|count| "\u{1} \u{1}.\n".repeat(*count) + "\r\n \n").collect();
        let text = numbered(&paragraphs);
        check_words(Format::Text, &text, &text);
    }

    #[test]
    fn no_text_whatever_makes_a_reader_panic_or_a_range_wrong(text in hostile()) {
        for format in Format::ALL {
            check(format, &text);
        }
    }
}

#[test]
fn a_text_without_any_space_is_cut_all_the_same_and_kept_whole() {
    let text = "漢".repeat(5_000);
    let chunks = check(Format::Text, &text);
    assert!(chunks.len() >= 5_000 / 10 / TOKENS, "{}", chunks.len());
    assert_eq!(chunks.iter().map(|chunk| chunk.text.as_str()).collect::<String>(), text);
}

#[test]
fn a_chunk_says_under_which_headings_it_stands() {
    let filling = "Something is said here in a sentence of its own. ".repeat(12);
    let text = format!(
        "# Guide\n\n{filling}\n\n## Install\n\n{filling}\n\n### Windows\n\nClick.\n\n## Use\n\n{filling}"
    );
    let chunks = check(Format::Markdown, &text);
    let places: Vec<(&str, String, String)> = chunks
        .iter()
        .map(|chunk| {
            let first = chunk.text.lines().next().unwrap_or_default();
            (first, chunk.headings.join(" > "), chunk.above.join(" > "))
        })
        .collect();
    let place =
        |first: &'static str, headings: &str, above: &str| (first, headings.to_owned(), above.to_owned());
    assert_eq!(
        places,
        [
            place("Guide", "Guide", ""),
            place("Install", "Guide > Install", "Guide"),
            place("Windows", "Guide", "Guide"),
        ]
        .into_iter()
        .collect::<Vec<_>>()
    );
}

#[test]
fn entities_escapes_and_hidden_parts_are_read_as_a_reader_sees_them() {
    let seen = |format, text: &str| {
        let chunks = check(format, text);
        chunks.into_iter().map(|chunk| chunk.text).collect::<Vec<_>>().join("¶")
    };
    let page = "<html><head><title> A &amp;\n B </title><style>p{}</style></head><body><p>5 &lt; 6&nbsp;&euro;\
                <b> really</b> </p><script>var x = '<p>no</p>';</script><pre>a\n  b</pre></body>";
    assert_eq!(seen(Format::Html, page), "5 < 6 € really\na\n  b");
    assert_eq!(Format::Html.read(page).title.as_deref(), Some("A & B"));
    let note = "---\ntitle: no\n---\n5 \\* 6 &copy; `a*b`\nnext ~~gone~~\n";
    assert_eq!(seen(Format::Markdown, note), "5 * 6 © a*b next gone");
    assert_eq!(seen(Format::Text, "<b>&amp;\r\n\r\n*x*"), "<b>&amp;\n*x*");
}

#[test]
fn a_paragraph_put_in_at_the_beginning_leaves_most_chunks_as_they_were() {
    let paragraph = |number: usize| {
        let words: Vec<String> = (0..25).map(|word| format!("term{}", number * 31 + word * word)).collect();
        format!("{}.\n\n", words.join(" "))
    };
    let text: String = (0..200).map(paragraph).collect();
    let before = check(Format::Text, &text);
    let after = check(Format::Text, &format!("{}{text}", paragraph(999)));
    let known: Vec<&str> = before.iter().map(|chunk| chunk.text.as_str()).collect();
    let changed = after.iter().filter(|chunk| !known.contains(&chunk.text.as_str())).count();
    assert!(changed <= before.len() / 5, "{changed} of {}", before.len());
}
