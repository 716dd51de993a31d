//! `adjudicate`: a LLaMA's second opinion where the stages before were not sure.
//!
//! The model reads the policy's categories, the clauses and precedents that were retrieved, and the text; how likely
//! it is to say `unsafe` rather than `safe` becomes a probability. Put `only_if = { score_within = … }` beside it: the
//! model is the dearest of the stages.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use inference::{GuardPrompt, Llama, Role, Scored};
use policies::{
    Category, Dossier, Entry, Evidence, Examination, Finding, Policy, Revision, Score, Severity, Span, Stage,
    StageError, Tokens,
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::answer::{Cited, MOST_TOKENS};
use crate::brief::{self, Brief, Shown};
use crate::registry::{Resources, StageConfig};

/// Options of `adjudicate`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// How much the model's opinion counts against the score so far, `0.0..=1.0`: log-odds are averaged with it.
    #[serde(default = "default_weight")]
    weight: f32,
    /// Categories with at least this score so far are in question; the one with the highest score always is.
    #[serde(default = "default_question_from")]
    question_from: f32,
    /// Precedents shown, the nearest.
    #[serde(default = "default_precedents")]
    precedents: usize,
    /// Clauses shown, the nearest.
    #[serde(default = "default_clauses")]
    clauses: usize,
}

fn default_weight() -> f32 {
    0.5
}
fn default_question_from() -> f32 {
    0.2
}
fn default_precedents() -> usize {
    4
}
fn default_clauses() -> usize {
    2
}

impl StageConfig for Config {
    const KIND: &'static str = "adjudicate";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage>, String> {
        let Some(llama) = resources.llama.clone() else {
            return Err("no LLaMA is loaded; name its folder in `llama.folder`".to_owned());
        };
        let unit = 0.0..=1.0;
        if !unit.contains(&self.weight) || !unit.contains(&self.question_from) {
            return Err("`weight` and `question_from` lie within 0 to 1".to_owned());
        }
        if self.precedents > 16 || self.clauses > 16 {
            return Err("`precedents` and `clauses` are at most 16".to_owned());
        }
        let prompt = brief::prompt(&llama, &resources.policy);
        let window = brief::window(&llama, &prompt, &Brief::default()).map_err(|error| error.to_string())?;
        if window.is_none() {
            let context = llama.shape().context;
            return Err(format!("the categories leave no room for a text in the model's {context} tokens"));
        }
        let prefix = prompt.prefix(Role::User);
        let policy = Arc::clone(&resources.policy);
        // No policy waits for another's many texts, and none shares what the model remembers.
        let llama = llama.scoped(policy.digest());
        Ok(Box::new(Adjudicate { config: self, llama, policy, prompt, prefix }))
    }
}

struct Adjudicate {
    config: Config,
    llama: Llama,
    policy: Arc<Policy>,
    prompt: GuardPrompt,
    prefix: String,
}

/// The window that the model thinks worst of.
struct Worst {
    suffix: String,
    span: Span,
    /// Calibrated, `0.0..=1.0`.
    probability: f64,
}

/// What the model thinks, and what that rests on besides what speaks for one category or another.
struct Opinion<'a> {
    brief: &'a Brief<'a>,
    probability: f64,
    evidence: Vec<Evidence>,
}

/// What the model has read so far.
struct Hearing {
    worst: Option<Worst>,
    read: Vec<Span>,
    tokens: Tokens,
    cut_short: Option<String>,
}

#[async_trait]
impl Stage for Adjudicate {
    async fn examine(&self, dossier: &Dossier) -> Result<Examination, StageError> {
        let (brief, window) = self.brief(dossier)?;
        let mut hearing = self.hear(dossier, &brief, window).await?;
        let mut revision = Revision::default();
        if let Some(worst) = &hearing.worst {
            let mut cited = Cited::default();
            if dossier.explain() {
                cited = self.ask(worst, &mut hearing.tokens).await?;
                revision.explanation = Some(cited.explanation(worst.probability, &brief).into());
            }
            let mut evidence = cited.evidence(&brief);
            if worst.probability >= 0.5 {
                evidence.insert(0, Evidence::Span(worst.span));
            }
            let opinion = Opinion { brief: &brief, probability: worst.probability, evidence };
            revision.findings = self.revised(dossier, &opinion);
        }
        Ok(Examination {
            entry: Entry::Revision(revision),
            device: Some(self.llama.device().provider.name().into()),
            read: hearing.read,
            scored: Vec::new(),
            cached: false,
            cut_short: hearing.cut_short,
            tokens: Some(hearing.tokens),
        })
    }
}

