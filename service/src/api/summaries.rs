//! `POST /v1/lamassu/summarize`: documents, or what a bank has on a question, in few sentences that cite.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use futures::StreamExt;
use plugins::extract::Unit;
use policies::{Listener, Source, Stated};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing::Instrument;

use super::edge::{By, NativeError, json_of, only};
use crate::decisions::Minutes;
use crate::json::{ErrorJson, OrderJson, StatedJson, SummaryJson};
use crate::keys::Scope;
use crate::summarizer::{Order, Summarizer};

/// Summarizes, at once or sentence by sentence.
async fn summarize(
    caller: By,
    summarizer: web::Data<Summarizer>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Judge])?;
    let request: OrderJson = json_of(body, summarizer.limits().max_body_bytes).await?;
    let (id, stream, unit) = (request.id.clone(), request.stream, request.unit()?);
    let order = request.order(who.sight)?;
    if stream {
        return streamed(summarizer.into_inner(), order, (id, unit));
    }
    let place = summarizer.try_place()?;
    let answered = summarizer.summarize(order, &place).await?;
    Ok(HttpResponse::Ok().json(SummaryJson::new(answered, unit).named(id)))
}

/// Hands sentences on as the JSON of events.
struct Events(UnboundedSender<web::Bytes>, Unit);

impl Listener for Events {
    fn hear(&self, sentence: &Stated, sources: &[Source]) {
        // A caller who hung up misses nothing.
        let _ = self.0.send(event("sentence", &StatedJson::new(sentence, sources, self.1)));
    }
}

/// Server-sent events: `sentence` for each that is checked, and at last `summary` with everything, or `error`. The last
/// one counts: later stages may have taken back what was said before.
fn streamed(
    summarizer: Arc<Summarizer>,
    order: Order,
    (id, unit): (Option<serde_json::Value>, Unit),
) -> Result<HttpResponse, NativeError> {
    drop(summarizer.try_place()?);
    Minutes::promise(&summarizer.digest(order.policy.as_deref())?);
    let (sender, events) = unbounded_channel();
    let order = Order { listener: Some(Arc::new(Events(sender.clone(), unit))), ..order };
    let work = async move {
        let answered = async { summarizer.summarize(order, &summarizer.place().await?).await };
        let last = match answered.await {
            Ok(answered) => event("summary", &SummaryJson::new(answered, unit).named(id)),
            Err(error) => event("error", &ErrorJson::from(&error)),
        };
        let _ = sender.send(last);
    };
    // The work lives in the body, in the request's span: a caller who hangs up ends it.
    let work = futures::stream::once(work.in_current_span()).filter_map(|()| async { None });
    let events = futures::stream::unfold(events, |mut events| async { Some((events.recv().await?, events)) });
    let body = futures::stream::select(work, events).map(Ok::<_, actix_web::Error>);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .streaming(body))
}

/// One server-sent event. Source: WHATWG HTML, section 9.2.
fn event(name: &str, data: &impl Serialize) -> web::Bytes {
    // Maps of strings and numbers: there is nothing in them that JSON cannot hold, and no end of a line.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/summarize")
            .route(web::post().to(summarize))
            .default_service(only::<NativeError>("POST")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    let documents = json!([{"id": "minutes", "text": "The council met on Monday. It approved the new library. \
        The mayor thanked everybody. The library opens in May."}]);
    page.operation("post", "/v1/lamassu/summarize", "Summarizes documents, or what a bank has on a question")
        .notes("Give exactly one of `documents` and `bank`. Every sentence cites what it rests on.")
        .opens(&[Scope::Judge])
        .takes::<OrderJson>(&json!({"documents": documents, "sentences": 2, "mode": "extractive"}))
        .gives::<SummaryJson>(200, "The summary, what was kept out of it, and how it came about.")
        .streams("With `stream`, `sentence` for each sentence that is checked, and at last `summary` or `error`; all as JSON.")
        .judges()
        .refuses(&[404, 409, 504]);
}
