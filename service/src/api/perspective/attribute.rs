//! This API's attributes in our categories.
//!
//! The scores are ours: where an attribute covers several categories, its score is the highest of theirs. What none of
//! our categories measures is refused, unless the policy in force has a category of its own by that name.

use policies::{Category, Judgment, Policy};

/// An attribute that our categories measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Toxicity,
    SevereToxicity,
    IdentityAttack,
    Insult,
    Profanity,
    Threat,
    SexuallyExplicit,
    Spam,
    LikelyToReject,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// As the request calls it, and so the answer.
    name: String,
    measured_by: Measure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Measure {
    Ours(Kind),
    /// The policy's own category.
    Policys(Category),
}

/// The suffix of names that stand for the same attribute before its next version.
const EXPERIMENTAL: &str = "_EXPERIMENTAL";
/// The worst severity there is.
const WORST: f32 = 7.0;

impl Kind {
    fn named(name: &str) -> Option<Self> {
        let production = match name.strip_suffix(EXPERIMENTAL).unwrap_or(name) {
            "TOXICITY" => Some(Self::Toxicity),
            "SEVERE_TOXICITY" => Some(Self::SevereToxicity),
            "IDENTITY_ATTACK" => Some(Self::IdentityAttack),
            "INSULT" => Some(Self::Insult),
            "PROFANITY" => Some(Self::Profanity),
            "THREAT" => Some(Self::Threat),
            _ => None,
        };
        production.or(match name {
            "SEXUALLY_EXPLICIT" => Some(Self::SexuallyExplicit),
            "OBSCENE" => Some(Self::Profanity),
            "SPAM" => Some(Self::Spam),
            "LIKELY_TO_REJECT" => Some(Self::LikelyToReject),
            _ => None,
        })
    }

    /// How bad a text of `category` is in this respect, as a share of its score.
    fn weight(self, category: &Category, severity: f32) -> f32 {
        match self {
            // Rude words say little of how bad it is.
            Self::SevereToxicity if *category == Category::Profanity => 0.0,
            Self::SevereToxicity => kinds(category).contains(&Self::Toxicity).into_share() * severity / WORST,
            Self::LikelyToReject => (*category != Category::Profanity).into_share(),
            kind => kinds(category).contains(&kind).into_share(),
        }
    }
}

trait IntoShare {
    fn into_share(self) -> f32;
}

impl IntoShare for bool {
    fn into_share(self) -> f32 {
        if self { 1.0 } else { 0.0 }
    }
}

/// The attributes that a category counts for, beside how likely the text is to be rejected.
fn kinds(category: &Category) -> &'static [Kind] {
    match category {
        Category::Hate => &[Kind::Toxicity, Kind::IdentityAttack],
        Category::HateThreatening => &[Kind::Toxicity, Kind::IdentityAttack, Kind::Threat],
        Category::Harassment => &[Kind::Toxicity, Kind::Insult],
        Category::HarassmentThreatening | Category::Violence => &[Kind::Toxicity, Kind::Threat],
        Category::Sexual | Category::SexualMinors => &[Kind::SexuallyExplicit],
        Category::Spam => &[Kind::Spam],
        Category::Profanity => &[Kind::Toxicity, Kind::Profanity],
        Category::SelfHarm
        | Category::SelfHarmIntent
        | Category::SelfHarmInstructions
        | Category::ViolenceGraphic
        | Category::Illicit
        | Category::IllicitViolent
        | Category::PromptAttack
        | Category::Pii
        | Category::Custom(_) => &[],
    }
}

impl Attribute {
    /// The attribute of that name, if `policy` measures it.
    pub(super) fn named(name: &str, policy: &Policy) -> Option<Self> {
        let ours = Kind::named(name).map(Measure::Ours);
        let measured_by = ours.or_else(|| {
            let lower = name.to_ascii_lowercase();
            let rule = policy.category(&lower.replace('_', "-")).or_else(|| policy.category(&lower))?;
            matches!(rule.name, Category::Custom(_)).then(|| Measure::Policys(rule.name.clone()))
        })?;
        let attribute = Self { name: name.to_owned(), measured_by };
        policy.categories().iter().any(|rule| attribute.counts(&rule.name)).then_some(attribute)
    }

