//! Writing a summary: level by level until all fits one prompt.

use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use inference::{Finish, GenerateOptions, InferenceError, Llama};

use super::{
    CutShort, Length, Part, Plan, Request, Step, Tongue, WriteError, Written, between,
    markers::{Markers, Strip},
    plan::{Measure, grouped, parts},
    prompt::{ask, harmless},
    tokens,
};

/// Levels of summaries at most. Each has at most half as many prompts as the one before, or there is no next.
const MOST_LEVELS: usize = 8;
/// Partial summaries that grow side by side.
const SIDE_BY_SIDE: usize = 4;

/// What a prompt shows under one number, and what that rests on.
struct Item {
    text: String,
    parts: Vec<Part>,
    /// The step that wrote it.
    from: Option<usize>,
}

/// What came of one prompt.
#[derive(Default)]
struct Answer {
    text: String,
    markers: Markers,
    prompt_tokens: usize,
    new_tokens: usize,
    cut_short: Option<CutShort>,
    took: Duration,
}

/// Writes a summary. `on_text` hears the answer as it grows, without markers: what it hears is [`Written::text`] in
/// pieces. Dropping the future cancels the generation.
///
/// Deadlines are the caller's: with [`Llama::until`] what was written by then is returned as [`CutShort::Deadline`].
///
/// # Errors
///
/// [`WriteError`]; [`InferenceError::MemoryFull`] among them when keys and values have no room.
pub async fn write(
    llama: &Llama,
    request: &Request<'_>,
    on_text: &mut (dyn FnMut(&str) + Send),
) -> Result<Written, WriteError> {
    let context = llama.shape().context;
    let mut plan = Plan { context, ..Plan::default() };
    let mut items = first_items(llama, request)?;
    if items.is_empty() {
        return Err(WriteError::NoText);
    }
    let mut took = Duration::ZERO;
    let mut before = usize::MAX;
    let mut cut_short = None;
    for level in 0..MOST_LEVELS {
        let whole = Showing { llama, request, length: request.length };
        let shown: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        plan.levels = level + 1;
        if whole.tokens(&shown)? <= whole.room() {
            let text = whole.write(&items, on_text).await?;
            took += text.took;
            let markers = cited(&text.markers, &items);
            plan.steps.push(step(level, &items, &text));
            let cut_short = text.cut_short.or(cut_short);
            return Ok(Written { text: text.text, markers, plan, cut_short, took });
        }
        let part = Showing { llama, request, length: between(request.length) };
        let groups = grouped(&shown, part.room(), &part).map_err(|error| of_context(error, context))?;
        if groups.len() >= before {
            return Err(WriteError::TooMuch { levels: level, context });
        }
        before = groups.len();
        let groups: Vec<&[Item]> = groups.into_iter().filter_map(|group| items.get(group)).collect();
        let texts = together(&part, &groups).await?;
        let mut next = Vec::new();
        for (group, text) in groups.iter().zip(&texts) {
            next.extend(sentences(text, group, plan.steps.len(), request.language));
            plan.steps.push(step(level, group, text));
            took += text.took;
            cut_short = cut_short.max(text.cut_short);
        }
        if cut_short == Some(CutShort::Deadline) || next.is_empty() {
            return Ok(Written { text: String::new(), markers: Vec::new(), plan, cut_short, took });
        }
        items = next;
    }
    Err(WriteError::TooMuch { levels: MOST_LEVELS, context })
}

/// The summaries of groups, some at a time, in order.
async fn together(showing: &Showing<'_>, groups: &[&[Item]]) -> Result<Vec<Answer>, WriteError> {
    let texts = groups.iter().map(|group| async move { showing.write(group, &mut |_| {}).await });
    // Boxed, since the compiler cannot see that the futures of borrowed groups may go from thread to thread.
    let texts: Vec<BoxFuture<'_, _>> = texts.map(FutureExt::boxed).collect();
    stream::iter(texts).buffered(SIDE_BY_SIDE).try_collect().await
}

/// The passages as they are shown, those too long for a prompt in parts.
fn first_items(llama: &Llama, request: &Request<'_>) -> Result<Vec<Item>, WriteError> {
    let part = Showing { llama, request, length: between(request.length) };
    let room = part.room();
    let fits = |text: &str| Ok(part.tokens(&[&harmless(text)])? <= room);
    let mut items = Vec::new();
    for (place, passage) in request.passages.iter().enumerate() {
        let parts = parts((place, passage), code(request.language), &fits)
            .map_err(|error| of_context(error, llama.shape().context))?;
        for part in parts {
            let text = harmless(passage.get(part.range.clone()).unwrap_or_default());
            if !text.is_empty() {
                items.push(Item { text, parts: vec![part], from: None });
            }
        }
    }
    Ok(items)
}

