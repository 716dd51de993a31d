//! Markdown: `CommonMark` with tables, footnotes, task lists and struck text.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::block::{Blocks, Reading};
use super::html;
use super::mapped::Mapped;

/// Reads a document; what is written in HTML within it is read as HTML.
pub(crate) fn read(source: &str) -> Reading {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut page = Page { source, blocks: Blocks::default(), html: None, hidden: false };
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        page.take(event, range);
    }
    Reading { title: None, blocks: page.blocks.finish() }
}

struct Page<'a> {
    source: &'a str,
    blocks: Blocks,
    /// A block of HTML being collected.
    html: Option<Mapped>,
    /// Inside a front matter, which is about the text and none of it.
    hidden: bool,
}

impl Page<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if !self.hidden => self.say(&text, range),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.code(&text, range),
            Event::Html(text) => {
                let written = self.source.get(range.clone()).unwrap_or_default();
                self.html.get_or_insert_default().trace(&text, written, range.start);
            }
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.blocks.space(range),
            Event::SoftBreak | Event::HardBreak => self.blocks.space(range),
            Event::Rule => self.blocks.next(None),
            Event::Text(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Heading { level, .. } => self.blocks.next(Some(*level as u8)),
            Tag::TableCell => self.blocks.space(range.start..range.start),
            Tag::HtmlBlock => {
                self.blocks.next(None);
                self.html = Some(Mapped::default());
            }
            Tag::MetadataBlock(_) => self.hidden = true,
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. } => {}
            _ => self.blocks.next(None),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::HtmlBlock => {
                let outer = self.html.take().unwrap_or_default();
                for mut block in html::read(outer.text()).blocks {
                    block.text = block.text.within(&outer);
                    self.blocks.done.push(block);
                }
            }
            TagEnd::MetadataBlock(_) => self.hidden = false,
            TagEnd::TableCell
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image => {}
            _ => self.blocks.next(None),
        }
    }

    fn say(&mut self, text: &str, range: Range<usize>) {
        let written = self.source.get(range.clone()).unwrap_or_default();
        if written.starts_with('&') && written != text {
            self.blocks.now().mean(text, range);
        } else {
            self.blocks.now().trace(text, written, range.start);
        }
    }

    /// The range has the marks around the code, too.
    fn code(&mut self, text: &str, range: Range<usize>) {
        let written = self.source.get(range.clone()).unwrap_or_default();
        let before = written.find(text).unwrap_or_default();
        let inner = written.get(before..).unwrap_or_default();
        let inner = inner.get(..text.len()).filter(|inner| *inner == text).unwrap_or(inner);
        self.blocks.now().trace(text, inner, range.start + before);
    }
}