    /// Its name, as the request has it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn weight(&self, category: &Category, severity: f32) -> f32 {
        match &self.measured_by {
            Measure::Ours(kind) => kind.weight(category, severity),
            Measure::Policys(own) => (own == category).into_share(),
        }
    }

    fn counts(&self, category: &Category) -> bool {
        self.weight(category, WORST) > 0.0
    }

    /// How likely it is there, by `judgment`; nothing if no stage could tell.
    pub(super) fn score(&self, judgment: &Judgment) -> Option<f32> {
        let own = self.highest(judgment);
        match self.measured_by {
            Measure::Ours(Kind::Threat) => own.map(as_threat),
            // It is never less likely than what it is made of.
            Measure::Ours(Kind::Toxicity) => {
                let threat = Self { name: String::new(), measured_by: Measure::Ours(Kind::Threat) };
                own.map(|own| own.max(threat.score(judgment).unwrap_or_default()))
            }
            Measure::Ours(_) | Measure::Policys(_) => own,
        }
    }

    /// The highest score of the categories that count.
    fn highest(&self, judgment: &Judgment) -> Option<f32> {
        let Judgment { verdict, record, .. } = judgment;
        // A policy's own category may rest on lists alone, of which none holds what is not found; a copy of a decided case has
        // been looked at before.
        let is_known = verdict.is_ruled || matches!(self.measured_by, Measure::Policys(_));
        let is_known = is_known && !record.degraded();
        let told = verdict.scores.iter().filter(|(category, (score, _))| {
            is_known || score.value() > 0.0 || !record.not_scored.contains(category)
        });
        let scores =
            told.filter(|(category, _)| self.counts(category)).map(|(category, (score, severity))| {
                score.value() * self.weight(category, f32::from(severity.value()))
            });
        scores.reduce(f32::max)
    }
}

/// How likely a text threatens somebody, where threats are as frequent as other texts, by the highest score of our
/// categories of violence and threats: those are calibrated for texts of which few threaten.
///
/// - *Source*: a logistic regression on the logit of that score, both classes of equal weight: held-out comments of Civil
///   Comments with typed spans, 15 that at least half of their annotators call a threat and 900 that none does. At 0.5 it
///   finds 12 of the former, 19 % of the latter, nearly all of which are toxic, 93 % of 194 threats of our own, and 4 of 500
///   harmless questions (`models/train/threat_curve.py`).
fn as_threat(score: f32) -> f32 {
    const SLOPE: f32 = 1.63;
    const INTERCEPT: f32 = 3.34;
    let score = score.clamp(1e-3, 1.0 - 1e-3);
    let logit = (score / (1.0 - score)).ln();
    1.0 / (1.0 + (-SLOPE.mul_add(logit, INTERCEPT)).exp())
}

