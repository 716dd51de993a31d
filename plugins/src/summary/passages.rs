//! `passages`: what of the documents may be summarized. Attacks on the reading model are taken out, and what the policy
//! would not let pass.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use inference::Embedder;
use policies::{
    Action, Assignment, Category, Dossier, Entry, Examination, Part, Passage, Passages, Sentence, Shelf,
    Span, Stage, StageError, Withheld,
};
use serde::Deserialize;
use tokio::time::Instant;

use super::embedded::embedded;
use super::withhold::{Because, Judging, Opinion};
use crate::registry::{Resources, StageConfig};
use crate::shield;

/// Characters of a passage at most, unless one sentence has more: as much as the encoder reads at once.
const CHARS: usize = 800;
/// Characters from which on a passage ends before a heading.
const LEAST_CHARS: usize = 200;
/// Passages of a summary judged at the same time.
pub const AT_ONCE: usize = 8;

/// Options of `passages`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The mildest action of the policy that keeps a passage out.
    #[serde(default = "default_withhold_from")]
    withhold_from: Action,
    /// What becomes of a harmful passage.
    #[serde(default)]
    harmful: Harmful,
}

fn default_withhold_from() -> Action {
    Action::Review
}

/// What becomes of a harmful passage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Harmful {
    /// Its harmful sentences are taken out; all of it, if no single one is harmful.
    #[default]
    Mask,
    /// It is dropped.
    Drop,
}

impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "passages";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        if self.withhold_from == Action::Allow {
            return Err("`withhold_from` is `flag`, `review` or `block`: with `allow` nothing would be left"
                .to_owned());
        }
        let judging = Judging { pipeline: resources.judging()?, from: self.withhold_from };
        shield::prepare();
        Ok(Box::new(Choosing { judging, harmful: self.harmful, embedder: resources.embedder.clone() }))
    }
}

struct Choosing {
    judging: Judging,
    harmful: Harmful,
    embedder: Embedder,
}

/// What one passage came to.
#[derive(Default)]
struct Judged {
    kept: Option<Passage>,
    withheld: Vec<(Part, Option<Category>)>,
    read: bool,
    degraded: bool,
    scored: Vec<Category>,
    device: Option<Arc<str>>,
}

#[async_trait]
impl Stage<Assignment> for Choosing {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        let deadline = dossier.deadline();
        let Shelf { sources, passages } = dossier.subject().library.open().await?;
        let mut withheld = Vec::new();
        let defused = passages
            .into_iter()
            .flat_map(|passage| grouped(defused(&passage, &mut withheld)))
            .collect::<Vec<_>>();
        let total = defused.len();
        let judging = defused.into_iter().map(|passage| self.judged(passage, deadline));
        let judged: Vec<Result<Judged, StageError>> = stream::iter(judging).buffered(AT_ONCE).collect().await;
        let starts = starts(&sources);
        let mut found = Passages { sources, shown: Vec::new(), withheld };
        let mut examination = Examination::of(Entry::Passages(Passages::default()));
        let (mut unread, mut degraded) = (0, 0);
        for one in judged {
            let Judged { kept, withheld, read, degraded: faulty, scored, device } = one?;
            unread += usize::from(!read);
            degraded += usize::from(faulty);
            for (what, category) in withheld {
                Withheld::count(&mut found.withheld, what, category);
            }
            examination.device = device.or(examination.device);
            if examination.scored.is_empty() {
                examination.scored = scored;
            }
            if let Some(passage) = kept {
                examination.read.extend(bytes(&passage, &starts));
                found.shown.push(passage);
            }
        }
        examination.cut_short = match (unread, degraded) {
            (0, 0) => None,
            (0, degraded) => {
                Some(format!("{degraded} of {total} passages were judged by a part of the stages only"))
            }
            (unread, _) => Some(format!("the deadline came before {unread} of {total} passages were judged")),
        };
        examination.entry = Entry::Passages(found);
        Ok(examination)
    }
}

