//! Attacks inside documents: sentences that speak to the model that reads them, and not to people.
//!
//! Text that others wrote is shown to a LLaMA, which may do what it says. [`attacks`] finds such sentences by what
//! they are made of: an order to forget the task, a role, a rule for the answer, a template's tokens, text that people
//! do not see. Signs are looked for in every view of a sentence, so disguises and encodings hide nothing. A sentence
//! that has signs enough is an attack; one beside it that goes on giving orders belongs to it. What is *about* such
//! attacks, or tells people what to do, is left alone as far as can be: `plugins/tests/shield.rs` holds how far.

mod english;
mod follow;
mod german;
mod hidden;
mod imperative;
mod mention;
mod patterns;
mod sign;
mod stage;
mod template;
mod words;

pub use patterns::{is_prepared, prepare};
pub(crate) use stage::Config;
pub use stage::{in_text, line, read};

use std::ops::Range;

use policies::Content;

use hidden::Hidden;
use sign::Sign;
use template::Turn;
use words::Words;

/// From here on a sentence is an attack by itself.
const ALONE: f32 = 0.7;
/// From here on it is one beside an attack, or where people do not see it.
const BESIDE: f32 = 0.3;
/// How much the classifier's opinion counts, beside a sign and never alone: it was trained on texts that are sent to a
/// model, and has it of 18 in 1,000 sentences of an encyclopaedia. Beside a sign it found attacks in 141 of 193 held-out
/// prompts from the wild (114 without it) and none in 4,300 sentences of held-out ordinary text.
const OPINION: f32 = 0.45;
/// The classifier's probability from which it has that opinion.
const LEAST_OPINION: f32 = 0.5;

/// What an attack tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// To make the model forget what it was told.
    Override,
    /// To make it somebody else.
    Role,
    /// To decide what its answer says or leaves out.
    Output,
    /// To get at what it was told, or at what others wrote.
    Leak,
    /// To pass for a part of the prompt's template, or for a turn of the conversation.
    Template,
    /// To be read by software and not by people.
    Hidden,
    /// To speak to models.
    Address,
    /// To hurry.
    Urgency,
    /// To go on where an attack began.
    Continuation,
}

impl Family {
    /// The name for records: `override`, `role`, `output`, `leak`, `template`, `hidden`, `address`, `urgency` or
    /// `continuation`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Role => "role",
            Self::Output => "output",
            Self::Leak => "leak",
            Self::Template => "template",
            Self::Hidden => "hidden",
            Self::Address => "address",
            Self::Urgency => "urgency",
            Self::Continuation => "continuation",
        }
    }
}

/// An attack in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// How sure, `0.0..=1.0`; of a continuation, as sure as of the attack that it belongs to.
    pub score: f32,
    /// What its strongest sign says it tries.
    pub family: Family,
    /// Bytes of the sentence to take out: all of it, or an aside that holds all signs (in brackets, in mark-up or in
    /// characters that show nothing).
    pub range: Range<usize>,
}

/// The attacks among consecutive sentences of one document.
///
/// - *Shape*: the result has one place for each sentence. `head_scores`, if given, has the classifier's probability of
///   `prompt-attack` for each; missing ones count as 0.
#[must_use]
pub fn attacks(sentences: &[&str], head_scores: Option<&[f32]>) -> Vec<Option<Attack>> {
    let hidden = hidden::regions(sentences);
    let mut readings: Vec<Reading> = sentences
        .iter()
        .enumerate()
        .map(|(at, sentence)| {
            let opinion = head_scores.and_then(|scores| scores.get(at)).copied().unwrap_or_default();
            Reading::of(sentence, opinion)
        })
        .collect();
    follow::turns(&mut readings);
    let mut found: Vec<Option<Attack>> = sentences
        .iter()
        .zip(&readings)
        .map(|(sentence, reading)| (reading.score() >= ALONE).then(|| reading.attack(sentence)))
        .collect();
    judge_hidden(&hidden, &mut found);
    spare_behind_tokens(sentences, &mut found);
    follow::beside(&readings, &mut found);
    found
}

