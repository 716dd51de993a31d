//! What a client is answered.

use policies::Judgment;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::super::categories::ResultJson;
use super::super::filter::{FilterJson, reason};
use super::super::models::now;
use crate::scribe::{End, Finished};

/// What all parts of one answer have in common.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    id: String,
    created: u64,
    model: String,
    fingerprint: Option<String>,
    /// Whose words results of prompt and answer are to be in, if they are wanted.
    pub(super) moderation: Option<String>,
    pub(super) includes_usage: bool,
}

/// An answer in one piece.
#[derive(Serialize, JsonSchema)]
pub(super) struct CompletionJson {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    system_fingerprint: Option<String>,
    choices: [ChoiceJson; 1],
    usage: UsageJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    moderation: Option<ModeratedJson>,
}

#[derive(Serialize, JsonSchema)]
struct ChoiceJson {
    index: u8,
    message: MessageJson,
    logprobs: Option<()>,
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_filter_results: Option<FilterJson>,
}

#[derive(Serialize, JsonSchema)]
struct MessageJson {
    role: &'static str,
    content: String,
    refusal: Option<String>,
}

/// Counts, or null.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct MaybeUsage(Option<UsageJson>);

/// A part of an answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct ChunkJson<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: Option<&'a str>,
    choices: Vec<ChangeJson>,
    /// Null but in the last chunk, where it is wanted; else not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<MaybeUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moderation: Option<ModeratedJson>,
}

#[derive(Serialize, JsonSchema)]
struct ChangeJson {
    index: u8,
    delta: DeltaJson,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_filter_results: Option<FilterJson>,
}

/// What is new.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct DeltaJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct UsageJson {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
    prompt_tokens_details: PromptTokensJson,
}

#[derive(Serialize, JsonSchema)]
struct PromptTokensJson {
    cached_tokens: usize,
}

/// What was found in prompt and answer.
#[derive(Serialize, JsonSchema)]
struct ModeratedJson {
    input: ResultsJson,
    output: ResultsJson,
}

#[derive(Serialize, JsonSchema)]
struct ResultsJson {
    #[serde(rename = "type")]
    kind: &'static str,
    model: String,
    results: Vec<NamedResultJson>,
}

#[derive(Serialize, JsonSchema)]
struct NamedResultJson {
    #[serde(rename = "type")]
    kind: &'static str,
    model: String,
    #[serde(flatten)]
    result: ResultJson,
}

impl Facts {
    pub(super) fn new(
        model: String,
        digest: Option<&str>,
        moderation: Option<String>,
        includes_usage: bool,
    ) -> Self {
        let fingerprint = digest.and_then(|digest| digest.get(..12)).map(|digest| format!("fp_{digest}"));
        let id = format!("chatcmpl-{}", Uuid::now_v7().simple());
        Self { id, created: now(), model, fingerprint, moderation, includes_usage }
    }

    /// A chunk that says something new.
    pub(super) fn chunk(&self, delta: DeltaJson) -> ChunkJson<'_> {
        self.bare(vec![ChangeJson {
            index: 0,
            delta,
            logprobs: None,
            finish_reason: None,
            content_filter_results: None,
        }])
    }

    /// The chunks that an answer ends with.
    pub(super) fn last(&self, end: &End) -> Vec<ChunkJson<'_>> {
        let kept = kept(end);
        let change = ChangeJson {
            index: 0,
            delta: DeltaJson { refusal: kept.map(reason), ..DeltaJson::default() },
            logprobs: None,
            finish_reason: Some(finish_reason(end.finished)),
            content_filter_results: kept.map(FilterJson::new),
        };
        let mut chunks = vec![self.bare(vec![change])];
        if let Some(moderation) = self.moderated(end) {
            chunks.push(ChunkJson { moderation: Some(moderation), ..self.bare(Vec::new()) });
        }
        if self.includes_usage {
            chunks.push(ChunkJson {
                usage: Some(MaybeUsage(Some(UsageJson::new(end)))),
                ..self.bare(Vec::new())
            });
        }
        chunks
    }

    fn bare(&self, choices: Vec<ChangeJson>) -> ChunkJson<'_> {
        ChunkJson {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            system_fingerprint: self.fingerprint.as_deref(),
            choices,
            usage: self.includes_usage.then_some(MaybeUsage(None)),
            moderation: None,
        }
    }

    fn moderated(&self, end: &End) -> Option<ModeratedJson> {
        let model = self.moderation.as_ref()?;
        let results = |judgments: &[Judgment]| ResultsJson {
            kind: "moderation_results",
            model: model.clone(),
            results: judgments.iter().map(|judgment| NamedResultJson::new(model, judgment)).collect(),
        };
        Some(ModeratedJson { input: results(&end.heard), output: results(&end.judgments) })
    }
}

impl DeltaJson {
    /// The first: who speaks.
    pub(super) fn role() -> Self {
        Self { role: Some("assistant"), content: Some(String::new()), refusal: None }
    }

    pub(super) fn content(text: String) -> Self {
        Self { content: Some(text), ..Self::default() }
    }
}

impl CompletionJson {
    pub(super) fn new(facts: Facts, content: String, end: &End) -> Self {
        let moderation = facts.moderated(end);
        let kept = kept(end);
        let choice = ChoiceJson {
            index: 0,
            message: MessageJson { role: "assistant", content, refusal: kept.map(reason) },
            logprobs: None,
            finish_reason: finish_reason(end.finished),
            content_filter_results: kept.map(FilterJson::new),
        };
        Self {
            id: facts.id,
            object: "chat.completion",
            created: facts.created,
            model: facts.model,
            system_fingerprint: facts.fingerprint,
            choices: [choice],
            usage: UsageJson::new(end),
            moderation,
        }
    }
}

impl UsageJson {
    fn new(end: &End) -> Self {
        Self {
            prompt_tokens: end.prompt_tokens,
            completion_tokens: end.completion_tokens,
            total_tokens: end.prompt_tokens + end.completion_tokens,
            prompt_tokens_details: PromptTokensJson { cached_tokens: end.cached_tokens },
        }
    }
}

impl NamedResultJson {
    fn new(model: &str, judgment: &Judgment) -> Self {
        Self { kind: "moderation_result", model: model.to_owned(), result: ResultJson::new(judgment) }
    }
}

fn finish_reason(finished: Finished) -> &'static str {
    match finished {
        Finished::Stop => "stop",
        Finished::Length => "length",
        Finished::Kept => "content_filter",
    }
}

/// The judgment that an answer was stopped by.
fn kept(end: &End) -> Option<&Judgment> {
    end.judgments.last().filter(|_| end.finished == Finished::Kept)
}
