//! No text panics, every span lies in the original, and normalizing twice is once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policies::Content;

fuzz_target!(|text: &str| {
    let Ok(content) = Content::new(text) else { return };
    for view in content.views() {
        let ends: Vec<usize> = view.text().char_indices().map(|(at, _)| at).chain([view.text().len()]).collect();
        let mut before = view.span(0..0);
        for pair in ends.windows(2) {
            let span = view.span(pair[0]..pair[1]);
            assert!(text.get(span.range()).is_some_and(|source| !source.is_empty()));
            assert!(before.start <= span.start && before.end <= span.end);
            before = span;
        }
    }
    content.language();
    let again = Content::new(content.plain().text()).expect("a plain text is a text");
    assert_eq!(again.plain().text(), content.plain().text());
});
