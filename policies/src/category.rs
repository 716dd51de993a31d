//! The categories of harm: one closed list, the union of the vendors', and what a policy adds.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// A category of harm.
///
/// - *Source*: the union of `OpenAI`'s moderation categories, Azure AI Content Safety's and Perspective's;
///   each facade maps by an exhaustive `match`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Hatred of a person or group for a protected trait.
    Hate,
    /// Hatred with a threat of violence or serious harm.
    HateThreatening,
    /// Insults, degradation and bullying aimed at a person.
    Harassment,
    /// Harassment with a threat of violence or serious harm.
    HarassmentThreatening,
    /// Promotion or depiction of self-harm.
    SelfHarm,
    /// The writer states an intent to harm themself.
    SelfHarmIntent,
    /// A request for, or encouragement by, instructions to harm oneself.
    SelfHarmInstructions,
    /// Sexual content among adults.
    Sexual,
    /// Sexual content that involves minors.
    SexualMinors,
    /// Violence: depicted, praised or wished for.
    Violence,
    /// Violence in graphic detail.
    ViolenceGraphic,
    /// Help with, or incitement to, wrongdoing.
    Illicit,
    /// Wrongdoing with violence or weapons.
    IllicitViolent,
    /// An attempt to override a model's instructions.
    PromptAttack,
    /// Personal data that identifies somebody.
    Pii,
    /// Unsolicited advertising and fraud.
    Spam,
    /// Coarse language.
    Profanity,
    /// A category that a policy defines for itself.
    Custom(Arc<str>),
}

impl Category {
    /// Every category that is not a policy's own, in the order in which answers list them.
    pub const BUILTIN: [Self; 17] = [
        Self::Hate,
        Self::HateThreatening,
        Self::Harassment,
        Self::HarassmentThreatening,
        Self::SelfHarm,
        Self::SelfHarmIntent,
        Self::SelfHarmInstructions,
        Self::Sexual,
        Self::SexualMinors,
        Self::Violence,
        Self::ViolenceGraphic,
        Self::Illicit,
        Self::IllicitViolent,
        Self::PromptAttack,
        Self::Pii,
        Self::Spam,
        Self::Profanity,
    ];

    /// The name that policies, answers and data sets use.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Hate => "hate",
            Self::HateThreatening => "hate/threatening",
            Self::Harassment => "harassment",
            Self::HarassmentThreatening => "harassment/threatening",
            Self::SelfHarm => "self-harm",
            Self::SelfHarmIntent => "self-harm/intent",
            Self::SelfHarmInstructions => "self-harm/instructions",
            Self::Sexual => "sexual",
            Self::SexualMinors => "sexual/minors",
            Self::Violence => "violence",
            Self::ViolenceGraphic => "violence/graphic",
            Self::Illicit => "illicit",
            Self::IllicitViolent => "illicit/violent",
            Self::PromptAttack => "prompt-attack",
            Self::Pii => "pii",
            Self::Spam => "spam",
            Self::Profanity => "profanity",
            Self::Custom(name) => name,
        }
    }

    /// The category of that name: a built-in one, or else a custom one.
    ///
    /// Whether a custom name is declared is for the policy to say: `Policy::category`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        name.parse().unwrap_or_else(|_| Self::Custom(name.into()))
    }
}

/// No built-in category has that name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not one of the built-in categories")]
pub struct UnknownCategory(String);

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::BUILTIN
            .iter()
            .find(|category| category.name() == name)
            .cloned()
            .ok_or_else(|| UnknownCategory(name.to_owned()))
    }
}

impl fmt::Display for Category {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Category {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::named(&name))
    }
}
