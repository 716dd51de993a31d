//! HTML as a reader sees it, without drawing it: elements that styles hide are read like any others.

use std::ops::Range;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Spanned, Token, Tokenizer};

use super::block::{Blocks, Reading};

/// Elements whose content is not text. The tokenizer gives it as one string.
const UNSEEN: [&[u8]; 6] = [b"script", b"style", b"noscript", b"iframe", b"noembed", b"title"];
/// Elements that stay within a line.
const INLINE: [&[u8]; 35] = [
    b"a", b"abbr", b"acronym", b"b", b"bdi", b"bdo", b"big", b"cite", b"code", b"data", b"del", b"dfn",
    b"em", b"font", b"i", b"img", b"ins", b"kbd", b"label", b"mark", b"q", b"rp", b"rt", b"ruby", b"s",
    b"samp", b"small", b"span", b"strike", b"strong", b"sub", b"sup", b"time", b"tt", b"u",
];
/// The longest a character reference is looked at, in bytes; the longest there is has 33.
const REFERENCE: usize = 40;

/// Reads a document, whole or in part, sound or broken.
pub(crate) fn read(source: &str) -> Reading {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut page =
        Page { source, title: None, blocks: Blocks::default(), unseen: None, templates: 0, pre: 0 };
    for token in Tokenizer::new_with_emitter(source, emitter) {
        // Reading from memory does not fail.
        let Ok(token) = token;
        page.take(token);
    }
    Reading { title: page.title.filter(|title| !title.is_empty()), blocks: page.blocks.finish() }
}

struct Page<'a> {
    source: &'a str,
    title: Option<String>,
    blocks: Blocks,
    /// The element at hand whose content is not text.
    unseen: Option<Vec<u8>>,
    /// How deep inside templates, which nobody sees.
    templates: usize,
    /// How deep inside elements that keep white space as it is.
    pre: usize,
}

impl Page<'_> {
    fn take(&mut self, token: Token<usize>) {
        match token {
            Token::StartTag(tag) => self.start(&tag.name, tag.span.start..tag.span.end),
            Token::EndTag(tag) => self.end(&tag.name, tag.span.start..tag.span.end),
            Token::String(text) => self.say(&text),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }

    fn start(&mut self, name: &[u8], span: Range<usize>) {
        self.unseen = UNSEEN.contains(&name).then(|| name.to_vec());
        match name {
            b"template" => self.templates += 1,
            b"pre" | b"textarea" => self.pre += 1,
            _ => {}
        }
        self.edge(name, span, heading(name));
    }

    fn end(&mut self, name: &[u8], span: Range<usize>) {
        self.unseen = None;
        match name {
            b"template" => self.templates = self.templates.saturating_sub(1),
            b"pre" | b"textarea" => self.pre = self.pre.saturating_sub(1),
            _ => {}
        }
        self.edge(name, span, None);
    }

    /// A tag ends a block, or parts two words, or neither.
    fn edge(&mut self, name: &[u8], span: Range<usize>, heading: Option<u8>) {
        match name {
            b"br" | b"wbr" | b"td" | b"th" | b"option" => self.blocks.space(span),
            name if INLINE.contains(&name) || UNSEEN.contains(&name) => {}
            _ => self.blocks.next(heading),
        }
    }

    fn say(&mut self, text: &Spanned<html5gum::HtmlString, usize>) {
        let start = text.span.start;
        let Some(written) = self.source.get(start..text.span.end) else { return };
        if let Some(element) = &self.unseen {
            if element == b"title" && self.title.is_none() {
                let title = String::from_utf8_lossy(&text.value);
                self.title = Some(title.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        } else if self.templates == 0 {
            if *text.value == *written.as_bytes() {
                self.write(written, start);
            } else {
                self.decode(written, start);
            }
        }
    }

    /// Text that has character references.
    fn decode(&mut self, written: &str, start: usize) {
        let mut at = 0;
        while let Some(rest) = written.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = rest.find('&').unwrap_or(rest.len());
            self.write(rest.get(..plain).unwrap_or_default(), start + at);
            at += plain;
            let Some(reference) = rest.get(plain..plain + reference(rest.get(plain..).unwrap_or_default()))
            else {
                break;
            };
            let meant = meaning(reference);
            if meant == reference {
                self.write(reference, start + at);
            } else if meant.chars().all(char::is_whitespace) {
                self.blocks.space(start + at..start + at + reference.len());
            } else {
                self.blocks.now().mean(&meant, start + at..start + at + reference.len());
            }
            at += reference.len();
        }
    }

    fn write(&mut self, written: &str, start: usize) {
        if self.pre > 0 {
            self.blocks.now().say(written, start);
        } else {
            self.blocks.now().flow(written, start);
        }
    }
}

fn heading(name: &[u8]) -> Option<u8> {
    match name {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// Bytes of what may be a character reference at the start of `text`.
fn reference(text: &str) -> usize {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
    let length = text.bytes().skip(1).take(REFERENCE).take_while(name).count();
    let length = (length + 1).min(text.len());
    length + usize::from(text.as_bytes().get(length) == Some(&b';'))
}

fn meaning(reference: &str) -> String {
    let mut meant = String::new();
    for token in Tokenizer::new(reference) {
        let Ok(token) = token;
        if let Token::String(text) = token {
            meant.push_str(&String::from_utf8_lossy(&text.value));
        }
    }
    meant
}
