//! Azure's four harms, and what of ours belongs to each.

use std::collections::{BTreeMap, BTreeSet};

use policies::{Category, Score, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A harm, in the order in which answers list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::enum_variant_names, reason = "one of the vendor's names ends so")]
pub(super) enum Harm {
    Hate,
    SelfHarm,
    Sexual,
    Violence,
}

/// How severities are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum Levels {
    /// 0, 2, 4, 6.
    #[default]
    #[serde(rename = "FourSeverityLevels")]
    Four,
    /// 0 to 7.
    #[serde(rename = "EightSeverityLevels")]
    Eight,
}

/// A harm, and how bad it is.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct HarmJson {
    category: Harm,
    severity: u8,
}

impl Harm {
    const ALL: [Self; 4] = [Self::Hate, Self::SelfHarm, Self::Sexual, Self::Violence];
}

/// The harms that a category is of. Azure counts bullying with hatred, and threats and weapons with violence; for the
/// last ones it has no harm.
fn harms(category: &Category) -> &'static [Harm] {
    match category {
        Category::Hate | Category::Harassment => &[Harm::Hate],
        Category::HateThreatening | Category::HarassmentThreatening => &[Harm::Hate, Harm::Violence],
        Category::SelfHarm | Category::SelfHarmIntent | Category::SelfHarmInstructions => &[Harm::SelfHarm],
        Category::Sexual | Category::SexualMinors => &[Harm::Sexual],
        Category::Violence | Category::ViolenceGraphic | Category::IllicitViolent => &[Harm::Violence],
        Category::Illicit
        | Category::PromptAttack
        | Category::Pii
        | Category::Spam
        | Category::Profanity
        | Category::Custom(_) => &[],
    }
}

/// The harms asked for, or all, each as bad as the worst of its categories.
pub(super) fn analysis(
    scores: &BTreeMap<Category, (Score, Severity)>,
    asked: &BTreeSet<Harm>,
    levels: Levels,
) -> Vec<HarmJson> {
    let severity = |harm: Harm| {
        let of_it = scores.iter().filter(|(category, _)| harms(category).contains(&harm));
        let worst = of_it.map(|(_, (_, severity))| severity.value()).max().unwrap_or_default();
        match levels {
            Levels::Four => worst & !1,
            Levels::Eight => worst,
        }
    };
    let asked = Harm::ALL.into_iter().filter(|harm| asked.is_empty() || asked.contains(harm));
    asked.map(|category| HarmJson { category, severity: severity(category) }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Harm, Levels, analysis};
    use policies::{Category, Score, Severity};

    #[test]
    fn a_harm_is_as_bad_as_its_worst_category_and_four_levels_are_eight_without_the_last_bit() {
        let entry = |category, severity| (category, (Score::CERTAIN, Severity::new(severity).unwrap()));
        let scores =
            [entry(Category::Hate, 1), entry(Category::HateThreatening, 5), entry(Category::Spam, 7)].into();
        let levels = |levels| -> Vec<u8> {
            analysis(&scores, &[].into(), levels).iter().map(|harm| harm.severity).collect()
        };
        assert_eq!(levels(Levels::Eight), [5, 0, 0, 5]);
        assert_eq!(levels(Levels::Four), [4, 0, 0, 4]);
        let asked = analysis(&scores, &[Harm::Violence, Harm::Sexual].into(), Levels::Four);
        assert_eq!(
            asked.iter().map(|harm| harm.category).collect::<Vec<_>>(),
            [Harm::Sexual, Harm::Violence]
        );
    }
}