impl Adjudicate {
    /// As much of what was retrieved as leaves room for the text, and that room in tokens.
    fn brief<'a>(&'a self, dossier: &'a Dossier) -> Result<(Brief<'a>, usize), StageError> {
        let Config { precedents, clauses, .. } = self.config;
        let shown = Shown { precedents, clauses };
        let mut brief = Brief::new(dossier, &self.policy, &self.prompt, shown);
        loop {
            if let Some(window) = brief::window(&self.llama, &self.prompt, &brief).map_err(unavailable)? {
                return Ok((brief, window));
            }
            let Some(shorter) = brief.shorter() else {
                return Err(self.unreadable("its context holds no text".to_owned()));
            };
            brief = shorter;
        }
    }

    /// Every window of every view to be read, or as many as the deadline allows.
    async fn hear(&self, dossier: &Dossier, brief: &Brief<'_>, window: usize) -> Result<Hearing, StageError> {
        let mut hearing =
            Hearing { worst: None, read: Vec::new(), tokens: Tokens::default(), cut_short: None };
        let mut windows = Vec::new();
        for view in dossier.content().readings() {
            let ranges = self.llama.windows(view.text(), window, window / 8);
            windows.extend(ranges.map_err(unavailable)?.into_iter().map(|range| (view, range)));
        }
        let total = windows.len();
        let choices = [GuardPrompt::SAFE.to_owned(), GuardPrompt::UNSAFE.to_owned()];
        for (done, (view, range)) in windows.into_iter().enumerate() {
            if dossier.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
                hearing.cut_short = Some(format!("the deadline came after {done} of {total} windows"));
                break;
            }
            let suffix = brief.suffix(&self.prompt, view.text().get(range.clone()).unwrap_or_default());
            let scored = self.llama.score(&self.prefix, std::slice::from_ref(&suffix), &choices).await;
            let scored = scored.map_err(unavailable)?;
            add(&mut hearing.tokens, &scored);
            let probability = self.probability(&scored)?;
            let span = view.span(range);
            hearing.read.push(span);
            if hearing.worst.as_ref().is_none_or(|worst| worst.probability < probability) {
                hearing.worst = Some(Worst { suffix, span, probability });
            }
        }
        Ok(hearing)
    }

    /// The calibrated probability that the model finds harm.
    fn probability(&self, scored: &Scored) -> Result<f64, StageError> {
        let row = scored.log_probabilities.first().map(Vec::as_slice);
        let Some([safe, unsafe_]) = row else {
            return Err(self.unreadable("it did not score both answers".to_owned()));
        };
        let margin = unsafe_ - safe;
        if !margin.is_finite() {
            return Err(self.unreadable(format!("{margin} is no difference of log-probabilities")));
        }
        let calibration = self.llama.card().calibration;
        Ok(calibration.map_or_else(|| sigmoid(margin), |calibration| calibration.probability(margin)))
    }

    /// What the model says in words about the window it thinks worst of.
    async fn ask(&self, worst: &Worst, tokens: &mut Tokens) -> Result<Cited, StageError> {
        let prompt = inference::Prompt::raw(&format!("{}{}", self.prefix, worst.suffix));
        let said = self.llama.generate(&prompt, MOST_TOKENS).await.map_err(unavailable)?;
        tokens.prompt += said.prompt_tokens;
        tokens.cached += said.cached_tokens;
        tokens.computed += said.prompt_tokens.saturating_sub(said.cached_tokens) + said.ids.len();
        Ok(Cited::read(&said.text))
    }

    /// The categories in question, with the model's opinion weighed in.
    ///
    /// It is one opinion of the whole text. That there is no harm counts for every category; that there is some counts
    /// for those that were likelier than not before, or else for the likeliest, and for those that a precedent shown
    /// was ruled on: an insult is not hate as well.
    fn revised(&self, dossier: &Dossier, opinion: &Opinion<'_>) -> Vec<Finding> {
        let Opinion { brief, probability, evidence } = opinion;
        let in_question = self.in_question(dossier);
        let likeliest = in_question.values().map(|(score, _)| *score).max().unwrap_or_default();
        let mut revised = Vec::new();
        for (category, (before, severity)) in in_question {
            let score = self.weighed(before, *probability);
            let is_meant = before.value() >= 0.5 || before == likeliest || brief.is_ruled_harmful(&category);
            if score > before && !is_meant {
                continue;
            }
            // Severities of the stages before follow their own scores: a harm that only the model sees would have none.
            let severity = if score.value() >= 0.5 { severity.max(Severity::MILD) } else { severity };
            let shown = brief.evidence(&category, *probability >= 0.5);
            let shown = shown.into_iter().filter(|one| !evidence.contains(one));
            let evidence = evidence.iter().cloned().chain(shown).collect();
            revised.push(Finding { category, score, severity, evidence });
        }
        revised
    }

    /// Categories with their highest uncertain score so far, and its severity.
    fn in_question(&self, dossier: &Dossier) -> BTreeMap<Category, (Score, Severity)> {
        let mut found: BTreeMap<Category, (Score, Severity)> = BTreeMap::new();
        for finding in dossier.findings().filter(|finding| finding.score < Score::CERTAIN) {
            let best = found.entry(finding.category.clone()).or_default();
            *best = (best.0.max(finding.score), best.1.max(finding.severity));
        }
        let highest = found.values().map(|(score, _)| *score).max().unwrap_or_default();
        let from = Score::new(self.config.question_from).unwrap_or_default().min(highest);
        found.retain(|_, (score, _)| *score >= from);
        found
    }

    /// Log-odds, averaged: two opinions of one question.
    #[expect(clippy::cast_possible_truncation, reason = "a probability needs no more")]
    fn weighed(&self, before: Score, probability: f64) -> Score {
        let weight = f64::from(self.config.weight);
        let odds = (1.0 - weight) * log_odds(before.value().into()) + weight * log_odds(probability);
        Score::new(sigmoid(odds) as f32).unwrap_or(before)
    }

    fn unreadable(&self, reason: String) -> StageError {
        StageError::Unreadable { model: format!("llama {}", self.llama.digest()), reason }
    }
}

fn unavailable(source: inference::InferenceError) -> StageError {
    StageError::Unavailable { dependency: "llama", source: Box::new(source) }
}

fn add(tokens: &mut Tokens, scored: &Scored) {
    tokens.prompt += scored.prefix_tokens + scored.suffix_tokens.iter().sum::<usize>();
    tokens.cached += scored.cached_tokens;
    tokens.computed += scored.computed_tokens;
}

fn sigmoid(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// Never infinite: nobody is that sure.
fn log_odds(probability: f64) -> f64 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    (probability / (1.0 - probability)).ln()
}
