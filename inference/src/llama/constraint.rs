//! Forms that a generated text must have.

use std::{fmt, sync::Arc};

use llguidance::{
    Matcher, ParserFactory,
    api::TopLevelGrammar,
    toktrie::{ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie},
};

use super::spelling::Spelling;
use crate::InferenceError;

/// Longest reason of a refusal that is passed on, in characters.
const REASON: usize = 200;

/// A form that a generated text must have from its first character to its last.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// JSON that a schema describes, on one line. Keywords that cannot be followed are refused.
    JsonSchema(serde_json::Value),
    /// What a regular expression describes, in the syntax of the crate `regex`, without look-around.
    Regex(String),
    /// One of these texts.
    OneOf(Vec<String>),
}

impl Constraint {
    /// The grammar. A text of a LLaMA may begin with the space that its tokenizer takes away again.
    fn grammar(&self) -> Result<TopLevelGrammar, String> {
        match self {
            Self::JsonSchema(schema) => {
                let mut schema = schema.clone();
                if let Some(keywords) = schema.as_object_mut() {
                    // Else a model may add spaces between its parts for ever.
                    let compact = serde_json::json!({"whitespace_flexible": false});
                    keywords.entry("x-guidance").or_insert(compact);
                }
                let lark = format!("start: SPACE? json\nSPACE: \" \"\njson: %json {schema}");
                Ok(TopLevelGrammar::from_lark(lark))
            }
            Self::Regex(regex) => Ok(TopLevelGrammar::from_regex(&format!(" ?(?:{regex})"))),
            Self::OneOf(texts) if texts.is_empty() => Err("there is no text to choose from".to_owned()),
            Self::OneOf(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
                Ok(TopLevelGrammar::from_regex(&format!(" ?(?:{})", texts.join("|"))))
            }
        }
    }
}

/// Makes constraints ready for one vocabulary.
pub(super) struct Grammars {
    factory: ParserFactory,
}

impl fmt::Debug for Grammars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammars").finish_non_exhaustive()
    }
}

impl Grammars {
    /// For a vocabulary in which `end` ends a text.
    pub(super) fn new(spelling: &Spelling, end: Option<u32>) -> Result<Self, InferenceError> {
        let words: Vec<Vec<u8>> = spelling.all().to_vec();
        let size = u32::try_from(words.len()).unwrap_or(u32::MAX);
        // A model that never ends a text still needs a name for its end: BOS never comes in a text.
        let trie = TokTrie::from(&TokRxInfo::new(size, end.unwrap_or(1)), &words);
        let tokens: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new(&tokens, InferenceCapabilities::default(), &[])
            .map_err(|error| refusal(&error.to_string()))?;
        factory.quiet();
        // An error must not quote the text so far.
        factory.limits_mut().verbose_errors = false;
        Ok(Self { factory })
    }

    /// A constraint, at the beginning of a text.
    ///
    /// # Errors
    ///
    /// [`InferenceError::BadOption`] when it cannot be followed.
    pub(super) fn form(&self, constraint: &Constraint) -> Result<Form, InferenceError> {
        let grammar = constraint.grammar().map_err(|error| refusal(&error))?;
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        match matcher.get_error() {
            Some(error) => Err(refusal(&error)),
            None => Ok(Form { matcher, allowed: None }),
        }
    }
}

fn refusal(error: &str) -> InferenceError {
    let reason: String = error.lines().next().unwrap_or_default().chars().take(REASON).collect();
    InferenceError::BadOption { option: "constraint", rule: format!("one that can be followed: {reason}") }
}

/// A constraint, and how far a text has come in it.
pub(super) struct Form {
    matcher: Matcher,
    allowed: Option<SimpleVob>,
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}

impl Form {
    /// Finds out which tokens may come next.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        self.allowed = Some(self.matcher.compute_mask_or_eos().map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Whether a token may come next.
    pub(super) fn allows(&self, id: u32) -> bool {
        self.allowed
            .as_ref()
            .is_none_or(|mask| usize::try_from(id).is_ok_and(|at| at < mask.len()) && mask.is_allowed(id))
    }

    /// Whether the text may end here.
    pub(super) fn may_end(&mut self) -> bool {
        self.matcher.is_stopped() || self.matcher.is_accepting().unwrap_or(false)
    }

    /// Adds a token to the text; whether nothing may follow it.
    pub(super) fn push(&mut self, id: u32) -> Result<bool, String> {
        self.matcher.consume_token(id).map_err(|error| error.to_string())?;
        Ok(self.matcher.is_stopped())
    }
}