/// A partial summary's sentences, each as an item that rests on what its markers say; on the whole group where they say
/// nothing.
fn sentences(text: &Answer, group: &[Item], from: usize, language: Tongue) -> Vec<Item> {
    let item = |range: std::ops::Range<usize>| {
        let numbers = text.markers.iter().filter(|(at, _)| range.start < *at && *at <= range.end);
        let mut shown: Vec<&Item> = numbers.flat_map(|(_, numbers)| named(numbers, group)).collect();
        if shown.is_empty() {
            shown = group.iter().collect();
        }
        let parts = together_once(shown.into_iter());
        Item { text: harmless(text.text.get(range).unwrap_or_default()), parts, from: Some(from) }
    };
    crate::sentences(&text.text, Some(code(language))).into_iter().map(item).collect()
}

fn named<'a>(numbers: &'a [usize], items: &'a [Item]) -> impl Iterator<Item = &'a Item> {
    numbers.iter().filter_map(|number| items.get(number.checked_sub(1)?))
}

/// All parts of items, each once.
fn together_once<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for part in items.flat_map(|item| &item.parts) {
        if !parts.contains(part) {
            parts.push(part.clone());
        }
    }
    parts
}

/// Markers with the passages of the request in place of the prompt's numbers.
fn cited(markers: &Markers, items: &[Item]) -> Vec<(usize, Vec<usize>)> {
    let passages = |numbers: &Vec<usize>| {
        let mut passages: Vec<usize> =
            named(numbers, items).flat_map(|item| &item.parts).map(|part| part.passage).collect();
        passages.sort_unstable();
        passages.dedup();
        passages
    };
    markers.iter().map(|(at, numbers)| (*at, passages(numbers))).collect()
}

fn step(level: usize, items: &[Item], text: &Answer) -> Step {
    let mut from: Vec<usize> = items.iter().filter_map(|item| item.from).collect();
    from.dedup();
    Step {
        level,
        parts: together_once(items.iter()),
        from,
        prompt_tokens: text.prompt_tokens,
        new_tokens: text.new_tokens,
    }
}

fn of_context(error: WriteError, context: usize) -> WriteError {
    match error {
        WriteError::NoRoom { .. } => WriteError::NoRoom { context },
        error => error,
    }
}

fn code(language: Tongue) -> &'static str {
    match language {
        Tongue::English => "en",
        Tongue::German => "de",
    }
}

/// A model and how it is asked.
struct Showing<'a> {
    llama: &'a Llama,
    request: &'a Request<'a>,
    length: Length,
}

impl Measure for Showing<'_> {
    fn tokens(&self, items: &[&str]) -> Result<usize, WriteError> {
        Ok(self.llama.prompt_ids(&self.asked(items.iter().copied()).prompt())?.len())
    }
}

impl Showing<'_> {
    fn asked<'a>(&self, items: impl IntoIterator<Item = &'a str>) -> super::Asked {
        ask(items, self.request.query, self.length, self.request.language)
    }

    /// Tokens the answer may have: what the length says, and no more than a quarter of a small context.
    fn most_new(&self) -> usize {
        tokens(self.length).min(self.llama.shape().context / 4)
    }

    /// Tokens the prompt may have.
    fn room(&self) -> usize {
        self.llama.shape().context.saturating_sub(self.most_new())
    }

    async fn write(
        &self,
        items: &[Item],
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer, WriteError> {
        let asked = self.asked(items.iter().map(|item| item.text.as_str()));
        let options = GenerateOptions {
            new: self.most_new(),
            sampling: self.request.sampling.clone(),
            ..GenerateOptions::default()
        };
        let mut strip = Strip::new(items.len());
        let mut text =
            Answer { prompt_tokens: self.llama.prompt_ids(&asked.prompt())?.len(), ..Answer::default() };
        let mut hear = |piece: String, text: &mut Answer| {
            if !piece.is_empty() {
                on_text(&piece);
                text.text.push_str(&piece);
            }
        };
        match self.llama.stream(&asked.prompt(), options).await {
            Ok(mut writing) => {
                while let Some(heard) = writing.next().await {
                    match heard {
                        Ok(inference::Written::Text(piece)) => hear(strip.push(&piece), &mut text),
                        Ok(inference::Written::End(end)) => {
                            text.new_tokens = end.ids.len();
                            text.took = end.took;
                            if matches!(end.finish, Finish::Length | Finish::Context) {
                                text.cut_short = Some(CutShort::Length);
                            }
                        }
                        Err(error) => text.cut_short = Some(late(error)?),
                    }
                }
            }
            Err(error) => text.cut_short = Some(late(error)?),
        }
        hear(strip.end(), &mut text);
        text.markers = strip.into_markers();
        Ok(text)
    }
}

/// A deadline cuts short; anything else is an error.
fn late(error: InferenceError) -> Result<CutShort, WriteError> {
    match error {
        InferenceError::DeadlinePassed => Ok(CutShort::Deadline),
        error => Err(error.into()),
    }
}
