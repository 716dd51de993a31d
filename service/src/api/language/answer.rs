//! A job as its owner sees it.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::jobs::{Counts, Extracted, Given, Job, KEPT, Kind, Outcome, Said, Status, Task, Warning};

/// What stands where the vendor names a model's version.
const MODEL_VERSION: &str = concat!("lamassu-", env!("CARGO_PKG_VERSION"));
/// Characters of one transaction.
const TRANSACTION: usize = 1_000;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobJson<'a> {
    job_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    created_date_time: String,
    last_updated_date_time: String,
    expiration_date_time: String,
    status: Status,
    errors: [(); 0],
    tasks: TasksJson<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TasksJson<'a> {
    completed: usize,
    failed: usize,
    in_progress: usize,
    total: usize,
    items: Vec<TaskJson<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TaskJson<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_name: Option<&'a str>,
    last_update_date_time: String,
    status: Status,
    results: ResultsJson<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ResultsJson<'a> {
    documents: Vec<DocumentJson<'a>>,
    errors: Vec<DocumentErrorJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<StatisticsJson>,
    model_version: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct StatisticsJson {
    #[serde(rename = "documentsCount")]
    all: usize,
    #[serde(rename = "validDocumentsCount")]
    valid: usize,
    #[serde(rename = "erroneousDocumentsCount")]
    erroneous: usize,
    #[serde(rename = "transactionsCount")]
    transactions: usize,
}

#[derive(Serialize, JsonSchema)]
struct DocumentJson<'a> {
    id: &'a str,
    #[serde(flatten)]
    said: SaidJson<'a>,
    warnings: &'a [Warning],
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<DocumentStatisticsJson>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum SaidJson<'a> {
    Sentences(Vec<SentenceJson<'a>>),
    Summaries(Vec<SummaryJson<'a>>),
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SentenceJson<'a> {
    text: &'a str,
    rank_score: f64,
    offset: usize,
    length: usize,
}

#[derive(Serialize, JsonSchema)]
struct SummaryJson<'a> {
    text: &'a str,
    contexts: Vec<ContextJson>,
}

#[derive(Serialize, JsonSchema)]
struct ContextJson {
    offset: usize,
    length: usize,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentStatisticsJson {
    characters_count: usize,
    transactions_count: usize,
}

#[derive(Serialize, JsonSchema)]
struct DocumentErrorJson<'a> {
    id: &'a str,
    error: ErrorJson<'a>,
}

#[derive(Serialize, JsonSchema)]
struct ErrorJson<'a> {
    code: &'static str,
    message: &'static str,
    innererror: InnerJson<'a>,
}

#[derive(Serialize, JsonSchema)]
struct InnerJson<'a> {
    code: &'static str,
    message: &'a str,
}

impl<'a> JobJson<'a> {
    /// The JSON of `job`, with counts of its documents if those are wanted.
    pub(super) fn new(job: &'a Job, stats: bool) -> Self {
        let Counts { completed, failed, in_progress } = job.counts();
        let items = job.tasks.iter().map(|task| task_json(task, &job.documents, stats)).collect();
        Self {
            job_id: job.id.to_string(),
            display_name: job.name.as_deref(),
            created_date_time: moment(job.created),
            last_updated_date_time: moment(job.updated),
            expiration_date_time: moment(job.created + KEPT.as_secs()),
            status: job.status,
            errors: [],
            tasks: TasksJson { completed, failed, in_progress, total: job.tasks.len(), items },
        }
    }
}

fn task_json<'a>(task: &'a Task, given: &'a [Given], stats: bool) -> TaskJson<'a> {
    let (mut documents, mut errors, mut transactions) = (Vec::new(), Vec::new(), 0);
    for (given, outcome) in given.iter().zip(&task.outcomes) {
        match outcome_json(&given.id, outcome) {
            Ok(document) => {
                transactions += transactions_of(given);
                documents.push(DocumentJson { statistics: stats.then(|| statistics(given)), ..document });
            }
            Err(error) => errors.push(error),
        }
    }
    let statistics = stats.then_some(StatisticsJson {
        all: task.outcomes.len(),
        valid: documents.len(),
        erroneous: errors.len(),
        transactions,
    });
    TaskJson {
        kind: match task.kind {
            Kind::Extractive => "ExtractiveSummarizationLROResults",
            Kind::Abstractive => "AbstractiveSummarizationLROResults",
        },
        task_name: task.name.as_deref(),
        last_update_date_time: moment(task.updated),
        status: task.status,
        results: ResultsJson { documents, errors, statistics, model_version: MODEL_VERSION },
    }
}

fn outcome_json<'a>(id: &'a str, outcome: &'a Outcome) -> Result<DocumentJson<'a>, DocumentErrorJson<'a>> {
    let (said, warnings) = match outcome {
        Outcome::Extracted(sentences, warnings) => {
            (SaidJson::Sentences(sentences.iter().map(sentence_json).collect()), warnings)
        }
        Outcome::Written(said, warnings) => {
            (SaidJson::Summaries(said.iter().map(summary_json).collect()), warnings)
        }
        Outcome::Empty => {
            let innererror = InnerJson { code: "InvalidDocument", message: "Document text is empty." };
            let message = "Invalid Document in request.";
            return Err(DocumentErrorJson {
                id,
                error: ErrorJson { code: "InvalidArgument", message, innererror },
            });
        }
        Outcome::Failed(reason) => {
            let innererror = InnerJson { code: "ExtractionFailure", message: reason };
            let message = "The document could not be summarized.";
            let error = ErrorJson { code: "InternalServerError", message, innererror };
            return Err(DocumentErrorJson { id, error });
        }
    };
    Ok(DocumentJson { id, said, warnings, statistics: None })
}

fn sentence_json(Extracted { text, rank, offset, length }: &Extracted) -> SentenceJson<'_> {
    SentenceJson { text, rank_score: *rank, offset: *offset, length: *length }
}

fn summary_json(Said { text, contexts }: &Said) -> SummaryJson<'_> {
    let contexts = contexts.iter().map(|&(offset, length)| ContextJson { offset, length });
    SummaryJson { text, contexts: contexts.collect() }
}

fn statistics(given: &Given) -> DocumentStatisticsJson {
    DocumentStatisticsJson { characters_count: given.characters, transactions_count: transactions_of(given) }
}

fn transactions_of(given: &Given) -> usize {
    given.characters.div_ceil(TRANSACTION)
}

/// ISO 8601 in UTC. Unix seconds within the years that have four digits.
fn moment(seconds: u64) -> String {
    let moment =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}