/// What people do not see is an attack as a whole if anything in it looks like one.
fn judge_hidden(hidden: &[Hidden], found: &mut [Option<Attack>]) {
    for region in hidden {
        let reading = Reading::of(&region.text, 0.0);
        if reading.score() < BESIDE && !reading.orders {
            continue;
        }
        for (at, range) in &region.parts {
            let within = |attack: &Attack| range.start <= attack.range.start && attack.range.end <= range.end;
            let Some(place) = found.get_mut(*at) else { continue };
            // An attack beside the region, in the same sentence, takes the whole sentence.
            if place.as_ref().is_none_or(within) {
                let score = reading.score().max(ALONE);
                *place = Some(Attack { score, family: Family::Hidden, range: range.clone() });
            }
        }
    }
}

/// A token at the end of one attack may stand before the next sentence, which is then no part of it.
fn spare_behind_tokens(sentences: &[&str], found: &mut [Option<Attack>]) {
    let is_template =
        |attack: &Option<Attack>| attack.as_ref().is_some_and(|attack| attack.family == Family::Template);
    for at in 1..found.len() {
        let token = sentences.get(at).map_or(0, |sentence| template::leading(sentence));
        let rest = sentences.get(at).and_then(|sentence| sentence.get(token..)).unwrap_or_default();
        let behind = found.get(at - 1).is_some_and(is_template);
        let Some(Some(attack)) = found.get_mut(at).filter(|attack| behind && is_template(attack)) else {
            continue;
        };
        if token > 0 && !rest.is_empty() {
            let reading = Reading::of(rest, 0.0);
            if reading.signs.is_empty() && !reading.orders {
                attack.range = 0..token;
            }
        }
    }
}

/// What was seen in one sentence.
struct Reading {
    signs: Vec<Sign>,
    /// Whether it tells somebody to say, write or do something with text.
    orders: bool,
    /// Whose turn of a conversation it begins like.
    turn: Option<Turn>,
    bytes: usize,
}

impl Reading {
    fn of(sentence: &str, opinion: f32) -> Self {
        let mut reading = Self {
            signs: hidden::smuggled(sentence),
            orders: false,
            turn: template::turn(sentence),
            bytes: sentence.len(),
        };
        // What shows nothing at all has no views.
        let Ok(content) = Content::new(sentence) else { return reading };
        for view in content.views() {
            let words = Words::of(view.text());
            reading.orders |= imperative::orders(&words);
            let unmasked = words.unmasked();
            let of_words = std::iter::once(&words).chain(&unmasked).flat_map(sign::all);
            for mut sign in of_words.chain(template::signs(view.text())) {
                if mention::is_mention(view.text(), &sign.range) {
                    continue;
                }
                sign.range = view.span(sign.range).range();
                reading.signs.push(sign);
            }
        }
        if let Some(range) = reading.signs.first().map(|sign| sign.range.clone())
            && opinion >= LEAST_OPINION
        {
            reading.signs.push(Sign { family: Family::Continuation, weight: OPINION, range });
        }
        reading
    }

    /// Signs of one kind do not add up; those of several kinds do, as independent ones would.
    fn score(&self) -> f32 {
        let mut strongest = [0.0_f32; 9];
        for sign in &self.signs {
            if let Some(place) = strongest.get_mut(sign.family as usize) {
                *place = place.max(sign.weight);
            }
        }
        1.0 - strongest.iter().map(|weight| 1.0 - weight).product::<f32>()
    }

    fn attack(&self, sentence: &str) -> Attack {
        let strongest = self.signs.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        let family = strongest.map_or(Family::Continuation, |sign| sign.family);
        Attack { score: self.score(), family, range: hidden::aside(sentence, &self.signs) }
    }
}
