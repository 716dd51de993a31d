//! A job as it is handed in.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use plugins::extract::{Unit, offsets};
use policies::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::api::azure::AzureError;
use crate::jobs::{Given, Job, Kind, Task, UnitName};

/// Documents of one job.
const MAX_DOCUMENTS: usize = 25;
/// Grapheme clusters of all documents together.
const MAX_CHARACTERS: usize = 125_000;
/// Tasks of one job.
const MAX_TASKS: usize = 10;
/// Bytes of a name of a job, a task or a document.
const MAX_NAME: usize = 1_024;
/// Sentences of a summary.
const SENTENCES: std::ops::RangeInclusive<i64> = 1..=20;
/// Sentences unless the task says.
const DEFAULT_SENTENCES: usize = 3;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobRequest {
    display_name: Option<String>,
    analysis_input: Option<InputJson>,
    tasks: Option<Vec<TaskJson>>,
}

#[derive(Deserialize, JsonSchema)]
struct InputJson {
    documents: Option<Vec<DocumentJson>>,
}

#[derive(Deserialize, JsonSchema)]
struct DocumentJson {
    id: String,
    text: String,
    language: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TaskJson {
    kind: String,
    task_name: Option<String>,
    parameters: Option<ParametersJson>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ParametersJson {
    #[serde(default, deserialize_with = "number")]
    sentence_count: Option<i64>,
    summary_length: Option<String>,
    sort_by: Option<String>,
    string_index_type: Option<String>,
}

/// Some write numbers in quotation marks.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Number {
        Number(i64),
        Text(String),
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Number::Number(number)) => Ok(Some(number)),
        Some(Number::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

impl JobRequest {
    /// The job of `by`.
    pub(super) fn job(self, by: &str) -> Result<Job, AzureError> {
        let documents = self.analysis_input.and_then(|input| input.documents).unwrap_or_default();
        let documents = given(documents)?;
        let tasks = self.tasks.unwrap_or_default();
        if tasks.is_empty() || tasks.len() > MAX_TASKS {
            return Err(malformed(&format!("`tasks`: a job has 1 to {MAX_TASKS}")));
        }
        let tasks = tasks.into_iter().map(TaskJson::task).collect::<Result<Vec<_>, _>>()?;
        let name = self.display_name;
        if name.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
            return Err(malformed(&format!("`displayName`: more than {MAX_NAME} bytes")));
        }
        Ok(Job { name, ..Job::new(by, documents, tasks) })
    }
}

fn given(documents: Vec<DocumentJson>) -> Result<Vec<Given>, AzureError> {
    if documents.is_empty() {
        let message = "`analysisInput.documents`: there is none";
        return Err(invalid("InvalidRequest", message).inner("MissingInputDocuments"));
    }
    let batch = |message: &str| invalid("InvalidRequest", message).inner("InvalidDocumentBatch");
    if documents.len() > MAX_DOCUMENTS {
        return Err(batch(&format!("`analysisInput.documents`: more than {MAX_DOCUMENTS} of them")));
    }
    let mut ids = BTreeSet::new();
    if let Some(bad) =
        documents.iter().find(|one| !ids.insert(&*one.id) || one.id.is_empty() || one.id.len() > MAX_NAME)
    {
        let what = if bad.id.is_empty() || bad.id.len() > MAX_NAME {
            "is empty or too long"
        } else {
            "is there twice"
        };
        return Err(batch(&format!("`analysisInput.documents`: an `id` {what}")));
    }
    let documents: Vec<Given> = documents.into_iter().map(document).collect();
    let characters: usize = documents.iter().map(|document| document.characters).sum();
    if characters > MAX_CHARACTERS {
        return Err(batch(&format!(
            "`analysisInput.documents`: more than {MAX_CHARACTERS} characters together"
        )));
    }
    Ok(documents)
}

fn document(DocumentJson { id, text, language }: DocumentJson) -> Given {
    let whole = 0..text.len();
    let extents = offsets(&text, std::slice::from_ref(&whole), Unit::Grapheme);
    let characters = extents.first().map_or(0, |extent| extent.length);
    let language = language.as_deref().and_then(two_letters);
    Given { id, text, language, characters }
}

/// The language of a tag like `en-GB`; of others, `auto` among them, the text tells.
fn two_letters(tag: &str) -> Option<String> {
    let language = tag.split(['-', '_']).next()?.to_ascii_lowercase();
    (language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(language)
}

impl TaskJson {
    fn task(self) -> Result<Task, AzureError> {
        let kind = match self.kind.as_str() {
            "ExtractiveSummarization" => Kind::Extractive,
            "AbstractiveSummarization" => Kind::Abstractive,
            other => return Err(malformed(&unknown_kind(other))),
        };
        if self.task_name.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
            return Err(malformed(&format!("`taskName`: more than {MAX_NAME} bytes")));
        }
        let asked = self.parameters.unwrap_or_default();
        let sentences = asked.sentences()?;
        let sentences =
            if kind == Kind::Extractive { sentences.or(Some(DEFAULT_SENTENCES)) } else { sentences };
        let length = asked.summary_length.filter(|name| name != "auto");
        if length.as_deref().is_some_and(|name| Length::named(name).is_none()) {
            return Err(parameter("summaryLength", "oneSentence, short, medium, long"));
        }
        Ok(Task {
            name: self.task_name,
            sentences,
            length,
            by_rank: by_rank(asked.sort_by.as_deref())?,
            unit: unit(asked.string_index_type.as_deref())?,
            ..Task::new(kind)
        })
    }
}

impl ParametersJson {
    fn sentences(&self) -> Result<Option<usize>, AzureError> {
        match self.sentence_count {
            None => Ok(None),
            Some(count) if SENTENCES.contains(&count) => Ok(usize::try_from(count).ok()),
            Some(_) => Err(parameter("sentenceCount", "1 to 20")),
        }
    }
}

fn by_rank(name: Option<&str>) -> Result<bool, AzureError> {
    match name {
        None | Some("Offset") => Ok(false),
        Some("Rank") => Ok(true),
        Some(_) => Err(parameter("sortBy", "Offset, Rank")),
    }
}

fn unit(name: Option<&str>) -> Result<UnitName, AzureError> {
    match name {
        None | Some("TextElements_v8" | "TextElement_v8") => Ok(UnitName::Grapheme),
        Some("UnicodeCodePoint") => Ok(UnitName::CodePoint),
        Some("Utf16CodeUnit") => Ok(UnitName::Utf16),
        Some(_) => Err(parameter("stringIndexType", "TextElements_v8, UnicodeCodePoint, Utf16CodeUnit")),
    }
}

/// The kind comes back only if it looks like one.
fn unknown_kind(kind: &str) -> String {
    let looks_so = kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let shown = if looks_so { kind } else { "" };
    format!(
        "`kind`: `{shown}` is not supported here; there are ExtractiveSummarization and AbstractiveSummarization"
    )
}

fn invalid(code: &'static str, message: &str) -> AzureError {
    AzureError::new(StatusCode::BAD_REQUEST, code, message)
}

fn malformed(message: &str) -> AzureError {
    invalid("InvalidRequest", message).inner("InvalidRequestBodyFormat")
}

fn parameter(name: &str, known: &str) -> AzureError {
    let message = format!("`{name}` has a value it cannot have; it is one of: {known}");
    invalid("InvalidArgument", &message).inner("InvalidParameterValue")
}
