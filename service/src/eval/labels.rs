//! From data sets' labels to our categories.

use policies::Category;
use policies::Category::{
    Harassment, HarassmentThreatening, Hate, HateThreatening, Illicit, IllicitViolent, Pii, Profanity,
    PromptAttack, SelfHarm, SelfHarmInstructions, SelfHarmIntent, Sexual, SexualMinors, Spam, Violence,
    ViolenceGraphic,
};

/// The categories whose highest score stands for a data set's label; none for a label that is no harm of
/// ours.
#[must_use]
pub fn categories_of(label: &str) -> Vec<Category> {
    match label {
        "toxicity" | "offense" => {
            vec![Hate, HateThreatening, Harassment, HarassmentThreatening, Profanity]
        }
        "hate" | "abuse" | "sexism" => vec![Hate, HateThreatening, Harassment, HarassmentThreatening],
        "harassment" => vec![Harassment, HarassmentThreatening],
        "sexual" => vec![Sexual, SexualMinors],
        "self_harm" | "self-harm" => vec![SelfHarm, SelfHarmIntent, SelfHarmInstructions],
        "violence" => vec![Violence, ViolenceGraphic],
        "illicit" => vec![Illicit, IllicitViolent],
        "jailbreak" => vec![PromptAttack],
        "pii_strict" => vec![Pii],
        "unsafe" => {
            let apart = [Pii, Spam, Profanity, PromptAttack];
            Category::BUILTIN.into_iter().filter(|category| !apart.contains(category)).collect()
        }
        own => own.parse().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_is_the_label_of_its_own_name() {
        for category in Category::BUILTIN {
            assert!(categories_of(category.name()).contains(&category), "{category}");
        }
    }

    #[test]
    fn a_label_that_is_no_harm_of_ours_stands_for_nothing() {
        assert!(categories_of("ip_violation").is_empty());
    }
}
