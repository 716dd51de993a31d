//! What is known so far: what stages read, and what they have added.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::{
    Category, Citation, Content, Entry, Finding, Passages, Replacement, Retrieved, Ruling, Score, Span,
    Stated, Subject, Summary,
};

/// What is known so far about one text, or one summary.
#[derive(Clone, Debug)]
pub struct Dossier<S: Subject = Content> {
    subject: Arc<S>,
    entries: Vec<(Arc<str>, Entry)>,
    deadline: Option<Instant>,
    explain: bool,
    drafts: Option<UnboundedSender<Stated>>,
}

impl Dossier {
    /// The text judged.
    #[must_use]
    pub fn content(&self) -> &Arc<Content> {
        &self.subject
    }
}

impl<S: Subject> Dossier<S> {
    /// A dossier with nothing in it but what is examined.
    #[must_use]
    pub fn new(subject: Arc<S>) -> Self {
        Self { subject, entries: Vec::new(), deadline: None, explain: false, drafts: None }
    }

    /// The same dossier, of a caller who wants an explanation.
    #[must_use]
    pub fn to_be_explained(self, explain: bool) -> Self {
        Self { explain, ..self }
    }

    /// Whether the caller wants an explanation.
    #[must_use]
    pub fn explain(&self) -> bool {
        self.explain
    }

    /// What is examined.
    #[must_use]
    pub fn subject(&self) -> &Arc<S> {
        &self.subject
    }

    /// When the stage should have answered: one that would overrun answers for what it has read.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Every finding that stands so far, rulings' included.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let mut standing: Vec<&Finding> = Vec::new();
        for (_, entry) in &self.entries {
            match entry {
                Entry::Findings(findings) => standing.extend(findings),
                Entry::Rewrite(rewrite) => standing.extend(&rewrite.findings),
                Entry::Ruling(ruling) => standing.extend(&ruling.findings),
                Entry::Revision(revision) => {
                    let revised = |finding: &Finding| {
                        finding.score < Score::CERTAIN
                            && revision.findings.iter().any(|new| new.category == finding.category)
                    };
                    standing.retain(|finding| !revised(finding));
                    standing.extend(&revision.findings);
                }
                _ => {}
            }
        }
        standing.into_iter()
    }

    /// The lines that stages explained themselves by.
    pub fn explanations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Revision(revision) => revision.explanation.as_ref(),
            _ => None,
        })
    }

    /// What stages want masked, in their order.
    pub fn replacements(&self) -> impl Iterator<Item = &Replacement> {
        let rewrites = self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Rewrite(rewrite) => Some(rewrite),
            _ => None,
        });
        rewrites.flat_map(|rewrite| &rewrite.replacements)
    }

    /// What was retrieved so far.
    pub fn retrieved(&self) -> impl Iterator<Item = &Retrieved> {
        self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Precedents(retrieved) => Some(retrieved),
            _ => None,
        })
    }

    /// The highest score so far among `categories`, or among all if none is named.
    #[must_use]
    pub fn highest_score(&self, categories: &[Category]) -> Score {
        self.findings()
            .filter(|finding| categories.is_empty() || categories.contains(&finding.category))
            .map(|finding| finding.score)
            .max()
            .unwrap_or_default()
    }

    /// What may be summarized, as far as that is known.
    #[must_use]
    pub fn passages(&self) -> Option<&Passages> {
        self.entries.iter().rev().find_map(|(_, entry)| match entry {
            Entry::Passages(passages) => Some(passages),
            _ => None,
        })
    }

    /// The summary as it is.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.summaries().next()
    }

    /// The summary as it is, and before it those whose place it took.
    pub fn summaries(&self) -> impl Iterator<Item = &Summary> {
        self.entries.iter().rev().filter_map(|(_, entry)| match entry {
            Entry::Summary(summary) => Some(summary),
            _ => None,
        })
    }

    /// Whether somebody hears sentences while they are written.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.drafts.is_some()
    }

    /// Hands on a sentence of a summary that is still being written.
    pub fn draft(&self, sentence: Stated) {
        if let Some(drafts) = &self.drafts {
            // Nobody hears any more: then nobody misses it.
            let _ = drafts.send(sentence);
        }
    }

    /// Whether a citation is of bytes that its document has.
    pub(crate) fn holds(&self, citation: &Citation) -> bool {
        let source = self.passages().and_then(|passages| passages.sources.get(citation.document));
        let Span { start, end } = citation.span;
        start < end && source.is_some_and(|source| source.text.get(start..end).is_some())
    }

    pub(crate) fn ruling(&self) -> Option<&Ruling> {
        self.entries.iter().find_map(|(_, entry)| match entry {
            Entry::Ruling(ruling) => Some(ruling),
            _ => None,
        })
    }

    /// Whether a precedent of that id was retrieved for this text.
    pub(crate) fn retrieved_precedent(&self, id: &str) -> bool {
        let ruled = self.ruling().is_some_and(|ruling| ruling.precedents.iter().any(|p| &*p.id == id));
        ruled || self.retrieved().any(|found| found.precedents.iter().any(|p| &*p.id == id))
    }

    pub(crate) fn add(&mut self, stage: Arc<str>, entry: Entry) {
        self.entries.push((stage, entry));
    }

    pub(crate) fn due(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    pub(crate) fn hear(&mut self, drafts: Option<UnboundedSender<Stated>>) {
        self.drafts = drafts;
    }
}
