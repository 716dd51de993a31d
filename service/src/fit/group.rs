//! The texts that one set of lines is for.

use std::collections::BTreeSet;

use policies::{Category, Lines, Thresholds};
use serde::Serialize;

use super::{Example, Fitting, Rates, line};
use crate::eval::share;

/// Fewer harmful texts do not tell what a line lets through.
const FEWEST_POSITIVES: usize = 20;

/// How a line came to be where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "because")]
pub enum Standing {
    /// It keeps the rate.
    Fitted,
    /// It is what it was, and why.
    Left(String),
    /// It went with another line.
    Moved(String),
}

/// One line, before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FittedLine {
    /// Where it was.
    pub before: f32,
    /// Where it is.
    pub after: f32,
    /// Share of the harmless texts that reach it now; none without any.
    pub false_positive_rate: Option<f64>,
    /// Share of the harmful texts that reach it now; none without any.
    pub recall: Option<f64>,
    /// How that came about.
    #[serde(flatten)]
    pub standing: Standing,
}

impl FittedLine {
    pub(super) fn is_moved(&self) -> bool {
        self.before.total_cmp(&self.after).is_ne()
    }
}

/// The texts that one set of lines is for, and those lines.
pub(super) struct Group<'a> {
    pub(super) category: &'a Category,
    pub(super) language: Option<String>,
    pub(super) lines: Thresholds,
    /// Whether no line may be raised.
    pub(super) capped: bool,
    pub(super) examples: Vec<&'a Example>,
}

impl<'a> Group<'a> {
    /// The same without the texts in some languages.
    pub(super) fn without(&self, languages: &BTreeSet<String>) -> Group<'a>
    where
        Self: 'a,
    {
        let stays = |example: &&&Example| !languages.contains(&*example.language);
        Group {
            category: self.category,
            language: self.language.clone(),
            lines: self.lines,
            capped: self.capped,
            examples: self.examples.iter().filter(stays).copied().collect(),
        }
    }

    /// Whether there are texts enough to choose the lowest line by.
    pub(super) fn tells(&self, rates: Rates) -> bool {
        self.lack(rates.flag).is_none()
    }

    /// What is missing to choose a line by, if something is.
    fn lack(&self, rate: f64) -> Option<String> {
        let (negatives, positives) = (self.count(false), self.count(true));
        let needed = fewest_negatives(rate);
        if negatives < needed {
            Some(format!("{negatives} negatives, at least {needed} are needed"))
        } else if positives < FEWEST_POSITIVES {
            Some(format!("{positives} positives, at least {FEWEST_POSITIVES} are needed"))
        } else {
            None
        }
    }

    fn count(&self, harmful: bool) -> usize {
        self.examples.iter().filter(|example| example.harmful == harmful).count()
    }

    /// Chooses the three lines. How many texts reach them is for [`Group::measure`].
    pub(super) fn fit(&self, rates: Rates) -> Fitting {
        let Thresholds { score, severity } = self.lines;
        let flag = self.line(score.flag, severity.flag, rates.flag);
        let review = after(self.line(score.review, severity.review, rates.review), &flag, "flag");
        let block = after(self.line(score.block, severity.block, rates.block), &review, "review");
        Fitting {
            category: self.category.to_string(),
            language: self.language.clone(),
            own: true,
            negatives: self.count(false),
            positives: self.count(true),
            flag,
            review,
            block,
        }
    }

    /// Notes how many texts reach the lines.
    pub(super) fn measure(&self, fitting: &mut Fitting) {
        let severity = self.lines.severity;
        self.measure_line(&mut fitting.flag, severity.flag);
        self.measure_line(&mut fitting.review, severity.review);
        self.measure_line(&mut fitting.block, severity.block);
    }

    /// Chooses one line that a finding of at least `severity` reaches.
    fn line(&self, before: f32, severity: u8, rate: f64) -> FittedLine {
        let (after, standing) = match self.choose(before, severity, rate) {
            Ok(line) => (line, Standing::Fitted),
            Err(reason) => (before, Standing::Left(reason)),
        };
        FittedLine { before, after, false_positive_rate: None, recall: None, standing }
    }

    fn choose(&self, before: f32, severity: u8, rate: f64) -> Result<f32, String> {
        if before >= 1.0 {
            return Err("a line of 1 is for certain findings alone".to_owned());
        }
        if let Some(lack) = self.lack(rate) {
            return Err(lack);
        }
        let reach = |harmful: bool| -> Vec<Option<f32>> {
            let meant = self.examples.iter().filter(|example| example.harmful == harmful);
            meant.map(|example| example.best(severity)).collect()
        };
        let harmless: Vec<f32> = reach(false).into_iter().map(Option::unwrap_or_default).collect();
        let harmful: Vec<f32> = reach(true).into_iter().flatten().collect();
        let chosen = line::between(&harmless, &harmful, rate)
            .ok_or_else(|| format!("more than {:.1} % of the negatives score 1", rate * 100.0))?;
        if self.capped && chosen > before {
            return Err(format!("a floor: the rate would need {chosen}, which --floors allows"));
        }
        Ok(chosen)
    }

    fn measure_line(&self, line: &mut FittedLine, severity: u8) {
        let reached = |harmful: bool| {
            let meant = self.examples.iter().filter(|example| example.harmful == harmful);
            let reach = |example: &&&Example| example.best(severity).is_some_and(|best| best >= line.after);
            share(meant.clone().filter(reach).count(), meant.count())
        };
        (line.false_positive_rate, line.recall) = (reached(false), reached(true));
    }
}

/// So many that one of them is no more than the rate.
fn fewest_negatives(rate: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are no smaller than a share of the texts that fit a memory"
    )]
    // A rate such as 0.02 / 4 is not exact: what misses a whole number by that much is that number.
    let fewest = ((1.0 / rate) - 1e-6).ceil() as usize;
    fewest
}

/// The line, no lower than the one before it.
fn after(line: FittedLine, below: &FittedLine, name: &str) -> FittedLine {
    if line.after >= below.after {
        return line;
    }
    FittedLine { after: below.after, standing: Standing::Moved(format!("no lower than {name}")), ..line }
}

impl Example {
    /// The highest score of a finding of at least that severity.
    fn best(&self, severity: u8) -> Option<f32> {
        let severe = self.findings.iter().filter(|(_, found)| *found >= severity);
        severe.map(|(score, _)| *score).max_by(f32::total_cmp)
    }
}

impl Fitting {
    /// Lowers the lines to those of `plain`, of which a floor's lines for a language are no laxer.
    pub(super) fn cap(&mut self, plain: Lines<f32>) {
        for (line, cap) in self.against(plain) {
            if line.after > cap {
                line.after = cap;
                line.standing = Standing::Moved("a floor: no higher than for any other language".to_owned());
            }
        }
    }

    /// Takes the lines of `plain`, for a language that has none.
    pub(super) fn follow(&mut self, plain: Lines<f32>) {
        for (line, plain) in self.against(plain) {
            line.after = plain;
        }
    }

    fn against(&mut self, plain: Lines<f32>) -> [(&mut FittedLine, f32); 3] {
        [(&mut self.flag, plain.flag), (&mut self.review, plain.review), (&mut self.block, plain.block)]
    }
}
