//! `/skills/moderate` and `/skills/summarize`: custom skills of Azure AI Search, many records a call.
//!
//! Source: the vendor's page on the custom Web API skill, and CONTRACTS §4.1.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use futures::{StreamExt, stream};
use policies::{Action, Judgment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::door::require_key;
use super::edge::{self, By, NativeError, json_of, only};
use crate::error::ApiError;
use crate::json::{ErrorJson, OrderJson};
use crate::keys::Scope;
use crate::moderator::{Docket, Moderator, Terms};
use crate::summarizer::Summarizer;

const JSON: &str = "application/json; charset=utf-8";
/// Records of one call judged, and summarized, at the same time.
const JUDGED_AT_ONCE: usize = 16;
const SUMMARIZED_AT_ONCE: usize = 2;

#[derive(Deserialize, JsonSchema)]
struct Call {
    values: Vec<RecordIn>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RecordIn {
    record_id: String,
    #[serde(default)]
    data: Map<String, Value>,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    values: Vec<RecordOut>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RecordOut {
    record_id: String,
    data: Value,
    errors: Option<[Remark; 1]>,
    warnings: Option<[Remark; 1]>,
}

#[derive(Serialize, JsonSchema)]
struct Remark {
    message: String,
}

/// What is said of a record, and whether something failed on the way.
type Told = (Value, bool);

impl RecordOut {
    fn new(record_id: String, told: Result<Told, ApiError>) -> Self {
        let remark = |message: &str| Some([Remark { message: message.to_owned() }]);
        match told {
            Ok((data, degraded)) => {
                let warnings =
                    degraded.then(|| remark("a stage failed: the result rests on the others")).flatten();
                Self { record_id, data, errors: None, warnings }
            }
            Err(error) => {
                Self { record_id, data: json!({}), errors: remark(&error.to_string()), warnings: None }
            }
        }
    }
}

impl Call {
    fn check(&self, limit: usize) -> Result<(), ApiError> {
        if self.values.len() > limit {
            return Err(field("values", &format!("more than {limit} records (limits.max_texts)")));
        }
        Ok(())
    }
}

/// Judges the `text` of each record.
async fn moderate(
    caller: By,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Judge])?;
    let call: Call = json_of(body, moderator.limits().max_body_bytes).await?;
    call.check(moderator.limits().max_texts)?;
    let docket = moderator.docket(&Terms::default())?;
    // One place now says that the service can take the call; its other records wait for theirs.
    drop(moderator.try_place()?);
    let (moderator, docket) = (&moderator, &docket);
    let values = call.values.into_iter().map(|record| async move {
        RecordOut::new(record.record_id, judged(moderator, docket, &record.data).await)
    });
    let values = stream::iter(values).buffered(JUDGED_AT_ONCE).collect().await;
    Ok(answer(values))
}

async fn judged(moderator: &Moderator, docket: &Docket, data: &Map<String, Value>) -> Result<Told, ApiError> {
    let text = text_of(data)?.to_owned();
    let place = moderator.place().await?;
    let judgment = moderator.judge(docket, text, &place).await?;
    Ok((moderation(&judgment), judgment.record.degraded()))
}

/// A skill's outputs. `maskedText` is what to pass on in the place of the text, and null if that is the text itself.
fn moderation(Judgment { verdict, rewritten, .. }: &Judgment) -> Value {
    let severities = verdict
        .scores
        .iter()
        .map(|(category, (_, severity))| (category.to_string(), Value::from(severity.value())));
    let mut categories: Vec<&str> = Vec::new();
    for finding in &verdict.findings {
        if !categories.contains(&finding.category.name()) {
            categories.push(finding.category.name());
        }
    }
    json!({
        "flagged": verdict.action > Action::Allow, "action": verdict.action.name(), "categories": categories,
        "severities": severities.collect::<Map<_, _>>(),
        "maskedText": rewritten.as_ref().map(|rewritten| rewritten.text.as_str()),
    })
}

/// Summarizes the `text` of each record, in `sentences` sentences and on a `query`, if it has them.
async fn summarize(
    caller: By,
    summarizer: web::Data<Summarizer>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Judge])?;
    let call: Call = json_of(body, summarizer.limits().max_body_bytes).await?;
    call.check(summarizer.limits().max_texts)?;
    drop(summarizer.try_place()?);
    let (summarizer, sight) = (&summarizer, who.sight);
    let values = call.values.into_iter().map(|record| async move {
        let done = async {
            let order = order(&record.data)?.order(sight)?;
            let place = summarizer.place().await?;
            let made = summarizer.summarize(order, &place).await?;
            let sentences: Vec<_> =
                made.summary.sentences.iter().map(|sentence| sentence.text.to_string()).collect();
            let data = json!({"summary": made.summary.text(), "sentences": sentences});
            Ok((data, made.record.degraded()))
        };
        RecordOut::new(record.record_id, done.await)
    });
    Ok(answer(stream::iter(values).buffered(SUMMARIZED_AT_ONCE).collect().await))
}

fn order(data: &Map<String, Value>) -> Result<OrderJson, ApiError> {
    let given = |name: &str| data.get(name).cloned().unwrap_or_default();
    let order = json!({
        "documents": [{"text": text_of(data)?}], "query": given("query"), "sentences": given("sentences"),
        "mode": given("mode"), "language": given("language"),
    });
    serde_json::from_value(order)
        .map_err(|_| field("data", "`query`, `mode` and `language` are text, `sentences` is a number"))
}

fn text_of(data: &Map<String, Value>) -> Result<&str, ApiError> {
    data.get("text")
        .and_then(Value::as_str)
        .ok_or_else(|| field("text", "the record has no text of that name"))
}

fn answer(values: Vec<RecordOut>) -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).json(Answer { values })
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}

/// Registers the routes. An indexer may be told to use `PUT`.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::scope("/skills")
            .wrap(from_fn(require_key::<NativeError, _>))
            .service(
                web::resource("/moderate")
                    .route(web::post().to(moderate))
                    .route(web::put().to(moderate))
                    .default_service(only::<NativeError>("POST, PUT")),
            )
            .service(
                web::resource("/summarize")
                    .route(web::post().to(summarize))
                    .route(web::put().to(summarize))
                    .default_service(only::<NativeError>("POST, PUT")),
            )
            .default_service(web::to(edge::not_found)),
    );
}

/// Describes the operations.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "Custom skills of Azure AI Search.";
    let mut page = book.page::<ErrorJson>(("skills", what), super::description::Dress::KEYED);
    let text = "The council met on Monday. It approved the new library. The library opens in May.";
    for method in ["post", "put"] {
        page.operation(method, "/skills/moderate", "Judges the `text` of each record")
            .opens(&[Scope::Judge])
            .takes::<Call>(&json!({"values": [{"recordId": "1", "data": {"text": text}}]}))
            .gives::<Answer>(200, "What is found in each record, or why it cannot be judged.")
            .judges();
        page.operation(method, "/skills/summarize", "Summarizes the `text` of each record")
            .opens(&[Scope::Judge])
            .takes::<Call>(&json!({"values": [{"recordId": "1", "data": {"text": text, "sentences": 1}}]}))
            .gives::<Answer>(200, "A summary of each record, or why there is none.")
            .judges();
    }
}