impl Choosing {
    /// Judges the sentences of a passage one by one, since harm is thinned by what stands around it, and then what is left
    /// as a whole, since harm may be spread. What the deadline leaves unread is not shown.
    async fn judged(&self, passage: Passage, deadline: Option<Instant>) -> Result<Judged, StageError> {
        // Together, which is cheaper than one by one: judging finds the vectors remembered, as `extract` and `ground` do.
        embedded(&self.embedder, std::slice::from_ref(&passage), deadline).await?;
        let Passage { document, sentences } = passage;
        let mut judged = Judged { read: true, ..Judged::default() };
        let mut kept = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Judged { withheld: vec![(Part::Passage, None)], ..Judged::default() });
            }
            match judged.note(self.judging.of(&sentence.text, deadline).await?) {
                Some(because) => judged.withheld.push((Part::Sentence, because.category())),
                None => kept.push(sentence),
            }
        }
        let whole = match judged.withheld.first() {
            Some((_, category)) if self.harmful == Harmful::Drop => Some(category.clone()),
            _ if kept.is_empty() => return Ok(judged),
            _ => {
                let rest = Passage { document, sentences: std::mem::take(&mut kept) };
                let because = judged.note(self.judging.of(&rest.text(), deadline).await?);
                judged.kept = Some(rest);
                because.map(Because::category)
            }
        };
        if let Some(category) = whole {
            judged.kept = None;
            judged.withheld = vec![(Part::Passage, category)];
        }
        Ok(judged)
    }
}

impl Judged {
    /// Takes note of an opinion, and says for which harm the text is kept out, if it is.
    fn note(&mut self, opinion: Opinion) -> Option<Because> {
        self.degraded |= opinion.degraded;
        self.device = opinion.device.or(self.device.take());
        self.scored = opinion.scored;
        opinion.withheld
    }
}

/// A part of a document without what is meant for the model that reads it.
fn defused(passage: &Passage, withheld: &mut Vec<Withheld>) -> Passage {
    let texts: Vec<&str> = passage.sentences.iter().map(|sentence| &*sentence.text).collect();
    let attacks = shield::attacks(&texts, None);
    let kept = passage.sentences.iter().zip(attacks).filter_map(|(sentence, attack)| {
        let Some(attack) = attack else { return Some(sentence.clone()) };
        Withheld::count(withheld, Part::Sentence, Some(Category::PromptAttack));
        without(sentence, attack.range)
    });
    Passage { document: passage.document, sentences: kept.collect() }
}

/// A sentence without an aside. Where that stood at one end, its bytes are those of the rest; in the middle, they still
/// are those of the whole.
fn without(sentence: &Sentence, aside: Range<usize>) -> Option<Sentence> {
    let before = sentence.text.get(..aside.start).unwrap_or_default().trim_end();
    let after = sentence.text.get(aside.end..).unwrap_or_default().trim_start();
    let Span { start, end } = sentence.span;
    let verbatim = end - start == sentence.text.len();
    let (text, span) = match (before, after) {
        ("", "") => return None,
        (before, "") if verbatim => (before.to_owned(), Span { start, end: start + before.len() }),
        ("", after) if verbatim => (after.to_owned(), Span { start: end - after.len(), end }),
        (before, after) => {
            let gap = if before.is_empty() || after.starts_with(|c: char| c.is_ascii_punctuation()) {
                ""
            } else {
                " "
            };
            (format!("{before}{gap}{after}"), sentence.span)
        }
    };
    Some(Sentence { span, text: text.into(), heading: sentence.heading })
}

/// The same sentences as passages that can be judged, and shown, by themselves.
fn grouped(passage: Passage) -> Vec<Passage> {
    let Passage { document, sentences } = passage;
    let mut groups: Vec<Vec<Sentence>> = Vec::new();
    let mut chars = 0;
    for sentence in sentences {
        let more = sentence.text.chars().count();
        let after_heading = groups.last().and_then(|group| group.last()).is_some_and(|last| last.heading);
        let full = chars + more > CHARS || (sentence.heading && chars >= LEAST_CHARS);
        if let Some(group) = groups.last_mut().filter(|_| !full || after_heading) {
            group.push(sentence);
        } else {
            groups.push(vec![sentence]);
            chars = 0;
        }
        chars += more;
    }
    groups.into_iter().map(|sentences| Passage { document, sentences }).collect()
}

/// Where each document begins if all stand one behind the other: a record counts bytes so.
fn starts(sources: &[policies::Source]) -> Vec<usize> {
    let mut at = 0;
    sources
        .iter()
        .map(|source| {
            let start = at;
            at += source.text.len();
            start
        })
        .collect()
}

fn bytes<'a>(passage: &'a Passage, starts: &'a [usize]) -> impl Iterator<Item = Span> + 'a {
    let start = starts.get(passage.document).copied().unwrap_or_default();
    let moved = move |sentence: &Sentence| Span {
        start: start + sentence.span.start,
        end: start + sentence.span.end,
    };
    passage.sentences.iter().map(moved)
}
