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

/// What a label says of single categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// The one that a text with the label is, and a text without it is not.
    pub affirms: Option<Category>,
    /// Those that a text without the label is not.
    pub denies: Vec<Category>,
}

/// What a label says of single categories. A category's own name, a policy's own category included, says whether a text is
/// that; a label that stands for several says of a text without it that it is none of them, and of others nothing.
#[must_use]
pub fn meaning_of(label: &str) -> Meaning {
    match label {
        "toxicity" | "offense" | "unsafe" => Meaning { affirms: None, denies: categories_of(label) },
        // A threat is hate or harassment as well.
        "hate" => Meaning { affirms: Some(Hate), denies: vec![HateThreatening] },
        "harassment" => Meaning { affirms: Some(Harassment), denies: vec![HarassmentThreatening] },
        "self_harm" => {
            Meaning { affirms: Some(SelfHarm), denies: vec![SelfHarmIntent, SelfHarmInstructions] }
        }
        "jailbreak" => Meaning { affirms: Some(PromptAttack), denies: Vec::new() },
        // Those with it are of several categories, and those without it may be as well.
        "abuse" | "sexism" | "pii_strict" => Meaning::default(),
        own => Meaning { affirms: Some(Category::named(own)), denies: Vec::new() },
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
    fn a_label_says_of_each_category_only_what_follows_from_it() {
        for category in Category::BUILTIN {
            assert_eq!(meaning_of(category.name()).affirms, Some(category));
        }
        let toxicity = meaning_of("toxicity");
        assert!(toxicity.affirms.is_none() && toxicity.denies.contains(&Profanity));
        assert_eq!(meaning_of("spoilers").affirms, Some(Category::Custom("spoilers".into())));
        // A plain wish to die is no self-harm by the policy's definition: that it is none says nothing of intent.
        assert!(meaning_of("self-harm").denies.is_empty());
        assert_eq!(meaning_of("abuse"), Meaning::default());
    }

    #[test]
    fn a_label_that_is_no_harm_of_ours_stands_for_nothing() {
        assert!(categories_of("ip_violation").is_empty());
    }
}