/// The category under which a text is kept that somebody says has attribute `name`.
pub(super) fn category_of(name: &str) -> Option<Category> {
    Some(match Kind::named(name)? {
        Kind::Toxicity | Kind::SevereToxicity | Kind::Insult | Kind::LikelyToReject => Category::Harassment,
        Kind::IdentityAttack => Category::Hate,
        Kind::Profanity => Category::Profanity,
        Kind::Threat => Category::HarassmentThreatening,
        Kind::SexuallyExplicit => Category::Sexual,
        Kind::Spam => Category::Spam,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use policies::{Action, Record, Score, Severity, Verdict};

    use super::*;

    fn judgment(scores: &[(Category, f32, u8)], not_scored: &[Category]) -> Judgment {
        let score = |(category, score, severity): &(Category, f32, u8)| {
            (category.clone(), (Score::new(*score).unwrap(), Severity::new(*severity).unwrap()))
        };
        Judgment {
            verdict: Verdict {
                action: Action::Allow,
                language: "en".into(),
                is_ruled: false,
                findings: Vec::new(),
                scores: scores.iter().map(score).collect(),
                explanations: Vec::new(),
            },
            record: Record {
                stages: Vec::new(),
                policy: "".into(),
                models: BTreeMap::new(),
                index: None,
                not_scored: not_scored.to_vec(),
            },
            rewritten: None,
        }
    }

    fn attribute(name: &str) -> Attribute {
        Attribute { name: name.to_owned(), measured_by: Measure::Ours(Kind::named(name).unwrap()) }
    }

    #[test]
    fn toxicity_is_never_below_what_it_is_made_of_nor_severe_toxicity_above_it() {
        for (place, category) in Category::BUILTIN.into_iter().enumerate() {
            let judgment = judgment(&[(category, 0.5, u8::try_from(place % 8).unwrap())], &[]);
            let score = |name: &str| attribute(name).score(&judgment).unwrap_or_default();
            let toxicity = score("TOXICITY");
            for part in ["SEVERE_TOXICITY", "INSULT", "IDENTITY_ATTACK", "THREAT"] {
                assert!(score(part) <= toxicity, "{part}");
                assert!((score(part) - score(&format!("{part}_EXPERIMENTAL"))).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_threat_is_as_likely_as_not_where_threats_and_other_texts_are_equally_frequent() {
        let score = |violence| {
            attribute("THREAT").score(&judgment(&[(Category::Violence, violence, 4)], &[])).unwrap()
        };
        assert!(score(0.0) < 0.001 && score(1.0) > 0.99);
        assert!((score(0.05) - 0.189).abs() < 0.002, "{}", score(0.05));
        assert!((score(0.114) - 0.5).abs() < 0.02, "{}", score(0.114));
    }

    #[test]
    fn an_attribute_that_no_stage_could_tell_has_no_score_and_is_not_called_harmless() {
        let scores = [(Category::Spam, 0.0, 0), (Category::Harassment, 0.3, 1)];
        let judgment = judgment(&scores, &[Category::Spam]);
        assert_eq!(attribute("SPAM").score(&judgment), None);
        assert_eq!(attribute("INSULT").score(&judgment), Some(0.3));
    }

    #[test]
    fn what_a_precedent_ruled_is_harmless_where_the_ruling_says_nothing() {
        let mut ruled = judgment(&[(Category::Spam, 0.0, 0)], &[Category::Spam]);
        ruled.verdict.is_ruled = true;
        assert_eq!(attribute("SPAM").score(&ruled), Some(0.0));
    }

    #[test]
    fn each_category_counts_for_the_attributes_it_is_of_and_for_no_other() {
        let names =
            ["IDENTITY_ATTACK", "INSULT", "PROFANITY", "SEXUALLY_EXPLICIT", "SPAM", "THREAT", "TOXICITY"];
        let counted = Category::BUILTIN.map(|category| {
            let counting = names.into_iter().filter(|name| attribute(name).counts(&category));
            format!("{category}={}", counting.collect::<Vec<_>>().join(" "))
        });
        let expected = [
            "hate=IDENTITY_ATTACK TOXICITY",
            "hate/threatening=IDENTITY_ATTACK THREAT TOXICITY",
            "harassment=INSULT TOXICITY",
            "harassment/threatening=THREAT TOXICITY",
            "self-harm=",
            "self-harm/intent=",
            "self-harm/instructions=",
            "sexual=SEXUALLY_EXPLICIT",
            "sexual/minors=SEXUALLY_EXPLICIT",
            "violence=THREAT TOXICITY",
            "violence/graphic=",
            "illicit=",
            "illicit/violent=",
            "prompt-attack=",
            "pii=",
            "spam=SPAM",
            "profanity=PROFANITY TOXICITY",
        ];
        assert_eq!(counted, expected);
    }

    #[test]
    fn names_that_nothing_measures_are_not_known() {
        for name in ["FLIRTATION", "toxicity", "TOXICITY@6", "SPAM_EXPERIMENTAL", "UNSUBSTANTIAL", ""] {
            assert_eq!(Kind::named(name), None, "{name}");
        }
    }
}
